"""Closed planar contours to a mask: a voxel belongs to a contour when its center lies inside.

Contours may be drawn on the grid's slices, between them, on planes of another axis, or obliquely. Holes follow the
even-odd rule, so a keyhole contour and an inner contour both cut out. Source: DICOM PS3.3 C.8.8.6 (ROI Contour).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import edt
import numpy as np

from mdt_dicom.polygon import SNAP, combine, fill_polygon, points_inside
from oncology.errors import ContourError
from oncology.imaging.volume import Geometry

# A contour whose points stray less than this from a plane of the grid lies on it.
PLANAR_MM = 0.25
# Points of an oblique contour further than this from its plane are no planar contour.
NOT_PLANAR_MM = 1.0
# Contours of one ROI closer together than this part of a slice share a plane.
SAME_PLANE = 0.02
# Contours further than this from their slice are not on it (part of a slice).
OFF_PLANE = 0.05
# A gap of more than this many contour spacings is a gap, not a coarser spacing.
GAP = 1.5
# From this many slices per contour on, contours were drawn on every second slice or fewer.
SPARSE = 1.5


@dataclass(frozen=True)
class Raster:
    """A mask and what had to be decided to make it.

    Attributes:
        mask: bool on the grid.
        rings: contours used, without exact repetitions.
        repeated: contours that repeat another point for point.
        crossing: contours that cross themselves, winding around a voxel twice.
        crossed_voxels: the voxels that they wind around twice; by the even-odd rule they are holes.
        overlapping: planes on which contours overlap without one containing the other; united.
        off_plane_mm: the largest distance of a contour from the slice it was drawn into.
        interpolated: slices without a contour that were filled, since contours are a multiple of the slices apart.
        gaps: slices without a contour between others that were left empty.
        outside: the part of contour points outside the grid, 0..1.
        oblique: whether the planes lie along no axis of the grid.
    """

    mask: np.ndarray
    rings: int = 0
    repeated: int = 0
    crossing: int = 0
    crossed_voxels: int = 0
    overlapping: int = 0
    off_plane_mm: float = 0.0
    interpolated: int = 0
    gaps: int = 0
    outside: float = 0.0
    oblique: bool = False


@dataclass(frozen=True)
class _Plane:
    """One contour plane, filled: its position along the normal (slices, or millimeters when oblique)."""

    position: float
    mask: np.ndarray
    crossed: tuple[int, ...]
    overlapping: bool


def rasterize(rings_lps: Sequence[np.ndarray], grid: Geometry, *, exclusive: bool = False) -> Raster:
    """The mask of one ROI.

    Args:
        rings_lps: closed contours (N, 3), world millimeters; the first point may be repeated at the end.
        grid: where the mask lies.
        exclusive: contours of type CLOSEDPLANAR_XOR: every overlap is taken out, nested or not.
    Raises:
        ContourError: a contour is not planar.
    """
    rings = _without_repeats(rings_lps)
    if not rings:
        return Raster(np.zeros(grid.shape, bool))
    indexed = [np.round(grid.to_index(ring) / SNAP) * SNAP for ring in rings]
    axis = _slice_axis(indexed, grid)
    if axis is None:
        raster = _oblique(rings, grid, exclusive)
    else:
        order = [axis, *(other for other in range(3) if other != axis)]
        shape = (grid.shape[order[0]], grid.shape[order[1]], grid.shape[order[2]])
        raster = _on_slices([ring[:, order] for ring in indexed], shape, exclusive)
        mask, off_plane = np.moveaxis(raster.mask, 0, axis), float(raster.off_plane_mm * grid.spacing_mm[axis])
        raster = replace(raster, mask=mask, off_plane_mm=off_plane)
    beyond = [((ring < -0.5) | (ring > np.array(grid.shape) - 0.5)).any(axis=1) for ring in indexed]
    outside = float(np.concatenate(beyond).mean())
    return replace(raster, rings=len(rings), repeated=len(rings_lps) - len(rings), outside=outside)


def _without_repeats(rings_lps: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Contours without their closing point, each set of points once."""
    seen: set[bytes] = set()
    rings = []
    for points in rings_lps:
        ring = np.asarray(points, float)
        if len(ring) > 1 and np.allclose(ring[0], ring[-1]):
            ring = ring[:-1]
        rounded = np.round(ring, 4) + 0.0  # no negative zero
        key = rounded[np.lexsort(rounded.T)].tobytes()
        if len(ring) >= 3 and key not in seen:
            seen.add(key)
            rings.append(ring)
    return rings


