"""What the CT shows between a tumor and its neighbor, on phantoms with known fat."""

from __future__ import annotations

import math

import numpy as np
import pytest

import phantoms
from oncology.imaging.contact import contacts
from oncology.imaging.fat_plane import measure_interface
from oncology.imaging.volume import Volume

FAT_HU = -100.0


def blocks(
    gap_mm: float, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> tuple[Volume, np.ndarray, np.ndarray]:
    """A tumor of 30 x 30 mm facing a wall across a gap along x; soft tissue in both, fat elsewhere."""
    grid = phantoms.make_grid((60, 60, 60), spacing)
    tumor = phantoms.box(grid, (-20, -15, -15), (0, 15, 15))
    wall = phantoms.box(grid, (gap_mm, -30, -30), (30, 30, 30))
    return Volume(np.where(tumor | wall, 40.0, FAT_HU), grid), tumor, wall


def test_a_plane_of_fat_along_the_whole_border_is_seen_whole() -> None:
    ct, tumor, wall = blocks(2.0)
    border = measure_interface(tumor, wall, ct)
    assert border is not None
    assert border.fat_share == pytest.approx(1.0, abs=0.02)


def test_two_organs_that_merge_show_no_fat_between_them() -> None:
    ct, tumor, wall = blocks(0.0)
    border = measure_interface(tumor, wall, ct)
    assert border is not None
    assert border.fat_share == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("kept_mm", [10.0, 20.0])
def test_fat_along_a_part_of_the_border_is_seen_as_that_part(kept_mm: float) -> None:
    ct, tumor, wall = blocks(1.0)
    merged = phantoms.box(ct.geometry, (-2, -15 + kept_mm, -30), (2, 15, 30))
    border = measure_interface(tumor, wall, Volume(np.where(merged, 40.0, ct.array), ct.geometry))
    assert border is not None
    assert border.fat_share == pytest.approx(kept_mm / 30, abs=0.08)


def test_air_beside_a_contact_is_not_taken_for_fat() -> None:
    ct, tumor, wall = blocks(0.0)
    border = measure_interface(tumor, wall, Volume(np.where(ct.array == FAT_HU, -850.0, 40.0), ct.geometry))
    assert border is not None
    assert border.fat_share == pytest.approx(0.0, abs=0.02)


def test_structures_farther_than_three_millimeters_have_no_interface() -> None:
    ct, tumor, wall = blocks(6.0)
    assert measure_interface(tumor, wall, ct) is None


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 1.0, 1.0)])
def test_length_is_the_greatest_extent_of_the_contact(spacing: tuple[float, float, float]) -> None:
    ct, tumor, wall = blocks(0.0, spacing)
    (found,) = contacts(tumor, {"chest_wall": wall}, ct.geometry, ct=ct)
    assert found.length_mm == pytest.approx(math.hypot(30, 30), abs=3.0)


def test_without_a_ct_nothing_is_claimed_about_fat() -> None:
    ct, tumor, wall = blocks(0.0)
    (found,) = contacts(tumor, {"chest_wall": wall}, ct.geometry)
    assert found.fat_plane_share is None
    assert found.length_mm is None
    assert found.edge_hu_per_mm is None


def test_the_border_is_the_same_however_the_image_is_stored() -> None:
    ct, tumor, wall = blocks(1.0)
    turned = [phantoms.reoriented(Volume(array, ct.geometry), (2, 0, 1), (1,)) for array in (ct.array, tumor, wall)]
    one = measure_interface(tumor, wall, ct)
    other = measure_interface(turned[1].array, turned[2].array, turned[0])
    assert one is not None
    assert other is not None
    assert other.fat_share == pytest.approx(one.fat_share, abs=0.03)
