"""A staging table as records: inputs, rows, and the lookup that the loader has proved complete."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from oncology.tnm.derived import Condition, Derived
from oncology.tnm.domain import Domain
from oncology.tnm.feature import Feature

_ROMAN = {"0": 0, "I": 10, "II": 20, "III": 30, "IV": 40}
_GROUP = re.compile(r"^(0|IV|I{1,3})([A-C]?)(\d?)(.*)$")
_BEFORE = {"X": -2, "0": -1, "is": 0}


@dataclass(frozen=True)
class Citation:
    """Where a table's rules stand."""

    work: str
    chapter: str = ""
    table: str = ""

    def __str__(self) -> str:
        return ", ".join(part for part in (self.work, self.chapter, self.table) if part)


@dataclass(frozen=True)
class Row:
    """One row: its condition and its answer.

    `category` is None when the edition has no answer (`undefined` says why) or leaves it open. `impossible`: the facts
    contradict one another, so the row counts only when nothing else is left.
    `categories`: the real categories the row stands for, one for most.
    """

    id: str
    when: Condition
    category: str | None
    categories: tuple[str, ...]
    citation: str
    undefined: str | None = None
    impossible: bool = False
    note: str = ""
    open: tuple[str, ...] = ()


@dataclass(frozen=True)
class Serves:
    """A site, and the subset of it that a table is for. None: every subset."""

    site: str
    subset: str | None


@dataclass(frozen=True, eq=False)
class Table:
    """One table of one edition and axis.

    `inputs`: the inputs (facts or derived) that rows mention, in order; `domains` theirs; `lookup` maps one index per
    input to the place of the one row that matches.
    """

    id: str
    edition: int
    axis: str
    applies: tuple[Serves, ...]
    classifications: tuple[str, ...]
    citation: Citation
    notes: str
    features: Mapping[str, Feature]
    derived: Mapping[str, Derived]
    inputs: tuple[str, ...]
    domains: tuple[Domain, ...]
    rows: tuple[Row, ...]
    lookup: Mapping[tuple[int, ...], int]
    unassessable: str | None = None
    when_unknown: tuple[str, ...] = ()
    bare: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    base_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # input -> the features beneath it

    @property
    def categories(self) -> tuple[str, ...]:
        """Every real category that a row can give, least advanced first."""
        found = {category for row in self.rows for category in row.categories}
        return tuple(sorted(found, key=category_order))


def category_order(category: str) -> tuple[float, str, int, str]:
    """A sort key: less advanced first, for T, N, M and stage groups alike.

    >>> sorted(["IIIA", "IB", "IA2", "0", "IA1", "Occult carcinoma"], key=category_order)
    ['Occult carcinoma', '0', 'IA1', 'IA2', 'IB', 'IIIA']
    >>> sorted(["T2a", "T1mi", "Tis", "T1a", "TX"], key=category_order)
    ['TX', 'Tis', 'T1mi', 'T1a', 'T2a']
    """
    if category[:1] in ("T", "N", "M"):
        return _axis_order(category)
    found = _GROUP.match(category)
    if not found:
        return (-5.0, category, 0, "")
    roman, letter, number, rest = found.groups()
    return (float(_ROMAN[roman]), letter, int(number or 0), rest)


def _axis_order(category: str) -> tuple[float, str, int, str]:
    rest = category[1:]
    if rest in _BEFORE:
        return (float(_BEFORE[rest]), "", 0, "")
    digits = rest[:1]
    letters = rest[1:2] if rest[1:] != "mi" else ""
    number = rest[2:] if rest[2:].isdigit() else "0"
    return (float(digits) if digits.isdigit() else -5.0, letters, int(number), "" if rest[1:] != "mi" else "mi")
