"""The tables of one site, edition, classification and subset at work: evidence in, summaries and traces out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from oncology.errors import FactError
from oncology.tnm.answer import AxisAnswer
from oncology.tnm.evidence_compiler import KEPT
from oncology.tnm.grouping import AXES, Grouping
from oncology.tnm.loader import tables
from oncology.tnm.mass import Mass, possible, project, union_of
from oncology.tnm.reading import Evidence, read_facts
from oncology.tnm.summary import Summary, summarize
from oncology.tnm.system import Solved, System
from oncology.tnm.table import Table, category_order
from oncology.tnm.trace import Tracer
from oncology.tnm.vocabulary import SiteSpec, vocabulary

ALL_AXES = (*AXES, "group")


def parse_edition(edition: object) -> int:
    """8 from 8, "8" or "tnm8".

    Raises:
        FactError: no such edition.
    """
    text = str(edition).strip().lower().removeprefix("tnm")
    if isinstance(edition, bool) or text not in ("8", "9"):
        raise FactError(f"unknown edition {edition!r}; expected 8 or 9")
    return int(text)


@dataclass(frozen=True)
class _Choice:
    """The tables for one subset."""

    subset: str | None
    system: System
    grouping: Grouping | None


class Stager:
    """The engine for one site, edition, classification and subset; several subsets when it is not given."""

    def __init__(
        self, site: SiteSpec, edition: int, classification: str, subset: str | None, axes: tuple[str, ...]
    ) -> None:
        """`axes`: any of t, n, m and group; the group needs the other three.

        Raises:
            FactError: there are no such tables.
        """
        self.site = site
        self.edition = edition
        self.axes = axes
        self.tables: dict[str, tuple[Table, ...]] = dict.fromkeys(axes, ())
        self._choices = [
            self._choice(one, chosen) for one, chosen in _table_choices(site, edition, classification, subset, axes)
        ]
        self._group_reads_facts = any(table.features for table in self.tables.get("group", ()))
        self._kept: dict[tuple[str, tuple[Solved, ...]], Summary] = {}
        self._tracers = {id(t): Tracer(site, t) for axis in axes if axis != "group" for t in self.tables[axis]}

    def _choice(self, subset: str | None, chosen: Mapping[str, Table]) -> _Choice:
        for axis, table in chosen.items():
            if table not in self.tables[axis]:
                self.tables[axis] = (*self.tables[axis], table)
        rows = {axis: table for axis, table in chosen.items() if axis != "group"}
        grouping = Grouping(chosen["group"], rows) if "group" in chosen else None
        return _Choice(subset, System(self.site, rows), grouping)

    def read(self, facts: Mapping[str, Any], strict: bool) -> Evidence:
        """Checks and reads facts.

        Raises:
            FactError: with everything that is wrong.
        """
        return read_facts(self.site, facts, strict)

    def solve(self, evidence: Evidence) -> list[Solved]:
        """The exact answer for every subset that is possible."""
        return [choice.system.solve(evidence) for choice in self._choices]

    def summary(self, axis: str, solved: Sequence[Solved], evidence: Evidence) -> Summary:
        """The answer for one axis, before facts and traces."""
        key = (axis, tuple(solved))
        found = self._kept.get(key)
        if found is None:
            found = self._summarized(axis, solved, evidence)
            if axis in ("m", "group") and any(one.wide for one in solved):
                wide = self._summarized(axis, solved, evidence, wide=True).possible
                found = replace(found, possible=tuple(sorted({*found.possible, *wide}, key=category_order)))
            if axis != "group" or not self._group_reads_facts:
                self._keep(key, found)
        return found

    def _summarized(self, axis: str, solved: Sequence[Solved], evidence: Evidence, wide: bool = False) -> Summary:
        masses = [self._mass(axis, *pair, evidence, wide) for pair in zip(self._choices, solved, strict=True)]
        return summarize(self.tables[axis], masses[0] if len(set(masses)) == 1 else union_of(masses))

    def _keep(self, key: tuple[str, tuple[Solved, ...]], found: Summary) -> None:
        if len(self._kept) > KEPT:
            self._kept.clear()
        self._kept[key] = found

    def by_subset(self, axis: str, solved: Sequence[Solved], evidence: Evidence) -> dict[str | None, Summary]:
        """The answer for one axis under each subset that is possible."""
        return {
            choice.subset: summarize(self.tables[axis], self._mass(axis, choice, one, evidence))
            for choice, one in zip(self._choices, solved, strict=True)
        }

    def _mass(self, axis: str, choice: _Choice, solved: Solved, evidence: Evidence, wide: bool = False) -> Mass:
        """Mass over row references; the place of a table tells subsets apart.

        `wide`: for what is possible; unknown facts may speak for M1.
        """
        m_rows = possible(solved.wide.mass("m")) if wide and solved.wide else frozenset()
        if axis != "group":
            place = self.tables[axis].index(choice.system.tables[axis])
            mass = solved.wide.mass(axis) if m_rows and solved.wide else solved.mass(axis)
            return project(mass, lambda row: (place, row))
        assert choice.grouping is not None
        place = self.tables["group"].index(choice.grouping.table)
        joint = tuple(
            (share, rows | {(t, n, m) for t, n, _ in rows for m in m_rows}) for share, rows in solved.joint(AXES)
        )
        return project(choice.grouping.group(joint, evidence), lambda row: (place, row))

    def answer(
        self, axis: str, summary: Summary, solved: Sequence[Solved], evidence: Evidence, **how: Any
    ) -> AxisAnswer:
        """The answer for one axis with its trace; `how` holds facts and strict."""
        category = summary.category or self._unassessable(axis, summary, evidence)
        trace = tuple(
            step
            for table_place, row in summary.rows
            for step in self._trace(axis, table_place, row, solved, evidence, **how)
        )
        return AxisAnswer(
            category=category,
            possible=summary.possible,
            probabilities=summary.probabilities,
            credible=summary.credible,
            rule=summary.rule,
            trace=trace,
            edition=str(self.edition),
            reason=summary.reason,
        )

    def _trace(
        self,
        axis: str,
        table_place: int,
        row: int,
        solved: Sequence[Solved],
        evidence: Evidence,
        facts: Mapping[str, Any],
        strict: bool,
    ) -> Iterable[Any]:
        table = self.tables[axis][table_place]
        if axis == "group" or row < 0:
            return ()
        for choice, one in zip(self._choices, solved, strict=True):
            if choice.system.tables[axis] is table:
                return self._tracers[id(table)].trace(row, one, facts, evidence, strict)
        return ()

    def _unassessable(self, axis: str, summary: Summary, evidence: Evidence) -> str | None:
        """TX or NX, when everything that the edition asks for is unknown."""
        if len(summary.possible) < 2:
            return None
        named = {table.unassessable for table in self.tables[axis] if set(table.when_unknown) <= evidence.unknown}
        return named.pop() if len(named) == 1 else None


def _table_choices(
    site: SiteSpec, edition: int, classification: str, subset: str | None, axes: tuple[str, ...]
) -> list[tuple[str | None, dict[str, Table]]]:
    """The tables per axis: one choice, or one per subset when the subset leaves some axis open."""
    found = {axis: tables().find(site, edition, classification, axis, subset) for axis in axes}
    if all(len(of_axis) == 1 for of_axis in found.values()):
        return [(subset, {axis: of_axis[0] for axis, of_axis in found.items()})]
    choices: list[tuple[str | None, dict[str, Table]]] = []
    for one in site.subsets:
        try:
            by_subset = {axis: tables().find(site, edition, classification, axis, one) for axis in axes}
        except FactError:
            continue
        choice = {axis: of_axis[0] for axis, of_axis in by_subset.items()}
        fits = all(len(of_axis) == 1 and choice[axis] in found[axis] for axis, of_axis in by_subset.items())
        if fits and all(choice != earlier for _, earlier in choices):
            choices.append((one, choice))
    return choices


@cache
def stager(
    site: str, edition: int, classification: str, subset: str | None, axes: tuple[str, ...] = ALL_AXES
) -> Stager:
    """The engine for these tables, compiled once.

    Raises:
        FactError: no such site, edition, classification or subset.
    """
    return Stager(vocabulary().site(site), edition, classification, subset, axes)
