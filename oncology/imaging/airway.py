"""Trachea, carina and main bronchi, from air that is continuous with a round, central column of air.

Grown in small steps of density until the growth betrays a leak into the lung; then cut into parts along the
distance that air travels from the top.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, sparse, spatial
from scipy.sparse import csgraph

from oncology.findings import Point
from oncology.imaging import shape
from oncology.imaging.canal import Canal
from oncology.imaging.coarse import Coarse, coarsen
from oncology.imaging.shape import Spacing
from oncology.imaging.volume import Geometry, Volume

# A trachea is 13-27 mm across in men and 10-23 mm in women (Breatnach 1984); disease and partial volume widen that.
SEED_HU = -700
SEED_MM2 = (40.0, 900.0)
SEED_ROUNDNESS = 0.45  # of the bounding box that is filled; an ellipse fills 0.79
SHORTEST_COLUMN_MM = 20.0
FROM_MIDLINE_MM = 45.0
# In front of the spinal canal: esophagus, vertebra and sometimes a goiter lie between.
BEFORE_CANAL_MM = (15.0, 95.0)
# Without a fork below it, a column this short may as well be bowel or stomach.
SHORTEST_UNFORKED_MM = 40.0

AIRWAY_VOXEL_MM = 1.2
GROW_FROM_HU, GROW_TO_HU, GROW_STEP_HU = -960, -700, 20
# Trachea and bronchi down to segments hold well under this; a leak holds liters.
LARGEST_ML = 130.0
LEAK_RATIO, LEAK_ML = 1.6, 12.0

# Width of one front of traveling air, and at least this many voxels of the longest side.
FRONT_MM, FRONT_VOXELS = 3.0, 1.3
LONGEST_TRACHEA_MM = 130.0
# Both branches must go on for this long, at this cross-section, to count as the two main bronchi.
BRANCH_MM = 15.0
BRANCH_MM2 = 20.0
MEET_VOXELS = 2.5
# Usual lengths to the first branch: right 2-2.5 cm, left 4-5 cm; longer paths have left the main bronchus.
LONGEST_MAIN_MM = {"right": 32.0, "left": 58.0}


@dataclass(frozen=True)
class Airway:
    """Masks on the airway's own grid.

    Attributes:
        lumen: all air that was reached, small bronchi included.
        main_bronchus_left, main_bronchus_right: None where the carina was not found.
        carina_lps: where the lumen divides, or None.
    """

    geometry: Geometry
    lumen: np.ndarray
    trachea: np.ndarray
    main_bronchus_left: np.ndarray | None
    main_bronchus_right: np.ndarray | None
    carina_lps: Point | None


def segment_airway(ct: Volume, coarse: Coarse, body: np.ndarray, canal: Canal | None) -> Airway | None:
    """The central airway of a canonical CT; None when no tracheal column is in the field of view.

    Args:
        body: on the coarse grid.
        canal: on the coarse grid, where the spine is in the field of view.
    """
    column = tracheal_column(coarse.hu, body, coarse.spacing_mm, canal)
    if column is None:
        return None
    fine, seed = _central_part(ct, coarse, column)
    lumen = grow_lumen(fine.hu, seed, fine.spacing_mm)
    airway = divide(lumen, fine.geometry)
    height_mm = np.count_nonzero(column.any(axis=(1, 2))) * coarse.spacing_mm[0]
    return None if airway.carina_lps is None and height_mm < SHORTEST_UNFORKED_MM else airway


def tracheal_column(hu: np.ndarray, body: np.ndarray, spacing_mm: Spacing, canal: Canal | None) -> np.ndarray | None:
    """The longest stack of round air regions near the midline, as a mask; None when none is long enough."""
    air = (hu < SEED_HU) & body
    labels = shape.slice_labels(air)
    kept = _round_regions(labels, spacing_mm, canal)
    chains = _chains(labels, kept)
    best = max(chains, key=lambda chain: len(chain), default=[])
    if len(best) * spacing_mm[0] < SHORTEST_COLUMN_MM:
        return None
    return np.isin(labels, best)


def _round_regions(labels: np.ndarray, spacing_mm: Spacing, canal: Canal | None) -> dict[int, int]:
    """Label -> slice of the regions that look like a trachea in cross-section."""
    pixel = spacing_mm[1] * spacing_mm[2]
    sizes = np.bincount(labels.ravel())
    kept: dict[int, int] = {}
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        area = sizes[label] * pixel
        if box is None or not SEED_MM2[0] <= area <= SEED_MM2[1]:
            continue
        z, height, width = box[0].start, box[1].stop - box[1].start, box[2].stop - box[2].start
        on_edge = 0 in (box[1].start, box[2].start) or box[1].stop == labels.shape[1] or box[2].stop == labels.shape[2]
        ratio = height * spacing_mm[1] / (width * spacing_mm[2])
        if on_edge or sizes[label] / (height * width) < SEED_ROUNDNESS or not 0.4 <= ratio <= 2.5:
            continue
        center = ((box[1].start + box[1].stop - 1) / 2, (box[2].start + box[2].stop - 1) / 2)
        if canal is None or _before_spine(z, center, canal, spacing_mm):
            kept[label] = z
    return kept


def _before_spine(z: int, center_yx: tuple[float, float], canal: Canal, spacing_mm: Spacing) -> bool:
    before = (canal.y[z] - center_yx[0]) * spacing_mm[1]
    aside = abs(canal.x[z] - center_yx[1]) * spacing_mm[2]
    return bool(aside <= FROM_MIDLINE_MM and BEFORE_CANAL_MM[0] <= before <= BEFORE_CANAL_MM[1])


def _chains(labels: np.ndarray, kept: dict[int, int]) -> list[list[int]]:
    """Regions linked from slice to slice where they overlap most, each region in one chain."""
    by_slice: dict[int, list[int]] = {}
    for label, z in kept.items():
        by_slice.setdefault(z, []).append(label)
    ends: dict[int, list[int]] = {}
    chains: list[list[int]] = []
    for z in sorted(by_slice, reverse=True):
        nexts: dict[int, list[int]] = {}
        for label in by_slice[z]:
            above = labels[z + 1][labels[z] == label] if z + 1 < labels.shape[0] else np.zeros(0, int)
            met = [one for one in np.unique(above) if one in ends]
            chain = ends.pop(max(met, key=lambda one: int((above == one).sum()))) if met else []
            if not chain:
                chains.append(chain)
            chain.append(label)
            nexts[label] = chain
        ends = nexts
    return chains


def _central_part(ct: Volume, coarse: Coarse, column: np.ndarray) -> tuple[Coarse, np.ndarray]:
    """A finer grid around the column and below it, and the column's voxels on it."""
    z, y, x = np.nonzero(column)
    spread = np.array([130.0, 70.0, 80.0]) / np.array(coarse.spacing_mm)
    low = np.array([z.min() - spread[0], np.median(y) - spread[1], np.median(x) - spread[2]])
    high = np.array([z.max() + 1, np.median(y) + spread[1], np.median(x) + spread[2]])
    corners = coarse.geometry.to_lps(np.stack([low, high]))
    index = ct.geometry.to_index(corners)
    start = np.clip(np.floor(index[0]).astype(int), 0, np.array(ct.array.shape) - 1)
    stop = np.clip(np.ceil(index[1]).astype(int) + 1, start + 1, ct.array.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    origin = ct.geometry.to_lps(start)
    part = ct.array[box]
    corner = (float(origin[0]), float(origin[1]), float(origin[2]))
    geometry = Geometry(part.shape, ct.geometry.spacing_mm, corner, ct.geometry.direction)
    fine = coarsen(Volume(part, geometry), AIRWAY_VOXEL_MM)
    seed = np.zeros(fine.hu.shape, bool)
    points = np.round(fine.geometry.to_index(coarse.geometry.to_lps(np.stack([z, y, x], axis=1)))).astype(int)
    points = points[((points >= 0) & (points < fine.hu.shape)).all(axis=1)]
    seed[tuple(points.T)] = True
    return fine, seed


def grow_lumen(hu: np.ndarray, seed: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """Air connected with the seed at the highest density step before a leak, with its wall's inner voxels closed."""
    voxel_ml = float(np.prod(spacing_mm)) / 1000.0
    lumen = np.zeros_like(seed)
    before_ml = 0.0
    for limit in range(GROW_FROM_HU, GROW_TO_HU + 1, GROW_STEP_HU):
        grown = shape.touching(hu < limit, seed)
        ml = float(np.count_nonzero(grown)) * voxel_ml
        leaked = ml > LARGEST_ML or (before_ml > 0 and ml > LEAK_RATIO * before_ml and ml - before_ml > LEAK_ML)
        if leaked and before_ml > 0:
            break
        if ml <= LARGEST_ML:
            lumen, before_ml = grown, ml if ml > 3.0 else 0.0
    return shape.fill_holes(ndimage.binary_closing(lumen, ndimage.generate_binary_structure(3, 1)) | lumen)


def divide(lumen: np.ndarray, geometry: Geometry) -> Airway:
    """Cut the lumen into trachea and main bronchi by the distance that air travels from the top."""
    points, travel = travel_mm(lumen, geometry.spacing_mm)
    fronts = _Fronts(points, travel, max(FRONT_MM, FRONT_VOXELS * max(geometry.spacing_mm)), geometry)
    fork = _first_fork(fronts)
    if fork is None:
        trachea = _mask(points[travel <= LONGEST_TRACHEA_MM], lumen.shape)
        return Airway(geometry, lumen, trachea, None, None, None)
    level, right, left = fork
    end = level * fronts.width_mm
    trachea = _mask(points[(travel < end) & (travel > end - LONGEST_TRACHEA_MM)], lumen.shape)
    branches = {
        side: _mask(_follow_branch(fronts, level, start, LONGEST_MAIN_MM[side]), lumen.shape)
        for side, start in (("right", right), ("left", left))
    }
    return Airway(geometry, lumen, trachea, branches["left"], branches["right"], _between(right, left, geometry))


def _mask(points: np.ndarray, extent: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros(extent, bool)
    mask[tuple(points.T)] = True
    return mask


def travel_mm(lumen: np.ndarray, spacing_mm: Spacing) -> tuple[np.ndarray, np.ndarray]:
    """Voxels of the lumen (N, 3) that air reaches from its top slice, and the shortest way inside to each (N,)."""
    index = np.full(lumen.shape, -1, np.int64)
    points = np.argwhere(lumen)
    index[tuple(points.T)] = np.arange(len(points))
    rows, columns, lengths = [], [], []
    for step in ((0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 1, 1), (0, 1, -1), (1, 0, 1), (1, 0, -1), (1, 1, 0), (1, -1, 0)):
        near = points + np.array(step)
        inside = ((near >= 0) & (near < lumen.shape)).all(axis=1)
        target = np.full(len(points), -1, np.int64)
        target[inside] = index[tuple(near[inside].T)]
        met = target >= 0
        rows.append(np.flatnonzero(met))
        columns.append(target[met])
        lengths.append(np.full(int(met.sum()), float(np.linalg.norm(np.array(step) * np.array(spacing_mm)))))
    count = len(points)
    graph = sparse.coo_matrix(
        (np.concatenate(lengths), (np.concatenate(rows), np.concatenate(columns))), shape=(count, count)
    ).tocsr()
    top = np.flatnonzero(points[:, 0] == points[:, 0].max())
    reached = csgraph.dijkstra(graph, directed=False, indices=top, min_only=True)
    known = np.isfinite(reached)
    return points[known], reached[known]


class _Fronts:
    """The lumen in layers of equal distance from the top."""

    def __init__(self, points: np.ndarray, travel: np.ndarray, width_mm: float, geometry: Geometry) -> None:
        level = np.floor(travel / width_mm).astype(int)
        order = np.argsort(level, kind="stable")
        self.width_mm = width_mm
        self.geometry = geometry
        self.count = int(level.max()) + 1 if level.size else 0
        self._points = points[order]
        self._starts = np.searchsorted(level[order], np.arange(self.count + 1))

    def parts(self, level: int) -> list[np.ndarray]:
        """The separate parts of one layer that are as wide as a main bronchus, (N, 3) indices, largest first."""
        if not 0 <= level < self.count:
            return []
        points = self._points[self._starts[level] : self._starts[level + 1]]
        if not len(points):
            return []
        low = points.min(axis=0)
        labels, count = ndimage.label(_mask(points - low, tuple(points.max(axis=0) - low + 1)), np.ones((3, 3, 3)))
        least = BRANCH_MM2 * self.width_mm / (self.geometry.voxel_ml * 1000)
        parts = [np.argwhere(labels == one) + low for one in range(1, count + 1)]
        return sorted((part for part in parts if len(part) >= least), key=len, reverse=True)


def _first_fork(fronts: _Fronts) -> tuple[int, np.ndarray, np.ndarray] | None:
    """The first layer in two parts that both last: its number, the right and the left part."""
    lasting = max(2, round(BRANCH_MM / fronts.width_mm))
    run = 0
    for level in range(1, fronts.count):
        run = run + 1 if len(fronts.parts(level)) >= 2 else 0
        if run == lasting:
            first = level - lasting + 1
            right, left = sorted(fronts.parts(first)[:2], key=lambda part: float(part[:, 2].mean()))
            return first, right, left
    return None


def _between(right: np.ndarray, left: np.ndarray, geometry: Geometry) -> Point:
    """The point between two parts where they are nearest: the carina."""
    apart = np.linalg.norm((right[:, None, :] - left[None, :, :]) * np.array(geometry.spacing_mm), axis=2)
    nearest = np.unravel_index(int(apart.argmin()), apart.shape)
    x, y, z = geometry.to_lps((right[nearest[0]] + left[nearest[1]]) / 2)
    return float(x), float(y), float(z)


def _follow_branch(fronts: _Fronts, level: int, start: np.ndarray, longest_mm: float) -> np.ndarray:
    """Voxels (N, 3) of the branch from its first layer until it divides for good or reaches the greatest length."""
    found, part, divided = [], start, 0
    for step in range(max(1, int(longest_mm / fronts.width_mm))):
        found.append(part)
        nexts = [one for one in fronts.parts(level + step + 1) if _meet(one, part)]
        divided = divided + 1 if len(nexts) >= 2 else 0
        if not nexts or divided >= 2:
            break
        part = np.concatenate(nexts)
    return np.concatenate(found)


def _meet(part: np.ndarray, other: np.ndarray) -> bool:
    """Whether two parts lie within two voxels of each other."""
    return bool(spatial.cKDTree(other).query(part, distance_upper_bound=MEET_VOXELS)[0].min() < np.inf)
