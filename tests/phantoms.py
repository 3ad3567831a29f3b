"""Phantoms with known millimeters, built in memory.

A mask holds the voxels whose center lies inside the shape, as a contour drawn by a person is rasterized. Centers are
world points, so shapes may lie anywhere between voxels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from oncology.imaging.diameter import greatest_dimension_mm
from oncology.imaging.region import components, distance_mm
from oncology.imaging.volume import Geometry, Volume

AIR_HU, LUNG_HU, SOFT_TISSUE_HU, BONE_HU = -1000, -850, 40, 600


def make_grid(
    size_mm: Sequence[float], spacing_mm: Sequence[float] = (1.0, 1.0, 1.0), center_lps: Sequence[float] = (0, 0, 0)
) -> Geometry:
    """An axial grid of about `size_mm` (z, y, x) around `center_lps` (x, y, z)."""
    shape = tuple(math.ceil(size / spacing) for size, spacing in zip(size_mm, spacing_mm, strict=True))
    half = [(count - 1) * spacing / 2 for count, spacing in zip(shape[::-1], spacing_mm[::-1], strict=True)]
    origin = tuple(float(center - side) for center, side in zip(center_lps, half, strict=True))
    return Geometry(shape, tuple(map(float, spacing_mm)), origin)


def world(grid: Geometry) -> np.ndarray:
    """World points (Z, Y, X, 3) of all voxel centers, x, y, z."""
    return grid.to_lps(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1))


def sphere(grid: Geometry, center_lps: Sequence[float], diameter_mm: float) -> np.ndarray:
    """A ball."""
    return ((world(grid) - np.array(center_lps)) ** 2).sum(axis=-1) <= (diameter_mm / 2) ** 2


def ellipsoid(
    grid: Geometry, center_lps: Sequence[float], axes_mm: Sequence[float], rotation: np.ndarray | None = None
) -> np.ndarray:
    """An ellipsoid of full axes `axes_mm` (x, y, z), turned by the 3 x 3 `rotation`."""
    turned = (world(grid) - np.array(center_lps)) @ (np.eye(3) if rotation is None else rotation)
    return ((turned / (np.array(axes_mm) / 2)) ** 2).sum(axis=-1) <= 1


def ellipsoid_diameters(axes_mm: Sequence[float], rotation: np.ndarray) -> tuple[float, float, float]:
    """The longest diameter in axial, coronal and sagittal planes of such an ellipsoid, from its quadratic form."""
    form = rotation @ np.diag(4 / np.array(axes_mm, float) ** 2) @ rotation.T
    planes = ([0, 1], [0, 2], [1, 2])
    lengths = [2 / math.sqrt(np.linalg.eigvalsh(form[np.ix_(plane, plane)])[0]) for plane in planes]
    return lengths[0], lengths[1], lengths[2]


def box(grid: Geometry, low_lps: Sequence[float], high_lps: Sequence[float]) -> np.ndarray:
    """A box along the patient's axes."""
    points = world(grid)
    return ((points >= np.array(low_lps)) & (points < np.array(high_lps))).all(axis=-1)


def half_space(grid: Geometry, point_lps: Sequence[float], normal: Sequence[float]) -> np.ndarray:
    """Everything on the side of the plane through the point that the normal points away from."""
    return (world(grid) - np.array(point_lps)) @ np.array(normal, float) <= 0


def cylinder(
    grid: Geometry, point_lps: Sequence[float], axis: Sequence[float], diameter_mm: float, length_mm: float = math.inf
) -> np.ndarray:
    """A cylinder around the line through the point; endless unless a length is given."""
    direction = np.array(axis, float) / np.linalg.norm(axis)
    apart = world(grid) - np.array(point_lps)
    along = apart @ direction
    across = ((apart - along[..., None] * direction) ** 2).sum(axis=-1)
    return (across <= (diameter_mm / 2) ** 2) & (np.abs(along) <= length_mm / 2)


def arch(grid: Geometry, center_lps: Sequence[float], radius_mm: float, diameter_mm: float) -> np.ndarray:
    """The upper half of a ring in the sagittal plane, like the aortic arch."""
    apart = world(grid) - np.array(center_lps)
    ring = np.hypot(apart[..., 1], apart[..., 2]) - radius_mm
    return (ring**2 + apart[..., 0] ** 2 <= (diameter_mm / 2) ** 2) & (apart[..., 2] >= 0)


def wedge(grid: Geometry, point_lps: Sequence[float], angle_deg: float) -> np.ndarray:
    """The sector of `angle_deg` about the z axis through the point, symmetric about the patient's left."""
    apart = world(grid) - np.array(point_lps)
    return np.abs(np.degrees(np.arctan2(apart[..., 1], apart[..., 0]))) <= angle_deg / 2


def reoriented(volume: Volume, order: Sequence[int] = (0, 1, 2), flips: Sequence[int] = ()) -> Volume:
    """The same voxels at the same places, stored with other axes: axes (z, y, x) permuted, then some flipped."""
    grid = volume.geometry
    columns = np.asarray(grid.direction)[:, ::-1][:, list(order)]
    spacing = [grid.spacing_mm[axis] for axis in order]
    array = volume.array.transpose(order)
    origin = np.array(grid.origin_lps)
    for axis in flips:
        origin = origin + columns[:, axis] * spacing[axis] * (array.shape[axis] - 1)
        columns[:, axis] *= -1
    direction = tuple(tuple(map(float, row)) for row in columns[:, ::-1])
    geometry = Geometry(array.shape, tuple(spacing), tuple(map(float, origin)), direction)
    return Volume(np.ascontiguousarray(np.flip(array, list(flips))), geometry)


def shrink_to_diameter(mask: Volume, greatest_mm: float) -> Volume:
    """The mask peeled evenly from outside until its largest part measures `greatest_mm` or just less."""
    depth = distance_mm(np.pad(mask.array, 1), mask.geometry.spacing_mm)[1:-1, 1:-1, 1:-1]
    low, high = 0.0, float(depth.max())
    for _ in range(30):
        middle = (low + high) / 2
        peeled = _largest(depth > middle)
        too_large = peeled.any() and greatest_dimension_mm(Volume(peeled, mask.geometry)) > greatest_mm
        low, high = (middle, high) if too_large else (low, middle)
    return Volume(_largest(depth > high), mask.geometry)


def _largest(mask: np.ndarray) -> np.ndarray:
    result = np.zeros_like(mask)
    if mask.any():
        part, where = components(mask)[0]
        result[where] = part
    return result
