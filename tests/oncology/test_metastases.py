"""Candidates for metastases on phantoms: organs that are hot in health are none, foci in bone, liver, adrenals are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import phantoms
from oncology.findings import CaseId, Findings, Laterality, Node, Tumor
from oncology.imaging.survey import Scene
from oncology.imaging.volume import Volume
from oncology.metastases import find_candidates

GRID = phantoms.make_grid((240, 200, 240), (3.0, 3.0, 3.0))
ORGANS = {
    "brain": phantoms.sphere(GRID, (0, 0, 85), 50),
    "urinary_bladder": phantoms.sphere(GRID, (0, 0, -95), 36),
    "liver": phantoms.sphere(GRID, (-60, 0, -40), 70),
    "heart": phantoms.sphere(GRID, (20, -40, 20), 50),
    "vertebrae_T8": phantoms.box(GRID, (-18, 50, 0), (18, 80, 30)),
    "adrenal_gland_left": phantoms.ellipsoid(GRID, (45, 30, -45), (8, 8, 24)),
    "lung_left": phantoms.ellipsoid(GRID, (75, 10, 30), (50, 80, 90)),
    "lung_right": phantoms.ellipsoid(GRID, (-75, 10, 40), (50, 80, 60)),
}
USUAL_SUV = {"brain": 9.0, "urinary_bladder": 30.0, "liver": 2.0, "heart": 5.0}
TUMOR = Tumor("tumor-1", 10.0, 27.0, 27.0, 27.0, 27.0, Laterality.RIGHT, None, (-75.0, 10.0, 40.0))


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 1.0, GRID.shape)


def scene(
    hot: Mapping[tuple[float, float, float], float], *, hu: Mapping[str, float] | None = None, **structures: np.ndarray
) -> Scene:
    """A body with the usual uptake, the tumor, and foci of 16 mm of the given SUV at the given places."""
    masks = {**ORGANS, **structures}
    suv, ct = np.full(GRID.shape, 0.8), np.full(GRID.shape, 40.0)
    for name, value in USUAL_SUV.items():
        suv[masks[name]] = value
    ct[masks["liver"]] = 105.0
    suv[phantoms.sphere(GRID, TUMOR.centroid_lps, 27)] = 8.0
    for place, value in hot.items():
        suv[phantoms.sphere(GRID, place, 16)] = value
    for name, value in (hu or {}).items():
        ct[masks[name]] = value
    return Scene(
        Volume(ct + 6.0 * noise(1), GRID), Volume(suv * (1 + 0.08 * noise(2)), GRID), masks, {}, lambda mask, point: {}
    )


def sites(where: Scene, cancer: str = "lung", **changes: Any) -> list[str]:
    findings = Findings(CaseId("0123456789abcdef"), cancer, tumors=(TUMOR,), **changes)
    return [candidate.site for candidate in find_candidates(where, findings, cancer)]


def test_brain_bladder_heart_and_the_primary_are_never_candidates() -> None:
    assert sites(scene({})) == []


def test_a_focus_beside_the_bladder_wall_is_spill_and_no_candidate() -> None:
    assert sites(scene({(0, 0, -79): 12.0})) == []


@pytest.mark.parametrize(
    ("place", "site"),
    [
        ((0, 65, 15), "bone"),
        ((-60, 0, -40), "liver"),
        ((45, 30, -45), "adrenal_left"),
        ((80, 10, 40), "contralateral_lung_nodule"),
    ],
)
def test_a_hot_focus_is_a_candidate_of_the_organ_that_holds_it(place: tuple[float, float, float], site: str) -> None:
    found = find_candidates(scene({place: 9.0}), Findings(CaseId("0123456789abcdef"), "lung", tumors=(TUMOR,)), "lung")
    assert [candidate.site for candidate in found] == [site]
    assert found[0].confirmed is None
    assert found[0].suv_max == pytest.approx(9.0, rel=0.35)
    assert found[0].centroid_lps == pytest.approx(place, abs=4.0)


@pytest.mark.parametrize(("x", "expected"), [(95.0, ["other"]), (112.0, [])])
def test_a_nodule_at_the_pleura_counts_as_lung_and_one_in_the_chest_wall_does_not(
    x: float, expected: list[str]
) -> None:
    around = {
        "chest_wall": phantoms.box(GRID, (101, -80, -20), (130, 90, 80)),
        "mediastinum": phantoms.box(GRID, (-48, -60, -10), (48, 60, 90)),
        "diaphragm": phantoms.box(GRID, (-100, -60, -24), (100, 60, -18)),
        "lung_left": ORGANS["lung_left"] & ~phantoms.sphere(GRID, (x, 10, 30), 20),
    }
    assert sites(scene({(x, 10, 30): 9.0}, **around), "esophagus") == expected


def test_a_focus_too_small_for_bone_is_a_candidate_in_aerated_lung() -> None:
    def small(place: tuple[float, float, float], cancer: str) -> list[str]:
        where = scene({})
        assert where.suv is not None
        where.suv.array[phantoms.sphere(GRID, place, 7)] = 6.0
        return sites(where, cancer)

    assert small((75, 10, 30), "esophagus") == ["other"]
    assert small((0, 65, 15), "esophagus") == []


def test_uptake_as_low_as_the_liver_is_no_candidate() -> None:
    assert sites(scene({(0, 65, 15): 2.6})) == []


def test_hot_brown_fat_is_told_apart_by_its_hounsfield_units() -> None:
    place = (0, 65, 15)
    fat = phantoms.sphere(GRID, place, 16)
    assert sites(scene({place: 9.0}, hu={"fat": -90.0}, fat=fat)) == []


@pytest.mark.parametrize(("hu", "expected"), [(165.0, []), (85.0, ["liver"])])
def test_uptake_brighter_than_the_liver_is_the_kidney_in_its_mask_and_no_metastasis(
    hu: float, expected: list[str]
) -> None:
    place = (-65, 20, -45)
    assert sites(scene({place: 6.0}, hu={"focus": hu}, focus=phantoms.sphere(GRID, place, 16))) == expected


def test_hot_tissue_that_no_organ_names_is_left_to_the_reader() -> None:
    assert sites(scene({(0, -80, -60): 9.0})) == []


def test_a_measured_node_is_not_found_again() -> None:
    place = (0.0, 65.0, 15.0)
    node = Node("node-1", "7", None, 14.0, 18.0, 2.0, place)
    assert sites(scene({place: 9.0}), nodes=(node,)) == []


def test_a_suspicious_node_out_of_the_region_is_a_candidate_and_a_small_cold_one_is_not() -> None:
    def node(suv: float) -> Node:
        return Node("node-1", "axillary_left", Laterality.LEFT, 8.0, 12.0, 0.5, (100.0, 0.0, 60.0), suv_max=suv)

    assert sites(scene({}), nodes=(node(6.0),)) == ["non_regional_lymph_node"]
    assert sites(scene({}), nodes=(node(1.0),)) == []


def test_a_proposed_tumor_of_the_other_lung_is_a_candidate_until_confirmed() -> None:
    other = Tumor("tumor-2", 0.5, 9.0, 9.0, 9.0, 9.0, Laterality.LEFT, None, (75.0, 0.0, 0.0), needs_confirmation=True)
    findings = Findings(CaseId("0123456789abcdef"), "lung", tumors=(TUMOR, other))
    assert [item.site for item in find_candidates(scene({}), findings, "lung")] == ["contralateral_lung_nodule"]


def test_a_candidate_is_as_long_as_its_mask_within_axial_slices() -> None:
    sheet = phantoms.box(GRID, (-60, -60, 30), (30, 60, 48))  # 90 x 120 mm, of the volume of a ball of 72 mm
    findings = Findings(CaseId("0123456789abcdef"), "lung", tumors=(TUMOR,))
    (fluid,) = find_candidates(scene({}, pleural_effusion=sheet), findings, "lung")
    assert fluid.axial_diameter_mm == pytest.approx(150.0, abs=3.0)
    (focus,) = find_candidates(scene({(0, 65, 15): 9.0}), findings, "lung")
    assert focus.axial_diameter_mm == pytest.approx(16.0, abs=3.0)


@pytest.mark.parametrize(("hu", "expected"), [(38.0, ["adrenal_right"]), (2.0, [])])
def test_a_thick_adrenal_is_a_candidate_unless_it_is_as_light_as_an_adenoma(hu: float, expected: list[str]) -> None:
    gland = phantoms.sphere(GRID, (-30, 40, -45), 24)
    assert sites(scene({}, hu={"adrenal_gland_right": hu}, adrenal_gland_right=gland)) == expected


@pytest.mark.parametrize(("hu", "expected"), [(60.0, ["liver"]), (3.0, []), (98.0, [])])
def test_a_dark_round_focus_in_the_liver_is_a_candidate_and_a_cyst_is_not(hu: float, expected: list[str]) -> None:
    focus = phantoms.sphere(GRID, (-60, 0, -40), 20)
    assert sites(scene({}, hu={"focus": hu}, focus=focus)) == expected


def test_muscle_beside_the_liver_that_its_mask_took_in_is_no_candidate() -> None:
    """A bulge of dark muscle at the border, which the mask holds with its rim."""
    muscle = phantoms.box(GRID, (-95, -40, -100), (-82, 40, 20))
    bulge = phantoms.sphere(GRID, (-80, 0, -40), 14)
    dark = muscle | bulge
    held = ORGANS["liver"] & ~phantoms.box(GRID, (-120, -60, -120), (-95, 60, 60))
    assert sites(scene({}, hu={"dark": 60.0}, dark=dark, liver=held)) == []


def test_the_fat_of_the_livers_hilum_beside_its_vessels_is_no_candidate() -> None:
    hilum = phantoms.sphere(GRID, (-60, 0, -40), 20)
    fat = hilum & phantoms.cylinder(GRID, (-54, 0, -40), (0, 0, 1), 9, 20)
    assert sites(scene({}, hu={"hilum": 65.0, "fat": -90.0}, hilum=hilum, fat=fat)) == []


def test_pleural_fluid_is_a_candidate_from_its_volume_on() -> None:
    fluid = phantoms.box(GRID, (60, 40, 0), (100, 50, 50))
    assert sites(scene({}, pleural_effusion=fluid)) == ["pleural_effusion"]


def test_for_another_cancer_a_focus_in_either_lung_is_a_distant_candidate() -> None:
    assert sites(scene({(80, 10, 40): 9.0}), cancer="pancreas") == ["other"]


def test_without_a_pet_ct_alone_is_looked_at() -> None:
    whole = scene({(0, 65, 15): 9.0})
    assert sites(Scene(whole.ct, None, whole.structures, {}, whole.guess_lobe)) == []


# Two vertebral bodies with the disc between them, as a mask of the spine holds them, and lungs, on CT without PET.
FINE = phantoms.make_grid((110, 110, 170), (2.0, 1.5, 1.5))
MARROW_HU, CORTEX_HU, DISC_HU = 170.0, 500.0, 90.0
SPINE = phantoms.cylinder(FINE, (0, 25, 0), (0, 0, 1), 44, 80)
CANAL = phantoms.cylinder(FINE, (0, 56, 0), (0, 0, 1), 18, 80)
ARCH = phantoms.cylinder(FINE, (0, 56, 0), (0, 0, 1), 28, 80) & ~CANAL & ~SPINE
DISC = SPINE & phantoms.box(FINE, (-40, -20, -5), (40, 60, 5))
LUNG = phantoms.ellipsoid(FINE, (-50, 0, 0), (56, 80, 96))


def plain_ct(painted: Mapping[str, tuple[np.ndarray, float]], marrow: float = MARROW_HU) -> Scene:
    """A spine and a lung with vessels, 20 HU of noise; `painted` HU over its masks."""
    ct = np.full(FINE.shape, 40.0)
    ct[LUNG] = -850.0
    ct[LUNG & phantoms.cylinder(FINE, (-50, 0, 0), (0.3, 1.0, 0.4), 7)] = 120.0
    ct[LUNG & phantoms.cylinder(FINE, (-50, 0, 0), (0.2, 0.5, -1.0), 6)] = 120.0
    ct[SPINE | ARCH] = CORTEX_HU
    ct[phantoms.cylinder(FINE, (0, 25, 0), (0, 0, 1), 40, 76) & ~phantoms.box(FINE, (-40, -20, -7), (40, 60, 7))] = (
        marrow
    )
    ct[DISC] = DISC_HU
    for mask, hu in painted.values():
        ct[mask] = hu
    ct += np.random.default_rng(3).normal(0.0, 20.0, FINE.shape)
    masks = {"spine": SPINE | ARCH, "spinal_canal": CANAL, "lung_right": LUNG}
    return Scene(Volume(ct, FINE), None, masks, {}, lambda mask, point: {})


def on_ct(where: Scene, cancer: str = "esophagus") -> list[str]:
    findings = Findings(CaseId("0123456789abcdef"), cancer)
    return [candidate.site for candidate in find_candidates(where, findings, cancer)]


def test_a_healthy_spine_with_its_disc_and_a_lung_with_its_vessels_hold_no_candidate_on_ct() -> None:
    assert on_ct(plain_ct({})) == []


@pytest.mark.parametrize(("hu", "marrow"), [(60.0, 170.0), (600.0, 170.0), (600.0, 70.0)])
def test_a_hole_or_a_dense_focus_in_the_marrow_is_a_candidate_of_bone_without_a_pet(hu: float, marrow: float) -> None:
    focus = phantoms.sphere(FINE, (0, 22, 23), 15)
    where = plain_ct({"focus": (focus, hu)}, marrow)
    findings = Findings(CaseId("0123456789abcdef"), "lung")
    (found,) = find_candidates(where, findings, "lung")
    assert (found.site, found.confirmed) == ("bone", None)
    assert found.centroid_lps == pytest.approx((0, 22, 23), abs=2.0)
    assert found.axial_diameter_mm == pytest.approx(15.0, abs=4.0)


@pytest.mark.parametrize(
    ("mask", "hu", "marrow"),
    [
        pytest.param(phantoms.sphere(FINE, (0, 22, 23), 8), 60.0, 170.0, id="too small"),
        pytest.param(phantoms.sphere(FINE, (0, 22, 23), 15), 60.0, 90.0, id="porous marrow as dark as tumor"),
        pytest.param(phantoms.sphere(FINE, (0, 22, 23), 15), -60.0, 170.0, id="fat: hemangioma, focal marrow"),
        pytest.param(phantoms.sphere(FINE, (0, 22, 23), 15), 8.0, 170.0, id="fluid: cyst"),
        pytest.param(phantoms.sphere(FINE, (0, 22, 23), 15), 1100.0, 170.0, id="bone island"),
        pytest.param(phantoms.sphere(FINE, (0, 22, 8), 15), 80.0, 170.0, id="Schmorl node"),
        pytest.param(phantoms.box(FINE, (-14, 10, 7), (14, 40, 16)), 600.0, 170.0, id="sclerosis of the end plate"),
        pytest.param(phantoms.sphere(FINE, (0, 6, 30), 14) & SPINE, 600.0, 170.0, id="osteophyte at the border"),
        pytest.param(
            SPINE & phantoms.cylinder(FINE, (0, 40, 23), (0, 1, 0), 11, 30), 90.0, 170.0, id="basivertebral vein"
        ),
    ],
)
def test_what_mimics_a_lesion_of_bone_is_none_on_ct(mask: np.ndarray, hu: float, marrow: float) -> None:
    assert on_ct(plain_ct({"mimic": (mask, hu)}, marrow)) == []


def test_with_a_pet_bone_and_lung_are_judged_by_uptake_alone() -> None:
    focus, nodule = phantoms.sphere(FINE, (0, 22, 23), 15), phantoms.sphere(FINE, (-60, 20, 24), 9)
    alone = plain_ct({"focus": (focus, 60.0), "nodule": (nodule, 30.0)})
    cold = Scene(alone.ct, Volume(np.full(FINE.shape, 0.8), FINE), alone.structures, {}, alone.guess_lobe)
    assert on_ct(alone) == ["bone", "other"]
    assert on_ct(cold) == []


def test_in_a_bone_that_only_an_embedded_network_drew_nothing_is_looked_for() -> None:
    where = plain_ct({"focus": (phantoms.sphere(FINE, (0, 22, 23), 15), 60.0)})
    assert on_ct(where) == ["bone"]
    assert on_ct(replace(where, unproven=frozenset({"spine"}))) == []


def test_a_lesion_of_bone_that_a_measured_tumor_reaches_is_no_metastasis() -> None:
    focus = phantoms.sphere(FINE, (0, 22, 23), 15)
    tumor = Tumor("tumor-1", 30.0, 40.0, 40.0, 40.0, 40.0, None, None, (0.0, 0.0, 23.0))
    findings = Findings(CaseId("0123456789abcdef"), "esophagus", tumors=(tumor,))
    where = plain_ct({"focus": (focus, 60.0)})
    assert find_candidates(where, findings, "esophagus") == ()


@pytest.mark.parametrize(("cancer", "expected"), [("pancreas", ["other"]), ("larynx", ["other"]), ("lung", [])])
def test_without_a_pet_a_solid_nodule_of_the_lung_is_a_candidate_for_cancers_of_other_organs(
    cancer: str, expected: list[str]
) -> None:
    assert on_ct(plain_ct({"nodule": (phantoms.sphere(FINE, (-60, 20, 24), 9), 30.0)}), cancer) == expected


@pytest.mark.parametrize(
    ("mask", "hu"),
    [
        pytest.param(phantoms.sphere(FINE, (-60, 20, 24), 4.5), 30.0, id="below 6 mm"),
        pytest.param(phantoms.sphere(FINE, (-60, 20, 24), 9), 500.0, id="calcified granuloma"),
        pytest.param(phantoms.sphere(FINE, (-60, 20, 24), 9), -600.0, id="ground glass"),
        pytest.param(LUNG & phantoms.box(FINE, (-80, 20, 22), (-20, 60, 28)), 30.0, id="plate of atelectasis"),
        pytest.param(LUNG & ~phantoms.ellipsoid(FINE, (-50, 0, 0), (46, 70, 86)), 30.0, id="thick pleura"),
    ],
)
def test_what_mimics_a_nodule_of_the_lung_is_none(mask: np.ndarray, hu: float) -> None:
    assert on_ct(plain_ct({"mimic": (mask, hu)})) == []
