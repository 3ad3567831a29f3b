"""One map of stations from a network's coarse one and rules on the organs, on a drawn chest."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from models.synthetic.body import draw_body
from models.synthetic.frame import Build, Masks, make_canvas
from models.training.labels import label_map
from oncology.imaging.region import bounding_box, crop
from oncology.imaging.stations.finder import station_finder
from oncology.imaging.stations.parse import REACH_MM, agreed, parse_stations
from oncology.imaging.stations.seen import SeenStations
from oncology.imaging.volume import Geometry
from phantoms import reoriented

COARSE, SPACING_MM = 2, 2.5
ASKED = ("2R", "4R", "4L", "7", "10R", "8")


@pytest.fixture(scope="module")
def chest() -> tuple[Masks, Geometry, dict[str, np.ndarray]]:
    """Organs, their grid, and the stations that rules read from all of them."""
    build = Build(7, 1.0, 22.0, "male")
    canvas = make_canvas(SPACING_MM, build)
    masks = draw_body(canvas, build)
    return masks, canvas.geometry, dict(station_finder("lung", masks, {}, canvas.geometry).map())


def network_map(stations: Mapping[str, np.ndarray], grid: Geometry, off: int = 1) -> SeenStations:
    """The stations on voxels of 5 mm, `off` of them too far up: as a network on coarse voxels may see them."""
    names = tuple(stations)
    labels = np.roll(label_map(stations, names)[::COARSE, ::COARSE, ::COARSE], off, axis=0)
    spacing = (COARSE * SPACING_MM,) * 3
    return SeenStations(labels, names, Geometry(labels.shape, spacing, grid.origin_lps), names)


def dice(seen: SeenStations, name: str, true: np.ndarray, grid: Geometry) -> float:
    voxels = np.rint(seen.grid.to_index(grid.to_lps(np.argwhere(np.ones(grid.shape, bool))))).astype(int)
    inside = ((voxels >= 0) & (voxels < np.array(seen.grid.shape))).all(axis=1)
    found = np.zeros(voxels.shape[0], bool)
    found[inside] = seen.labels[tuple(voxels[inside].T)] == 1 + seen.names.index(name)
    return float(2.0 * np.count_nonzero(found & true.ravel()) / (np.count_nonzero(found) + np.count_nonzero(true)))


def test_borders_come_from_the_organs_where_rules_know_them(
    chest: tuple[Masks, Geometry, dict[str, np.ndarray]],
) -> None:
    masks, grid, stations = chest
    seen = network_map(stations, grid)
    parsed = parse_stations(seen, "lung", masks, {}, grid)
    for name in ASKED:
        before, after = (dice(one, name, stations[name], grid) for one in (seen, parsed))
        assert after > before + 0.1, name
        assert after > 0.75, name


def test_no_station_lies_beyond_the_reach_of_the_network(
    chest: tuple[Masks, Geometry, dict[str, np.ndarray]],
) -> None:
    masks, grid, stations = chest
    seen = network_map({"7": stations["7"]}, grid, off=0)
    parsed = parse_stations(seen, "lung", masks, {}, grid)
    there = parsed.grid.to_lps(np.argwhere(parsed.labels > 0))
    drawn = grid.to_lps(np.argwhere(stations["7"]))
    reach = REACH_MM + 2 * COARSE * SPACING_MM
    assert (there.max(axis=0) <= drawn.max(axis=0) + reach).all()
    assert (there.min(axis=0) >= drawn.min(axis=0) - reach).all()


def test_without_organs_the_network_s_stations_stay(chest: tuple[Masks, Geometry, dict[str, np.ndarray]]) -> None:
    _, grid, stations = chest
    seen = network_map(stations, grid, off=0)
    parsed = parse_stations(seen, "lung", {}, {}, grid)
    assert dice(parsed, "7", stations["7"], grid) > 0.7
    assert set(parsed.names) >= set(seen.names)


def test_a_scan_in_another_orientation_is_parsed_alike(
    chest: tuple[Masks, Geometry, dict[str, np.ndarray]],
) -> None:
    masks, grid, stations = chest
    box = bounding_box(masks["lung_left"] | masks["lung_right"])
    upright = {name: crop(mask, grid, box) for name, mask in masks.items()}
    turned = {name: reoriented(part, (0, 2, 1), (0, 2)) for name, part in upright.items()}
    seen = network_map(stations, grid)
    one, other = (
        parse_stations(seen, "lung", {n: v.array for n, v in of.items()}, {}, of["trachea"].geometry)
        for of in (upright, turned)
    )
    assert np.mean(one.labels == other.labels) > 0.99


def test_an_empty_map_stays_empty(chest: tuple[Masks, Geometry, dict[str, np.ndarray]]) -> None:
    masks, grid, _ = chest
    empty = SeenStations(np.zeros((4, 4, 4), np.uint8), ("7",), Geometry((4, 4, 4), (5.0,) * 3, (0.0,) * 3))
    assert parse_stations(empty, "lung", masks, {}, grid) is empty


def test_doubt_between_map_and_rules_is_told_as_doubt() -> None:
    assert agreed({"4R": 1.0}, {"10R": 1.0}) == {"10R": 0.5, "4R": 0.5}
    assert agreed({}, {}) == {}
