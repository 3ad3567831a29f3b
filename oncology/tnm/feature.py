"""Table inputs: how facts become one of finitely many values.

Every input accumulates whole numbers, starting at 0, by one of three operations (the larger of two, a capped sum, a
union of bits); `finish` turns what has accumulated into an index of the input's domain. That makes inputs over
scalars, sets and lists of nodes alike, so that all of them can be carried jointly through uncertain facts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

from oncology.tnm.domain import Domain

TUMOR_SIDES = ("left", "right", "midline")
SIDE_BITS = {"left": 1, "right": 2, "midline": 4, "ipsilateral": 8}


class Op(StrEnum):
    """How two accumulated values become one."""

    MAX = "max"
    ADD = "add"
    OR = "or"


class ItemValues(NamedTuple):
    """One possible reading of one positive node or malignant metastasis, reduced to what tables can tell apart."""

    station: str | None  # node station, level, or met site
    side: str | None
    size: float | None
    number: int
    ene: str | None
    flags: tuple[tuple[str, Any], ...] = ()
    evident: bool = True  # the station is stated, not merely not excluded


@dataclass(frozen=True)
class Filter:
    """Which items of a list count. None: any."""

    station: frozenset[str] | None = None
    side: str | None = None  # ipsilateral | contralateral
    laterality: frozenset[str] | None = None
    size: tuple[float, float] | None = None  # above, up to and with
    ene: frozenset[str] | None = None
    flags: tuple[tuple[str, frozenset[Any]], ...] = ()

    def matches(self, item: ItemValues, tumor_side: str) -> bool:
        """Whether the item counts when the tumor lies on that side."""
        return (
            (self.station is None or item.station in self.station)
            and (self.side is None or relative_side(item.side, tumor_side) == self.side)
            and (self.laterality is None or item.side in self.laterality)
            and (self.size is None or (item.size is not None and self.size[0] < item.size <= self.size[1]))
            and (self.ene is None or item.ene in self.ene)
            and all(dict(item.flags).get(name) in allowed for name, allowed in self.flags)
        )


def relative_side(side: str | None, tumor_side: str) -> str:
    """A midline node is ipsilateral; with a midline tumor every node is (both sides together are told by the fold)."""
    if side in ("midline", "ipsilateral") or tumor_side in ("midline", side):
        return "ipsilateral"
    return "contralateral"


@dataclass(frozen=True)
class Source:
    """One list that a fold runs over."""

    list_name: str  # nodes | mets
    filters: tuple[Filter, ...]
    label: str | None = None  # `as`: the name of all its items for `distinct`

    def matches(self, item: ItemValues, tumor_side: str) -> bool:
        """Whether any filter lets the item through."""
        return any(one.matches(item, tumor_side) for one in self.filters)


@dataclass(frozen=True)
class Feature:
    """A named input with its domain."""

    name: str
    domain: Domain
    op: Op
    cap: int = 0

    @property
    def facts(self) -> tuple[str, ...]:
        """The keys of the facts it reads."""
        raise NotImplementedError

    @property
    def needs_side(self) -> bool:
        """Whether its value depends on the tumor's side."""
        return False

    def finish(self, accumulated: int, tumor_side: str) -> int:
        """The index in the domain."""
        return accumulated

    def combine(self, left: int, right: int) -> int:
        """Two accumulated values as one."""
        if self.op is Op.MAX:
            return max(left, right)
        if self.op is Op.ADD:
            return min(self.cap, left + right)
        union = left | right
        return self.saturated if 0 < self.cap <= union.bit_count() else union

    @property
    def saturated(self) -> int:
        """What stands for every union with at least `cap` members."""
        return -1


@dataclass(frozen=True)
class ScalarFeature(Feature):
    """One fact with one value: enumeration, yes/no or a number cut into intervals."""

    fact: str = ""
    index_of: Mapping[Any, int] = field(default_factory=dict)  # empty for numbers

    @property
    def facts(self) -> tuple[str, ...]:
        """The one fact."""
        return (self.fact,)

    def contribution(self, value: Any) -> int:
        """The index of a fact's value."""
        return self.index_of[value] if self.index_of else bisect_left(self.domain.bounds, value)


