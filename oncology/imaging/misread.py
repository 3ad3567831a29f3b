"""Pieces of a structure that a network saw in the tumor itself, far from all else of that structure.

A network that knows no tumor at a place names it by what is near: on 2 of 30 held-out lungs (seed 8600) a mass in the
upper lobe held a bit of 0.06 and 0.2 mL of subclavian artery, 16 and 38 mm from the rest of it, and was told T4.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from oncology.imaging.region import bounding_box, components, distance_mm, grown
from oncology.imaging.volume import Geometry

MOSTLY = 0.5  # of a piece: so much of it in the tumor's mask
APART_MM = 10.0  # from the rest of the structure; an organ that a tumor grows through goes on at the tumor's border


def without_misread(
    tumor: np.ndarray, structures: Mapping[str, np.ndarray], drawn_by_networks: Collection[str], grid: Geometry
) -> dict[str, np.ndarray]:
    """The structures; of those that only networks drew, without pieces that are the tumor's own.

    A structure that lies in the tumor as a whole stays as it is.

    Args:
        tumor: (Z, Y, X) bool.
        structures: masks on the same grid by name.
    """
    return {
        name: _without(tumor, mask, grid) if name in drawn_by_networks else mask for name, mask in structures.items()
    }


def _without(tumor: np.ndarray, mask: np.ndarray, grid: Geometry) -> np.ndarray:
    if not (tumor & mask).any():
        return mask
    for piece, box in components(mask)[1:]:
        if tumor[box][piece].mean() > MOSTLY:
            own = np.zeros(mask.shape, bool)
            own[box] = piece
            if not _goes_on(own, mask & ~own, grid):
                mask = mask & ~own
    return mask


def _goes_on(piece: np.ndarray, rest: np.ndarray, grid: Geometry) -> bool:
    """Whether the rest of a structure comes near to a piece of it."""
    near = grown(bounding_box(piece), grid, APART_MM)
    if not rest[near].any():
        return False
    return bool(distance_mm(~rest[near], grid.spacing_mm)[piece[near]].min() <= APART_MM)
