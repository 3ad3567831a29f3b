"""Where a finding lies: side, lobe, distances, and whether the image cuts it off."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial import cKDTree

from oncology.findings import Laterality, Point
from oncology.imaging.region import Box, bounding_box, checked_mask, crop, distance_mm, grown, upright
from oncology.imaging.volume import Geometry, Volume

LOBES = (
    "lung_upper_lobe_left",
    "lung_lower_lobe_left",
    "lung_upper_lobe_right",
    "lung_middle_lobe_right",
    "lung_lower_lobe_right",
)
# What shows the midline, best first. Each entry: one structure, or the beginning of several names.
MIDLINE_STRUCTURES = ("spinal_cord", "spinal_canal", "spine", "vertebrae_", "body")
# How far above and below the finding the midline is looked at.
MIDLINE_REACH_MM = 30.0
# A finding belongs to the side that holds at least this part of it; between, the lungs decide, else it is midline.
ONE_SIDE_SHARE = 0.75
# A lung decides when it covers this part of the finding's surroundings, and this many times more than the other.
LUNG_SHARE = 0.25
LUNG_RATIO = 4.0
LUNG_SHELL_MM = 3.0
# A region further than this from the finding does not hold it.
REGION_REACH_MM = 10.0
MOST_SAMPLES = 2000
# How far above and below a finding the organ beside it is looked at, and how far past its border midline ends.
ORGAN_REACH_MM, PAST_BORDER_MM = 10.0, 2.0


def touches_border(mask: np.ndarray) -> bool:
    """True when a set voxel lies in the image's outermost layer: the finding may be cut off."""
    sides = zip(bounding_box(mask), mask.shape, strict=True)
    return any(side.start == 0 or side.stop == size for side, size in sides)


def centroid_lps(mask: np.ndarray, grid: Geometry) -> Point:
    """Center of gravity of the mask (Z, Y, X), in LPS mm."""
    box = bounding_box(mask)
    index = np.argwhere(mask[box]).mean(axis=0) + np.array([side.start for side in box])
    x, y, z = grid.to_lps(index)
    return float(x), float(y), float(z)


def find_laterality(mask: np.ndarray, grid: Geometry, structures: Mapping[str, np.ndarray]) -> Laterality | None:
    """The patient's side of a finding; None when nothing shows where the midline runs.

    The midline comes from the spine (or, failing that, the whole body when the image does not cut it at a side).
    A finding with three quarters of its volume on one side lies there. One nearer to the midline lies on the side
    of the lung that surrounds it, when one clearly does; otherwise it is midline.
    """
    left = share_left(mask, grid, structures)
    if left is not None and not 1.0 - ONE_SIDE_SHARE < left < ONE_SIDE_SHARE:
        return Laterality.LEFT if left > 0.5 else Laterality.RIGHT
    lung = _surrounding_lung(mask, grid, structures)
    if lung is not None:
        return lung
    return None if left is None else Laterality.MIDLINE


def side_of_organ(mask: np.ndarray, organ: np.ndarray, grid: Geometry) -> Laterality | None:
    """Beside which half of a midline organ a finding lies; midline where its center is not beyond the organ's border.

    Args:
        mask, organ: (Z, Y, X) bool on `grid`.

    Returns:
        None where the organ is not seen at the finding's height.
    """
    level = _level(grid, bounding_box(mask))
    part = upright(crop(organ, grid, level))
    if not part.array.any():
        return None
    filled = part.geometry.to_lps(np.argwhere(part.array))
    center = centroid_lps(mask, grid)
    near = filled[np.abs(filled[:, 2] - center[2]) <= ORGAN_REACH_MM]
    if len(near) == 0:
        return None
    low, high = np.quantile(near[:, 0], (0.05, 0.95))
    if low - PAST_BORDER_MM <= center[0] <= high + PAST_BORDER_MM:
        return Laterality.MIDLINE
    return Laterality.LEFT if center[0] > high else Laterality.RIGHT


def share_left(mask: np.ndarray, grid: Geometry, structures: Mapping[str, np.ndarray]) -> float | None:
    """Part of the mask's volume that lies left of the midline, 0 to 1; None without a midline."""
    box = bounding_box(mask)
    part = upright(crop(mask, grid, box))
    line = _midline(grid, box, structures)
    if line is None:
        return None
    count, height, width = part.array.shape
    index = np.zeros((count, width, 3))
    index[..., 0], index[..., 1], index[..., 2] = np.arange(count)[:, None], (height - 1) / 2, np.arange(width)
    points = part.geometry.to_lps(index)
    is_left = points[..., 0] > np.polyval(line, points[..., 2])
    columns = part.array.sum(axis=1)
    return float(columns[is_left].sum() / columns.sum())


