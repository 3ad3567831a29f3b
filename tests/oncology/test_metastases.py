"""Candidates for metastases on phantoms: organs that are hot in health are none, foci in bone, liver, adrenals are."""

from __future__ import annotations

from collections.abc import Mapping
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


@pytest.mark.parametrize(("hu", "expected"), [(38.0, ["adrenal_right"]), (2.0, [])])
def test_a_thick_adrenal_is_a_candidate_unless_it_is_as_light_as_an_adenoma(hu: float, expected: list[str]) -> None:
    gland = phantoms.sphere(GRID, (-30, 40, -45), 24)
    assert sites(scene({}, hu={"adrenal_gland_right": hu}, adrenal_gland_right=gland)) == expected


@pytest.mark.parametrize(("hu", "expected"), [(60.0, ["liver"]), (3.0, []), (98.0, [])])
def test_a_dark_round_focus_in_the_liver_is_a_candidate_and_a_cyst_is_not(hu: float, expected: list[str]) -> None:
    focus = phantoms.sphere(GRID, (-60, 0, -40), 20)
    assert sites(scene({}, hu={"focus": hu}, focus=focus)) == expected


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
