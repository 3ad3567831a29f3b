"""Polygons in a plane: which points lie inside, by the even-odd rule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Coordinates are rounded to this part of a pixel, far below what files carry, so that computing noise decides nothing.
SNAP = 1e-6
TESTS_AT_ONCE = 20_000_000


def fill_polygon(points: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, int]:
    """Pixels whose centers a polygon contains, and how many it winds around twice or in both directions.

    Args:
        points: (N, 2) row, column; pixel centers lie at whole numbers. A center on the polygon's upper or left
            side counts as inside, on its lower or right side as outside, so that neighbors share no pixel.

    >>> int(fill_polygon(np.array([(0, 0), (0, 3), (2, 3), (2, 0)]), (5, 5))[0].sum())
    6
    """
    mask = np.zeros(shape, bool)
    low = np.clip(np.floor(points.min(axis=0)), 0, shape).astype(int)
    high = np.clip(np.ceil(points.max(axis=0)) + 1, 0, shape).astype(int)
    if (high <= low).any():
        return mask, 0
    box = (int(high[0] - low[0]), int(high[1] - low[1]))
    rows, columns, direction = _crossings(points - low, box[0])
    start = np.clip(np.ceil(columns), 0, box[1]).astype(np.intp)
    winding = np.zeros((box[0], box[1] + 1), np.int32)
    parity = np.zeros_like(winding)
    np.add.at(parity, (rows, start), 1)
    np.add.at(winding, (rows, start), direction)
    mask[low[0] : high[0], low[1] : high[1]] = np.cumsum(parity[:, :-1], axis=1) % 2 == 1
    around = np.cumsum(winding[:, :-1], axis=1)
    minor = min(int((around < 0).sum()), int((around > 0).sum()))
    return mask, int((np.abs(around) > 1).sum()) + minor


def _crossings(points: np.ndarray, row_count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns and directions (+1 down, -1 up) of all crossings of the polygon's edges with pixel rows."""
    start, end = points, np.roll(points, -1, axis=0)
    low, high = np.minimum(start[:, 0], end[:, 0]), np.maximum(start[:, 0], end[:, 0])
    first = np.maximum(np.ceil(low), 0).astype(int)
    count = np.maximum(np.minimum(np.ceil(high) - 1, row_count - 1).astype(int) - first + 1, 0)
    edge = np.repeat(np.arange(len(points)), count)
    rows = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    rise = end[edge, 0] - start[edge, 0]
    columns = start[edge, 1] + (rows - start[edge, 0]) / rise * (end[edge, 1] - start[edge, 1])
    return rows, np.round(columns / SNAP) * SNAP, np.where(rise > 0, 1, -1)


def points_inside(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """(N,) bool: which points (N, 2) lie inside a polygon (M, 2)."""
    inside = np.zeros(len(points), bool)
    start, end = polygon, np.roll(polygon, -1, axis=0)
    step = max(1, TESTS_AT_ONCE // len(polygon))
    for first in range(0, len(points), step):
        row, column = points[first : first + step, 0, None], points[first : first + step, 1, None]
        spans = (start[None, :, 0] <= row) != (end[None, :, 0] <= row)
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = start[:, 1] + (row - start[:, 0]) / (end[:, 0] - start[:, 0]) * (end[:, 1] - start[:, 1])
        inside[first : first + step] = (spans & (crossing <= column)).sum(axis=1) % 2 == 1
    return inside


def combine(masks: Sequence[np.ndarray]) -> tuple[np.ndarray, bool]:
    """Contours of one plane together: inner ones cut out, others added; whether any merely overlap."""
    total = np.zeros_like(masks[0])
    overlapping = False
    for mask in sorted(masks, key=lambda mask: -int(mask.sum())):
        common = int((total & mask).sum())
        if common and common == int(mask.sum()):
            total &= ~mask
        else:
            overlapping = overlapping or common > 0
            total |= mask
    return total, overlapping
