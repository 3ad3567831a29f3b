"""Lumbar vertebrae by name, from a spine that nobody numbered: discs by attenuation, the level by ribs and sacrum.

A network that draws one spine tells no levels. Along the middle of the vertebral bodies the attenuation rises at each
end plate and falls between two of them: a chain of such discs, at distances that vertebrae have, parts the bodies.
The lowest body that a rib meets is T12. Eleven or thirteen ribs, and four or six vertebrae above the sacrum, are
common (transitional vertebrae: 4% to 30% of people, Konin 2010, AJNR 31:1778): where what is seen does not agree, no
level is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import ndimage

from oncology.findings import Point
from oncology.imaging.volume import Volume

STEP_MM = 1.0
BODY_RADIUS_MM = 10.0
FRONT_OF_CANAL_MM, HALF_WIDTH_MM = 6.0, 25.0  # where bodies lie, from the middle of the spinal canal
BODY_CENTER_MM = 24.0  # from the canal's middle, where the spine's mask has no body
SMOOTH_MM = 12.0
# How far the end plates lie from a disc's middle.
PLATE_MM = (2.0, 7.0)
# From disc to disc: T5 about 22 mm, L3 about 35 mm (Panjabi 1991-1992), with room for size and for 3 mm slices.
LEAST_MM, MOST_MM = 18.0, 46.0
NEXT_SHARE = (0.8, 1.5)  # of a body's height to that of the one above
FEWEST = 3  # bodies
LEAST_SHARE = 0.4  # of what the plainest discs show: what one more disc in the chain has to show
# A rib, by its distance to either side of the canal's middle: transverse processes end before 50 mm.
RIB_ASIDE_MM, RIB_HEAD_MM, PAST_PROCESSES_MM, RIB_FRONT_MM = (26.0, 66.0), 36.0, 58.0, 5.0
RIB_FROM, RIB_ABOVE_MM = 0.15, 4.0  # a rib meets its body from this share of the height up, or the disc above
FEWEST_RIBS = 2
PAIR_MM = 12.0  # between the left and the right rib of a pair
ABOVE_MM = 80.0  # of the spine above the lowest rib: further up it leans, and slices blur its discs
CARINA_RIBS = (4, 8)  # ribs from the eleventh up to the carina, which lies at T4 to T7
LUMBAR = ("L1", "L2", "L3", "L4", "L5")


@dataclass(frozen=True)
class Body:
    """A vertebral body between two discs, by slices: `low` counts, `high` does not."""

    low: int
    high: int


def lumbar_levels(
    ct: Volume, masks: Mapping[str, np.ndarray], landmarks: Mapping[str, Point] | None = None
) -> dict[str, np.ndarray]:
    """Masks `vertebrae_L1` and so on, as far as they are whole in the scan and their level is certain; else empty.

    Args:
        ct: HU, upright (z upwards).
        masks: (Z, Y, X) bool on its grid: `spine`, `spinal_canal` and `bones`; `sacrum` where there is one.
        landmarks: `carina` (LPS mm), against which the level is checked.
    """
    if any(name not in masks or not masks[name].any() for name in ("spine", "spinal_canal", "bones")):
        return {}
    centers = _canal_middle(masks["spinal_canal"], ct.geometry.spacing_mm)
    thick = ct.geometry.spacing_mm[0]
    ribs = _levels(_rib_heads(masks["bones"], centers, ct.geometry.spacing_mm), thick)
    if len(ribs) < FEWEST_RIBS or not _carina_agrees(ribs, ct, landmarks or {}):
        return {}
    centers[round(ribs[0] + ABOVE_MM / thick) :] = np.nan
    bodies = vertebral_bodies(ct, masks["spine"], centers)
    t12 = _lowest_ribbed(bodies, ribs, thick)
    if t12 is None or not _sacrum_agrees(bodies, t12, masks):
        return {}
    named = dict(zip(LUMBAR, reversed(bodies[:t12]), strict=False))
    return {f"vertebrae_{name}": _between(masks["spine"], body) for name, body in named.items()}


def vertebral_bodies(ct: Volume, spine: np.ndarray, centers: np.ndarray) -> list[Body]:
    """Bodies with a disc on either side, from the lowest up; empty where too few discs are seen.

    Args:
        ct: HU, upright.
        spine: (Z, Y, X) bool.
        centers: (Z, 2) the canal's middle in voxels (y, x); NaN where it was not seen.
    """
    thick = ct.geometry.spacing_mm[0]
    rows = np.flatnonzero(np.isfinite(centers[:, 0]))
    if len(rows) < 2 or (rows[-1] - rows[0]) * thick < 2 * LEAST_MM:
        return []
    profile = _profile(ct, spine, centers, rows)
    along = np.arange(0.0, (rows[-1] - rows[0]) * thick, STEP_MM)
    discs = _chain(_disc_signal(np.interp(along, np.arange(len(profile)) * thick, profile)))
    slices = [rows[0] + round(along[disc] / thick) for disc in discs]
    return [Body(int(low), int(high)) for low, high in pairwise(slices)]


def _canal_middle(canal: np.ndarray, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """(Z, 2) middle of the canal by slice, smoothed; slices between seen ones are filled, others are NaN."""
    centers = np.full((canal.shape[0], 2), np.nan)
    rows = np.flatnonzero(canal.any(axis=(1, 2)))
    found = np.array([np.argwhere(canal[row]).mean(axis=0) for row in rows])
    span = np.arange(rows[0], rows[-1] + 1)
    for axis in (0, 1):
        filled = np.interp(span, rows, found[:, axis])
        centers[span, axis] = ndimage.gaussian_filter1d(filled, SMOOTH_MM / spacing_mm[0])
    return centers


def _profile(ct: Volume, spine: np.ndarray, centers: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Mean HU along the middle of the bodies, one number a slice of `rows`."""
    _, dy, dx = ct.geometry.spacing_mm
    y, x = (axis.astype(float) for axis in np.ogrid[: spine.shape[1], : spine.shape[2]])
    depth = np.full(len(rows), np.nan)
    for place, row in enumerate(rows):
        front = spine[row] & ((centers[row, 0] - y) * dy > FRONT_OF_CANAL_MM)
        front &= abs(x - centers[row, 1]) * dx < HALF_WIDTH_MM
        if front.any():
            depth[place] = (centers[row, 0] - np.nonzero(front)[0].mean()) * dy
    usual = float(np.nanmedian(depth)) if np.isfinite(depth).any() else BODY_CENTER_MM
    depth = ndimage.gaussian_filter1d(np.where(np.isfinite(depth), depth, usual), SMOOTH_MM / ct.geometry.spacing_mm[0])
    means = []
    for place, row in enumerate(rows):
        off = np.hypot((y - centers[row, 0]) * dy + depth[place], (x - centers[row, 1]) * dx)
        means.append(float(ct.array[row][off <= BODY_RADIUS_MM].mean()))
    return np.array(means)


