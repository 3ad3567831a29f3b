"""Size, roundness and surroundings of a lesion that rules propose."""

from __future__ import annotations

import numpy as np

from oncology.imaging.measure import volume_ml
from oncology.imaging.region import bounding_box, distance_mm, grown
from oncology.imaging.volume import Geometry


def equivalent_mm(part: np.ndarray, grid: Geometry) -> float:
    """Diameter of the ball of the same volume."""
    return float((6000.0 * volume_ml(part, grid) / np.pi) ** (1 / 3))


def is_round(part: np.ndarray, grid: Geometry) -> bool:
    """No vessel: the part fills a good deal of the ellipsoid in its box, and the box is no rod."""
    sides = np.array(part.shape) * np.array(grid.spacing_mm)
    filled = 1000.0 * volume_ml(part, grid) / (np.pi / 6 * np.prod(sides))
    return bool(filled > 0.5 and sides.max() < 2.5 * sides.min())


def core(part: np.ndarray, grid: Geometry) -> np.ndarray:
    """The inner half of a part, away from its blurred edge."""
    depth = distance_mm(np.pad(part, 1), grid.spacing_mm)[1:-1, 1:-1, 1:-1]
    return np.asarray(depth >= 0.5 * depth.max())


def surrounded_share(part: np.ndarray, by: np.ndarray, grid: Geometry, layer_mm: tuple[float, float]) -> float:
    """Of the layer around a part, from and up to these distances, the share that lies in `by`.

    Args:
        part, by: (Z, Y, X) bool on `grid`; the part is not empty.
    """
    near = grown(bounding_box(part), grid, layer_mm[1] + max(grid.spacing_mm))
    apart = distance_mm(~part[near], grid.spacing_mm)
    layer = (apart > layer_mm[0]) & (apart <= layer_mm[1])
    return float(np.mean(by[near][layer])) if layer.any() else 0.0
