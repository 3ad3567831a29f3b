"""The rules of fusion are complete: each has an order, a reason and a source, and each fact has its rule."""

from __future__ import annotations

from functools import cache

import pytest

from board_cases import board_cases, findings_of, history_of
from oncology.cancers.fusion import REVIEW, RULES, rules_for
from oncology.cancers.protocol import MODULES, cancer
from oncology.errors import ScopeError
from oncology.findings import CaseId, Facts, Findings, History


def test_every_rule_names_its_order_reason_and_source_and_a_person_comes_first() -> None:
    assert all(rule.order[0] == REVIEW and len(rule.order) > 1 for rule in RULES)
    assert all(rule.why and rule.source for rule in RULES)


def test_rules_of_one_cancer_are_not_shown_for_another() -> None:
    facts = {rule.fact for rule in rules_for("lung")}
    assert "malignancy of a node" in facts
    assert "depth in the esophageal wall" not in facts


@cache
def derived(key: str) -> tuple[Facts, ...]:
    """What the cancer's derive gives for its board cases, the refused ones left out, and without a tumor."""
    plugin = cancer(key)
    found = [plugin.derive(Findings(CaseId("c"), key), History())]
    for case in board_cases():
        if case["cancer"] == key:
            try:
                found.append(plugin.derive(findings_of(case), history_of(case)))
            except ScopeError:
                continue
    return tuple(found)


@pytest.mark.parametrize("key", MODULES)
def test_every_fact_that_a_cancer_derives_has_one_rule_that_a_clinician_can_read(key: str) -> None:
    given = {fact.key for facts in derived(key) for fact in (*facts.t, *facts.n, *facts.m)}
    told = [one for rule in rules_for(key) for one in rule.keys]
    assert given - set(told) == set()
    assert len(told) == len(set(told))


@pytest.mark.parametrize("key", MODULES)
def test_every_contradiction_that_a_cancer_shows_stands_in_the_row_of_its_fact(key: str) -> None:
    shown = {conflict.name for facts in derived(key) for conflict in facts.conflicts}
    assert shown - {one for rule in rules_for(key) for one in rule.keys} == set()


@pytest.mark.parametrize(
    ("key", "fact", "source"),
    [("larynx", "invaded_structures", "endoscopy"), ("esophagus", "invaded_structures", "endoscopic ultrasound"),
     ("lung", "invaded_structures", "bronchoscopy"), ("hypopharynx", "vocal_cord_mobility", "endoscopy")],
)  # fmt: skip
def test_who_looks_into_the_lumen_comes_before_contact_on_ct(key: str, fact: str, source: str) -> None:
    (rule,) = (rule for rule in rules_for(key) if fact in rule.keys)
    assert rule.order[1].startswith(source)
