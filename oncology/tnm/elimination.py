"""In which order facts are folded, and what can be forgotten after each.

The order follows Sethi and Ullman (1970): of several things to work out, the one that needs most room compared with the
room its result takes comes first, while little else is kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from oncology.tnm.derived import Derived
from oncology.tnm.feature import Feature

Name = tuple[str, str]  # axis and name of an input
ROWS_KEPT = 8.0  # states that an answered table may leave behind, roughly


@dataclass(frozen=True)
class Stage:
    """What happens once a fact's steps are folded, as places of a state.

    `touched`: inputs that the fact contributes to; `finished`: inputs that are complete; `told`: derived inputs that
    can be worked out; `answered`: axes whose wanted inputs are all at hand; `cleared`: what nothing needs any more.
    """

    fact: str
    touched: tuple[int, ...]
    finished: tuple[Name, ...]
    told: tuple[Name, ...]
    answered: tuple[str, ...]
    cleared: tuple[int, ...]


class Layout:
    """The undecided inputs of one component: their places in a state, and the stages of folding.

    A state holds at place 0 the tumor's side, then the inputs, the derived inputs, and per axis its answer.
    """

    def __init__(
        self,
        features: Mapping[Name, Feature],
        derived: Mapping[Name, Derived],
        wanted: Mapping[str, tuple[str, ...]],
    ) -> None:
        """`wanted`: per axis the inputs that are asked for."""
        self.features = dict(features)
        self.derived = dict(derived)
        self.wanted = dict(wanted)
        names = [*features, *derived]
        self.place = {name: number + 1 for number, name in enumerate(names)}
        self.axis_place = {axis: len(names) + 1 + number for number, axis in enumerate(wanted)}
        self.length = 1 + len(names) + len(wanted)
        self._told: dict[frozenset[str], tuple[Name, ...]] = {}
        self._widths: dict[frozenset[str], float] = {}

    @cached_property
    def facts(self) -> tuple[str, ...]:
        """Every fact that the undecided inputs read."""
        return tuple(dict.fromkeys(fact for feature in self.features.values() for fact in feature.facts))

    @cached_property
    def given(self) -> tuple[Name, ...]:
        """The decided inputs that undecided derived ones use."""
        used = ((axis, one) for (axis, _), derived in self.derived.items() for one in derived.uses)
        return tuple(name for name in dict.fromkeys(used) if name not in self.place)

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """One stage per fact, in a good order."""
        made = []
        done: frozenset[str] = frozenset()
        for fact in self._order():
            made.append(self._stage(fact, done))
            done |= {fact}
        return tuple(made)

    def _order(self) -> list[str]:
        facts = self.facts
        order = ["tumor_side"] if "tumor_side" in facts else []
        order += self._order_for(list(self._targets()), frozenset(order))
        return [*order, *(fact for fact in facts if fact not in order)]

    def _targets(self) -> list[Name]:
        return [(axis, name) for axis, names in self.wanted.items() for name in names if (axis, name) in self.place]

    def _order_for(self, targets: Sequence[Name], done: frozenset[str]) -> list[str]:
        """The facts that the targets need, hungriest target first."""
        order: list[str] = []
        left = list(targets)
        while left:
            now = done | set(order)
            plans = {target: self._facts_for(target, now) for target in left}
            best = max(left, key=lambda target: self._hunger(plans[target], now))
            order += plans[best]
            left.remove(best)
        return order

    def _facts_for(self, target: Name, done: frozenset[str]) -> list[str]:
        """The facts still missing for one input, in order."""
        if target in self.features:
            return [fact for fact in self.features[target].facts if fact not in done]
        uses = [(target[0], used) for used in self.derived[target].uses if (target[0], used) in self.place]
        return self._order_for(uses, done)

    def _hunger(self, facts: Sequence[str], done: frozenset[str]) -> float:
        """How much more room working it out takes than keeping the result."""
        if not facts:
            return math.inf
        widths = []
        for number in range(len(facts)):
            before = done | set(facts[:number])
            widths.append(self._width(before) * self._growth(facts[number], before))
        return math.log(max(widths)) - math.log(self._width(done | set(facts)))

    def _growth(self, fact: str, done: frozenset[str]) -> float:
        """By how much folding a fact multiplies the states before anything is forgotten."""
        touched = [one for one in self.features.values() if fact in one.facts and not done & set(one.facts)]
        return math.prod(len(one.domain) for one in touched)

    def _width(self, done: frozenset[str]) -> float:
        """How many states there may be once these facts are folded."""
        if done not in self._widths:
            self._widths[done] = self._worked_out_width(done)
        return self._widths[done]

    def _worked_out_width(self, done: frozenset[str]) -> float:
        told, answered = self._tellable(done), self._answerable(done)
        width = ROWS_KEPT ** len(answered)
        for name, feature in self.features.items():
            unfinished = set(feature.facts) - done
            if done & set(feature.facts) and (unfinished or self._needed(name, told, answered)):
                width *= len(feature.domain)
        for name in told:
            if self._needed(name, told, answered):
                width *= len(self.derived[name].domain)
        return width

    def _stage(self, fact: str, before: frozenset[str]) -> Stage:
        done = before | {fact}
        told, answered = self._tellable(done), self._answerable(done)
        finished = [name for name, one in self.features.items() if done >= set(one.facts)]
        over = [name for name in (*finished, *told) if not self._needed(name, told, answered)]
        cleared = [self.place[name] for name in over]
        if not any(one.needs_side and set(one.facts) - done for one in self.features.values()):
            cleared.append(0)
        return Stage(
            fact=fact,
            touched=tuple(self.place[name] for name, one in self.features.items() if fact in one.facts),
            finished=tuple(name for name in finished if fact in self.features[name].facts),
            told=tuple(name for name in told if name not in self._tellable(before)),
            answered=tuple(axis for axis in answered if axis not in self._answerable(before)),
            cleared=tuple(cleared),
        )

    def _tellable(self, done: frozenset[str]) -> tuple[Name, ...]:
        """Derived inputs whose parts are all at hand."""
        if done not in self._told:
            self._told[done] = self._worked_out_tellable(done)
        return self._told[done]

    def _worked_out_tellable(self, done: frozenset[str]) -> tuple[Name, ...]:
        have = {name for name, one in self.features.items() if done >= set(one.facts)}
        found = []
        for name, derived in self.derived.items():
            if all((name[0], used) in have or (name[0], used) not in self.place for used in derived.uses):
                have.add(name)
                found.append(name)
        return tuple(found)

    def _answerable(self, done: frozenset[str]) -> list[str]:
        have = {name for name, one in self.features.items() if done >= set(one.facts)} | set(self._tellable(done))
        return [axis for axis, names in self.wanted.items() if all((axis, name) in have for name in names)]

    def _needed(self, name: Name, told: Sequence[Name], answered: Sequence[str]) -> bool:
        """Whether something not yet told depends on it."""
        axis, plain = name
        return any(
            other[0] == axis and plain in one.uses and other not in told for other, one in self.derived.items()
        ) or (axis not in answered and plain in self.wanted.get(axis, ()))
