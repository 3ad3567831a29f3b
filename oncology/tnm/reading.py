"""Raw facts as evidence: every value checked against the vocabulary, doubt kept as mass on sets of outcomes.

A `Focal` is a tuple of elements (mass, outcomes, stated). One element with one outcome is a known fact. Several
outcomes in one element are a choice that nothing decides; several elements carry probabilities. `stated` is False
for what is merely unknown. The forms a fact may have are listed in oncology/tnm/README.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

from oncology.errors import FactError
from oncology.tnm.vocabulary import ENE_VALUES, MET_GATE, NODE_GATE, FactSpec, SiteSpec, expected, shown, vocabulary

Element = tuple[float, tuple[Any, ...], bool]
Focal = tuple[Element, ...]
MASS_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Range:
    """A number that is only known to lie between two bounds, both included."""

    low: float
    high: float


@dataclass(frozen=True)
class Normal:
    """A measurement with a normally distributed error."""

    mean: float
    sd: float


class Item(NamedTuple):
    """One entry of `nodes` or `mets` as evidence."""

    gate: Focal
    station: Focal
    side: Focal
    size: Focal
    number: Focal
    ene: Focal
    flags: tuple[tuple[str, Focal], ...]


@dataclass(frozen=True)
class Evidence:
    """All facts of a case that were read: per fact the independent steps that make it up.

    `nodes` and `mets` are None when the whole list is unknown. `unknown` names the facts of which nothing is known.
    """

    steps: Mapping[str, tuple[Focal, ...]]
    nodes: tuple[Item, ...] | None
    mets: tuple[Item, ...] | None
    unknown: frozenset[str]


def certain(value: Any) -> Focal:
    """A known value."""
    return ((1.0, (value,), True),)


def unknown(values: Sequence[Any]) -> Focal:
    """Any of the values, unknown which."""
    return ((1.0, tuple(values), False),)


_BOOLS = {True: certain(True), False: certain(False), None: unknown((False, True))}
ANY_NUMBER = unknown((Range(0.0, math.inf),))
ANY_COUNT = unknown((Range(1.0, math.inf),))


def read_facts(site: SiteSpec, facts: Mapping[str, Any], strict: bool) -> Evidence:
    """The evidence that a facts object holds.

    Args:
        site: the site's vocabulary.
        facts: keys and values of the vocabulary; values may carry doubt.
        strict: an absent key is unknown; otherwise it is read as a form is: not mentioned, not present.
    Raises:
        FactError: unknown keys, values or stations, impossible numbers; all of them in one message.
    """
    if not isinstance(facts, Mapping):
        raise FactError(f"facts are {type(facts).__name__}; expected an object of fact names and values")
    problems = [f"unknown fact {shown(key)}; {expected(key, site.keys)}" for key in facts if key not in site.keys]
    steps: dict[str, tuple[Focal, ...]] = {}
    for key, spec, absent in _absent(site.key, strict):
        if absent is not None and key not in facts:
            steps[key] = absent
            continue
        try:
            steps[key] = _read_fact(spec, facts, strict)
        except FactError as problem:
            problems.append(str(problem))
    nodes = _read_list(site, facts, "nodes", strict, problems)
    mets = _read_list(site, facts, "mets", strict, problems)
    if problems:
        raise FactError("; ".join(problems))
    return Evidence(steps, nodes, mets, _unknown_keys(steps, nodes, mets))


@cache
def _absent(site: str, strict: bool) -> tuple[tuple[str, FactSpec, tuple[Focal, ...] | None], ...]:
    """Every fact with what its absence means; None where that depends on other facts."""
    specs = vocabulary().sites[site].facts
    return tuple((key, spec, None if spec.implied_by else _read_fact(spec, {}, strict)) for key, spec in specs.items())


def _unknown_keys(
    steps: Mapping[str, tuple[Focal, ...]], nodes: tuple[Item, ...] | None, mets: tuple[Item, ...] | None
) -> frozenset[str]:
    open_facts = [key for key, focals in steps.items() if not any(focal[0][2] for focal in focals)]
    open_facts += [name for name, items in (("nodes", nodes), ("mets", mets)) if items is None]
    return frozenset(open_facts)


def effective_value(spec: FactSpec, facts: Mapping[str, Any], strict: bool) -> Any:
    """The raw value of a fact, or what its absence means."""
    if spec.key in facts:
        return facts[spec.key]
    if any(_implies(facts.get(other), values) for other, values in spec.implied_by.items()):
        return spec.implied_value
    absent = spec.strict if strict else spec.closed
    if spec.kind == "enum" and absent is not None and any(other in facts for other in _told_apart(spec, facts)):
        return {"one_of": list(dict.fromkeys([absent, spec.implied_value]))}
    return absent


def _implies(stated: Any, values: tuple[Any, ...] | None) -> bool:
    return stated is not None and (values is None or (isinstance(stated, str) and stated in values))


def _told_apart(spec: FactSpec, facts: Mapping[str, Any]) -> list[str]:
    """The facts that would imply a value but are stated as unknown or doubtful."""
    return [
        other
        for other, values in spec.implied_by.items()
        if facts.get(other) is None or (values is not None and isinstance(facts[other], Mapping))
    ]


def _read_fact(spec: FactSpec, facts: Mapping[str, Any], strict: bool) -> tuple[Focal, ...]:
    value = effective_value(spec, facts, strict)
    if spec.kind == "set":
        return read_set(spec, value, strict)
    return (read_value(spec, value, spec.key),)


def read_value(spec: FactSpec, value: Any, where: str) -> Focal:
    """One scalar fact as mass on sets of outcomes.

    Raises:
        FactError: a value outside the vocabulary.
    """
    return _READERS[spec.kind](spec, value, where)


def _read_bool(spec: FactSpec, value: Any, where: str) -> Focal:
    if value is None or isinstance(value, bool):
        return _BOOLS[value]
    if isinstance(value, Mapping) and set(value) == {"p"}:
        share = _probability(value["p"], where)
        return _masses([(share, (True,)), (1.0 - share, (False,))])
    raise FactError(f'{where} is {shown(value)}; expected true, false, null or {{"p": 0.7}}')


def _probability(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise FactError(f"{where} has the probability {shown(value)}; expected a number from 0 to 1")
    return float(value)


def _masses(parts: Sequence[tuple[float, tuple[Any, ...]]]) -> Focal:
    return tuple((share, outcomes, True) for share, outcomes in parts if share > 0.0)


def _distribution(raw: Any, where: str, read: Callable[[Any], tuple[Any, ...]]) -> Focal:
    """{"value": probability, ...}; the probabilities must add up to 1."""
    if not isinstance(raw, Mapping) or not raw:
        raise FactError(f'{where} has "p": {shown(raw)}; expected an object of values and probabilities')
    parts = [(_probability(share, where), read(value)) for value, share in raw.items()]
    total = math.fsum(share for share, _ in parts)
    if abs(total - 1.0) > MASS_TOLERANCE:
        raise FactError(f"{where} has probabilities that add up to {total:g}; expected 1")
    return _masses([(share / total, outcomes) for share, outcomes in parts])


def _enum_outcomes(spec: FactSpec, value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, str) or value not in spec.values:
        raise FactError(f"{where} is {shown(value)}; {expected(value, spec.values)}")
    return spec.stands_for.get(value, (value,))


def _read_enum(spec: FactSpec, value: Any, where: str) -> Focal:
    if isinstance(value, str):
        outcomes = _enum_outcomes(spec, value, where)
        return ((1.0, outcomes, value not in spec.stands_for),)
    if value is None:
        return unknown([one for one in spec.values if one not in spec.stands_for])
    if isinstance(value, Mapping) and set(value) == {"p"}:
        return _distribution(value["p"], where, lambda one: _enum_outcomes(spec, one, where))
    if isinstance(value, Mapping) and set(value) == {"one_of"} and isinstance(value["one_of"], list | tuple):
        found = [one for item in value["one_of"] for one in _enum_outcomes(spec, item, where)]
        if found:
            return ((1.0, tuple(dict.fromkeys(found)), True),)
    raise FactError(f"{where} is {shown(value)}; {expected(value, spec.values)}, or null")


def _number(spec: FactSpec, value: Any, where: str) -> float:
    lowest = 1 if spec.unit == "count" else 0
    whole = "whole number of at least 1" if spec.unit == "count" else "number in millimeters, 0 or more"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FactError(f"{where} is {shown(value)}; expected a {whole}, or null")
    if not math.isfinite(value) or value < lowest or (spec.unit == "count" and value != int(value)):
        raise FactError(f"{where} is {value:g}; expected a {whole}, or null")
    return math.floor(value + 0.5) if spec.unit == "mm" else float(value)  # half a millimeter rounds up


def _read_number(spec: FactSpec, value: Any, where: str) -> Focal:
    if value is None:
        return ANY_COUNT if spec.unit == "count" else ANY_NUMBER
    if not isinstance(value, Mapping):
        return ((1.0, (_number(spec, value, where),), True),)
    keys = set(value)
    if keys == {"p"}:
        return _distribution(value["p"], where, lambda one: (_number(spec, _as_number(one), where),))
    if keys and keys <= {"min", "max"}:
        return _number_range(spec, value, where)
    if keys == {"mean", "sd"} and spec.unit == "mm":
        mean, sd = value["mean"], value["sd"]
        _number(spec, mean, f"{where}.mean")
        _number(spec, sd, f"{where}.sd")
        return certain(Normal(float(mean), float(sd)) if sd else _number(spec, mean, where))
    raise FactError(
        f'{where} is {shown(value)}; expected a number, null, {{"p": ...}}, {{"min", "max"}} or {{"mean", "sd"}}'
    )


def _as_number(text: Any) -> Any:
    """Keys of JSON objects are text."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return text


