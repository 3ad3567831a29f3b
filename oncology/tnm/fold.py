"""Exact inference over the inputs that doubt reaches: bucket elimination on mass functions.

The steps of the evidence (a fact, a doubtful member of a set, a node) that make up the same inputs are folded one at a
time over the joint state of those inputs. The results are factors that share no fact, hence independent; they are
multiplied only when a derived input or a row needs both, cheapest first, and what nothing needs any more is forgotten.
So the cost grows with what tables can still tell apart, not with the number of combinations of facts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from oncology.tnm.evidence_compiler import KEPT, Step
from oncology.tnm.feature import TUMOR_SIDES
from oncology.tnm.layout import Layout, Name
from oncology.tnm.mass import Mass, from_parts, project

State = tuple[int, ...]
_ANSWER = ""  # the name under which a factor holds the answer of an axis


@dataclass(frozen=True)
class Question:
    """What one component has to answer.

    Attributes:
        layout: the undecided inputs.
        sources: per undecided input its place in a contribution.
        answers: per axis what to make of the values of the wanted inputs.
        known: every decided input.
        steps: per fact its steps.
        anything: for lists of which nothing is known, what any item could contribute.
        side: the tumor's side, None when it is undecided.
    """

    layout: Layout
    sources: Mapping[Name, int]
    answers: Mapping[str, Callable[[tuple[int, ...]], Hashable]]
    known: Mapping[Name, int]
    steps: Mapping[str, Sequence[Step]]
    anything: Mapping[str, Sequence[Any]]
    side: int | None


@dataclass(frozen=True)
class Factor:
    """Mass over the joint values of some inputs."""

    names: tuple[Name, ...]
    mass: Mass

    @property
    def size(self) -> int:
        """How many states it holds."""
        return sum(len(states) for _, states in self.mass)


def fold(question: Question) -> Mass:
    """Mass over tuples: per wanted axis, in order, what was asked for."""
    factors = [_GroupFold(question, *group).factor() for group in question.layout.groups]
    return _Elimination(question, factors).run()


class _Elimination:
    """Factors multiplied until every axis is answered."""

    def __init__(self, question: Question, factors: list[Factor]) -> None:
        self._q = question
        self._layout = question.layout
        self._factors = factors
        self._told: set[Name] = set()
        self._answered: list[str] = []

    def run(self) -> Mass:
        self._factors = [self._collapsed(factor) for factor in self._factors]
        while len(self._answered) < len(self._layout.wanted):
            needed = min(self._targets(), key=self._cost)
            together = [factor for factor in self._factors if set(factor.names) & set(needed)]
            rest = [factor for factor in self._factors if not set(factor.names) & set(needed)]
            self._factors = [*rest, self._collapsed(_product(together))]
        last = _product(self._factors)
        places = [last.names.index((axis, _ANSWER)) for axis in self._layout.wanted]
        return project(last.mass, lambda state: tuple([state[place] for place in places]))

    def _targets(self) -> Iterator[tuple[Name, ...]]:
        """What has to be multiplied for one more derived input or answer."""
        have = {name for factor in self._factors for name in factor.names}
        for name in self._layout.derived:
            parts = self._layout.parts(name)
            if name not in self._told and have.issuperset(parts):
                yield parts
        for axis, names in self._layout.wanted.items():
            wanted = tuple((axis, name) for name in names)
            if axis not in self._answered and have.issuperset(wanted):
                yield wanted

    def _cost(self, names: Sequence[Name]) -> int:
        return prod(factor.size for factor in self._factors if set(factor.names) & set(names))

    def _collapsed(self, factor: Factor) -> Factor:
        """With every derived input and answer that it can tell, and without what nothing needs any more."""
        made = list(factor.names)
        told: list[tuple[Callable[[tuple[int, ...]], Any], list[int]]] = []
        constants = tuple(self._q.known[name] for name in self._layout.given)
        place = {name: number - len(constants) for number, name in enumerate(self._layout.given)}
        for name, derived in self._layout.derived.items():
            if name not in self._told and set(self._layout.parts(name)) <= set(made):
                uses = [(name[0], used) for used in derived.uses]
                told.append((derived.of, [made.index(use) if use in made else place[use] for use in uses]))
                made.append(name)
                self._told.add(name)
        for axis, names in self._layout.wanted.items():
            if axis not in self._answered and all((axis, name) in made for name in names):
                told.append((self._q.answers[axis], [made.index((axis, name)) for name in names]))
                made.append((axis, _ANSWER))
                self._answered.append(axis)
        kept = [number for number, name in enumerate(made) if self._keeps(name)]

        def collapse(state: tuple[Any, ...]) -> tuple[Any, ...]:
            values = list(state)
            for of, places in told:
                with_constants = values if not constants else [*values, *constants]
                values.append(of(tuple([with_constants[one] for one in places])))
            return tuple([values[number] for number in kept])

        return Factor(tuple(made[number] for number in kept), project(factor.mass, collapse))

    def _keeps(self, name: Name) -> bool:
        return name[1] == _ANSWER or self._layout.is_needed(name, self._told, self._answered)


def _product(factors: Sequence[Factor]) -> Factor:
    """Independent factors as one, smallest first."""
    ordered = sorted(factors, key=lambda factor: factor.size)
    names = ordered[0].names
    mass = ordered[0].mass
    for factor in ordered[1:]:
        names += factor.names
        mass = from_parts(
            (x * y, frozenset([a + b for a in left for b in right])) for x, left in mass for y, right in factor.mass
        )
    return Factor(names, mass)


@dataclass(frozen=True)
class Prepared:
    """A step cut down to what one group of inputs needs: mass over sets of outcomes.

    `order`: certain steps come first, widest last, and equal ones in equal order, so that sums are equal to the last
    digit.
    """

    parts: Mass
    order: tuple[int, int, str]


class _GroupFold:
    """Facts that make up the same inputs. A state holds the tumor's side and what has accumulated for each input."""

    def __init__(self, question: Question, facts: tuple[str, ...], names: tuple[Name, ...]) -> None:
        self._q = question
        self._facts = facts
        self._names = names
        self._layout = question.layout
        features = [question.layout.features[name] for name in names]
        self._combine: list[Callable[[int, int], int]] = [max, *(feature.combine for feature in features)]
        self._finish = [feature.finish for feature in features]
        self._places = (0, *(question.sources[name] for name in names))

    def factor(self) -> Factor:
        """The joint mass over the values of the inputs."""
        mass: Mass = ((1.0, frozenset([(self._q.side or 0, *(0,) * len(self._names))])),)
        for fact in self._facts:
            steps = [self._prepared(step) for step in self._q.steps.get(fact, ())]
            for step in sorted(steps, key=lambda one: one.order):
                mass = self._multiplied(mass, step)
            if fact in self._q.anything:
                ((_, anything),) = self._prepared(((1.0, tuple(self._q.anything[fact])),)).parts
                mass = from_parts((share, self._closure(states, anything)) for share, states in mass)
        return Factor(self._names, project(mass, self._finished))

    def _finished(self, state: State) -> State:
        side = TUMOR_SIDES[state[0]]
        return tuple([finish(value, side) for finish, value in zip(self._finish, state[1:], strict=True)])

    def _multiplied(self, mass: Mass, step: Prepared) -> Mass:
        """Every set of states joined with every set of outcomes; a join is worked out once per layout."""
        kept = self._layout.joins
        parts = []
        for share, states in mass:
            for weight, outcomes in step.parts:
                key = (self._facts, states, outcomes)
                found = kept.get(key)
                if found is None:
                    if len(kept) > KEPT:
                        kept.clear()
                    found = kept[key] = frozenset([self._joined(a, b) for a in states for b in outcomes])
                parts.append((share * weight, found))
        return from_parts(parts)

    def _joined(self, state: State, outcome: Any) -> State:
        one = outcome if isinstance(outcome[0], int) else outcome[state[0]]
        return tuple([f(a, b) for f, a, b in zip(self._combine, state, one, strict=True)])

    def _closure(self, states: frozenset[State], anything: frozenset[Any]) -> frozenset[State]:
        """Any number of further items of any kind."""
        reached = set(states)
        fresh: set[State] = set(states)
        while fresh:
            fresh = {self._joined(state, one) for state in fresh for one in anything} - reached
            reached |= fresh
        return frozenset(reached)

    def _prepared(self, step: Step) -> Prepared:
        """A step cut down to the side and the inputs at hand; worked out once per step object."""
        key = (id(step), self._facts, self._q.side)
        held = self._layout.prepared.get(key)
        if held is not None and held[0] is step:
            prepared: Prepared = held[1]
            return prepared
        if len(self._layout.prepared) > KEPT:
            self._layout.prepared.clear()
        made = self._cut_down(step)
        self._layout.prepared[key] = (step, made)
        return made

    def _cut_down(self, step: Step) -> Prepared:
        parts = from_parts((weight, frozenset(map(self._for_side, outcomes))) for weight, outcomes in step)
        widest = max(len(outcomes) for _, outcomes in parts)
        text = repr([(weight, sorted(outcomes, key=repr)) for weight, outcomes in parts])
        return Prepared(parts, (widest, len(parts), text))

    def _for_side(self, outcome: Any) -> Any:
        if isinstance(outcome[0], int):
            return self._cut(outcome)
        if self._q.side is not None:
            return self._cut(outcome[self._q.side])
        per_side = tuple(map(self._cut, outcome))
        return per_side[0] if len(set(per_side)) == 1 else per_side

    def _cut(self, contribution: Sequence[int]) -> tuple[int, ...]:
        return tuple([contribution[place] for place in self._places])
