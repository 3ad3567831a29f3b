"""Finite domains of table inputs, and the conditions that rows put on them.

A value of a domain is its index. Intervals hold their upper bound: a tumor of exactly 20 mm lies in `<= 20`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

_COMPARISON = re.compile(r"^(<=|>=|<|>)\s*(\S+)$")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<=": lambda value, bound: value <= bound,
    ">=": lambda value, bound: value >= bound,
    "<": lambda value, bound: value < bound,
    ">": lambda value, bound: value > bound,
}


class Fault(Exception):  # noqa: N818  (collected and reported together as one TableError)
    """One thing wrong with a table; never leaves the loader."""


class Kind(StrEnum):
    """What the values of a domain are."""

    BOOL = "bool"
    LABELS = "labels"
    COUNT = "count"
    INTERVAL = "interval"


@dataclass(frozen=True)
class Domain:
    """The values that a table input can take, in order.

    `bounds` of intervals: interval i reaches from above bounds[i-1] up to and with bounds[i]. With `none_first`, index
    0 means that there is nothing to measure, and the intervals follow.
    """

    kind: Kind
    labels: tuple[str, ...]
    bounds: tuple[float, ...] = ()
    none_first: bool = False

    def __len__(self) -> int:
        return len(self.labels)


BOOL = Domain(Kind.BOOL, ("false", "true"))


def label_domain(labels: tuple[str, ...]) -> Domain:
    """Named values in their order."""
    if len(set(labels)) != len(labels) or not labels:
        raise Fault(f"labels {list(labels)} repeat or are empty")
    return Domain(Kind.LABELS, labels)


def count_domain(cap: int) -> Domain:
    """0 to cap, where cap means "cap or more"."""
    return Domain(Kind.COUNT, tuple(str(number) for number in range(cap + 1)))


def interval_domain(bounds: tuple[float, ...], none_first: bool = False) -> Domain:
    """Intervals cut at upper-inclusive bounds."""
    if not bounds or list(bounds) != sorted(set(bounds)):
        raise Fault(f"cut {list(bounds)} must be increasing numbers")
    texts = [f"{bound:g}" for bound in bounds]
    middle = tuple(f"> {low}, <= {high}" for low, high in pairwise(texts))
    labels = (f"<= {texts[0]}", *middle, f"> {texts[-1]}")
    return Domain(Kind.INTERVAL, ("none", *labels) if none_first else labels, bounds, none_first)


def select(domain: Domain, condition: Any) -> frozenset[int]:
    """The indices that a condition of a `when` mapping matches.

    Raises:
        Fault: the condition does not fit the domain, or matches nothing.
    """
    chosen = (
        frozenset().union(*(_one(domain, item) for item in condition))
        if isinstance(condition, list)
        else _one(domain, condition)
    )
    if not chosen:
        raise Fault(f"{condition!r} matches nothing")
    return chosen


def _one(domain: Domain, condition: Any) -> frozenset[int]:
    if isinstance(condition, dict):
        raise Fault(f"{condition!r} is no condition")
    text = str(condition).lower() if isinstance(condition, bool) else str(condition).strip()
    if text in domain.labels:
        _check_type(domain, condition)
        return frozenset([domain.labels.index(text)])
    if text.startswith("not "):
        return frozenset(range(len(domain))) - _one(domain, text[4:].strip())
    chosen = frozenset(range(len(domain)))
    for part in text.split(","):
        chosen &= _compare(domain, part.strip())
    return chosen


def _check_type(domain: Domain, condition: Any) -> None:
    if (domain.kind is Kind.BOOL) != isinstance(condition, bool):
        raise Fault(f"{condition!r} does not fit values {list(domain.labels)}")


def _compare(domain: Domain, part: str) -> frozenset[int]:
    found = _COMPARISON.match(part)
    if not found or domain.kind is Kind.BOOL:
        raise Fault(f"{part!r} is none of {list(domain.labels)}")
    sign, word = found.groups()
    if domain.kind is Kind.LABELS:
        if word not in domain.labels:
            raise Fault(f"{part!r}: {word!r} is none of {list(domain.labels)}")
        place = domain.labels.index(word)
        return frozenset(i for i in range(len(domain)) if _COMPARE[sign](i, place))
    number = _number(part, word)
    return (
        _compare_count(domain, sign, number) if domain.kind is Kind.COUNT else _compare_interval(domain, sign, number)
    )


def _number(part: str, word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise Fault(f"{part!r}: {word!r} is no number") from None


def _compare_count(domain: Domain, sign: str, number: float) -> frozenset[int]:
    cap = len(domain) - 1
    highest = cap if sign in (">=", "<") else cap - 1
    if number != int(number) or not 0 <= number <= highest:
        raise Fault(f"'{sign} {number:g}' cannot be told apart with cap {cap}")
    return frozenset(i for i in range(len(domain)) if _COMPARE[sign](i, number))


def _compare_interval(domain: Domain, sign: str, number: float) -> frozenset[int]:
    if sign not in ("<=", ">"):
        raise Fault(f"'{sign} {number:g}': a boundary belongs to the smaller interval, write <= or >")
    if number not in domain.bounds:
        raise Fault(f"bound {number:g} is none of the cuts {[f'{bound:g}' for bound in domain.bounds]}")
    first = 1 if domain.none_first else 0
    split = first + domain.bounds.index(number) + 1
    return frozenset(range(first, split)) if sign == "<=" else frozenset(range(split, len(domain)))
