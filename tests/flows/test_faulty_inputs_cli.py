"""Faulty inputs through the whole program: refused by name, and nothing half-written, nothing claimed, nobody named."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import dicom_factory as factory
from db.tables import Document, Finding, Run, Series, StagingRow, Study
from fault_table import Fault, faults
from flow_bench import Call, Inputs, Staged, ask_prefect, at_home, call, flow_runs_of
from tasks.records import store

TABLE = faults()
EVERY = 3  # what runs by default: each third line, and all that the flow itself must stop
IN_FLOW = ("record", "contours", "label map", "RTSTRUCT")
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
Aimdt = Callable[..., Call]


def lines() -> list[Any]:
    """The table's lines; the rest of the default selection is slow."""
    return [
        pytest.param(fault, id=fault.name, marks=() if _by_default(place, fault) else pytest.mark.slow)
        for place, fault in enumerate(TABLE)
    ]


def _by_default(place: int, fault: Fault) -> bool:
    return place % EVERY == 0 or any(word in fault.name for word in IN_FLOW)


def test_enough_of_the_table_runs_by_default() -> None:
    assert sum(_by_default(place, fault) for place, fault in enumerate(TABLE)) >= 40


@pytest.mark.parametrize("fault", lines())
def test_faulty_input_leaves_nothing_behind(aimdt: Aimdt, fault: Fault, tmp_path: Path) -> None:
    (tmp_path / "Doe").mkdir()
    inputs = fault.make(tmp_path / "Doe")
    answer = aimdt("stage", *inputs.arguments(), "--out", tmp_path / "out")
    assert answer.status == 2, answer.stderr
    said = answer.stderr + answer.stdout
    absent = ("no such file", "does not exist")  # argparse finds what the reader would find
    assert [word for word in fault.words if word not in said and word not in absent] == [], said
    assert [word for word in (*factory.PRIVATE_WORDS, str(tmp_path)) if word in said] == []
    assert not (tmp_path / "out").exists()
    assert not list((tmp_path / "home").glob("cases/*"))
    assert_nothing_is_claimed()


def assert_nothing_is_claimed() -> None:
    records = store()
    assert [row for table in (Study, Series, Finding, StagingRow, Document) for row in records.rows(table)] == []
    assert {run.state for run in records.rows(Run)} <= {"failed"}
    assert {case.state for case in records.cases()} <= {"failed"}
    for case in records.cases():
        assert {run["state"]["type"] for run in flow_runs_of(case.case_id)} <= ENDED


# A case that was staged before keeps everything when its next inputs are faulty


@pytest.fixture
def lived_in(staged: Staged, prefect_server: None, tmp_path: Path) -> Iterator[Path]:
    """A copy of the home where the patient was staged."""
    shutil.copytree(staged.home, tmp_path / "home")
    with at_home(tmp_path / "home"):
        yield tmp_path / "home" / "cases" / staged.case_id


def kept(case: Path) -> dict[str, str]:
    paths = (path for name in ("private", "out", "work") for path in (case / name).rglob("*") if path.is_file())
    return {path.relative_to(case).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def record_of_another(inputs: Inputs, folder: Path) -> list[str]:
    text = (inputs.folder / "record.json").read_text().replace("SYN-000020", "SYN-000021")
    (folder / "record.json").write_text(text.replace("Synthetica", "Otherman"))
    return ["--ehr", str(folder / "record.json")]


def record_cut_off(inputs: Inputs, folder: Path) -> list[str]:
    (folder / "record.json").write_bytes((inputs.folder / "record.json").read_bytes()[:-100])
    return ["--ehr", str(folder / "record.json")]


def contours_cut_off(inputs: Inputs, folder: Path) -> list[str]:
    (folder / "contours.dcm").write_bytes((inputs.folder / "contours.dcm").read_bytes()[:4000])
    return ["--contours", str(folder / "contours.dcm")]


def ct_with_a_gap(inputs: Inputs, folder: Path) -> list[str]:
    shutil.copytree(inputs.folder / "ct", folder / "ct")
    slices = sorted((folder / "ct").iterdir())
    slices[len(slices) // 2].unlink()
    return ["--ct", str(folder / "ct")]


@pytest.mark.parametrize("spoil", [record_of_another, record_cut_off, contours_cut_off, ct_with_a_gap])
def test_faulty_input_to_a_staged_case_changes_nothing(
    lived_in: Path, staged: Staged, tmp_path: Path, capfd: Any, spoil: Callable[[Inputs, Path], list[str]]
) -> None:
    before, out = kept(lived_in), tmp_path / "out"
    shutil.copytree(staged.out, out)
    answer = call(capfd, *staged.inputs.arguments(out), *spoil(staged.inputs, tmp_path))
    assert answer.status == 2, answer.stderr
    assert kept(lived_in) == before
    assert sorted(path.read_bytes() for path in out.glob("*.json")) == sorted(
        path.read_bytes() for path in staged.out.glob("*.json")
    )
    assert {run["state"]["type"] for run in flow_runs_of(staged.case_id)} <= ENDED
    again = call(capfd, *staged.inputs.arguments(out), "--nifti")
    assert again.status == 0, again.stderr
    assert kept(lived_in) == before


def test_a_record_of_another_patient_stops_the_case_before_anything_is_seen(
    aimdt: Aimdt, patient: Inputs, tmp_path: Path
) -> None:
    answer = aimdt(*patient.arguments(tmp_path / "out"), *record_of_another(patient, tmp_path))
    assert (answer.status, "expected the same patient" in answer.stderr) == (2, True), answer
    (case,) = store().cases()
    (run,) = flow_runs_of(case.case_id)
    states = {
        step["name"].rpartition("-")[0]: step["state"]["type"]
        for step in ask_prefect("task_runs", task_runs={"flow_run_id": {"any_": [run["id"]]}})
    }
    assert states["take-in-record"] == "FAILED"
    assert not {"take-in-contours", "segment", "measure", "hold-against-images"} & states.keys()


def test_a_corrected_name_reaches_the_report(lived_in: Path, staged: Staged, tmp_path: Path, capfd: Any) -> None:
    text = (staged.inputs.folder / "record.json").read_text()
    name = next(name for name in ("Synthetica", "Fictiva", "Parametra", "Exempla") if name in text)
    (tmp_path / "record.json").write_text(text.replace(name, "Marriedname"))
    options = ["--ehr", str(tmp_path / "record.json")]
    assert call(capfd, *staged.inputs.arguments(tmp_path / "out"), *options).status == 0
    for document in ("report.html", "bundle.json"):
        content = (tmp_path / "out" / document).read_text()
        assert ("Marriedname" in content, name in content) == (True, False), document


def test_a_case_at_work_is_not_staged_twice_at_once(lived_in: Path, staged: Staged, capfd: Any) -> None:
    from tasks.case_files import CaseFiles

    before = kept(lived_in)
    with CaseFiles(staged.case_id).locked():
        answer = call(capfd, *staged.inputs.arguments(lived_in / "exported"))
    assert answer.status == 3
    assert "being staged by another process" in answer.stderr
    assert kept(lived_in) == before
