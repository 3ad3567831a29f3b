"""Features asked for by name look as a radiologist expects, and nothing else of a patient changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from models.synthetic.draw import COHORTS, draw_plan
from models.synthetic.features.catalog import SHOWN, some_features, with_features
from models.synthetic.features.measured import gland_volumes, measured
from models.synthetic.features.names import FEATURES
from models.synthetic.features.variants import DRAWN
from models.synthetic.patient import SyntheticPatient, make_patient, scan_on_model_grid, truth
from models.synthetic.plan import FIELD_OF
from models.synthetic.tissue import ROWS
from models.training.store import features_of_scans, make_stored
from oncology.errors import ScopeError

COHORT = 821  # a seed of this test alone
COARSE_MM = 4.0
CANCERS = ("oropharynx", "lung", "pancreas")
SHOWING = {name: next(c for c in CANCERS if FIELD_OF[c] in one.fields) for name, one in FEATURES.items()}


@cache
def plain(cancer: str) -> SyntheticPatient:
    """One patient without any feature, coarsely drawn."""
    return make_patient(draw_plan(cancer, COHORT, 0), COARSE_MM, images=False)


@cache
def varied(name: str) -> SyntheticPatient:
    """The same patient drawn anew with a variant of anatomy."""
    plan = draw_plan(SHOWING[name], COHORT, 0)
    return make_patient(with_features(plan, [name]), COARSE_MM, images=False)


@cache
def scans(cancer: str, *names: str) -> tuple[np.ndarray, np.ndarray]:
    """CT and PET of that body with features that only its scans show, the noise always the same."""
    patient = plain(cancer)
    featured = replace(patient, plan=with_features(patient.plan, names))
    ct, pet = scan_on_model_grid(featured, np.random.default_rng(5))
    return ct.array, pet.array


@pytest.fixture(scope="module", autouse=True)
def forgotten_afterwards() -> Iterator[None]:
    """Patients are gigabytes: they go when this module is done."""
    yield
    for kept in (plain, varied, scans, coarse):
        kept.cache_clear()


def inner(patient: SyntheticPatient, name: str, steps: int = 1) -> np.ndarray:
    """A structure without its border and without lesions."""
    free = ~np.logical_or.reduce([lesion.mask for lesion in patient.lesions])
    return np.asarray(ndimage.binary_erosion(patient.masks[name], iterations=steps) & free)


def level(phase: str, name: str) -> float:
    """Median HU of an organ of the abdomen in a phase."""
    return float(np.median(scans("pancreas", phase)[0][inner(plain("pancreas"), name)]))


def test_early_the_aorta_stands_out_and_the_liver_is_as_without_medium() -> None:
    assert level("arterial", "aorta") > level("arterial", "portal_vein") + 80
    assert level("arterial", "liver") == pytest.approx(level("plain", "liver"), abs=15)
    assert level("pancreatic", "portal_vein") > level("arterial", "portal_vein") + 50


def test_in_the_portal_phase_liver_and_portal_vein_have_caught_up() -> None:
    assert level("portal", "liver") > level("plain", "liver") + 35
    assert level("portal", "aorta") < level("portal", "portal_vein") + 20
    assert level("portal", "liver") > level("delayed", "liver") > level("arterial", "liver")
    assert level("portal", "aorta") > level("delayed", "aorta") > level("plain", "aorta")


def test_cortex_and_medulla_of_the_kidney_differ_early_and_no_longer_in_the_portal_phase() -> None:
    kidney = plain("pancreas").masks["kidney_left"]
    depth = ndimage.distance_transform_edt(np.pad(kidney, 1), sampling=COARSE_MM)[1:-1, 1:-1, 1:-1]
    spread = {
        p: np.ptp(np.percentile(scans("pancreas", p)[0][depth > COARSE_MM], (10, 90))) for p in ("arterial", "portal")
    }
    assert spread["arterial"] > spread["portal"] + 50


def test_a_ductal_cancer_is_seen_best_in_the_pancreatic_phase() -> None:
    patient = plain("pancreas")
    lesion = replace(patient.lesions[0], hu=4.0)  # the cohort's mean
    gland = patient.masks["pancreas"] & ~ndimage.binary_dilation(lesion.mask, iterations=2)
    seen = {}
    for phase in ("arterial", "pancreatic", "portal", "delayed"):
        one = replace(patient, plan=with_features(patient.plan, [phase]), lesions=[lesion])
        ct = scan_on_model_grid(one, np.random.default_rng(5))[0].array
        seen[phase] = float(np.median(ct[ndimage.binary_erosion(gland)]) - np.median(ct[lesion.mask]))
    assert max(seen, key=lambda phase: seen[phase]) == "pancreatic"
    assert seen["pancreatic"] == pytest.approx(67, abs=19)  # Lu 1996, Radiology 199:697
    assert seen["portal"] == pytest.approx(39, abs=16)


def test_a_fatty_liver_is_darker_than_the_spleen() -> None:
    ct, _ = scans("pancreas", "plain", "steatosis")
    liver, spleen = (np.median(ct[inner(plain("pancreas"), name)]) for name in ("liver", "spleen"))
    assert liver < spleen


@pytest.mark.parametrize(
    ("name", "strength_hu"),
    [("dental-fillings", 60), ("spine-implant", 25), ("pacemaker", 25), ("port", 8), ("biliary-stent", 3)],
)
def test_metal_leaves_dark_and_bright_streaks_in_its_slices_and_nowhere_else(name: str, strength_hu: float) -> None:
    cancer = SHOWING[name]
    patient = plain(cancer)
    changed = scans(cancer, name)[0].astype(int) - scans(cancer)[0]
    metal, shown = patient.canvas.empty(), patient.canvas.empty()
    for mark in replace(patient, plan=with_features(patient.plan, [name])).marks:
        shown[mark.box] |= mark.mask
        metal[mark.box] |= mark.mask if mark.metal_per_mm else False
    assert scans(cancer, name)[0].max() <= 3071
    near = ndimage.binary_dilation(shown.any(axis=(1, 2)), iterations=2)  # the slices' profile
    assert not changed[~near].any()
    far = patient.masks["body"] & metal.any(axis=(1, 2))[:, None, None]
    far &= ~ndimage.binary_dilation(shown, iterations=4)
    assert np.percentile(changed[far], 99.5) > strength_hu
    assert np.percentile(changed[far], 0.5) < -strength_hu


def test_urine_is_brighter_than_every_organ() -> None:
    plan = draw_plan("pancreas", COHORT, 0)
    patient = make_patient(with_features(plan, ["urine", "full-bladder"]), COARSE_MM, images=False)
    _, pet = scan_on_model_grid(patient, np.random.default_rng(5))
    bladder = inner(patient, "urinary_bladder", 2)
    around = ndimage.binary_dilation(patient.masks["urinary_bladder"], iterations=6)
    for lesion in patient.lesions:
        around |= ndimage.binary_dilation(lesion.mask, iterations=4)
    assert np.median(pet.array[bladder]) > pet.array[~around].max()
    kidneys = patient.masks["kidney_left"] | patient.masks["kidney_right"]
    assert pet.array[ndimage.binary_dilation(kidneys, iterations=3)].max() > 1.5 * np.median(pet.array[kidneys])


@pytest.mark.parametrize("cancer", ["oropharynx", "lung"])
def test_brown_fat_is_alike_on_both_sides_and_fat_on_ct(cancer: str) -> None:
    patient = plain(cancer)
    ct, pet = scans(cancer, "brown-fat")
    depots = patient.canvas.empty()
    for mark in replace(patient, plan=with_features(patient.plan, ["brown-fat"])).marks:
        depots[mark.box] |= mark.mask
    assert np.median(ct[depots]) < -80
    assert np.quantile(ct[depots], 0.9) < -30
    left = np.broadcast_to(patient.canvas.axes()[2] > 0, depots.shape)
    assert (depots & left).sum() == pytest.approx((depots & ~left).sum(), rel=0.35)
    for side in (left, ~left):
        assert pet[depots & side].max() > 3 * scans(cancer)[1][depots & side].max()


@pytest.mark.parametrize(
    ("name", "cancer", "organs", "times"),
    [
        ("myocardium-intense", "lung", ("heart_myocardium",), 1.3),
        ("bowel-uptake", "pancreas", ("colon", "small_bowel"), 2.0),
        ("thyroid-uptake", "oropharynx", ("thyroid_gland",), 1.6),
        ("salivary-uptake", "oropharynx", ("parotid_gland_left", "parotid_gland_right"), 1.2),
        ("tonsil-uptake", "oropharynx", ("palatine_tonsil_left", "palatine_tonsil_right"), 1.3),
        ("cord-uptake", "oropharynx", ("vocal_cord_left", "vocal_cord_right"), 1.5),
    ],
)
def test_organs_take_up_more_than_usual(name: str, cancer: str, organs: tuple[str, ...], times: float) -> None:
    free = ~ndimage.binary_dilation(np.logical_or.reduce([one.mask for one in plain(cancer).lesions]), iterations=5)
    for organ in organs:
        there = plain(cancer).masks[organ] & free
        if there.any():  # no tumor lies on it
            usual, more = (np.quantile(pet[there], 0.95) for _, pet in (scans(cancer), scans(cancer, name)))
            assert more > times * usual, organ


def test_a_heart_on_fat_is_no_brighter_than_its_blood() -> None:
    _, pet = scans("lung", "myocardium-absent")
    patient = plain("lung")
    wall, blood = (np.median(pet[inner(patient, name)]) for name in ("heart_myocardium", "heart_ventricle_left"))
    assert wall < 1.15 * blood


@pytest.mark.parametrize("name", DRAWN)
def test_a_variant_is_told_and_the_lesions_are_still_there(name: str) -> None:
    patient = varied(name)
    assert truth(patient)["features"] == [name]
    assert [lesion.id for lesion in patient.lesions] == [lesion.id for lesion in plain(SHOWING[name]).lesions]
    assert set(patient.masks) ^ set(plain(SHOWING[name]).masks) <= {
        "kidney_left", "renal_vein_left", "renal_artery_left", "urinary_bladder", "accessory_spleen",
        "replaced_right_hepatic_artery",
    }  # fmt: skip


def behind(patient: SyntheticPatient, vessel: str, organ: str) -> bool:
    """Whether a vessel passes behind an organ: in its columns, farther to the back."""
    back = np.broadcast_to(patient.canvas.axes()[1], patient.canvas.shape)
    mask, other = patient.masks[vessel], patient.masks[organ]
    columns = mask.any(axis=1) & other.any(axis=1)
    last = np.where(other, back, -np.inf).max(axis=1)
    first = np.where(mask, back, np.inf).min(axis=1)
    return bool(columns.any() and (first[columns] > last[columns]).mean() > 0.6)


def test_an_aberrant_subclavian_artery_runs_behind_the_esophagus_in_one_piece() -> None:
    patient = varied("aberrant-right-subclavian")
    assert behind(patient, "subclavian_artery_right", "esophagus")
    joined = patient.masks["subclavian_artery_right"] | patient.masks["aorta"]
    count = ndimage.label(joined, np.ones((3, 3, 3)))[1]
    assert count == 1
    assert not behind(plain("lung"), "subclavian_artery_right", "esophagus")


def test_a_retroaortic_vein_runs_behind_the_aorta_to_the_vena_cava() -> None:
    patient = varied("retroaortic-left-renal-vein")
    assert behind(patient, "renal_vein_left", "aorta")
    assert not behind(plain("pancreas"), "renal_vein_left", "aorta")
    joined = ndimage.label(patient.masks["renal_vein_left"] | patient.masks["inferior_vena_cava"], np.ones((3, 3, 3)))[
        0
    ]
    assert len(np.unique(joined[patient.masks["renal_vein_left"]])) == 1


def test_kidneys_are_joined_before_the_aorta_or_one_is_gone() -> None:
    joined = varied("horseshoe-kidney").masks
    assert ndimage.label(joined["kidney_left"] | joined["kidney_right"], np.ones((3, 3, 3)))[1] == 1
    single = varied("absent-left-kidney").masks
    assert "kidney_left" not in single
    assert single["kidney_right"].sum() > 1.25 * plain("pancreas").masks["kidney_right"].sum()


def test_an_azygos_vein_of_a_lobe_of_its_own_lies_in_the_lung() -> None:
    patient = varied("azygos-lobe")
    added = patient.masks["azygos_vein"] & plain("lung").masks["lung_right"]
    assert added.sum() * patient.canvas.geometry.voxel_ml > 0.5
    assert patient.masks["fissure_right"].sum() > plain("lung").masks["fissure_right"].sum()


def test_a_raised_dome_shortens_the_right_lung_only() -> None:
    before, after = plain("lung").masks, varied("elevated-right-diaphragm").masks
    assert after["lung_right"].sum() < 0.95 * before["lung_right"].sum()
    assert np.array_equal(after["lung_left"], before["lung_left"])
    assert not (after["liver"] & after["lung_right"]).any()


def test_a_goiter_is_two_to_ten_times_as_large_and_leaves_the_airway_alone() -> None:
    before, after = plain("oropharynx").masks, varied("goiter").masks
    assert 2 < after["thyroid_gland"].sum() / before["thyroid_gland"].sum() < 10
    assert np.array_equal(after["trachea"], before["trachea"])


def test_glands_are_as_large_as_in_real_patients() -> None:
    after, voxel_ml = varied("gland-sizes").masks, plain("oropharynx").canvas.geometry.voxel_ml
    drawn = gland_volumes()
    for side in ("left", "right"):
        for name, volume in drawn.items():
            ml = after[f"{name}_{side}"].sum() * voxel_ml
            assert 0.9 * volume.least_ml < ml < 1.1 * volume.most_ml
    parotid, pairs = (
        drawn["parotid_gland"],
        [drawn["parotid_gland"].draw_ml(np.random.default_rng(n)) for n in range(400)],
    )
    assert parotid.median_ml == pytest.approx(np.median(pairs), rel=0.1)
    assert np.std([left / right for left, right in pairs]) < 0.2


@pytest.mark.slow
def test_the_table_of_real_glands_is_what_the_command_measures(shared_data: Path) -> None:
    assert measured(shared_data / "neck_organs") == gland_volumes()


def test_patients_of_the_cohorts_carry_no_feature() -> None:
    assert all(draw_plan(cancer, 7000, index).features == () for cancer in COHORTS for index in range(20))
    assert truth(plain("lung"))["features"] == []


@cache
def coarse(cancer: str, *names: str) -> SyntheticPatient:
    """Another patient, too coarse for scans."""
    return make_patient(with_features(draw_plan(cancer, COHORT, 1), names), 6.0, images=False)


@pytest.mark.parametrize("name", SHOWN)
def test_a_feature_of_scans_leaves_body_and_lesions_as_they_were(name: str) -> None:
    before, after = coarse(SHOWING[name]), coarse(SHOWING[name], name)
    assert all(np.array_equal(mask, after.masks[one]) for one, mask in before.masks.items())
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(before.lesions, after.lesions, strict=True))


@pytest.mark.parametrize(
    ("cancer", "name"), [("lung", "myocardium-absent"), ("lung", "brown-fat"), ("oropharynx", "tonsil-uptake")]
)
def test_a_feature_of_the_pet_leaves_every_voxel_of_the_ct(cancer: str, name: str) -> None:
    assert np.array_equal(scans(cancer, name)[0], scans(cancer)[0])
    assert not np.array_equal(scans(cancer, name)[1], scans(cancer)[1])


def test_a_feature_of_the_ct_leaves_every_voxel_of_the_pet_and_of_other_slices() -> None:
    assert np.array_equal(scans("lung", "pacemaker", "arterial")[1], scans("lung")[1])
    assert np.array_equal(scans("lung", "portal")[0], scans("lung")[0])


def test_tissues_that_a_phase_tells_apart_are_one_in_the_portal_phase() -> None:
    rows = {name: tissue for tissue, names in ROWS for name in names}
    veins = (
        "portal_vein", "superior_mesenteric_vein", "splenic_vein", "inferior_vena_cava", "renal_vein_{side}",
        "superior_vena_cava", "pulmonary_artery", "pulmonary_vein", "heart_ventricle_left", "azygos_vein",
    )  # fmt: skip
    for enhancement in (0.0, 0.8, 1.3):
        assert len({rows[name].hu(enhancement) for name in veins}) == 1
        assert (len({rows[name].hu(enhancement, "arterial") for name in veins}) > 1) == (enhancement > 0.0)


def test_every_name_does_something() -> None:
    assert set(FEATURES) == {*SHOWN, *DRAWN, "plain", "portal"}
    assert not set(SHOWN) & set(DRAWN)


@pytest.mark.parametrize(
    ("cancer", "shift", "names", "said"),
    [
        ("lung", None, ["fog"], "no feature is called 'fog'; expected some of: plain, arterial"),
        ("pancreas", None, ["dental-fillings"], "cannot be seen in the field of view of pancreas"),
        ("lung", None, ["arterial", "delayed"], "exclude one another"),
        ("lung", "nocontrast", ["arterial"], "has no phase"),
    ],
)
def test_what_cannot_be_is_refused(cancer: str, shift: str | None, names: list[str], said: str) -> None:
    with pytest.raises(ScopeError, match=said):
        with_features(draw_plan(cancer, COHORT, 0, shift), names)


def test_second_scans_for_training_show_features_at_their_shares() -> None:
    random = np.random.default_rng(3)
    drawn = [some_features("pancreas", random) for _ in range(2000)]
    counts = {name: sum(name in one for one in drawn) / len(drawn) for name in FEATURES}
    assert counts["biliary-stent"] == pytest.approx(FEATURES["biliary-stent"].share, abs=0.03)
    assert counts["dental-fillings"] == counts["horseshoe-kidney"] == 0
    plan = draw_plan("pancreas", 5, 0)
    assert all(with_features(plan, one).features == one for one in drawn)


def test_only_second_scans_of_patients_for_training_have_features() -> None:
    assert any(features_of_scans("larynx", 5, index, None, 2)[1] for index in range(5))
    assert all(features_of_scans("larynx", 5, index, None, 2)[0] == () for index in range(5))
    for seed in (1004, 7000, 8600):
        assert features_of_scans("larynx", seed, 0, None, 2) == [(), ()]


@pytest.mark.slow
def test_a_stored_patient_tells_the_features_of_every_scan() -> None:
    index = next(n for n in range(50) if "dental-fillings" in features_of_scans("larynx", 5, n, None, 2)[1])
    patient = make_stored("larynx", 5, index)
    assert list(patient.about["features"]) == features_of_scans("larynx", 5, index, None, 2)
    assert patient.ct[1].max() == 3071
