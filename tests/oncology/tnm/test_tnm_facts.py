"""Facts outside the vocabulary: each is named, with the nearest spelling and where it stands."""

from __future__ import annotations

from typing import Any

import pytest

from oncology.errors import FactError
from oncology.tnm import stage
from oncology.tnm.engine import stage_cell


def message(site: str, facts: Any, **how: Any) -> str:
    with pytest.raises(FactError) as caught:
        stage(site, 8, facts, **how)
    return str(caught.value)


@pytest.mark.parametrize(
    ("site", "facts", "parts"),
    [
        ("lung", {"greatest_dimention_mm": 3}, ["greatest_dimention_mm", "did you mean 'greatest_dimension_mm'"]),
        ("larynx", {"vocal_cord_mobility": "fixd"}, ["vocal_cord_mobility", "'fixd'", "did you mean 'fixed'"]),
        ("larynx", {"invaded_structures": ["trachia"]}, ["invaded_structures", "did you mean 'trachea'"]),
        ("lung", {"greatest_dimension_mm": -3}, ["greatest_dimension_mm is -3", "0 or more"]),
        ("lung", {"greatest_dimension_mm": float("nan")}, ["greatest_dimension_mm is nan"]),
        ("lung", {"greatest_dimension_mm": float("inf")}, ["greatest_dimension_mm is inf"]),
        ("lung", {"greatest_dimension_mm": "32"}, ["greatest_dimension_mm is '32'", "number in millimeters"]),
        ("lung", {"greatest_dimension_mm": True}, ["greatest_dimension_mm is True"]),
        ("lung", {"visceral_pleura_invasion": 1}, ["visceral_pleura_invasion is 1", "true, false, null"]),
        ("lung", {"visceral_pleura_invasion": {"p": 1.2}}, ["probability 1.2", "from 0 to 1"]),
        ("larynx", {"vocal_cord_mobility": {"p": {"fixed": 0.6}}}, ["add up to 0.6", "expected 1"]),
        ("lung", {"nodes": [{"positive": True, "station": "4X"}]}, ["nodes[0].station", "did you mean '4"]),
        ("lung", {"nodes": [{"positive": True, "station": "15R"}]}, ["nodes[0].station is '15R'"]),
        ("lung", {"nodes": [{"positive": True, "level": "IIA"}]}, ["'level' in nodes[0]", "station"]),
        ("larynx", {"nodes": [{"positive": True, "station": "4R"}]}, ["'station' in nodes[0]", "level"]),
        ("larynx", {"nodes": [{"positive": True, "level": "VIII"}]}, ["nodes[0].level is 'VIII'", "VII"]),
        ("lung", {"nodes": [{"positive": True, "station": "4R", "count": 0}]}, ["nodes[0].count is 0", "at least 1"]),
        ("lung", {"nodes": [{"positive": True, "station": "4R", "count": 1.5}]}, ["nodes[0].count is 1.5"]),
        ("lung", {"nodes": [{"positive": True, "station": "4R", "laterality": "left"}]}, ["4R lies right", "left"]),
        ("lung", {"nodes": {"positive": True}}, ["nodes is", "expected a list"]),
        ("lung", {"nodes": ["4R"]}, ["nodes[0] is '4R'", "expected an object"]),
        ("lung", {"mets": [{"site": "brian"}]}, ["mets[0].site", "did you mean 'brain'"]),
        ("lung", {"mets": [{"count": 2}]}, ["mets[0] has no site"]),
        ("lung", {"invaded_structures": "heart"}, ["invaded_structures is 'heart'", "expected a list"]),
        ("lung", {"greatest_dimension_mm": {"min": 40, "max": 30}}, ["min below max"]),
        ("lung", {"nodes": [{"positive": True, "station": "4R", "ene": "yes"}]}, ["nodes[0].ene", "microscopic"]),
    ],
)
def test_a_fact_outside_the_vocabulary_is_named(site: str, facts: Any, parts: list[str]) -> None:
    found = message(site, facts)

    assert all(part in found for part in parts), found


def test_all_faults_are_reported_at_once() -> None:
    found = message("lung", {"size": 3, "density": "solidd", "nodes": [{"positive": "yes"}], "mets": 3})

    for part in ("'size'", "'solidd'", "nodes[0].positive", "mets is 3"):
        assert part in found


def test_facts_must_be_an_object() -> None:
    assert "expected an object" in message("lung", ["greatest_dimension_mm"])


def test_an_unknown_site_or_subset_names_the_nearest() -> None:
    assert "did you mean 'larynx'" in message("larnyx", {})
    assert "did you mean 'glottis'" in message("larynx", {}, subset="glotis")


@pytest.mark.parametrize(
    ("t", "part"),
    [("T9", "unknown T category 'T9'"), ("ypT2", "after treatment"), ("", "T is empty"), ("T2A", None), ("ct2a", None)],
)
def test_a_stated_category_is_read_tolerantly_or_refused_by_name(t: str, part: str | None) -> None:
    if part is None:
        assert stage_cell("lung", 9, t, "N0", "M0").category == "IB"
        return
    with pytest.raises(FactError, match=part):
        stage_cell("lung", 9, t, "N0", "M0")


def test_mx_does_not_exist() -> None:
    with pytest.raises(FactError, match="MX does not exist; without evidence of metastasis write M0"):
        stage_cell("lung", 9, "T1a", "N0", "MX")


def test_a_message_does_not_repeat_long_values() -> None:
    found = message("lung", {"density": "Jane Doe, born 1950-01-01, " * 20})

    assert len(found) < 200
