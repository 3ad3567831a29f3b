"""Lung without air: which solid tissue around the inflated lung is lung as well (tumor, atelectasis).

From every voxel one looks both ways along 13 lines. Solid tissue inside the lung sees inflated lung of its side,
or the rib cage beyond it, at both ends of most lines. Heart and mediastinum see the other side or nothing at one
end; liver and spleen see nothing below. Thin rims that pass by chance are dropped, and only what grows from a
thick core is given back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from oncology.imaging import shape
from oncology.imaging.shape import Spacing

VOXEL_MM = 4.0
# One of each pair of opposite directions (dz, dy, dx) to the 26 neighbors.
LINES = (
    (0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 1, 1), (0, 1, -1), (1, 0, 1), (1, 0, -1), (1, 1, 0), (1, -1, 0),
    (1, 1, 1), (1, 1, -1), (1, -1, 1), (1, -1, -1),
)  # fmt: skip
UP, DOWN, ACROSS = (1, 0, 0), (-1, 0, 0), (0, 0, 1)
# What a ray meets first. EDGE: the end of the field of view. STOP: the other side, or the airway.
NOTHING, LUNG, WALL, EDGE, STOP = 0, 1, 2, 3, 4
LONGEST_LINE_MM = 110.0
# Lung above and lung below, at most this far apart, or farther where the line across is closed too: the heart of
# an overinflated chest has lung above and below it, but never on its inner side.
HEIGHT_MM, HEIGHT_GROWN_MM = 70.0, 80.0
FEWEST_LINES = 6

# Above: blood with contrast medium, bone.
SOLID_HU = (-250, 130)
# Part of the lines that must be closed, in the core and where a core grows. Normal chests hold no core 16 mm
# thick at these figures (four CTs); masses of 60 and 90 mm keep most of their volume.
CORE_CLOSED, GROWN_CLOSED = 0.35, 0.5
ROOF_CLOSED = 0.6
CORE_RADIUS_MM, CORE_ML = 8.0, 6.0
GROWTH_MM, GROWTH_UNFLOORED_MM = 20.0, 14.0  # the latter where neither lung nor contrast bounds it below

GAP_MM = 14.0  # dents of what was given back, as wide as twice this, are filled

# Pleural fluid (0-20 HU) lies along the wall with this part of its surface; a necrotic mass has a solid rim there.
FLUID_HU = (-20, 20)
FLUID_RADIUS_MM, FLUID_ML, FLUID_TO_WALL_MM, FLUID_AT_WALL = 4.0, 5.0, 6.0, 0.35

# On the right a mass on the diaphragm differs from the liver below it by at least this, and is darker.
LIVER_HU = (20, 220)
FAT_HU = -50
DARKER_HU = 14.0
BASAL_CLOSED, BASAL_RADIUS_MM = 0.5, 10.0
LATERAL_MM = 45.0
LIVER_SLAB_MM = 30.0


@dataclass(frozen=True)
class View:
    """What each voxel sees along one direction: the first thing met and how far it is."""

    kind: np.ndarray
    distance_mm: np.ndarray


@dataclass(frozen=True)
class Surroundings:
    """What each voxel sees.

    Attributes:
        closed: part of the lines that end in lung, or in lung and wall; 0 where fewer than six lines are known.
        across: the line from side to side is closed.
    """

    closed: np.ndarray
    across: np.ndarray
    up: View
    down: View

    @property
    def height_mm(self) -> np.ndarray:
        """From what is seen above to what is seen below."""
        return self.up.distance_mm + self.down.distance_mm


@dataclass(frozen=True)
class HalfChest:
    """One side of the chest on the coarse grid.

    Attributes:
        hu: (z, y, x) CT.
        lung: inflated lung of this side, small gaps closed.
        stop: the other lung, airways, what lies across the midline.
        wall: outside the rib cage on this side.
        from_midline_mm: (z, y, x) or broadcastable; positive on this side.
        left: which side.
    """

    hu: np.ndarray
    lung: np.ndarray
    stop: np.ndarray
    wall: np.ndarray
    from_midline_mm: np.ndarray
    left: bool
    spacing_mm: Spacing


def solid_lung(half: HalfChest) -> tuple[np.ndarray, np.ndarray]:
    """Solid tissue of this side that belongs to its lung, and pleural fluid beside it; bool on the coarse grid."""
    step = [max(1, round(VOXEL_MM / size)) for size in half.spacing_mm]
    coarser = tuple(slice(None, None, one) for one in step)
    spacing = tuple(size * one for size, one in zip(half.spacing_mm, step, strict=True))
    smooth = ndimage.uniform_filter(half.hu.astype(np.float32), [2 * one + 1 for one in step], mode="nearest")[coarser]
    small = HalfChest(
        smooth,
        half.lung[coarser],
        half.stop[coarser],
        half.wall[coarser],
        np.broadcast_to(half.from_midline_mm, half.hu.shape)[coarser],
        half.left,
        (spacing[0], spacing[1], spacing[2]),
    )
    solid = _given_back(small)
    fluid = _effusion(solid, small)
    return _enlarge(solid & ~fluid, step, half.hu.shape), _enlarge(fluid, step, half.hu.shape)


def _given_back(half: HalfChest) -> np.ndarray:
    kind = np.full(half.hu.shape, NOTHING, np.uint8)
    kind[half.wall] = WALL
    kind[half.stop] = STOP
    kind[half.lung] = LUNG
    seen = look_around(kind, half.spacing_mm)
    solid = (kind == NOTHING) & (half.hu > SOLID_HU[0]) & (half.hu < SOLID_HU[1])
    cores = _cores(seen, solid, half) | _basal_core(seen, solid, half)
    cores = shape.without_specks(cores, round(CORE_ML * 1000 / float(np.prod(half.spacing_mm))))
    if not cores.any():
        return cores
    roofed = (seen.up.kind == LUNG) | (seen.up.kind == WALL)
    flat = seen.across | (seen.height_mm <= HEIGHT_GROWN_MM)
    floored = (seen.down.kind == LUNG) | _darker_than_liver(half)
    reach_mm = np.where(floored, GROWTH_MM, GROWTH_UNFLOORED_MM)
    near = shape.distance_mm(~cores, half.spacing_mm) <= reach_mm
    grown = shape.touching(cores | (solid & roofed & flat & near & (seen.closed >= GROWN_CLOSED)), cores)
    return grown | (shape.close(grown, GAP_MM, half.spacing_mm) & solid & flat)


def _effusion(solid: np.ndarray, half: HalfChest) -> np.ndarray:
    """Fluid along the chest wall: not lung."""
    fluid = solid & (half.hu > FLUID_HU[0]) & (half.hu < FLUID_HU[1])
    labels, sizes = shape.components(shape.open_(fluid, FLUID_RADIUS_MM, half.spacing_mm))
    found = np.zeros_like(solid)
    for label in np.flatnonzero(sizes * np.prod(half.spacing_mm) >= FLUID_ML * 1000):
        box = shape.bounding_box(labels == label, 2 * VOXEL_MM, half.spacing_mm)
        part = labels[box] == label
        shell = ndimage.binary_dilation(part) & ~part
        at_wall = shape.dilate(half.wall[box], FLUID_TO_WALL_MM, half.spacing_mm)[shell]
        if at_wall.mean() >= FLUID_AT_WALL:
            found[box] |= (
                shape.dilate(part, 1.5 * VOXEL_MM, half.spacing_mm) & solid[box] & (half.hu[box] > 2 * FLUID_HU[0])
            )
    return found


def _cores(seen: Surroundings, solid: np.ndarray, half: HalfChest) -> np.ndarray:
    """Thick tissue between lung above and lung below, or between the top of the cage and lung below."""
    flat = (seen.height_mm <= HEIGHT_MM) | (seen.across & (seen.height_mm <= LONGEST_LINE_MM))
    between = (seen.up.kind == LUNG) & (seen.down.kind == LUNG) & flat & (seen.closed >= CORE_CLOSED)
    under_roof = (seen.up.kind == WALL) & (seen.down.kind == LUNG) & (seen.closed >= ROOF_CLOSED)
    return shape.open_(solid & (between | under_roof), CORE_RADIUS_MM, half.spacing_mm)


def _basal_core(seen: Surroundings, solid: np.ndarray, half: HalfChest) -> np.ndarray:
    """A thick mass on the right half of the diaphragm that is darker than the liver under it."""
    darker = solid & (seen.up.kind == LUNG) & _darker_than_liver(half)
    aside = half.from_midline_mm >= LATERAL_MM
    return shape.open_(darker & aside & (seen.closed >= BASAL_CLOSED), BASAL_RADIUS_MM, half.spacing_mm)


def _darker_than_liver(half: HalfChest) -> np.ndarray:
    """Soft tissue clearly below the commonest value in the lowest slices of the right lung; nothing on the left."""
    rows = np.flatnonzero(half.lung.any(axis=(1, 2)))
    if half.left or not rows.size:
        return np.zeros(half.hu.shape, bool)
    slab = slice(rows[0], rows[0] + max(1, round(LIVER_SLAB_MM / half.spacing_mm[0])))
    liver = _liver_hu(half.hu[slab][~half.wall[slab] & ~half.stop[slab]])
    if liver is None:
        return np.zeros(half.hu.shape, bool)
    return (half.hu < liver - DARKER_HU) & (half.hu > FAT_HU)


def _liver_hu(values: np.ndarray) -> float | None:
    """The commonest soft-tissue value, or None when there is little tissue."""
    counts, edges = np.histogram(values, bins=np.arange(LIVER_HU[0], LIVER_HU[1] + 1, 5))
    if counts.sum() < 200:
        return None
    return float(edges[int(ndimage.gaussian_filter1d(counts.astype(float), 1.5).argmax())] + 2.5)


def look_around(kind: np.ndarray, spacing_mm: Spacing) -> Surroundings:
    """Look both ways along every line; lines that leave the field of view do not count."""
    closed, known = np.zeros(kind.shape, np.float32), np.zeros(kind.shape, np.float32)
    views: dict[tuple[int, ...], View] = {}
    across = np.zeros(kind.shape, bool)
    for line in LINES:
        ahead, behind = look(kind, line, spacing_mm), look(kind, tuple(-one for one in line), spacing_mm)
        ends = [(view.kind == LUNG) | (view.kind == WALL) for view in (ahead, behind)]
        lung = (ahead.kind == LUNG) | (behind.kind == LUNG)
        shut = ends[0] & ends[1] & lung & (ahead.distance_mm + behind.distance_mm <= LONGEST_LINE_MM)
        closed += shut
        known += (ahead.kind != EDGE) & (behind.kind != EDGE)
        if line == ACROSS:
            across = shut
        if line == UP:
            views = {UP: ahead, DOWN: behind}
    part = np.where((known >= FEWEST_LINES) & (kind == NOTHING), closed / np.maximum(known, 1), 0)
    return Surroundings(part, across, views[UP], views[DOWN])


def look(kind: np.ndarray, direction: tuple[int, ...], spacing_mm: Spacing) -> View:
    """First thing met from every voxel along a direction; a voxel that is itself something meets itself at 0.

    Args:
        kind: (z, y, x) uint8; rays pass through NOTHING only and end at the array's edge as EDGE.
    """
    step_mm = float(np.linalg.norm(np.array(direction) * np.array(spacing_mm)))
    axis = next(one for one in range(3) if direction[one])
    order = range(kind.shape[axis] - 1, -1, -1) if direction[axis] > 0 else range(kind.shape[axis])
    seen = np.moveaxis(kind.copy(), axis, 0)
    far = np.zeros(seen.shape, np.float32)
    rest = [direction[one] for one in range(3) if one != axis]
    for index in order:
        ahead = index + direction[axis]
        free = seen[index] == NOTHING
        if not 0 <= ahead < seen.shape[0]:
            seen[index][free] = EDGE
            continue
        seen[index][free] = _shifted(seen[ahead], rest, EDGE)[free]
        far[index][free] = _shifted(far[ahead], rest, 0)[free] + step_mm
    return View(np.moveaxis(seen, 0, axis), np.moveaxis(far, 0, axis))


def _shifted(plane: np.ndarray, by: list[int], fill: int) -> np.ndarray:
    """plane[i + by], `fill` where that lies outside."""
    result = np.full_like(plane, fill)
    rows, columns = plane.shape
    dy, dx = by
    result[max(0, -dy) : rows - max(0, dy), max(0, -dx) : columns - max(0, dx)] = plane[
        max(0, dy) : rows + min(0, dy), max(0, dx) : columns + min(0, dx)
    ]
    return result


def _enlarge(mask: np.ndarray, step: list[int], extent: tuple[int, ...]) -> np.ndarray:
    """Back to the finer grid, borders interpolated."""
    level = mask.astype(np.float32)
    for axis, factor in enumerate(step):
        index = np.minimum(np.arange(extent[axis]) / factor, mask.shape[axis] - 1)
        low = np.floor(index).astype(int)
        high = np.minimum(low + 1, mask.shape[axis] - 1)
        form = [-1 if one == axis else 1 for one in range(3)]
        part = (index - low).astype(np.float32).reshape(form)
        level = np.take(level, low, axis) * (1 - part) + np.take(level, high, axis) * part
    return np.asarray(level >= 0.5)
