"""Random fields that are quick to make: white noise, and the grain of tissue from a repeated smooth tile."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

Shape = tuple[int, int, int]
TILE = 72  # voxels after which the grain of tissue repeats


def white(shape: Shape, random: np.random.Generator) -> np.ndarray:
    """Independent normal values, float32 (Z, Y, X)."""
    return random.standard_normal(shape, dtype=np.float32)


def grain(shape: Shape, size: float, random: np.random.Generator, fine: float = 0.6) -> np.ndarray:
    """Zero mean, unit deviation, smooth over `size` voxels with a `fine` part, float32 (Z, Y, X)."""
    tile = sum(
        weight * _unit(ndimage.gaussian_filter(white((TILE, TILE, TILE), random), sigma, mode="wrap"))
        for weight, sigma in ((0.8, max(size / 2.355, 0.4)), (fine, 0.6))
    )
    start = random.integers(0, TILE, 3)
    places = [(np.arange(count) + first) % TILE for count, first in zip(shape, start, strict=True)]
    return np.asarray(_unit(np.asarray(tile))[np.ix_(*places)])


def _unit(field: np.ndarray) -> np.ndarray:
    return np.asarray((field - field.mean()) / max(float(field.std()), 1e-6), np.float32)
