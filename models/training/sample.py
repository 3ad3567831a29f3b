"""A training sample, and how images of one patient vary from scanner to scanner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

IGNORED = 255


@dataclass(frozen=True)
class Sample:
    """Inputs (C, Z, Y, X) float32 and targets (T, Z, Y, X) uint8: labels for each softmax head, or 0, 1, IGNORED.

    Of a node, targets are (T, 1).
    """

    inputs: np.ndarray
    targets: np.ndarray


def varied_ct(hu: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """HU with contrast, calibration, sharpness and noise a little off."""
    hu = hu * float(random.uniform(0.95, 1.05)) + float(random.normal(0.0, 8.0))
    if random.random() < 0.25:
        hu = ndimage.gaussian_filter(hu, float(random.uniform(0.3, 0.8)), truncate=2.0)
    return hu + random.standard_normal(hu.shape, np.float32) * float(random.uniform(0.0, 14.0))


def varied_pet(suv: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """SUV with scale and noise a little off."""
    noise = random.standard_normal(suv.shape, np.float32) * float(random.uniform(0.0, 0.12))
    return np.clip(suv * (float(np.exp(random.normal(0.0, 0.12))) + noise), 0.0, None)