@dataclass(frozen=True)
class SetFeature(Feature):
    """One fact that is a set of members; members not in `weight` contribute nothing."""

    fact: str = ""
    weight: Mapping[str, int] = field(default_factory=dict)

    @property
    def facts(self) -> tuple[str, ...]:
        """The one fact."""
        return (self.fact,)

    def contribution(self, members: frozenset[str]) -> int:
        """What the members that are present amount to."""
        total = 0
        for member in members:
            total = self.combine(total, self.weight.get(member, 0))
        return total

    def finish(self, accumulated: int, tumor_side: str) -> int:
        """The level, yes or no, or the number of kinds."""
        return counted(accumulated, self.cap) if self.op is Op.OR else accumulated

    @property
    def saturated(self) -> int:
        """More bits than any cap."""
        return (1 << max(64, len(self.weight))) - 1


def counted(bits: int, cap: int) -> int:
    """The number of bits, at most `cap`."""
    return min(cap, bits.bit_count())


@dataclass(frozen=True)
class FoldFeature(Feature):
    """A fold over nodes or metastases."""

    sources: tuple[Source, ...] = ()
    reduce: str = "any"
    key_bits: Mapping[str, int] = field(default_factory=dict)  # distinct: station or site -> its bit
    several: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # unspecified station -> what it can amount to
    evident_only: bool = False  # M: what is merely unknown does not count

    @cached_property
    def facts(self) -> tuple[str, ...]:
        """The lists, and the tumor's side where it matters."""
        lists = tuple(dict.fromkeys(source.list_name for source in self.sources))
        return (*lists, "tumor_side") if self.needs_side else lists

    @cached_property
    def needs_side(self) -> bool:
        """Whether laterality is relative to the tumor anywhere in it."""
        return self.reduce == "laterality" or any(
            one.side is not None for source in self.sources for one in source.filters
        )

    def contributions(self, list_name: str, item: ItemValues, tumor_side: str) -> tuple[int, ...]:
        """What one item amounts to; more than one value where the item itself leaves that open."""
        source = self.matching(list_name, item, tumor_side)
        if source is None:
            return (0,)
        if self.reduce == "distinct":
            key = source.label or str(item.station)
            return self.several.get(key) or (self.key_bits[key],)
        return (self._plain(item),)

    def matching(self, list_name: str, item: ItemValues, tumor_side: str) -> Source | None:
        """The source whose filter lets the item through."""
        if self.evident_only and not item.evident:
            return None
        for source in self.sources:
            if source.list_name == list_name and source.matches(item, tumor_side):
                return source
        return None

    def _plain(self, item: ItemValues) -> int:
        if self.reduce == "count":
            return min(self.cap, item.number)
        if self.reduce == "largest":
            return 0 if item.size is None else 1 + bisect_left(self.domain.bounds, item.size)
        return SIDE_BITS[str(item.side)] if self.reduce in ("laterality", "sides") else 1

    @property
    def saturated(self) -> int:
        """More bits than any cap."""
        return (1 << max(64, len(self.key_bits))) - 1

    def finish(self, accumulated: int, tumor_side: str) -> int:
        """What the items amount to."""
        if self.reduce == "distinct":
            return counted(accumulated, self.cap)
        if self.reduce == "laterality":
            return _laterality(accumulated, tumor_side)
        if self.reduce == "sides":
            return 0 if not accumulated else 2 if accumulated & 3 == 3 else 1
        return accumulated


def _laterality(bits: int, tumor_side: str) -> int:
    """0 none, 1 ipsilateral, 2 contralateral or bilateral."""
    if not bits:
        return 0
    other = {"left": 2, "right": 1}.get(tumor_side)
    opposite = bits & 3 == 3 if other is None else bool(bits & other)
    return 2 if opposite else 1
