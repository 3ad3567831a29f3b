"""Which lobe a point lies in, guessed from its place in the lung: a probability, never a border.

Fissures are not looked for. The oblique fissure runs from high at the back to low in front, the horizontal one at
mid height in front on the right; both vary by centimeters between people, and the spread says so. The planes are
set so that the lobes of a whole lung get their usual part of its volume (right: upper 0.35, middle 0.17, lower 0.48;
left: upper 0.52, lower 0.48; Yamada 2020, standing and supine CT of healthy adults, rounded).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# One standard deviation of where the fissure lies, as part of the lung's height.
SPREAD = 0.09
SPREAD_CUT = 0.2  # in a lung that the field of view cuts


@dataclass(frozen=True)
class Fissure:
    """A plane in the lung's own box: height where it meets the front (0) and the back (1) of the lung."""

    front: float
    back: float

    def height(self, depth: float) -> float:
        """Height (0 base, 1 apex) of the plane at a depth (0 front, 1 back)."""
        return self.front + (self.back - self.front) * depth


OBLIQUE = {"left": Fissure(0.10, 0.78), "right": Fissure(0.04, 0.75)}
HORIZONTAL = Fissure(0.47, 0.47)


def lobe_probabilities(side: str, height: float, depth: float, *, cut: bool) -> dict[str, float]:
    """Lobe name -> probability for a place in one lung; they sum to 1.

    Args:
        side: "left" or "right".
        height: 0 at the base, 1 at the apex of the lung.
        depth: 0 in front, 1 at the back of the lung.
        cut: the field of view does not hold the whole lung.
    """
    spread = SPREAD_CUT if cut else SPREAD
    lower = _below(height, OBLIQUE[side].height(depth), spread)
    if side == "left":
        return {"lung_upper_lobe_left": 1 - lower, "lung_lower_lobe_left": lower}
    middle = (1 - lower) * _below(height, HORIZONTAL.height(depth), spread)
    return {
        "lung_upper_lobe_right": 1 - lower - middle,
        "lung_middle_lobe_right": middle,
        "lung_lower_lobe_right": lower,
    }


def _below(height: float, plane: float, spread: float) -> float:
    """Probability that a height lies below a plane known to that spread (logistic)."""
    return float(1 / (1 + np.exp(np.clip((height - plane) / (spread * 0.55), -50, 50))))