def _disc_signal(profile: np.ndarray) -> np.ndarray:
    """How much darker a place is than the fainter of the end plates below and above it, in HU, by `STEP_MM`."""
    near, far = (round(mm / STEP_MM) for mm in PLATE_MM)
    size = far - near + 1
    brightest = ndimage.maximum_filter1d(profile, size, mode="nearest")
    shift = (near + far) // 2
    padded = np.pad(brightest, shift, mode="edge")
    plates = np.minimum(padded[: len(profile)], padded[2 * shift :])
    return plates - profile


def _chain(signal: np.ndarray) -> list[int]:
    """Places of the discs, from the lowest up: the chain of likely distances that shows most (dynamic program)."""
    gain = signal - LEAST_SHARE * float(np.quantile(signal, 0.95))
    gaps = np.arange(round(LEAST_MM / STEP_MM), round(MOST_MM / STEP_MM) + 1)
    # by (gap below, gap above): heights fall gently upwards
    follows = (gaps[:, None] >= NEXT_SHARE[0] * gaps) & (gaps[:, None] <= NEXT_SHARE[1] * gaps)
    best = np.full((len(signal), len(gaps)), -np.inf)
    before = np.full((len(signal), len(gaps)), -1)
    for place in range(gaps[0], len(signal)):
        for column, gap in enumerate(gaps[gaps <= place]):
            below = place - gap
            chained = np.where(follows[:, column], best[below], -np.inf)
            last = int(np.argmax(chained))
            before[place, column] = last if chained[last] > gain[below] else -1
            best[place, column] = gain[place] + max(chained[last], gain[below])
    if not np.isfinite(best).any() or best.max() <= 0:
        return []
    place, column = (int(number) for number in np.unravel_index(int(np.argmax(best)), best.shape))
    discs = [place]
    while column >= 0:
        place, column = place - int(gaps[column]), int(before[place, column])
        discs.append(place)
    return discs[::-1] if len(discs) > FEWEST else []


