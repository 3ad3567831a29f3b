"""Whether a scan shows a region of the body at all, by what rules found on it: a network is not asked about others.

The answer is no only where that is plain: a scan that shows a part of the region, or is cut inside the body, passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from oncology.imaging.volume import Geometry

LUNGS, AIRWAY = ("lung", "lung_left", "lung_right"), ("trachea", "main_bronchus_left", "main_bronchus_right")
# The bases of both lungs on a scan of the abdomen hold less (about 120 mL on one that ends at the dome of the liver).
LEAST_LUNG_ML = 400.0
# Wider than any neck or head, narrower than an adult's trunk; a trunk that wasted away is wider than the second.
NARROW_MM, LEAST_TRUNK_MM = 230.0, 190.0
# Less of a region, along the body, is its border.
LEAST_LENGTH_MM = 20.0
# A slice with more lung than this is one of the chest.
CHEST_SHARE = 0.1


@dataclass(frozen=True)
class _Sections:
    """Each slice across the body: its width, whether the scan cuts it at a side, the share of lung, and airway."""

    width_mm: np.ndarray
    cut: np.ndarray
    lung_share: np.ndarray
    airway: np.ndarray
    step_mm: float

    def length_mm(self, chosen: np.ndarray) -> float:
        return float(np.count_nonzero(chosen & (self.width_mm > 0))) * self.step_mm


def shows(region: str, structures: Mapping[str, np.ndarray], grid: Geometry) -> bool:
    """Whether the scan shows some of the neck, thorax or abdomen; True for a region that is not one of them.

    Args:
        structures: what `segment_anatomy` found, (Z, Y, X) bool by name, `body` among them.
        grid: of these masks.
    """
    if region == "thorax":
        lungs = sum(int(np.count_nonzero(structures[name])) for name in LUNGS if name in structures)
        return lungs * grid.voxel_ml >= LEAST_LUNG_ML
    if region not in ("neck", "abdomen") or not structures["body"].any():
        return True
    seen = _sections(structures, grid)
    free = seen.lung_share < CHEST_SHARE
    if region == "neck":
        return seen.length_mm(free & (seen.width_mm < NARROW_MM)) >= LEAST_LENGTH_MM
    trunk = seen.cut | (seen.width_mm >= LEAST_TRUNK_MM)
    return seen.length_mm(free & trunk & ~seen.airway) >= LEAST_LENGTH_MM


def _sections(structures: Mapping[str, np.ndarray], grid: Geometry) -> _Sections:
    axes = 2 - np.abs(np.asarray(grid.direction)).argmax(axis=1)  # array axis nearest the patient's x, y, z
    across, along = int(axes[0]), int(axes[2])

    def slices(names: tuple[str, ...]) -> np.ndarray:
        masks = [structures[name] for name in names if name in structures]
        counts = sum((np.count_nonzero(mask, axis=int(axes[1])) for mask in masks), np.zeros(()))
        return np.broadcast_to(counts, _flat(grid, int(axes[1])))

    body, lung, airway = (_along(slices(names), across, along) for names in (("body",), LUNGS, AIRWAY))
    filled = body > 0
    first, last = filled.argmax(axis=1), filled.shape[1] - 1 - filled[:, ::-1].argmax(axis=1)
    there = filled.any(axis=1)
    return _Sections(
        width_mm=np.where(there, last - first + 1, 0) * grid.spacing_mm[across],
        cut=filled[:, 0] | filled[:, -1],
        lung_share=lung.sum(axis=1) / np.maximum(body.sum(axis=1), 1),
        airway=airway.sum(axis=1) > 0,
        step_mm=grid.spacing_mm[along],
    )


def _flat(grid: Geometry, axis: int) -> tuple[int, ...]:
    """The grid's shape without one axis."""
    return tuple(size for place, size in enumerate(grid.shape) if place != axis)


def _along(counts: np.ndarray, across: int, along: int) -> np.ndarray:
    """Counts (along the body, across the body) of an array that lacks the axis from front to back."""
    return counts if along < across else counts.T
