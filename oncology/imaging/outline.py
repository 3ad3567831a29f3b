"""Outlines of the body on a coarse lattice, and the shift at which two of them agree best.

Parts that only one scan covers do not count. In the axial plane the outlines are correlated; along the body the
areas of the slices are, since one outline is always a little wider than the other and a tapering body would then seem
shifted.
"""

from __future__ import annotations

from dataclasses import dataclass

import cc3d
import numpy as np
import SimpleITK as sitk
from scipy import fft, ndimage

from oncology.imaging.volume import Geometry, Volume, from_sitk, resample, to_sitk

LATTICE_MM = 4.0
LARGEST_SHIFT_MM = 60.0
STEPS = int(LARGEST_SHIFT_MM // LATTICE_MM)
# Body above, air below; skin, fat and mattress foam lie clearly on either side (Hounsfield units).
BODY_HU = -300.0
AIR_HU = -950.0
PADDING_HU = -1500.0
# The body's rim takes up tracer like fat, about half the median of the body; outside is near zero.
RIM_OF_MEDIAN = 0.3
LEAST_BODY_SUV = 0.05
# A direction is judged only when leaving the best shift by 8 mm lowers the agreement by this.
JUDGED_DROP = 0.004
JUDGED_PROFILE_DROP = 0.003
# Areas of slices that vary less than this (standard deviation over mean) tell nothing along the body.
LEAST_PROFILE_CHANGE = 0.02
# Among nearly equal shifts the smaller one is the likelier: cost of the largest shift.
SHIFT_PENALTY = 0.02
# Shifts that leave less than this part of the common field say nothing.
LEAST_COMMON = 0.4
# An outline needs this part of the common field outside the body (and inside it).
LEAST_OUTSIDE = 0.01
# A slice belongs to the field of view when this part of the common plane is known in it.
WHOLE_SLICE = 0.9


@dataclass(frozen=True)
class Outline:
    """A body on the lattice: `inside` counts where `known`."""

    inside: np.ndarray
    known: np.ndarray


@dataclass(frozen=True)
class Shift:
    """The best shift of the second outline against the first.

    Attributes:
        offset_mm: x, y, z; 0 in a direction that is not judged.
        judged: which of x, y, z the outlines could tell.
        dice: of the outlines at that shift.
    """

    offset_mm: tuple[float, float, float]
    judged: tuple[bool, bool, bool]
    dice: float


def lattice_around(geometry: Geometry) -> Geometry:
    """Along the patient's axes, around the CT and as far again as a shift may go."""
    corners = np.array([(z, y, x) for z in (0, 1) for y in (0, 1) for x in (0, 1)]) * (np.array(geometry.shape) - 1)
    world = geometry.to_lps(corners)
    low, high = world.min(axis=0) - LARGEST_SHIFT_MM, world.max(axis=0) + LARGEST_SHIFT_MM
    x, y, z = (fft.next_fast_len(int(count), real=True) for count in np.ceil((high - low) / LATTICE_MM) + 1)
    return Geometry((z, y, x), (LATTICE_MM,) * 3, (float(low[0]), float(low[1]), float(low[2])))


def on_lattice(volume: Volume, lattice: Geometry, fill: float) -> np.ndarray:
    """Block means first, so that fine grids do not alias."""
    factors = [max(1, round(LATTICE_MM / 2 / spacing)) for spacing in volume.geometry.spacing_mm[::-1]]
    factors = [min(factor, size) for factor, size in zip(factors, volume.array.shape[::-1], strict=True)]
    image = sitk.Cast(to_sitk(volume), sitk.sitkFloat32)
    return resample(from_sitk(sitk.BinShrink(image, factors)), lattice, linear=True, fill=fill).array


def ct_outline(hu: np.ndarray) -> Outline:
    """Body by density; porous matter at the border of the field (lung in a crop, foam) is left open."""
    known = hu > PADDING_HU
    solid = _opened(hu > BODY_HU, known)
    inside = _largest(solid)
    enclosed = _enclosed(inside, known)
    porous = known & ~inside & ~enclosed & (hu > AIR_HU)
    core = ndimage.binary_erosion(porous | ~known, iterations=2, border_value=1)
    thick = ndimage.binary_dilation(core, iterations=3) & porous
    stray = solid & ~inside & ~enclosed
    return Outline(inside | enclosed, known & ~thick & ~stray)


def pet_outline(suv: np.ndarray) -> Outline:
    """Body by uptake, the threshold relative to what this body takes up."""
    known = suv > -0.5
    active = suv[known & (suv > LEAST_BODY_SUV)]
    if active.size == 0:
        return Outline(np.zeros_like(known), known)
    inside = _largest(_opened(suv > RIM_OF_MEDIAN * float(np.median(active)), known))
    return Outline(inside | _enclosed(inside, known), known)


def _opened(mask: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Without thin parts; what lies beyond the field of view counts as body, so that its end keeps its shape."""
    return ndimage.binary_opening(mask | ~known) & mask & known


def _largest(mask: np.ndarray) -> np.ndarray:
    labels: np.ndarray = cc3d.largest_k(mask, k=1, connectivity=6)
    return labels > 0


def _enclosed(inside: np.ndarray, known: np.ndarray) -> np.ndarray:
    """What the body surrounds in its axial slice; a hole that reaches the end of the field is no hole."""
    filled = np.zeros_like(inside)
    for z in np.flatnonzero(inside.any(axis=(1, 2))):
        filled[z] = ndimage.binary_fill_holes(inside[z])
    return filled & known & ~inside


def dice(first: Outline, second: Outline) -> float:
    """Overlap of two outlines where both are known, 0..1."""
    known = first.known & second.known
    both = 2.0 * (first.inside & second.inside & known).sum()
    return float(both / max((first.inside & known).sum() + (second.inside & known).sum(), 1))


def best_shift(first: Outline, second: Outline) -> Shift | None:
    """Where the second outline fits the first best; None when no direction can be told."""
    agreement, dice_at = _correlation(first, second)
    peak = _peak(agreement)
    if peak is None:
        return None
    y, told_y = _refine(agreement[peak[0], :, peak[2]], peak[1], JUDGED_DROP)
    x, told_x = _refine(agreement[peak[0], peak[1], :], peak[2], JUDGED_DROP)
    profile = _profile_agreement(first, second, (peak[1] - STEPS, peak[2] - STEPS))
    z, told_z = _along_body(profile)
    if not (told_x or told_y or told_z):
        return None
    best = float(dice_at[round(z) if told_z else STEPS, peak[1], peak[2]])
    offset = tuple((at - STEPS) * LATTICE_MM if told else 0.0 for at, told in ((x, told_x), (y, told_y), (z, told_z)))
    return Shift((offset[0], offset[1], offset[2]), (told_x, told_y, told_z), best)


def _penalty() -> np.ndarray:
    return SHIFT_PENALTY * (np.arange(-STEPS, STEPS + 1) / STEPS) ** 2


def _peak(agreement: np.ndarray) -> tuple[int, int, int] | None:
    """Index (z, y, x) of the best shift; None where nothing is known or nothing agrees."""
    cost = _penalty()
    score = agreement - cost[:, None, None] - cost[None, :, None] - cost
    if not np.isfinite(score).any():
        return None
    z, y, x = (int(place) for place in np.unravel_index(int(np.nanargmax(score)), score.shape))
    return (z, y, x) if agreement[z, y, x] > 0 else None


def _along_body(profile: np.ndarray) -> tuple[float, bool]:
    """Place of the best shift along the body, and whether the areas of the slices tell it."""
    score = profile - _penalty()
    if not np.isfinite(score).any():
        return float(STEPS), False
    return _refine(profile, int(np.nanargmax(score)), JUDGED_PROFILE_DROP)


def _refine(line: np.ndarray, peak: int, drop: float) -> tuple[float, bool]:
    """The top of a parabola through the peak and its neighbors, and whether it is a peak at all."""
    far = [line[place] for place in (peak - 2, peak + 2) if 0 <= place < len(line) and np.isfinite(line[place])]
    told = 0 < peak < len(line) - 1 and bool(far) and float(line[peak] - max(far)) > drop
    if not told:
        return float(peak), False
    before, top, after = (float(line[place]) for place in (peak - 1, peak, peak + 1))
    bend = before - 2 * top + after
    if not np.isfinite(bend) or bend >= 0:
        return float(peak), True
    return peak + float(np.clip(0.5 * (before - after) / bend, -1, 1)), True


def _profile_agreement(first: Outline, second: Outline, shift_yx: tuple[int, int]) -> np.ndarray:
    """Correlation of the slices' body areas for every shift along z, the second outline moved in plane first."""
    moved = [np.roll(part, (-shift_yx[0], -shift_yx[1]), axis=(1, 2)) for part in (second.inside, second.known)]
    plane = first.known.any(axis=0) & moved[1].any(axis=0)
    areas = [(part & plane).sum(axis=(1, 2)).astype(float) for part in (first.inside, moved[0])]
    whole = [(part & plane).sum(axis=(1, 2)) >= WHOLE_SLICE * plane.sum() for part in (first.known, moved[1])]
    least = max(LEAST_COMMON * float((whole[0] & whole[1]).sum()), 3.0)
    found = np.full(2 * STEPS + 1, np.nan)
    for place in range(2 * STEPS + 1):
        common = whole[0] & np.roll(whole[1], STEPS - place)
        if common.sum() >= least:
            found[place] = _correlated(areas[0][common], np.roll(areas[1], STEPS - place)[common])
    return found


def _correlated(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson's coefficient; NaN for profiles that hardly change."""
    changes = min(first.std() / max(first.mean(), 1e-9), second.std() / max(second.mean(), 1e-9))
    return float(np.corrcoef(first, second)[0, 1]) if changes > LEAST_PROFILE_CHANGE else float("nan")


def _correlation(body: Outline, uptake: Outline) -> tuple[np.ndarray, np.ndarray]:
    """Correlation and Dice of the outlines for every shift (z, y, x) of the PET, where both are known.

    Masked normalized cross-correlation (Padfield 2012, doi:10.1109/TIP.2011.2181402); NaN where too little is common.
    """
    spectra = [
        fft.rfftn(part.astype(np.float32), workers=2)
        for part in (body.known, body.inside & body.known, uptake.known, uptake.inside & uptake.known)
    ]
    known_a, in_a, known_b, in_b = spectra
    shape = body.known.shape
    count, sum_a, sum_b, both = (
        _shifted_sums(np.conj(first) * second, shape)
        for first, second in ((known_a, known_b), (in_a, known_b), (known_a, in_b), (in_a, in_b))
    )
    count = np.maximum(count, 1.0)
    spread = np.maximum(sum_a - sum_a**2 / count, 0) * np.maximum(sum_b - sum_b**2 / count, 0)
    usable = (count >= LEAST_COMMON * count[STEPS, STEPS, STEPS]) & (spread > (LEAST_OUTSIDE * count) ** 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.where(usable, (both - sum_a * sum_b / count) / np.sqrt(spread), np.nan)
        return correlation, 2 * both / np.maximum(sum_a + sum_b, 1)


def _shifted_sums(product: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The sums for shifts -STEPS..STEPS along each axis, the center being no shift."""
    sums = fft.irfftn(product, s=shape, workers=2)
    around = np.arange(-STEPS, STEPS + 1)
    return sums[np.ix_(*(around % size for size in shape))]
