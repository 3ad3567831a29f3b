"""Trachea, carina and main bronchi, from air that is continuous with a round, central column of air.

Grown in small steps of density until the growth betrays a leak into the lung; then cut into parts along the
distance that air travels from the top.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage, sparse, spatial
from scipy.sparse import csgraph

from oncology.findings import Point
from oncology.imaging import shape
from oncology.imaging.canal import Canal
from oncology.imaging.coarse import Coarse, coarsen, refine
from oncology.imaging.shape import Spacing
from oncology.imaging.volume import Geometry, Volume, resample

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

AIRWAY_VOXEL_MM, AIRWAY_SLICE_MM = 1.2, 1.5
# Halfway between air and wall.
WALL_HU = -500
GROW_FROM_HU, GROW_TO_HU, GROW_STEP_HU = -960, -700, 20
# Trachea and bronchi down to segments hold well under this; a leak into the lung brings many milliliters in one step.
LARGEST_ML = 70.0
START_ML, LEAK_ML = 15.0, 8.0
BARRIER_MM = 2.0
# Lung is looked for in parts of this size; airways are not followed deeper into it than this.
INTERIOR_ML, INTERIOR_MM = 100.0, 8.0

# Width of one front of traveling air, and at least this many voxels of the longest side.
FRONT_MM, FRONT_VOXELS = 3.0, 1.3
LONGEST_TRACHEA_MM = 130.0
# Both branches must go on for this long, at this cross-section, to count as the two main bronchi.
BRANCH_MM = 12.0
# By then they have parted sideways; air in the esophagus or beside the trachea stays behind it.
APART_ASIDE_MM = 14.0
BRANCH_MM2 = 15.0
MEET_VOXELS = 2.5
# The main bronchi stay apart for at least this height below the carina.
APART_MM = 4.0
# A main bronchus ends where it divides in two that both last this long.
LOBAR_MM = 9.0
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
    inside = refine(_lung_interior(coarse, body, column), coarse.geometry, fine.geometry)
    lumen = grow_lumen(np.where(inside & ~seed, 0, fine.hu), seed, fine.spacing_mm)
    airway = _to_the_wall(divide(lumen, seed, fine.geometry), fine.hu)
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
    fine = _thin(coarsen(Volume(part, geometry), AIRWAY_VOXEL_MM))
    seed = np.zeros(fine.hu.shape, bool)
    points = np.round(fine.geometry.to_index(coarse.geometry.to_lps(np.stack([z, y, x], axis=1)))).astype(int)
    points = points[((points >= 0) & (points < fine.hu.shape)).all(axis=1)]
    seed[tuple(points.T)] = True
    return fine, seed


def _lung_interior(coarse: Coarse, body: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Lung away from its surface: where a central airway cannot be."""
    air = (coarse.hu < WALL_HU) & body & ~shape.dilate(column, INTERIOR_MM, coarse.spacing_mm)
    lungs = shape.without_specks(air, round(INTERIOR_ML / coarse.geometry.voxel_ml))
    return shape.erode(shape.close(lungs, INTERIOR_MM, coarse.spacing_mm), INTERIOR_MM, coarse.spacing_mm)


def _thin(fine: Coarse) -> Coarse:
    """Slices interpolated to about the airway's voxel size, so that oblique bronchi hold together."""
    parts = round(fine.spacing_mm[0] / AIRWAY_SLICE_MM)
    if parts < 2:
        return fine
    count = (fine.hu.shape[0] - 1) * parts + 1
    geometry = Geometry(
        (count, *fine.hu.shape[1:]),
        (fine.spacing_mm[0] / parts, *fine.spacing_mm[1:]),
        fine.geometry.origin_lps,
        fine.geometry.direction,
    )
    return Coarse(resample(Volume(fine.hu, fine.geometry), geometry, linear=True, fill=0).array, geometry)


