"""Lengths of one organ on phantoms whose lengths are known."""

from __future__ import annotations

import numpy as np
import pytest

import phantoms
from oncology.findings import Laterality
from oncology.imaging.organ import organ_measures, wall_mm
from oncology.imaging.volume import Volume

GRID = phantoms.make_grid((260, 60, 60), (2.0, 1.0, 1.0))


def gullet() -> np.ndarray:
    """A straight esophagus from 100 mm above to 100 mm below the middle."""
    return phantoms.cylinder(GRID, (0, 0, 0), (0, 0, 1), 18, 200)


def tumor_at(height_mm: float, length_mm: float = 50.0) -> np.ndarray:
    return phantoms.cylinder(GRID, (0, 0, height_mm), (0, 0, 1), 28, length_mm)


def measured(tumor: np.ndarray, **landmarks: tuple[float, float, float]) -> dict[str, float]:
    ct = Volume(np.full(GRID.shape, 40.0), GRID)
    return organ_measures("esophagus", tumor, ct, {"esophagus": gullet()}, landmarks, None)


def test_length_runs_along_the_esophagus() -> None:
    assert measured(tumor_at(10.0))["length_along_mm"] == pytest.approx(50, abs=3)


def test_a_slanted_esophagus_is_longer_than_its_height() -> None:
    slanted = phantoms.cylinder(GRID, (0, 0, 0), (0.5, 0, 1), 16, 90)
    tumor = slanted & phantoms.box(GRID, (-60, -60, -20), (60, 60, 20))
    ct = Volume(np.full(GRID.shape, 40.0), GRID)
    found = organ_measures("esophagus", tumor, ct, {"esophagus": slanted}, {}, None)
    assert found["length_along_mm"] == pytest.approx(40 * np.hypot(1, 0.5), rel=0.08)


def test_distance_from_the_incisors_adds_fifteen_centimeters_to_the_cricoid() -> None:
    found = measured(tumor_at(0.0), cricoid=(0.0, 0.0, 100.0))
    assert found["center_from_incisors_mm"] == pytest.approx(250, abs=4)
    assert found["top_from_incisors_mm"] == pytest.approx(225, abs=4)


def test_the_cricoid_cartilage_stands_in_for_a_landmark() -> None:
    ct = Volume(np.full(GRID.shape, 40.0), GRID)
    masks = {"esophagus": gullet(), "cricoid_cartilage": phantoms.box(GRID, (-15, -20, 100), (15, 10, 120))}
    found = organ_measures("esophagus", tumor_at(0.0), ct, masks, {}, None)
    assert found["center_from_incisors_mm"] == pytest.approx(250, abs=4)


def test_the_center_above_the_junction_is_signed() -> None:
    junction = (0.0, 0.0, -60.0)
    assert measured(tumor_at(-30.0), egj=junction)["center_above_egj_mm"] == pytest.approx(30, abs=4)
    assert measured(tumor_at(-75.0), egj=junction)["center_above_egj_mm"] == pytest.approx(-15, abs=4)


def test_without_the_upper_end_the_junction_gives_the_distance_from_the_incisors() -> None:
    found = measured(tumor_at(-30.0), egj=(0.0, 0.0, -60.0))
    assert found["center_from_incisors_mm"] == pytest.approx(370, abs=4)


def test_a_scan_that_shows_neither_end_gives_no_distance() -> None:
    assert "center_from_incisors_mm" not in measured(tumor_at(0.0))


def test_the_wall_of_a_ring_around_air_is_its_thickness() -> None:
    ring, lumen = tumor_at(0.0), phantoms.cylinder(GRID, (0, 0, 0), (0, 0, 1), 8, 60)
    ct = Volume(np.where(lumen, -900.0, 40.0), GRID)
    assert wall_mm(ring, ct) == pytest.approx((28 - 8) / 2, abs=2.0)


@pytest.mark.parametrize(("gap_mm", "reaches"), [(4.0, True), (40.0, False)])
def test_airless_lung_behind_a_tumor_is_measured_up_to_the_main_bronchus(gap_mm: float, reaches: bool) -> None:
    grid = phantoms.make_grid((100, 100, 160), (2.0, 2.0, 2.0))
    lung = phantoms.box(grid, (10, -45, -45), (75, 45, 45))
    tumor = phantoms.sphere(grid, (50, 0, 0), 24)
    airless = phantoms.box(grid, (2 + gap_mm, -20, -20), (60, 20, 20)) & ~tumor
    masks = {"lung_left": lung, "atelectasis": airless, "main_bronchus_left": phantoms.sphere(grid, (-4, 0, 0), 12)}
    ct = Volume(np.full(grid.shape, 40.0), grid)
    found = organ_measures("lung", tumor, ct, masks, {}, Laterality.LEFT)
    assert (found["collapse_to_hilum_mm"] <= 15) is reaches
    assert found["collapsed_share"] == pytest.approx(airless.sum() / (lung | airless | tumor).sum(), abs=0.01)


@pytest.mark.parametrize("axis", [(0, 0, 1), (0, 1, 0), (1, 1, 0)])
def test_a_flat_tumor_of_the_mouth_is_as_thick_as_it_is_whichever_way_it_lies(axis: tuple[float, float, float]) -> None:
    fine = phantoms.make_grid((60, 60, 60), (1.0, 1.0, 1.0))
    flat = phantoms.cylinder(fine, (0, 0, 0), axis, 28, 8)
    ct = Volume(np.full(fine.shape, 40.0), fine)
    assert organ_measures("oral_cavity", flat, ct, {}, {}, None)["thickness_mm"] == pytest.approx(8.0, abs=1.1)
