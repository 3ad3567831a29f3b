"""Contact area, depth and angle on phantoms whose contact is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

import phantoms
from oncology.errors import ContourError
from oncology.imaging.contact import contact_area_mm2, contacts, depth_and_thickness_mm
from oncology.imaging.volume import Geometry, Volume

SPACINGS = [(1.0, 0.7, 0.7), (1.0, 1.0, 1.0), (3.0, 1.0, 1.0), (5.0, 1.0, 1.0)]


def area(tumor: np.ndarray, structure: np.ndarray, grid: Geometry) -> float:
    return contact_area_mm2(tumor, structure, grid.spacing_mm)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_box_on_a_slab_touches_with_its_face(spacing: tuple[float, float, float], axis: int) -> None:
    grid = phantoms.make_grid((90, 84, 84), spacing)
    tumor = phantoms.box(grid, (-15, -15, -15), (15, 15, 15))
    low = [-45.0] * 3
    low[axis] = 15
    sides = [(np.ptp(np.argwhere(tumor)[:, 2 - side]) + 1) * spacing[2 - side] for side in range(3) if side != axis]

    found = area(tumor, phantoms.box(grid, low, (45, 45, 45)), grid)

    assert found == pytest.approx(math.prod(sides), rel=0.05)


@pytest.mark.parametrize("spacing", SPACINGS)
def test_ball_in_a_shell_touches_with_its_whole_surface(spacing: tuple[float, float, float]) -> None:
    grid = phantoms.make_grid((60, 60, 60), spacing)
    tumor = phantoms.sphere(grid, (0.2, 0.1, 0.3), 30)
    shell = phantoms.sphere(grid, (0.2, 0.1, 0.3), 44) & ~tumor

    assert area(tumor, shell, grid) == pytest.approx(math.pi * 30**2, rel=0.04)


@pytest.mark.parametrize("normal", [(1, 0, 0), (1, 1, 0), (1, 2, 0), (1, 1, 1), (0, 1, 2)])
@pytest.mark.parametrize("spacing", SPACINGS)
def test_slanted_contact_is_not_overrated_by_voxel_stairs(
    spacing: tuple[float, float, float], normal: tuple[float, float, float]
) -> None:
    grid = phantoms.make_grid((80, 80, 80), spacing)
    wall = phantoms.half_space(grid, (0.1, 0.2, 0.3), normal)

    found = area(phantoms.cylinder(grid, (0, 0, 0), normal, 40) & wall, ~wall, grid)

    assert found == pytest.approx(math.pi * 20**2, rel=0.06)


def test_gap_of_one_small_voxel_is_contact_and_two_millimeters_are_not() -> None:
    grid = phantoms.make_grid((40, 40, 40))
    tumor = phantoms.box(grid, (-10, -10, -10), (10, 10, 0))

    assert area(tumor, phantoms.box(grid, (-20, -20, 1), (20, 20, 20)), grid) == pytest.approx(400, rel=0.05)
    assert area(tumor, phantoms.box(grid, (-20, -20, 2), (20, 20, 20)), grid) == 0


def test_gap_of_one_thick_slice_is_no_contact() -> None:
    grid = phantoms.make_grid((60, 40, 40), (5.0, 1.0, 1.0))
    tumor = phantoms.box(grid, (-10, -10, -20), (10, 10, 0))

    assert area(tumor, phantoms.box(grid, (-20, -20, 5), (20, 20, 30)), grid) == 0


def test_tumor_grown_into_a_wall_counts_its_surface_inside_and_its_depth() -> None:
    grid = phantoms.make_grid((60, 60, 60))
    tumor = phantoms.sphere(grid, (0, 0, 0), 30)
    wall = phantoms.box(grid, (7, -30, -30), (30, 30, 30))

    (found,) = contacts(tumor, {"chest_wall": wall}, grid)

    cap = 2 * math.pi * 15 * (15 - 7)
    assert found.contact_mm2 == pytest.approx(cap, rel=0.07)
    assert found.depth_mm == pytest.approx(8, abs=1)
    assert found.angle_deg is None


def test_vessel_swallowed_by_the_tumors_mask_is_in_contact_all_around() -> None:
    grid = phantoms.make_grid((60, 60, 60))
    vessel = phantoms.cylinder(grid, (0, 0, 0), (0, 0, 1), 10)
    tumor = phantoms.cylinder(grid, (0, 0, 0), (0, 0, 1), 30, 20)

    (found,) = contacts(tumor, {"superior_mesenteric_artery": vessel}, grid)

    assert found.angle_deg == 360
    assert found.contact_mm2 == pytest.approx(math.pi * 10 * 20, rel=0.1)
    assert found.depth_mm == pytest.approx(5, abs=1)


def test_depth_is_exact_where_the_surface_is_far_from_the_tumor() -> None:
    grid = phantoms.make_grid((50, 50, 120))
    organ = phantoms.box(grid, (-60, -30, -30), (35, 30, 30))

    depth, _ = depth_and_thickness_mm(phantoms.box(grid, (10, -2, -2), (14, 2, 2)), organ, grid)

    assert depth == pytest.approx(25, abs=0.1)  # from the wall at 35 to the tumor's far edge at 10


@pytest.mark.parametrize("thick", [4, 10])
def test_a_plate_that_a_tumor_goes_through_tells_how_thick_it_is_there(thick: int) -> None:
    """No depth inside a plate is more than half its thickness: the thickness says how much of the way that is."""
    grid = phantoms.make_grid((60, 60, 60))
    plate = phantoms.box(grid, (-28, -28, 0), (28, 28, thick))
    tumor = phantoms.box(grid, (-8, -8, -10), (8, 8, 20))

    (found,) = contacts(tumor, {"thyroid_cartilage": plate}, grid)

    assert found.thickness_mm == pytest.approx(thick, abs=1)
    assert found.depth_mm == pytest.approx(found.thickness_mm / 2)


def test_a_structure_that_is_only_touched_tells_no_thickness() -> None:
    grid = phantoms.make_grid((60, 60, 60))
    tumor, plate = phantoms.box(grid, (-8, -8, -10), (8, 8, 0)), phantoms.box(grid, (-28, -28, 0), (28, 28, 6))
    (found,) = contacts(tumor, {"mandible": plate}, grid)
    assert (found.depth_mm, found.thickness_mm) == (0.0, None)


def test_structures_that_are_not_touched_are_left_out() -> None:
    grid = phantoms.make_grid((40, 40, 40))
    tumor = phantoms.sphere(grid, (-10, 0, 0), 10)
    near = phantoms.sphere(grid, (-10, 0, 0), 14) & ~tumor

    found = contacts(tumor, {"aorta": phantoms.sphere(grid, (10, 0, 0), 10), "heart": near}, grid)

    assert [contact.structure for contact in found] == ["heart"]


def test_contact_is_the_same_on_flipped_and_permuted_copies() -> None:
    grid = phantoms.make_grid((40, 50, 60), (2.0, 1.0, 0.8))
    tumor = phantoms.ellipsoid(grid, (0, 0, 0), (30, 22, 20))
    vessel = phantoms.cylinder(grid, (0, 14, 0), (1, 0, 1), 10) & ~tumor
    (expected,) = contacts(tumor, {"aorta": vessel}, grid)

    for order, flips in [((0, 1, 2), (0, 2)), ((2, 0, 1), ()), ((1, 2, 0), (0, 1))]:
        mask, tube = (phantoms.reoriented(Volume(each, grid), order, flips) for each in (tumor, vessel))
        (found,) = contacts(mask.array, {"aorta": tube.array}, mask.geometry)
        assert found.contact_mm2 == pytest.approx(expected.contact_mm2, rel=1e-4)
        assert found.depth_mm == pytest.approx(expected.depth_mm)
        assert found.angle_deg == pytest.approx(expected.angle_deg)


def test_mask_on_another_grid_is_an_error_that_names_it() -> None:
    grid = phantoms.make_grid((20, 20, 20))
    tumor = phantoms.sphere(grid, (0, 0, 0), 10)

    with pytest.raises(ContourError, match=r"mask of aorta has .*resample"):
        contacts(tumor, {"aorta": np.zeros((3, 3, 3), bool)}, grid)