def grow_lumen(hu: np.ndarray, seed: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """Air connected with the seed, grown in steps of density; what floods in at once is lung and is walled off."""
    voxel_ml = float(np.prod(spacing_mm)) / 1000.0
    lumen = shape.touching(hu < GROW_FROM_HU, seed)
    barrier = np.zeros_like(seed)
    for limit in range(GROW_FROM_HU + GROW_STEP_HU, GROW_TO_HU + 1, GROW_STEP_HU):
        grown = shape.touching((hu < limit) & ~barrier, lumen | seed)
        if np.count_nonzero(grown) * voxel_ml <= START_ML:
            lumen = grown
            continue
        labels, sizes = shape.components(grown & ~lumen)
        leak = sizes * voxel_ml > LEAK_ML
        if leak.any():
            flood = shape.dilate(leak[labels], BARRIER_MM, spacing_mm)
            barrier |= flood & ~ndimage.binary_dilation(lumen)
        fresh = ~leak[labels] & (labels > 0)
        if np.count_nonzero(lumen | fresh) * voxel_ml > LARGEST_ML:
            break
        lumen |= fresh
    return shape.fill_holes(ndimage.binary_closing(lumen, ndimage.generate_binary_structure(3, 1)) | lumen)


def divide(lumen: np.ndarray, seed: np.ndarray, geometry: Geometry) -> Airway:
    """Cut the lumen into trachea and main bronchi by the distance that air travels from the top of the seed."""
    top = np.flatnonzero((seed & lumen).any(axis=(1, 2)))[-1:]
    start = np.zeros_like(seed)
    start[top] = (seed & lumen)[top]
    points, travel = travel_mm(lumen, start, geometry.spacing_mm)
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
    carina = _carina(trachea, branches["right"], branches["left"], geometry) or _between(right, left, geometry)
    return Airway(geometry, lumen, trachea, branches["left"], branches["right"], carina)


def _to_the_wall(airway: Airway, hu: np.ndarray) -> Airway:
    """Trachea and main bronchi with the outermost voxels of their air, where it is averaged with the wall."""
    parts = {
        "trachea": airway.trachea,
        "left": airway.main_bronchus_left,
        "right": airway.main_bronchus_right,
    }
    found = {name: part for name, part in parts.items() if part is not None}
    taken = np.logical_or.reduce(list(found.values()))
    for name, part in found.items():
        rim = ndimage.binary_dilation(part, ndimage.generate_binary_structure(3, 1)) & (hu < WALL_HU) & ~taken
        taken |= rim
        found[name] = part | rim
    return replace(
        airway,
        trachea=found["trachea"],
        main_bronchus_left=found.get("left"),
        main_bronchus_right=found.get("right"),
    )


def _carina(trachea: np.ndarray, right: np.ndarray, left: np.ndarray, geometry: Geometry) -> Point | None:
    """Middle of the ridge between the main bronchi in the highest axial slice that shows them apart."""
    lasting = max(1, round(APART_MM / geometry.spacing_mm[0]))
    apart = [_gap(trachea[z], right[z], left[z]) for z in range(trachea.shape[0])]
    for z in range(trachea.shape[0] - 1, lasting - 2, -1):
        gap = apart[z]
        if gap is not None and all(one is not None for one in apart[z - lasting + 1 : z + 1]):
            x, y, height = geometry.to_lps(np.array([z + 0.5, *gap]))
            return float(x), float(y), float(height)
    return None


def _gap(trachea: np.ndarray, right: np.ndarray, left: np.ndarray) -> tuple[float, float] | None:
    """Middle (y, x) between the two bronchi of one slice, or None where one is missing or they are joined."""
    if not right.any() or not left.any():
        return None
    labels, _ = ndimage.label(trachea | right | left, np.ones((3, 3)))
    on_right, on_left = set(np.unique(labels[right])), set(np.unique(labels[left]))
    if on_right & on_left or (set(np.unique(labels[trachea])) - {0}) & (on_right | on_left):
        return None
    a, b = np.argwhere(right), np.argwhere(left)
    distance, nearest = spatial.cKDTree(b).query(a)
    first = int(distance.argmin())
    y, x = (a[first] + b[nearest[first]]) / 2
    return float(y), float(x)


def _mask(points: np.ndarray, extent: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros(extent, bool)
    mask[tuple(points.T)] = True
    return mask


def travel_mm(lumen: np.ndarray, start: np.ndarray, spacing_mm: Spacing) -> tuple[np.ndarray, np.ndarray]:
    """Voxels of the lumen (N, 3) that air reaches from the start, and the shortest way inside to each (N,)."""
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
    origin = np.flatnonzero(start[tuple(points.T)])
    if not origin.size:
        return points[:0], np.zeros(0)
    reached = csgraph.dijkstra(graph, directed=False, indices=origin, min_only=True)
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
    """The first layer in two parts that come from one and both last: its number, the right and the left part."""
    lasting = max(2, round(BRANCH_MM / fronts.width_mm))
    for level in range(1, fronts.count):
        before = fronts.parts(level - 1)
        parts = [part for part in fronts.parts(level) if before and _meet(part, before[0])]
        ends = [(part, _goes_on(fronts, level, part, lasting)) for part in parts[:3]]
        lasts = sorted(((part, end) for part, end in ends if end is not None), key=lambda one: one[1])
        if len(lasts) >= 2 and (lasts[-1][1] - lasts[0][1]) * fronts.geometry.spacing_mm[2] >= APART_ASIDE_MM:
            return level, lasts[0][0], lasts[-1][0]
    return None


def _goes_on(fronts: _Fronts, level: int, part: np.ndarray, lasting: int) -> float | None:
    """Mean x of what a part has become after that many layers; None when it ends before."""
    for step in range(1, lasting):
        nexts = [one for one in fronts.parts(level + step) if _meet(one, part)]
        if not nexts:
            return None
        part = np.concatenate(nexts)
    return float(part[:, 2].mean())


def _between(right: np.ndarray, left: np.ndarray, geometry: Geometry) -> Point:
    """The point between two parts where they are nearest: the carina."""
    apart = np.linalg.norm((right[:, None, :] - left[None, :, :]) * np.array(geometry.spacing_mm), axis=2)
    nearest = np.unravel_index(int(apart.argmin()), apart.shape)
    x, y, z = geometry.to_lps((right[nearest[0]] + left[nearest[1]]) / 2)
    return float(x), float(y), float(z)


def _follow_branch(fronts: _Fronts, level: int, start: np.ndarray, longest_mm: float) -> np.ndarray:
    """Voxels (N, 3) of the branch from its first layer until it divides for good or reaches the greatest length."""
    found, part = [], start
    lasting = max(2, round(LOBAR_MM / fronts.width_mm))
    for step in range(max(1, int(longest_mm / fronts.width_mm))):
        found.append(part)
        after = level + step + 1
        nexts = [one for one in fronts.parts(after) if _meet(one, part)]
        lobar = [one for one in nexts if _goes_on(fronts, after, one, lasting) is not None]
        if not nexts or len(lobar) >= 2:
            break
        part = np.concatenate(nexts)
    return np.concatenate(found)


def _meet(part: np.ndarray, other: np.ndarray) -> bool:
    """Whether two parts lie within two voxels of each other."""
    return bool(spatial.cKDTree(other).query(part, distance_upper_bound=MEET_VOXELS)[0].min() < np.inf)
