"""A run that is killed at any moment and started again: the same findings, nothing repeated, nothing doubled."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import Task
from sqlmodel import Session

import kill_host
from db import audit
from db.tables import Document, Finding, Run, Series, StagingRow, Study
from flow_bench import Staged, at_home, server_environment
from flows import patient as patient_flow
from tasks.records import store

# The flow's tasks in its order; the first and the last two leave no answer to reuse: they write rows and folders anew.
STEPS = (
    "take_in_images",
    "take_in_record",
    "take_in_contours",
    "take_in_prior",
    "segment",
    "measure",
    "hold_against_images",
    "stage_tnm",
    "draw_key_images",
    "write_masks",
    "write_report",
    "write_bundle",
    "write_dicom",
)
TASKS = ("open_run", *STEPS, "deliver", "close_run")
TIMED = ("bundle.json", "manifest.json", "report.pdf", "dicom/")  # hold when the run began, or how long steps took
SEED, KILLS = 20260504, 40


class Host:
    """A warm process that starts the command line as often as wanted."""

    def __init__(self, staged: Staged, home: Path, out: Path) -> None:
        self.home, self.out = home, out
        self.arguments = [*staged.inputs.arguments(out), "--nifti", "--json"]
        self.process = subprocess.Popen(
            [sys.executable, kill_host.__file__],
            env=os.environ | server_environment(home) | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, task: str | None = None, moment: str | float = "start") -> dict[str, Any]:
        """One start of `aimdt stage`, killed in that task or left to its end."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"arguments": self.arguments, "task": task, "moment": moment}) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@pytest.fixture
def host(staged: Staged, tmp_path: Path) -> Iterator[Host]:
    """An empty home with the same key, so that the case gets the same id."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(staged.home / "pseudonym.key", home)
    host = Host(staged, home, tmp_path / "out")
    with host.process:
        yield host
        host.process.stdin.close()  # type: ignore[union-attr]


def test_the_list_of_tasks_is_the_flow_s() -> None:
    assert set(TASKS) == {task.fn.__name__ for task in vars(patient_flow).values() if isinstance(task, Task)}


@pytest.mark.parametrize("moment", ["start", "end"])
def test_killed_in_every_task_in_turn(host: Host, staged: Staged, moment: str) -> None:
    answers = [host.start(task, moment) for task in TASKS]
    assert [answer for answer in answers if not answer["killed"]] == []
    answers.append(host.start())
    assert answers[-1]["status"] == 0
    begun = Counter(name for answer in answers for name in answer["began"])
    assert {name: begun[name] for name in STEPS} == dict.fromkeys(STEPS, 2)  # killed once, done once
    assert_as_if_undisturbed(host, staged)


@pytest.mark.slow
def test_killed_at_random_moments(host: Host, staged: Staged) -> None:
    seconds = staged.read("manifest.json")["timings_seconds"]
    chance = random.Random(SEED)
    for _ in range(KILLS):
        task = chance.choice(TASKS)
        host.start(task, chance.uniform(0.0, 1.2) * seconds.get(task.replace("_", "-"), 0.2))
    assert host.start()["status"] == 0
    assert_as_if_undisturbed(host, staged)


def test_killed_while_the_results_are_copied_out(host: Host, staged: Staged) -> None:
    assert host.start()["status"] == 0
    (host.out.with_name(".partial-out")).mkdir()  # what a killed copy leaves beside the target
    (host.out.with_name(".partial-out") / "findings.json").write_text("half")
    shutil.rmtree(host.out)
    answer = host.start()
    assert (answer["status"], answer["began"]) == (0, ["open_run", "deliver", "close_run"])
    assert [path.name for path in host.out.parent.iterdir() if "out" in path.name] == ["out"]
    assert_as_if_undisturbed(host, staged)


def assert_as_if_undisturbed(host: Host, staged: Staged) -> None:
    assert comparable(host.out) == comparable(staged.out)
    assert rows(host.home, staged.case_id) == rows(staged.home, staged.case_id)


def comparable(out: Path) -> dict[str, bytes]:
    paths = {path.relative_to(out).as_posix(): path for path in out.rglob("*") if path.is_file()}
    return {name: b"" if name.startswith(TIMED) else path.read_bytes() for name, path in paths.items()}


def rows(home: Path, case_id: str) -> dict[str, list[Any]]:
    """What the records hold, apart from times, attempts and hashes of timed files; the audit must hold as a chain."""
    with at_home(home):
        tables = {table.__name__: store().rows(table) for table in (Study, Series, Finding, StagingRow)}
        found = {name: [row.model_dump() for row in listed] for name, listed in tables.items()}
        found["runs"] = [(run.run_key, run.state) for run in store().rows(Run)]
        found["documents"] = [row.name for row in store().rows(Document)]
        with Session(store().engine) as session:
            events = audit.chain(session, case_id)
        assert audit.faults(events) == []
        assert [event.action for event in events].count("run-completed") >= 1
    return found
