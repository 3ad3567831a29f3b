"""What the engine answers: one record per axis, with the reason for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One fact on its way to a category: the fact, its value, the table input it became, the row, and the citation."""

    fact: str
    value: Any
    feature: str
    row: str
    citation: str


@dataclass(frozen=True, slots=True)
class AxisAnswer:
    """T, N, M or the stage group.

    `category`: one category; TX or NX where the edition says so; None when it stays open or the edition has no answer
    (`reason` says why). `possible`: the real categories that the facts leave, least advanced first.
    `probabilities`: per possible category; what has no category by the edition is missing from their sum. `credible`:
    the smallest set with at least 0.97. `rule`: the id of the row, or of all rows still possible. `open`: facts that
    would decide.
    """

    category: str | None
    possible: tuple[str, ...]
    probabilities: Mapping[str, float]
    credible: tuple[str, ...]
    rule: str | None
    trace: tuple[TraceStep, ...] = ()
    open: tuple[str, ...] = ()
    edition: str = ""
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Staging:
    """The stage of one case by one edition."""

    site: str
    edition: str
    classification: str
    subset: str | None
    t: AxisAnswer
    n: AxisAnswer
    m: AxisAnswer
    stage_group: AxisAnswer
    tables_version: str


@dataclass(frozen=True, slots=True)
class Change:
    """A single finding that would change the answer: what it is, what it would have to be, and the new answer.

    `then` holds t, n, m and stage_group; an open answer is written with its possible categories.
    """

    finding: str
    condition: str
    then: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """With the key `if`, which Python reserves."""
        return {"finding": self.finding, "if": self.condition, "then": dict(self.then)}
