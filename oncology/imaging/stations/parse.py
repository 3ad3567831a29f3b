"""One map of stations from two: a network's tells how far stations reach, rules on the organs where they part.

A network parses stations on coarse voxels, with the organs in view; rules read sharp borders from organs that were seen
finely, but know less well where the soft tissue of a chest or a neck ends.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from oncology.findings import Point
from oncology.imaging.coarse import refine
from oncology.imaging.region import bounding_box, grown
from oncology.imaging.stations.base import soft_tissue
from oncology.imaging.stations.finder import station_finder, station_word
from oncology.imaging.stations.seen import SeenStations
from oncology.imaging.volume import Geometry

PARSED_MM = 2.0  # voxels of the map
REACH_MM = 3.0  # beyond the network's map, in soft tissue, which organs on coarse voxels hide


def parse_stations(
    seen: SeenStations, site: str, structures: Mapping[str, np.ndarray], landmarks: Mapping[str, Point], ct: Geometry
) -> SeenStations:
    """Stations by rules where they name one within the reach of a network's map, elsewhere the network's.

    Args:
        seen: the network's map.
        site: the cancer's site, whose rules hold.
        structures: (Z, Y, X) bool on the CT's grid, by name.
        landmarks: points in LPS mm.
    Returns:
        A map on voxels of PARSED_MM around the network's; an empty map as it is.
    """
    if not seen.labels.any():
        return seen
    grid = _around(seen)
    finder = station_finder(site, _sampled(structures, ct, grid), landmarks, grid)
    by_rules = finder.map()
    names = (*seen.names, *(name for name in by_rules if name not in seen.names))
    labels = _reached(seen, grid, soft_tissue(grid, finder.body, finder.solid))
    within = labels > 0
    for place, name in enumerate(names, start=1):
        if name in by_rules:
            labels[within & by_rules[name]] = place
    return SeenStations(labels, names, grid, tuple(station_word(site, name) for name in names))


def _around(seen: SeenStations) -> Geometry:
    """A grid of cubes of PARSED_MM around what the network's map holds."""
    box = grown(bounding_box(seen.labels > 0), seen.grid, REACH_MM)
    first = np.array([side.start for side in box], float)
    last = np.array([side.stop - 1 for side in box], float)
    size = (last - first) * np.array(seen.grid.spacing_mm)
    z, y, x = (int(length // PARSED_MM) + 1 for length in size)
    left, back, up = (float(value) for value in seen.grid.to_lps(first))
    return Geometry((z, y, x), (PARSED_MM,) * 3, (left, back, up), seen.grid.direction)


def _sampled(structures: Mapping[str, np.ndarray], ct: Geometry, grid: Geometry) -> dict[str, np.ndarray]:
    """Masks at the grid's voxels, by the CT's nearest one; outside the CT is nothing."""
    voxels = np.indices(grid.shape).reshape(3, -1).T
    index = np.rint(ct.to_index(grid.to_lps(voxels))).astype(np.int32)
    inside = ((index >= 0) & (index < np.array(ct.shape))).all(axis=1)
    places = np.ravel_multi_index(tuple(index[inside].T), ct.shape)
    found = {}
    for name, mask in structures.items():
        sampled = np.zeros(len(voxels), bool)
        sampled[inside] = mask.ravel()[places]
        if sampled.any():
            found[name] = sampled.reshape(grid.shape)
    return found


def _reached(seen: SeenStations, grid: Geometry, free: np.ndarray) -> np.ndarray:
    """The network's labels (Z, Y, X) uint8 on a finer grid, each reaching on through what is free beside it."""
    labels = np.zeros(grid.shape, np.uint8)
    for place in range(1, len(seen.names) + 1):
        labels[refine(seen.labels == place, seen.grid, grid)] = place
    apart, nearest = ndimage.distance_transform_edt(labels == 0, sampling=grid.spacing_mm, return_indices=True)
    return np.where(free & (apart <= REACH_MM), labels[tuple(nearest)], 0).astype(np.uint8)


def agreed(by_rules: Mapping[str, float], by_map: Mapping[str, float]) -> dict[str, float]:
    """The mean of what rules and a map say of a node, likeliest first; where one says nothing, the other's word.

    >>> agreed({"4R": 0.8, "2R": 0.2}, {"4R": 0.5, "10R": 0.5})
    {'4R': 0.65, '10R': 0.25, '2R': 0.1}
    >>> agreed({}, {"7": 1.0})
    {'7': 1.0}
    """
    told = [one for one in (by_rules, by_map) if one]
    mean = {name: sum(one.get(name, 0.0) for one in told) / len(told) for one in told for name in one}
    return {name: round(share, 3) for name, share in sorted(mean.items(), key=lambda item: (-item[1], item[0]))}
