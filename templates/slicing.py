"""Cutting a flat picture out of a volume, as a radiologist looks at it: at equal millimeters, right side at left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from oncology.imaging.volume import Geometry, Volume

# By plane: the world direction (LPS) of the picture's right and of its lower edge.
DIRECTIONS = {
    "axial": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    "coronal": ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    "sagittal": ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
}
# By plane: letters at the left, right, upper and lower edge, and the axis (x, y, z) that runs through the slices.
LETTERS = {"axial": "RLAP", "coronal": "RLHF", "sagittal": "APHF"}
NORMAL_AXIS = {"axial": 2, "coronal": 1, "sagittal": 0}
# Axes closer than this to the plane's normal (cosine) have slices that the picture can lie in.
ALONG = 0.999


@dataclass(frozen=True)
class Plane:
    """A square picture in space: its middle (LPS), plane and size."""

    name: str
    center_lps: tuple[float, float, float]
    pixel_mm: float
    size_px: int

    @property
    def field_mm(self) -> float:
        """Side of the square in millimeters."""
        return self.pixel_mm * self.size_px

    @property
    def position_mm(self) -> float:
        """Where the slice lies along its normal, LPS."""
        return self.center_lps[NORMAL_AXIS[self.name]]

    def indices(self, grid: Geometry) -> np.ndarray:
        """Fractional voxel indices (H, W, 3), z, y, x, of all pixel centers."""
        center, right, down = (np.array(each) for each in (self.center_lps, *DIRECTIONS[self.name]))
        middle = grid.to_index(center)
        across, along = grid.to_index(center + right) - middle, grid.to_index(center + down) - middle
        steps = (np.arange(self.size_px) - (self.size_px - 1) / 2) * self.pixel_mm
        return np.asarray(middle + steps[None, :, None] * across + steps[:, None, None] * along)

    def to_pixels(self, point_lps: Sequence[float]) -> tuple[float, float, float]:
        """Pixel x, y of a world point, and its distance from the plane in mm."""
        apart = np.array(point_lps, float) - np.array(self.center_lps)
        right, down = (np.array(direction) for direction in DIRECTIONS[self.name])
        middle = (self.size_px - 1) / 2
        across, along = float(apart @ right), float(apart @ down)
        return across / self.pixel_mm + middle, along / self.pixel_mm + middle, float(apart @ np.cross(right, down))


def snapped(name: str, focus_lps: Sequence[float], grid: Geometry, field_mm: float, size_px: int) -> Plane:
    """The plane through the voxel centers nearest to the focus, so that an axial picture is a slice of the scan."""
    normal = np.zeros(3)
    normal[NORMAL_AXIS[name]] = 1.0
    center = np.array(focus_lps, float)
    along = np.abs(np.asarray(grid.direction).T @ normal)[::-1]
    axis = int(along.argmax())
    if along[axis] > ALONG:
        index = grid.to_index(center)
        index[axis] = np.floor(index[axis] + 0.5)
        moved = grid.to_lps(index)
        center[NORMAL_AXIS[name]] = moved[NORMAL_AXIS[name]]
    return Plane(name, (float(center[0]), float(center[1]), float(center[2])), field_mm / size_px, size_px)


def sample(volume: Volume, plane: Plane, *, order: int, fill: float) -> np.ndarray:
    """Values (H, W) float32 of the volume at the plane's pixels; `fill` outside of the volume.

    Args:
        order: of the interpolating spline: 0 nearest, 1 linear, 3 cubic.
    """
    index = plane.indices(volume.geometry)
    shape = np.array(volume.geometry.shape)
    inside = np.all((index >= -0.5) & (index <= shape - 0.5), axis=-1)
    result = np.full(inside.shape, fill, np.float32)
    if not inside.any():
        return result
    low = np.clip(np.floor(index[inside].min(axis=0)).astype(int) - 4, 0, shape - 1)
    high = np.clip(np.ceil(index[inside].max(axis=0)).astype(int) + 5, 1, shape)
    part = volume.array[tuple(slice(a, b) for a, b in zip(low, high, strict=True))].astype(np.float32)
    coordinates = (index[inside] - low).T
    result[inside] = ndimage.map_coordinates(part, coordinates, order=order, mode="nearest")
    return result
