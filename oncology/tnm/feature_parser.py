"""From an entry of `inputs` in a table file to a feature; every mistake is a Fault with its reason."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from oncology.tnm.domain import BOOL, Domain, Fault, count_domain, interval_domain, label_domain
from oncology.tnm.feature import Feature, Filter, FoldFeature, Op, ScalarFeature, SetFeature, Source
from oncology.tnm.vocabulary import ENE_VALUES, FactSpec, SiteSpec, expected

REDUCTIONS = ("any", "count", "largest", "laterality", "sides", "distinct")
_SIZE_PART = re.compile(r"^(<=|>)\s*([\d.]+)$")


def parse_feature(name: str, raw: Any, sites: Sequence[SiteSpec], axis: str) -> Feature:
    """One entry of `inputs`, checked against the vocabulary of every site the table serves.

    Raises:
        Fault: anything that does not fit.
    """
    if not isinstance(raw, dict):
        raise Fault(f"expected a mapping, found {raw!r}")
    entry = {key: value for key, value in raw.items() if key != "note"}
    if "fact" in entry:
        return _from_fact(name, entry, sites)
    if "reduce" in entry:
        return _fold(name, entry, sites, axis)
    raise Fault("expected `fact` or `reduce`")


def _only(raw: Mapping[str, Any], allowed: set[str]) -> None:
    extra = sorted(set(map(str, raw)) - allowed)
    if extra:
        raise Fault(f"unknown key {extra[0]!r}; {expected(extra[0], sorted(allowed))}")


def _spec(fact: str, sites: Sequence[SiteSpec]) -> FactSpec:
    for site in sites:
        if fact not in site.facts:
            raise Fault(f"{fact!r} is no fact of {site.key}; {expected(fact, site.facts)}")
    specs = [site.facts[fact] for site in sites]
    if any(spec.values != specs[0].values or spec.kind != specs[0].kind for spec in specs):
        raise Fault(f"{fact!r} has different values in the sites of this table")
    return specs[0]


def _from_fact(name: str, raw: Mapping[str, Any], sites: Sequence[SiteSpec]) -> Feature:
    spec = _spec(str(raw["fact"]), sites)
    if spec.kind == "bool":
        _only(raw, {"fact"})
        return ScalarFeature(name, BOOL, Op.MAX, fact=spec.key, index_of={False: 0, True: 1})
    if spec.kind == "enum":
        return _enumeration(name, raw, spec)
    if spec.kind == "number":
        _only(raw, {"fact", "cut"})
        return ScalarFeature(name, interval_domain(_numbers(raw.get("cut"))), Op.MAX, fact=spec.key)
    return _from_set(name, raw, spec)


def _numbers(raw: Any) -> tuple[float, ...]:
    if not isinstance(raw, list) or any(isinstance(x, bool) or not isinstance(x, int | float) for x in raw):
        raise Fault(f"cut needs a list of numbers, found {raw!r}")
    return tuple(float(number) for number in raw)


def _words(raw: Any, known: Sequence[str]) -> tuple[str, ...]:
    words = tuple(str(word) for word in raw) if isinstance(raw, list) else None
    if words is None:
        raise Fault(f"expected a list, found {raw!r}")
    for word in words:
        if word not in known:
            raise Fault(f"unknown value {word!r}; {expected(word, known)}")
    if len(set(words)) != len(words):
        raise Fault(f"{list(words)} names a value twice")
    return words


def _enumeration(name: str, raw: Mapping[str, Any], spec: FactSpec) -> Feature:
    _only(raw, {"fact", "groups"})
    real = tuple(value for value in spec.values if value not in spec.stands_for)
    if "groups" not in raw:
        return ScalarFeature(
            name, label_domain(real), Op.MAX, fact=spec.key, index_of={value: i for i, value in enumerate(real)}
        )
    index_of = _levels(raw["groups"], real)
    missing = [value for value in real if value not in index_of]
    if missing:
        raise Fault(f"groups leave out {missing}")
    return ScalarFeature(name, label_domain(tuple(raw["groups"])), Op.MAX, fact=spec.key, index_of=index_of)


def _levels(raw: Any, known: Sequence[str]) -> dict[str, int]:
    """Member -> place of its level; no member in two levels."""
    if not isinstance(raw, dict) or any(not isinstance(label, str) for label in raw):
        raise Fault("expected a mapping of labels (quote true, false, yes, no) to lists")
    placed: dict[str, int] = {}
    for place, members in enumerate(raw.values()):
        for member in _words(members, known):
            if member in placed:
                raise Fault(f"{member!r} stands in two levels")
            placed[member] = place
    return placed


def _from_set(name: str, raw: Mapping[str, Any], spec: FactSpec) -> Feature:
    if "any_of" in raw:
        _only(raw, {"fact", "any_of"})
        weight = dict.fromkeys(_words(raw["any_of"], spec.values), 1)
        return SetFeature(name, BOOL, Op.MAX, fact=spec.key, weight=weight)
    if "highest" in raw:
        _only(raw, {"fact", "highest"})
        weight = _levels(raw["highest"], spec.values)
        return SetFeature(name, label_domain(tuple(raw["highest"])), Op.MAX, fact=spec.key, weight=weight)
    if "count" in raw:
        _only(raw, {"fact", "count", "cap"})
        weight = {member: 1 << place for member, place in _levels(raw["count"], spec.values).items()}
        cap = _cap(raw)
        return SetFeature(name, count_domain(cap), Op.OR, cap, fact=spec.key, weight=weight)
    raise Fault("a set needs any_of, highest or count")


def _cap(raw: Mapping[str, Any]) -> int:
    cap = raw.get("cap")
    if not isinstance(cap, int) or isinstance(cap, bool) or cap < 1:
        raise Fault(f"cap must be a whole number of at least 1, found {cap!r}")
    return cap


def _fold(name: str, raw: Mapping[str, Any], sites: Sequence[SiteSpec], axis: str) -> Feature:
    _only(raw, {"nodes", "mets", "over", "reduce", "cut", "cap", "same", "as"})
    reduce = raw["reduce"]
    if reduce not in REDUCTIONS:
        raise Fault(f"unknown reduction {reduce!r}; {expected(reduce, REDUCTIONS)}")
    sources = _sources(raw, sites)
    domain, op, cap = _folded_domain(raw, reduce)
    bits, several = _keys(raw, sources, sites[0]) if reduce == "distinct" else ({}, {})
    return FoldFeature(
        name, domain, op, cap, sources=sources, reduce=reduce, key_bits=bits, several=several, evident_only=axis == "m"
    )


def _folded_domain(raw: Mapping[str, Any], reduce: str) -> tuple[Domain, Op, int]:
    for key, wanted in {"cut": ("largest",), "cap": ("count", "distinct"), "same": ("distinct",)}.items():
        if (key in raw) and reduce not in wanted:
            raise Fault(f"{key} does not go with {reduce}")
    if reduce == "largest":
        return interval_domain(_numbers(raw.get("cut")), none_first=True), Op.MAX, 0
    if reduce == "count":
        return count_domain(_cap(raw)), Op.ADD, _cap(raw)
    if reduce == "distinct":
        return count_domain(_cap(raw)), Op.OR, _cap(raw)
    if reduce == "laterality":
        return label_domain(("none", "ipsilateral", "contralateral")), Op.OR, 0
    if reduce == "sides":
        return label_domain(("none", "one", "both")), Op.OR, 0
    return BOOL, Op.MAX, 0


def _sources(raw: Mapping[str, Any], sites: Sequence[SiteSpec]) -> tuple[Source, ...]:
    entries = raw.get("over", [raw])
    if not isinstance(entries, list):
        raise Fault("over needs a list")
    made = []
    for entry in entries:
        lists = [key for key in ("nodes", "mets") if isinstance(entry, dict) and key in entry]
        if len(lists) != 1:
            raise Fault("expected exactly one of nodes and mets")
        filters = entry[lists[0]] if isinstance(entry[lists[0]], list) else [entry[lists[0]]]
        made.append(Source(lists[0], tuple(_filter(one, lists[0], sites) for one in filters), entry.get("as")))
    return tuple(made)


def _filter(raw: Any, list_name: str, sites: Sequence[SiteSpec]) -> Filter:
    if not isinstance(raw, dict):
        raise Fault(f"a filter is a mapping, found {raw!r}")
    if list_name == "mets":
        _only(raw, {"site"})
        return Filter(station=_station_set(raw.get("site"), [site.mets["site"].values for site in sites]))
    flags = {name: spec for name, spec in sites[0].node.items() if spec.kind in ("bool", "enum")}
    flags = {name: spec for name, spec in flags.items() if name not in ("positive", "laterality")}
    _only(raw, {"station", "side", "laterality", "size", "ene", *flags})
    side = raw.get("side")
    if side not in (None, "ipsilateral", "contralateral"):
        raise Fault(f"side {side!r}; expected ipsilateral or contralateral")
    laterality = _as_list(raw.get("laterality"))
    return Filter(
        station=_station_set(raw.get("station"), [tuple(site.stations) for site in sites]),
        side=side,
        laterality=frozenset(_words(laterality, ("left", "right", "midline"))) if laterality else None,
        size=_size_range(raw["size"]) if "size" in raw else None,
        ene=_ene_set(raw["ene"]) if "ene" in raw else None,
        flags=tuple((name, _flag_set(raw[name], spec)) for name, spec in flags.items() if name in raw),
    )


def _as_list(raw: Any) -> list[Any] | None:
    return raw if raw is None or isinstance(raw, list) else [raw]


def _station_set(raw: Any, known: Sequence[Sequence[str]]) -> frozenset[str] | None:
    listed = _as_list(raw)
    if listed is None:
        return None
    for names in known:
        _words(listed, names)
    return frozenset(map(str, listed))


def _size_range(raw: Any) -> tuple[float, float]:
    low, high = -math.inf, math.inf
    for part in str(raw).split(","):
        found = _SIZE_PART.match(part.strip())
        if not found:
            raise Fault(f"size {raw!r}: write <= or > and a number")
        if found[1] == ">":
            low = float(found[2])
        else:
            high = float(found[2])
    return low, high


def _ene_set(raw: Any) -> frozenset[str]:
    if isinstance(raw, bool):
        return frozenset(ENE_VALUES[1:] if raw else ENE_VALUES[:1])
    return frozenset(_words(_as_list(raw), ENE_VALUES))


def _flag_set(raw: Any, spec: FactSpec) -> frozenset[Any]:
    if spec.kind == "bool":
        if not isinstance(raw, bool):
            raise Fault(f"{spec.key}: expected true or false, found {raw!r}")
        return frozenset([raw])
    return frozenset(_words(_as_list(raw), spec.values))


def _keys(
    raw: Mapping[str, Any], sources: Sequence[Source], site: SiteSpec
) -> tuple[dict[str, int], dict[str, tuple[int, ...]]]:
    """The bit of every station or site that `distinct` can meet, and what an unspecified station amounts to."""
    merged = {member: group for group, members in (raw.get("same") or {}).items() for member in members}
    names: list[str] = []
    for source in sources:
        known = tuple(site.stations) if source.list_name == "nodes" else site.mets["site"].values
        allowed = [name for name in known if any(one.station is None or name in one.station for one in source.filters)]
        names += [source.label] if source.label else allowed
    unused = sorted(set(merged) - set(names))
    if unused:
        raise Fault(f"same names {unused}, which this input does not count")
    real = [name for name in dict.fromkeys(names) if name not in site.unspecified]
    places = {group: place for place, group in enumerate(dict.fromkeys(merged.get(name, name) for name in real))}
    bits = {name: 1 << places[merged.get(name, name)] for name in real}
    return bits, {name: _alternatives(site.unspecified[name], bits) for name in names if name in site.unspecified}


def _alternatives(members: Sequence[str], bits: Mapping[str, int]) -> tuple[int, ...]:
    """One of the members, or several at once."""
    single = tuple(bits[member] for member in members if member in bits)
    if not single:
        raise Fault(f"an unspecified station needs some of {list(members)} in the same input")
    return (*single, sum(single))
