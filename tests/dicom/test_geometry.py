"""Where voxels lie: positions and orientation decide, nothing else does."""

from __future__ import annotations

from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

import dicom_factory as factory
from mdt_dicom.intake import read_study
from oncology.errors import GeometryError
from oncology.imaging.volume import Geometry, Volume, canonical
from phantoms import reoriented

ORDERS = list(permutations((0, 1, 2)))
FLIPS = [flips for count in range(4) for flips in combinations((0, 1, 2), count)]


def read_ct(slices: list[Dataset], folder: Path, **options: object) -> Volume:
    return read_study(factory.save(slices, folder, **options)).ct.volume


def rotation(axis: str, degrees: float) -> np.ndarray:
    """Right-handed, about a patient axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return {
        "x": np.array([[1, 0, 0], [0, c, -s], [0, s, c]]),
        "y": np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]),
        "z": np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]),
    }[axis]


def ramp(points_lps: np.ndarray) -> np.ndarray:
    """A linear function of place, between air and soft tissue: linear interpolation must reproduce it."""
    return 1.5 * points_lps[..., 0] - 1.0 * points_lps[..., 1] + 2.0 * points_lps[..., 2] - 300.0


def points_of(grid: Geometry) -> np.ndarray:
    return grid.to_lps(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("flips", FLIPS)
def test_any_storage_of_the_axes_gives_the_same_patient(
    order: tuple[int, ...], flips: tuple[int, ...], tmp_path: Path
) -> None:
    original = factory.torso()
    found = canonical(read_ct(factory.ct_slices(reoriented(original, order, flips)), tmp_path))
    assert np.array_equal(found.array, original.array)
    assert found.geometry.same_grid(original.geometry)


def test_file_names_and_instance_numbers_do_not_matter(tmp_path: Path) -> None:
    slices = factory.ct_slices()
    names = [f"{(index * 5) % len(slices):03d}" for index in range(len(slices))]
    for index, item in enumerate(slices):
        item.InstanceNumber, item.SliceLocation = 99 - index, "0"
    plain = read_study(factory.save(factory.ct_slices(), tmp_path / "plain")).ct
    shuffled = read_study(factory.save(slices, tmp_path / "shuffled", names=names)).ct
    assert np.array_equal(shuffled.volume.array, plain.volume.array)
    assert shuffled.volume.geometry == plain.volume.geometry
    assert shuffled.info.content_sha256 == plain.info.content_sha256


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_oblique_stack_keeps_its_voxels_and_their_places(axis: str, tmp_path: Path) -> None:
    original = factory.torso(factory.grid(direction=rotation(axis, 20)))
    study = read_study(factory.save(factory.ct_slices(original), tmp_path))
    assert np.array_equal(study.ct.volume.array, original.array)
    assert study.ct.volume.geometry.same_grid(original.geometry)
    assert [verdict.code for verdict in study.ct.verdicts] == ["ct-oblique"]


@pytest.mark.parametrize("tilt_deg", [-24.0, 5.0, 15.0])
def test_tilted_gantry_is_resampled_so_that_every_place_keeps_its_value(tilt_deg: float, tmp_path: Path) -> None:
    grid = factory.grid()
    slices = factory.tilted(Volume(np.zeros(grid.shape, np.int16), grid), tilt_deg)
    set_ramp(slices, grid)
    study = read_study(factory.save(slices, tmp_path))
    volume = study.ct.volume
    points = points_of(volume.geometry)
    inside = lies_within(points, slices)
    expected = ramp(points)
    assert volume.geometry.obliquity_deg() == pytest.approx(0, abs=1e-6)
    assert inside.mean() > 0.3
    assert np.abs(volume.array - expected)[inside].max() <= 1.0
    assert "ct-gantry-tilt-resampled" in [verdict.code for verdict in study.ct.verdicts]


def lies_within(points_lps: np.ndarray, slices: list[Dataset]) -> np.ndarray:
    """Points between the first and the last pixel center of the stack, by its headers."""
    first, last = slices[0], slices[-1]
    cosines = np.array(first.ImageOrientationPatient, float)
    origin = np.array(first.ImagePositionPatient, float)
    step = (np.array(last.ImagePositionPatient, float) - origin) / (len(slices) - 1)
    axes = np.stack([cosines[:3] * first.PixelSpacing[1], cosines[3:] * first.PixelSpacing[0], step], axis=1)
    index = (points_lps - origin) @ np.linalg.inv(axes).T
    counts = np.array([first.Columns, first.Rows, len(slices)])
    return ((index >= -1e-6) & (index <= counts - 1 + 1e-6)).all(axis=-1)


def set_ramp(slices: list[Dataset], grid: Geometry) -> None:
    """Fill tilted slices with the ramp at the places that their headers state."""
    across, down = np.meshgrid(np.arange(grid.shape[2]), np.arange(grid.shape[1]))
    for item in slices:
        cosines = np.array(item.ImageOrientationPatient, float)
        along_row = across[..., None] * cosines[:3] * float(item.PixelSpacing[1])
        along_column = down[..., None] * cosines[3:] * float(item.PixelSpacing[0])
        points = np.array(item.ImagePositionPatient, float) + along_row + along_column
        item.PixelData = np.rint(ramp(points) + 1024).astype(np.uint16).tobytes()


def test_shear_beyond_any_gantry_is_refused_by_name(tmp_path: Path) -> None:
    slices = factory.tilted(factory.torso(), 50.0)
    with pytest.raises(GeometryError, match=r"sheared by 50\.0 degrees.*gantry tilt of at most 40"):
        read_ct(slices, tmp_path)


def test_positions_rounded_to_a_tenth_of_a_millimeter_are_even(tmp_path: Path) -> None:
    volume = factory.torso(factory.grid((24, 40, 48), (0.625, 6.0, 5.0)))
    slices = factory.ct_slices(volume)
    for item in slices:
        item.ImagePositionPatient = [f"{float(value):.1f}" for value in item.ImagePositionPatient]
    assert read_ct(slices, tmp_path).geometry.spacing_mm[0] == pytest.approx(0.625, abs=0.01)


@pytest.mark.parametrize("dropped", [1, 5, 10])
def test_one_slice_missing_anywhere_inside_is_found(dropped: int, tmp_path: Path) -> None:
    slices = factory.ct_slices()
    del slices[dropped]
    with pytest.raises(GeometryError, match="1 of 12 slices are missing"):
        read_ct(slices, tmp_path)


def test_feet_first_stack_counts_from_the_other_end(tmp_path: Path) -> None:
    turned = rotation("y", 180)
    original = factory.torso(factory.grid(origin_lps=(120.0, -130.0, 20.0), direction=turned))
    volume = read_ct(factory.ct_slices(original), tmp_path)
    assert volume.geometry.same_grid(original.geometry)
    assert np.allclose(canonical(volume).geometry.direction, np.eye(3))


def test_tilt_that_only_the_header_claims_is_reported(tmp_path: Path) -> None:
    study = read_study(factory.save(factory.ct_slices(GantryDetectorTilt="12"), tmp_path))
    assert "gantry-tilt-contradicts" in [verdict.code for verdict in study.ct.verdicts]
