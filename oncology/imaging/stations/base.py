"""What every region's finder of stations offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np


class StationFinder(Protocol):
    """Tells in which station a node lies.

    `lacking` names the structures and landmarks that were not there; what they divide is answered with {}.
    """

    @property
    def lacking(self) -> tuple[str, ...]:
        """What was not found; empty when every border is known."""
        ...

    def probabilities(self, mask: np.ndarray) -> Mapping[str, float]:
        """Station to probability for one node's mask (Z, Y, X); {} where that cannot be told."""
        ...

    def map(self, names: Sequence[str] | None = None) -> Mapping[str, np.ndarray]:
        """Masks (Z, Y, X) of stations, all or the named ones."""
        ...
