"""What would decide an open answer, and what would change a given one: single findings tried out one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from oncology.errors import FactError
from oncology.findings import Status
from oncology.tnm.answer import Change
from oncology.tnm.finding import Facts, Findings, Slot
from oncology.tnm.stager import Stager
from oncology.tnm.summary import Summary

KEYS = {"t": "t", "n": "n", "m": "m", "group": "stage_group"}
LISTED = 6  # so many alternatives with the same result are named in one sentence
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
    """Per axis the facts that are unknown or doubtful and whose resolution would change what is possible."""
    wide = [axis for axis, one in found.items() if len(one.possible) > 1]
    named: dict[str, list[str]] = {axis: list(one.open) for axis, one in found.items()}
    if wide:
        for axis in _subset_decides(stager, facts, strict, wide):
            named[axis].append("subset")
        for slot in _findings(stager, strict).slots(facts):
            if slot.status is not Status.KNOWN:
                for axis in _narrowed(stager, slot, strict, found, wide):
                    named[axis].append(slot.name)
    return {axis: tuple(dict.fromkeys(names)) for axis, names in named.items()}


def _findings(stager: Stager, strict: bool) -> Findings:
    return Findings(stager.site, [table for of_axis in stager.tables.values() for table in of_axis], strict)


def _subset_decides(stager: Stager, facts: Facts, strict: bool, wide: Iterable[str]) -> list[str]:
    evidence = stager.read(facts, strict)
    solved = stager.solve(evidence)
    if len(solved) == 1:
        return []
    return [axis for axis in wide if len({one.possible for one in stager.by_subset(axis, solved, evidence)}) > 1]


def _narrowed(stager: Stager, slot: Slot, strict: bool, found: Mapping[str, Summary], wide: Iterable[str]) -> list[str]:
    """The axes in which some resolution of the finding leaves less possible."""
    left = list(wide)
    narrowed = []
    for option in slot.options:
        if not left:
            break
        tried = _try(stager, option.facts, strict)
        for axis in [axis for axis in left if tried and set(tried[axis].possible) != set(found[axis].possible)]:
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
    ranked: list[tuple[int, Change]] = []
    for slot in _findings(stager, strict).slots(facts):
        rank = _ORDER.index(slot.status)
        ranked += [(rank, change) for change in _slot_changes(stager, slot, strict, now)]
    ranked.sort(key=lambda pair: pair[0])
    return tuple(_merged([change for _, change in ranked]))


def _slot_changes(stager: Stager, slot: Slot, strict: bool, now: Mapping[str, str]) -> Iterable[Change]:
    for option in slot.options:
        tried = _try(stager, option.facts, strict)
        then = _labels(tried) if tried else now
        if then != now:
            yield Change(slot.name, option.text, then)


def _labels(found: Mapping[str, Summary]) -> dict[str, str]:
    return {KEYS[axis]: one.category or " or ".join(one.possible) or "undefined" for axis, one in found.items()}


def _merged(changes_: Iterable[Change]) -> Iterable[Change]:
    """Members of one set, or additions to one list, with the same result in one entry."""
    groups: dict[tuple[Any, ...], list[Change]] = {}
    for change in changes_:
        fact = change.finding.split(".")[0]
        negative = change.condition.startswith("not ")
        key = (fact if "[" not in fact else change.finding, negative, tuple(change.then.items()))
        groups.setdefault(key, []).append(change)
    for group in groups.values():
        if len(group) == 1:
            yield group[0]
            continue
        finding = group[0].finding.split(".")[0] if "[" not in group[0].finding else group[0].finding
        texts = [change.condition for change in group]
        more = f" or {len(texts) - LISTED} others" if len(texts) > LISTED else ""
        yield Change(finding, " or ".join(texts[:LISTED]) + more, group[0].then)
