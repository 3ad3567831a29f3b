"""Side, lobe, distances and cut-off findings."""

from __future__ import annotations

import numpy as np
import pytest

import phantoms
from oncology.findings import Laterality
from oncology.imaging.location import (
    distance_to_point_mm,
    find_laterality,
    region_shares,
    share_left,
    side_of_organ,
    touches_border,
)
from oncology.imaging.volume import Geometry, Volume

GRID = phantoms.make_grid((60, 90, 120), (2.0, 1.0, 1.0))
SPINE = phantoms.cylinder(GRID, (5, 30, 0), (0, 0, 1), 20)  # the patient lies 5 mm off the image's middle


def ball(x: float, y: float = 0, diameter: float = 16, z: float = 0) -> np.ndarray:
    return phantoms.sphere(GRID, (x, y, z), diameter)


def test_finding_left_of_the_spine_is_left() -> None:
    assert find_laterality(ball(40), GRID, {"vertebrae_T5": SPINE}) is Laterality.LEFT


def test_finding_right_of_the_spine_is_right_even_in_the_images_left_half() -> None:
    grid = phantoms.make_grid((60, 90, 120), (2.0, 1.0, 1.0), center_lps=(-30, 0, 0))
    spine = phantoms.cylinder(grid, (5, 30, 0), (0, 0, 1), 20)

    assert find_laterality(phantoms.sphere(grid, (-12, 0, 0), 16), grid, {"spine": spine}) is Laterality.RIGHT


def test_finding_in_front_of_the_spine_is_midline() -> None:
    assert find_laterality(ball(6), GRID, {"spine": SPINE}) is Laterality.MIDLINE


def test_lung_around_it_decides_the_side_of_a_central_tumor() -> None:
    tumor = ball(9, diameter=20)
    lung = ball(20, diameter=60) & ~tumor

    assert find_laterality(tumor, GRID, {"spine": SPINE, "lung_left": lung}) is Laterality.LEFT


def test_scoliosis_moves_the_midline_with_the_level() -> None:
    grid = phantoms.make_grid((100, 80, 100), (2.0, 1.0, 1.0))
    spine = phantoms.cylinder(grid, (0, 25, 0), (0.5, 0, 1), 16)

    high = phantoms.sphere(grid, (6, 0, 40), 12)  # the spine is at x = 20 there

    assert find_laterality(high, grid, {"spine": spine}) is Laterality.RIGHT


def test_side_is_unknown_without_anything_that_shows_the_midline() -> None:
    assert find_laterality(ball(40), GRID, {"aorta": ball(10, 20)}) is None


def test_body_cut_off_at_one_side_does_not_show_the_midline() -> None:
    body = phantoms.box(GRID, (-20, -40, -60), (60, 40, 60))

    assert share_left(ball(0), GRID, {"body": body}) is None


def test_whole_body_shows_the_midline_when_there_is_no_spine() -> None:
    body = phantoms.box(GRID, (-30, -40, -60), (50, 40, 60))

    assert share_left(ball(10), GRID, {"body": body}) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("order", "flips"), [((0, 1, 2), (2,)), ((2, 1, 0), (0, 1)), ((1, 2, 0), ())])
def test_side_is_the_patients_on_every_orientation(order: tuple[int, ...], flips: tuple[int, ...]) -> None:
    mask, spine = (phantoms.reoriented(Volume(each, GRID), order, flips) for each in (ball(40), SPINE))

    assert find_laterality(mask.array, mask.geometry, {"spine": spine.array}) is Laterality.LEFT


@pytest.mark.parametrize(
    ("center", "side"),
    [((4, -10, 0), Laterality.MIDLINE), ((24, 0, 0), Laterality.LEFT), ((-12, 0, 0), Laterality.RIGHT)],
)
def test_beside_the_esophagus_is_a_side_before_it_is_the_midline(center: tuple[int, ...], side: Laterality) -> None:
    esophagus = phantoms.cylinder(GRID, (6, 0, 0), (0, 0, 1), 16)
    assert side_of_organ(phantoms.sphere(GRID, center, 8), esophagus, GRID) is side


def test_an_organ_that_is_not_seen_at_that_height_shows_no_side() -> None:
    node = phantoms.sphere(GRID, (4, 0, 22), 8)
    assert side_of_organ(node, phantoms.sphere(GRID, (6, 0, -20), 16), GRID) is None


def test_tumor_belongs_to_the_lobe_that_holds_most_of_it() -> None:
    upper, lower = phantoms.box(GRID, (20, -40, 0), (60, 40, 60)), phantoms.box(GRID, (20, -40, -60), (60, 40, 0))
    tumor = ball(40, z=4, diameter=16)

    shares = region_shares(tumor, GRID, {"lung_lower_lobe_left": lower, "lung_upper_lobe_left": upper})

    assert list(shares) == ["lung_upper_lobe_left", "lung_lower_lobe_left"]
    assert shares["lung_upper_lobe_left"] == pytest.approx(0.84, abs=0.06)  # a ball cut 4 mm off its middle


def test_tumor_left_out_of_the_lobes_goes_to_the_nearest() -> None:
    tumor = ball(40, z=20, diameter=20)
    upper = phantoms.box(GRID, (20, -40, 0), (60, 40, 60)) & ~tumor
    lower = phantoms.box(GRID, (20, -40, -60), (60, 40, 0))

    shares = region_shares(tumor, GRID, {"lung_upper_lobe_left": upper, "lung_lower_lobe_left": lower})

    assert shares["lung_upper_lobe_left"] > 0.95


def test_no_region_holds_a_finding_far_from_all() -> None:
    assert region_shares(ball(-40), GRID, {"lung_upper_lobe_left": ball(40)}) == {}


def test_distance_to_a_landmark_is_from_the_surface() -> None:
    assert distance_to_point_mm(ball(40, diameter=20), GRID, (0.0, 0.0, 0.0)) == pytest.approx(30, abs=0.8)
    assert distance_to_point_mm(ball(40, diameter=20), GRID, (42.0, 0.0, 0.0)) == 0


def test_finding_on_the_last_slice_touches_the_border() -> None:
    grid = Geometry((5, 5, 5), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    mask = np.zeros(grid.shape, bool)
    mask[2, 2, 2] = True
    assert not touches_border(mask)

    mask[4, 2, 2] = True

    assert touches_border(mask)
