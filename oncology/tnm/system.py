"""Tables of one case compiled together: evidence in, exact mass over rows out.

What is certain is looked up. What doubt reaches is split into components that share no doubtful fact; each is folded on
its own (fold.py) and the rows are looked up jointly, so that tables that share a doubtful fact (nodes for N and M,
separate nodules for T and M) stay correlated. Answers are kept by contribution: cases that tables cannot tell apart are
answered once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from oncology.tnm.evidence_compiler import KEPT, FactCompiler, ItemCompiler, Step
from oncology.tnm.feature import TUMOR_SIDES, Feature, FoldFeature
from oncology.tnm.fold import Question, fold
from oncology.tnm.joint import Part, joint_rows
from oncology.tnm.layout import Layout, Name
from oncology.tnm.mass import Mass, from_parts, project
from oncology.tnm.reading import Evidence
from oncology.tnm.table import Table
from oncology.tnm.vocabulary import SiteSpec

LISTS = ("nodes", "mets")
Steps = tuple[Step, ...]
Key = tuple[Steps | None, ...]  # per fact its steps; None: the whole list is unknown


@dataclass(frozen=True, eq=False)
class Solved:
    """The answer: per cluster of tables its axes and the mass over tuples of row places in that order."""

    clusters: tuple[tuple[tuple[str, ...], Mass], ...]
    values: Mapping[Name, int]  # the inputs that are certain
    wide: Solved | None = None  # M alone, where unknown facts may speak for M1: for what is possible

    def mass(self, axis: str) -> Mass:
        """The mass over the rows of one table."""
        axes, mass = next(one for one in self.clusters if axis in one[0])
        place = axes.index(axis)
        return project(mass, lambda rows: rows[place])

    def joint(self, order: Sequence[str]) -> Mass:
        """The mass over tuples of rows of all tables; clusters share no doubtful fact, so their masses multiply."""
        joint: Mass = ((1.0, frozenset([()])),)
        for _, mass in self.clusters:
            joint = from_parts(
                (x * y, frozenset(a + b for a in left for b in right)) for x, left in joint for y, right in mass
            )
        axes = [axis for of_cluster, _ in self.clusters for axis in of_cluster]
        places = [axes.index(axis) for axis in order]
        return project(joint, lambda rows: tuple(rows[place] for place in places))


class System:
    """The tables of one site, edition, classification and subset, compiled."""

    def __init__(self, site: SiteSpec, tables: Mapping[str, Table], wide: bool = False) -> None:
        """`tables` by axis: any of t, n and m. `wide`: unknown facts may speak for M1."""
        self.site = site
        self.tables = dict(tables)
        self._features: dict[Name, Feature] = {
            (axis, name): _widened(feature) if wide else feature
            for axis, table in tables.items()
            for name, feature in table.features.items()
        }
        self._is_wide = wide
        self._m_facts = {fact for (axis, _), one in self._features.items() if axis == "m" for fact in one.facts}
        self._wide = System(site, {"m": tables["m"]}, wide=True) if "m" in tables and not wide else None
        pairs = [("" if wide else axis, feature) for (axis, _), feature in self._features.items()]
        self._by_side = any(feature.needs_side for feature in self._features.values())
        facts = sorted({fact for _, feature in pairs for fact in feature.facts}, key=lambda one: one != "tumor_side")
        self._scalars = {
            fact: FactCompiler(site.facts[fact], pairs, self._by_side) for fact in facts if fact not in LISTS
        }
        self._lists = {name: ItemCompiler(site, name, pairs, self._by_side) for name in LISTS if name in facts}
        self._kept: dict[tuple[Key, Solved | None], Solved] = {}
        self._parts: dict[Any, Part] = {}
        self._layouts: dict[Any, Layout] = {}

    def solve(self, evidence: Evidence) -> Solved:
        """The exact answer for a case."""
        key = self._key(evidence)
        wide = self._wide.solve(evidence) if self._wide and self._m_is_open(evidence) else None
        found = self._kept.get((key, wide))
        if found is None:
            if len(self._kept) > KEPT:
                self._kept.clear()
            solved = self._solve(dict(zip((*self._scalars, *self._lists), key, strict=True)))
            found = self._kept[key, wide] = replace(solved, wide=wide)
        return found

    def _m_is_open(self, evidence: Evidence) -> bool:
        """Whether something that M reads is unknown."""
        if evidence.mets is None or (evidence.nodes is None and "nodes" in self._m_facts):
            return True
        if "nodes" in self._m_facts and not all(node.station[0][2] for node in evidence.nodes or ()):
            return True
        scalars = (fact for fact in self._m_facts if fact not in LISTS)
        return any(not focal[0][2] for fact in scalars for focal in evidence.steps[fact])

    def _key(self, evidence: Evidence) -> Key:
        steps = evidence.steps
        scalars = [tuple([compiler.step(focal) for focal in steps[fact]]) for fact, compiler in self._scalars.items()]
        lists = [self._list_key(name, compiler, evidence) for name, compiler in self._lists.items()]
        return (*scalars, *lists)

    def _list_key(self, name: str, compiler: ItemCompiler, evidence: Evidence) -> Steps | None:
        items = evidence.nodes if name == "nodes" else evidence.mets
        if items is None and name == "mets" and not self._is_wide:
            items = ()  # no evidence of metastasis is M0
        if items is None:
            return None
        return tuple(sorted([compiler.step(item) for item in items], key=id))  # in any order, but equal for equal lists

    def _solve(self, steps: Mapping[str, Steps | None]) -> Solved:
        known = self._certain_values(steps)
        open_inputs = {
            axis: tuple(name for name in table.inputs if (axis, name) not in known)
            for axis, table in self.tables.items()
        }
        parts = [self._part(group, known, steps, open_inputs) for group in self._groups(known, open_inputs, steps)]
        return Solved(joint_rows(self.tables, known, parts), known)

    def _certain_values(self, steps: Mapping[str, Steps | None]) -> dict[Name, int]:
        """Every input, given or derived, that doubt does not reach."""
        sides = self._sides(steps)
        known: dict[Name, int] = {}
        for place, (name, feature) in enumerate(self._features.items(), start=1):
            values = {self._certain_value(place, feature, side, steps) for side in sides}
            if len(values) == 1 and None not in values:
                known[name] = values.pop()  # type: ignore[assignment]  # None is excluded
        self._derive(known)
        return known

    def _certain_value(self, place: int, feature: Feature, side: int, steps: Mapping[str, Steps | None]) -> int | None:
        """The input's index for one side of the tumor; None when outcomes differ."""
        total = 0
        for fact in feature.facts:
            of_fact = steps[fact]
            if of_fact is None:
                if any(_entry(one, side)[place] for one in self._lists[fact].anything()):
                    return None
                continue
            for step in of_fact:
                first = _entry(step[0][1][0], side)[place]
                if not _is_certain(step) and any(
                    _entry(one, side)[place] != first for _, outcomes in step for one in outcomes
                ):
                    return None
                total = feature.combine(total, first)
        return feature.finish(total, TUMOR_SIDES[side])

    def _sides(self, steps: Mapping[str, Steps | None]) -> list[int]:
        """The sides the tumor may lie on."""
        if not self._by_side or "tumor_side" not in steps:
            return [0]
        return sorted({one[0] for step in steps["tumor_side"] or () for _, outcomes in step for one in outcomes})

    def _derive(self, known: dict[Name, int]) -> None:
        for axis, table in self.tables.items():
            mine = {name: index for (of, name), index in known.items() if of == axis}
            for name, derived in table.derived.items():
                value = derived.known_value(mine)
                if value is not None:
                    mine[name] = known[axis, name] = value

    def _groups(
        self, known: Mapping[Name, int], open_inputs: Mapping[str, Sequence[str]], steps: Mapping[str, Steps | None]
    ) -> list[set[Name]]:
        """The inputs and derived inputs that an open row depends on, grouped by what they share."""
        doubtful = {fact for fact, of_fact in steps.items() if of_fact is None or not all(map(_is_certain, of_fact))}
        needed: set[Name] = set()
        links: list[set[Name]] = []
        by_fact: dict[str, set[Name]] = {}
        left = [(axis, name) for axis, names in open_inputs.items() for name in names]
        while left:
            name = left.pop()
            if name in needed:
                continue
            needed.add(name)
            if name in self._features:
                links.append({name})
                for fact in doubtful.intersection(self._features[name].facts):
                    by_fact.setdefault(fact, set()).add(name)
                continue
            derived = self.tables[name[0]].derived[name[1]]
            below = {(name[0], used) for used in derived.uses if (name[0], used) not in known}
            links.append({name, *below})
            left += below
        return _merge([*links, *by_fact.values()])

    def _part(
        self,
        group: set[Name],
        known: Mapping[Name, int],
        steps: Mapping[str, Steps | None],
        open_inputs: Mapping[str, Sequence[str]],
    ) -> Part:
        """One component folded: its open inputs per axis, or rows where it holds all open inputs of a table."""
        inputs = {
            axis: mine
            for axis, names in open_inputs.items()
            if (mine := tuple(name for name in names if (axis, name) in group))
        }
        complete = frozenset(axis for axis, mine in inputs.items() if len(mine) == len(open_inputs[axis]))
        layout = self._layout(group, inputs)
        sides = tuple(self._sides(steps))
        key = (
            layout,
            sides,
            tuple(steps[fact] for fact in layout.facts),
            tuple(known[name] for name in layout.given),
            tuple(known.get((axis, name)) for axis in complete for name in self.tables[axis].inputs),
        )
        found = self._parts.get(key)
        if found is None:
            if len(self._parts) > KEPT:
                self._parts.clear()
            found = self._parts[key] = self._folded(layout, inputs, complete, known, steps, sides)
        return found

    def _folded(
        self,
        layout: Layout,
        inputs: Mapping[str, tuple[str, ...]],
        complete: frozenset[str],
        known: Mapping[Name, int],
        steps: Mapping[str, Steps | None],
        sides: Sequence[int],
    ) -> Part:
        places = {name: place for place, name in enumerate(self._features, start=1)}
        question = Question(
            layout=layout,
            sources={name: places[name] for name in layout.features},
            answers={axis: self._answer(axis, mine, known, axis in complete) for axis, mine in inputs.items()},
            known=known,
            steps={fact: of_fact for fact, of_fact in steps.items() if of_fact is not None},
            anything={name: self._lists[name].anything() for name in self._lists if steps[name] is None},
            side=sides[0] if len(sides) == 1 else None,
        )
        return Part(inputs, complete, fold(question))

    def _layout(self, group: set[Name], inputs: Mapping[str, tuple[str, ...]]) -> Layout:
        """The order of work for these inputs, worked out once."""
        key = (frozenset(group), tuple(inputs.items()))
        found = self._layouts.get(key)
        if found is None:
            features = {name: feature for name, feature in self._features.items() if name in group}
            derived = {
                (axis, name): one
                for axis, table in self.tables.items()
                for name, one in table.derived.items()
                if (axis, name) in group
            }
            found = self._layouts[key] = Layout(features, derived, inputs)
        return found

    def _answer(self, axis: str, mine: Sequence[str], known: Mapping[Name, int], complete: bool) -> Any:
        if not complete:
            return lambda values: values
        table = self.tables[axis]
        filled = [known.get((axis, name), 0) for name in table.inputs]
        places = [table.inputs.index(name) for name in mine]

        def row(values: tuple[int, ...]) -> Hashable:
            for place, value in zip(places, values, strict=True):
                filled[place] = value
            return table.lookup[tuple(filled)]

        return row


def _entry(outcome: Any, side: int) -> Sequence[int]:
    """A contribution, for the side of the tumor where it depends on that."""
    contribution: Sequence[int] = outcome if isinstance(outcome[0], int) else outcome[side]
    return contribution


def _widened(feature: Feature) -> Feature:
    """The input with nodes of unknown station counted."""
    return replace(feature, evident_only=False) if isinstance(feature, FoldFeature) else feature


def _is_certain(step: Step) -> bool:
    return len(step) == 1 and len(step[0][1]) == 1


def _merge(sets: Iterable[set[Any]]) -> list[set[Any]]:
    """Sets that share an element become one."""
    merged: list[set[Any]] = []
    for new in sets:
        apart = [one for one in merged if not one & new]
        merged = [*apart, new.union(*(one for one in merged if one & new))]
    return merged
