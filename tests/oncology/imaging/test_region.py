"""Boxes, crops and turning upright."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

import phantoms
from oncology.errors import ContourError
from oncology.imaging.region import bounding_box, components, crop, distance_mm, grown, upright
from oncology.imaging.volume import Geometry, Volume

GRID = phantoms.make_grid((40, 50, 60), (2.0, 1.0, 1.0), center_lps=(10, 20, 30))


def test_box_holds_every_voxel_and_no_more() -> None:
    mask = np.zeros((9, 9, 9), bool)
    mask[2, 3, 4] = mask[5, 3, 7] = True

    assert bounding_box(mask) == (slice(2, 6), slice(3, 4), slice(4, 8))


def test_grown_box_stops_at_the_images_border() -> None:
    assert grown((slice(1, 3), slice(20, 21), slice(58, 60)), GRID, 5.0) == (slice(0, 6), slice(15, 26), slice(53, 60))


def test_crop_keeps_places_in_the_world() -> None:
    mask = phantoms.sphere(GRID, (15, 22, 35), 10)

    part = crop(mask, GRID, bounding_box(mask))

    center = part.geometry.to_lps(np.argwhere(part.array)).mean(axis=0)
    assert center == pytest.approx((15, 22, 35), abs=0.6)


@pytest.mark.parametrize(("order", "flips"), [((0, 1, 2), (0, 1, 2)), ((2, 1, 0), (1,)), ((1, 2, 0), (0, 2))])
def test_upright_gives_the_same_array_for_every_way_of_storing_it(
    order: tuple[int, ...], flips: tuple[int, ...]
) -> None:
    volume = Volume(phantoms.ellipsoid(GRID, (12, 18, 30), (20, 14, 24)), GRID)

    turned = upright(phantoms.reoriented(volume, order, flips))

    assert turned.geometry.same_grid(GRID)
    assert np.array_equal(turned.array, volume.array)


def test_oblique_mask_is_resampled_upright_and_keeps_its_volume() -> None:
    rotation = Rotation.from_euler("x", 12, degrees=True).as_matrix()
    grid = Geometry((50, 50, 50), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), tuple(tuple(map(float, row)) for row in rotation))
    middle = grid.to_lps(np.array([25, 25, 25]))

    turned = upright(Volume(phantoms.sphere(grid, middle, 30), grid))

    assert turned.geometry.obliquity_deg() == 0
    assert turned.array.sum() == pytest.approx(np.pi / 6 * 30**3, rel=0.02)


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 1, 1), (3, 1, 3), (1, 3, 3), (2, 3, 2)])
def test_the_smallest_masks_fall_into_their_parts(shape: tuple[int, int, int]) -> None:
    every = np.arange(1, 2 ** math.prod(shape))
    for mask in ((every[:, None] >> np.arange(math.prod(shape))) & 1).astype(bool).reshape(-1, *shape):
        assert len(components(mask)) == ndimage.label(mask, np.ones((3, 3, 3)))[1]


def test_components_come_largest_first() -> None:
    mask = phantoms.sphere(GRID, (0, 20, 30), 8) | phantoms.sphere(GRID, (20, 20, 30), 14)

    parts = components(mask)

    sizes = [int(part.sum()) for part, _ in parts]
    assert len(parts) == 2
    assert sizes == sorted(sizes, reverse=True)


def test_distance_is_in_millimeters_along_each_axis() -> None:
    mask = np.ones((1, 1, 7), bool)
    mask[0, 0, 6] = False

    assert distance_mm(mask, (5.0, 5.0, 2.0))[0, 0].tolist() == [12, 10, 8, 6, 4, 2, 0]


def test_mask_without_a_voxel_is_an_error() -> None:
    with pytest.raises(ContourError, match="no voxel set"):
        bounding_box(np.zeros((3, 3, 3), bool))