def _number_range(spec: FactSpec, value: Mapping[str, Any], where: str) -> Focal:
    low = _number(spec, value["min"], f"{where}.min") if "min" in value else (1.0 if spec.unit == "count" else 0.0)
    high = _number(spec, value["max"], f"{where}.max") if "max" in value else math.inf
    if low > high:
        raise FactError(f"{where} reaches from {low:g} to {high:g}; expected min below max")
    return certain(Range(low, high))


def _read_ene(spec: FactSpec, value: Any, where: str) -> Focal:
    if value is None:
        return unknown(ENE_VALUES)
    if isinstance(value, bool):
        return ((1.0, ENE_VALUES[1:] if value else ENE_VALUES[:1], True),)
    if isinstance(value, str) and value in ENE_VALUES[1:]:
        return certain(value)
    if isinstance(value, Mapping) and set(value) == {"p"}:
        return _ene_masses(value["p"], where)
    raise FactError(f"{where} is {shown(value)}; expected true, false, microscopic, gross, null or {{'p': 0.7}}")


def _ene_masses(raw: Any, where: str) -> Focal:
    if not isinstance(raw, Mapping):
        share = _probability(raw, where)
        return _masses([(share, ENE_VALUES[1:]), (1.0 - share, ENE_VALUES[:1])])

    def outcomes(value: Any) -> tuple[Any, ...]:
        if value not in ENE_VALUES:
            raise FactError(f"{where} names {shown(value)}; {expected(value, ENE_VALUES)}")
        return (value,)

    return _distribution(raw, where, outcomes)


