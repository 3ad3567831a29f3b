"""The body without its surroundings, on a drawn chest whose wall is as thin as a table top."""

from __future__ import annotations

import numpy as np
import pytest

from oncology.imaging.body import segment_body

SPACING_MM = (2.0, 2.0, 2.0)
TABLE = slice(125, 128)  # rows, 6 mm


def chest(wall_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """CT (z, y, x) of 25 slices in HU, and its lungs: an oval with ribs in its wall, on a table with a gap of air."""
    z, y, x = np.indices((25, 140, 180))
    y_mm, x_mm = 2.0 * (y - 70), 2.0 * (x - 90)
    inside = np.hypot(y_mm / 90.0, x_mm / 140.0) < 1.0
    inner = np.hypot(y_mm / (90.0 - wall_mm), x_mm / (140.0 - wall_mm)) < 1.0
    lung = inner & (np.abs(x_mm) > 30.0)
    hu = np.where(inside, 40, -1000)
    hu[inside & ~inner & (z % 8 < 4)] = 500  # ribs
    hu[lung] = -850
    hu[:, TABLE, 20:160] = 100
    noisy = hu + np.random.default_rng(1).normal(0.0, 15.0, hu.shape)
    return noisy.astype(np.int16), lung


@pytest.mark.parametrize("wall_mm", [30.0, 14.0, 8.0])
def test_lungs_belong_to_the_body_however_thin_its_wall_and_the_table_does_not(wall_mm: float) -> None:
    hu, lung = chest(wall_mm)
    body = segment_body(hu, SPACING_MM)
    assert body[lung].mean() > 0.99
    assert not body[:, TABLE].any()
    assert not body[:, 118:].any()  # the air between back and table
