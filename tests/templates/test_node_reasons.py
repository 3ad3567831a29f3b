"""Why a model judged a node as it did stands beneath the table of nodes, in the report's language."""

from __future__ import annotations

from typing import Any

from templates.node_notes import node_reasons
from templates.render import translator

REASONS = [
    "for: SUVmax 9.0, 3.6 times the liver's",
    "against: fat in 25 % of its inside",
    "for: station 4R, on its side",
]


def node(**others: Any) -> dict[str, Any]:
    return {"id": "node-1", "p_malignant": 0.7, "short_axis_mm": 9.0, "reasons": REASONS} | others


def test_reasons_are_told_one_line_a_node() -> None:
    assert node_reasons([node()], translator("en")) == [f"node-1: {'; '.join(REASONS)}"]


def test_reasons_are_translated_around_their_numbers() -> None:
    (line,) = node_reasons([node()], translator("de"))
    assert "dafür: SUVmax 9.0, das 3.6-Fache der Leber" in line
    assert "dagegen: Fett in 25 % des Inneren" in line
    assert "Station 4R" in line


def test_a_node_that_nobody_would_suspect_needs_none() -> None:
    assert node_reasons([node(p_malignant=0.05), node(reasons=[])], translator("en")) == []
    assert node_reasons([node(p_malignant=0.05, short_axis_mm=14.0)], translator("en"))
