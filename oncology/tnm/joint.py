"""Rows of several tables looked up together from the folded components."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from oncology.tnm.layout import Name
from oncology.tnm.mass import Mass, from_parts
from oncology.tnm.table import Table

Said = tuple[Any, ...]  # what the shared components say about one table


@dataclass(frozen=True)
class Part:
    """One folded component.

    `inputs`: per axis the open inputs it holds. `mass`: over tuples with one entry per axis: the place of the row for
    the axes in `complete`, else the tuple of the inputs' values.
    """

    inputs: Mapping[str, tuple[str, ...]]
    complete: frozenset[str]
    mass: Mass

    def of(self, axis: str, state: Sequence[Any]) -> Any:
        """One axis' entry of a state."""
        return state[list(self.inputs).index(axis)]


def joint_rows(
    tables: Mapping[str, Table], known: Mapping[Name, int], parts: Sequence[Part]
) -> tuple[tuple[tuple[str, ...], Mass], ...]:
    """Per cluster of tables that share a component: the axes, and the mass over tuples of row places."""
    clusters = []
    for axes in _clusters(tables, parts):
        mine = [part for part in parts if set(part.inputs) & set(axes)]
        clusters.append((axes, _Cluster({axis: tables[axis] for axis in axes}, known, mine).mass()))
    return tuple(clusters)


def _clusters(tables: Mapping[str, Table], parts: Sequence[Part]) -> list[tuple[str, ...]]:
    groups: list[set[str]] = [{axis} for axis in tables]
    for part in parts:
        joined = set(part.inputs).union(*(group for group in groups if group & set(part.inputs)))
        groups = [group for group in groups if not group & joined] + [joined]
    ordered = sorted(tuple(axis for axis in tables if axis in group) for group in groups)
    return sorted(ordered, key=lambda axes: list(tables).index(axes[0]))


class _Cluster:
    """Tables that share components."""

    def __init__(self, tables: Mapping[str, Table], known: Mapping[Name, int], parts: Sequence[Part]) -> None:
        self._tables = tables
        self._known = known
        self._shared = [part for part in parts if len(part.inputs) > 1]
        self._own = {axis: [part for part in parts if set(part.inputs) == {axis}] for axis in tables}

    def mass(self) -> Mass:
        shared = [part.mass for part in self._shared]
        joint = list(_products(shared))
        responses = []
        for axis in self._tables:
            said = {self._said(axis, states) for _, sets in joint for states in product(*sets)}
            responses.append(self._responses(axis, sorted(said, key=repr)))
        return from_parts(
            (share * weight, self._rows(sets, chosen))
            for share, sets in joint
            for weight, chosen in _choices(responses)
        )

    def _said(self, axis: str, states: Sequence[Any]) -> Said:
        pairs = zip(self._shared, states, strict=True)
        return tuple(part.of(axis, state) for part, state in pairs if axis in part.inputs)

    def _responses(self, axis: str, said: Sequence[Said]) -> list[tuple[float, Mapping[Said, frozenset[int]]]]:
        """The table's own evidence as mass over functions: what the shared components say -> possible rows."""
        found: dict[tuple[frozenset[int], ...], float] = {}
        for share, sets in _products([part.mass for part in self._own[axis]]):
            rows = tuple(self._looked_up(axis, sets, one) for one in said)
            found[rows] = found.get(rows, 0.0) + share
        return [(share, dict(zip(said, rows, strict=True))) for rows, share in found.items()]

    def _looked_up(self, axis: str, own: Sequence[frozenset[Any]], said: Said) -> frozenset[int]:
        """The rows that the own components' states and one statement of the shared ones leave."""
        holders = [part for part in self._shared if axis in part.inputs]
        complete = [one for part, one in zip(holders, said, strict=True) if axis in part.complete]
        if complete:
            return frozenset(complete)
        if len(own) == 1 and axis in self._own[axis][0].complete:
            return frozenset(row for (row,) in own[0])
        table = self._tables[axis]
        values = {name: self._known.get((axis, name), 0) for name in table.inputs}
        for part, one in zip(holders, said, strict=True):
            values.update(zip(part.inputs[axis], one, strict=True))
        rows = set()
        for states in product(*own):
            for part, (one,) in zip(self._own[axis], states, strict=True):
                values.update(zip(part.inputs[axis], one, strict=True))
            rows.add(table.lookup[tuple(values[name] for name in table.inputs)])
        return frozenset(rows)

    def _rows(
        self, sets: Sequence[frozenset[Any]], chosen: Sequence[Mapping[Said, frozenset[int]]]
    ) -> frozenset[tuple[int, ...]]:
        return frozenset(
            rows
            for states in product(*sets)
            for rows in product(
                *(one[self._said(axis, states)] for axis, one in zip(self._tables, chosen, strict=True))
            )
        )


def _products(masses: Sequence[Mass]) -> Iterator[tuple[float, tuple[frozenset[Any], ...]]]:
    """Independent mass functions together; their sets stay apart."""
    for combination in product(*masses):
        share = 1.0
        for mass, _ in combination:
            share *= mass
        yield share, tuple(states for _, states in combination)


def _choices(responses: Sequence[Sequence[tuple[float, Any]]]) -> Iterable[tuple[float, tuple[Any, ...]]]:
    for combination in product(*responses):
        share = 1.0
        for mass, _ in combination:
            share *= mass
        yield share, tuple(chosen for _, chosen in combination)
