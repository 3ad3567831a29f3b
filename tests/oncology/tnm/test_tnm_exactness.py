"""The engine's probabilities against plain enumeration of every completion of the facts."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from oncology.tnm.engine import stage
from oncology.tnm.stager import stager

Facts = dict[str, Any]
NOT_LISTED: dict[str, Any] = {"regions_not_imaged": []}


def outcomes(value: Any, anything: list[Any]) -> list[tuple[float, list[Any]]]:
    """A scalar value as (probability, values it leaves open)."""
    if value is None:
        return [(1.0, anything)]
    if isinstance(value, dict) and isinstance(value["p"], dict):
        return [(share, [one]) for one, share in value["p"].items()]
    if isinstance(value, dict):
        return [(value["p"], [True]), (1 - value["p"], [False])]
    return [(1.0, [value])]


def worlds(slots: list[list[tuple[float, list[Any]]]]) -> Iterator[tuple[float, Iterator[tuple[Any, ...]]]]:
    """Per choice of the probabilistic facts its probability and all completions of the unknown ones."""
    for chosen in itertools.product(*slots):
        share = 1.0
        for mass, _ in chosen:
            share *= mass
        yield share, itertools.product(*(values for _, values in chosen))


def by_enumeration(
    served: tuple[str, int, str, str | None], facts: Facts, open_fields: list[tuple[Any, str, list[Any]]]
) -> dict[str, dict[str, float]]:
    """Pignistic probabilities per axis. `open_fields`: (node number or None, key, everything it could be)."""
    engine = stager(*served)

    def get(place: Any, key: str) -> Any:
        return facts[key] if place is None else facts["nodes"][place][key]

    totals: dict[str, dict[str, float]] = {axis: defaultdict(float) for axis in engine.axes}
    slots = [outcomes(get(place, key), anything) for place, key, anything in open_fields]
    for share, completions in worlds(slots):
        found: dict[str, set[str]] = {axis: set() for axis in engine.axes}
        for values in completions:
            filled = {**facts, "nodes": [dict(node) for node in facts["nodes"]]}
            for (place, key, _), value in zip(open_fields, values, strict=True):
                (filled if place is None else filled["nodes"][place])[key] = value
            evidence = engine.read(filled, True)
            solved = engine.solve(evidence)
            for axis in engine.axes:
                found[axis] |= set(engine.summary(axis, solved, evidence).possible)
        for axis, categories in found.items():
            for category in categories:
                totals[axis][category] += share / len(categories)
    return {axis: dict(of_axis) for axis, of_axis in totals.items()}


def assert_equal(served: tuple[str, int, str, str | None], facts: Facts, open_fields: list[Any]) -> None:
    site, edition, classification, subset = served
    expected = by_enumeration(served, facts, open_fields)
    found = stage(site, edition, facts, classification=classification, subset=subset)
    for axis, answer in (("t", found.t), ("n", found.n), ("m", found.m), ("group", found.stage_group)):
        assert set(answer.possible) == set(expected[axis]), axis
        for category, share in expected[axis].items():
            assert answer.probabilities[category] == pytest.approx(share, abs=1e-9), (axis, category)


LARYNX = {
    "subsites_involved": ["left_vocal_cord"],
    "mucosal_extension": [],
    "vocal_cord_mobility": "normal",
    "invaded_structures": [],
    "tumor_side": "left",
    "mets": [],
}


def larynx_node(rng: random.Random) -> Facts:
    return {
        "positive": rng.choice([True, {"p": 0.25}, {"p": 0.6}]),
        "count": 1,
        "level": "III",
        "laterality": rng.choice(["left", "right"]),
        "greatest_dimension_mm": rng.choice([20, 45, 70]),
        "ene": rng.choice([False, {"p": 0.3}, None]),
        "ene_evidence": "clinical",
    }


@pytest.mark.parametrize("seed", range(12))
def test_nodes_with_doubtful_malignancy_and_ene_match_enumeration(seed: int) -> None:
    rng = random.Random(seed)
    facts = {**LARYNX, "nodes": [larynx_node(rng) for _ in range(4)]}
    fields = [(place, key, [False, True]) for place in range(4) for key in ("positive", "ene")]

    assert_equal(("larynx", 8, "clinical", "glottis"), facts, fields)


@pytest.mark.parametrize("side", ["left", None, {"p": {"left": 0.7, "right": 0.3}}])
def test_a_doubtful_tumor_side_is_shared_by_all_nodes(side: Any) -> None:
    node = {"positive": True, "count": 1, "greatest_dimension_mm": 12, "ene": False}
    nodes = [{**node, "station": "4R"}, {**node, "station": "10L", "positive": {"p": 0.5}}, {**node, "station": "7"}]
    facts = {**LUNG, "tumor_side": side, "nodes": nodes}

    fields = [(None, "tumor_side", ["left", "right"]), (1, "positive", [])]
    assert_equal(("lung", 9, "clinical", None), facts, fields)


LUNG = {
    "greatest_dimension_mm": 25,
    "solid_component_mm": None,
    "invasive_component_mm": None,
    "density": "solid",
    "histology": "other",
    "main_bronchus_involved": False,
    "visceral_pleura_invasion": False,
    "atelectasis_or_obstructive_pneumonitis": "none",
    "superficial_spreading_bronchial_wall_only": False,
    "positive_cytology_no_visible_tumor": False,
    "separate_nodules": "none",
    "invaded_structures": [],
    "tumor_side": "right",
    "nodes": [],
    "mets": [],
}


@pytest.mark.parametrize("seed", range(12))
def test_doubtful_stations_match_enumeration(seed: int) -> None:
    rng = random.Random(seed)
    stations = ["4R", "7", "10R", "4L", "1R", "11R", "axillary_right"]

    def node() -> Facts:
        first, second = rng.sample(stations, 2)
        station: Any = {"p": {first: 0.7, second: 0.3}} if rng.random() < 0.7 else first
        return {"positive": {"p": rng.choice([0.2, 0.5, 0.9])}, "count": 1, "station": station, "ene": False}

    facts = {**LUNG, "nodes": [node() for _ in range(4)]}
    fields = [(place, key, []) for place in range(4) for key in ("positive", "station")]

    assert_equal(("lung", 9, "clinical", None), facts, fields)


@pytest.mark.parametrize("seed", range(12))
def test_doubtful_facts_of_the_tumor_match_enumeration(seed: int) -> None:
    rng = random.Random(seed)
    choices: dict[str, list[Any]] = {
        "greatest_dimension_mm": [{"p": {"25": 0.5, "38": 0.3, "60": 0.2}}, 33],
        "visceral_pleura_invasion": [None, {"p": 0.4}],
        "main_bronchus_involved": [None, {"p": 0.1}],
        "separate_nodules": [{"p": {"none": 0.8, "same_lobe": 0.1, "contralateral": 0.1}}, "none"],
        "atelectasis_or_obstructive_pneumonitis": [None, "none"],
    }
    facts = {**LUNG, **{key: rng.choice(values) for key, values in choices.items()}}
    everything = {
        "greatest_dimension_mm": [],
        "visceral_pleura_invasion": [False, True],
        "main_bronchus_involved": [False, True],
        "separate_nodules": [],
        "atelectasis_or_obstructive_pneumonitis": ["none", "to_hilum_part_of_lung", "to_hilum_whole_lung"],
    }

    numbers = {"p": {25: 0.5, 38: 0.3, 60: 0.2}}
    plain = {**facts, "greatest_dimension_mm": numbers if isinstance(facts["greatest_dimension_mm"], dict) else 33}
    expected = by_enumeration(("lung", 9, "clinical", None), plain, [(None, key, of) for key, of in everything.items()])
    found = stage("lung", 9, facts)

    assert found.t.probabilities == pytest.approx(expected["t"])
    assert found.stage_group.probabilities == pytest.approx(expected["group"])


def test_separate_nodules_keep_t_and_m_together() -> None:
    """Same lobe makes T3 with M0, the other lung M1a: T3 with M1a cannot come out of one finding."""
    facts = {**LUNG, "separate_nodules": {"p": {"same_lobe": 0.5, "contralateral": 0.5}}}

    found = stage("lung", 9, facts)

    assert found.t.probabilities == {"T1c": 0.5, "T3": 0.5}
    assert found.m.probabilities == {"M0": 0.5, "M1a": 0.5}
    assert found.stage_group.probabilities == {"IIB": 0.5, "IVA": 0.5}


def test_nested_structures_are_one_doubt() -> None:
    """The chest wall includes the pleura, the vertebra both: T4 has the vertebra's share, T3 the rest."""
    doubt = {"parietal_pleura": {"p": 0.8}, "chest_wall": {"p": 0.5}, "vertebral_body": {"p": 0.1}, "others": False}

    found = stage("lung", 9, {**LUNG, "invaded_structures": doubt})

    assert found.t.probabilities == pytest.approx({"T1c": 0.2, "T3": 0.7, "T4": 0.1})


