"""Volumes keep their place in the patient through flips, files and other grids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from oncology.errors import GeometryError, ImageError
from oncology.imaging.volume import Geometry, Volume, canonical, read_volume, resample, resample_axial, write_volume

SWAPPED = ((-1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0))


def ramp(grid: Geometry) -> Volume:
    """Values that say where a voxel lies: x + 10 y + 100 z in LPS mm."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), axis=-1)
    x, y, z = np.moveaxis(grid.to_lps(index), -1, 0)
    return Volume((x + 10 * y + 100 * z).astype(np.float32), grid)


def test_canonical_keeps_every_value_at_its_place_in_the_patient() -> None:
    volume = ramp(Geometry((4, 5, 6), (3.0, 2.0, 1.0), (10.0, 20.0, 30.0), SWAPPED))
    upright = canonical(volume)
    assert np.allclose(upright.array, ramp(upright.geometry).array)
    assert np.allclose(upright.geometry.direction, np.eye(3))


def test_index_and_world_are_inverse() -> None:
    grid = Geometry((4, 5, 6), (3.0, 2.0, 1.0), (10.0, 20.0, 30.0), SWAPPED)
    index = np.array([[0.0, 1.5, 2.0], [3.0, 4.0, 5.0]])
    assert np.allclose(grid.to_index(grid.to_lps(index)), index)


def test_an_oblique_volume_is_refused_and_can_be_resampled() -> None:
    angle = np.radians(20)
    tilted = ((1.0, 0.0, 0.0), (0.0, np.cos(angle), -np.sin(angle)), (0.0, np.sin(angle), np.cos(angle)))
    volume = ramp(Geometry((12, 12, 12), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0), tilted))
    with pytest.raises(GeometryError, match=r"20\.0 degrees"):
        canonical(volume)
    upright = resample_axial(volume, linear=True, fill=-1.0)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in upright.array.shape), indexing="ij"), axis=-1)
    back = volume.geometry.to_index(upright.geometry.to_lps(index))
    inside = np.all((back >= 0) & (back <= 11), axis=-1)
    assert inside.sum() > 500
    assert np.allclose(upright.array[inside], ramp(upright.geometry).array[inside], atol=0.5)


def test_whole_numbers_are_rounded_not_cut_off() -> None:
    grid = Geometry((1, 1, 3), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    volume = Volume(np.array([[[0, 10, 20]]], np.int16), grid)
    between = Geometry((1, 1, 1), (1.0, 1.0, 1.0), (0.58, 0.0, 0.0))
    assert resample(volume, between, linear=True, fill=0).array.tolist() == [[[6]]]


def test_a_mask_stays_a_mask() -> None:
    grid = Geometry((2, 2, 2), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    moved = resample(Volume(np.ones(grid.shape, bool), grid), grid, linear=False, fill=0)
    assert moved.array.dtype == bool
    assert moved.array.all()


@pytest.mark.parametrize("name", ["a.mha", "a.nii.gz", "a.nrrd"])
def test_a_file_gives_back_what_was_written(tmp_path: Path, name: str) -> None:
    volume = ramp(Geometry((4, 5, 6), (3.0, 2.0, 1.0), (10.0, 20.0, 30.0), SWAPPED))
    write_volume(volume, tmp_path / name)
    again = read_volume(tmp_path / name)
    assert np.array_equal(again.array, volume.array)
    assert again.geometry.same_grid(volume.geometry)
    assert [item.name for item in tmp_path.iterdir()] == [name]


def test_an_unreadable_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "a.mha").write_text("no image")
    with pytest.raises(ImageError, match=r"a\.mha cannot be read"):
        read_volume(tmp_path / "a.mha")


def test_an_array_that_does_not_fit_its_geometry_is_refused() -> None:
    with pytest.raises(GeometryError, match="shape"):
        Volume(np.zeros((2, 2, 2)), Geometry((2, 2, 3), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)))
