"""How synthetic patients are scanned: fields of view by cancer, vendors by seed, and what each named shift changes."""

from __future__ import annotations

import zlib
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from mdt_dicom.dialect import DIALECTS
from models.synthetic.cohorts.demo import DEMOS
from models.synthetic.ct import OTHER_VENDOR, VENDORS
from models.synthetic.draw import COHORTS
from models.synthetic.patient import CANCERS, SyntheticPatient, draw_plan, make_patient, scan_on_model_grid
from models.synthetic.plan import FIELD_OF
from models.synthetic.shifts import shifted
from oncology.findings import NECK_SITES
from oncology.imaging.volume import Volume

COHORT = 817  # a seed of this test alone
COARSE_MM = 3.0
# Thinnest and thickest slices by cancer, in mm: heads and necks and the pancreas ask for thin ones.
SLICES_MM = {
    **dict.fromkeys(NECK_SITES, (0.5, 1.25)),
    "pancreas": (0.5, 1.5),
    "lung": (1.0, 3.0),
    "esophagus": (1.0, 3.0),
}


@cache
def patient(shift: str | None = None) -> SyntheticPatient:
    """One patient with a tumor of the lung, coarsely drawn."""
    return make_patient(draw_plan("lung", COHORT, 0, shift), COARSE_MM, images=False)


@cache
def scans(shift: str | None = None) -> tuple[Volume, Volume]:
    """CT and PET of that patient on the grid of the masks."""
    if shift == "obese":
        taken = patient(shift)
    else:
        plain = patient()
        taken = replace(plain, plan=shifted(plain.plan, shift)) if shift else plain
    return scan_on_model_grid(taken, np.random.default_rng(3))


def inside(name: str) -> np.ndarray:
    """The structure without its border."""
    return ndimage.binary_erosion(patient().masks[name], iterations=2)


def spread(image: np.ndarray, name: str) -> float:
    """Median deviation from the median within a structure, where other tissue may lie in a part of it."""
    values = image[inside(name)]
    return float(np.median(np.abs(values - np.median(values))))


def test_slices_are_as_thin_as_the_cancer_asks_for() -> None:
    assert set(SLICES_MM) == set(CANCERS)
    drawn = [draw_plan(cancer, COHORT, index) for cancer in CANCERS for index in range(12)]
    for plan in (*drawn, *DEMOS.values()):
        thinnest, thickest = SLICES_MM[plan.cancer]
        assert thinnest <= plan.scanner.spacing_mm[0] <= thickest, plan.cancer
        assert max(plan.scanner.spacing_mm[1:]) < 1.0


def test_the_field_of_view_is_the_cancers() -> None:
    assert {cancer: FIELD_OF[cancer] for cancer in CANCERS} == {
        "lung": "thorax", "esophagus": "chest_and_upper_abdomen", "pancreas": "abdomen",
        **dict.fromkeys(NECK_SITES, "neck"),
    }  # fmt: skip
    lung = patient()
    assert lung.landmarks
    for point in lung.landmarks.values():
        index = lung.canvas.geometry.to_index(np.array(point))
        assert (index > -1).all()
        assert (index < lung.canvas.shape).all()


def test_scanners_of_a_cohort_are_of_several_vendors_with_a_dialect_each() -> None:
    plans = [draw_plan(cancer, COHORT, index) for cancer in CANCERS for index in range(6)]
    assert {plan.scanner.vendor for plan in plans} == set(VENDORS)
    assert {plan.scanner.vendor for plan in DEMOS.values()} <= set(VENDORS)
    assert set(DIALECTS) == {*VENDORS, OTHER_VENDOR}
    assert draw_plan("lung", COHORT, 5) == draw_plan("lung", COHORT, 5)


@pytest.mark.parametrize("cancer", CANCERS)
def test_the_vendor_changes_nothing_else_that_is_drawn(cancer: str) -> None:
    own = (COHORT, 2, zlib.crc32(cancer.encode()))
    before, plan = COHORTS[cancer](np.random.default_rng(own)), draw_plan(cancer, COHORT, 2)
    assert replace(before, scanner=replace(before.scanner, vendor=plan.scanner.vendor), proven=plan.proven) == plan


def test_thick_slices_lie_5_mm_apart() -> None:
    plan = draw_plan("lung", COHORT, 0, "thick")
    coarse = replace(plan, scanner=replace(plan.scanner, spacing_mm=(plan.scanner.spacing_mm[0], 4.0, 4.0)))
    scanned = make_patient(coarse, 4.0).ct
    assert scanned is not None
    assert scanned.geometry.spacing_mm[0] == 5.0


def test_a_lower_dose_doubles_the_noise_of_liver_and_muscle_and_of_the_pet() -> None:
    (ct, pet), (noisy, noisy_pet) = scans(), scans("lowdose")
    assert spread(noisy.array, "liver") > 1.8 * spread(ct.array, "liver")
    assert spread(noisy.array, "autochthon_left") > 1.8 * spread(ct.array, "autochthon_left")
    assert spread(noisy_pet.array, "liver") > 1.1 * spread(pet.array, "liver")


def test_another_vendor_has_other_headers_a_sharper_kernel_and_other_densities() -> None:
    plain, other = patient().plan.scanner, shifted(patient().plan, "othervendor").scanner
    assert other.vendor not in VENDORS
    assert DIALECTS[other.vendor].ct.kernel_at(other.kernel) == DIALECTS[other.vendor].ct.kernels[-1]
    assert other.kernel > plain.kernel
    before, after = scans()[0].array, scans("othervendor")[0].array
    assert neighbors_agree(after) < neighbors_agree(before) - 0.1
    assert np.median(after[inside("aorta")]) > np.median(before[inside("aorta")]) + 15
    fat = patient().masks["subcutaneous_fat"]
    assert np.median(after[fat]) == pytest.approx(np.median(before[fat]) - 6, abs=2)


def neighbors_agree(hu: np.ndarray) -> float:
    """Correlation of the noise of neighboring pixels, in the air before the patient."""
    air = hu[:, :3, :3].astype(float)
    return float(np.corrcoef(air[..., 1:].ravel(), air[..., :-1].ravel())[0, 1])


def test_an_obese_patient_is_larger_and_noisier() -> None:
    plain, large = patient(), patient("obese")
    assert large.masks["body"].sum() > 1.15 * plain.masks["body"].sum()
    assert scans("obese")[0].array[large.masks["liver"]].std() > 1.15 * scans()[0].array[plain.masks["liver"]].std()


def test_motion_blurs_edges_and_moves_the_uptake_to_the_feet() -> None:
    (ct, pet), (moved, moved_pet) = scans(), scans("motion")
    skin = patient().masks["body"] ^ ndimage.binary_erosion(patient().masks["body"])
    steep, blurred = (np.abs(np.gradient(one.array.astype(float), axis=1))[skin].mean() for one in (ct, moved))
    assert blurred < 0.95 * steep
    assert height_of_liver(moved_pet) < height_of_liver(pet) - 2.0


def height_of_liver(pet: Volume) -> float:
    """Where the uptake of the liver's dome rises over that of the lung, z in mm."""
    dome = patient().masks["liver"].any(axis=0) & patient().masks["lung_right"].any(axis=0)
    rises = np.flatnonzero(pet.array[:, dome].mean(axis=1) > 1.2)
    return float(rises.max() * pet.geometry.spacing_mm[0])