_READERS: dict[str, Callable[[FactSpec, Any, str], Focal]] = {
    "bool": _read_bool,
    "enum": _read_enum,
    "number": _read_number,
    "ene": _read_ene,
}


def read_set(spec: FactSpec, value: Any, strict: bool) -> tuple[Focal, ...]:
    """A set fact as independent steps: the certain members, each doubtful member, each doubtful nested chain.

    Raises:
        FactError: unknown members.
    """
    if isinstance(value, list | tuple | frozenset | set):
        _check_members(spec, value)
        return (certain(frozenset(value)),)
    if value is None:
        return _uncertain_set(spec, dict.fromkeys(spec.values, _BOOLS[None]))
    if not isinstance(value, Mapping):
        raise FactError(f"{spec.key} is {shown(value)}; expected a list, an object of members, or null")
    others = value.get("others", None if strict else False)
    _check_members(spec, [member for member in value if member != "others"])
    rest = _read_bool(spec, others, f"{spec.key}.others")
    members = {
        member: _read_bool(spec, value[member], f"{spec.key}.{member}") if member in value else rest
        for member in spec.values
    }
    return _uncertain_set(spec, members)


def _check_members(spec: FactSpec, members: Any) -> None:
    known = spec.values
    for member in members:
        if member not in known:
            raise FactError(f"unknown value {shown(member)} in {spec.key}; {expected(member, known)}")


