"""The spinal canal, followed from slice to slice: the patient's midline when nothing else is certain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from oncology.imaging.shape import Spacing

BONE_HU = 180
# Half the inner width of the canal, with room for partial volume (thoracic and lumbar canals are 15-25 mm wide).
NEAREST_BONE_MM, FARTHEST_BONE_MM = 4.0, 18.0
DIRECTIONS = 16
# Cord and fluid with some epidural fat; the marrow of a long bone is darker, the inside of a joint brighter.
CONTENT_HU = (-50, 90)
# A vertebra fills at least this part of a square of 70 mm around its canal; the shaft of a long bone does not.
AROUND_MM, AROUND_BONE_HU, AROUND_PART = 70.0, 110, 0.14
# Vertebral arches are open between neighbors: the ring is judged over about one vertebra.
RING_WINDOW_MM = 24.0
SLICE_STEP_MM = 4.0
BELIEVED_SCORE = 0.52
SHORTEST_MM = 30.0
JUMP_MM = 18.0
DEPTH_IN_BODY_MM = 20.0


@dataclass(frozen=True)
class Canal:
    """Center of the canal per slice.

    Attributes:
        y, x: (Z,) indices on the grid searched, interpolated where the canal was not believed.
        believed: (Z,) bool.
    """

    y: np.ndarray
    x: np.ndarray
    believed: np.ndarray


def follow_canal(hu: np.ndarray, body: np.ndarray, spacing_mm: Spacing) -> Canal | None:
    """The path of best bone rings through all slices; None when there is no such path.

    Args:
        hu: (z, y, x) canonical axes, voxels of about 2 mm in plane.
    """
    step = max(1, round(SLICE_STEP_MM / spacing_mm[0]))
    thin = hu[::step]
    score = ring_score(thin, spacing_mm)
    score[~_deep(body[::step], spacing_mm)] = 0
    window = max(1, round(RING_WINDOW_MM / (step * spacing_mm[0])))
    score = ndimage.uniform_filter1d(score, window, axis=0, mode="nearest")
    path = _best_path(score)
    quality = score[np.arange(len(path)), path[:, 0], path[:, 1]]
    believed = _runs(quality >= BELIEVED_SCORE, SHORTEST_MM / (step * spacing_mm[0]))
    if not believed.any():
        return None
    believed = _in_line(path, believed, JUMP_MM / spacing_mm[1])
    return _on_all_slices(path, believed, step, hu.shape[0])


def ring_score(hu: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """Part of the in-plane directions in which bone is met at the distance of a canal wall, 0 where bone itself."""
    bone = hu > BONE_HU
    hits = np.zeros(hu.shape, np.float32)
    pixel = spacing_mm[1]
    radii = np.arange(NEAREST_BONE_MM, FARTHEST_BONE_MM, pixel) / pixel
    for angle in np.arange(DIRECTIONS) * (2 * np.pi / DIRECTIONS):
        shifts = {(round(r * np.sin(angle)), round(r * np.cos(angle))) for r in radii}
        met = np.zeros_like(bone)
        for dy, dx in sorted(shifts):
            _or_shifted(met, bone, dy, dx)
        hits += met
    content = ndimage.uniform_filter(hu.astype(np.float32), (1, 3, 3))
    side = round(AROUND_MM / pixel)
    around = ndimage.uniform_filter((hu > AROUND_BONE_HU).astype(np.float32), (5, side, side), mode="nearest")
    inside = ~bone & (content > CONTENT_HU[0]) & (content < CONTENT_HU[1]) & (around > AROUND_PART)
    return np.where(inside, hits / DIRECTIONS, 0).astype(np.float32)


def _or_shifted(target: np.ndarray, source: np.ndarray, dy: int, dx: int) -> None:
    """target[y, x] |= source[y + dy, x + dx], in place, inside the slice."""
    rows, columns = source.shape[1:]
    ys, xs = max(0, -dy), max(0, -dx)
    ye, xe = rows - max(0, dy), columns - max(0, dx)
    if ys < ye and xs < xe:
        target[:, ys:ye, xs:xe] |= source[:, ys + dy : ye + dy, xs + dx : xe + dx]


def _deep(body: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """The body without its outermost layer, slice by slice; the edge of the field of view does not count."""
    size = 2 * round(DEPTH_IN_BODY_MM / spacing_mm[1]) + 1
    return np.asarray(ndimage.minimum_filter(body.view(np.uint8), (1, size, size), mode="nearest").astype(bool))


def _best_path(score: np.ndarray) -> np.ndarray:
    """(Z, 2) pixels (y, x): the largest sum of scores with steps of at most one pixel per slice and axis."""
    total = np.zeros_like(score)
    total[0] = score[0]
    for z in range(1, len(score)):
        total[z] = score[z] + ndimage.maximum_filter(total[z - 1], 3, mode="nearest")
    path = np.zeros((len(score), 2), int)
    path[-1] = np.unravel_index(int(total[-1].argmax()), total[-1].shape)
    for z in range(len(score) - 2, -1, -1):
        y, x = path[z + 1]
        top, left = max(0, y - 1), max(0, x - 1)
        near = total[z, top : y + 2, left : x + 2]
        dy, dx = np.unravel_index(int(near.argmax()), near.shape)
        path[z] = top + dy, left + dx
    return path


def _runs(flags: np.ndarray, shortest: float) -> np.ndarray:
    """Only the runs of set flags of at least that length."""
    labels, count = ndimage.label(flags)
    sizes = np.bincount(labels, minlength=count + 1)
    return np.asarray((sizes >= shortest)[labels] & flags)


def _in_line(path: np.ndarray, believed: np.ndarray, jump: float) -> np.ndarray:
    """The longest run, and the runs on either side that go on from where it ends (a hip or an arm lies aside)."""
    labels, count = ndimage.label(believed)
    longest = int(np.bincount(labels)[1:].argmax()) + 1
    keep = labels == longest
    for runs, end in ((range(longest + 1, count + 1), -1), (range(longest - 1, 0, -1), 0)):
        last = path[labels == longest][end]
        for run in runs:
            here = path[labels == run]
            if np.abs(here[-1 - end] - last).max() <= jump:
                keep |= labels == run
                last = here[end]
    return np.asarray(keep)


def _on_all_slices(path: np.ndarray, believed: np.ndarray, step: int, slices: int) -> Canal:
    known = np.flatnonzero(believed)
    smooth = ndimage.gaussian_filter1d(path[known].astype(float), 1.5, axis=0, mode="nearest")
    z = np.arange(slices)
    y = np.interp(z, known * step, smooth[:, 0])
    x = np.interp(z, known * step, smooth[:, 1])
    return Canal(y, x, believed[np.minimum(np.round(z / step).astype(int), len(believed) - 1)])
