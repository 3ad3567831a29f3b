"""From evidence to contributions: what each step of a case adds to the inputs of a group of tables.

A contribution is a tuple of whole numbers, one per input of the component (see system.py); 0 adds nothing.
Whatever tables cannot tell apart becomes equal here, so that results can be kept by their contributions.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from oncology.errors import FactError
from oncology.tnm.feature import TUMOR_SIDES, Feature, FoldFeature, ItemValues, ScalarFeature, SetFeature
from oncology.tnm.reading import (
    ANY_COUNT,
    ANY_NUMBER,
    Element,
    Focal,
    Item,
    Normal,
    Range,
    certain,
    unknown,
)
from oncology.tnm.vocabulary import ENE_VALUES, FactSpec, SiteSpec

Contribution = tuple[int, ...]
Step = tuple[tuple[float, tuple[Any, ...]], ...]  # (mass, contributions, or tuples of them per tumor side)
KEPT = 20_000  # entries of a cache before it starts anew


@dataclass(frozen=True)
class Cutter:
    """Numbers reduced to what the given bounds can tell apart: the bound itself, or one more than the last."""

    bounds: tuple[float, ...]
    rounded: bool  # values come as whole numbers

    def representative(self, value: float) -> float:
        """One number per interval."""
        place = bisect_left(self.bounds, value)
        return self.bounds[place] if place < len(self.bounds) else (self.bounds[-1] + 1.0 if self.bounds else 0.0)

    def focal(self, focal: Focal) -> Focal:
        """The same evidence with representatives in place of numbers, ranges and measurements with an error."""
        if len(focal) == 1 and len(focal[0][1]) == 1 and isinstance(focal[0][1][0], float | int):
            mass, outcomes, stated = focal[0]
            return ((mass, (self.representative(outcomes[0]),), stated),)
        return tuple(part for element in focal for part in self._element(element))

    def _element(self, element: Element) -> Iterator[Element]:
        mass, outcomes, stated = element
        if isinstance(outcomes[0], Normal):
            for share, value in self._normal(outcomes[0]):
                yield mass * share, (value,), stated
            return
        values: dict[float, None] = {}
        for outcome in outcomes:
            low, high = (outcome.low, outcome.high) if isinstance(outcome, Range) else (outcome, outcome)
            values.update(dict.fromkeys(self._between(low, high)))
        yield mass, tuple(values), stated

    def _between(self, low: float, high: float) -> Iterator[float]:
        first, last = bisect_left(self.bounds, low), bisect_left(self.bounds, high)
        for place in range(first, last + 1):
            yield self.bounds[place] if place < len(self.bounds) else self.representative(math.inf)

    def _normal(self, value: Normal) -> Iterator[tuple[float, float]]:
        """The share of a normal distribution in each interval; below 0 counts to the first."""
        below = 0.0
        for bound in self.bounds:
            edge = bound + 0.5 if self.rounded else bound
            share = 0.5 * (1.0 + math.erf((edge - value.mean) / (value.sd * math.sqrt(2.0))))
            if share > below:
                yield share - below, bound
            below = max(below, share)
        if below < 1.0:
            yield 1.0 - below, self.representative(math.inf)


def _simplified(focal: Iterable[tuple[float, tuple[Any, ...]]]) -> Step:
    """Equal sets of contributions merged, in a fixed order."""
    total: dict[tuple[Any, ...], float] = {}
    for mass, outcomes in focal:
        key = tuple(sorted(set(outcomes))) if len(outcomes) > 1 else outcomes
        total[key] = total.get(key, 0.0) + mass
    return tuple((mass, outcomes) for outcomes, mass in total.items())


class FactCompiler:
    """One scalar or set fact of one component."""

    def __init__(self, spec: FactSpec, features: Sequence[tuple[str, Feature]], side_place: bool) -> None:
        """`features`: (axis, input) of the whole component; `side_place`: place 0 carries the tumor's side."""
        self.spec = spec
        self._features = features
        self._side_place = side_place
        self._mine = [
            (place + 1, axis, feature)
            for place, (axis, feature) in enumerate(features)
            if isinstance(feature, ScalarFeature | SetFeature) and feature.fact == spec.key
        ]
        bounds = sorted({bound for _, _, feature in self._mine for bound in feature.domain.bounds})
        self._cutter = Cutter(tuple(bounds), spec.unit == "mm") if spec.kind == "number" else None
        self._kept: dict[Focal, Step] = {}

    def step(self, focal: Focal) -> Step:
        """The contributions of one step of evidence."""
        if self._cutter is not None:
            focal = self._cutter.focal(focal)
        step = self._kept.get(focal)
        if step is None:
            if len(self._kept) > KEPT:
                self._kept.clear()
            step = self._kept[focal] = _simplified(
                (mass, tuple(self._contribution(outcome, stated) for outcome in outcomes))
                for mass, outcomes, stated in focal
            )
        return step

    def _contribution(self, outcome: Any, stated: bool) -> Contribution:
        made = [0] * (len(self._features) + 1)
        if self._side_place and self.spec.key == "tumor_side":
            made[0] = TUMOR_SIDES.index(outcome)
        for place, axis, feature in self._mine:
            value = self._without_evidence(outcome) if axis == "m" and not stated else outcome
            made[place] = feature.contribution(value)
        return tuple(made)

    def _without_evidence(self, outcome: Any) -> Any:
        """M counts only what is known: an unknown fact is read as not present."""
        if self.spec.kind == "set":
            return frozenset()
        return outcome if self.spec.closed is None else self.spec.closed


