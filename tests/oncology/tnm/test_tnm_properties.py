"""What must hold for every case: bigger is never lower, filling in only narrows, order and side do not matter."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from oncology.errors import FactError
from oncology.tnm.engine import stage_axis
from oncology.tnm.loader import tables
from oncology.tnm.stager import stager
from oncology.tnm.table import category_order
from oncology.tnm.vocabulary import FactSpec, SiteSpec, vocabulary

Facts = dict[str, Any]
SERVED = [
    (site, edition, classification, subset)
    for site, spec in vocabulary().sites.items()
    for edition in tables().editions(site)
    for classification in ("clinical", "pathological")
    for subset in (spec.subsets or (None,))
]
MIRRORED = {"left": "right", "right": "left", "midline": "midline", None: None}


def is_served(site: str, edition: int, classification: str, subset: str | None) -> bool:
    try:
        stager(site, edition, classification, subset)
    except FactError:
        return False
    return True


SERVED = [one for one in SERVED if is_served(*one)]


def value_of(draw: st.DrawFn, spec: FactSpec) -> Any:
    if spec.kind == "bool":
        return draw(st.booleans())
    if spec.kind == "enum":
        return draw(st.sampled_from(spec.values))
    if spec.kind == "set":
        return draw(st.lists(st.sampled_from(spec.values), unique=True, max_size=3))
    if spec.kind == "ene":
        return draw(st.sampled_from([True, False, False]))
    return draw(st.integers(1, 4) if spec.unit == "count" else st.integers(1, 90))


def draw_node(draw: st.DrawFn, spec: SiteSpec) -> Facts:
    station = draw(st.sampled_from(sorted(spec.stations)))
    node = {key: value_of(draw, one) for key, one in spec.node.items()}
    implied = spec.stations[station]
    node["laterality"] = (
        implied if implied in MIRRORED and implied else draw(st.sampled_from(["left", "right", "midline"]))
    )
    return {**node, spec.station_key: station, "positive": draw(st.sampled_from([True, True, False]))}


@st.composite
def cases(draw: st.DrawFn) -> tuple[tuple[str, int, str, str | None], Facts]:
    """A served combination and a case in which everything is known."""
    served = draw(st.sampled_from(SERVED))
    spec = vocabulary().sites[served[0]]
    facts = {
        key: value_of(draw, one) for key, one in spec.facts.items() if key not in ("tumor_side", "regions_not_imaged")
    }
    facts["tumor_side"] = draw(st.sampled_from(["left", "right"]))
    facts["nodes"] = [draw_node(draw, spec) for _ in range(draw(st.integers(0, 4)))]
    facts["mets"] = [
        {key: value_of(draw, one) for key, one in spec.mets.items()} for _ in range(draw(st.sampled_from([0, 0, 1, 2])))
    ]
    return served, facts


def answer(axis: str, served: tuple[str, int, str, str | None], facts: Facts, strict: bool = True) -> Any:
    site, edition, classification, subset = served
    return stage_axis(
        axis, site, edition, facts, classification=classification, subset=subset, strict=strict, explain=False
    )


def all_axes(served: tuple[str, int, str, str | None], facts: Facts, strict: bool = True) -> dict[str, Any]:
    engine = stager(*served)
    evidence = engine.read(facts, strict)
    solved = engine.solve(evidence)
    return {axis: engine.summary(axis, solved, evidence) for axis in engine.axes}


@settings(max_examples=400, deadline=None)
@given(cases(), st.integers(1, 100))
def test_a_larger_tumor_never_lowers_t(case: Any, larger: int) -> None:
    served, facts = case
    assume("greatest_dimension_mm" in facts)
    small = {**facts, "greatest_dimension_mm": min(facts["greatest_dimension_mm"], larger)}
    large = {**facts, "greatest_dimension_mm": max(facts["greatest_dimension_mm"], larger)}

    before, after = answer("t", served, small), answer("t", served, large)

    if before.possible and after.possible:
        assert category_order(after.possible[-1]) >= category_order(before.possible[-1])
        assert category_order(after.possible[0]) >= category_order(before.possible[0])


@settings(max_examples=600, deadline=None)
@given(cases(), st.data())
def test_adding_a_positive_node_never_lowers_n(case: Any, data: st.DataObject) -> None:
    served, facts = case
    added = data.draw(st.composite(draw_node)(vocabulary().sites[served[0]]))
    more = {**facts, "nodes": [*facts["nodes"], {**added, "positive": True}]}

    before, after = answer("n", served, facts), answer("n", served, more)

    assert category_order(after.possible[-1]) >= category_order(before.possible[-1])
    assert category_order(after.possible[0]) >= category_order(before.possible[0])


@settings(max_examples=600, deadline=None)
@given(cases(), st.data(), st.booleans())
def test_filling_in_an_unknown_only_narrows(case: Any, data: st.DataObject, strict: bool) -> None:
    served, facts = case
    for key in data.draw(st.lists(st.sampled_from(list(facts)), unique=True, min_size=1, max_size=3)):
        blurred = {**facts, key: None}
        known, unknown = all_axes(served, facts, strict), all_axes(served, blurred, strict)
        for axis in ("t", "n", "m", "group"):
            assert set(known[axis].possible) <= set(unknown[axis].possible), (axis, key)
        facts = blurred


@settings(max_examples=300, deadline=None)
@given(cases(), st.data())
def test_filling_in_a_field_of_a_node_only_narrows(case: Any, data: st.DataObject) -> None:
    served, facts = case
    assume(facts["nodes"])
    place = data.draw(st.integers(0, len(facts["nodes"]) - 1))
    key = data.draw(st.sampled_from(sorted(facts["nodes"][place])))
    nodes = [{**node, key: None} if i == place else node for i, node in enumerate(facts["nodes"])]

    known, unknown = all_axes(served, facts), all_axes(served, {**facts, "nodes": nodes})

    for axis in ("t", "n", "m", "group"):
        assert set(known[axis].possible) <= set(unknown[axis].possible), (axis, key)


@settings(max_examples=200, deadline=None)
@given(cases(), st.integers(0, 2**32))
def test_order_of_nodes_keys_and_members_does_not_matter(case: Any, seed: int) -> None:
    served, facts = case
    facts = {**facts, "nodes": [{**node, "positive": {"p": 0.3}} for node in facts["nodes"]]}
    shuffled = dict(random.Random(seed).sample(list(facts.items()), len(facts)))
    for key, value in shuffled.items():
        if isinstance(value, list):
            shuffled[key] = random.Random(seed).sample(value, len(value))

    assert all_axes(served, shuffled) == all_axes(served, facts)


def mirror(spec: SiteSpec, facts: Facts) -> Facts:
    """Left becomes right, in the tumor, the nodes, and whatever bears a side in its name."""

    def swapped(word: str) -> str:
        if word in ("left_vocal_cord", "right_vocal_cord"):
            return {"left_vocal_cord": "right_vocal_cord", "right_vocal_cord": "left_vocal_cord"}[word]
        if word.endswith(("_left", "_right")):
            return word[:-5] + "_right" if word.endswith("_left") else word[:-6] + "_left"
        if word[:1].isdigit() and word[-1] in "RL":
            return word[:-1] + ("L" if word[-1] == "R" else "R")
        return word

    def turned(node: Facts) -> Facts:
        return {
            **node,
            "laterality": MIRRORED[node["laterality"]],
            spec.station_key: swapped(node[spec.station_key]),
        }

    sets = {
        key: [swapped(one) for one in facts[key]]
        for key, one in spec.facts.items()
        if one.kind == "set" and key in facts
    }
    sets.pop("invaded_structures", None)
    nodes = [turned(node) for node in facts["nodes"]]
    return {**facts, **sets, "tumor_side": MIRRORED[facts["tumor_side"]], "nodes": nodes}


@settings(max_examples=400, deadline=None)
@given(cases())
def test_mirroring_tumor_and_nodes_changes_nothing(case: Any) -> None:
    served, facts = case
    spec = vocabulary().sites[served[0]]
    one_sided = {"5", "6", "supraclavicular_left"}  # without a partner on the other side
    assume(not any(node[spec.station_key] in one_sided for node in facts["nodes"]))

    before, after = all_axes(served, facts), all_axes(served, mirror(spec, facts))

    assert {axis: one.possible for axis, one in before.items()} == {axis: one.possible for axis, one in after.items()}


@settings(max_examples=200, deadline=None)
@given(cases(), st.data())
def test_probabilities_are_a_distribution_over_what_is_possible(case: Any, data: st.DataObject) -> None:
    served, facts = case
    spec = vocabulary().sites[served[0]]
    for key in data.draw(st.lists(st.sampled_from(sorted(spec.facts)), unique=True, max_size=4)):
        kind = spec.facts[key].kind
        facts = {**facts, key: {"p": 0.3} if kind == "bool" else None}
        if kind == "set":
            facts[key] = {member: {"p": 0.1 + 0.8 / (2 + i)} for i, member in enumerate(spec.facts[key].values)}
    facts["nodes"] = [{**node, "positive": {"p": 0.4}, "ene": {"p": 0.2}} for node in facts["nodes"]]
    facts["mets"] = data.draw(st.sampled_from([facts["mets"], None]))

    for axis, found in all_axes(served, facts).items():
        assert set(found.probabilities) <= set(found.possible), axis
        assert set(found.credible) <= set(found.possible), axis
        assert found.category is None or found.probabilities or found.possible, axis
        assert sum(found.probabilities.values()) <= 1 + 1e-9, axis
        if found.possible and found.reason is None and axis != "group":
            assert sum(found.probabilities.values()) == pytest.approx(1.0), axis


@pytest.mark.parametrize("served", SERVED, ids=str)
def test_every_single_known_answer_is_certain(served: tuple[str, int, str, str | None]) -> None:
    found = all_axes(served, {"nodes": [], "mets": []}, strict=False)

    assert found["m"].probabilities == {"M0": 1.0}
    assert found["n"].probabilities == {"N0": 1.0}
