"""A real lung cancer CT (IBSI phantom data set) from DICOM, contour and record to the board's result."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.cli import main
from mdt_fhir import record_writer as record
from oncology.imaging.volume import Volume, read_volume, write_volume
from phantoms import shrink_to_diameter

REFERENCE_VOXELS, VOXEL_ML = 125_256, 0.9765625**2 * 3.0 / 1000.0  # README of the data set

Stage = Callable[[Path | None], dict[str, Any]]


@pytest.fixture
def stage(shared_data: Path, prefect_home: Path, tmp_path: Path) -> Stage:
    """Stage the patient with given contours; a record says squamous, and that EBUS of station 7 was benign."""
    folder = shared_data / "ibsi_lung_ct" / "dicom" / "ct"
    resources = [
        record.patient("p", mrn="PAT1", issuer="urn:x", family="A", given="B", sex="male", birth_date="1950-01-01"),
        record.primary_cancer("c", "p", "lung", date="2026-04-20", histology="squamous"),
        record.station_biopsy("e", "p", "7", False, "EBUS", "2026-05-01"),
        record.service_request("q", "p", "Resectable?", "2026-05-02"),
    ]
    ehr = tmp_path / "record.json"
    ehr.write_text(json.dumps(record.bundle(resources)))

    def run(contours: Path | None) -> dict[str, Any]:
        out = tmp_path / "out"
        drawn = [] if contours is None else ["--contours", str(contours)]
        arguments = ["--ct", str(folder), "--ehr", str(ehr), *drawn, "--cancer", "lung"]
        assert main(["stage", *arguments, "--out", str(out)]) == 0
        found = {name: json.loads((out / f"{name}.json").read_bytes()) for name in ("findings", "staging", "bundle")}
        return found | {"pdf": (out / "report.pdf").read_bytes()}

    return run


def test_the_patient_is_staged_from_dicom_contour_and_record(stage: Stage, shared_data: Path) -> None:
    result = stage(shared_data / "ibsi_lung_ct" / "dicom" / "rtstruct" / "rtstruct.dcm")
    (tumor,) = result["findings"]["tumors"]
    assert tumor["volume_ml"] == pytest.approx(REFERENCE_VOXELS * VOXEL_ML, rel=0.01)
    assert tumor["greatest_dimension_mm"] > 70.0
    assert tumor["laterality"] == "right"
    for edition in ("8", "9"):
        answer = result["staging"]["editions"][edition]
        assert answer["t"]["category"] == "T4"
        assert answer["n"]["category"] == "NX"  # nobody contoured or ruled out the other stations
    assert result["pdf"].startswith(b"%PDF")
    assert result["bundle"]["type"] == "transaction"


@pytest.mark.parametrize(
    ("diameter_mm", "expected"),
    [(70.0, "T3"), (50.0, "T2b"), (40.0, "T2a"), (30.0, "T1c")],
    ids=lambda value: str(value),
)
def test_t_follows_the_contour_as_it_shrinks_and_what_nobody_delineated_stays_in_doubt(
    stage: Stage, shared_data: Path, tmp_path: Path, diameter_mm: float, expected: str
) -> None:
    drawn = read_volume(shared_data / "ibsi_lung_ct" / "nifti" / "mask.nii.gz")
    smaller = shrink_to_diameter(Volume(drawn.array > 0, drawn.geometry), diameter_mm)
    write_volume(Volume(smaller.array.astype(np.uint8), drawn.geometry), tmp_path / "gtvp.nii.gz")
    result = stage(tmp_path / "gtvp.nii.gz")
    (tumor,) = result["findings"]["tumors"]
    assert diameter_mm - 5.0 < tumor["greatest_dimension_mm"] <= diameter_mm + 0.49
    for edition in result["staging"]["editions"].values():
        assert edition["t"]["category"] == expected
        assert (edition["t"]["possible"][0], edition["t"]["possible"][-1]) == (expected, "T4")
    lacking = {item["what"]: item["why"] for item in result["staging"]["missing"]}
    assert "mediastinum" in lacking["invaded structures"]  # one lung is in the field, and no network looked


@pytest.mark.slow
def test_without_contours_the_mass_is_proposed_and_no_size_is_guessed(stage: Stage, shared_data: Path) -> None:
    """What the networks make of this scan is a speck of 1 mL beside 359 mL; T1 would be a wrong stage."""
    result = stage(None)
    drawn = read_volume(shared_data / "ibsi_lung_ct" / "nifti" / "mask.nii.gz")
    largest = max(result["findings"]["tumors"], key=lambda tumor: tumor["volume_ml"])
    place = np.round(drawn.geometry.to_index(np.array(largest["centroid_lps"]))).astype(int)
    assert drawn.array[tuple(place)] > 0
    assert largest["needs_confirmation"]
    for edition in ("8", "9"):
        answer = result["staging"]["editions"][edition]
        assert answer["t"]["category"] == "TX"
        assert answer["stage_group"]["category"] is None
    assert result["pdf"].startswith(b"%PDF")
