"""Degrees of a vessel's circumference in contact, on tubes whose encasement is known."""

from __future__ import annotations

import numpy as np
import pytest

import phantoms
from oncology.imaging.encasement import contact_angle_deg

SPACINGS = [(1.0, 0.7, 0.7), (1.0, 1.0, 1.0), (3.0, 1.0, 1.0)]


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("angle", [45, 90, 180, 270, 360])
@pytest.mark.parametrize("diameter", [12, 26])
def test_sleeve_of_a_known_angle_is_measured(
    spacing: tuple[float, float, float], angle: float, diameter: float
) -> None:
    grid = phantoms.make_grid((60, 70, 70), spacing)
    vessel = phantoms.cylinder(grid, (0.2, 0.3, 0), (0, 0, 1), diameter)
    sleeve = phantoms.cylinder(grid, (0.2, 0.3, 0), (0, 0, 1), diameter + 20, 25)
    tumor = sleeve & ~vessel & phantoms.wedge(grid, (0.2, 0.3, 0), angle)

    assert contact_angle_deg(tumor, vessel, grid) == pytest.approx(angle, abs=13)


@pytest.mark.parametrize("spacing", SPACINGS)
def test_small_artery_is_measured_to_a_voxel_of_its_circumference(spacing: tuple[float, float, float]) -> None:
    grid = phantoms.make_grid((50, 50, 50), spacing)
    vessel = phantoms.cylinder(grid, (0.2, 0.3, 0), (0, 0, 1), 7)
    tumor = phantoms.cylinder(grid, (0.2, 0.3, 0), (0, 0, 1), 27, 20) & ~vessel & phantoms.wedge(grid, (0, 0, 0), 180)

    assert contact_angle_deg(tumor, vessel, grid) == pytest.approx(180, abs=25)


@pytest.mark.parametrize("axis", [(1, 0, 0), (0.6, 0.2, 0.8), (0.3, 0.9, 0.3)])
def test_half_encased_oblique_vessel_is_cut_across_its_own_axis(axis: tuple[float, float, float]) -> None:
    grid = phantoms.make_grid((70, 70, 70))
    vessel = phantoms.cylinder(grid, (0, 0, 0), axis, 16)
    side = np.cross(axis, (0.3, 1, -0.5))
    tumor = phantoms.half_space(grid, (0, 0, 0), side) & phantoms.sphere(grid, (0, 0, 0), 40) & ~vessel

    assert contact_angle_deg(tumor, vessel, grid) == pytest.approx(180, abs=13)


def test_half_encased_arch_is_cut_across_its_local_axis() -> None:
    grid = phantoms.make_grid((90, 130, 60))
    aorta = phantoms.arch(grid, (0, 0, -20), 35, 25)
    left_half = phantoms.world(grid)[..., 0] > 0
    tumor = phantoms.sphere(grid, (0, 25, 5), 50) & left_half & ~aorta

    assert contact_angle_deg(tumor, aorta, grid) == pytest.approx(180, abs=13)


def test_flat_tumor_against_a_vessel_stays_far_below_a_quarter() -> None:
    grid = phantoms.make_grid((50, 80, 80), (1.0, 0.7, 0.7))
    vessel = phantoms.cylinder(grid, (0, 0, 0), (0, 0, 1), 26)
    tumor = phantoms.box(grid, (-20, 13, -12), (20, 30, 12)) & ~vessel

    assert 0 < contact_angle_deg(tumor, vessel, grid) < 60


def test_vessel_three_millimeters_away_has_no_contact() -> None:
    grid = phantoms.make_grid((50, 60, 60))
    vessel = phantoms.cylinder(grid, (0, 0, 0), (0, 0, 1), 10)

    assert contact_angle_deg(phantoms.box(grid, (-10, 8.2, -10), (10, 20, 10)), vessel, grid) == 0


def test_a_spur_of_the_vessel_inside_the_tumor_is_no_cross_section() -> None:
    grid = phantoms.make_grid((40, 50, 50), (2.0, 2.0, 2.0))
    aorta = phantoms.cylinder(grid, (0, 0, 0), (0, 0, 1), 20)
    tumor = phantoms.box(grid, (-14, 10, -14), (14, 30, 14)) & ~aorta
    spur = phantoms.box(grid, (0, 17, -3), (5, 22, 3))
    flat = contact_angle_deg(tumor, aorta, grid)

    assert contact_angle_deg(tumor, aorta | spur, grid) == pytest.approx(flat, abs=5)


def test_largest_of_several_places_counts() -> None:
    grid = phantoms.make_grid((90, 60, 60))
    vessel = phantoms.cylinder(grid, (0, 0, 0), (0, 0, 1), 16)
    sleeve = phantoms.cylinder(grid, (0, 0, 0), (0, 0, 1), 30, 60) & ~vessel
    low = phantoms.box(grid, (-30, -30, -30), (30, 30, 0)) & phantoms.wedge(grid, (0, 0, 0), 90)
    high = phantoms.box(grid, (-30, -30, 10), (30, 30, 30)) & phantoms.wedge(grid, (0, 0, 0), 270)

    assert contact_angle_deg(sleeve & (low | high), vessel, grid) == pytest.approx(270, abs=13)


def test_stub_of_a_branch_that_the_tumor_swallows_does_not_count_for_the_vessel() -> None:
    grid = phantoms.make_grid((60, 80, 80))
    vessel = phantoms.cylinder(grid, (0, 0, 0), (0, 0, 1), 28)
    stub = phantoms.cylinder(grid, (16, 0, 0), (1, 0, 0), 4, 8)
    tumor = phantoms.box(grid, (14, -12, -12), (34, 12, 12)) & ~vessel & ~stub

    assert contact_angle_deg(tumor, vessel | stub, grid) < 90


def test_one_branch_of_a_forked_vessel_is_measured_by_itself() -> None:
    grid = phantoms.make_grid((80, 60, 90))
    trunk = phantoms.cylinder(grid, (0, 0, -20), (0, 0, 1), 14, 40)
    fork = phantoms.cylinder(grid, (14, 0, 14), (1, 0, 1), 12, 44) | phantoms.cylinder(
        grid, (-14, 0, 14), (-1, 0, 1), 12, 44
    )
    tumor = phantoms.cylinder(grid, (20, 0, 20), (1, 0, 1), 26, 14) & ~(trunk | fork)

    assert contact_angle_deg(tumor, trunk | fork, grid) == pytest.approx(360, abs=15)
