"""A scan through a network window by window; where windows overlap, a Gaussian trusts their middles most."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

Run = Callable[[np.ndarray], np.ndarray]  # (1, C, Z, Y, X) float32 -> (1, K, Z, Y, X) float32
# Width of the Gaussian as part of a window, and its least weight; those of nnU-Net and MONAI.
SIGMA_PART, LEAST_WEIGHT = 0.125, 1e-3


def slide(run: Run, scan: np.ndarray, window: Sequence[int], overlap: float) -> np.ndarray:
    """Outputs (K, Z, Y, X) float32 for a whole scan.

    Args:
        scan: (C, Z, Y, X) float32; where it is smaller than a window its border voxels are repeated.
        window: voxels of a window (z, y, x).
        overlap: part of a window that the next one covers again, 0 to below 1.
    """
    padded, inner = _padded(scan, window)
    weight = importance(window)
    total: np.ndarray | None = None
    weights = np.zeros(padded.shape[1:], np.float32)
    for place in places(padded.shape[1:], window, overlap):
        answer = np.asarray(run(np.ascontiguousarray(padded[(slice(None), *place)])[None])[0], np.float32)
        if total is None:
            total = np.zeros((answer.shape[0], *padded.shape[1:]), np.float32)
        total[(slice(None), *place)] += answer * weight
        weights[place] += weight
    assert total is not None  # a padded scan has a window
    total /= weights
    return total[(slice(None), *inner)]


def _padded(scan: np.ndarray, window: Sequence[int]) -> tuple[np.ndarray, tuple[slice, ...]]:
    missing = [max(0, size - count) for size, count in zip(window, scan.shape[1:], strict=True)]
    before = [count // 2 for count in missing]
    sides = [(low, count - low) for low, count in zip(before, missing, strict=True)]
    inner = tuple(slice(low, low + count) for low, count in zip(before, scan.shape[1:], strict=True))
    return (np.pad(scan, [(0, 0), *sides], mode="edge") if any(missing) else scan), inner


def importance(window: Sequence[int]) -> np.ndarray:
    """Weights (z, y, x) float32 of a window's voxels, 1 near its middle."""
    weight = np.ones((), np.float64)
    for size in window:
        away = np.arange(size) - (size - 1) / 2.0
        weight = weight[..., None] * np.exp(-0.5 * (away / (SIGMA_PART * size)) ** 2)
    return np.maximum(weight, LEAST_WEIGHT).astype(np.float32)


def places(shape: Sequence[int], window: Sequence[int], overlap: float) -> Iterator[tuple[slice, slice, slice]]:
    """Where windows lie; the last along each axis ends with the scan.

    >>> [place[0].start for place in places((10, 4, 4), (4, 4, 4), 0.5)]
    [0, 2, 4, 6]
    """
    starts = [_starts(count, size, overlap) for count, size in zip(shape, window, strict=True)]
    for z in starts[0]:
        for y in starts[1]:
            for x in starts[2]:
                yield slice(z, z + window[0]), slice(y, y + window[1]), slice(x, x + window[2])


def _starts(count: int, size: int, overlap: float) -> list[int]:
    step = max(1, int(size * (1.0 - overlap)))
    return sorted({min(start, count - size) for start in range(0, count - size + step, step)})
