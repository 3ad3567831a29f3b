"""What would decide an open answer, and what would change a given one: single findings tried out one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oncology.errors import FactError
from oncology.findings import Status
from oncology.tnm.answer import Change
from oncology.tnm.finding import Facts, Findings, Option, Slot, interval_text
from oncology.tnm.stager import Stager
from oncology.tnm.summary import Summary

KEYS = {"t": "t", "n": "n", "m": "m", "group": "stage_group"}
_ORDER = (Status.DOUBTFUL, Status.UNKNOWN, Status.KNOWN)


def summaries(stager: Stager, facts: Facts, strict: bool) -> dict[str, Summary]:
    """The answers of all axes for these facts.

    Raises:
        FactError: the facts are not valid.
    """
    evidence = stager.read(facts, strict)
    solved = stager.solve(evidence)
    return {axis: stager.summary(axis, solved, evidence) for axis in stager.axes}


def open_facts(stager: Stager, facts: Facts, strict: bool, found: Mapping[str, Summary]) -> dict[str, tuple[str, ...]]:
    """Per axis the facts that are unknown or doubtful and whose resolution would change what is possible.

    Where no single one narrows the answer, all of them together do: then all are named.
    """
    wide = [axis for axis, one in found.items() if len(one.possible) > 1]
    named: dict[str, list[str]] = {axis: list(one.open) for axis, one in found.items()}
    if not wide:
        return {axis: tuple(names) for axis, names in named.items()}
    for axis in _subset_decides(stager, facts, strict, wide):
        named[axis].append("subset")
    known: dict[str, list[str]] = {}
    doubtful = [slot for slot in _findings(stager, strict).slots(facts) if slot.status is not Status.KNOWN]
    for slot in doubtful:
        narrowed = known.get(slot.alike) if slot.alike else None
        if narrowed is None:
            narrowed = known[slot.alike] = _narrowed(stager, slot, strict, found, wide)
        for axis in narrowed:
            named[axis].append(slot.name)
    for axis in wide:
        named[axis] = named[axis] or [slot.name for slot in doubtful if _root(slot) in _facts_of(stager, axis)]
    return {axis: tuple(dict.fromkeys(names)) for axis, names in named.items()}


def _root(slot: Slot) -> str:
    return slot.name.split(".")[0].split("[")[0]


def _facts_of(stager: Stager, axis: str) -> set[str]:
    """The facts that an axis depends on; the group depends on all."""
    axes = stager.axes if axis == "group" else (axis,)
    tables = [table for one in axes for table in stager.tables[one]]
    return {fact for table in tables for feature in table.features.values() for fact in feature.facts}


def _findings(stager: Stager, strict: bool) -> Findings:
    return Findings(stager.site, [table for of_axis in stager.tables.values() for table in of_axis], strict)


def _subset_decides(stager: Stager, facts: Facts, strict: bool, wide: Iterable[str]) -> list[str]:
    evidence = stager.read(facts, strict)
    solved = stager.solve(evidence)
    if len(solved) == 1:
        return []
    return [
        axis for axis in wide if len({one.possible for one in stager.by_subset(axis, solved, evidence).values()}) > 1
    ]


def _narrowed(stager: Stager, slot: Slot, strict: bool, found: Mapping[str, Summary], wide: Iterable[str]) -> list[str]:
    """The axes in which some resolution of the finding leaves less possible."""
    left = list(wide)
    narrowed = []
    for option in slot.options:
        if not left:
            break
        tried = _try(stager, option.facts, strict)
        if tried is None or any(one.contradiction for one in tried.values()):
            continue
        for axis in [axis for axis in left if set(tried[axis].possible) != set(found[axis].possible)]:
            left.remove(axis)
            narrowed.append(axis)
    return narrowed


def _try(stager: Stager, facts: Facts, strict: bool) -> dict[str, Summary] | None:
    """The answers, or None where the finding would contradict the others (a station on the other side)."""
    try:
        return summaries(stager, facts, strict)
    except FactError:
        return None


def changes(stager: Stager, facts: Facts, strict: bool) -> tuple[Change, ...]:
    """Every single finding whose change alters T, N, M or the group; doubtful findings first, then unknown ones.

    Alternatives of one fact with the same result share an entry.
    """
    now = _labels(summaries(stager, facts, strict))
    tried = [
        _Tried(_rank(slot), slot.name, option, then)
        for slot in _findings(stager, strict).slots(facts)
        for option in slot.options
        if (then := _after(stager, option, strict)) not in (None, now)
    ]
    tried.sort(key=lambda one: one.rank)
    return (*_subset_changes(stager, facts, strict, now), *_told(tried))


def _subset_changes(stager: Stager, facts: Facts, strict: bool, now: Mapping[str, str]) -> Iterator[Change]:
    """What each subset would make of a case whose subset is not given."""
    evidence = stager.read(facts, strict)
    solved = stager.solve(evidence)
    found = {axis: stager.by_subset(axis, solved, evidence) for axis in stager.axes}
    subsets = list(found[stager.axes[0]]) if len(solved) > 1 else []
    for subset in subsets:
        then = _labels({axis: of_subset[subset] for axis, of_subset in found.items()})
        if then != now:
            yield Change("subset", str(subset), then)


@dataclass(frozen=True)
class _Tried:
    """One alternative that changes something."""

    rank: int
    finding: str
    option: Option
    then: Mapping[str, str] | None


def _rank(slot: Slot) -> int:
    """Doubtful findings first; the known side of the tumor, which is rarely wrong, last."""
    return len(_ORDER) if slot.name == "tumor_side" and slot.status is Status.KNOWN else _ORDER.index(slot.status)


def _after(stager: Stager, option: Option, strict: bool) -> dict[str, str] | None:
    """The new answers; None where the finding contradicts the others."""
    found = _try(stager, option.facts, strict)
    if found is None or any(one.contradiction for one in found.values()):
        return None
    return _labels(found)


def _labels(found: Mapping[str, Summary]) -> dict[str, str]:
    return {KEYS[axis]: one.category or " or ".join(one.possible) or "undefined" for axis, one in found.items()}


def _told(tried: Iterable[_Tried]) -> Iterator[Change]:
    """Members of one set, or additions to one list, with the same result in one entry."""
    groups: dict[tuple[Any, ...], list[_Tried]] = {}
    for one in tried:
        key = (_fact(one.finding), one.option.lead, one.option.tail, tuple((one.then or {}).items()))
        groups.setdefault(key, []).append(one)
    for group in groups.values():
        finding = group[0].finding if len(group) == 1 else _fact(group[0].finding)
        yield Change(finding, _sentence([one.option for one in group]), group[0].then or {})


def _fact(finding: str) -> str:
    """The fact of a member of a set; the field of a node is a finding of its own."""
    return finding if "[" in finding else finding.split(".")[0]


def _sentence(options: Sequence[Option]) -> str:
    texts = _intervals(options) or [option.text for option in options]
    words = f"{', '.join(texts[:-1])} or {texts[-1]}" if len(texts) > 1 else texts[0]
    return " ".join(filter(None, (options[0].lead, words, options[0].tail)))


def _intervals(options: Sequence[Option]) -> list[str]:
    """Neighboring intervals of a number as one."""
    joined: list[tuple[float, float]] = []
    for option in options:
        if option.span is None:
            return []
        low, high = option.span
        if joined and joined[-1][1] == low:
            joined[-1] = (joined[-1][0], high)
        else:
            joined.append((low, high))
    return [interval_text(low, high) for low, high in joined]
