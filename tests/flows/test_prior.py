"""Two studies of one patient: the later one is held against the results of the earlier one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from flow_bench import Call, Inputs, Staged

Aimdt = Callable[..., Call]


@pytest.fixture
def later(patient: Inputs, tmp_path: Path) -> Inputs:
    """The same images as another study, as if taken again."""
    folder = tmp_path / "later"
    shutil.copytree(patient.folder, folder)
    for path in (*folder.glob("ct/*"), *folder.glob("pet/*")):
        image = pydicom.dcmread(path)
        image.StudyInstanceUID = f"{image.StudyInstanceUID}.2"[-64:]
        image.save_as(path)
    return Inputs(folder)


def test_an_unchanged_patient_is_stable_and_every_finding_is_matched(
    aimdt: Aimdt, later: Inputs, staged: Staged, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = aimdt(*later.arguments(out), "--prior", str(staged.out), "--json")
    assert done.status == 0, done.stdout + done.stderr
    comparison = json.loads((out / "staging.json").read_text())["comparison"]
    assert comparison["response"] == "stable disease"
    assert comparison["prior_sum_mm"] == pytest.approx(comparison["now_sum_mm"], abs=0.2)
    assert all(pair["now_id"] and pair["prior_id"] for pair in comparison["pairs"])
    assert "Compared with the prior study" in (out / "report.html").read_text()


def test_results_of_another_patient_stop_the_case(aimdt: Aimdt, later: Inputs, staged: Staged, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    shutil.copytree(staged.out, foreign)
    bundle = json.loads((foreign / "bundle.json").read_text())
    patient = next(item["resource"] for item in bundle["entry"] if item["resource"]["resourceType"] == "Patient")
    for identifier in patient["identifier"]:
        identifier["value"] = "SOMEBODY-ELSE"
    (foreign / "bundle.json").write_text(json.dumps(bundle))
    done = aimdt(*later.arguments(tmp_path / "out"), "--prior", str(foreign), "--json")
    assert done.status == 2
    assert not (tmp_path / "out").exists()


def test_a_folder_without_results_is_refused_with_what_to_do(aimdt: Aimdt, later: Inputs, tmp_path: Path) -> None:
    done = aimdt(*later.arguments(tmp_path / "out"), "--prior", str(later.folder), "--json")
    assert done.status == 2
    assert "stage that study first" in json.loads(done.stdout)["error"]["message"]
