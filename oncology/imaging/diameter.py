"""Diameters of a mask, in the planes a radiologist reads and in space.

Convention. A mask says which voxel centers lie inside; the true border runs somewhere between the outermost center
and the edge of its voxel or beyond. Center to center is the least length that a mask supports, edge to edge of the
same line the most. Lengths here are the mean of the two: the line through the two outermost centers, prolonged at
each end by half of its way to the voxel's edge. On digitized spheres and ellipsoids of 5 to 80 mm this is the
convention whose error is smallest over all slice thicknesses (edge to edge is 1 to 2 voxels too long on round
shapes, center to center up to a voxel too short on flat ones); tests hold it within half a voxel's diagonal. The
short axis is measured along one direction and gains nothing from choosing the longest of many: there three quarters
of the way are without bias.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import cdist

from oncology.findings import Point
from oncology.imaging.region import bounding_box, crop, upright
from oncology.imaging.volume import Geometry, Volume

PLANES = ("axial", "coronal", "sagittal")  # by the array axis (z, y, x) that runs through the slices
# How much of the way from the outermost centers to their voxels' edges counts (see above).
LONGEST_LINE_PART = 0.5
SHORT_AXIS_PART = 0.75
# Above this many points the convex hull is taken before all pairs are compared.
MOST_POINTS_TO_PAIR = 1200


@dataclass(frozen=True)
class Caliper:
    """One straight measurement: its length, the plane it was taken in ("3d": none), and where its ends lie."""

    length_mm: float
    plane: str
    start_lps: Point
    end_lps: Point

    @property
    def middle_lps(self) -> Point:
        """Halfway between the ends: the place for a picture that shows the whole line."""
        x, y, z = ((first + second) / 2.0 for first, second in zip(self.start_lps, self.end_lps, strict=True))
        return x, y, z


@dataclass(frozen=True)
class Diameters:
    """The diameters of one connected mask.

    `short_axis` is the longest extent perpendicular to `axial`, in its slice (RECIST 1.1, lymph nodes).
    """

    axial: Caliper
    coronal: Caliper
    sagittal: Caliper
    in_3d: Caliper
    short_axis: Caliper

    @property
    def greatest(self) -> Caliper:
        """The longest over axial, coronal and sagittal planes."""
        return max(self.axial, self.coronal, self.sagittal, key=lambda caliper: caliper.length_mm)


@dataclass(frozen=True)
class _Segment:
    """A line between two voxel centers: fractional indices and length between centers and as reported."""

    start: np.ndarray
    end: np.ndarray
    length_mm: float


def measure_diameters(mask: Volume) -> Diameters:
    """Diameters of one connected mask, on any orientation.

    Raises:
        ContourError: no voxel is set.
    """
    part = upright(crop(mask.array, mask.geometry, bounding_box(mask.array)))
    grid = part.geometry
    in_planes = [_longest_in_slices(part.array, axis, grid.spacing_mm) for axis in range(3)]
    short = _short_axis(part.array, in_planes[0], grid.spacing_mm)
    calipers = [_caliper(segment, plane, grid) for segment, plane in zip(in_planes, PLANES, strict=True)]
    in_space = _caliper(_longest_in_space(part.array, grid.spacing_mm), "3d", grid)
    return Diameters(calipers[0], calipers[1], calipers[2], in_space, _caliper(short, "axial", grid))


def greatest_dimension_mm(mask: Volume) -> float:
    """The longest diameter over axial, coronal and sagittal planes, in millimeters."""
    part = upright(crop(mask.array, mask.geometry, bounding_box(mask.array)))
    return max(_longest_in_slices(part.array, axis, part.geometry.spacing_mm).length_mm for axis in range(3))


def longest_axial_mm(mask: Volume) -> float:
    """The longest diameter within an axial slice, in millimeters."""
    part = upright(crop(mask.array, mask.geometry, bounding_box(mask.array)))
    return _longest_in_slices(part.array, 0, part.geometry.spacing_mm).length_mm


def _caliper(segment: _Segment, plane: str, grid: Geometry) -> Caliper:
    start, end = (tuple(float(value) for value in grid.to_lps(point)) for point in (segment.start, segment.end))
    return Caliper(segment.length_mm, plane, (start[0], start[1], start[2]), (end[0], end[1], end[2]))


def line_ends(mask: np.ndarray, axis: int) -> np.ndarray:
    """The first and last set voxel of every line along `axis`: only these can be corners of the convex hull."""
    before = np.maximum.accumulate(mask, axis)
    after = np.flip(np.maximum.accumulate(np.flip(mask, axis), axis), axis)
    first, last = before.copy(), after.copy()
    head = tuple(slice(1, None) if other == axis else slice(None) for other in range(mask.ndim))
    tail = tuple(slice(None, -1) if other == axis else slice(None) for other in range(mask.ndim))
    first[head] &= ~before[tail]
    last[tail] &= ~after[head]
    return np.asarray(first | last)


def _longest_in_slices(mask: np.ndarray, axis: int, spacing_mm: tuple[float, float, float]) -> _Segment:
    """The longest line within any slice perpendicular to `axis`."""
    in_plane = [other for other in range(3) if other != axis]
    corners = np.argwhere(line_ends(mask, in_plane[0]) & line_ends(mask, in_plane[1]))
    corners = corners[np.argsort(corners[:, axis], kind="stable")]
    groups = np.split(corners, np.flatnonzero(np.diff(corners[:, axis])) + 1)
    spacing = np.array(spacing_mm)
    best: _Segment | None = None
    for points in groups:
        diagonal = np.linalg.norm((np.ptp(points, axis=0) + 1) * spacing)
        if best is None or diagonal > best.length_mm:
            found = _longest(points, spacing, in_plane)
            best = found if best is None or found.length_mm > best.length_mm else best
    if best is None:
        raise ValueError("an empty mask reached a diameter; the callers check")
    return best


def _longest_in_space(mask: np.ndarray, spacing_mm: tuple[float, float, float]) -> _Segment:
    """The longest line between any two voxels."""
    points = np.argwhere(line_ends(mask, 0) & line_ends(mask, 1) & line_ends(mask, 2))
    if len(points) > MOST_POINTS_TO_PAIR:
        points = points[_hull_corners(points * np.array(spacing_mm))]
    return _longest(points, np.array(spacing_mm), [0, 1, 2])


def _hull_corners(points_mm: np.ndarray) -> np.ndarray:
    """Indices of the points on the convex hull; all of them when they lie in one plane."""
    try:
        return np.sort(ConvexHull(points_mm).vertices)
    except QhullError:
        return np.arange(len(points_mm))


def _longest(points: np.ndarray, spacing: np.ndarray, axes: list[int]) -> _Segment:
    """The longest line between two of the points (N, 3), indices; among equals the one with the most voxel at its ends.

    `axes`: the axes that the line may use.
    """
    places = points[:, axes] * spacing[axes]
    squared = cdist(places, places, "sqeuclidean")
    starts, ends = np.nonzero(squared >= squared.max() * (1 - 1e-9))
    starts, ends = starts[starts <= ends], ends[starts <= ends]
    candidates = [_prolonged(points[a], points[b], spacing, axes) for a, b in zip(starts, ends, strict=True)]
    return max(candidates, key=lambda segment: segment.length_mm)


def _prolonged(start: np.ndarray, end: np.ndarray, spacing: np.ndarray, axes: list[int]) -> _Segment:
    """The line between two voxel centers, with part of its way to the voxel's edge added at each end."""
    apart = (end - start) * spacing
    length = float(np.linalg.norm(apart))
    if length == 0.0:  # one voxel: along its longest side
        apart = np.where(np.arange(3) == max(axes, key=lambda axis: spacing[axis]), 1.0, 0.0)
    direction = apart / np.linalg.norm(apart)
    beyond = LONGEST_LINE_PART * edge_to_edge_mm(direction, spacing) / 2.0
    shift = direction * beyond / spacing
    return _Segment(start - shift, end + shift, length + 2.0 * beyond)