def _slice_axis(indexed: Sequence[np.ndarray], grid: Geometry) -> int | None:
    """The grid axis (0 z, 1 y, 2 x) along which every contour is flat; None when there is none."""
    for axis in range(3):
        if all(float(np.ptp(ring[:, axis])) * grid.spacing_mm[axis] <= PLANAR_MM for ring in indexed):
            return axis
    return None


def _on_slices(rings: Sequence[np.ndarray], shape: tuple[int, int, int], exclusive: bool) -> Raster:
    """Contours (slice, row, column) on the slices of one axis; `off_plane_mm` of the result counts slices."""
    planes = [_drawn(group, (shape[1], shape[2]), exclusive) for group in _grouped(rings)]
    positions = np.array([plane.position for plane in planes])
    spacing = float(np.median(np.diff(positions))) if len(planes) > 1 else 1.0
    mask = np.zeros(shape, bool)
    off_plane, interpolated, gaps = 0.0, 0, 0
    first, last = int(np.floor(positions[0] - spacing)), int(np.ceil(positions[-1] + spacing))
    for place in range(max(0, first), min(shape[0] - 1, last) + 1):
        near = _plane_of(place, positions, spacing)
        if near is not None:
            mask[place] = planes[near].mask
            off_plane = max(off_plane, abs(float(positions[near]) - place)) if spacing < SPARSE else off_plane
        elif positions[0] < place < positions[-1]:
            between = _between(place, planes, spacing)
            gaps += between is None
            interpolated += between is not None
            mask[place] = False if between is None else between
    crossed = [count for plane in planes for count in plane.crossed if count]
    overlapping = sum(plane.overlapping for plane in planes)
    return Raster(mask, 0, 0, len(crossed), sum(crossed), overlapping, off_plane, interpolated, gaps)


