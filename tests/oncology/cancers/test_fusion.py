"""The rules of fusion are complete: each has an order, a reason and a source, and a person comes first."""

from __future__ import annotations

from oncology.cancers.fusion import REVIEW, RULES, rules_for


def test_every_rule_names_its_order_reason_and_source_and_a_person_comes_first() -> None:
    assert all(rule.order[0] == REVIEW and len(rule.order) > 1 for rule in RULES)
    assert all(rule.why and rule.source for rule in RULES)


def test_rules_of_one_cancer_are_not_shown_for_another() -> None:
    facts = {rule.fact for rule in rules_for("lung")}
    assert "malignancy of a node" in facts
    assert "depth in the esophageal wall" not in facts
