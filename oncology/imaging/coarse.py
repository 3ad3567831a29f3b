"""The coarse copy of a CT on which shapes are found, and the way back to the CT's own voxels.

Whole blocks of voxels are averaged, so that a flipped or permuted CT gives the same coarse voxels, and thick
slices stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from oncology.findings import Point
from oncology.imaging import shape
from oncology.imaging.shape import Spacing
from oncology.imaging.volume import Geometry, Volume, from_sitk, to_sitk

# CT numbers outside this range are padding of the scanner or metal.
LOWEST_HU, HIGHEST_HU = -1024, 3071
SOFT_TISSUE_HU, INFLATED_HU = 40.0, -850.0


@dataclass(frozen=True)
class Coarse:
    """A CT averaged over blocks.

    Attributes:
        hu: (z, y, x) int16, canonical axes.
        geometry: of the blocks; it can reach past the CT by part of a block.
    """

    hu: np.ndarray
    geometry: Geometry

    @property
    def spacing_mm(self) -> Spacing:
        """Block size (z, y, x)."""
        return self.geometry.spacing_mm

    def crop(self, box: tuple[slice, slice, slice]) -> Coarse:
        """The part inside a box."""
        hu = np.ascontiguousarray(self.hu[box])
        origin = self.geometry.to_lps(np.array([one.start for one in box]))
        return Coarse(hu, Geometry(hu.shape, self.spacing_mm, _point(origin), self.geometry.direction))

    def ml(self, mask: np.ndarray) -> float:
        """Volume of a mask on this grid."""
        return float(np.count_nonzero(mask)) * self.geometry.voxel_ml


def coarsen(ct: Volume, target_mm: float) -> Coarse:
    """Average blocks of a canonical CT so that voxels come near the target size, never below their own."""
    factors = [max(1, round(target_mm / size)) for size in ct.geometry.spacing_mm]
    array = ct.array
    if array.dtype != np.int16:
        array = np.clip(np.round(array), LOWEST_HU, HIGHEST_HU).astype(np.int16)
    pad = [(0, -count % factor) for count, factor in zip(array.shape, factors, strict=True)]
    if any(after for _, after in pad):
        array = np.pad(array, pad, mode="edge")
    padded = Volume(array, Geometry(array.shape, ct.geometry.spacing_mm, ct.geometry.origin_lps, ct.geometry.direction))
    block = from_sitk(sitk.BinShrink(to_sitk(padded), factors[::-1]))
    return Coarse(np.clip(block.array, LOWEST_HU, HIGHEST_HU), block.geometry)


def occupancy(hu: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """How much of each coarse voxel belongs to a lung mask, 0..1, so that `refine` finds the border inside a voxel.

    Voxels on the border are shared by their density between inflated lung and soft tissue; solid lung counts whole.
    """
    result = np.zeros(mask.shape, np.float32)
    box = shape.bounding_box(mask, 1.0, (1.0, 1.0, 1.0))
    air = np.clip((SOFT_TISSUE_HU - hu[box]) / (SOFT_TISSUE_HU - INFLATED_HU), 0, 1).astype(np.float32)
    inside = np.where(air > 0.5, air, 1.0)
    outside = np.where(air > 0.5, 0.0, air)
    result[box] = np.where(mask[box], np.maximum(inside, 0.51), np.minimum(outside, 0.49))
    return result


def refine(soft: np.ndarray, coarse: Geometry, grid: Geometry) -> np.ndarray:
    """A coarse mask on the CT's own voxels, with smooth borders.

    Args:
        soft: (z, y, x) on the coarse grid, bool or occupancy 0..1.
    Returns:
        bool on `grid`: where the interpolated occupancy is at least a half.
    """
    result = np.zeros(grid.shape, bool)
    if not np.any(soft):
        return result
    box = shape.bounding_box(soft > 0, max(coarse.spacing_mm), coarse.spacing_mm)
    level = (soft[box].astype(np.float32) * 200).astype(np.uint8)
    corner = coarse.to_lps(np.array([one.start for one in box]))
    part = Volume(level, Geometry(level.shape, coarse.spacing_mm, _point(corner), coarse.direction))
    corners = np.stack(np.meshgrid(*((-1, size) for size in level.shape), indexing="ij"), -1).reshape(8, 3)
    ends = grid.to_index(part.geometry.to_lps(corners))
    start = np.clip(np.floor(ends.min(axis=0)).astype(int), 0, grid.shape)
    stop = np.clip(np.ceil(ends.max(axis=0)).astype(int) + 1, start, grid.shape)
    if (stop <= start).any():
        return result
    inside = tuple(slice(int(low), int(high)) for low, high in zip(start, stop, strict=True))
    fine = sitk.Resample(to_sitk(part), _reference(grid, start, stop), sitk.Transform(), sitk.sitkLinear, 0)
    np.greater_equal(sitk.GetArrayViewFromImage(fine), 100, out=result[inside])
    return result


def _reference(grid: Geometry, start: np.ndarray, stop: np.ndarray) -> sitk.Image:
    """An empty image on part of a grid."""
    image = sitk.Image([int(n) for n in (stop - start)[::-1]], sitk.sitkUInt8)
    image.SetSpacing([float(value) for value in grid.spacing_mm[::-1]])
    image.SetOrigin(_point(grid.to_lps(start)))
    image.SetDirection([float(value) for row in grid.direction for value in row])
    return image


def _point(values: np.ndarray) -> Point:
    return float(values[0]), float(values[1]), float(values[2])
