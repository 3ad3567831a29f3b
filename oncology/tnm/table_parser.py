"""From one table file to a `Table`: every fault is collected, none stops the search for others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Any

from oncology.errors import FactError
from oncology.tnm.derived import Condition, Derived, parse_condition, parse_derived
from oncology.tnm.domain import Domain, Fault, label_domain
from oncology.tnm.feature import Feature, FoldFeature, SetFeature
from oncology.tnm.feature_parser import parse_feature
from oncology.tnm.table import Citation, Row, Serves, Table, category_order
from oncology.tnm.vocabulary import AXES, CLASSIFICATIONS, SiteSpec, Vocabulary, expected

LARGEST_PRODUCT = 500_000
_KEYS = {
    "id", "edition", "site", "subset", "applies", "axis", "classification", "source", "notes", "inputs", "derived",
    "unused", "unassessable", "bare", "rows",
}  # fmt: skip
_ANSWERS = ("then", "undefined", "either", "impossible")
_ROW_KEYS = {"id", "when", "open", "note", "cite", *_ANSWERS}
_CATEGORY = {
    "t": re.compile(r"^T(X|is|0|[1-4](mi|[a-d])?)$"),
    "n": re.compile(r"^N(X|[0-3][a-c]?)$"),
    "m": re.compile(r"^M(0|1[a-d]?[1-2]?)$"),
    "group": re.compile(r"^(0|Occult carcinoma|(I{1,3}|IV)[A-C]?[1-3]?)$"),
}
Categories = Callable[[Serves, str], Sequence[str]]


@dataclass
class Draft:
    """A table on its way, with the faults found so far."""

    name: str
    raw: Mapping[str, Any]
    faults: list[str] = field(default_factory=list)
    axis: str = ""
    edition: int = 0
    applies: tuple[Serves, ...] = ()
    sites: tuple[SiteSpec, ...] = ()
    classifications: tuple[str, ...] = ()
    features: dict[str, Feature] = field(default_factory=dict)
    derived: dict[str, Derived] = field(default_factory=dict)
    domains: dict[str, Domain] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)  # inputs with faults; rows that mention them are not judged

    @property
    def categories(self) -> tuple[str, ...]:
        """Every real category of the rows read so far."""
        return tuple({category for row in self.rows for category in row.categories})

    def note(self, where: str, problem: object) -> None:
        """Keeps a fault."""
        self.faults.append(f"{self.name} {where}: {problem}" if where else f"{self.name}: {problem}")


def read_head(name: str, folder: str, raw: Any, vocabulary: Vocabulary) -> Draft:
    """What a table is for; its inputs and rows come later."""
    draft = Draft(name, raw if isinstance(raw, dict) else {})
    if not isinstance(raw, dict):
        draft.note("", "expected a mapping at the top")
        return draft
    for key in sorted(set(map(str, raw)) - _KEYS):
        draft.note("", f"unknown key {key!r}; {expected(key, sorted(_KEYS))}")
    for key in sorted({"id", "edition", "axis", "classification", "source", "inputs", "rows"} - set(raw)):
        draft.note("", f"{key} is missing")
    if f"{raw.get('id')}.yaml" != name.rsplit("/", 1)[-1]:
        draft.note("", f"id is {raw.get('id')!r}; expected the file's name")
    if raw.get("edition") != folder:
        draft.note("", f"edition is {raw.get('edition')!r}; expected {folder!r}, the folder")
    draft.edition = int(folder.removeprefix("tnm"))
    if raw.get("axis") in AXES:
        draft.axis = str(raw["axis"])
    else:
        draft.note("", f"axis is {raw.get('axis')!r}; expected one of {', '.join(AXES)}")
    draft.classifications = _classifications(draft)
    draft.applies = _applies(draft, vocabulary)
    draft.sites = tuple(vocabulary.sites[key] for key in dict.fromkeys(one.site for one in draft.applies))
    return draft


def _classifications(draft: Draft) -> tuple[str, ...]:
    raw = draft.raw.get("classification", [])
    listed = tuple(raw) if isinstance(raw, list) else (raw,)
    for one in listed:
        if one not in CLASSIFICATIONS:
            draft.note("", f"classification {one!r}; expected {' or '.join(CLASSIFICATIONS)}")
    return listed


def _applies(draft: Draft, vocabulary: Vocabulary) -> tuple[Serves, ...]:
    raw = draft.raw
    if ("applies" in raw) == ("site" in raw):
        draft.note("", "expected either site or applies")
        return ()
    entries = raw["applies"] if "applies" in raw else [{key: raw[key] for key in ("site", "subset") if key in raw}]
    made = []
    for entry in entries if isinstance(entries, list) else []:
        try:
            site = vocabulary.site(entry.get("site"))
        except FactError as problem:
            draft.note("", problem)
            continue
        subset = entry.get("subset")
        if subset is not None and subset not in site.subsets:
            draft.note("", f"subset {subset!r}; {expected(subset, site.subsets)}")
        made.append(Serves(site.key, subset))
    return tuple(made)


def read_body(draft: Draft, categories_of: Categories) -> Table | None:
    """Inputs, derived inputs and rows, and the proof that the rows are exclusive and gapless.

    Args:
        draft: what `read_head` made.
        categories_of: the categories of an axis that serve a site and subset; asked by stage-group tables.
    Returns:
        The table, or None when the draft has faults.
    """
    if not draft.sites or not draft.axis:
        return None
    _read_inputs(draft, categories_of)
    _read_derived(draft)
    _read_rows(draft)
    _check_use(draft)
    _check_sets(draft)
    unassessable, when_unknown = _unassessable(draft)
    if draft.faults:
        return None
    inputs = _row_inputs(draft)
    lookup = _prove(draft, inputs)
    if draft.faults:
        return None
    return Table(
        id=str(draft.raw["id"]),
        edition=draft.edition,
        axis=draft.axis,
        applies=draft.applies,
        classifications=draft.classifications,
        citation=_citation(draft.raw["source"]),
        notes=str(draft.raw.get("notes", "")).strip(),
        features=draft.features,
        derived=draft.derived,
        inputs=inputs,
        domains=tuple(draft.domains[name] for name in inputs),
        rows=tuple(draft.rows),
        lookup=lookup,
        unassessable=unassessable,
        when_unknown=when_unknown,
        bare=_bare(draft),
        base_of={name: _bases(draft, name) for name in draft.domains},
    )


def _mapping(draft: Draft, key: str) -> Mapping[str, Any]:
    raw = draft.raw.get(key) or {}
    if not isinstance(raw, dict):
        draft.note(key, "expected a mapping")
        return {}
    return raw


def _read_inputs(draft: Draft, categories_of: Categories) -> None:
    for name, raw in _mapping(draft, "inputs").items():
        try:
            if draft.axis == "group" and isinstance(raw, dict) and "axis" in raw:
                draft.domains[name] = _category_domain(draft, name, raw, categories_of)
            else:
                feature = parse_feature(name, raw, draft.sites, draft.axis)
                draft.features[name], draft.domains[name] = feature, feature.domain
        except Fault as fault:
            draft.note(f"input {name}", fault)
            draft.broken.add(name)


def _category_domain(draft: Draft, name: str, raw: Mapping[str, Any], categories_of: Categories) -> Domain:
    axis = raw["axis"]
    if axis not in ("t", "n", "m") or name != axis or set(raw) - {"axis", "also"}:
        raise Fault("a category input is written  t: {axis: t, also: [...]}  and bears its axis' name")
    found = [category for one in draft.applies for category in categories_of(one, axis)]
    if not found:
        raise Fault(f"no {axis.upper()} table serves {draft.applies}")
    also = raw.get("also", [])
    for category in also:
        if not _CATEGORY[axis].match(str(category)):
            raise Fault(f"{category!r} is no {axis.upper()} category")
    return label_domain(tuple(sorted({*found, *also}, key=category_order)))


def _read_derived(draft: Draft) -> None:
    for name, raw in _mapping(draft, "derived").items():
        try:
            if draft.broken & _mentioned(raw):
                draft.broken.add(name)
                continue
            if name in draft.domains:
                raise Fault("the name is taken by an input")
            made = parse_derived(name, raw, draft.domains)
            draft.derived[name], draft.domains[name] = made, made.domain
        except Fault as fault:
            draft.note(f"derived {name}", fault)
            draft.broken.add(name)


def _mentioned(raw: Any) -> set[str]:
    """Every word in a piece of YAML."""
    if isinstance(raw, dict):
        return {str(key) for key in raw} | {word for value in raw.values() for word in _mentioned(value)}
    if isinstance(raw, list):
        return {word for value in raw for word in _mentioned(value)}
    return {str(raw)}


def _read_rows(draft: Draft) -> None:
    rows = draft.raw.get("rows")
    if not isinstance(rows, list) or not rows:
        draft.note("rows", "expected a list of rows")
        return
    seen: set[str] = set()
    for place, raw in enumerate(rows):
        name = f"row {raw.get('id', place + 1) if isinstance(raw, dict) else place + 1}"
        if isinstance(raw, dict) and isinstance(raw.get("when"), dict) and draft.broken & set(raw["when"]):
            continue
        try:
            row = _row(draft, raw)
        except Fault as fault:
            draft.note(name, fault)
            continue
        if row.id in seen:
            draft.note(name, "the id stands twice")
        seen.add(row.id)
        draft.rows.append(row)


def _row(draft: Draft, raw: Any) -> Row:
    if not isinstance(raw, dict) or not isinstance(raw.get("id"), str):
        raise Fault("expected a mapping with a text id")
    for key in set(raw) - _ROW_KEYS:
        raise Fault(f"unknown key {key!r}; {expected(key, sorted(_ROW_KEYS))}")
    if sum(key in raw for key in _ANSWERS) != 1:
        raise Fault(f"expected exactly one of {', '.join(_ANSWERS)}")
    category, categories = _answer(draft, raw)
    return Row(
        id=raw["id"],
        when=parse_condition(raw["when"], draft.domains) if raw.get("when") else (),
        category=category,
        categories=categories,
        citation=str(raw.get("cite", "")),
        undefined=raw.get("undefined") or raw.get("impossible"),
        impossible="impossible" in raw,
        note=str(raw.get("note", "")),
        open=tuple(raw.get("open", ())),
    )


def _answer(draft: Draft, raw: Mapping[str, Any]) -> tuple[str | None, tuple[str, ...]]:
    """The category, and the real categories it stands for."""
    for key in ("undefined", "impossible"):
        if key in raw:
            if not isinstance(raw[key], str) or not raw[key].strip():
                raise Fault(f"{key} needs a reason")
            return None, ()
    if "either" in raw:
        listed = raw["either"]
        if not isinstance(listed, list) or len(listed) < 2:
            raise Fault("either needs a list of at least two categories")
        return None, tuple(_category(draft, one) for one in listed)
    category = _category(draft, raw["then"])
    if draft.axis == "group":
        return category, (category,)
    return category, _bare(draft).get(category, (category,))


def _category(draft: Draft, raw: Any) -> str:
    if not isinstance(raw, str) or not _CATEGORY[draft.axis].match(raw):
        raise Fault(f'{raw!r} is no {draft.axis.upper()} category (quote "0")')
    return raw


def _bare(draft: Draft) -> dict[str, tuple[str, ...]]:
    return {str(label): tuple(map(str, of)) for label, of in _mapping(draft, "bare").items()}


def _row_inputs(draft: Draft) -> tuple[str, ...]:
    mentioned = {name for row in draft.rows for name, _ in row.when}
    return tuple(name for name in draft.domains if name in mentioned)


def _check_use(draft: Draft) -> None:
    """Every input and derived input must reach a row."""
    if draft.broken:
        return
    used = {name for row in draft.rows for name, _ in row.when}
    for name in reversed(draft.derived):
        if name in used:
            used.update(draft.derived[name].uses)
    for name in draft.domains:
        if name not in used:
            draft.note(f"input {name}", "no row uses it")
    if draft.axis == "m" and not any(row.category == "M0" for row in draft.rows):
        draft.note("rows", "no row gives M0")
    given = {row.category for row in draft.rows}
    for label, of in _bare(draft).items():
        axis_domain = draft.domains.get(label[:1].lower())
        known = given if draft.axis != "group" else set(axis_domain.labels) if axis_domain else set(of)
        if set(of) - known:
            draft.note(f"bare {label}", f"{sorted(set(of) - known)} is no category here")


def _check_sets(draft: Draft) -> None:
    """Every member of a set that the table reads, and every station for N, is used or listed as unused."""
    unused = {fact: set(map(str, members)) for fact, members in _mapping(draft, "unused").items()}
    used = _used_members(draft)
    known = {fact: set(spec.values) for fact, spec in draft.sites[0].facts.items() if spec.kind == "set"}
    known["station"] = set(draft.sites[0].stations)
    for fact, members in unused.items():
        if members - known.get(fact, set()):
            draft.note("unused", f"{fact} has no {sorted(members - known.get(fact, set()))}")
        if members & used.get(fact, set()):
            draft.note("unused", f"{fact}: {sorted(members & used[fact])} is used")
    for fact, members in used.items():
        missing = sorted(known[fact] - members - unused.get(fact, set()))
        if missing and (fact != "station" or draft.axis == "n" or "station" in unused):
            draft.note("inputs", f"{fact}: {missing} is neither used nor listed under unused")


def _used_members(draft: Draft) -> dict[str, set[str]]:
    """Per set fact the members that some input reads; under `station` the stations that some fold names."""
    used: dict[str, set[str]] = {}
    for feature in draft.features.values():
        if isinstance(feature, SetFeature):
            used.setdefault(feature.fact, set()).update(feature.weight)
        if isinstance(feature, FoldFeature):
            for source in feature.sources:
                if source.list_name == "nodes":
                    named = [one.station for one in source.filters]
                    every = frozenset(draft.sites[0].stations)
                    used.setdefault("station", set()).update(*(every if one is None else one for one in named))
    return used


def _unassessable(draft: Draft) -> tuple[str | None, tuple[str, ...]]:
    raw = _mapping(draft, "unassessable")
    if not raw:
        return None, ()
    facts = raw.get("when_unknown")
    if set(raw) != {"category", "when_unknown"} or not isinstance(facts, list) or not facts:
        draft.note("unassessable", "expected category and a list when_unknown")
        return None, ()
    for fact in facts:
        for site in draft.sites:
            if fact not in site.keys:
                draft.note("unassessable", f"{fact!r} is no fact of {site.key}; {expected(fact, site.keys)}")
    if raw["category"] not in ("TX", "NX"):
        draft.note("unassessable", f"{raw['category']!r}; expected TX or NX")
    return str(raw["category"]), tuple(facts)


def _citation(raw: Any) -> Citation:
    if isinstance(raw, dict):
        return Citation(*(str(raw.get(key, "")).strip() for key in ("work", "chapter", "table")))
    return Citation(str(raw))


def _bases(draft: Draft, name: str) -> tuple[str, ...]:
    """The features beneath an input."""
    if name not in draft.derived:
        return (name,)
    below = (base for used in draft.derived[name].uses for base in _bases(draft, used))
    return tuple(dict.fromkeys(below))


def _prove(draft: Draft, inputs: tuple[str, ...]) -> dict[tuple[int, ...], int]:
    """The lookup of all combinations; faults where two rows or none match."""
    sizes = [len(draft.domains[name]) for name in inputs]
    total = prod(sizes)
    if total > LARGEST_PRODUCT:
        draft.note("rows", f"{total} combinations of {', '.join(inputs)}; bundle inputs under derived")
        return {}
    lookup: dict[tuple[int, ...], int] = {}
    overlaps: dict[tuple[int, int], tuple[int, ...]] = {}
    for place, row in enumerate(draft.rows):
        for combination in _combinations(row.when, inputs, sizes):
            earlier = lookup.setdefault(combination, place)
            if earlier != place:
                overlaps.setdefault((earlier, place), combination)
    for (first, second), combination in overlaps.items():
        pair = f"{draft.rows[first].id} and {draft.rows[second].id}"
        draft.note("rows", f"{pair} both match {_described(draft, inputs, combination)}")
    if len(lookup) < total:
        missing = [one for one in product(*map(range, sizes)) if one not in lookup]
        listed = "; ".join(_described(draft, inputs, one) for one in missing[:3])
        draft.note("rows", f"{len(missing)} combinations meet no row, e.g. {listed}")
    return lookup


def _combinations(when: Condition, inputs: Sequence[str], sizes: Sequence[int]) -> Iterable[tuple[int, ...]]:
    allowed: dict[str, frozenset[int]] = {}
    for name, indices in when:
        allowed[name] = allowed.get(name, indices) & indices
    return product(
        *(sorted(allowed[name]) if name in allowed else range(size) for name, size in zip(inputs, sizes, strict=True))
    )


def _described(draft: Draft, inputs: Sequence[str], combination: Sequence[int]) -> str:
    named = zip(inputs, combination, strict=True)
    return "{" + ", ".join(f"{name}: {draft.domains[name].labels[index]}" for name, index in named) + "}"
