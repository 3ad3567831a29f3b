"""A volume and where it lies: arrays (z, y, x), world LPS in millimeters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from oncology.errors import GeometryError, ImageError

# Two grids are the same when no corner differs by more than this part of a voxel.
SAME_GRID_TOLERANCE = 0.01
# Axes further than this from the patient's are oblique and need resampling, not flipping (degrees).
OBLIQUE_DEG = 2.0


@dataclass(frozen=True)
class Geometry:
    """Where voxels lie.

    Attributes:
        shape: voxels (z, y, x).
        spacing_mm: voxel size (z, y, x).
        origin_lps: (x, y, z) of the center of voxel [0, 0, 0].
        direction: 3 x 3, ITK's convention; column i is the world direction of index axis x, y, z.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_lps: tuple[float, float, float]
    direction: tuple[tuple[float, float, float], ...] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in milliliters."""
        return float(np.prod(self.spacing_mm)) / 1000.0

    def to_lps(self, index_zyx: np.ndarray) -> np.ndarray:
        """World points (..., 3) as x, y, z of (possibly fractional) indices (..., 3) as z, y, x."""
        scaled = np.asarray(index_zyx, float)[..., ::-1] * np.asarray(self.spacing_mm)[::-1]
        return scaled @ np.asarray(self.direction).T + np.asarray(self.origin_lps)

    def to_index(self, points_lps: np.ndarray) -> np.ndarray:
        """Fractional indices (..., 3) as z, y, x of world points (..., 3) as x, y, z."""
        local = (np.asarray(points_lps, float) - np.asarray(self.origin_lps)) @ np.asarray(self.direction)
        return (local / np.asarray(self.spacing_mm)[::-1])[..., ::-1]

    def same_grid(self, other: Geometry) -> bool:
        """True when both describe the same voxels."""
        if self.shape != other.shape:
            return False
        corners = np.array([(z, y, x) for z in (0, 1) for y in (0, 1) for x in (0, 1)]) * (np.array(self.shape) - 1)
        apart = np.abs(self.to_lps(corners) - other.to_lps(corners)).max()
        return bool(apart <= SAME_GRID_TOLERANCE * min(self.spacing_mm))

    def obliquity_deg(self) -> float:
        """Largest angle between an index axis and the nearest patient axis."""
        nearest = np.abs(np.asarray(self.direction)).max(axis=0).clip(0, 1)
        return float(np.degrees(np.arccos(nearest)).max())


@dataclass(frozen=True)
class Volume:
    """An image or mask (z, y, x) with its geometry."""

    array: np.ndarray
    geometry: Geometry

    def __post_init__(self) -> None:
        if self.array.shape != self.geometry.shape:
            raise GeometryError(f"array has shape {self.array.shape}, its geometry says {self.geometry.shape}")


def to_sitk(volume: Volume) -> sitk.Image:
    """The same volume as a SimpleITK image (bool becomes uint8)."""
    array = volume.array.astype(np.uint8) if volume.array.dtype == bool else volume.array
    image = sitk.GetImageFromArray(np.ascontiguousarray(array))
    image.SetSpacing([float(value) for value in volume.geometry.spacing_mm[::-1]])
    image.SetOrigin([float(value) for value in volume.geometry.origin_lps])
    image.SetDirection([float(value) for row in volume.geometry.direction for value in row])
    return image


def from_sitk(image: sitk.Image) -> Volume:
    """A SimpleITK image as a volume."""
    x, y, z = image.GetSpacing()
    rows = np.asarray(image.GetDirection()).reshape(3, 3)
    array = sitk.GetArrayFromImage(image)
    geometry = Geometry(array.shape, (z, y, x), image.GetOrigin(), _rows(rows))
    return Volume(array, geometry)


def _point(values: np.ndarray) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def _rows(matrix: np.ndarray) -> tuple[tuple[float, float, float], ...]:
    return tuple((float(row[0]), float(row[1]), float(row[2])) for row in matrix)


def read_volume(path: Path) -> Volume:
    """Read a 3D file that SimpleITK knows (MHA, NIfTI, NRRD).

    Raises:
        ImageError: the file is unreadable or not three-dimensional.
    """
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise ImageError(f"{path.name} cannot be read as an image; expected NIfTI, MHA or NRRD") from error
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise ImageError(
            f"{path.name} has {image.GetDimension()} dimensions and {image.GetNumberOfComponentsPerPixel()} "
            "components; expected one 3D image with one value per voxel"
        )
    return from_sitk(image)


def write_volume(volume: Volume, path: Path, *, compress: bool = True) -> None:
    """Write by SimpleITK; the file appears under its name only when complete."""
    partial = path.with_name(f".partial-{path.name}")
    sitk.WriteImage(to_sitk(volume), str(partial), compress)
    partial.replace(path)


def canonical(volume: Volume) -> Volume:
    """The same voxels with axes along the patient's: z to the head, y to the back, x to the patient's left.

    Only permutes and flips; values and world positions stay.

    Raises:
        GeometryError: an axis is more than 2 degrees off the patient's; use `resample_axial` first.
    """
    if volume.geometry.obliquity_deg() > OBLIQUE_DEG:
        raise GeometryError(
            f"axes are {volume.geometry.obliquity_deg():.1f} degrees off the patient's; expected at most "
            f"{OBLIQUE_DEG:.0f}; resample to axial axes first"
        )
    direction = np.asarray(volume.geometry.direction)
    order_xyz = [int(np.abs(direction[world]).argmax()) for world in range(3)]
    if sorted(order_xyz) != [0, 1, 2]:
        raise GeometryError("two image axes run along the same patient axis; the direction matrix is broken")
    flips_xyz = [direction[world, axis] < 0 for world, axis in enumerate(order_xyz)]
    array = volume.array.transpose([2 - axis for axis in reversed(order_xyz)])
    array = np.flip(array, tuple(2 - world for world, flip in enumerate(flips_xyz) if flip))
    spacing_xyz = [volume.geometry.spacing_mm[2 - axis] for axis in order_xyz]
    signs = [-1.0 if flip else 1.0 for flip in flips_xyz]
    new_direction = np.stack([direction[:, axis] * sign for axis, sign in zip(order_xyz, signs, strict=True)], axis=1)
    corner = np.zeros(3)
    for axis, flip in zip(order_xyz, flips_xyz, strict=True):
        corner[2 - axis] = volume.geometry.shape[2 - axis] - 1 if flip else 0
    geometry = Geometry(
        array.shape,
        (spacing_xyz[2], spacing_xyz[1], spacing_xyz[0]),
        _point(volume.geometry.to_lps(corner)),
        _rows(new_direction),
    )
    return Volume(array, geometry)


def resample(volume: Volume, grid: Geometry, *, linear: bool, fill: float) -> Volume:
    """The volume on another grid; `linear` for images, nearest neighbor for masks.

    Whole numbers stay whole numbers and are rounded (ITK by itself cuts off).
    """
    reference = sitk.Image([int(n) for n in grid.shape[::-1]], sitk.sitkUInt8)
    reference.SetSpacing([float(value) for value in grid.spacing_mm[::-1]])
    reference.SetOrigin([float(value) for value in grid.origin_lps])
    reference.SetDirection([float(value) for row in grid.direction for value in row])
    method = sitk.sitkLinear if linear else sitk.sitkNearestNeighbor
    image = to_sitk(volume)
    rounded = linear and image.GetPixelID() not in (sitk.sitkFloat32, sitk.sitkFloat64)
    result = sitk.Resample(
        image, reference, sitk.Transform(), method, fill, sitk.sitkFloat32 if rounded else sitk.sitkUnknown
    )
    array = sitk.GetArrayFromImage(sitk.Round(result) if rounded else result)
    return Volume(array.astype(volume.array.dtype, copy=False), grid)


def resample_axial(volume: Volume, *, linear: bool, fill: float) -> Volume:
    """An oblique volume on the smallest axial grid that holds it, spacing kept per nearest axis."""
    shape = np.array(volume.geometry.shape)
    corners = np.array([(z, y, x) for z in (0, 1) for y in (0, 1) for x in (0, 1)]) * (shape - 1)
    world = volume.geometry.to_lps(corners)
    low, high = world.min(axis=0), world.max(axis=0)
    order = np.abs(np.asarray(volume.geometry.direction)).argmax(axis=1)
    spacing_xyz = np.array([volume.geometry.spacing_mm[2 - axis] for axis in order])
    count = np.floor((high - low) / spacing_xyz + 1e-6).astype(int) + 1
    grid = Geometry(
        (int(count[2]), int(count[1]), int(count[0])),
        (float(spacing_xyz[2]), float(spacing_xyz[1]), float(spacing_xyz[0])),
        (float(low[0]), float(low[1]), float(low[2])),
    )
    return resample(volume, grid, linear=linear, fill=fill)
