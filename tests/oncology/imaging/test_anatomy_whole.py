"""Anatomy without a network: on a drawn thorax whose truth is known, and on real scans."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cc3d
import numpy as np
import pytest

from models.synthetic.ct import Scanner
from models.synthetic.patient import DEMO, SyntheticPatient, make_patient
from models.synthetic.thorax_places import thorax_landmarks
from oncology.imaging.anatomy import Anatomy, lobe_at, segment_anatomy
from oncology.imaging.volume import Geometry, Volume, read_volume, resample
from phantoms import reoriented

AIRWAY = ("trachea", "main_bronchus_left", "main_bronchus_right")


@pytest.fixture(scope="module")
def patient() -> SyntheticPatient:
    """A drawn thorax with a tumor of 38 mm in the right upper lobe."""
    return make_patient(replace(DEMO, scanner=Scanner(spacing_mm=(3.0, 1.5, 1.5))), spacing_mm=2.0)


@pytest.fixture(scope="module")
def anatomy(patient: SyntheticPatient) -> Anatomy:
    return segment_anatomy(patient.ct)


def truth(patient: SyntheticPatient, mask: np.ndarray) -> np.ndarray:
    return resample(Volume(mask, patient.canvas.geometry), patient.ct.geometry, linear=False, fill=0).array


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other)))


def ml(mask: np.ndarray, grid: Geometry) -> float:
    return float(np.count_nonzero(mask)) * grid.voxel_ml


@pytest.mark.parametrize("side", ["left", "right"])
def test_each_drawn_lung_is_found_with_its_tumor(patient: SyntheticPatient, anatomy: Anatomy, side: str) -> None:
    drawn = patient.masks[f"lung_{side}"] | (patient.lesions[0].mask if side == "right" else False)
    assert dice(anatomy.masks[f"lung_{side}"], truth(patient, drawn)) >= 0.95


def test_the_tumor_is_given_back_to_its_lung(patient: SyntheticPatient, anatomy: Anatomy) -> None:
    tumor = truth(patient, patient.lesions[0].mask)
    inside = np.count_nonzero(anatomy.masks["lung_right"] & tumor) / np.count_nonzero(tumor)
    assert inside > 0.9


def test_no_airway_lies_in_a_lung_and_the_carina_is_where_it_was_drawn(
    patient: SyntheticPatient, anatomy: Anatomy
) -> None:
    for name in AIRWAY:
        assert not (anatomy.masks[name] & (anatomy.masks["lung_left"] | anatomy.masks["lung_right"])).any()
    drawn = np.array(thorax_landmarks(patient.plan.build)["carina"])
    assert np.linalg.norm(np.array(anatomy.landmarks["carina"]) - drawn) < 15.0


def test_storage_order_changes_nothing(patient: SyntheticPatient, anatomy: Anatomy) -> None:
    stored = reoriented(patient.ct, order=(2, 0, 1), flips=(0, 2))
    again = segment_anatomy(stored)
    for name in ("lung_left", "lung_right", "spine"):
        back = resample(Volume(again.masks[name], stored.geometry), patient.ct.geometry, linear=False, fill=0).array
        assert dice(back, anatomy.masks[name]) > 0.999


def test_a_scan_without_a_chest_names_what_is_missing() -> None:
    grid = Geometry((40, 80, 80), (3.0, 2.0, 2.0), (0.0, 0.0, 0.0))
    _, y, x = np.indices(grid.shape)
    thigh = np.where((y - 40) ** 2 + (x - 40) ** 2 < 30**2, 50, -1000).astype(np.int16)
    anatomy = segment_anatomy(Volume(thigh, grid))
    assert not {"lung_left", "lung_right", "trachea"} & set(anatomy.masks)
    messages = " ".join(verdict.message for verdict in anatomy.verdicts)
    assert "no inflated left lung" in messages
    assert "no trachea" in messages


def test_a_lobe_is_a_guess_that_says_how_unsure_it_is(anatomy: Anatomy) -> None:
    apex = lobe_at(anatomy, (-60.0, 20.0, 235.0))
    assert max(apex, key=lambda name: apex[name]) == "lung_upper_lobe_right"
    fissure = lobe_at(anatomy, (-64.0, -30.0, 150.0))
    assert len(fissure) > 1
    assert sum(fissure.values()) == pytest.approx(1.0, abs=0.01)
    assert lobe_at(anatomy, (0.0, 0.0, 900.0)) == {}


@pytest.mark.slow
def test_a_real_chest_has_two_lungs_and_one_continuous_airway(shared_data: Path) -> None:
    ct = read_volume(shared_data / "chest_ct" / "R01-001_1x1x2mm.nii.gz")
    anatomy = segment_anatomy(ct)
    for side in ("left", "right"):
        assert 1000.0 < ml(anatomy.masks[f"lung_{side}"], ct.geometry) < 4000.0
    left, right = (np.argwhere(anatomy.masks[f"lung_{side}"]).mean(axis=0) for side in ("left", "right"))
    assert ct.geometry.to_lps(left)[0] > ct.geometry.to_lps(right)[0] + 100.0
    trachea, *bronchi = (anatomy.masks[name] for name in AIRWAY)
    for bronchus in bronchi:
        joined = trachea | bronchus
        assert _pieces(joined) == _pieces(trachea) == 1


def _pieces(mask: np.ndarray) -> int:
    return int(cc3d.connected_components(mask, connectivity=26).max())


@pytest.mark.slow
def test_a_real_tumor_that_fills_the_lower_lobe_is_mostly_given_back(shared_data: Path) -> None:
    folder = shared_data / "ibsi_lung_ct" / "nifti"
    ct, drawn = read_volume(folder / "image.nii.gz"), read_volume(folder / "mask.nii.gz").array > 0
    lung = segment_anatomy(ct).masks["lung_right"]
    assert np.count_nonzero(lung & drawn) / np.count_nonzero(drawn) > 0.6