def _midline(grid: Geometry, box: Box, structures: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Coefficients of the midline's x over z (LPS mm) at the level of the box."""
    level = _level(grid, box)
    for name in MIDLINE_STRUCTURES:
        masks = [
            upright(crop(mask, grid, level))
            for key, mask in structures.items()
            if key == name or (name.endswith("_") and key.startswith(name))
        ]
        if masks:
            together = Volume(np.any([mask.array for mask in masks], axis=0), masks[0].geometry)
            line = _line_through(together)
            if line is not None:
                return line
    return None


def _level(grid: Geometry, box: Box) -> Box:
    """The whole image's width and depth at the height of the box, and a little above and below."""
    height = 2 - int(np.abs(np.asarray(grid.direction)[2]).argmax())
    near = grown(box, grid, MIDLINE_REACH_MM)
    sides = [near[axis] if axis == height else slice(0, grid.shape[axis]) for axis in range(3)]
    return sides[0], sides[1], sides[2]


def _line_through(structure: Volume) -> np.ndarray | None:
    """A straight line through the middles of the structure's axial slices; None when a side is cut off."""
    columns = structure.array.sum(axis=1)
    if not columns.any() or columns[:, 0].any() or columns[:, -1].any():
        return None
    filled = np.flatnonzero(columns.sum(axis=1))
    middles = (columns[filled] @ np.arange(columns.shape[1])) / columns[filled].sum(axis=1)
    index = np.stack([filled.astype(float), np.zeros(len(filled)), middles], axis=1)
    points = structure.geometry.to_lps(index)
    return np.polyfit(points[:, 2], points[:, 0], 1 if len(filled) >= 5 else 0)


def _surrounding_lung(mask: np.ndarray, grid: Geometry, structures: Mapping[str, np.ndarray]) -> Laterality | None:
    """The side whose lung clearly surrounds the mask (or holds it)."""
    near = grown(bounding_box(mask), grid, 2.0 * LUNG_SHELL_MM)
    shell = distance_mm(~mask[near], grid.spacing_mm) <= LUNG_SHELL_MM
    counts = dict.fromkeys((Laterality.LEFT, Laterality.RIGHT), 0)
    for side in counts:
        names = [f"lung_{side.value}", *(lobe for lobe in LOBES if lobe.endswith(side.value))]
        present = [structures[name][near].astype(bool) for name in names if name in structures]
        counts[side] = int((np.any(present, axis=0) & shell).sum()) if present else 0
    nearest, other = sorted(counts, key=lambda side: -counts[side])
    if counts[nearest] < LUNG_SHARE * shell.sum() or counts[nearest] < LUNG_RATIO * counts[other]:
        return None
    return nearest


def region_shares(mask: np.ndarray, grid: Geometry, regions: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Which of several regions (lobes, parts of an organ) hold a finding: each one's part of it, largest first.

    Every voxel of the finding counts for the region that it lies in, or for the nearest one where the regions'
    masks leave the finding out; parts under 1% are dropped. Empty when no region lies within REGION_REACH_MM.
    """
    near = grown(bounding_box(mask), grid, REGION_REACH_MM + max(grid.spacing_mm))
    part = upright(crop(mask, grid, near))
    voxels = np.argwhere(part.array)
    voxels = voxels[:: max(1, len(voxels) // MOST_SAMPLES)]
    spacing = np.array(part.geometry.spacing_mm)
    apart = {}
    for name, region in regions.items():
        cut = upright(crop(checked_mask(region, grid, name), grid, near)).array
        if cut.any():
            distance = cKDTree(np.argwhere(_border(cut)) * spacing).query(voxels * spacing)[0]
            apart[name] = np.where(cut[tuple(voxels.T)], 0.0, distance)
    if not apart or min(distance.min() for distance in apart.values()) > REGION_REACH_MM:
        return {}
    nearest = np.argmin(list(apart.values()), axis=0)
    shares = {name: float((nearest == index).mean()) for index, name in enumerate(apart)}
    kept = {name: share for name, share in shares.items() if share >= 0.01}
    return dict(sorted(kept.items(), key=lambda item: -item[1]))


def _border(mask: np.ndarray) -> np.ndarray:
    """Set voxels with an unset neighbor along an axis, or at the array's edge."""
    inner = np.pad(mask, 1)
    core = inner.copy()
    for axis in range(3):
        core &= np.roll(inner, 1, axis) & np.roll(inner, -1, axis)
    return np.asarray(mask & ~core[1:-1, 1:-1, 1:-1])


def distance_to_point_mm(mask: np.ndarray, grid: Geometry, point: Point) -> float:
    """Distance from the mask's surface (its voxels' edges) to a point in LPS; 0 when the point lies inside."""
    box = bounding_box(mask)
    corner = np.array([side.start for side in box])
    voxels = np.argwhere(_border(mask[box])) + corner
    place = grid.to_index(np.array(point))
    nearest = np.round(place).astype(int)
    if all(side.start <= index < side.stop for side, index in zip(box, nearest, strict=True)) and mask[tuple(nearest)]:
        return 0.0
    beyond = np.clip(np.abs(voxels - place) - 0.5, 0.0, None) * np.array(grid.spacing_mm)
    return float(np.sqrt((beyond**2).sum(axis=1).min()))
