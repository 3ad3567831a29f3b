"""Which lobe a point probably lies in, from its place in the lung: a guess that says how unsure it is.

Without a visible fissure nobody can be certain; the fissures' usual course is taken with its natural spread.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from oncology.findings import Point
from oncology.imaging.volume import Geometry

# The oblique fissure runs from the level of T4 behind (about 0.72 of the lung's height) to the dome of the diaphragm in
# front (about 0.12); the horizontal one lies near 0.5 in front (Hayashi 2001, Radiographics 21). Heights from below.
OBLIQUE_BEHIND, OBLIQUE_BEFORE, HORIZONTAL = 0.72, 0.12, 0.5
SPREAD = 0.07  # of the lung's height: where the fissures of most people lie
LEAST_SHARE = 0.02
REACH_MM = 25.0  # a tumor at the surface has its center outside an inflated lung


def lobe_at(structures: Mapping[str, np.ndarray], grid: Geometry, point: Point) -> dict[str, float]:
    """Probability by lobe name, largest first; empty when the point lies in neither lung nor near one.

    Args:
        structures: masks (Z, Y, X) on the grid; `lung_left` and `lung_right` are looked at.
        point: LPS mm.
    """
    for side in ("left", "right"):
        lung = structures.get(f"lung_{side}")
        if lung is None or not lung.any():
            continue
        low, high = _extent(lung, grid)
        if np.all(np.array(point) >= low - REACH_MM) and np.all(np.array(point) <= high + REACH_MM):
            height = float((point[2] - low[2]) / (high[2] - low[2]))
            depth = float(np.clip((point[1] - low[1]) / (high[1] - low[1]), 0.0, 1.0))
            return _shares(side, height, depth)
    return {}


def _extent(lung: np.ndarray, grid: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest LPS corner of a lung."""
    sides = [np.flatnonzero(lung.any(axis=tuple(other for other in range(3) if other != axis))) for axis in range(3)]
    corners = np.array([[z, y, x] for z in sides[0][[0, -1]] for y in sides[1][[0, -1]] for x in sides[2][[0, -1]]])
    world = grid.to_lps(corners)
    return world.min(axis=0), world.max(axis=0)


def _shares(side: str, height: float, depth: float) -> dict[str, float]:
    """Shares by height (0 base, 1 apex) and depth (0 front, 1 back) in the lung."""
    above_oblique = _sigmoid((height - (OBLIQUE_BEFORE + (OBLIQUE_BEHIND - OBLIQUE_BEFORE) * depth)) / SPREAD)
    shares = {f"lung_lower_lobe_{side}": 1.0 - above_oblique}
    if side == "left":
        shares["lung_upper_lobe_left"] = above_oblique
    else:
        upper = _sigmoid((height - HORIZONTAL) / SPREAD)
        shares["lung_upper_lobe_right"] = above_oblique * upper
        shares["lung_middle_lobe_right"] = above_oblique * (1.0 - upper)
    kept = {name: share for name, share in shares.items() if share >= LEAST_SHARE}
    total = sum(kept.values())
    return {name: round(share / total, 3) for name, share in sorted(kept.items(), key=lambda item: -item[1])}


def _sigmoid(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-value))
