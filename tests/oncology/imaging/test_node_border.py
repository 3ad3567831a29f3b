"""The border of a node on the CT: smooth ones are about 1 whatever their shape, lobed ones are more."""

from __future__ import annotations

import numpy as np
import pytest

from oncology.imaging.node_border import raggedness
from oncology.imaging.volume import Geometry, Volume

GRID = Geometry((60, 60, 60), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
Z, Y, X = np.indices(GRID.shape) - 30.0


def border_of(mask: np.ndarray) -> float:
    return raggedness(mask, Volume(np.where(mask, 80, -100).astype(np.int16), GRID))


@pytest.mark.parametrize("radii", [(8.0, 8.0, 8.0), (6.0, 8.0, 12.0), (14.0, 12.0, 12.0)])
def test_a_smooth_node_is_about_one_whatever_its_shape(radii: tuple[float, float, float]) -> None:
    assert border_of((Z / radii[0]) ** 2 + (Y / radii[1]) ** 2 + (X / radii[2]) ** 2 <= 1.0) == pytest.approx(
        1.0, abs=0.06
    )


def test_a_lobed_node_is_more_irregular_the_deeper_its_lobes() -> None:
    angle, away = np.arctan2(Y, X), np.sqrt(X**2 + Y**2 + Z**2)
    found = [border_of(away <= 10.0 * (1.0 + depth * np.sin(7.0 * angle))) for depth in (0.0, 0.1, 0.25)]
    assert found[0] < found[1] < found[2]
    assert found[2] > 1.15
