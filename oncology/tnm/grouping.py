"""Stage groups: T, N and M categories in, groups out, for single cells and for whole masses."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from oncology.errors import FactError
from oncology.tnm.feature import ScalarFeature
from oncology.tnm.mass import Mass, from_parts
from oncology.tnm.reading import Evidence
from oncology.tnm.table import Row, Table, category_order

_PREFIX = re.compile(r"^[cp](?=[TNM])", re.IGNORECASE)
AXES = ("t", "n", "m")
NO_CATEGORY = -1  # in place of a row: T, N or M has no category, so there is no group


@dataclass(frozen=True)
class Cell:
    """The answer for stated T, N and M: the group, or None with what is possible and why."""

    category: str | None
    possible: tuple[str, ...]
    rule: str
    reason: str | None = None


class Grouping:
    """One table of stage groups."""

    def __init__(self, table: Table, rows: Mapping[str, Table]) -> None:
        """`rows`: the T, N and M tables whose rows are to be grouped; may be empty for stated categories."""
        self.table = table
        self._labels = {axis: domain.labels for axis, domain in zip(table.inputs, table.domains, strict=True)}
        self._parts = {
            axis: tuple(self._indices(axis, row.categories) for row in rows[axis].rows) for axis in AXES if axis in rows
        }
        self._rows = {axis: one.rows for axis, one in rows.items()}
        self._cells: dict[tuple[tuple[int, ...], ...], frozenset[int]] = {}

    def _indices(self, axis: str, categories: Sequence[str]) -> tuple[int, ...]:
        labels = self._labels.get(axis)
        return tuple(labels.index(one) for one in categories) if labels else ((0,) if categories else ())

    def rows_of(self, categories: Mapping[str, Sequence[int]], facts: Mapping[str, Sequence[int]]) -> frozenset[int]:
        """The rows that meet any combination of category indices and of the table's own facts."""
        key = tuple(tuple(facts.get(name) or categories[name]) for name in self.table.inputs)
        found = self._cells.get(key)
        if found is None:
            found = self._cells[key] = frozenset(self.table.lookup[one] for one in product(*key))
        return found

    def group(self, joint: Mass, evidence: Evidence) -> Mass:
        """Mass over this table's rows.

        Args:
            joint: over tuples of row places (t, n, m).
            evidence: for tables that read facts (grade).
        """
        parts = []
        for weight, facts in self._fact_choices(evidence):
            parts += [(share * weight, self._all_rows(rows, facts)) for share, rows in joint]
        return from_parts(parts)

    def _all_rows(self, joint: frozenset[tuple[int, ...]], facts: Mapping[str, Sequence[int]]) -> frozenset[int]:
        found: frozenset[int] = frozenset()
        for places in joint:
            rows = {axis: self._rows[axis][place] for axis, place in zip(AXES, places, strict=True)}
            if any(row.impossible for row in rows.values()):
                continue
            cells = {axis: self._parts[axis][place] for axis, place in zip(AXES, places, strict=True)}
            found |= self.rows_of(cells, facts) if all(cells.values()) else frozenset([NO_CATEGORY])
        return found

    def _fact_choices(self, evidence: Evidence) -> list[tuple[float, dict[str, tuple[int, ...]]]]:
        choices: list[tuple[float, dict[str, tuple[int, ...]]]] = [(1.0, {})]
        for name, feature in self.table.features.items():
            assert isinstance(feature, ScalarFeature)
            (focal,) = evidence.steps[feature.fact]
            choices = [
                (share * mass, {**facts, name: tuple(sorted({feature.contribution(one) for one in outcomes}))})
                for share, facts in choices
                for mass, outcomes, _ in focal
            ]
        return choices

    def cell(self, t: str, n: str, m: str) -> Cell:
        """The group of stated categories; facts of the table (grade) stay open.

        Raises:
            FactError: a category that this site and edition does not have.
        """
        stated = {axis: self._stated(axis, text) for axis, text in zip(AXES, (t, n, m), strict=True)}
        facts = {name: range(len(feature.domain)) for name, feature in self.table.features.items()}
        rows = [self.table.rows[place] for place in sorted(self.rows_of(stated, facts))]
        return _cell(rows)

    def _stated(self, axis: str, text: str) -> tuple[int, ...]:
        labels = self._labels.get(axis, ())
        known = {label.upper(): label for label in (*labels, *self.table.bare)}
        word = _PREFIX.sub("", text.strip())
        category = known.get(word.upper())
        expanded = self.table.bare.get(category or "") or ((category,) if category else self._bare(labels, word))
        if not expanded:
            raise FactError(_unknown_category(axis, text, labels))
        return tuple(labels.index(one) for one in expanded)

    @staticmethod
    def _bare(labels: Sequence[str], word: str) -> tuple[str, ...]:
        """T1 stands for T1a, T1b, ...; only a whole category may be cut short."""
        if not re.fullmatch(r"[TNM]\d[a-z]?", word, re.IGNORECASE):
            return ()
        return tuple(one for one in labels if one.upper().startswith(word.upper()))


def merge_cells(cells: Sequence[Cell]) -> Cell:
    """The answer when it is open which of several tables holds."""
    if len({cell.possible for cell in cells}) == 1:
        return cells[0]
    possible = tuple(sorted({one for cell in cells for one in cell.possible}, key=category_order))
    rule = ", ".join(dict.fromkeys(cell.rule for cell in cells))
    return Cell(None, possible, rule, "the subset is not given, and the groups differ by subset")


def _cell(rows: Sequence[Row]) -> Cell:
    rule = ", ".join(row.id for row in rows)
    possible = tuple(sorted({one for row in rows for one in row.categories}, key=category_order))
    reasons = "; ".join(dict.fromkeys(row.undefined for row in rows if row.undefined))
    if len(possible) == 1 and not reasons:
        return Cell(possible[0], possible, rule)
    return Cell(None, possible, rule, reasons or "the categories as stated leave several groups open")


def _unknown_category(axis: str, text: str, labels: Sequence[str]) -> str:
    if text.strip().upper().endswith("MX"):
        return "MX does not exist; without evidence of metastasis write M0"
    named = axis.upper()
    if re.match(r"^(y|r|a)[cp]?[TNM]", text.strip(), re.IGNORECASE):
        return f"{text.strip()[:20]!r}: stages after treatment, of recurrence or autopsy are not covered; state c or p"
    if not text.strip():
        return f"{named} is empty; expected one of {', '.join(labels)}"
    close = difflib.get_close_matches(text.strip().upper(), [label.upper() for label in labels], n=1, cutoff=0.4)
    hint = "".join(f"; did you mean {label!r}?" for label in labels if close and label.upper() == close[0])
    return f"unknown {named} category {text.strip()[:20]!r}; expected one of {', '.join(labels)}{hint}"
