"""The patient's body: skin and everything inside it, without table, blankets and air around."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from oncology.imaging import shape
from oncology.imaging.shape import Spacing

TISSUE_HU = -300
IN_PLANE = np.array([[[0, 1, 0], [1, 1, 1], [0, 1, 0]]], dtype=bool)
# Table tops and blankets are thinner than twice this; skin folds and ears go too, and come back afterwards.
TABLE_HALF_THICKNESS_MM = 5.0
# A separate part of the body (an arm) is at least this part of the trunk, and not a cushion (mean HU).
SMALLEST_PART = 0.03
CUSHION_HU = -140
# Air that touches the edge of the field of view is a lung, cut off, when little of it is room air (pure gas) and
# ribs or spine accompany its border; foam and table tops have no bone beside them.
ROOM_AIR_HU, ROOM_AIR_PART = -960, 0.4
BONE_HU, BONE_NEAR_MM, BONE_PART = 200, 12.0, 0.28


def segment_body(hu: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """Mask of the body, lungs and bowel gas included; empty when there is no tissue.

    Args:
        hu: (z, y, x) CT numbers, canonical axes.
    """
    tissue = hu > TISSUE_HU
    core = _parts_of_patient(hu, shape.open_(tissue, TABLE_HALF_THICKNESS_MM, spacing_mm))
    if not core.any():
        return core
    skin = shape.dilate(core, TABLE_HALF_THICKNESS_MM, spacing_mm) & tissue
    body = ~_room_air(hu, ~skin, spacing_mm)
    return body | _behind_thin_walls(hu, tissue, body, spacing_mm)


def _behind_thin_walls(hu: np.ndarray, tissue: np.ndarray, body: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """Lungs that lie open since their wall, in a thin patient, is no thicker than a table top; and that wall."""
    closed = (shape.slice_holes(tissue) > 0) & ~body
    lung = beside_bone(hu, closed & ~_is_room_air(hu, shape.slice_labels(closed)), spacing_mm)
    if not lung.any():
        return lung
    return lung | (shape.dilate(lung, 2.0 * TABLE_HALF_THICKNESS_MM, spacing_mm) & tissue)


def _parts_of_patient(hu: np.ndarray, core: np.ndarray) -> np.ndarray:
    """The trunk, and limbs that the field of view cut from it."""
    labels, sizes = shape.components(core)
    if sizes.size == 1:
        return core
    big = sizes >= max(1.0, SMALLEST_PART * sizes.max())
    means = np.bincount(labels.ravel(), hu.ravel(), minlength=sizes.size) / np.maximum(sizes, 1)
    keep = big & (means > CUSHION_HU)
    keep[0], keep[1] = False, True
    return keep[labels]


def _room_air(hu: np.ndarray, empty: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """What is not tissue and reaches the edge of its slice, cut-off lungs excepted."""
    _, labels = shape.holes_and_open(empty)
    open_air = labels > 0
    perhaps_lung = open_air & ~_is_room_air(hu, labels)
    return open_air & ~beside_bone(hu, perhaps_lung, spacing_mm)


def _is_room_air(hu: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The labeled parts of slices that are air of the room rather than lung."""
    gas = shape.part_shares(labels, int(labels.max()) + 1, hu < ROOM_AIR_HU)
    gas[0] = 0.0
    return (gas >= ROOM_AIR_PART)[labels]


def beside_bone(hu: np.ndarray, mask: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """The connected parts of a mask whose axial outlines run along bone for a good part."""
    if not mask.any():
        return mask
    labels, sizes = shape.components(mask)
    border = mask & ~ndimage.binary_erosion(mask, IN_PLANE, border_value=1)
    near = shape.distance_mm(hu <= BONE_HU, spacing_mm) <= BONE_NEAR_MM
    accompanied = shape.part_shares(labels, sizes.size, near, within=border) >= BONE_PART
    accompanied[0] = False
    return accompanied[labels]
