"""Cases of which little is known, filled in fact by fact: each answer lies within the one before."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from oncology.tnm.stager import stager
from oncology.tnm.vocabulary import FactSpec, vocabulary

Facts = dict[str, Any]
CASES = 60
GIVEN = ("tumor_side", "regions_not_imaged")


def some_value(die: random.Random, spec: FactSpec) -> Any:
    if spec.kind == "bool":
        return die.random() < 0.5
    if spec.kind == "enum":
        return die.choice(spec.values)
    if spec.kind == "set":
        return die.sample(list(spec.values), die.randrange(3))
    return die.randint(1, 4) if spec.unit == "count" else die.randint(1, 90)


def ever_more_known(die: random.Random) -> Iterator[Facts]:
    """A lung case of which a third is known and a third said to be unknown, then one of these filled in at a time."""
    specs = {key: spec for key, spec in vocabulary().sites["lung"].facts.items() if key not in GIVEN}
    kinds = {key: die.choice(("known", "unknown", "absent")) for key in specs}
    facts: Facts = {"tumor_side": "left", "nodes": [], "mets": []}
    for key, kind in kinds.items():
        if kind != "absent":
            facts[key] = some_value(die, specs[key]) if kind == "known" else None
    yield facts
    for key in [key for key, kind in kinds.items() if kind == "unknown"]:
        facts = {**facts, key: some_value(die, specs[key])}
        yield facts


@pytest.mark.parametrize("strict", [False, True], ids=["closed world", "strict"])
@pytest.mark.parametrize("classification", ["clinical", "pathological"])
@pytest.mark.parametrize("edition", [8, 9])
def test_filling_in_only_narrows_t_and_group_of_lung(edition: int, classification: str, strict: bool) -> None:
    die, engine = random.Random(f"{edition} {classification} {strict}"), stager("lung", edition, classification, None)
    for _ in range(CASES):
        before: dict[str, set[str]] = {}
        for facts in ever_more_known(die):
            evidence = engine.read(facts, strict)
            solved = engine.solve(evidence)
            after = {axis: set(engine.summary(axis, solved, evidence).possible) for axis in ("t", "group")}
            assert all(after[axis] <= before.get(axis, after[axis]) for axis in after), facts
            before = after
