"""`aimdt deliver` as a process that is killed and started again: every case arrives once, in its latest version."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dicom.servers.process import wait_for
from flows import cli

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "db"), str(TESTS / "fhir" / "servers")]

import outbox_cases as cases  # noqa: E402  (made importable above)
from fault_proxy import fault_proxy  # noqa: E402
from fhir_process import FhirServer, fhir_process  # noqa: E402

from db.engine import open_database  # noqa: E402
from db.outbox import DELIVERED, Outbox  # noqa: E402
from db.store import Store  # noqa: E402
from db.tables import Delivery  # noqa: E402
from tasks.settings import settings  # noqa: E402

CASES, KILLS = 12, 4


@pytest.fixture
def outbox(home: Path) -> Iterator[Outbox]:
    """The outbox of a home folder of its own, with one delivery for each case."""
    found = Outbox(open_database(settings().records_url), cases.POLICY)
    cases.take_in(found, CASES)
    for number in range(CASES):
        cases.publish_next(found, cases.case_name(number))
    yield found
    found.engine.dispose()


@contextmanager
def deliver(base: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A worker at that home."""
    command = [sys.executable, "-m", "flows.cli", "deliver", "--json", "--poll", "0.1", "--settle", "0.5", *options]
    environment = os.environ | {"AIMDT_EHR_URL": base, "AIMDT_FHIR_TIMEOUT_SECONDS": "0.9"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def delivered(outbox: Outbox) -> int:
    return sum(row.state == DELIVERED for row in Store(outbox.engine).rows(Delivery))


def test_a_worker_that_is_killed_and_started_again_loses_and_doubles_nothing(outbox: Outbox) -> None:
    die = random.Random(11)
    with fhir_process() as server, fault_proxy(server.base, seed=3, rate=0.3, faults=("slow",)) as proxy:
        for kill in range(KILLS):
            with deliver(proxy.base, "--lease", "1") as worker:
                wait_for(lambda least=2 * kill: delivered(outbox) > least, 30, "a delivery")
                time.sleep(die.uniform(0.0, 0.2))
                worker.send_signal(signal.SIGKILL)
        with deliver(proxy.base, "--lease", "1", "--until-empty") as worker:
            told, _ = worker.communicate(timeout=60)
        assert worker.returncode == 0
        assert {"case_id", "destination", "state"} <= json.loads(told.splitlines()[-1]).keys()
        cases.assert_everything_arrived_once(outbox, server, CASES)


def test_sigterm_ends_the_worker_after_what_it_is_sending(outbox: Outbox) -> None:
    with fhir_process() as server, deliver(server.base) as worker:
        wait_for(lambda: delivered(outbox) > 0, 30, "a delivery")
        worker.send_signal(signal.SIGTERM)
        _, errors = worker.communicate(timeout=30)
        assert worker.returncode == 0
        assert "stopped" in errors
        assert not cases.being_sent(outbox)
        assert_only_whole(server, outbox)


def assert_only_whole(server: FhirServer, outbox: Outbox) -> None:
    """What arrived are whole cases."""
    assert len(server.resources("DiagnosticReport")) == len(server.resources("Provenance")) == delivered(outbox)


@pytest.mark.parametrize(
    ("environment", "options", "said"),
    [
        ({}, (), "nowhere to send"),
        ({"AIMDT_EHR_URL": "http://127.0.0.1:9"}, ("--lease", "5"), "longer lease"),
        ({"AIMDT_PACS_PEER": "no peer"}, (), "TITLE@HOST:PORT"),
        ({"AIMDT_PACS_PEER": "PACS@h:104", "AIMDT_PACS_CERTIFICATE": "x"}, (), "AIMDT_PACS_CERTIFICATE_KEY"),
    ],
)
def test_settings_that_make_no_sense_are_bad_input(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    options: tuple[str, ...],
    said: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    status = cli.main(["deliver", *options])
    assert (status, said in (errors := capsys.readouterr().err)) == (cli.BAD_INPUT, True), errors
