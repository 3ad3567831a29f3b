"""Borders that run along the neck: one number per height, read from a structure's mask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from oncology.imaging.volume import Geometry

REACH_MM = 12.0  # how far beyond its structure a border is still believed


@dataclass(frozen=True)
class Profile:
    """A number per height.

    Attributes:
        z: (N,) ascending, LPS mm; empty when the structure was not there.
        value: (N,) mm.
    """

    z: np.ndarray
    value: np.ndarray

    def at(self, z: np.ndarray) -> np.ndarray:
        """The number at heights, NaN farther than 12 mm from the structure."""
        if len(self.z) == 0:
            return np.full(np.shape(z), np.nan)
        known = np.interp(z, self.z, self.value)
        return np.where((z < self.z[0] - REACH_MM) | (z > self.z[-1] + REACH_MM), np.nan, known)


def profile(points: np.ndarray, measure: Callable[[np.ndarray], float], step_mm: float) -> Profile:
    """`measure` of the points (N, 3) of a structure in every slab of `step_mm` along z."""
    if len(points) == 0:
        return Profile(np.zeros(0), np.zeros(0))
    slab = np.round(points[:, 2] / step_mm).astype(int)
    order = np.argsort(slab, kind="stable")
    numbers, starts = np.unique(slab[order], return_index=True)
    groups = np.split(points[order], starts[1:])
    return Profile(numbers * step_mm, np.array([measure(group) for group in groups]))


def points_of(mask: np.ndarray | None, grid: Geometry) -> np.ndarray:
    """World points (N, 3), LPS mm, of a mask (Z, Y, X); none for None."""
    if mask is None or not mask.any():
        return np.zeros((0, 3))
    return grid.to_lps(np.argwhere(mask))
