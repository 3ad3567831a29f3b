"""Bone density by chance: attenuation of the trabecular bone of the first lumbar vertebra (Pickhardt 2013)."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from oncology.imaging.region import bounding_box
from oncology.imaging.side.measurement import Blood, Masks, Measurement, inside, missing
from oncology.imaging.volume import Volume

NAME, VERTEBRA = "l1_attenuation", "vertebrae_L1"
CORTEX_MM = 5.0  # arch and processes are thinner than twice this and drop out
MIDDLE = 0.4  # share of the body's height, around its middle: away from the end plates
LEAST_ML = 0.8
THICK_MM = 5.5


def measure_l1(ct: Volume, masks: Masks, blood: Blood | None) -> Measurement:
    """Median HU of the spongy middle of the body of L1."""
    if VERTEBRA not in masks or not masks[VERTEBRA].any():
        return missing(NAME, "vertebra L1")
    mask = masks[VERTEBRA].astype(bool)
    if mask[0].any() or mask[-1].any():
        return Measurement(NAME, None, "the field of view cuts vertebra L1")
    labels, count = ndimage.label(inside(mask, ct.geometry.spacing_mm, CORTEX_MM))
    if count == 0:
        return Measurement(NAME, None, "the body of L1 is too thin at this voxel size")
    body = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    rows = bounding_box(body)[0]
    middle, half = (rows.start + rows.stop - 1) / 2.0, MIDDLE * (rows.stop - rows.start) / 2.0
    level = np.abs(np.arange(mask.shape[0]) - middle) <= max(half, 0.5)
    core = body & level[:, None, None]
    if core.sum() * ct.geometry.voxel_ml < LEAST_ML:
        return Measurement(NAME, None, "too little of the spongy bone is left at this voxel size")
    note = "cut-offs hold for 120 kV"
    if blood is not None and blood.enhanced:
        note += "; contrast medium may raise it"
    thick = ct.geometry.spacing_mm[0]
    reason = f"slices are {thick:.1f} mm apart" if thick > THICK_MM else ""
    return Measurement(NAME, float(np.median(ct.array[core])), reason, note)
