"""One small patient, staged once for all tests of the flow, and the same command line in this process."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flow_bench import Call, Inputs, Staged, at_home, call, flow_runs_of, server_environment
from models.synthetic.ct import Scanner
from models.synthetic.patient import DEMO
from tasks.synthetic import write_patient

SMALL = dataclasses.replace(DEMO, scanner=Scanner(spacing_mm=(4.0, 2.4, 2.4)))
SMALL_SPACING_MM = 2.5


@pytest.fixture(scope="session")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    """The demo's patient, coarsely scanned."""
    folder = tmp_path_factory.mktemp("patient")
    write_patient(SMALL, folder, SMALL_SPACING_MM)
    return Inputs(folder)


@pytest.fixture(scope="session")
def staged(patient: Inputs, prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> Staged:
    """`aimdt stage --json` of that patient, as a process of its own."""
    folder = tmp_path_factory.mktemp("staged")
    home, out = folder / "home", folder / "out"
    command = [sys.executable, "-m", "flows.cli", *patient.arguments(out), "--json", "--nifti"]
    done = subprocess.run(
        command, env=os.environ | server_environment(home), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    outcome = json.loads(done.stdout)
    return Staged(patient, home, out, done.stdout, done.stderr, outcome, flow_runs_of(outcome["case_id"]))


@pytest.fixture
def at_staged(staged: Staged) -> Iterator[Staged]:
    """This process at the home where the patient was staged."""
    with at_home(staged.home):
        yield staged


@pytest.fixture
def aimdt(prefect_server: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Call]]:
    """The command line in this process, at an empty home."""
    with at_home(tmp_path / "home"):
        yield lambda *arguments: call(capfd, *arguments)
