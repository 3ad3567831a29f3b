"""Exact inference over the inputs that doubt reaches: dynamic programming over joint states.

The steps of the evidence (a fact, a doubtful member of a set, a node) are folded one at a time over the joint state of
the inputs that they touch. As soon as a derived input or a row can be told, what it was told from is forgotten, so that
the cost grows with what tables can still tell apart, not with the number of combinations of facts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oncology.tnm.elimination import Layout, Name, Stage
from oncology.tnm.evidence_compiler import Step
from oncology.tnm.feature import TUMOR_SIDES
from oncology.tnm.mass import Mass, from_parts, project

State = tuple[int, ...]


@dataclass(frozen=True)
class Question:
    """What one component has to answer.

    Attributes:
        layout: the undecided inputs and the order of work.
        sources: per undecided input its place in a contribution, in the layout's order.
        answers: per axis what to make of the values of the wanted inputs.
        known: every decided input.
        steps: per fact its steps.
        anything: for lists of which nothing is known, what any item could contribute.
        side: the tumor's side, None when it is undecided.
    """

    layout: Layout
    sources: tuple[int, ...]
    answers: Mapping[str, Callable[[tuple[int, ...]], Hashable]]
    known: Mapping[Name, int]
    steps: Mapping[str, Sequence[Step]]
    anything: Mapping[str, Sequence[Any]]
    side: int | None


def fold(question: Question) -> Mass:
    """Mass over tuples: per wanted axis, in order, what was asked for."""
    return _Fold(question).run()


class _Fold:
    """One run."""

    def __init__(self, question: Question) -> None:
        self._q = question
        self._layout = question.layout
        self._combine = {self._layout.place[name]: feature.combine for name, feature in self._layout.features.items()}
        self._listed: dict[Hashable, int] = {}
        given = self._layout.given
        self._constants = tuple(question.known[name] for name in given)
        self._place = {**self._layout.place, **{name: self._layout.length + i for i, name in enumerate(given)}}

    def run(self) -> Mass:
        start: State = (self._q.side or 0, *(0,) * (self._layout.length - 1))
        mass: Mass = ((1.0, frozenset([start])),)
        for stage in self._layout.stages:
            for step in self._bundled(
                [self._restricted(one, stage) for one in self._q.steps.get(stage.fact, ())], stage
            ):
                mass = self._folded(mass, step, stage)
            if stage.fact in self._q.anything:
                ((_, anything),) = self._restricted(((1.0, tuple(self._q.anything[stage.fact])),), stage)
                mass = tuple((share, self._closure(states, anything, stage)) for share, states in mass)
            mass = project(mass, self._after(stage))
        listed = list(self._listed)
        places = list(self._layout.axis_place.values())
        return project(mass, lambda state: tuple(listed[state[place]] for place in places))

    def _bundled(self, steps: Sequence[Step], stage: Stage) -> Sequence[Step]:
        """All steps of a fact as one, unless contributions depend on a side that is not known."""
        ordered = _ordered(steps)
        if len(ordered) < 2 or any(not isinstance(one[0], int) for step in ordered for _, all_ in step for one in all_):
            return ordered
        combine: list[Callable[[int, int], int]] = [max, *(self._combine[place] for place in stage.touched)]
        bundle: Mass = ((1.0, frozenset([(0,) * len(combine)])),)
        for step in ordered:
            bundle = from_parts(
                (
                    share * weight,
                    frozenset(
                        [
                            tuple([f(x, y) for f, x, y in zip(combine, a, b, strict=True)])
                            for a in states
                            for b in outcomes
                        ]
                    ),
                )
                for share, states in bundle
                for weight, outcomes in step
            )
        return [tuple((share, tuple(states)) for share, states in bundle)]

    def _folded(self, mass: Mass, step: Step, stage: Stage) -> Mass:
        return from_parts(
            (share * weight, frozenset([self._joined(state, one, stage) for state in states for one in outcomes]))
            for share, states in mass
            for weight, outcomes in step
        )

    def _restricted(self, step: Step, stage: Stage) -> Step:
        """The side, and the contributions to the inputs that the stage touches; equal outcomes merged."""
        places = (0, *(self._q.sources[place - 1] for place in stage.touched))

        def cut(contribution: Sequence[int]) -> tuple[int, ...]:
            return tuple([contribution[place] for place in places])

        made = []
        for weight, outcomes in step:
            merged = {self._for_side(one, cut) for one in outcomes}
            made.append((weight, tuple(sorted(merged, key=repr))))
        return tuple(made)

    def _for_side(self, outcome: Any, cut: Callable[[Sequence[int]], tuple[int, ...]]) -> Any:
        if isinstance(outcome[0], int):
            return cut(outcome)
        if self._q.side is not None:
            return cut(outcome[self._q.side])
        per_side = tuple(map(cut, outcome))
        return per_side[0] if len(set(per_side)) == 1 else per_side

    def _joined(self, state: State, outcome: Any, stage: Stage) -> State:
        one = outcome if isinstance(outcome[0], int) else outcome[state[0]]
        made = list(state)
        made[0] = max(state[0], one[0])
        for number, place in enumerate(stage.touched, start=1):
            made[place] = self._combine[place](state[place], one[number])
        return tuple(made)

    def _closure(self, states: frozenset[State], anything: Sequence[Any], stage: Stage) -> frozenset[State]:
        """Any number of further items of any kind; worked out once per part of the state that items can change."""
        changed = (0, *stage.touched)
        grown: dict[State, frozenset[State]] = {}
        found = set()
        for state in states:
            head = tuple(state[place] if place in changed else 0 for place in range(len(state)))
            if head not in grown:
                grown[head] = self._grown(head, anything, stage)
            for one in grown[head]:
                found.add(
                    tuple(b if place in changed else a for place, (a, b) in enumerate(zip(state, one, strict=True)))
                )
        return frozenset(found)

    def _grown(self, head: State, anything: Sequence[Any], stage: Stage) -> frozenset[State]:
        reached: set[State] = {head}
        fresh = {head}
        while fresh:
            fresh = {self._joined(state, one, stage) for state in fresh for one in anything} - reached
            reached |= fresh
        return frozenset(reached)

    def _after(self, stage: Stage) -> Callable[[State], State]:
        """What a state becomes once a fact is folded: told, answered and cleared."""
        layout, length = self._layout, self._layout.length
        finished = [(layout.place[name], layout.features[name].finish) for name in stage.finished]
        told = [
            (layout.place[name], layout.derived[name].of, self._places(name[0], layout.derived[name].uses))
            for name in stage.told
        ]
        answered = [
            (layout.axis_place[axis], self._q.answers[axis], self._places(axis, layout.wanted[axis]))
            for axis in stage.answered
        ]

        def collapsed(state: State) -> State:
            made = [*state, *self._constants]
            for place, finish in finished:
                made[place] = finish(state[place], TUMOR_SIDES[state[0]])
            for place, of, places in told:
                made[place] = of(tuple([made[one] for one in places]))
            for place, answer, places in answered:
                given = answer(tuple([made[one] for one in places]))
                made[place] = self._listed.setdefault(given, len(self._listed))
            for place in stage.cleared:
                made[place] = 0
            return tuple(made[:length])

        return collapsed

    def _places(self, axis: str, names: Sequence[str]) -> tuple[int, ...]:
        """Where the values of inputs stand: in the state, or among the constants behind it."""
        return tuple(self._place[axis, name] for name in names)


def _ordered(steps: Sequence[Step]) -> list[Step]:
    """Certain steps first, widest last; equal order for equal evidence, so that sums are equal to the last digit."""
    return sorted(steps, key=lambda step: (max(len(outcomes) for _, outcomes in step), len(step), repr(step)))
