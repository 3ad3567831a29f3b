"""Inputs computed from other inputs: any, all, choose, and the first line that matches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from oncology.tnm.domain import BOOL, Domain, Fault, label_domain, select

Condition = tuple[tuple[str, frozenset[int]], ...]  # every input named must have one of these indices
Values = Mapping[str, int]


def holds(condition: Condition, values: Values) -> bool:
    """Whether the values meet every part of the condition."""
    return all(values[name] in allowed for name, allowed in condition)


@dataclass(frozen=True)
class Line:
    """Alternatives, and the index they lead to."""

    conditions: tuple[Condition, ...]
    index: int


@dataclass(frozen=True)
class Derived:
    """A named input with its domain, computed from `uses`.

    Either `lines` decide (the first that holds, else `otherwise`), or `chosen` names per value of the first input in
    `uses` the input to take.
    """

    name: str
    domain: Domain
    uses: tuple[str, ...]
    lines: tuple[Line, ...] = ()
    otherwise: int = 0
    chosen: tuple[str, ...] = ()
    _kept: dict[tuple[int, ...], int] = field(default_factory=dict, compare=False, repr=False)

    def of(self, used: tuple[int, ...]) -> int:
        """The index for values in the order of `uses`."""
        found = self._kept.get(used)
        if found is None:
            found = self._kept[used] = self.value(dict(zip(self.uses, used, strict=True)))
        return found

    def value(self, values: Values) -> int:
        """The index in the domain."""
        if self.chosen:
            return values[self.chosen[values[self.uses[0]]]]
        for line in self.lines:
            if any(holds(condition, values) for condition in line.conditions):
                return line.index
        return self.otherwise

    def known_value(self, values: Values) -> int | None:
        """The index as far as the inputs at hand decide it; None when others are needed."""
        if self.chosen:
            chooser = values.get(self.uses[0])
            return None if chooser is None else values.get(self.chosen[chooser])
        for line in self.lines:
            verdicts = [_verdict(condition, values) for condition in line.conditions]
            if True in verdicts:
                return line.index
            if None in verdicts:
                return None
        return self.otherwise


def _verdict(condition: Condition, values: Values) -> bool | None:
    """Whether a condition holds; None when that depends on inputs not at hand."""
    open_part = False
    for name, allowed in condition:
        value = values.get(name)
        if value is None:
            open_part = True
        elif value not in allowed:
            return False
    return None if open_part else True


def parse_condition(raw: Any, domains: Mapping[str, Domain]) -> Condition:
    """A mapping {input: condition} as index sets.

    Raises:
        Fault: an input that does not exist, or a condition that does not fit it.
    """
    if not isinstance(raw, dict) or not raw:
        raise Fault(f"{raw!r} is no mapping of inputs to conditions")
    parts = []
    for name, condition in raw.items():
        if name not in domains:
            raise Fault(f"{name!r} is no input declared before; known: {', '.join(domains)}")
        try:
            parts.append((name, select(domains[name], condition)))
        except Fault as fault:
            raise Fault(f"{name}: {fault}") from None
    return tuple(parts)


def parse_derived(name: str, raw: Any, domains: Mapping[str, Domain]) -> Derived:
    """One entry of `derived`.

    Raises:
        Fault: unknown form, unknown input, or a line that can never be reached.
    """
    forms = {"any": _parse_any, "all": _parse_all, "choose": _parse_choose, "first": _parse_first}
    form = next((form for form in forms if isinstance(raw, dict) and form in raw), None)
    if form is None or set(raw) - {form, "from", "note"}:
        raise Fault(f"expected one of {', '.join(forms)}, found {raw!r}")
    return forms[form](name, raw, domains)


def _conditions(raw: Any, domains: Mapping[str, Domain]) -> tuple[Condition, ...]:
    listed = raw if isinstance(raw, list) else [raw]
    return tuple(parse_condition(item, domains) for item in listed)


def _uses(conditions: Sequence[Condition]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for condition in conditions for name, _ in condition))


def _parse_any(name: str, raw: Mapping[str, Any], domains: Mapping[str, Domain]) -> Derived:
    conditions = _conditions(raw["any"], domains)
    return Derived(name, BOOL, _uses(conditions), (Line(conditions, 1),))


def _parse_all(name: str, raw: Mapping[str, Any], domains: Mapping[str, Domain]) -> Derived:
    conditions = _conditions(raw["all"], domains)
    together = tuple(part for condition in conditions for part in condition)
    return Derived(name, BOOL, _uses(conditions), (Line((together,), 1),))


def _parse_choose(name: str, raw: Mapping[str, Any], domains: Mapping[str, Domain]) -> Derived:
    by, sources = raw["choose"], raw.get("from")
    if by not in domains or not isinstance(sources, dict):
        raise Fault("choose needs an input declared before, and `from` with an input per value")
    keys = {str(key).lower() if isinstance(key, bool) else str(key): str(value) for key, value in sources.items()}
    if set(keys) != set(domains[by].labels):
        raise Fault(f"`from` names {sorted(keys)}; expected {sorted(domains[by].labels)}")
    chosen = tuple(keys[label] for label in domains[by].labels)
    missing = [source for source in chosen if source not in domains]
    if missing:
        raise Fault(f"{missing} are no inputs declared before")
    if len({domains[source] for source in chosen}) != 1:
        raise Fault(f"{sorted(set(chosen))} have different values; choose needs equal ones")
    return Derived(name, domains[chosen[0]], tuple(dict.fromkeys((by, *chosen))), chosen=chosen)


def _label(value: Any) -> str:
    if not isinstance(value, str):
        raise Fault(f"label {value!r} is no text; quote it")
    return value


def _parse_first(name: str, raw: Mapping[str, Any], domains: Mapping[str, Domain]) -> Derived:
    entries = raw["first"]
    if not isinstance(entries, list) or not entries or set(entries[-1]) != {"else"}:
        raise Fault("first needs lines {if: ..., is: ...} and a last line {else: ...}")
    if any(set(entry) != {"if", "is"} for entry in entries[:-1]):
        raise Fault("every line but the last needs `if` and `is`")
    labels = tuple(dict.fromkeys(_label(entry.get("is", entry.get("else"))) for entry in entries))
    lines = tuple(Line(_conditions(entry["if"], domains), labels.index(entry["is"])) for entry in entries[:-1])
    uses = _uses([condition for line in lines for condition in line.conditions])
    made = Derived(name, label_domain(labels), uses, lines, labels.index(entries[-1]["else"]))
    _check_reachable(made, domains)
    return made


def _check_reachable(made: Derived, domains: Mapping[str, Domain]) -> None:
    """Every line must be the first to hold for some values."""
    hit: set[int] = set()
    for combination in product(*(range(len(domains[name])) for name in made.uses)):
        values = dict(zip(made.uses, combination, strict=True))
        first = (place for place, line in enumerate(made.lines) if any(holds(one, values) for one in line.conditions))
        hit.add(next(first, len(made.lines)))
    dead = sorted(set(range(len(made.lines) + 1)) - hit)
    if dead:
        raise Fault(f"line {dead[0] + 1} of `first` is never reached")
