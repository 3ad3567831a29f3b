"""Lines of equal value in a two-dimensional field: smooth outlines of masks, traced to a fraction of a pixel."""

from __future__ import annotations

import numpy as np

Edge = tuple[int, int, int]  # row, column, 0: to the right neighbor, 1: to the lower one
# Which edges of a cell a line joins, by its corners above the level: upper left 1, upper right 2, lower right 4, lower
# left 8.
# Edges: 0 top, 1 right, 2 bottom, 3 left. Saddles (5, 10) are cut so that the high corners stay apart.
CROSSED: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((3, 0),),
    2: ((0, 1),),
    3: ((3, 1),),
    4: ((1, 2),),
    5: ((3, 0), (1, 2)),
    6: ((0, 2),),
    7: ((3, 2),),
    8: ((2, 3),),
    9: ((2, 0),),
    10: ((0, 1), (2, 3)),
    11: ((2, 1),),
    12: ((1, 3),),
    13: ((1, 0),),
    14: ((0, 3),),
}


def isolines(field: np.ndarray, level: float) -> list[np.ndarray]:
    """All lines where the field (H, W) crosses the level, each (N, 2) as x, y in pixels (centers at whole numbers).

    Lines that close end where they begin; lines that leave the field are open. Longest first.
    """
    joined: dict[Edge, list[Edge]] = {}
    for first, second in _segments(field > level):
        joined.setdefault(first, []).append(second)
        joined.setdefault(second, []).append(first)
    lines = []
    # Open lines first, from their ends; what is left are rings.
    starts = [edge for edge, others in joined.items() if len(others) == 1] + list(joined)
    for start in starts:
        if joined.get(start):
            lines.append(np.array([_place(field, level, edge) for edge in _follow(joined, start)]))
    return sorted(lines, key=lambda line: -len(line))


def _segments(above: np.ndarray) -> list[tuple[Edge, Edge]]:
    """Pairs of crossed edges, one or two per cell."""
    case = (
        above[:-1, :-1] * np.uint8(1)
        + above[:-1, 1:] * np.uint8(2)
        + above[1:, 1:] * np.uint8(4)
        + above[1:, :-1] * np.uint8(8)
    )
    found = []
    for row, column in np.argwhere((case > 0) & (case < 15)).tolist():
        edges = ((row, column, 0), (row, column + 1, 1), (row + 1, column, 0), (row, column, 1))
        found += [(edges[first], edges[second]) for first, second in CROSSED[int(case[row, column])]]
    return found


def _follow(joined: dict[Edge, list[Edge]], start: Edge) -> list[Edge]:
    """Walk from edge to edge until nothing is left to join, using each connection once."""
    path = [start]
    while joined[path[-1]]:
        here = path[-1]
        there = joined[here].pop()
        joined[there].remove(here)
        path.append(there)
    return path


def _place(field: np.ndarray, level: float, edge: Edge) -> tuple[float, float]:
    """Where on an edge the level lies, by linear interpolation."""
    row, column, down = edge
    first = float(field[row, column])
    second = float(field[row + down, column + 1 - down])
    part = (level - first) / (second - first)
    return column + part * (1 - down), row + part * down