def _grouped(rings: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
    """The contours of each plane, planes rising."""
    groups: list[list[np.ndarray]] = []
    last = -np.inf
    for ring in sorted(rings, key=lambda ring: float(ring[:, 0].mean())):
        position = float(ring[:, 0].mean())
        if position - last <= SAME_PLANE:
            groups[-1].append(ring)
        else:
            groups.append([ring])
            last = position
    return groups


def _drawn(group: Sequence[np.ndarray], shape: tuple[int, int], exclusive: bool) -> _Plane:
    filled = [fill_polygon(ring[:, 1:], shape) for ring in group]
    masks = [mask for mask, _ in filled]
    total, overlapping = (np.logical_xor.reduce(masks), False) if exclusive else combine(masks)
    position = float(np.mean([ring[:, 0].mean() for ring in group]))
    return _Plane(position, total, tuple(crossed for _, crossed in filled), overlapping)


def _plane_of(place: int, positions: np.ndarray, spacing: float) -> int | None:
    """The contour plane that a slice takes as it is: its own, or the nearest within half a contour spacing.

    Sparse contours own the slices beyond the first and the last within half a spacing, as a slab does.
    """
    apart = positions - place
    if spacing >= SPARSE:
        end = place < positions[0] or place > positions[-1]
        owned = np.abs(apart) <= (spacing / 2 - 2 * SNAP if end else OFF_PLANE)
    else:
        reach = max(1.0, spacing) / 2
        owned = (apart > -reach + SNAP) & (apart <= reach + SNAP)
    return int(np.where(owned, np.abs(apart), np.inf).argmin()) if owned.any() else None


def _between(place: int, planes: Sequence[_Plane], spacing: float) -> np.ndarray | None:
    """A slice between two sparse contours, by the distance to their borders; None across a gap."""
    after = next(number for number, plane in enumerate(planes) if plane.position > place)
    low, high = planes[after - 1], planes[after]
    if spacing < SPARSE or high.position - low.position > GAP * spacing:
        return None
    weight = (place - low.position) / (high.position - low.position)
    blend: np.ndarray = (1 - weight) * _signed(low.mask) + weight * _signed(high.mask) > 0
    return blend


def _signed(mask: np.ndarray) -> np.ndarray:
    """Pixels to the border, positive inside."""
    if not mask.any():
        return np.full(mask.shape, -1e3)
    return np.where(mask, edt.edt(mask) - 0.5, 0.5 - edt.edt(~mask))


def _oblique(rings: Sequence[np.ndarray], grid: Geometry, exclusive: bool) -> Raster:
    """Planes along no axis of the grid: a voxel belongs to the nearest plane within half a contour spacing."""
    frame = _plane_frame(rings)
    turned = [ring @ frame.T for ring in rings]
    stray = max(float(np.ptp(ring[:, 0])) for ring in turned)
    if stray > NOT_PLANAR_MM:
        raise ContourError(
            f"a contour strays {stray:.1f} mm from its plane; expected planar contours on parallel planes; "
            "export the ROI again"
        )
    window, voxels = _voxels_around(rings, grid)
    voxels = voxels @ frame.T
    groups = _grouped(turned)
    positions = np.array([float(np.mean([ring[:, 0].mean() for ring in group])) for group in groups])
    spacing = float(np.median(np.diff(positions))) if len(positions) > 1 else _slice_mm(frame[0], grid)
    owner = np.abs(voxels[:, :1] - positions[None, :]).argmin(axis=1)
    near = np.abs(voxels[:, 0] - positions[owner]) <= spacing / 2
    inside, overlapping = np.zeros(len(voxels), bool), 0
    for number, group in enumerate(groups):
        chosen = np.flatnonzero(near & (owner == number))
        if chosen.size:
            found = [points_inside(voxels[chosen, 1:], ring[:, 1:]) for ring in group]
            inside[chosen], overlap = (np.logical_xor.reduce(found), False) if exclusive else combine(found)
            overlapping += overlap
    mask = np.zeros(grid.shape, bool)
    mask[window] = inside.reshape(mask[window].shape)
    return Raster(mask, overlapping=overlapping, oblique=True)


def _slice_mm(normal: np.ndarray, grid: Geometry) -> float:
    """Voxel size along the grid axis that runs most along the normal."""
    return grid.spacing_mm[int(np.abs(normal @ np.asarray(grid.direction)[:, ::-1]).argmax())]


def _plane_frame(rings: Sequence[np.ndarray]) -> np.ndarray:
    """Rows: the normal common to all contours, and two directions within their planes."""
    centered = np.concatenate([ring - ring.mean(axis=0) for ring in rings])
    _, _, axes = np.linalg.svd(centered, full_matrices=False)
    return axes[::-1]


def _voxels_around(rings: Sequence[np.ndarray], grid: Geometry) -> tuple[tuple[slice, ...], np.ndarray]:
    """The part of the grid that holds the contours, and the world positions of its voxels (N, 3)."""
    indexed = grid.to_index(np.concatenate(rings))
    reach = max(grid.spacing_mm) / np.array(grid.spacing_mm)
    low = np.clip(np.floor(indexed.min(axis=0) - reach), 0, grid.shape).astype(int)
    high = np.clip(np.ceil(indexed.max(axis=0) + reach) + 1, 0, grid.shape).astype(int)
    window = tuple(slice(int(start), int(stop)) for start, stop in zip(low, high, strict=True))
    places = np.stack(np.meshgrid(*(np.arange(part.start, part.stop) for part in window), indexing="ij"), axis=-1)
    return window, grid.to_lps(places.reshape(-1, 3))
