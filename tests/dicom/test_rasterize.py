"""Contours to masks: voxel centers, holes, spacing, planes of any direction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mdt_dicom.polygon import fill_polygon, points_inside
from mdt_dicom.rasterize import rasterize
from mdt_dicom.rtstruct_writer import edge_loops
from oncology.errors import ContourError
from oncology.imaging.volume import Geometry
from rtstruct_factory import circle, ring, square

GRID = Geometry((12, 40, 44), (3.0, 1.25, 1.0), (-20.0, -25.0, -10.0))


def turned(angle_deg: float) -> Geometry:
    angle = np.radians(angle_deg)
    rotation = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    return Geometry(GRID.shape, GRID.spacing_mm, GRID.origin_lps, tuple(tuple(map(float, row)) for row in rotation))


FLIPPED = Geometry(GRID.shape, GRID.spacing_mm, GRID.origin_lps, ((-1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, 1.0)))
SAGITTAL = Geometry(GRID.shape, GRID.spacing_mm, GRID.origin_lps, ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)))


def test_square_fills_the_voxels_whose_centers_it_holds() -> None:
    mask = rasterize([square(GRID, 4, 10, 14)], GRID).mask
    assert mask[4, 10:15, 10:15].all()
    assert mask.sum() == 25


def test_center_on_a_shared_border_belongs_to_one_of_two_neighbors() -> None:
    left = fill_polygon(np.array([(0, 0), (0, 5), (6, 5), (6, 0)], float), (8, 12))[0]
    right = fill_polygon(np.array([(0, 5), (0, 10), (6, 10), (6, 5)], float), (8, 12))[0]
    assert not (left & right).any()
    assert (left | right).sum() == 60


@pytest.mark.parametrize("grid", [GRID, FLIPPED, SAGITTAL, turned(12)], ids=["axial", "flipped", "sagittal", "oblique"])
def test_contour_on_a_slice_gives_the_same_voxels_whatever_way_the_grid_lies(grid: Geometry) -> None:
    mask = rasterize([square(grid, 4, 10, 14)], grid).mask
    assert mask[4, 10:15, 10:15].all()
    assert mask.sum() == 25


@given(mask=hnp.arrays(bool, (9, 11), elements=st.booleans()))
@settings(max_examples=60, deadline=None)
def test_any_mask_comes_back_from_its_outlines(mask: np.ndarray) -> None:
    grid = Geometry((3, 9, 11), (2.0, 0.7, 0.9), (5.0, -3.0, 1.0))
    rings = [grid.to_lps(np.column_stack([np.ones(len(loop)), loop - 0.5])) for loop in edge_loops(mask)]
    assert np.array_equal(rasterize(rings, grid).mask[1], mask)


def test_inner_contour_cuts_a_hole_and_an_island_in_it_counts() -> None:
    mask = rasterize([square(GRID, 2, 5, 20), square(GRID, 2, 8, 17), square(GRID, 2, 11, 13)], GRID).mask
    assert mask.sum() == 16**2 - 10**2 + 3**2


def test_keyhole_contour_cuts_a_hole() -> None:
    outer = [(4.5, 4.5), (4.5, 20.5), (20.5, 20.5), (20.5, 4.5), (12.3, 4.5)]
    inner = [(12.3, 8.5), (16.5, 8.5), (16.5, 16.5), (8.5, 16.5), (8.5, 8.5), (12.3, 8.5)]
    made = rasterize([ring(GRID, 2, [*outer, *inner, (12.3, 4.5)])], GRID)
    assert made.mask.sum() == 16**2 - 8**2
    assert made.crossing == 0


def test_contours_that_merely_overlap_are_united_and_reported() -> None:
    made = rasterize([square(GRID, 2, 5, 12), square(GRID, 2, 10, 17)], GRID)
    assert made.mask.sum() == 64 + 64 - 9
    assert made.overlapping == 1


def test_overlap_is_taken_out_where_the_file_says_exclusive() -> None:
    made = rasterize([square(GRID, 2, 5, 12), square(GRID, 2, 10, 17)], GRID, exclusive=True)
    assert made.mask.sum() == 64 + 64 - 2 * 9


def test_contour_given_twice_counts_once() -> None:
    made = rasterize([square(GRID, 2, 5, 12), square(GRID, 2, 5, 12)[[2, 3, 0, 1]]], GRID)
    assert made.mask.sum() == 64
    assert made.repeated == 1


def test_bow_tie_is_reported_as_crossing_itself() -> None:
    made = rasterize([ring(GRID, 2, [(5, 5), (15, 15), (5, 15), (15, 5)])], GRID)
    assert made.crossing == 1
    assert made.crossed_voxels > 0


def test_contours_on_every_second_slice_are_interpolated() -> None:
    made = rasterize([square(GRID, place, 10, 10 + 2 * (place - 2)) for place in (2, 4, 6)], GRID)
    assert made.interpolated == 2
    assert made.mask[2].sum() < made.mask[3].sum() < made.mask[4].sum() < made.mask[5].sum() < made.mask[6].sum()


def test_sparse_contours_keep_the_volume_of_the_slabs_they_stand_for() -> None:
    made = rasterize([square(GRID, place, 10, 14) for place in (1, 4, 7)], GRID)
    assert [int(mask.sum()) for mask in made.mask] == [25] * 9 + [0] * 3


def test_one_missing_contour_leaves_its_slice_empty_and_is_reported() -> None:
    made = rasterize([square(GRID, place, 10, 14) for place in (1, 2, 3, 5, 6)], GRID)
    assert not made.mask[4].any()
    assert made.gaps == 1
    assert made.interpolated == 0


def test_contours_a_little_off_the_slices_go_to_the_nearest() -> None:
    made = rasterize([square(GRID, place + 0.3, 10, 14) for place in (3, 4, 5)], GRID)
    assert [place for place in range(12) if made.mask[place].any()] == [3, 4, 5]
    assert made.off_plane_mm == pytest.approx(0.9)


def test_contours_halfway_between_slices_fill_as_many_slices_as_there_are_contours() -> None:
    made = rasterize([square(GRID, place + 0.5, 10, 14) for place in (3, 4, 5)], GRID)
    assert made.mask.any(axis=(1, 2)).sum() == 3


def test_contours_denser_than_the_slices_fill_each_slice_once() -> None:
    made = rasterize([square(GRID, place, 10, 14) for place in np.arange(2, 6.01, 0.25)], GRID)
    assert [int(mask.sum()) for mask in made.mask] == [0, 0] + [25] * 5 + [0] * 5


def test_contours_drawn_on_sagittal_planes_fill_sagittal_slices() -> None:
    rings = [
        GRID.to_lps(np.array([(z, y, x) for z, y in ((1.5, 9.5), (1.5, 19.5), (6.5, 19.5), (6.5, 9.5))]))
        for x in (20.0, 21.0, 22.0)
    ]
    mask = rasterize(rings, GRID).mask
    assert mask[2:7, 10:20, 20:23].all()
    assert mask.sum() == 5 * 10 * 3


@pytest.mark.parametrize("angle_deg", [8.0, 30.0, 61.0])
def test_oblique_contours_of_a_ball_keep_its_volume(angle_deg: float) -> None:
    grid = Geometry((60, 80, 80), (1.0, 1.0, 1.0), (-40.0, -40.0, -30.0))
    angle, radius = np.radians(angle_deg), 18.0
    normal = np.array([0.0, -np.sin(angle), np.cos(angle)])
    across, along = np.array([1.0, 0.0, 0.0]), np.array([0.0, np.cos(angle), np.sin(angle)])
    depths = np.arange(-16.5, 17, 3.0)
    rings = [circle(normal * depth, np.sqrt(radius**2 - depth**2), across, along) for depth in depths]
    made = rasterize(rings, grid)
    slabs = sum(np.pi * (radius**2 - depth**2) * 3.0 for depth in depths)
    assert made.oblique
    assert made.mask.sum() == pytest.approx(slabs, rel=0.02)


def test_contour_partly_outside_the_grid_is_cut_and_reported() -> None:
    made = rasterize([square(GRID, 2, -5, 4)], GRID)
    assert made.mask.sum() == 25
    assert 0 < made.outside < 1


def test_contour_outside_the_grid_is_empty() -> None:
    made = rasterize([square(GRID, 50, 5, 9)], GRID)
    assert not made.mask.any()
    assert made.outside == 1


def test_twisted_contour_is_refused() -> None:
    twisted = np.array([(0, 0, 0), (10, 0, 8), (10, 10, 0), (0, 10, 8), (-5, 5, 3)], float)
    with pytest.raises(ContourError, match="strays"):
        rasterize([twisted], GRID)


@given(st.lists(st.tuples(st.integers(-2, 9), st.integers(-2, 9)), min_size=3, max_size=9))
@settings(max_examples=60, deadline=None)
def test_filling_agrees_with_asking_every_point(corners: list[tuple[int, int]]) -> None:
    polygon = np.array(corners, float) + np.array([0.3137, 0.5791])  # away from pixel centers
    pixels = np.stack(np.meshgrid(np.arange(8), np.arange(8), indexing="ij"), axis=-1).reshape(-1, 2).astype(float)
    assert np.array_equal(fill_polygon(polygon, (8, 8))[0].ravel(), points_inside(pixels, polygon))
