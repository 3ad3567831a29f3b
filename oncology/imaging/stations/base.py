"""What every region's finder of stations offers, and what all of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from oncology.findings import Point
from oncology.imaging.location import centroid_lps
from oncology.imaging.volume import Geometry

BORDER_SIGMA_MM = 3.0  # how well readers agree on a border, about one thick slice
MAP_POINTS = 400_000  # a map with more voxels is made on every other one


class StationFinder(Protocol):
    """Tells in which station a node lies.

    `lacking` names the structures and landmarks that were not there; what they divide is answered with {}.
    """

    @property
    def lacking(self) -> tuple[str, ...]:
        """What was not found; empty when every border is known."""
        ...

    @property
    def body(self) -> np.ndarray | None:
        """(Z, Y, X) bool, None where it was not found."""
        ...

    @property
    def solid(self) -> tuple[np.ndarray, ...]:
        """Structures (Z, Y, X) bool that no station contains."""
        ...

    def probabilities(self, mask: np.ndarray) -> Mapping[str, float]:
        """Station to probability for one node's mask (Z, Y, X); {} where that cannot be told."""
        ...

    def map(self, names: Sequence[str] | None = None) -> Mapping[str, np.ndarray]:
        """Masks (Z, Y, X) of stations, all or the named ones."""
        ...


def node_center(mask: np.ndarray, grid: Geometry) -> Point | None:
    """Center of gravity of a node's mask (Z, Y, X), LPS mm; None when it is empty."""
    return centroid_lps(mask, grid) if mask.any() else None


def soft_tissue(grid: Geometry, body: np.ndarray | None, solid: Sequence[np.ndarray]) -> np.ndarray:
    """Where stations may lie: the body, or the whole grid, without the solid structures; bool (Z, Y, X)."""
    free = np.ones(grid.shape, bool) if body is None else body.astype(bool)
    for mask in solid:
        free &= ~mask
    return free
