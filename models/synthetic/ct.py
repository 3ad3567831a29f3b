"""CT from tissues: density, grain, lesions, partial volume, and noise as a kernel colors it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from models.synthetic.features.mark import Mark
from models.synthetic.features.streaks import add_streaks
from models.synthetic.lesion import Lesion
from models.synthetic.noise import grain, white
from models.synthetic.tissue import AIR_HU, FAT_HU, MUSCLE, PORTAL, SHARES, densities
from oncology.imaging.region import bounding_box, grown
from oncology.imaging.volume import Geometry, Volume, resample

NECROSIS_HU, HILUM_HU = 16.0, -35.0
STRANDS_MM, STRANDS_HU = 3.5, 85.0
LESION_GRAIN_HU = 9.0
VENDORS = ("siemens", "ge", "philips")  # of a cohort's scanners, in the words of mdt_dicom.dialect
OTHER_VENDOR = "canon"  # that no cohort's scanner is of


@dataclass(frozen=True)
class Scanner:
    """How CT and PET are taken.

    Attributes:
        noise_hu: standard deviation in soft tissue.
        blur_mm: full width at half maximum of the in-plane point spread.
        kernel: sharpness of the noise, 0.4 (coarse grain) to 1.2 (fine).
        contrast: a contrast medium was given; `enhancement` how strongly vessels show it; `phase` when, of PHASES.
        offset_hu: calibration error.
        motion_mm: how far the body moves during the scan.
        fwhm_mm, pet_noise, pet_spacing_mm: of the PET; `drift_mm` its shift to the feet by breathing.
        vendor: whose dialect the DICOM headers are written in; no voxel depends on it.
    """

    spacing_mm: tuple[float, float, float] = (2.0, 0.9, 0.9)
    noise_hu: float = 14.0
    blur_mm: float = 0.9
    kernel: float = 0.7
    contrast: bool = True
    enhancement: float = 1.0
    phase: str = PORTAL
    offset_hu: float = 0.0
    motion_mm: float = 0.0
    fwhm_mm: float = 6.0
    pet_noise: float = 0.07
    pet_spacing_mm: tuple[float, float, float] = (3.27, 4.0, 4.0)
    drift_mm: float = 0.0
    vendor: str = VENDORS[0]


def render_ct(
    labels: np.ndarray, lesions: Sequence[Lesion], grid: Geometry, scanner: Scanner, random: np.random.Generator,
    target: Geometry | None = None, marks: Sequence[Mark] = (),
) -> Volume:  # fmt: skip
    """HU (int16) on the scanner's own grid over the same field of view, or on `target`; `marks` of features."""
    hu = paint_hu(labels, lesions, grid, scanner, random, marks)
    blur = max(scanner.blur_mm, 0.8 * grid.spacing_mm[1]) / 2.355
    sigma = [0.35, *(blur / spacing for spacing in grid.spacing_mm[1:])]
    smooth = ndimage.gaussian_filter(hu, sigma, mode="nearest", truncate=3.0)
    if scanner.motion_mm:
        smooth = _moved(smooth, scanner.motion_mm / grid.spacing_mm[1], random)
    add_streaks(smooth, marks, grid)
    volume = Volume(smooth, grid)
    wanted = target or scan_grid(grid, scanner.spacing_mm)
    volume = _thick(volume, scanner.spacing_mm[0])
    if not grid.same_grid(wanted):
        volume = resample(volume, wanted, linear=True, fill=AIR_HU)
    noise = ndimage.gaussian_filter(white(wanted.shape, random), (0.0, *[0.6 / scanner.kernel] * 2), truncate=2.5)
    noise *= scanner.noise_hu / max(float(noise.std()), 1e-6)
    return Volume(
        np.clip(np.round(volume.array + noise + scanner.offset_hu), -1024, 3071).astype(np.int16), volume.geometry
    )


def paint_hu(
    labels: np.ndarray, lesions: Sequence[Lesion], grid: Geometry, scanner: Scanner, random: np.random.Generator,
    marks: Sequence[Mark] = (),
) -> np.ndarray:  # fmt: skip
    """HU (Z, Y, X) float32 before the scanner's blur and noise."""
    contrast = scanner.enhancement if scanner.contrast else 0.0
    level, rough = densities(contrast, scanner.phase)
    texture = grain(grid.shape, 3.0 / grid.spacing_mm[1], random)
    hu = level[labels] + rough[labels] * texture
    for mark in marks:
        mark.paint_hu(hu)
    for lesion in lesions:
        _paint_lesion(hu, lesion, texture, grid, MUSCLE.hu(contrast, scanner.phase), contrast * SHARES[scanner.phase])
    for mark in marks:
        if mark.metal_per_mm:
            mark.paint_hu(hu)
    return hu


def _paint_lesion(
    hu: np.ndarray, lesion: Lesion, texture: np.ndarray, grid: Geometry, muscle: float, contrast: float
) -> None:
    if not lesion.mask.any():
        return
    box = grown(bounding_box(lesion.mask), grid, STRANDS_MM + 2.0)
    part, mask, noise = hu[box], lesion.mask[box], texture[box]
    if lesion.infiltrates:
        near = ndimage.distance_transform_edt(~mask, sampling=grid.spacing_mm) <= STRANDS_MM
        fat = near & ~mask & (part < FAT_HU + 70.0) & (part > FAT_HU - 60.0)
        part[fat] += STRANDS_HU * np.clip(0.75 + 0.5 * noise[fat], 0.0, 1.2)
    part[mask] = muscle + (0.35 + 0.65 * min(contrast, 1.0)) * lesion.hu + LESION_GRAIN_HU * noise[mask]
    for inner, value in ((lesion.necrotic, NECROSIS_HU), (lesion.hilum, HILUM_HU)):
        if inner is not None:
            part[inner[box]] = value + 5.0 * noise[inner[box]]


def _thick(volume: Volume, thickness_mm: float) -> Volume:
    """Averaged along z over a slice's thickness when that is more than a voxel's."""
    spacing = volume.geometry.spacing_mm[0]
    if thickness_mm < 1.5 * spacing:
        return volume
    size = round(thickness_mm / spacing)
    return Volume(ndimage.uniform_filter1d(volume.array, size, axis=0, mode="nearest"), volume.geometry)


def _moved(hu: np.ndarray, amount: float, random: np.random.Generator) -> np.ndarray:
    """Slices displaced by a wave and doubled: what breathing and swallowing leave on a scan; `amount` in voxels."""
    phase = random.uniform(0.0, 6.28)
    moved = np.empty_like(hu)
    for index, image in enumerate(hu):
        shift = amount * np.sin(index / 5.0 + phase)
        there = ndimage.shift(image, (shift, 0.4 * shift), order=1, mode="nearest")
        moved[index] = 0.6 * there + 0.4 * image
    return moved


def scan_grid(grid: Geometry, spacing_mm: tuple[float, float, float]) -> Geometry:
    """A grid of other spacing over the same field of view, axial."""
    extent = [n * s for n, s in zip(grid.shape, grid.spacing_mm, strict=True)]
    shape = tuple(int(length / spacing) for length, spacing in zip(extent, spacing_mm, strict=True))
    first = [
        origin - old / 2 + new / 2
        for origin, old, new in zip(grid.origin_lps[::-1], grid.spacing_mm, spacing_mm, strict=True)
    ]
    return Geometry((shape[0], shape[1], shape[2]), spacing_mm, (first[2], first[1], first[0]))