def test_a_deeper_structure_raises_the_shallower_one() -> None:
    found = stage(
        "lung",
        9,
        {**LUNG, "invaded_structures": {"parietal_pleura": {"p": 0.1}, "chest_wall": {"p": 0.6}, "others": False}},
    )

    assert found.t.probabilities == pytest.approx({"T1c": 0.4, "T3": 0.6})


def test_an_unknown_deeper_structure_is_open_only_where_the_shallower_one_is_reached() -> None:
    doubt = {"parietal_pleura": {"p": 0.6}, "vertebral_body": None, "others": False}

    found = stage("lung", 9, {**LUNG, "invaded_structures": doubt})

    assert found.t.possible == ("T1c", "T3", "T4")
    assert found.t.probabilities == pytest.approx({"T1c": 0.4, "T3": 0.3, "T4": 0.3})


def test_unrelated_structures_are_independent() -> None:
    found = stage(
        "lung",
        9,
        {**LUNG, "invaded_structures": {"phrenic_nerve": {"p": 0.5}, "diaphragm": {"p": 0.5}, "others": False}},
    )

    assert found.t.probabilities == pytest.approx({"T1c": 0.25, "T3": 0.25, "T4": 0.5})


def test_size_with_measurement_error_is_cut_at_the_half_millimeter() -> None:
    found = stage("lung", 9, {**LUNG, "greatest_dimension_mm": {"mean": 30.5, "sd": 1.0}})

    assert found.t.probabilities == pytest.approx({"T1c": 0.5, "T2a": 0.5})


def test_number_between_bounds_leaves_the_intervals_open() -> None:
    found = stage("lung", 9, {**LUNG, "greatest_dimension_mm": {"min": 28, "max": 45}})

    assert found.t.possible == ("T1c", "T2a", "T2b")
    assert found.t.category is None
