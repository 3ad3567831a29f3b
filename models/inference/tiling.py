"""Cutting a scan into windows that a network sees one by one, each answering for its middle.

A window's rim knows too little of its surroundings, so only the core of each window is kept and cores lie side by side:
every voxel is answered once, and nothing has to be averaged or held for the whole scan.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

Span = tuple[slice, slice, slice]
Window = tuple[int, int, int]  # voxels (z, y, x)
WINDOW: Window = (64, 64, 64)  # where memory is not short


@dataclass(frozen=True)
class Tile:
    """One window: `seen` in the scan (clipped), `place` of that part in the window, and the core in both."""

    seen: Span
    place: Span
    core: Span  # in the scan
    core_place: Span  # in the window


def tiles(shape: Sequence[int], window: Sequence[int], margin: int) -> Iterator[Tile]:
    """Windows whose cores cover the scan without gap or overlap.

    Args:
        shape: voxels of the scan (z, y, x).
        window: voxels of a window (z, y, x).
        margin: voxels at each side of a window that are not kept.

    >>> [tile.core[0] for tile in tiles((10, 4, 4), (8, 8, 8), 2)]
    [slice(0, 4, None), slice(4, 8, None), slice(8, 10, None)]
    """
    sides = [list(_sides(count, size, margin)) for count, size in zip(shape, window, strict=True)]
    for z in sides[0]:
        for y in sides[1]:
            for x in sides[2]:
                seen, place, core, core_place = zip(z, y, x, strict=True)
                yield Tile(seen, place, core, core_place)


def _sides(count: int, size: int, margin: int) -> Iterator[tuple[slice, slice, slice, slice]]:
    step = size - 2 * margin
    for start in range(0, count, step):
        stop = min(start + step, count)
        low, high = max(0, start - margin), min(count, start - margin + size)
        offset = margin - start
        yield (
            slice(low, high),
            slice(low + offset, high + offset),
            slice(start, stop),
            slice(margin, margin + stop - start),
        )


def cut(array: np.ndarray, tile: Tile, window: Sequence[int], outside: float) -> np.ndarray:
    """The window's voxels (z, y, x), `outside` where the scan has none."""
    part = np.full(tuple(window), outside, array.dtype)
    part[tile.place] = array[tile.seen]
    return part
