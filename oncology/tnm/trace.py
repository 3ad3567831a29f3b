"""The way from facts to a row, for people: which facts, what the table made of them, which row, which citation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from oncology.tnm.answer import TraceStep
from oncology.tnm.derived import Derived, holds
from oncology.tnm.domain import BOOL, Domain
from oncology.tnm.evidence_compiler import KEPT
from oncology.tnm.feature import TUMOR_SIDES, Feature, FoldFeature, ItemValues, SetFeature
from oncology.tnm.reading import Evidence, Item, effective_value
from oncology.tnm.system import Solved
from oncology.tnm.table import Row, Table
from oncology.tnm.vocabulary import SiteSpec


class Tracer:
    """Writes traces for one table; the part that depends on table inputs only is kept."""

    def __init__(self, site: SiteSpec, table: Table) -> None:
        """`table`: T, N or M."""
        self._site = site
        self._table = table
        self._kept: dict[tuple[int, Solved], tuple[tuple[Feature, str], ...]] = {}
        self._counts: dict[tuple[str, str, Item, str], bool] = {}
        self._citations = tuple("; ".join(filter(None, (str(table.citation), row.citation))) for row in table.rows)

    def trace(
        self,
        place: int,
        solved: Solved,
        facts: Mapping[str, Any],
        evidence: Evidence,
        strict: bool,
    ) -> tuple[TraceStep, ...]:
        """The steps that lead to one row: stated facts; when none of them is stated, what their absence was read as.

        Args:
            place: the row's place in the table.
            solved: what is certain of the table's inputs.
            facts: as given.
            evidence: as read.
            strict: how absent facts were read.
        """
        lines = self._kept.get((place, solved))
        if lines is None:
            if len(self._kept) > KEPT:
                self._kept.clear()
            lines = self._kept[place, solved] = tuple(self._lines(self._table.rows[place], solved.values))
        row, citation = self._table.rows[place].id, self._citations[place]
        stated = [
            TraceStep(fact, value, text, row, citation)
            for feature, text in lines
            for fact, value in self._values(feature, facts, evidence)
        ]
        return tuple(stated) or tuple(
            TraceStep(fact, self._absent(fact, facts, strict), text, row, citation)
            for feature, text in lines
            for fact in feature.facts
        )

    def _absent(self, fact: str, facts: Mapping[str, Any], strict: bool) -> Any:
        """What a fact that is not stated was read as."""
        if fact in ("nodes", "mets"):
            return None if strict else []
        return effective_value(self._site.facts[fact], facts, strict)

    def _lines(self, row: Row, values: Mapping[tuple[str, str], int]) -> Iterator[tuple[Feature, str]]:
        axis = self._table.axis
        mine = {name: index for (of, name), index in values.items() if of == axis}
        names = dict.fromkeys(base for name, _ in row.when for base in self._relevant(name, mine))
        for name in names:
            feature = self._table.features[name]
            yield feature, f"{name}: {_text(feature.domain, mine[name])}" if name in mine else f"{name}: open"

    def _relevant(self, name: str, values: Mapping[str, int]) -> tuple[str, ...]:
        """The inputs beneath a derived one that made it what it is."""
        derived = self._table.derived.get(name)
        if derived is None:
            return (name,)
        if any(used not in values for used in derived.uses):
            return self._table.base_of[name]
        return tuple(base for used in _decisive(derived, values) for base in self._relevant(used, values))

    def _values(self, feature: Feature, facts: Mapping[str, Any], evidence: Evidence) -> Iterator[tuple[str, Any]]:
        """The stated facts of one input; of sets and lists only what counts for it."""
        if isinstance(feature, FoldFeature):
            yield from self._folded(feature, facts, evidence)
            return
        (fact,) = feature.facts
        if fact not in facts:
            return
        value = facts[fact]
        if isinstance(feature, SetFeature) and isinstance(value, list | tuple):
            value = [member for member in value if feature.weight.get(member)]
        yield fact, value

    def _folded(self, feature: FoldFeature, facts: Mapping[str, Any], evidence: Evidence) -> Iterator[tuple[str, Any]]:
        side = facts.get("tumor_side")
        if feature.needs_side and side is not None:
            yield "tumor_side", side
        for name in feature.facts:
            if name in ("nodes", "mets") and name in facts:
                items = evidence.nodes if name == "nodes" else evidence.mets
                yield name, None if items is None else self._counted(feature, name, facts[name], items, side)

    def _counted(
        self, feature: FoldFeature, name: str, raw: Sequence[Any], items: Sequence[Item], side: Any
    ) -> list[str]:
        """The entries of a list that may count for an input."""
        counted = []
        for place, item in enumerate(items):
            key = (feature.name, name, item, str(side))
            counts = self._counts.get(key)
            if counts is None:
                if len(self._counts) > KEPT:
                    self._counts.clear()
                counts = self._counts[key] = _may_count(self._site, feature, name, item, side)
            if counts:
                counted.append(label(self._site, raw[place], place))
        return counted


def _decisive(derived: Derived, values: Mapping[str, int]) -> tuple[str, ...]:
    if derived.chosen:
        return (derived.uses[0], derived.chosen[values[derived.uses[0]]])
    for line in derived.lines:
        for condition in line.conditions:
            if holds(condition, values):
                return tuple(dict.fromkeys(name for name, _ in condition))
    return derived.uses


def _text(domain: Domain, index: int) -> str:
    if domain == BOOL:
        return "yes" if index else "no"
    return domain.labels[index]


def label(site: SiteSpec, entry: Mapping[str, Any], place: int) -> str:
    """How a node or metastasis is named in traces: its id or place, and where it lies."""
    where = entry.get(site.station_key) or entry.get("site")
    name = str(entry.get("id") or f"#{place}")
    return f"{name} {where}" if isinstance(where, str | int) else name


def _may_count(site: SiteSpec, feature: FoldFeature, name: str, item: Item, side: Any) -> bool:
    """Whether some reading of the item meets the filter; for certain items that is whether it counts."""
    if not any(True in gates for _, gates, _ in item.gate):
        return False
    sides = (side,) if side in TUMOR_SIDES else TUMOR_SIDES
    return any(
        feature.matching(name, values, tumor_side) is not None
        for values in _readings(site, name, item)
        for tumor_side in sides
    )


def _readings(site: SiteSpec, name: str, item: Item) -> Iterator[ItemValues]:
    """Readings by station, side and ENE; size and flags as first given."""
    flags = tuple((flag, focal[0][1][0]) for flag, focal in item.flags)
    size = item.size[0][1][0]
    for _, stations, _ in item.station:
        for station in stations:
            implied = site.stations.get(station) if name == "nodes" else None
            for lateral in [implied] if implied else [one for _, outcomes, _ in item.side for one in outcomes]:
                for _, ene, _ in item.ene:
                    number = size if isinstance(size, float | int) else None
                    yield ItemValues(station, lateral, number, 1, ene[-1], flags)
