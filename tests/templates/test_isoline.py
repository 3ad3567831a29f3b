"""Outlines of fields whose level lines are known."""

from __future__ import annotations

import numpy as np
import pytest

from templates.isoline import isolines


def hill(size: int = 81) -> np.ndarray:
    """Falls by 1 per pixel from the middle."""
    y, x = np.mgrid[:size, :size]
    return -np.hypot(x - size // 2, y - size // 2)


def test_line_around_a_hill_is_a_circle_to_a_tenth_of_a_pixel() -> None:
    (line,) = isolines(hill(), -20.0)

    assert np.hypot(*(line - 40).T) == pytest.approx(20, abs=0.1)


def test_ring_closes() -> None:
    (line,) = isolines(hill(), -20.0)

    assert line[0] == pytest.approx(line[-1])


def test_every_part_has_its_own_line() -> None:
    field = np.zeros((40, 60))
    field[10:20, 10:20] = field[10:20, 40:50] = 1
    field[13:17, 13:17] = 0

    assert len(isolines(field, 0.5)) == 3  # two squares and one hole


def test_line_that_leaves_the_field_is_open_and_whole() -> None:
    field = np.repeat(np.arange(30.0)[:, None], 20, axis=1)

    (line,) = isolines(field, 12.25)

    assert np.allclose(line[:, 1], 12.25)
    assert len(line) == 20


def test_saddle_keeps_the_high_corners_apart() -> None:
    assert len(isolines(np.array([[1.0, 0.0], [0.0, 1.0]]), 0.5)) == 2


def test_flat_field_has_no_line() -> None:
    assert isolines(np.zeros((9, 9)), 0.5) == []
