"""Stations of the chest by rules, on drawn bodies where the definitions say what lies where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest

from models.synthetic.body import draw_body
from models.synthetic.frame import Build, Masks, make_canvas
from models.synthetic.thorax_places import NodePlace, node_places
from oncology.errors import ScopeError
from oncology.findings import Laterality
from oncology.imaging.region import bounding_box
from oncology.imaging.stations.abdominal import AbdominalStations
from oncology.imaging.stations.finder import station_finder
from oncology.imaging.stations.neck import NeckStations
from oncology.imaging.stations.thoracic import ThoracicStations, find_thoracic_stations
from oncology.imaging.volume import Geometry, Volume
from phantoms import reoriented

BUILDS = (
    Build(20, 1.0, 18.0, "female"),
    Build(3, 0.94, 10.0, "male"),
    Build(7, 1.06, 26.0, "male"),
    Build(11, 0.97, 30.0, "female"),
    Build(101, 1.03, 14.0, "male", 1.2),
)
MEDIASTINUM = (
    "trachea", "main_bronchus_left", "main_bronchus_right", "bronchus_intermedius", "bronchus_upper_lobe_left",
    "bronchus_lower_lobe_left", "bronchus_upper_lobe_right", "bronchus_middle_lobe_right", "bronchus_lower_lobe_right",
    "aorta", "pulmonary_artery", "pulmonary_vein", "superior_vena_cava", "azygos_vein", "brachiocephalic_vein_left",
    "brachiocephalic_vein_right", "brachiocephalic_trunk", "common_carotid_artery_left", "esophagus", "sternum",
    "heart", "lung_left", "lung_right",
)  # fmt: skip
FIELD = {"iaslc": "thorax", "esophageal": "chest_and_upper_abdomen"}


@dataclass(frozen=True)
class Body:
    """One drawn body."""

    build: Build
    masks: Masks
    grid: Geometry

    def finder(self, system: str = "iaslc", without: tuple[str, ...] = ()) -> ThoracicStations:
        masks = {name: mask for name, mask in self.masks.items() if name not in without}
        return find_thoracic_stations(masks, {}, self.grid, system)

    def node(self, place: NodePlace, radius_mm: float = 4.0) -> np.ndarray:
        middle = np.round(self.grid.to_index(np.array(place.center))).astype(int)
        reach = int(radius_mm / min(self.grid.spacing_mm)) + 1
        around = np.moveaxis(np.indices((2 * reach + 1,) * 3), 0, -1).reshape(-1, 3) - reach + middle
        inside = np.linalg.norm(self.grid.to_lps(around) - np.array(place.center), axis=1) <= radius_mm
        around = around[inside & (around >= 0).all(axis=1) & (around < self.grid.shape).all(axis=1)]
        mask = np.zeros(self.grid.shape, bool)
        mask[tuple(around.T)] = True
        return mask


def draw(build: Build, field: str, spacing_mm: float = 3.0) -> Body:
    canvas = make_canvas(spacing_mm, build, field)
    return Body(build, draw_body(canvas, build), canvas.geometry)


@pytest.fixture(scope="module", params=["iaslc", "esophageal"])
def system(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def bodies(system: str) -> list[Body]:
    return [draw(build, FIELD[system]) for build in BUILDS]


@pytest.fixture(scope="module")
def body() -> Body:
    return draw(BUILDS[0], "thorax")


def best(shares: Mapping[str, float]) -> str | None:
    return next(iter(shares), None)


def test_nodes_lie_in_the_station_that_the_definition_gives(bodies: list[Body], system: str) -> None:
    right = {True: [0, 0], False: [0, 0]}
    for one in bodies:
        finder = one.finder(system)
        for place in node_places(one.build, system):
            count = right[place.neighbor is None]
            count[0] += best(finder.probabilities_at(place.center)) == place.station
            count[1] += 1
    inside, near = right[True], right[False]
    assert inside[0] == inside[1]
    assert inside[0] + near[0] >= 0.95 * (inside[1] + near[1])


def test_near_a_border_the_neighbor_is_named_too(bodies: list[Body], system: str) -> None:
    shares = [
        one.finder(system).probabilities_at(place.center).get(place.neighbor, 0.0)
        for one in bodies
        for place in node_places(one.build, system)
        if place.neighbor is not None
    ]
    assert np.mean(np.array(shares) > 0.02) >= 0.7


def test_every_station_of_the_map_lies_where_its_nodes_are(body: Body) -> None:
    maps = body.finder().map()
    for place in node_places(body.build):
        near = maps[place.station] & body.node(place, 9.0)
        assert place.neighbor is not None or near.any(), place.station


def test_stations_of_the_map_do_not_overlap_and_avoid_organs(body: Body) -> None:
    maps = body.finder().map()
    assert np.sum([mask.astype(np.uint8) for mask in maps.values()], axis=0).max() == 1
    assert not any((mask & body.masks["aorta"]).any() for mask in maps.values())


@pytest.mark.parametrize(("order", "flips"), [((0, 1, 2), (0, 2)), ((2, 0, 1), ()), ((1, 0, 2), (1,))])
def test_a_turned_or_mirrored_grid_changes_nothing(body: Body, order: tuple[int, ...], flips: tuple[int, ...]) -> None:
    used = set(MEDIASTINUM) & set(body.masks)
    turned = {name: reoriented(Volume(body.masks[name], body.grid), order, flips) for name in used}
    finder = find_thoracic_stations(
        {name: volume.array for name, volume in turned.items()}, {}, turned["aorta"].geometry
    )
    for place in node_places(body.build):
        if place.neighbor is None:
            assert best(finder.probabilities_at(place.center)) == place.station


def test_the_side_is_the_patients(body: Body) -> None:
    finder = body.finder()
    sides = {"4R": Laterality.RIGHT, "4L": Laterality.LEFT, "5": Laterality.LEFT, "7": Laterality.MIDLINE}
    for place in node_places(body.build):
        if place.neighbor is None and place.station in sides:
            assert finder.laterality(body.node(place)) == sides[place.station]


def test_a_node_is_placed_by_its_mask(body: Body) -> None:
    place = next(place for place in node_places(body.build) if place.station == "7")
    shares = body.finder().probabilities(body.node(place))
    assert best(shares) == "7"
    assert sum(shares.values()) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("missing", "unknown", "known"),
    [
        ("aorta", "4L", "1R"),
        ("trachea", "4R", None),
        ("brachiocephalic_vein_left", "2R", "7"),
        ("pulmonary_artery", "5", "2R"),
        ("bronchus_upper_lobe_left", "12L", "4R"),
    ],
)
def test_without_a_structure_what_it_divides_is_not_guessed(
    body: Body, missing: str, unknown: str, known: str | None
) -> None:
    finder = body.finder(without=(missing,))
    first = {place.station: place for place in reversed(node_places(body.build))}
    assert missing in finder.lacking
    assert finder.probabilities_at(first[unknown].center) == {}
    assert known is None or best(finder.probabilities_at(first[known].center)) == known


def test_without_the_azygos_vein_its_border_is_doubtful(body: Body) -> None:
    place = next(place for place in node_places(body.build) if place.station == "4R" and place.neighbor == "10R")
    sure = body.finder().probabilities_at(place.center)
    unsure = body.finder(without=("azygos_vein",)).probabilities_at(place.center)
    assert {"4R", "10R"} <= set(unsure)
    assert max(unsure.values()) < max(sure.values())


def test_a_scan_of_a_part_of_the_chest_still_tells_what_lies_in_it(body: Body) -> None:
    """From within the arch to above the hiatus: cut edges lie beyond the image, so all that is in it lies inside."""
    low, high = (int(body.grid.to_index(np.array((0.0, 0.0, z)))[0]) for z in (62.0, 206.0))
    x, y, z = body.grid.origin_lps
    grid = Geometry((high - low, *body.grid.shape[1:]), body.grid.spacing_mm, (x, y, z + low * body.grid.spacing_mm[0]))
    finder = find_thoracic_stations({name: mask[low:high] for name, mask in body.masks.items()}, {}, grid)
    for place in node_places(body.build):
        if place.neighbor is None and place.station in ("4L", "5", "7", "8", "9R", "11L"):
            assert best(finder.probabilities_at(place.center)) == place.station


def test_a_node_in_the_armpit_or_in_no_station_is_told_so(body: Body) -> None:
    lung = bounding_box(body.masks["lung_left"])
    edge = body.grid.to_lps(np.array([lung[0].stop, lung[1].stop, lung[2].stop]))
    x = float(edge[0]) + 15.0
    assert best(body.finder().probabilities_at((x, 10.0, 215.0))) == "axillary_left"
    assert body.finder().probabilities_at((0.0, -75.0, 110.0)) == {}  # before the heart
    assert body.finder().probabilities(np.zeros(body.grid.shape, bool)) == {}


def test_the_door_knows_the_map_of_a_cancer(body: Body) -> None:
    for cancer, system in (("lung", "iaslc"), ("esophagus", "esophageal")):
        finder = station_finder(cancer, body.masks, {}, body.grid)
        assert isinstance(finder, ThoracicStations)
        assert finder.system == system
    assert type(station_finder("pancreas", body.masks, {}, body.grid)) is AbdominalStations
    assert type(station_finder("larynx", body.masks, {}, body.grid)) is NeckStations
    with pytest.raises(ScopeError, match="prostate"):
        station_finder("prostate", body.masks, {}, body.grid)
