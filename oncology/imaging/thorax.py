"""What lies around the lungs: mediastinum, chest wall and the dome of the diaphragm, from the lungs and the cage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

from oncology.imaging import shape
from oncology.imaging.hemithorax import HalfLung, Midline
from oncology.imaging.shape import Spacing

CHEST_WALL_MM = 45.0
DIAPHRAGM_MM = 4.0
# The heart rests on the diaphragm a little below the top of each dome; before the spine the mediastinum reaches
# down as far as the lungs do.
HEART_BELOW_DOME_MM = 12.0
LIVER_ASIDE_MM = 40.0  # this far to the right, what lies under lung and below the dome is liver
RAISED_MM = 30.0  # a left dome above the right one by more than this is raised: stomach and bowel, not heart
PREVERTEBRAL_ASIDE_MM, PREVERTEBRAL_FRONT_MM = 30.0, 70.0
# The dome is judged where the lung stands on the diaphragm: beside the midline, and not so far in front that the
# heart lies under the lung.
DOME_FROM_MIDLINE_MM, DOME_FROM_SPINE_MM, DOME_PERCENTILE = 60.0, 60.0, 90.0
HULL_POINTS = 2000
# A tumor beside the mediastinum is soft tissue between the lungs as well. Of what it holds only bites out of the
# mediastinum's outline are taken for invasion: what a ball of this radius cannot enter. Round bites are measured up to
# half too shallow, a tumor that lies beside it no longer as deep as it is thick.
BITE_MM = 20.0


@dataclass(frozen=True)
class Surroundings:
    """Masks on the coarse grid; None where they cannot be told."""

    mediastinum: np.ndarray | None
    chest_wall: np.ndarray | None
    diaphragm: np.ndarray | None


def find_surroundings(
    body: np.ndarray,
    bones: np.ndarray,
    spine: np.ndarray,
    left: HalfLung,
    right: HalfLung,
    midline: Midline | None,
    spacing_mm: Spacing,
) -> Surroundings:
    """Mediastinum (both lungs needed), chest wall and diaphragm (the midline needed)."""
    if midline is None or not (left.cavity.any() or right.cavity.any()):
        return Surroundings(None, None, None)
    lungs, cavity = left.lung | right.lung, left.cavity | right.cavity
    domes = [_dome_slice(half.lung, midline, spacing_mm) for half in (right, left)]
    return Surroundings(
        _mediastinum(lungs, cavity & body & ~bones & ~spine, domes, midline, spacing_mm)
        if left.lung.any() and right.lung.any()
        else None,
        _chest_wall(
            lungs, cavity, body & ~spine, midline, (bool(right.cavity.any()), bool(left.cavity.any())), spacing_mm
        ),
        _diaphragm(lungs, cavity & body & ~bones & ~spine, domes, midline, spacing_mm),
    )


def _dome_slice(lung: np.ndarray, midline: Midline, spacing_mm: Spacing) -> float | None:
    """Slice of the top of the diaphragm under one lung: its highest lower surface behind and beside the heart."""
    if not lung.any():
        return None
    rows = np.flatnonzero(lung.any(axis=(1, 2)))
    bottom = np.where(lung.any(axis=0), lung.argmax(axis=0), -1)
    aside = np.abs(np.arange(lung.shape[2]) - np.median(midline.x)) * spacing_mm[2] >= DOME_FROM_MIDLINE_MM
    back = np.arange(lung.shape[1]) >= np.median(midline.y) - DOME_FROM_SPINE_MM / spacing_mm[1]
    values = bottom[back][:, aside]
    values = values[(values >= 0) & (values < rows.mean())]
    return float(np.percentile(values, DOME_PERCENTILE)) if values.size >= 50 else None


def _mediastinum(
    lungs: np.ndarray,
    room: np.ndarray,
    domes: list[float | None],
    midline: Midline,
    spacing_mm: Spacing,
) -> np.ndarray | None:
    """Soft tissue between the lungs, above the diaphragm."""
    known = [dome for dome in domes if dome is not None]
    if not known:
        return None
    levels = [known[0] if dome is None else dome for dome in domes]
    between = room & ~lungs & _hull_by_slice(lungs, midline)
    z = np.arange(lungs.shape[0])[:, None, None]
    aside = (np.arange(lungs.shape[2])[None, None, :] - midline.x[:, None, None]) * spacing_mm[2]
    raised = levels[1] - levels[0] > RAISED_MM / spacing_mm[0]
    floor = np.where(aside > 0, levels[1] if raised else min(levels), levels[0]) - HEART_BELOW_DOME_MM / spacing_mm[0]
    front = (midline.y[:, None, None] - np.arange(lungs.shape[1])[None, :, None]) * spacing_mm[1]
    prevertebral = (np.abs(aside) <= PREVERTEBRAL_ASIDE_MM) & (front <= PREVERTEBRAL_FRONT_MM)
    roofed = np.flip(np.maximum.accumulate(np.flip(lungs, 0), axis=0), 0)
    liver = roofed & (z <= levels[0] + 2) & (aside <= -LIVER_ASIDE_MM)
    return shape.largest(between & ((z >= floor) | prevertebral) & ~liver)


def mediastinum_under(tumor: np.ndarray, mediastinum: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """The mediastinum as it would be without a tumor, which rules take for a part of it where the two touch.

    Args:
        tumor, mediastinum: (Z, Y, X) bool on one grid, the tumor with at least one voxel.
    """
    box = shape.bounding_box(tumor, 2.0 * BITE_MM, spacing_mm)
    if not (tumor[box] & mediastinum[box]).any():
        return mediastinum
    spared = mediastinum[box] & ~tumor[box]
    result = mediastinum.copy()
    result[box] = spared | (mediastinum[box] & shape.close(spared, BITE_MM, spacing_mm))
    return result


def _hull_by_slice(lungs: np.ndarray, midline: Midline) -> np.ndarray:
    """Convex hull of both lungs in every slice that shows both."""
    hull = np.zeros_like(lungs)
    grid = np.stack(list(np.mgrid[: lungs.shape[1], : lungs.shape[2]]), axis=-1)
    for z in np.flatnonzero(lungs.any(axis=(1, 2))):
        border = lungs[z] & ~ndimage.binary_erosion(lungs[z])
        points = np.argwhere(border)
        on_left = points[:, 1] > midline.x[z]
        if on_left.all() or not on_left.any():
            continue
        try:
            equations = ConvexHull(points[:: max(1, len(points) // HULL_POINTS)]).equations
        except QhullError:  # all points on one line
            continue
        inside = np.ones(lungs.shape[1:], bool)
        for a, b, c in equations:
            inside &= grid[..., 0] * a + grid[..., 1] * b + c <= 1e-6
        hull[z] = inside
    return hull


def _chest_wall(
    lungs: np.ndarray,
    cavity: np.ndarray,
    body: np.ndarray,
    midline: Midline,
    sides: tuple[bool, bool],
    spacing_mm: Spacing,
) -> np.ndarray:
    """Ribs, muscles and fat around the cavity, at the height of the lungs, on the sides that have one."""
    near = shape.distance_mm(~cavity, spacing_mm) <= CHEST_WALL_MM
    wall = near & body & ~cavity & ~lungs
    wall[~lungs.any(axis=(1, 2))] = False
    on_left = np.arange(lungs.shape[2])[None, None, :] > midline.x[:, None, None]
    if not sides[0]:
        wall &= on_left
    if not sides[1]:
        wall &= ~on_left
    return wall


def _diaphragm(
    lungs: np.ndarray,
    room: np.ndarray,
    domes: list[float | None],
    midline: Midline,
    spacing_mm: Spacing,
) -> np.ndarray | None:
    """A sheet of soft tissue right below the lungs, not higher than the dome of that side."""
    if all(dome is None for dome in domes):
        return None
    depth = max(1, round(DIAPHRAGM_MM / spacing_mm[0]))
    sheet = np.zeros_like(lungs)
    for below in range(1, depth + 1):
        sheet[:-below] |= lungs[below:]
    aside = np.arange(lungs.shape[2])[None, None, :] - midline.x[:, None, None]
    tops = [-1.0 if dome is None else dome for dome in domes]
    top = np.where(aside > 0, tops[1], tops[0]) + 2
    lowest = np.where(lungs.any(axis=0), lungs.argmax(axis=0), 0)
    z = np.arange(lungs.shape[0])[:, None, None]
    return np.asarray(sheet & room & ~lungs & (z <= top) & (z < lowest[None]))
