"""`aimdt serve` for real: a Prefect server on a free port, its deployments, and a case run by its id."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from dicom.servers.process import free_port, listens, wait_for
from flow_bench import Staged

pytestmark = pytest.mark.slow
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@dataclass(frozen=True)
class Service:
    """A running `aimdt serve`."""

    process: subprocess.Popen[str]
    port: int
    home: Path
    ready: dict[str, Any]

    def ask(self, path: str, content: dict[str, Any]) -> httpx.Response:
        return httpx.post(f"http://127.0.0.1:{self.port}/api/{path}", json=content, timeout=30)

    def start(self, deployment: str, **parameters: str) -> httpx.Response:
        (found,) = [row["id"] for row in self.ask("deployments/filter", {}).json() if row["name"] == deployment]
        return self.ask(f"deployments/{found}/create_flow_run", {"parameters": parameters})


@pytest.fixture(scope="module")
def service(staged: Staged, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """At a copy of the home where the patient was staged."""
    folder, port = tmp_path_factory.mktemp("serve"), free_port()
    shutil.copytree(staged.home, folder / "home", ignore=shutil.ignore_patterns("prefect"))
    command = [sys.executable, "-m", "flows.cli", "serve", "--port", str(port), "--json"]
    environment = os.environ | {"AIMDT_HOME": str(folder / "home"), "AIMDT_EHR_URL": "http://127.0.0.1:9/fhir"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, (folder / "log").read_text()
    try:
        yield Service(process, port, folder / "home", json.loads(line))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(90)
        process.stdout.close()


def test_health_is_told_and_the_deployments_are_listed(service: Service) -> None:
    assert httpx.get(f"http://127.0.0.1:{service.port}/api/health").json() is True
    assert sorted(service.ready["deployments"]) == ["sign", "stage"]
    assert service.ready["delivering"] is True


def test_a_case_is_staged_by_its_id(service: Service, staged: Staged) -> None:
    manifest = service.home / "cases" / staged.case_id / "out" / "manifest.json"
    manifest.unlink()
    run = service.start("stage", case_id=staged.case_id).json()["id"]
    state = ""
    limit = time.monotonic() + 120
    while state not in ENDED and time.monotonic() < limit:
        time.sleep(0.5)
        state = httpx.get(f"http://127.0.0.1:{service.port}/api/flow_runs/{run}").json()["state_type"]
    assert state == "COMPLETED"
    assert manifest.is_file()


@pytest.mark.parametrize("word", ["Doe^Jane", "../../etc", "MRN-7"])
def test_what_is_no_case_id_is_refused_before_it_is_kept(service: Service, word: str) -> None:
    answer = service.start("stage", case_id=word)
    assert answer.status_code in (409, 422)
    assert word not in json.dumps(service.ask("flow_runs/filter", {}).json())


def test_a_taken_port_is_bad_input(service: Service) -> None:
    command = [sys.executable, "-m", "flows.cli", "serve", "--port", str(service.port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "choose another with --port" in done.stderr) == (2, True)


def test_sigterm_ends_every_part(service: Service) -> None:
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(90) == 0
    wait_for(lambda: not listens(service.port), what="the port being free")
