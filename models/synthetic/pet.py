"""PET from tissues: uptake, the scanner's point spread, breathing and counting noise.

A lesion's planned SUV is the highest that the scan shows: what a small one loses to the point spread is given to it
beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from models.synthetic.ct import Scanner, scan_grid
from models.synthetic.features.mark import Mark
from models.synthetic.lesion import Lesion
from models.synthetic.noise import grain, white
from models.synthetic.tissue import uptakes
from oncology.imaging.region import bounding_box, grown
from oncology.imaging.volume import Geometry, Volume, resample

NECROSIS_SUV = 1.0
LEAST_RECOVERY = 0.12
LIVER_VARIES = 0.12  # of all tissue's uptake, from patient to patient


def render_pet(
    labels: np.ndarray, lesions: Sequence[Lesion], grid: Geometry, scanner: Scanner, random: np.random.Generator,
    target: Geometry | None = None, marks: Sequence[Mark] = (),
) -> Volume:  # fmt: skip
    """Body-weight SUV (float32) on the PET's grid over the same field of view, or on `target`; `marks` of features."""
    table = uptakes() * (1.0 + LIVER_VARIES * float(np.clip(random.standard_normal(), -2.0, 2.0)))
    uptake = table[labels]
    for mark in marks:
        mark.paint_suv(uptake)
    coarse, step = _halved(uptake, grid)
    sigma = [scanner.fwhm_mm / 2.355 / spacing for spacing in step.spacing_mm]
    coarse *= 1.0 + 0.12 * grain(step.shape, 9.0 / step.spacing_mm[0], random)
    blurred = ndimage.gaussian_filter(coarse, sigma, truncate=3.0)
    for lesion in lesions:
        _add_lesion(blurred, lesion, grid, step, sigma)
    wanted = target or scan_grid(grid, scanner.pet_spacing_mm)
    origin = (step.origin_lps[0], step.origin_lps[1], step.origin_lps[2] - scanner.drift_mm)
    moved = Geometry(step.shape, step.spacing_mm, origin)
    found = resample(Volume(blurred, moved), wanted, linear=True, fill=0.0).array
    grained = [2.0 / spacing for spacing in wanted.spacing_mm]
    noise = ndimage.gaussian_filter(white(wanted.shape, random), grained, truncate=2.5)
    noisy = found * (1.0 + scanner.pet_noise * noise / max(float(noise.std()), 1e-6))
    return Volume(np.clip(noisy, 0.0, None).astype(np.float32), wanted)


def _halved(values: np.ndarray, grid: Geometry) -> tuple[np.ndarray, Geometry]:
    """Every second voxel in all directions, averaged over pairs: the PET's point spread hides the rest."""
    shape = tuple(n // 2 for n in grid.shape)
    cut = values[: 2 * shape[0], : 2 * shape[1], : 2 * shape[2]]
    mean = cut.reshape(shape[0], 2, shape[1], 2, shape[2], 2).mean(axis=(1, 3, 5), dtype=np.float32)
    spacing = (2 * grid.spacing_mm[0], 2 * grid.spacing_mm[1], 2 * grid.spacing_mm[2])
    x, y, z = (first + step / 2 for first, step in zip(grid.origin_lps, grid.spacing_mm[::-1], strict=True))
    return mean, Geometry((shape[0], shape[1], shape[2]), spacing, (x, y, z))


def _add_lesion(blurred: np.ndarray, lesion: Lesion, grid: Geometry, step: Geometry, sigma: Sequence[float]) -> None:
    """Raises the uptake around a lesion so that its highest value is the planned one."""
    if not lesion.mask.any():
        return
    box = grown(bounding_box(lesion.mask), grid, 4.0 * sigma[0] * step.spacing_mm[0] + 2.0)
    low = [side.start // 2 * 2 for side in box]
    high = [min(-(-side.stop // 2) * 2, 2 * count) for side, count in zip(box, blurred.shape, strict=True)]
    fine = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    alive = lesion.mask[fine].astype(np.float32)
    if lesion.necrotic is not None:
        alive[lesion.necrotic[fine]] = NECROSIS_SUV / max(lesion.suv, NECROSIS_SUV)
    if min(alive.shape) < 2:
        return
    mean, _ = _halved(alive, Geometry((alive.shape[0], alive.shape[1], alive.shape[2]), grid.spacing_mm, (0, 0, 0)))
    share = ndimage.gaussian_filter(mean, sigma, mode="constant", truncate=3.0)
    half = tuple(slice(a // 2, a // 2 + n) for a, n in zip(low, mean.shape, strict=True))
    peak = np.unravel_index(int(np.argmax(share)), share.shape)
    behind = float(blurred[half][peak])
    gain = max(lesion.suv - behind * (1.0 - float(share[peak])), 0.0) / max(float(share[peak]), LEAST_RECOVERY)
    blurred[half] += share * (gain - blurred[half])
