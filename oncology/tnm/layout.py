"""The undecided inputs of one component: which facts have to be folded together, and what needs what."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

from oncology.tnm.derived import Derived
from oncology.tnm.feature import Feature

Name = tuple[str, str]  # axis and name of an input


class Layout:
    """Undecided inputs and derived inputs, and per axis the inputs that are asked for."""

    def __init__(
        self,
        features: Mapping[Name, Feature],
        derived: Mapping[Name, Derived],
        wanted: Mapping[str, tuple[str, ...]],
    ) -> None:
        """`derived` in an order in which each uses only earlier ones."""
        self.features = dict(features)
        self.derived = dict(derived)
        self.wanted = dict(wanted)
        self.joins: dict[Any, frozenset[Any]] = {}  # kept for fold.py: (kind, states, outcomes) -> joined states
        self.prepared: dict[Any, tuple[Any, Any]] = {}  # kept for fold.py: a step, and what a group needs of it

    @cached_property
    def facts(self) -> tuple[str, ...]:
        """Every fact that the undecided inputs read."""
        return tuple(dict.fromkeys(fact for feature in self.features.values() for fact in feature.facts))

    @cached_property
    def given(self) -> tuple[Name, ...]:
        """The decided inputs that undecided derived ones use."""
        used = ((axis, one) for (axis, _), derived in self.derived.items() for one in derived.uses)
        return tuple(name for name in dict.fromkeys(used) if name not in self.features and name not in self.derived)

    @cached_property
    def groups(self) -> tuple[tuple[tuple[str, ...], tuple[Name, ...]], ...]:
        """Facts that share an input, the tumor's side first, with the inputs they make up."""
        merged: list[set[str]] = []
        for feature in self.features.values():
            facts = set(feature.facts).union(*(one for one in merged if one & set(feature.facts)))
            merged = [*(one for one in merged if not one & facts), facts]
        return tuple(
            (
                tuple(sorted(facts, key=lambda fact: (fact != "tumor_side", fact))),
                tuple(name for name, feature in self.features.items() if facts & set(feature.facts)),
            )
            for facts in merged
        )

    def parts(self, name: Name) -> tuple[Name, ...]:
        """The undecided inputs that a derived input uses."""
        return tuple((name[0], used) for used in self.derived[name].uses if (name[0], used) not in self.given)

    def is_needed(self, name: Name, told: Collection[Name], answered: Collection[str]) -> bool:
        """Whether something that is not yet told uses an input."""
        axis, plain = name
        return any(
            other[0] == axis and plain in one.uses and other not in told for other, one in self.derived.items()
        ) or (axis not in answered and plain in self.wanted.get(axis, ()))
