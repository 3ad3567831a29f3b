"""A map of stations on voxels: nodes are told by what it says where they lie and just beside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from scipy import ndimage

from oncology.imaging.volume import Geometry

# A node's own voxels and their neighbors on the map's grid: near a border the station beyond it is an alternative.
NEIGHBORS = np.array(list(product((-1, 0, 1), repeat=3)))
LEAST_SHARE = 0.02


@dataclass(frozen=True)
class SeenStations:
    """Labels (Z, Y, X) uint8 on `grid`; label n + 1 is `names[n]`.

    Attributes:
        words: the same in the words of staging, where they differ: II for II_left and II_right, whose side is told
            by the node's place.
    """

    labels: np.ndarray
    names: tuple[str, ...]
    grid: Geometry
    words: tuple[str, ...] = ()

    def shares(self, mask: np.ndarray, ct: Geometry) -> dict[str, float]:
        """Station to share of a mask (Z, Y, X) on the CT's voxels and its surroundings; {} where the map says none.

        >>> grid = Geometry((1, 1, 8), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0))
        >>> seen = SeenStations(np.array([[[1, 1, 1, 1, 2, 2, 0, 0]]], np.uint8), ("4R", "4L"), grid)
        >>> seen.shares(np.array([[[1, 1, 0, 0, 0, 0, 0, 0]]], bool), grid)
        {'4R': 1.0}
        >>> seen.shares(np.array([[[0, 0, 0, 1, 0, 0, 0, 0]]], bool), grid)
        {'4R': 0.67, '4L': 0.33}
        >>> neck = SeenStations(np.array([[[1, 1, 1, 3, 2, 2, 0, 0]]], np.uint8), ("II_left", "II_right", "VA_left"),
        ...     grid, ("II", "II", "VA"))
        >>> neck.shares(np.array([[[0, 0, 0, 1, 0, 0, 0, 0]]], bool), grid)
        {'II': 0.67, 'VA': 0.33}
        """
        near = np.rint(self.grid.to_index(ct.to_lps(np.argwhere(mask)))).astype(int)
        places = (np.unique(near, axis=0)[:, None] + NEIGHBORS).reshape(-1, 3)
        inside = ((places >= 0) & (places < np.array(self.grid.shape))).all(axis=1)
        counts = np.bincount(self.labels[tuple(places[inside].T)], minlength=len(self.names) + 1)[1:]
        total, found = int(counts.sum()), dict[str, float]()
        for name, count in zip(self.words or self.names, counts, strict=True):
            if count:
                found[name] = found.get(name, 0.0) + float(count) / total
        kept = {name: share for name, share in found.items() if share >= LEAST_SHARE}
        whole = sum(kept.values())
        return {name: round(share / whole, 2) for name, share in sorted(kept.items(), key=lambda item: -item[1])}

    def wholly_on(self, ct: Geometry) -> tuple[str, ...]:
        """Names of the stations that the map shows and no end of the CT cuts, by its slices.

        >>> grid = Geometry((4, 1, 1), (5.0, 5.0, 5.0), (0.0, 0.0, 0.0))
        >>> seen = SeenStations(np.array([1, 2, 2, 0], np.uint8).reshape(4, 1, 1), ("4R", "2R", "1R"), grid)
        >>> seen.wholly_on(grid)
        ('2R',)
        """
        reach = self.grid.spacing_mm[0] / 2.0 / ct.spacing_mm[0]  # half a voxel of the map, in slices
        whole = []
        for name, box in zip(self.names, ndimage.find_objects(self.labels, len(self.names)), strict=True):
            if box is None:
                continue
            corners = np.array(list(product(*((side.start, side.stop - 1) for side in box))), float)
            slices = ct.to_index(self.grid.to_lps(corners))[:, 0]
            if slices.min() - reach > 0.0 and slices.max() + reach < ct.shape[0] - 1:
                whole.append(name)
        return tuple(whole)


def stations_json(seen: SeenStations) -> dict[str, Any]:
    """All but the labels, as plain values."""
    grid = seen.grid
    return {
        "names": list(seen.names),
        "words": list(seen.words),
        "shape": grid.shape,
        "spacing_mm": grid.spacing_mm,
        "origin_lps": grid.origin_lps,
    }


def stations_from(content: Mapping[str, Any], labels: np.ndarray) -> SeenStations:
    """What `stations_json` told, with its labels; the grid is upright."""
    (z, y, x), (dz, dy, dx), (left, back, up) = content["shape"], content["spacing_mm"], content["origin_lps"]
    grid = Geometry((z, y, x), (dz, dy, dx), (left, back, up))
    return SeenStations(labels, tuple(content["names"]), grid, tuple(content["words"]))
