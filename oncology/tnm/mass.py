"""Mass functions: evidence that supports sets of outcomes rather than single ones (Dempster 1967, Shafer 1976).

A mass function is a tuple of (mass, frozenset of outcomes). Facts with probabilities put mass on single outcomes;
an unknown fact widens the sets. Nothing is sampled: every operation is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

Mass = tuple[tuple[float, frozenset[Any]], ...]
CREDIBLE = 0.97  # the smallest set of categories with at least this probability
_NOISE = 1e-9  # sums of probabilities are compared with this tolerance


def from_parts(parts: Iterable[tuple[float, frozenset[Any]]]) -> Mass:
    """One mass function; equal sets are merged."""
    total: dict[frozenset[Any], float] = {}
    for mass, outcomes in parts:
        total[outcomes] = total.get(outcomes, 0.0) + mass
    return tuple((mass, outcomes) for outcomes, mass in total.items())


def project(mass: Mass, to: Callable[[Any], Hashable]) -> Mass:
    """The mass function of a quantity computed from the outcomes."""
    return from_parts((share, frozenset(map(to, outcomes))) for share, outcomes in mass)


def union_of(masses: Iterable[Mass]) -> Mass:
    """Either of several sources holds, unknown which (the disjunctive rule, Smets 1993)."""
    combined: Mass = ((1.0, frozenset()),)
    for mass in masses:
        combined = from_parts((x * y, a | b) for x, a in combined for y, b in mass)
    return combined


def possible(mass: Mass) -> frozenset[Any]:
    """Every outcome that is not ruled out."""
    return frozenset().union(*(outcomes for _, outcomes in mass))


def pignistic(mass: Mass) -> dict[Any, float]:
    """Probabilities: what an unknown leaves open is split evenly over the outcomes it leaves open (Smets 1994).

    Empty sets (contradictions) carry nothing; the rest is scaled to 1.

    >>> sorted(pignistic(((0.5, frozenset("a")), (0.5, frozenset("ab")))).items())
    [('a', 0.75), ('b', 0.25)]
    """
    shares: dict[Any, float] = {}
    for mass_, outcomes in mass:
        for outcome in outcomes:
            shares[outcome] = shares.get(outcome, 0.0) + mass_ / len(outcomes)
    total = sum(shares.values())
    return {outcome: min(1.0, share / total) for outcome, share in shares.items()} if total > 0 else {}


def belief(mass: Mass, outcome: Any) -> float:
    """The probability that an outcome has however the unknown facts turn out."""
    solid = sum(share for share, outcomes in mass if outcomes == {outcome})
    total = sum(share for share, outcomes in mass if outcomes)
    return solid / total if total > 0 else 0.0


def credible(probabilities: Mapping[str, float], order: Callable[[str], Any]) -> tuple[str, ...]:
    """The smallest set with at least 97 percent; equal shares are taken in the order given."""
    chosen: list[str] = []
    total = 0.0
    for outcome in sorted(probabilities, key=lambda one: (-round(probabilities[one], 12), order(one))):
        if total >= CREDIBLE - _NOISE:
            break
        chosen.append(outcome)
        total += probabilities[outcome]
    return tuple(sorted(chosen, key=order))


def at_least_half(share: float) -> bool:
    """0.5 up to rounding noise."""
    return share >= 0.5 - _NOISE
