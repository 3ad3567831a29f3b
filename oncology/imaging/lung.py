"""The air-filled lungs: which air in the body is lung, and which lung is left and right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from oncology.imaging import shape
from oncology.imaging.body import beside_bone
from oncology.imaging.canal import Canal
from oncology.imaging.shape import Spacing

# Halfway between inflated lung (-850) and soft tissue (40): where a border between them is seen sharp.
AIR_HU = -400
# Pure gas, away from walls. Lung keeps vessels: at 2 mm even emphysema has less than half of its voxels below this.
GAS_HU = -945
GAS_PART = 0.5
CORE_MM = 3.0
# Gas of stomach or bowel that only a thin diaphragm parts from the lung: a homogeneous region that wide, in the
# lower half of the lungs, with little lung around. (A bulla has lung or chest wall around, mostly in the upper half.)
BUBBLE_MM, BUBBLE_WALL_MM, BUBBLE_LUNG_PART = 6.0, 5.0, 0.35
# A part of this size is a lung by itself; smaller ones need a lung beside them or the edge of the field of view.
LUNG_ML = 150.0
WHOLE_LUNG_ML = 800.0  # more than stomach or bowel hold at a time: lung, however dark
PART_ML = 1.0
CUT_PART_ML = 5.0
# Pieces this far from the lung already found still belong to it (beyond a consolidation or a high diaphragm).
NEAR_MM = 40.0
MIDLINE_MM = 30.0

# Lungs that touch are parted where the narrowest bridge between them lies, not wider than twice this.
BRIDGE_MM = (2.0, 4.0, 6.0, 8.0, 11.0, 14.0)
SIDE_PART = 0.12
UNCERTAIN_MM = 10.0


@dataclass(frozen=True)
class Sides:
    """Air of the two lungs on the coarse grid; `unknown` holds lungs whose side cannot be told."""

    left: np.ndarray
    right: np.ndarray
    unknown: np.ndarray
    split: bool  # the two were touching


def lung_air(
    hu: np.ndarray, body: np.ndarray, airway: np.ndarray, canal: Canal | None, spacing_mm: Spacing
) -> np.ndarray:
    """Air that belongs to a lung.

    Args:
        hu: (z, y, x) coarse CT, canonical axes.
        airway: trachea and large bronchi with their walls, left out.
    """
    air = (hu < AIR_HU) & body & ~airway
    air &= ~_bubbles(hu, air, spacing_mm)
    labels, sizes = shape.components(air)
    ml = sizes * float(np.prod(spacing_mm)) / 1000.0
    lunglike = ~_is_gas(hu, labels, sizes, spacing_mm)
    cut = lunglike & (ml >= CUT_PART_ML) & _reaches_top(labels, sizes.size)
    found = ((lunglike & (ml >= LUNG_ML)) | (ml >= WHOLE_LUNG_ML))[labels]
    found |= beside_bone(hu, cut[labels] & ~found, spacing_mm)
    pieces = (lunglike & (ml >= PART_ML))[labels] & ~found
    if canal is not None:
        pieces &= ~_midline(hu.shape, canal, spacing_mm)
    return found | _pieces_near(hu, pieces, found, spacing_mm)


def _midline(extent: tuple[int, ...], canal: Canal, spacing_mm: Spacing) -> np.ndarray:
    """Before and behind the spine: air of the esophagus, streaks from metal, bowel."""
    aside = np.abs(np.arange(extent[2])[None, :] - canal.x[:, None]) * spacing_mm[2] < MIDLINE_MM
    return np.broadcast_to(aside[:, None, :], extent)


def _bubbles(hu: np.ndarray, air: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """Gas of stomach and bowel, also where it has run together with lung through a thin diaphragm."""
    labels, sizes = shape.components(shape.erode(air & (hu < GAS_HU), BUBBLE_MM, spacing_mm))
    if sizes.size == 1:
        return np.zeros_like(air)
    rows = np.flatnonzero(air.any(axis=(1, 2)))
    middle = (rows[0] + rows[-1]) / 2
    found = np.zeros_like(air)
    reach = BUBBLE_MM + 2 * spacing_mm[2]
    for label in range(1, sizes.size):
        box = shape.bounding_box(labels == label, reach + BUBBLE_WALL_MM, spacing_mm)
        away = shape.distance_mm(labels[box] != label, spacing_mm)
        bubble = (away <= reach) & air[box]
        center = np.nonzero(bubble)[0].mean() + box[0].start
        wall = (away > reach) & (away <= reach + BUBBLE_WALL_MM)
        if center < middle and air[box][wall].mean() < BUBBLE_LUNG_PART:
            found[box] |= bubble
    return found


def _is_gas(hu: np.ndarray, labels: np.ndarray, sizes: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """Per part: mostly pure gas, judged away from its walls; true for index 0."""
    core = shape.distance_mm(labels > 0, spacing_mm) > CORE_MM
    gas = shape.part_shares(labels, sizes.size, hu < GAS_HU, within=core)
    gas[0] = 1.0
    return np.asarray(gas >= GAS_PART)


def _reaches_top(labels: np.ndarray, count: int) -> np.ndarray:
    """Which parts the upper end of the scan cuts: lung bases on an abdominal CT."""
    reached = np.zeros(count, bool)
    reached[np.unique(labels[-1])] = True
    return reached


def _pieces_near(hu: np.ndarray, pieces: np.ndarray, found: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """Smaller parts near the lungs, in their upper half or along ribs; elsewhere it is bowel or esophagus."""
    if not pieces.any() or not found.any():
        return np.zeros_like(found)
    labels, sizes = shape.components(pieces)
    near = shape.distance_mm(~found, spacing_mm) <= NEAR_MM
    reach = np.bincount(labels.ravel(), near.ravel(), minlength=sizes.size)
    rows = np.flatnonzero(found.any(axis=(1, 2)))
    upper = np.bincount(labels[(rows[0] + rows[-1]) // 2 :].ravel(), minlength=sizes.size)
    along = np.bincount(labels.ravel(), beside_bone(hu, pieces, spacing_mm).ravel(), minlength=sizes.size)
    keep = (reach > 0.5 * sizes) & ((upper > 0.9 * sizes) | (along > 0))
    keep[0] = False
    return keep[labels]


def part_sides(air: np.ndarray, hu: np.ndarray, midline_x: np.ndarray | None, spacing_mm: Spacing) -> Sides:
    """Tell left from right; x grows to the patient's left.

    Args:
        midline_x: (Z,) x index of the midline per slice, or None when it is not known.
    """
    nothing = np.zeros_like(air)
    if not air.any():
        return Sides(nothing, nothing, nothing, False)
    if midline_x is None:
        midline_x = _midline_between(air, spacing_mm)
    if midline_x is None:
        return Sides(nothing, nothing, air, False)
    seeds, split = _seeds(air, midline_x, spacing_mm)
    left, right = _grow_sides(air, hu, seeds, spacing_mm) if split else (seeds == 1, seeds == 2)
    return Sides(left, right, nothing, split)


def _midline_between(air: np.ndarray, spacing_mm: Spacing) -> np.ndarray | None:
    """Halfway between two large parts that lie side by side, or None."""
    labels, sizes = shape.components(air)
    if sizes.size < 3 or sizes[2] < 0.2 * sizes[1]:
        return None
    centers = [np.argwhere(labels == part).mean(axis=0) for part in (1, 2)]
    apart = np.abs(centers[0] - centers[1]) * np.array(spacing_mm)
    if apart[2] < 60 or apart[2] < apart[:2].max():
        return None
    return np.full(air.shape[0], (centers[0][2] + centers[1][2]) / 2)


def _seeds(air: np.ndarray, midline_x: np.ndarray, spacing_mm: Spacing) -> tuple[np.ndarray, bool]:
    """Labels 1 (left) and 2 (right) of every part; eroded seeds when a part spans both sides."""
    on_left = np.arange(air.shape[2])[None, None, :] > midline_x[:, None, None]
    labels, sizes = shape.components(air)
    share = np.bincount(labels.ravel(), np.broadcast_to(on_left, air.shape).ravel(), minlength=sizes.size)
    share = share / np.maximum(sizes, 1)
    both = (share > SIDE_PART) & (share < 1 - SIDE_PART) & (sizes > 0.05 * air.sum())
    if not both.any():
        return _two_labels(labels, share), False
    inside = shape.distance_mm(air, spacing_mm)
    for radius in BRIDGE_MM:
        labels, sizes = shape.components(inside > radius)
        share = np.bincount(labels.ravel(), np.broadcast_to(on_left, air.shape).ravel(), minlength=sizes.size)
        share = share / np.maximum(sizes, 1)
        both = (share > SIDE_PART) & (share < 1 - SIDE_PART) & (sizes > 0.05 * air.sum())
        if not both.any():
            return _two_labels(labels, share), True
    return np.where(air, np.where(on_left, 1, 2), 0).astype(np.uint8), False


def _two_labels(labels: np.ndarray, share_left: np.ndarray) -> np.ndarray:
    side = np.where(share_left > 0.5, 1, 2).astype(np.uint8)
    side[0] = 0
    return side[labels]


def _grow_sides(
    air: np.ndarray, hu: np.ndarray, seeds: np.ndarray, spacing_mm: Spacing
) -> tuple[np.ndarray, np.ndarray]:
    """Give all air to the nearer seed; where both are about as near, the brightest line between decides."""
    to_left = shape.distance_mm(seeds != 1, spacing_mm)
    to_right = shape.distance_mm(seeds != 2, spacing_mm)
    doubtful = air & (np.abs(to_left - to_right) < UNCERTAIN_MM)
    labels = np.where(air, np.where(to_left <= to_right, 1, 2), 0).astype(np.uint8)
    if not doubtful.any():
        return labels == 1, labels == 2
    box = shape.bounding_box(doubtful, UNCERTAIN_MM, spacing_mm)
    markers = np.where(doubtful[box], 0, labels[box]).astype(np.uint8)
    markers[~air[box]] = 0
    flooded = sitk.MorphologicalWatershedFromMarkers(
        sitk.GetImageFromArray(hu[box].astype(np.float32)), sitk.GetImageFromArray(markers), False, False
    )
    labels[box] = np.where(doubtful[box], sitk.GetArrayFromImage(flooded), labels[box])
    labels[~air] = 0
    return labels == 1, labels == 2