def _uncertain_set(spec: FactSpec, members: Mapping[str, Focal]) -> tuple[Focal, ...]:
    chains = [part for chain in spec.nested if (part := _doubtful_part(chain, members))]
    chained = {member for chain in chains for member in chain}
    present = frozenset(member for member, focal in members.items() if focal == _BOOLS[True])
    doubtful = [
        tuple((mass, _with_or_without(member, outcomes), stated) for mass, outcomes, stated in focal)
        for member, focal in members.items()
        if member not in chained and not _is_certain(focal)
    ]
    base = [] if all(focal == _BOOLS[None] for focal in members.values()) else [certain(present)]
    return (*base, *doubtful, *(_chain(chain, members) for chain in chains))


def _doubtful_part(chain: Sequence[str], members: Mapping[str, Focal]) -> tuple[str, ...]:
    """The doubtful members of a chain that lie deeper than its deepest certain one.

    What lies shallower than a structure that is invaded for certain changes nothing. A shallower structure that is not
    invaded does not speak against a deeper one that is doubtful.
    """
    reached = max((place for place, member in enumerate(chain) if members[member] == _BOOLS[True]), default=-1)
    return tuple(member for member in chain[reached + 1 :] if not _is_certain(members[member]))


def _with_or_without(member: str, present: Sequence[bool]) -> tuple[frozenset[str], ...]:
    return tuple(frozenset([member] if on else []) for on in present)


def _is_certain(focal: Focal) -> bool:
    return len(focal) == 1 and len(focal[0][1]) == 1


def _chain(chain: Sequence[str], members: Mapping[str, Focal]) -> Focal:
    """The doubtful members of a nested chain as one variable, how deep it reaches: one level of doubt cuts all at once.

    Each member has a lower probability (surely present) and an upper one (not surely absent). A stated probability of a
    deeper member raises the shallower ones; an unknown deeper member stays below the shallower ones.
    """
    low = [math.fsum(mass for mass, outcomes, _ in members[m] if outcomes == (True,)) for m in chain]
    high = [math.fsum(mass for mass, outcomes, _ in members[m] if True in outcomes) for m in chain]
    for place in range(len(chain) - 2, -1, -1):
        low[place], high[place] = max(low[place], low[place + 1]), max(high[place], low[place + 1])
    for place in range(1, len(chain)):
        high[place] = min(high[place], high[place - 1])
    cuts = sorted({0.0, 1.0, *low, *high})
    stated = any(members[member][0][2] for member in chain)
    elements = []
    for start, stop in pairwise(cuts):
        surely = sum(1 for share in low if share >= stop)
        possibly = sum(1 for share in high if share >= stop)
        depths = tuple(frozenset(chain[:depth]) for depth in range(surely, possibly + 1))
        elements.append((stop - start, depths, stated))
    return _merged(elements)


