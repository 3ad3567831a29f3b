"""Station maps: every station has its place, every status its own look, and nothing is lost."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import yaml

from oncology.errors import ReportError
from templates.language import language
from templates.render import languages, translator
from templates.station_charts import CHARTS, Place
from templates.station_map import PILL_HEIGHT, StationStatus, _status_at, station_map, station_statuses

SVG = "{http://www.w3.org/2000/svg}"
VOCABULARY = Path(__file__).parents[2] / "oncology" / "tnm" / "vocabulary.yaml"
EVERY_LANGUAGE = pytest.mark.parametrize("told", languages())
UNPLACED = {"mediastinal_ipsilateral_unspecified", "unspecified"}  # they have no place by their nature


def node(station: str | None, p_malignant: float | None, **others: Any) -> dict[str, Any]:
    alternatives = {station: 1.0} if station else {}
    plain = {"station_alternatives": alternatives, "laterality": None}
    return {**plain, "station": station, "p_malignant": p_malignant, **others}


# VII beside cervical_periesophageal_VII: one place with two spellings in the vocabulary.
SPELLED_TWICE = {"esophagus": {"VII"}}


def words(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("cancer", sorted(CHARTS))
def test_every_station_of_the_vocabulary_has_a_place(cancer: str) -> None:
    stations = yaml.safe_load(VOCABULARY.read_text())["sites"][cancer]["stations"]

    placed = {place.station for place in CHARTS[cancer].places}

    assert set(stations) - UNPLACED - SPELLED_TWICE.get(cancer, set()) == placed


def half_width(place: Place, told: str) -> float:
    label = translator(told)(place.label) if place.label else place.station
    return (7.0 * len(label) + 12.0 + 20.0) / 2


@EVERY_LANGUAGE
@pytest.mark.parametrize("cancer", sorted(CHARTS))
def test_labels_do_not_cover_one_another(cancer: str, told: str) -> None:
    boxes = []
    for place in CHARTS[cancer].places:
        half = half_width(place, told)
        boxes.append((place.station, place.side, place.x - half, place.x + half, place.y))

    for first, second in itertools.combinations(boxes, 2):
        apart = first[3] <= second[2] or second[3] <= first[2] or abs(first[4] - second[4]) >= PILL_HEIGHT
        assert apart, (first, second)


@EVERY_LANGUAGE
@pytest.mark.parametrize("cancer", sorted(CHARTS))
def test_labels_stay_inside_the_picture(cancer: str, told: str) -> None:
    chart = CHARTS[cancer]

    for place in chart.places:
        half = half_width(place, told)
        assert half <= place.x <= chart.width - half, place
        assert PILL_HEIGHT / 2 <= place.y <= chart.height - PILL_HEIGHT / 2, place


@pytest.mark.parametrize("cancer", sorted(CHARTS))
def test_map_is_well_formed_and_has_words_for_those_who_hear_it(cancer: str) -> None:
    first = CHARTS[cancer].places[0].station

    root = ET.fromstring(station_map(cancer, {first: "doubtful"}))

    assert root.find(f"{SVG}title") is not None
    assert "doubtful" in (root.find(f"{SVG}desc").text or "")


def test_each_status_has_its_sign() -> None:
    bare = words(station_map("lung", {}))
    signs = {
        status: [word for word in set(found) if found.count(word) > bare.count(word)]
        for status in ("positive", "negative", "doubtful")
        if (found := words(station_map("lung", {"4R": status})))
    }

    assert signs == {"positive": ["+"], "negative": ["−"], "doubtful": ["?"]}


def test_statuses_look_different_without_color() -> None:
    """Filled, hatched, plain and dashed: told apart by their shapes once every color is gray."""
    drawn = {
        status.value: (svg.count('fill="#8c1616"'), svg.count("<line"), svg.count("stroke-dasharray"))
        for status in StationStatus
        if (svg := station_map("lung", {"7": status.value}))
    }

    assert len(set(drawn.values())) == 4


def test_level_is_marked_on_the_side_of_its_node() -> None:
    left, right = Place("II", 0, 0, "left"), Place("II", 0, 0, "right")
    statuses = {"II_left": StationStatus.POSITIVE}

    assert _status_at(left, statuses) is StationStatus.POSITIVE
    assert _status_at(right, statuses) is StationStatus.NOT_ASSESSED


def test_positive_level_of_unknown_side_is_doubtful_on_both() -> None:
    statuses = {"II": StationStatus.POSITIVE}

    assert {_status_at(Place("II", 0, 0, side), statuses) for side in ("left", "right")} == {StationStatus.DOUBTFUL}


def test_station_without_sides_takes_nodes_of_either_side() -> None:
    assert _status_at(Place("8M", 0, 0), {"8M_left": StationStatus.POSITIVE}) is StationStatus.POSITIVE


def test_station_that_the_map_does_not_show_is_named_below_it() -> None:
    svg = station_map("lung", {"mediastinal_ipsilateral_unspecified": "positive"})

    assert "Also: mediastinal ipsilateral unspecified +" in words(svg)


@pytest.mark.parametrize(
    ("chance", "expected"),
    [
        (0.95, "positive"),
        (0.8, "positive"),
        (0.79, "doubtful"),
        (0.21, "doubtful"),
        (0.2, "negative"),
        (None, "doubtful"),
    ],
)
def test_probability_of_a_node_becomes_the_status_of_its_station(chance: float | None, expected: str) -> None:
    assert station_statuses([node("4R", chance)]) == {"4R": expected}


def test_node_that_a_person_drew_as_tumor_is_positive() -> None:
    assert station_statuses([node("7", None, drawn_as_involved=True)]) == {"7": "positive"}


def test_worst_node_of_a_station_counts() -> None:
    nodes = [node("4R", 0.05), node("4R", 0.9), node("7", 0.05), node("7", None)]

    assert station_statuses(nodes) == {"4R": "positive", "7": "doubtful"}


def test_node_between_two_stations_makes_both_doubtful() -> None:
    between = node("4R", 0.95, station_alternatives={"4R": 0.6, "10R": 0.35, "2R": 0.05})

    assert station_statuses([between]) == {"4R": "doubtful", "10R": "doubtful"}


def test_side_of_a_node_is_part_of_the_key() -> None:
    assert station_statuses([node("II", 0.9, laterality="left")]) == {"II_left": "positive"}


def test_assessed_stations_without_a_node_are_negative() -> None:
    assert station_statuses([node("4R", 0.9)], assessed=("4R", "7")) == {"4R": "positive", "7": "negative"}


def test_node_without_a_station_marks_nothing() -> None:
    assert station_statuses([node(None, 0.9)]) == {}


@pytest.mark.parametrize("told", [name for name in languages() if name != "en"])
@pytest.mark.parametrize("cancer", sorted(CHARTS))
def test_no_word_of_the_map_falls_back_to_english(cancer: str, told: str) -> None:
    translate, first = language(told), CHARTS[cancer].places[0].station

    station_map(cancer, {first: "doubtful", "mediastinal_ipsilateral_unspecified": "positive"}, translate=translate)

    assert translate.unknown == set()


def test_a_code_is_not_spelled_out_in_another_language() -> None:
    assert "RP" in words(station_map("larynx", {}, translate=language("de")))


def test_unknown_cancer_or_status_is_named() -> None:
    with pytest.raises(ReportError, match="found cancer 'thyroid'"):
        station_map("thyroid", {})
    with pytest.raises(ReportError, match="found status 'maybe' of station 4R"):
        station_map("lung", {"4R": "maybe"})
