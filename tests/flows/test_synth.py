"""`aimdt synth`: what it writes, which words it takes, and that the truth meets its schema and its masks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from flow_bench import at_home, call
from mdt_dicom.contours import read_contours
from mdt_dicom.intake import read_study
from models.synthetic.draw import draw_plan
from oncology.imaging.volume import read_volume
from tasks.cohort import read_scored
from tasks.schemas import check

FOLDER = "larynx-000005-0000-thick"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One patient of a cancer that is quickly made, in thick slices."""
    from flows import cli

    out = tmp_path_factory.mktemp("synth") / "cohort"
    arguments = ("--cancer", "larynx", "--count", "1", "--seed", "5", "--shift", "thick", "--out", str(out), "--json")
    with at_home(out.parent / "home"):
        assert cli.main(["synth", *arguments]) == 0
    return out / FOLDER


@pytest.fixture(scope="module")
def told(made: Path) -> Any:
    """Its truth.json."""
    return json.loads((made / "truth.json").read_bytes())


def test_a_folder_holds_what_a_hospital_sends_and_the_truth(made: Path) -> None:
    assert [path.name for path in made.parent.iterdir()] == [FOLDER]
    assert sorted(path.name for path in made.iterdir()) == [
        "contours.dcm", "ct", "masks", "pet", "record.json", "truth.json",
    ]  # fmt: skip
    check(made, ("truth",))


def test_thick_slices_are_5_mm_in_every_header(made: Path) -> None:
    ct = read_study(made / "ct").ct
    assert (ct.info.slice_thickness_mm, ct.volume.geometry.spacing_mm[0]) == (5.0, pytest.approx(5.0))


def test_every_structure_and_lesion_lies_where_the_truth_says(made: Path, told: Any) -> None:
    grid = read_study(made / "ct").ct.volume.geometry
    listed = told["label_maps"]
    assert [one["name"] for one in listed["structures"]] == told["masks"]
    assert {one["name"] for one in listed["lesions"]} >= {"tumor-1", *(node["id"] for node in told["nodes"])}
    maps = {path.name: read_volume(path) for path in (made / "masks").iterdir()}
    assert {one["file"] for kind in listed.values() for one in kind} == {f"masks/{name}" for name in maps}
    for name, volume in maps.items():
        assert volume.geometry.same_grid(grid)
        here = [one for kind in listed.values() for one in kind if one["file"] == f"masks/{name}"]
        voxels = np.bincount(volume.array.ravel(), minlength=len(here) + 1)
        assert {one["label"] for one in here} == set(range(1, len(here) + 1))
        for one in here:
            assert one["volume_ml"] == pytest.approx(voxels[one["label"]] * grid.voxel_ml, abs=0.001)


def test_a_patient_without_features_says_so(told: Any) -> None:
    assert told["features"] == []


def test_the_tumor_is_the_one_that_the_contours_draw(made: Path, told: Any) -> None:
    tumor = next(one for one in told["label_maps"]["lesions"] if one["name"] == "tumor-1")
    mask = read_volume(made / tumor["file"]).array == tumor["label"]
    ct = read_study(made / "ct").ct
    read = read_contours([made / "contours.dcm"], ct.volume.geometry, ct.info.frame_of_reference_uid)
    assert np.array_equal(mask, next(one.mask for one in read.contours if one.role == "tumor"))
    assert tumor["volume_ml"] == pytest.approx(told["measurements"]["volume_ml"], rel=0.3)


def test_evaluation_reads_the_folder_and_one_of_before_the_masks(made: Path, told: Any, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for name in ("ct", "pet", "record.json"):
        (old / name).symlink_to(made / name)
    (old / "truth.json").write_text(json.dumps({key: told[key] for key in told if key != "label_maps"}))
    assert read_scored(old).truth == read_scored(made).truth


def test_the_header_is_of_the_scanner_that_the_plan_names(made: Path) -> None:
    vendor = draw_plan("larynx", 5, 0, "thick").scanner.vendor
    assert read_study(made / "ct").ct.info.manufacturer.split()[0].lower().startswith(vendor)


def test_features_asked_for_are_told_in_the_truth_and_the_header(tmp_path: Path) -> None:
    from flows import cli

    wanted = ("--cancer", "larynx", "--seed", "5", "--shift", "thick", "--with", "cord-uptake,arterial,dental-fillings")
    with at_home(tmp_path / "home"):
        assert cli.main(["synth", *wanted, "--out", str(tmp_path / "out"), "--json"]) == 0
    folder = tmp_path / "out" / f"{FOLDER}-featured"
    assert json.loads((folder / "truth.json").read_bytes())["features"] == [
        "arterial",
        "dental-fillings",
        "cord-uptake",
    ]
    assert "arterial" in pydicom.dcmread(next((folder / "ct").iterdir())).SeriesDescription
    assert read_study(folder / "ct").ct.volume.array.max() == 3071


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--cancer", "thyroid"), "expected one of: lung"),
        (("--cancer", "lung", "--count", "0"), "--count is 0"),
        (("--cancer", "lung", "--shift", "fog"), "invalid choice"),
        (("--cancer", "lung", "--with", "fog"), "no feature is called 'fog'; expected some of: plain, arterial"),
        (("--cancer", "lung", "--with", "dental-fillings"), "cannot be seen in the field of view of lung"),
    ],
)
def test_what_cannot_be_made_is_refused(
    arguments: tuple[str, ...], said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = call(capfd, "synth", *arguments, "--out", tmp_path / "cohort")
    assert (answer.status, said in answer.stderr) == (2, True), answer
    assert not (tmp_path / "cohort").exists()


def test_a_folder_that_holds_something_is_not_written_into(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "note.txt").write_text("mine")
    answer = call(capfd, "synth", "--cancer", "larynx", "--out", tmp_path)
    assert (answer.status, "--out is not empty" in answer.stderr) == (2, True), answer
