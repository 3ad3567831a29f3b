"""Probabilities as whole percent."""

from __future__ import annotations


def percent(probability: float) -> int:
    """Whole percent; never 100 for less than certainty, never 0 for more than nothing.

    >>> percent(0.998), percent(0.002), percent(1.0), percent(0.425)
    (99, 1, 100, 42)
    """
    if 0 < probability < 1:
        return min(99, max(1, round(100 * probability)))
    return round(100 * probability)
