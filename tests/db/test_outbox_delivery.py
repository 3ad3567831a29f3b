"""From the outbox through a failing network to a real FHIR server: every case once, in its latest version."""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import outbox_cases as cases
import pytest
from fault_proxy import ALL, fault_proxy
from fhir_process import FhirServer, fhir_process

from db.outbox import DELIVERED, PARKED, SUPERSEDED, Outbox, moment
from mdt_fhir.push_http import PushMode
from tasks.case_files import CaseFiles
from tasks.outbox import deliver_due, deliver_next, publish, work

WORKERS = 3
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def server() -> Iterator[FhirServer]:
    with fhir_process() as found:
        yield found


@pytest.fixture
def fhir_server(server: FhirServer) -> FhirServer:
    server.clear()
    return server


@pytest.fixture
def outbox(home: Path, tmp_path: Path) -> Iterator[Outbox]:
    found = cases.open_outbox(cases.sqlite_url(tmp_path))
    yield found
    found.engine.dispose()


@contextmanager
def working(outbox: Outbox, base: str, mode: PushMode) -> Iterator[None]:
    """Workers that send while the body runs."""
    stop = threading.Event()
    arguments = (outbox, cases.senders(base, mode), stop, 0.02)
    threads = [threading.Thread(target=work, args=arguments) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def storm(outbox: Outbox, server: FhirServer, pushes: int, mode: PushMode, seed: int) -> int:
    """So many versions of cases, published while workers send them through every failure; returns the faults met."""
    count = max(1, pushes * 2 // 5)
    die = random.Random(seed)
    cases.take_in(outbox, count)
    orders = [cases.case_name(number) for number in range(count)]
    orders += [cases.some_case(die, count) for _ in range(pushes - count)]
    with fault_proxy(server.base, seed=seed, rate=0.12, faults=ALL, patience_s=cases.PATIENCE_S) as proxy:
        with working(outbox, proxy.base, mode):
            for place, case in enumerate(orders):
                cases.publish_next(outbox, case, by_id=mode is PushMode.TRANSACTION)
                while place % 10 == 0 and (outbox.next_due() or "9") < moment():
                    time.sleep(0.01)  # let the workers keep up, so that few versions are superseded unsent
        cases.finish(outbox, cases.senders(proxy.base, mode))
        assert set(ALL) <= set(proxy.met) or pushes < 500
        return sum(proxy.met.values()) - proxy.met["pass"]


@pytest.mark.parametrize(("mode", "pushes"), [(PushMode.TRANSACTION, 100), (PushMode.SEQUENCE, 30)])
def test_pushes_through_every_failure_arrive_once(
    outbox: Outbox, fhir_server: FhirServer, mode: PushMode, pushes: int
) -> None:
    assert storm(outbox, fhir_server, pushes, mode, seed=7) > pushes / 10
    cases.assert_everything_arrived_once(outbox, fhir_server, max(1, pushes * 2 // 5))


@pytest.mark.slow
def test_a_thousand_pushes_through_every_failure_arrive_once(outbox: Outbox, fhir_server: FhirServer) -> None:
    assert storm(outbox, fhir_server, 1000, PushMode.TRANSACTION, seed=1) > 100
    cases.assert_everything_arrived_once(outbox, fhir_server, 400)


class Killer:
    """Delivery workers in processes of their own, of which one lives at a time."""

    def __init__(self, url: str, base: str, mode: PushMode) -> None:
        script = Path(__file__).with_name("outbox_workers.py")
        path = os.pathsep.join(str(REPOSITORY / folder) for folder in ("", "fhir", "dicom"))
        self.process = subprocess.Popen(
            [sys.executable, str(script), url, base, mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )

    def start(self, line: str) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.process.wait(30)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def kill(pid: int) -> None:
    """SIGKILL, and wait until the process is no more."""
    if not gone(pid):
        os.kill(pid, signal.SIGKILL)
    while not gone(pid):
        time.sleep(0.002)


def kill_workers(outbox: Outbox, server: FhirServer, kills: int, seed: int, *, by_line: bool, mode: PushMode) -> None:
    """New versions all the time, and workers that die: at random moments, or before random lines of our code."""
    count, die, by_id = 25, random.Random(seed), mode is PushMode.TRANSACTION
    cases.take_in(outbox, count)
    for number in range(count):
        cases.publish_next(outbox, cases.case_name(number), by_id=by_id)
    cut_short = 0
    killer = Killer(str(outbox.engine.url.render_as_string(hide_password=False)), server.base, mode)
    try:
        for _ in range(kills):
            pid = killer.start(str(int(die.expovariate(1 / 1500)) + 1) if by_line else "free")
            limit = time.monotonic() + (2.0 if by_line else die.uniform(0.0, 0.6))
            while time.monotonic() < limit and not gone(pid):
                time.sleep(0.005)
            kill(pid)
            cut_short += cases.being_sent(outbox)
            cases.publish_next(outbox, cases.some_case(die, count), by_id=by_id)
    finally:
        killer.close()
    assert cut_short > kills / 4  # otherwise the workers were not killed at their work
    cases.finish(outbox, cases.senders(server.base, mode))
    cases.assert_everything_arrived_once(outbox, server, count)


@pytest.mark.parametrize("by_line", [False, True], ids=["at-any-moment", "before-any-line"])
def test_killed_workers_lose_and_double_nothing(outbox: Outbox, fhir_server: FhirServer, by_line: bool) -> None:
    kill_workers(outbox, fhir_server, 20, seed=3, by_line=by_line, mode=PushMode.TRANSACTION)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("mode", list(PushMode))
@pytest.mark.parametrize("by_line", [False, True], ids=["at-any-moment", "before-any-line"])
def test_fifty_killed_workers_lose_and_double_nothing(
    outbox: Outbox, fhir_server: FhirServer, by_line: bool, mode: PushMode
) -> None:
    kill_workers(outbox, fhir_server, 50, seed=4, by_line=by_line, mode=mode)


def test_killed_workers_lose_and_double_nothing_on_postgresql(
    home: Path, postgresql_database: str, fhir_server: FhirServer
) -> None:
    outbox = cases.open_outbox(postgresql_database)
    kill_workers(outbox, fhir_server, 10, seed=5, by_line=True, mode=PushMode.SEQUENCE)
    outbox.engine.dispose()


def test_an_amendment_and_a_withdrawal_reach_what_was_sent(outbox: Outbox, fhir_server: FhirServer) -> None:
    cases.take_in(outbox, 1)
    to = cases.senders(fhir_server.base, PushMode.TRANSACTION)
    case = cases.case_name(0)
    found = []
    for _ in range(4):
        cases.publish_next(outbox, case)
        deliver_due(outbox, to)
        found.append({item["status"] for item in fhir_server.resources() if "status" in item})
    assert found == [{"preliminary"}, {"final"}, {"amended"}, {"entered-in-error"}]


def test_a_late_copy_of_an_old_version_is_overwritten_when_the_worker_looks_again(
    outbox: Outbox, fhir_server: FhirServer
) -> None:
    cases.take_in(outbox, 1)
    case = cases.case_name(0)
    with fault_proxy(fhir_server.base, patience_s=cases.PATIENCE_S) as proxy:
        to = cases.senders(proxy.base, PushMode.TRANSACTION)
        cases.publish_next(outbox, case)
        proxy.script = ["commit-hang"]
        deliver_due(outbox, to)
        cases.publish_next(outbox, case)
        deliver_due(outbox, to)
        old = cases.bundle(case, 1, "preliminary")
        cases.deliver_late(fhir_server, old)
        cases.finish(outbox, to)
    cases.assert_everything_arrived_once(outbox, fhir_server, 1)


def test_a_refused_delivery_is_parked_with_the_reason_and_goes_on_when_released(
    outbox: Outbox, fhir_server: FhirServer
) -> None:
    cases.take_in(outbox, 1)
    case = cases.case_name(0)
    cases.publish_next(outbox, case)
    with fault_proxy(fhir_server.base) as proxy:
        to = cases.senders(proxy.base, PushMode.TRANSACTION)
        proxy.script = ["422"]
        deliver_due(outbox, to)
        (row,) = outbox.deliveries(case)
        assert row.state == PARKED
        assert "answered 422" in str(row.reason)
        outbox.release(case)
        deliver_due(outbox, to)
    assert [row.state for row in outbox.deliveries(case)] == [DELIVERED]


def test_a_destination_that_is_not_set_up_parks_the_delivery(outbox: Outbox) -> None:
    cases.take_in(outbox, 1)
    cases.publish_next(outbox, cases.case_name(0))
    assert deliver_next(outbox, {})
    assert "no destination 'ehr'" in str(outbox.deliveries(cases.case_name(0))[0].reason)


def test_the_next_version_is_built_from_the_one_before(outbox: Outbox) -> None:
    cases.take_in(outbox, 1)
    case, seen = cases.case_name(0), []
    for version in (1, 2):
        publish(
            outbox, case, "final", lambda previous, n=version: seen.append(previous) or cases.bundle(case, n, "final")
        )
    assert seen == [None, cases.bundle(case, 1, "final")]
    assert [row.state for row in outbox.deliveries(case)] == [SUPERSEDED, "waiting"]


def test_what_was_changed_on_the_disk_is_not_sent(outbox: Outbox, fhir_server: FhirServer) -> None:
    cases.take_in(outbox, 1)
    case = cases.case_name(0)
    cases.publish_next(outbox, case)
    (payload,) = (CaseFiles(case).private / "outbox").iterdir()
    assert payload.stat().st_mode & 0o077 == 0
    payload.write_bytes(b"{}")
    deliver_due(outbox, cases.senders(fhir_server.base, PushMode.TRANSACTION))
    assert "gone or was changed" in str(outbox.deliveries(case)[0].reason)
    assert fhir_server.resources() == []


def test_neither_logs_nor_records_name_the_patient(
    outbox: Outbox, fhir_server: FhirServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    cases.take_in(outbox, 3)
    for number in range(3):
        cases.publish_next(outbox, cases.case_name(number))
    with fault_proxy(
        fhir_server.base, seed=2, rate=0.3, faults=("409", "429", "503", "drop", "torn"), patience_s=cases.PATIENCE_S
    ) as proxy:
        cases.finish(outbox, cases.senders(proxy.base, PushMode.SEQUENCE))
    database = Path(str(outbox.engine.url.database))
    kept = b"".join(path.read_bytes() for path in database.parent.glob("records.db*"))
    assert "FHIR server" in caplog.text
    for word in ("Doe", "MRN-"):
        assert word not in caplog.text
        assert word not in "\n".join(proxy.requests)
        assert word.encode() not in kept