def _rib_heads(bones: np.ndarray, centers: np.ndarray, spacing_mm: tuple[float, float, float]) -> list[float]:
    """Slices in which a rib leaves the spine: bone behind the bodies that reaches further aside than processes do."""
    _, dy, dx = spacing_mm
    y, x = (axis.astype(float) for axis in np.ogrid[: bones.shape[1], : bones.shape[2]])
    aside = np.abs(x[None] - centers[:, 1, None, None]) * dx
    behind = (y[None] - centers[:, 0, None, None]) * dy > -RIB_FRONT_MM
    beside = bones & behind & (aside > RIB_ASIDE_MM[0]) & (aside < RIB_ASIDE_MM[1])
    heads = []
    for side in (x[None] < centers[:, 1, None, None], x[None] >= centers[:, 1, None, None]):
        labels, count = ndimage.label(beside & side)
        for number, box in enumerate(ndimage.find_objects(labels, count), 1):
            part, off = labels[box] == number, np.broadcast_to(aside, bones.shape)[box]
            if part.any() and off[part].min() < RIB_HEAD_MM and off[part].max() > PAST_PROCESSES_MM:
                heads.append(box[0].start + float(np.nonzero(part & (off < RIB_HEAD_MM))[0].mean()))
    return heads


def _levels(heads: Sequence[float], thick: float) -> list[float]:
    """Middle of the left and the right head of each pair of ribs, from the lowest up."""
    pairs: list[list[float]] = []
    for head in sorted(heads):
        if pairs and (head - pairs[-1][0]) * thick < PAIR_MM:
            pairs[-1].append(head)
        else:
            pairs.append([head])
    return [float(np.mean(pair)) for pair in pairs]


def _lowest_ribbed(bodies: Sequence[Body], ribs: Sequence[float], thick: float) -> int | None:
    """Place of T12 in `bodies`: it meets the lowest rib, and the body above meets the next; None where none does."""
    pairs = enumerate(pairwise(bodies))
    found = (n for n, (t12, t11) in pairs if _meets(t12, ribs[0], thick) and _meets(t11, ribs[1], thick))
    return next(found, None)


def _meets(body: Body, rib: float, thick: float) -> bool:
    """Whether a rib leaves the spine at the body or at the disc above it."""
    return body.low + RIB_FROM * (body.high - body.low) <= rib < body.high + RIB_ABOVE_MM / thick


def _carina_agrees(ribs: Sequence[float], ct: Volume, landmarks: Mapping[str, Point]) -> bool:
    """Whether as many ribs leave the spine from T11 up to the carina as with twelve; so where no carina is seen."""
    if "carina" not in landmarks:
        return True
    row = float(ct.geometry.to_index(np.array(landmarks["carina"]))[0])
    return CARINA_RIBS[0] <= sum(rib <= row for rib in ribs[1:]) <= CARINA_RIBS[1]


def _sacrum_agrees(bodies: Sequence[Body], t12: int, masks: Mapping[str, np.ndarray]) -> bool:
    """Whether there is room for five vertebrae from T12 down to the sacrum; so where no sacrum is seen."""
    if not t12 or "sacrum" not in masks or not masks["sacrum"].any():
        return True
    top = np.flatnonzero(masks["sacrum"].any(axis=(1, 2)))[-1]
    height = np.mean([body.high - body.low for body in bodies[:t12]])
    return bool(round((bodies[t12].low - top) / height) == len(LUMBAR))


def _between(spine: np.ndarray, body: Body) -> np.ndarray:
    mask = np.zeros_like(spine, dtype=bool)
    mask[body.low : body.high] = spine[body.low : body.high]
    return mask
