"""Single findings of a case: where each stands in the facts, and what else it could be."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from oncology.findings import Status
from oncology.tnm.feature import TUMOR_SIDES
from oncology.tnm.reading import effective_value
from oncology.tnm.table import Table
from oncology.tnm.trace import label
from oncology.tnm.vocabulary import MET_GATE, NODE_GATE, FactSpec, SiteSpec

Facts = Mapping[str, Any]
_INVOLVED = {True: "involved", False: "not involved"}


@dataclass(frozen=True)
class Option:
    """One thing a finding could be: in words, and the facts with it.

    The words are `lead text tail`; options that differ in `text` only can be told in one sentence. `span`: the interval
    that a number would lie in, above its first and up to and with its second bound.
    """

    text: str
    facts: Facts
    lead: str = ""
    tail: str = ""
    span: tuple[float, float] | None = None


@dataclass(frozen=True)
class Slot:
    """One finding: its name, how well it is known, and what else it could be."""

    name: str
    status: Status
    options: tuple[Option, ...]
    alike: str = ""  # equal for the same field of equal nodes or metastases: they decide alike


class Findings:
    """Walks through the facts of a case, limited to what the tables read."""

    def __init__(self, site: SiteSpec, tables: Sequence[Table], strict: bool) -> None:
        """`strict`: how absent facts are read."""
        self._site = site
        self._strict = strict
        features = [feature for table in tables for feature in table.features.values()]
        self._read = {fact for feature in features for fact in feature.facts}
        self._bounds = {
            fact: sorted({bound for one in features if fact in one.facts for bound in one.domain.bounds})
            for fact in self._read
        }

    def slots(self, facts: Facts) -> Iterator[Slot]:
        """Every finding, in the order of the vocabulary."""
        for key, spec in self._site.facts.items():
            if key in self._read:
                value = effective_value(spec, facts, self._strict)
                yield from (
                    self._set_slots(spec, facts, value) if spec.kind == "set" else self._scalar(spec, facts, value)
                )
        for name in ("nodes", "mets"):
            if name in self._read:
                yield from self._list_slots(name, facts)

    def _scalar(self, spec: FactSpec, facts: Facts, value: Any) -> Iterator[Slot]:
        options = tuple(
            Option(text, {**facts, spec.key: new}, span=span)
            for text, new, span in alternatives(spec, value, self._bounds.get(spec.key, []))
        )
        if options:
            open_value = isinstance(value, str) and value in spec.stands_for
            yield Slot(spec.key, Status.UNKNOWN if open_value else status_of(value), options)

    def _set_slots(self, spec: FactSpec, facts: Facts, value: Any) -> Iterator[Slot]:
        if value is None:
            whole = [Option("none", {**facts, spec.key: []})]
            whole += [Option(plain(member), {**facts, spec.key: [member]}, lead="only") for member in spec.values]
            yield Slot(spec.key, Status.UNKNOWN, tuple(whole))
            return
        if not isinstance(value, Mapping):
            yield from self._known_set(spec, facts, [str(member) for member in value])
            return
        others = value.get("others", None if self._strict else False)
        for member in spec.values:
            current = value.get(member, others)
            options = tuple(
                Option(plain(member), {**facts, spec.key: {**value, member: new}}, tail=_INVOLVED[new])
                for new in (True, False)
                if new is not current
            )
            yield Slot(f"{spec.key}.{member}", status_of(current), options)

    def _known_set(self, spec: FactSpec, facts: Facts, members: list[str]) -> Iterator[Slot]:
        for member in spec.values:
            new = [one for one in members if one != member] if member in members else [*members, member]
            tail = _INVOLVED[member not in members]
            yield Slot(
                f"{spec.key}.{member}", Status.KNOWN, (Option(plain(member), {**facts, spec.key: new}, tail=tail),)
            )

    def _list_slots(self, name: str, facts: Facts) -> Iterator[Slot]:
        raw = facts.get(name, None if self._strict else ())
        entries = list(raw or ())
        for place, entry in enumerate(entries):
            yield from self._entry_slots(name, facts, entries, place, entry)
        lead = "a further positive node in" if name == "nodes" else "a further metastasis:"
        added = tuple(
            Option(text, {**facts, name: [*entries, new]}, lead=lead)
            for text, new in (self._new_nodes() if name == "nodes" else self._new_mets())
        )
        if raw is None:
            added = (Option("none", {**facts, name: []}), *added)
        yield Slot(name, Status.UNKNOWN if raw is None else Status.KNOWN, added)

    def _entry_slots(
        self, name: str, facts: Facts, entries: list[Any], place: int, entry: Mapping[str, Any]
    ) -> Iterator[Slot]:
        specs = self._site.node if name == "nodes" else self._site.mets
        where = f"{name}[{place}]"
        for key, spec in specs.items():
            value = entry.get(key, spec.strict if self._strict else spec.closed)
            gate = key in (NODE_GATE, MET_GATE)
            if status_of(value) is Status.KNOWN and not (gate or key in ("ene", "greatest_dimension_mm")):
                continue
            lead = label(self._site, entry, place) + (" is" if gate else f": {plain(key)}")
            options = tuple(
                Option(
                    ("benign", "malignant")[new] if gate else text,
                    {**facts, name: [*entries[:place], {**entry, key: new}, *entries[place + 1 :]]},
                    lead,
                    span=span,
                )
                for text, new, span in alternatives(spec, value, self._bounds.get(name, []))
            )
            if options:
                yield Slot(f"{where}.{key}", status_of(value), options, _alike(name, key, entry))
        if name == "nodes":
            yield from self._station_slot(facts, entries, place, entry, where)

    def _station_slot(
        self, facts: Facts, entries: list[Any], place: int, entry: Mapping[str, Any], where: str
    ) -> Iterator[Slot]:
        key = self._site.station_key
        value = entry.get(key, self._site.station_absent)
        if isinstance(value, str | int):
            return
        given = value.get("p", value.get("one_of", ())) if isinstance(value, Mapping) else self._site.stations
        options = tuple(
            Option(
                station,
                {**facts, "nodes": [*entries[:place], {**entry, key: station}, *entries[place + 1 :]]},
                f"{label(self._site, entry, place)}: {key}",
            )
            for station in given
        )
        yield Slot(f"{where}.{key}", status_of(value), options, _alike("nodes", key, entry))

    def _new_nodes(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """One small positive node per station, on either side where the station does not tell."""
        for station, side in self._site.stations.items():
            if station in self._site.unspecified or station == self._site.station_absent:
                continue
            for laterality in (None,) if side else TUMOR_SIDES[:2]:
                node: dict[str, Any] = {NODE_GATE: True, "count": 1, "greatest_dimension_mm": 10, "ene": False}
                node[self._site.station_key] = station
                if laterality:
                    node["laterality"] = laterality
                yield f"{plain(station)} {laterality}" if laterality else plain(station), node

    def _new_mets(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for site in self._site.mets["site"].values:
            yield plain(site), {"site": site, "count": 1, MET_GATE: True}


def _alike(name: str, key: str, entry: Mapping[str, Any]) -> str:
    rest = sorted((field, repr(value)) for field, value in entry.items() if field != "id")
    return f"{name}.{key}: {rest}"


def status_of(value: Any) -> Status:
    """Known, doubtful (carries probabilities or a range) or unknown."""
    if value is None:
        return Status.UNKNOWN
    return Status.DOUBTFUL if isinstance(value, Mapping) else Status.KNOWN


def plain(word: str) -> str:
    """A word of the vocabulary for people."""
    return word.replace("_", " ")


def alternatives(
    spec: FactSpec, value: Any, bounds: Sequence[float]
) -> Iterator[tuple[str, Any, tuple[float, float] | None]]:
    """What a scalar could be instead: in words, as a value, and the interval of a number.

    For a known number the neighboring intervals only.
    """
    if spec.kind == "bool":
        options: list[tuple[str, Any]] = [("yes", True), ("no", False)]
    elif spec.kind == "enum":
        options = [(plain(one), one) for one in spec.values if one not in spec.stands_for]
    elif spec.kind == "ene":
        options = [("present", True), ("absent", False)]
    elif spec.unit == "count":
        options = [("1", 1), ("2", 2), ("4 or more", 4)] if not isinstance(value, int) else []
    else:
        yield from _numbers(value, bounds)
        return
    for text, new in options:
        if new != value or isinstance(new, bool) != isinstance(value, bool):
            yield text, new, None


def _numbers(value: Any, bounds: Sequence[float]) -> Iterator[tuple[str, Any, tuple[float, float]]]:
    if not bounds:
        return
    edges = [-math.inf, *bounds, math.inf]
    spans = list(pairwise(edges))
    if isinstance(value, int | float):
        place = bisect_left(bounds, value)
        spans = [spans[near] for near in (place - 1, place + 1) if 0 <= near < len(spans)]
    for low, high in spans:
        yield interval_text(low, high), (high if math.isfinite(high) else low + 1), (low, high)


def interval_text(low: float, high: float) -> str:
    """Millimeters above `low` up to and with `high`."""
    parts = [f"> {low:g}"] if math.isfinite(low) else []
    parts += [f"<= {high:g}"] if math.isfinite(high) else []
    return f"{', '.join(parts)} mm" if parts else "any size"
