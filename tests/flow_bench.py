"""What tests of the whole flow share: inputs, a home folder of their own, and Prefect's server asked over its API."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows import cli
from tasks.settings import prefect_environment, settings


@dataclass(frozen=True)
class Inputs:
    """A folder as `tasks.synthetic.write_patient` leaves it."""

    folder: Path

    def arguments(self, out: Path) -> list[str]:
        """`stage` with everything there is."""
        given = {"--ct": "ct", "--pet": "pet", "--ehr": "record.json", "--contours": "contours.dcm"}
        options = [part for option, name in given.items() for part in (option, str(self.folder / name))]
        return ["stage", *options, "--cancer", "lung", "--out", str(out)]

    @property
    def truth(self) -> Any:
        """What is true of the patient by construction."""
        return json.loads((self.folder / "truth.json").read_bytes())


@dataclass(frozen=True)
class Staged:
    """One undisturbed run of the command line."""

    inputs: Inputs
    home: Path
    out: Path
    stdout: str
    stderr: str
    outcome: dict[str, Any]
    flow_runs: list[dict[str, Any]]  # Prefect's runs of the case, as they were when it ended

    @property
    def case_id(self) -> str:
        """The case's id."""
        return str(self.outcome["case_id"])

    def read(self, name: str) -> Any:
        """A JSON file of the output folder."""
        return json.loads((self.out / name).read_bytes())


@dataclass(frozen=True)
class Call:
    """What a command answered."""

    status: int
    stdout: str
    stderr: str


def call(capfd: pytest.CaptureFixture[str], *arguments: object) -> Call:
    """Run one command in this process."""
    capfd.readouterr()
    try:
        status = cli.main([str(argument) for argument in arguments])
    except SystemExit as refused:  # argparse
        status = int(str(refused.code))
    captured = capfd.readouterr()
    return Call(status, captured.out, captured.err)


@contextlib.contextmanager
def at_home(home: Path) -> Iterator[None]:
    """This process with another home folder, as if it had been started there."""
    from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, temporary_settings  # slow to import

    from tasks.records import store

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIMDT_HOME", str(home))
        patch.delenv("AIMDT_DATABASE_URL", raising=False)
        for name, value in prefect_environment(home).items():  # the command sets these; put back what was there
            patch.setenv(name, value)
        _forget(settings, store)
        with temporary_settings({PREFECT_LOCAL_STORAGE_PATH: home / "cases"}):
            yield
        if store.cache_info().currsize:
            store().engine.dispose()
        _forget(settings, store)


def _forget(*cached: Any) -> None:
    for function in cached:
        function.cache_clear()


def server_environment(home: Path) -> dict[str, str]:
    """Environment of a process that uses a home of its own and the session's Prefect server."""
    return prefect_environment(home) | {"AIMDT_HOME": str(home), "PREFECT_API_URL": api_url()}


def api_url() -> str:
    """Where the session's Prefect server listens."""
    from prefect.settings import PREFECT_API_URL

    return str(PREFECT_API_URL.value())


def ask_prefect(path: str, **query: Any) -> list[dict[str, Any]]:
    """All rows that a filter of Prefect's API finds, newest first as the API gives them."""
    found: list[dict[str, Any]] = httpx.post(f"{api_url()}/{path}/filter", json=query, timeout=30).json()
    return found


def flow_runs_of(case_id: str) -> list[dict[str, Any]]:
    """Prefect's runs of one case."""
    return ask_prefect("flow_runs", flow_runs={"name": {"any_": [f"case-{case_id}"]}})