def edge_to_edge_mm(direction: np.ndarray, spacing: np.ndarray) -> float:
    """How long a line along `direction` (unit, mm) through a voxel's center runs inside that voxel."""
    along = np.abs(direction)
    return float((spacing[along > 1e-12] / along[along > 1e-12]).min())


def _short_axis(mask: np.ndarray, long_axis: _Segment, spacing_mm: tuple[float, float, float]) -> _Segment:
    """The longest extent perpendicular to the long axis within its (axial) slice.

    Lines are laid across the slice a quarter voxel apart and sampled at an eighth of a voxel.
    """
    index = round(float(long_axis.start[0]))
    spacing = np.array(spacing_mm[1:])
    along = (long_axis.end - long_axis.start)[1:] * spacing
    along = along / np.linalg.norm(along)
    across = np.array([-along[1], along[0]])
    centers = np.argwhere(mask[index]) * spacing
    step = float(spacing.min()) / 8.0
    margin = float(np.linalg.norm(spacing))
    places = _steps(centers @ along, margin, 2.0 * step)
    reaches = _steps(centers @ across, margin, step)
    points = places[:, None, None] * along + reaches[None, :, None] * across
    inside = _inside(mask[index], points / spacing)
    found = inside.any(axis=1)
    first, last = inside.argmax(axis=1), inside.shape[1] - 1 - inside[:, ::-1].argmax(axis=1)
    extent = np.where(found, (last - first + 1) * step, 0.0)
    widest = int(extent.argmax())
    # Sampling measures edge to edge; the convention takes part of the voxel away again.
    trim = (1.0 - SHORT_AXIS_PART) * edge_to_edge_mm(across, spacing) / 2.0
    trim = max(trim, (float(extent[widest]) - long_axis.length_mm) / 2.0)  # never longer than the long axis
    ends = [reaches[first[widest]] - step / 2.0 + trim, reaches[last[widest]] + step / 2.0 - trim]
    start, end = (np.array([index, *((places[widest] * along + reach * across) / spacing)]) for reach in ends)
    return _Segment(start, end, float(extent[widest]) - 2.0 * trim)


def _steps(values: np.ndarray, margin: float, step: float) -> np.ndarray:
    """Places from below the smallest value to above the largest, laid symmetrically about their middle."""
    middle, half = (values.min() + values.max()) / 2.0, (values.max() - values.min()) / 2.0 + margin
    count = int(np.ceil(half / step))
    return np.asarray(middle + np.arange(-count, count + 1) * step)


def _inside(plane: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Whether the nearest voxel of each point (..., 2), fractional indices, is set; outside of the array is not."""
    nearest = np.floor(points + 0.5).astype(np.intp)
    valid = np.all((nearest >= 0) & (nearest < np.array(plane.shape)), axis=-1)
    nearest[~valid] = 0
    return np.asarray(plane[nearest[..., 0], nearest[..., 1]] & valid)
