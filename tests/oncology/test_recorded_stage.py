"""A stage that the record holds is held against the one found: a difference is shown, and never staged by."""

from __future__ import annotations

from typing import Any

import pytest

from oncology.findings import CaseId, Findings, History, RecordFact
from oncology.staging import stage_case
from templates.language import language
from trunk_cases import tumor


def recorded(axis: str, value: str, edition: str | None = "8", classification: str | None = "clinical") -> RecordFact:
    told = {"axis": axis, "value": value, "method": edition, "classification": classification}
    return RecordFact("recorded_stage", told, "Observation/stage", "valueCodeableConcept", "2026-05-01")


def staged(*facts: RecordFact) -> dict[str, Any]:
    """A solid lung tumor of 35 mm, no nodes, nothing distant: T2a N0 M0."""
    findings = Findings(
        CaseId("0123456789abcdef"),
        "lung",
        tumors=(tumor(35.0, solid_component_mm=35.0),),
        nodes_assessed=True,
        regions_imaged=("brain", "neck", "thorax", "abdomen"),
    )
    found: dict[str, Any] = stage_case(findings, History(facts), ("8",), imaging_date="2026-05-04")
    return found


@pytest.mark.parametrize(
    ("axis", "value", "shown"),
    [("M", "M1b", "M0"), ("N", "N2", "N0"), ("T", "T3", "T2a"), ("group", "IIIA", "IB"), ("group", "II", "IB")],
)
def test_a_recorded_stage_that_differs_is_shown_and_changes_nothing(axis: str, value: str, shown: str) -> None:
    with_it, without = staged(recorded(axis, value)), staged()
    (conflict,) = with_it["conflicts"]
    assert f"the record says {value}, the findings here give {shown}" in conflict["message"]
    assert with_it["editions"] == without["editions"]
    translate = language("de")
    assert translate(conflict["message"]).startswith("Stadium: die Akte sagt")
    assert translate.unknown == set()


@pytest.mark.parametrize(
    ("axis", "value", "edition", "classification"),
    [
        ("T", "T2", "8", "clinical"),
        ("T", "T2a", None, None),
        ("group", "I", None, None),
        ("M", "MX", "8", "clinical"),
        ("T", "T4", "7", "clinical"),
        ("N", "N2", "8", "pathological"),
    ],
)
def test_the_same_stage_told_coarsely_or_of_another_kind_is_no_contradiction(
    axis: str, value: str, edition: str | None, classification: str | None
) -> None:
    assert staged(recorded(axis, value, edition, classification))["conflicts"] == []


def test_only_the_newest_statement_of_an_axis_counts() -> None:
    assert staged(recorded("N", "N0"), recorded("N", "N2"))["conflicts"] == []
