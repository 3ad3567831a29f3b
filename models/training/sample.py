"""A training sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

IGNORED = 255


@dataclass(frozen=True)
class Sample:
    """Inputs (C, Z, Y, X) float32 and targets (T, Z, Y, X) uint8: labels for each softmax head, or 0, 1, IGNORED.

    Of a node, targets are (T, 1).
    """

    inputs: np.ndarray
    targets: np.ndarray