@dataclass
class ItemCompiler:
    """The nodes or the metastases of one component."""

    site: SiteSpec
    list_name: str
    features: Sequence[tuple[str, Feature]]
    side_place: bool
    _kept: dict[Item, Step] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._mine = [
            (place + 1, feature)
            for place, (_, feature) in enumerate(self.features)
            if isinstance(feature, FoldFeature) and self.list_name in feature.facts
        ]
        filters = [one for _, feature in self._mine for source in feature.sources for one in source.filters]
        reductions = {feature.reduce for _, feature in self._mine}
        bounds = {bound for _, feature in self._mine for bound in feature.domain.bounds}
        bounds |= {bound for one in filters if one.size for bound in one.size if math.isfinite(bound)}
        self._sizes = Cutter(tuple(sorted(bounds)), True)
        cap = max((feature.cap for _, feature in self._mine if feature.reduce == "count"), default=1)
        self._counts = Cutter(tuple(float(number) for number in range(1, cap + 1)), True)
        self._uses_side = bool(reductions & {"laterality", "sides"}) or any(
            one.side or one.laterality for one in filters
        )
        self._uses_ene = any(one.ene is not None for one in filters)
        self._uses_flags = {name for one in filters for name, _ in one.flags}
        self._sides = TUMOR_SIDES if self.side_place else TUMOR_SIDES[:1]

    def step(self, item: Item) -> Step:
        """The contributions of one node or metastasis, per side that the tumor may have."""
        item = self._reduced(item)
        step = self._kept.get(item)
        if step is None:
            if len(self._kept) > KEPT:
                self._kept.clear()
            step = self._kept[item] = _simplified(self._elements(item))
        return step

    def anything(self) -> tuple[Any, ...]:
        """Every contribution that some positive item could make."""
        specs = self.site.node if self.list_name == "nodes" else {}
        stations = tuple(self.site.stations) if specs else self.site.mets["site"].values
        flags = tuple(
            (name, unknown((False, True) if specs[name].kind == "bool" else specs[name].values))
            for name in specs
            if name in self._uses_flags
        )
        free = Item(
            gate=unknown((True,)),
            station=unknown(stations),
            side=unknown(TUMOR_SIDES),
            size=ANY_NUMBER,
            number=ANY_COUNT,
            ene=unknown(ENE_VALUES),
            flags=flags,
        )
        return self.step(free)[0][1]

    def _reduced(self, item: Item) -> Item:
        return Item(
            gate=item.gate,
            station=item.station,
            side=item.side if self._uses_side else certain(None),
            size=self._sizes.focal(item.size) if self._sizes.bounds and self.list_name == "nodes" else certain(None),
            number=self._counts.focal(item.number),
            ene=item.ene if self._uses_ene else certain("no"),
            flags=tuple((name, focal) for name, focal in item.flags if name in self._uses_flags),
        )

    def _elements(self, item: Item) -> Iterator[tuple[float, tuple[Any, ...]]]:
        nothing = tuple((0,) * (len(self.features) + 1) for _ in self._sides)
        for mass, gates, _ in item.gate:
            if True not in gates:
                yield mass, (nothing,)
                continue
            for share, outcomes in self._positive(item):
                yield mass * share, ((nothing, *outcomes) if False in gates else outcomes)

    def _positive(self, item: Item) -> list[tuple[float, tuple[Any, ...]]]:
        """The item given that it is malignant; station and side that exclude each other are dropped."""
        fields = [item.station, item.side, item.size, item.number, item.ene, *(focal for _, focal in item.flags)]
        names = tuple(name for name, _ in item.flags)
        found = []
        for elements in product(*fields):
            evident = self.list_name == "mets" or elements[0][2]
            read = (
                self._values(values, names, evident) for values in product(*(outcomes for _, outcomes, _ in elements))
            )
            outcomes = [
                made for values in dict.fromkeys(read) if values is not None for made in self._contributions(values)
            ]
            if outcomes:
                found.append((math.prod(mass for mass, _, _ in elements), tuple(outcomes)))
        total = math.fsum(mass for mass, _ in found)
        if total <= 0.0:
            raise FactError(f"{self.list_name}: {self.site.station_key} and laterality exclude each other; correct one")
        return [(mass / total, outcomes) for mass, outcomes in found]

    def _values(self, values: Sequence[Any], names: Sequence[str], evident: bool) -> ItemValues | None:
        station, side, size, number, ene, *flags = values
        if self.list_name == "mets":
            return ItemValues(station, None, None, int(number), None, (), evident)
        implied = self.site.stations[station]
        if implied in ("left", "right") and side in ("left", "right") and side != implied:
            return None
        by_station = (
            self.site.node[name].by_station.get(station, flag) for name, flag in zip(names, flags, strict=True)
        )
        flagged = tuple(zip(names, by_station, strict=True))
        return ItemValues(station, implied or side, size, int(number), ene, flagged, evident)

    def _contributions(self, values: ItemValues) -> Iterator[tuple[Contribution, ...]]:
        """Alternatives of one reading: per alternative the contribution for each tumor side."""
        per_side = [
            [(place, feature.contributions(self.list_name, values, side)) for place, feature in self._mine]
            for side in self._sides
        ]
        widths = {place: max(len(dict(of_side)[place]) for of_side in per_side) for place, _ in self._mine}
        for choice in product(*(range(width) for width in widths.values())):
            taken = dict(zip(widths, choice, strict=True))
            yield tuple(self._filled(of_side, taken) for of_side in per_side)

    def _filled(self, of_side: Sequence[tuple[int, tuple[int, ...]]], taken: Mapping[int, int]) -> Contribution:
        made = [0] * (len(self.features) + 1)
        for place, alternatives in of_side:
            made[place] = alternatives[min(taken[place], len(alternatives) - 1)]
        return tuple(made)
