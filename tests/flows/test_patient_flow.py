"""The whole way of one patient: what is delivered, what the records and Prefect's pages hold, what the words say."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pypdf
import pytest
import SimpleITK as sitk

from db.store import Store
from db.tables import Case, Document, Finding, Run, StagingRow
from flow_bench import Call, Inputs, Staged, ask_prefect, at_home, call
from oncology.errors import ModelError
from tasks.records import store
from tasks.schemas import check
from tasks.settings import settings

DELIVERED = {"report.pdf", "report.html", "bundle.json", "findings.json", "staging.json", "manifest.json"}
DELIVERED |= {"Tumor_probabilities.json"}
DELIVERED |= {"dicom/seg.dcm", "dicom/sr.dcm", "dicom/report.dcm", "dicom/key-1.dcm"}
DELIVERED_TOP = {name.split("/")[0] for name in DELIVERED} | {"key_images"}
MARK = "research use only"
Aimdt = Callable[..., Call]


def files_below(folder: Path) -> dict[str, str]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


# What is delivered


def test_output_folder_holds_what_was_promised(staged: Staged) -> None:
    names = set(files_below(staged.out))
    assert names >= DELIVERED
    others = {name for name in names - DELIVERED if not name.startswith("dicom/key-")}
    assert {name.split("/")[0] for name in others} == {"key_images", "masks"}
    assert all(name.endswith((".png", ".nii.gz")) for name in others)
    pictures = [name for name in names if name.startswith("key_images/")]
    assert len([name for name in names if name.startswith("dicom/key-")]) == len(pictures)


def test_json_files_fit_their_schemas(staged: Staged) -> None:
    check(staged.out)


def test_manifest_names_every_file_by_its_hash(staged: Staged) -> None:
    found = files_below(staged.out)
    del found["manifest.json"]
    assert staged.read("manifest.json")["outputs"] == found


def test_manifest_names_inputs_tables_and_time_of_every_step(staged: Staged) -> None:
    manifest = staged.read("manifest.json")
    assert [item["role"] for item in manifest["inputs"]] == ["ct", "pet", "contours", "record"]
    assert manifest["tables_version"] == staged.read("staging.json")["tables_version"]
    assert {"take-in-images", "segment", "measure", "stage-tnm", "write-report"} <= manifest["timings_seconds"].keys()


@pytest.mark.parametrize("edition", ["8", "9"])
def test_stage_is_what_the_patient_was_built_to_have(staged: Staged, edition: str) -> None:
    result = staged.read("staging.json")["editions"][edition]
    axes = ("t", "n", "m", "stage_group")
    assert {axis: result[axis]["category"] for axis in axes} == staged.inputs.truth["categories"][edition]
    assert {axis: staged.outcome["editions"][edition][axis]["category"] for axis in axes} == {
        axis: result[axis]["category"] for axis in axes
    }


def test_measurements_are_those_of_the_drawn_tumor(staged: Staged) -> None:
    (tumor,) = staged.read("findings.json")["tumors"]
    true = staged.inputs.truth["measurements"]
    voxel_mm = 4.0  # the coarser of the two grids on which the contour was drawn
    assert tumor["greatest_dimension_mm"] == pytest.approx(true["greatest_dimension_mm"], abs=voxel_mm)
    assert tumor["volume_ml"] == pytest.approx(true["volume_ml"], rel=0.1)
    assert tumor["laterality"] == true["laterality"]


def test_every_node_is_found_at_its_station(staged: Staged) -> None:
    nodes = staged.read("findings.json")["nodes"]
    assert sorted(node["station"] for node in nodes) == sorted(item["station"] for item in staged.inputs.truth["nodes"])


def test_every_result_says_research_use_only(staged: Staged) -> None:
    for name in ("findings.json", "staging.json", "manifest.json"):
        assert staged.read(name)["research_use_only"] is True, name
    assert MARK in (staged.out / "report.html").read_text().lower()
    pages = pypdf.PdfReader(staged.out / "report.pdf").pages
    assert all(MARK in " ".join(page.extract_text().lower().split()) for page in pages)
    assert MARK in (staged.out / "bundle.json").read_text().lower()


def test_bundle_is_preliminary_and_carries_the_report(staged: Staged) -> None:
    resources = [entry["resource"] for entry in staged.read("bundle.json")["entry"]]
    (report,) = [item for item in resources if item["resourceType"] == "DiagnosticReport"]
    assert report["status"] == "preliminary"
    assert {item["contentType"] for item in report["presentedForm"]} == {"application/pdf", "text/html"}


def test_masks_lie_on_the_ct_grid_and_hold_something(staged: Staged) -> None:
    masks = sorted((staged.out / "masks").glob("*.nii.gz"))
    assert {"tumor-1.nii.gz", "node-1.nii.gz"} <= {path.name for path in masks}
    sizes = {sitk.ReadImage(str(path)).GetSize() for path in masks}
    assert len(sizes) == 1
    assert all(sitk.GetArrayFromImage(sitk.ReadImage(str(path))).any() for path in masks)


# What the command says


def test_json_prints_one_object_and_nothing_else(staged: Staged) -> None:
    assert staged.stdout.count("\n") == 1
    assert staged.outcome["state"] == "completed"
    assert staged.outcome["failures"] == []
    assert staged.stderr == ""


def test_staging_again_replaces_the_results_and_repeats_nothing(at_staged: Staged, capfd: Any) -> None:
    before, rows = files_below(at_staged.out), counted_rows(store())
    (at_staged.out / "old.txt").touch()
    answer = call(capfd, *at_staged.inputs.arguments(at_staged.out), "--nifti")
    assert answer.status == 0
    assert files_below(at_staged.out) == before
    assert counted_rows(store()) == rows
    assert f"case {at_staged.case_id} awaits review" in answer.stdout
    assert "TNM 8: T2a N2 M0, stage IIIA" in answer.stdout
    assert "Research use only" in answer.stdout


def counted_rows(records: Store) -> dict[str, int]:
    return {table.__name__: len(records.rows(table)) for table in (Case, Run, Finding, StagingRow, Document)}


def test_another_out_gets_the_same_files(at_staged: Staged, tmp_path: Path, capfd: Any) -> None:
    assert call(capfd, *at_staged.inputs.arguments(tmp_path / "new" / "out"), "--nifti").status == 0
    assert files_below(tmp_path / "new" / "out") == files_below(at_staged.out)


def test_a_folder_with_other_files_is_refused_and_left_alone(aimdt: Aimdt, patient: Inputs, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    answer = aimdt(*patient.arguments(tmp_path))
    assert answer.status == 2
    assert "--out holds other files" in answer.stderr
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    assert not (tmp_path / "home" / "cases").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"--cancer": "toe"}, "expected one of"),
        ({"--edition": "7"}, "invalid choice"),
        ({"--ct": "/nowhere"}, "no such file or folder"),
        ({"--fhir-url": "http://127.0.0.1:9"}, "give one of --ehr and --fhir-url"),
    ],
)
def test_a_wrong_option_is_bad_input(
    aimdt: Aimdt, patient: Inputs, tmp_path: Path, change: dict[str, str], words: str
) -> None:
    options = [part for pair in change.items() for part in pair]
    answer = aimdt(*patient.arguments(tmp_path / "out"), *options)
    assert answer.status == 2
    assert words in answer.stderr
    assert not (tmp_path / "out").exists()


def test_bad_input_as_json_is_one_object(aimdt: Aimdt, patient: Inputs, tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text("{}")
    answer = aimdt(*patient.arguments(tmp_path / "out"), "--ehr", tmp_path / "record.json", "--json")
    assert answer.status == 2
    assert json.loads(answer.stdout)["error"]["kind"] == "RecordError"


# What fails


@pytest.fixture
def lived_in(staged: Staged, prefect_server: None, tmp_path: Path) -> Iterator[Path]:
    """A home where the patient was staged before; a test may spoil it."""
    shutil.copytree(staged.home, tmp_path / "home")
    with at_home(tmp_path / "home"):
        yield tmp_path / "home" / "cases" / staged.case_id


def fail(*_: object, **__: object) -> None:
    raise ModelError("no room for it")


@pytest.mark.parametrize(
    ("part", "step", "function", "lacks"),
    [
        ("anatomy", "segment", "tasks.masks.look", set()),
        ("key images", "draw-key-images", "tasks.pictures.key_image", {"key_images"}),
        ("report", "write-report", "tasks.report.render_pdf", {"report.pdf", "report.html"}),
        ("FHIR bundle", "write-bundle", "tasks.bundle.build_bundle", {"bundle.json"}),
        ("DICOM", "write-dicom", "tasks.dicom_out.write_sr", {"dicom"}),
    ],
)
def test_a_failed_part_is_named_and_the_rest_delivered(
    lived_in: Path, staged: Staged, capfd: Any, monkeypatch: pytest.MonkeyPatch,
    part: str, step: str, function: str, lacks: set[str]
) -> None:  # fmt: skip
    for stored in (lived_in / "results").glob(f"{step}-*"):
        stored.unlink()
    monkeypatch.setattr(function, fail)
    out = lived_in / "exported"
    answer = call(capfd, *staged.inputs.arguments(out))
    assert answer.status == 3, answer
    assert f"failed: {part} failed and is missing from this result: no room for it" in answer.stdout
    assert {name.split("/")[0] for name in files_below(out)} == DELIVERED_TOP - lacks
    assert json.loads((out / "manifest.json").read_bytes())["failed_parts"] == [part]
    if part != "report":
        assert f"{part} failed and is missing" in (out / "report.html").read_text()


def test_a_failure_of_the_whole_keeps_the_earlier_results(
    lived_in: Path, staged: Staged, capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files_below(lived_in / "out")
    shutil.copytree(staged.out, lived_in / "exported")
    for stored in (lived_in / "results").glob("measure-*"):
        stored.unlink()
    monkeypatch.setattr("tasks.eyes.survey", fail)
    answer = call(capfd, *staged.inputs.arguments(lived_in / "exported"))
    assert (answer.status, "no room for it" in answer.stderr) == (3, True)
    assert files_below(lived_in / "out") == before
    assert files_below(lived_in / "exported") == files_below(staged.out)
    assert store().case(staged.case_id).state == "failed"


# What Prefect shows


def test_one_flow_run_per_case(staged: Staged) -> None:
    assert [run["parameters"] for run in staged.flow_runs] == [{"case_id": staged.case_id}]
    assert [run["state"]["type"] for run in staged.flow_runs] == ["COMPLETED"]


def test_prefect_shows_tables_words_and_a_picture_of_the_case(staged: Staged) -> None:
    (run,) = staged.flow_runs
    found = ask_prefect("artifacts", artifacts={"flow_run_id": {"any_": [run["id"]]}})
    kinds = {item["key"]: item["type"] for item in found}
    assert kinds == {
        f"{name}-{staged.case_id}": kind
        for name, kind in {
            "images": "table",
            "quality": "markdown",
            "findings": "table",
            "staging": "markdown",
            "key-image": "image",
        }.items()
    }
    (staging,) = [item for item in found if item["key"].startswith("staging")]
    assert "TNM 9: T2a N2a M0, stage IIIA" in staging["data"]


# The other commands


def test_cases_lists_the_case(at_staged: Staged, capfd: Any) -> None:
    answer = call(capfd, "cases", "--json")
    (case,) = json.loads(answer.stdout)["cases"]
    assert (case["case_id"], case["cancer"], case["state"]) == (at_staged.case_id, "lung", "awaiting-review")
    assert at_staged.case_id in call(capfd, "cases").stdout


def test_show_prints_the_stage_and_every_document(at_staged: Staged, capfd: Any) -> None:
    content = json.loads(call(capfd, "show", at_staged.case_id, "--json").stdout)
    assert [row["stage_group"] for row in content["stagings"]] == ["IIIA", "IIIA"]
    assert {row["name"]: row["sha256"] for row in content["documents"]} == files_below(at_staged.out)
    assert "TNM 9: T2a N2a M0, stage IIIA" in call(capfd, "show", at_staged.case_id).stdout


def test_audit_tells_the_runs_and_that_the_chain_holds(at_staged: Staged, capfd: Any) -> None:
    answer = call(capfd, "audit", at_staged.case_id)
    assert answer.status == 0
    assert "the chain holds" in answer.stdout
    events = json.loads(call(capfd, "audit", at_staged.case_id, "--json").stdout)["events"]
    assert [event["action"] for event in events][:2] == ["run-started", "run-completed"]


def test_audit_sees_a_changed_row(lived_in: Path, staged: Staged, capfd: Any) -> None:
    with store().engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_events_no_update")  # as somebody with the file in hand could
        connection.exec_driver_sql("UPDATE audit_events SET actor = 'nobody' WHERE sequence = 1")
    answer = call(capfd, "audit", staged.case_id)
    assert answer.status == 3
    assert "event 1 was changed" in answer.stdout


@pytest.mark.parametrize("command", ["show", "audit"])
def test_an_unknown_case_is_said_to_be_unknown(aimdt: Aimdt, command: str) -> None:
    answer = aimdt(command, "0123456789abcdef")
    assert answer.status != 0
    assert "there is no case 0123456789abcdef" in answer.stderr


def test_replay_computes_anew_and_finds_the_same_bytes(lived_in: Path, staged: Staged, capfd: Any) -> None:
    answer = call(capfd, "replay", staged.out / "manifest.json")
    assert answer.status == 0, answer
    for name in ("findings.json", "staging.json", "Tumor_probabilities.json"):
        assert f"{name}: identical" in answer.stdout


def test_replay_refuses_changed_inputs(lived_in: Path, staged: Staged, tmp_path: Path, capfd: Any) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(staged.inputs.folder, moved)
    request = lived_in / "private" / "request.json"
    request.write_text(request.read_text().replace(str(staged.inputs.folder), str(moved)))
    (moved / "record.json").write_bytes((moved / "record.json").read_bytes() + b" ")
    before = files_below(lived_in)
    answer = call(capfd, "replay", staged.out / "manifest.json")
    assert answer.status == 2
    assert "was changed" in answer.stderr
    assert files_below(lived_in) == before


def test_doctor_finds_nothing_missing_and_tells_no_secret(aimdt: Aimdt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMDT_FHIR_TOKEN", "hush-hush")
    settings.cache_clear()
    answer = aimdt("doctor")
    assert answer.status == 0, answer
    assert "AIMDT_" in answer.stdout
    assert "hush-hush" not in answer.stdout
    assert json.loads(aimdt("doctor", "--json").stdout)["problems"] == {}