def _merged(elements: Sequence[Element]) -> Focal:
    total: dict[tuple[tuple[Any, ...], bool], float] = {}
    for mass, outcomes, stated in elements:
        total[outcomes, stated] = total.get((outcomes, stated), 0.0) + mass
    return tuple((mass, outcomes, stated) for (outcomes, stated), mass in total.items() if mass > 0.0)


def _read_list(
    site: SiteSpec, facts: Mapping[str, Any], name: str, strict: bool, problems: list[str]
) -> tuple[Item, ...] | None:
    raw = facts.get(name, None if strict else ())
    if raw is None:
        return None
    if not isinstance(raw, list | tuple):
        problems.append(f"{name} is {shown(raw)}; expected a list of objects, or null")
        return None
    read = _read_node if name == "nodes" else _read_met
    items = []
    for place, entry in enumerate(raw):
        try:
            items.append(read(site, entry, strict, f"{name}[{place}]"))
        except FactError as problem:
            problems.append(str(problem))
    return tuple(items)


def _field(specs: Mapping[str, FactSpec], key: str, raw: Mapping[str, Any], strict: bool, where: str) -> Focal:
    spec = specs[key]
    value = raw.get(key, spec.strict if strict else spec.closed)
    return _READERS[spec.kind](spec, value, f"{where}.{key}")


def _check_keys(raw: Any, allowed: Sequence[str], where: str) -> None:
    if not isinstance(raw, Mapping):
        raise FactError(f"{where} is {shown(raw)}; expected an object")
    for key in raw:
        if key not in allowed:
            raise FactError(f"unknown key {shown(key)} in {where}; {expected(key, allowed)}")


def _read_met(site: SiteSpec, raw: Any, strict: bool, where: str) -> Item:
    _check_keys(raw, (*site.mets, "id"), where)
    if "site" not in raw:
        raise FactError(f"{where} has no site; {expected('', site.mets['site'].values)}, or null")
    place = _field(site.mets, "site", raw, strict, where)
    count = _field(site.mets, "count", raw, strict, where)
    return Item(
        _field(site.mets, MET_GATE, raw, strict, where), place, certain(None), certain(None), count, certain("no"), ()
    )


def _read_node(site: SiteSpec, raw: Any, strict: bool, where: str) -> Item:
    _check_keys(raw, (*site.node, site.station_key, "id"), where)
    station = _read_station(site, raw, where)
    side = _field(site.node, "laterality", raw, strict, where)
    _check_side(site, station, side, where)
    flags = tuple(
        (key, _field(site.node, key, raw, strict, where))
        for key, spec in site.node.items()
        if spec.kind in ("bool", "enum") and key not in (NODE_GATE, "laterality")
    )
    return Item(
        gate=_field(site.node, NODE_GATE, raw, strict, where),
        station=station,
        side=side,
        size=_field(site.node, "greatest_dimension_mm", raw, strict, where),
        number=_field(site.node, "count", raw, strict, where),
        ene=_field(site.node, "ene", raw, strict, where),
        flags=flags,
    )


def _read_station(site: SiteSpec, raw: Mapping[str, Any], where: str) -> Focal:
    key = site.station_key
    value = raw.get(key, site.station_absent)
    if isinstance(value, str) and value in site.stations:
        return certain(value)
    spec = FactSpec(key=key, kind="enum", values=tuple(site.stations))
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    try:
        return _read_enum(spec, value, f"{where}.{key}")
    except FactError as problem:
        raise FactError(f"{problem} (stations of {site.key})") from None


def _check_side(site: SiteSpec, station: Focal, side: Focal, where: str) -> None:
    """A station that lies on one side cannot be the other side's."""
    if len(side) != 1 or len(side[0][1]) != 1:
        return
    given = side[0][1][0]
    possible = {site.stations[name] for _, names, _ in station for name in names}
    if possible and possible <= {"left", "right"} and given in ("left", "right") and given not in possible:
        named = station[0][1][0]
        raise FactError(
            f"{where}: station {named} lies {site.stations[named]}, but laterality is {given}; correct one of them"
        )
