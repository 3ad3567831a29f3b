"""Samples of the neck's nodes by level and side: which result counts there, and of which measured nodes it speaks.

A sample that names no side speaks of the one side on which nodes of its level were measured. Where they were measured
on several, or where none was, its side stays open.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from oncology.cancers.spread import is_stated
from oncology.cancers.station_name import names_on_map
from oncology.findings import History, Laterality, RecordFact

ANY_NECK = "larynx"  # all cancers of the neck share one map
Side = str | None  # left, right or midline; a node's is None where nobody could tell


@dataclass(frozen=True)
class LevelSample:
    """The result that counts at a level and side.

    Attributes:
        levels: the level, or those that its name may mean (V is VA or VB); none for what is no level of the neck.
        side: as the record tells it, or the only one on which nodes of the level were measured; else None.
    """

    levels: tuple[str, ...]
    side: Side
    fact: RecordFact

    @property
    def malignant(self) -> bool:
        """What it found."""
        return bool(self.fact.value["malignant"])

    def sides_met(self, measured: Collection[Side]) -> frozenset[Side]:
        """Of the sides on which nodes of its level were measured, those whose nodes it may have met.

        Tumor that a side holds may be a node whose own side is unknown or in the midline; a benign sample of a side
        clears no such node.
        """
        if self.side is None:
            return frozenset(measured) if len(set(measured)) == 1 else frozenset()
        if self.side in measured:
            return frozenset({self.side})
        return frozenset(measured) & {None, Laterality.MIDLINE.value} if self.malignant else frozenset()


def decisive_samples(history: History, measured: Iterable[tuple[str | None, Side]]) -> list[LevelSample]:
    """By level and side: a person's statement wins, then any malignant sample, then the newest benign one.

    Args:
        measured: level and side of every measured node.
    """
    nodes = tuple(measured)
    by_place: dict[tuple[tuple[str, ...], Side], list[RecordFact]] = {}
    for fact in history.named("station_result"):
        levels = _levels(fact)
        side = sampled_side(fact, [lies for level, lies in nodes if level in levels])
        by_place.setdefault((levels or (fact.value["station"],), side), []).append(fact)
    return [LevelSample(_levels(facts[0]), side, _deciding(facts)) for (_, side), facts in by_place.items()]


def _levels(fact: RecordFact) -> tuple[str, ...]:
    return names_on_map(fact.value["station"], None, ANY_NECK)


def _deciding(facts: Sequence[RecordFact]) -> RecordFact:
    """The fact that counts of those of one place, which are given newest first."""
    stated = [fact for fact in facts if is_stated(fact)]
    malignant = [fact for fact in facts if fact.value["malignant"]]
    return next(iter((*stated, *malignant, *facts)))


def sampled_side(fact: RecordFact, measured: Iterable[Side]) -> Side:
    """The side that a sample tells, else the only one on which nodes of its level were measured; None where open."""
    told = fact.value.get("laterality")
    sides = {told} if told else set(measured)
    found = next(iter(sides)) if len(sides) == 1 else None
    return found if found in [*Laterality] else None
