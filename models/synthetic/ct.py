"""CT from labels: Hounsfield units by tissue, texture, partial volume, and noise as a kernel colors it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from models.synthetic.canvas import smooth_noise
from models.synthetic.lesion import Lesion
from oncology.imaging.volume import Geometry, Volume, resample

AIR_HU = -1000.0
# Tissue and its HU in a portal-venous chest CT, drawn in this order; typical values of radiology texts.
TISSUE_HU: Mapping[str, float] = {
    "body": -95.0,  # fat
    "muscle": 52.0,
    "mediastinum": -85.0,  # fat between the organs
    "below_diaphragm": 45.0,
    "liver": 105.0,
    "spleen": 118.0,
    "stomach": 25.0,
    "lung_left": -845.0,
    "lung_right": -845.0,
    "lung_vessels": 60.0,
    "heart": 135.0,
    "pulmonary_artery": 165.0,
    "aorta": 155.0,
    "superior_vena_cava": 175.0,
    "brachiocephalic_trunk": 150.0,
    "common_carotid_artery_left": 150.0,
    "subclavian_artery_left": 150.0,
    "brachiocephalic_vein_left": 160.0,
    "azygos_vein": 140.0,
    "esophagus": 42.0,
    "airway_wall": 30.0,
    "lobar_bronchi": -900.0,
    "trachea": -985.0,
    "main_bronchus_left": -980.0,
    "main_bronchus_right": -980.0,
    "ribs": 380.0,
    "sternum": 240.0,
    "spine": 270.0,
    "spinal_cord": 35.0,
}
TEXTURE_HU: Mapping[str, float] = {"lung_left": 38.0, "lung_right": 38.0, "liver": 6.0, "spine": 60.0, "muscle": 8.0}
TUMOR_HU, NODE_HU, NECROSIS_HU = 58.0, 62.0, 18.0
VESSELS_WITH_CONTRAST = {
    name for name, hu in TISSUE_HU.items() if hu >= 130.0 and name not in ("ribs", "sternum", "spine")
}


@dataclass(frozen=True)
class Scanner:
    """How a CT is taken."""

    spacing_mm: tuple[float, float, float] = (2.0, 0.9, 0.9)
    noise_hu: float = 14.0
    blur_mm: float = 0.9
    contrast: bool = True


def render_ct(
    masks: Mapping[str, np.ndarray],
    lesions: list[Lesion],
    grid: Geometry,
    scanner: Scanner,
    random: np.random.Generator,
) -> Volume:
    """HU (int16) on the scanner's own grid over the same field of view."""
    hu = np.full(grid.shape, AIR_HU, np.float32)
    texture = smooth_noise(grid.shape, 1.6, random)
    for name, value in TISSUE_HU.items():
        mask = masks[name]
        level = 45.0 if not scanner.contrast and name in VESSELS_WITH_CONTRAST else value
        hu[mask] = level + TEXTURE_HU.get(name, 3.0) * texture[mask]
    for lesion in lesions:
        hu[lesion.mask] = (TUMOR_HU if lesion.station is None else NODE_HU) + 9.0 * texture[lesion.mask]
        if lesion.necrotic is not None:
            hu[lesion.necrotic] = NECROSIS_HU
    sigma = [scanner.blur_mm / 2.355 / spacing for spacing in grid.spacing_mm]
    fine = resample(
        Volume(ndimage.gaussian_filter(hu, sigma), grid), scan_grid(grid, scanner.spacing_mm), linear=True, fill=AIR_HU
    )
    noise = random.standard_normal(fine.geometry.shape).astype(np.float32)
    noise = ndimage.gaussian_filter(noise, (0.0, 0.7, 0.7))
    noisy = fine.array + scanner.noise_hu * noise / noise.std()
    return Volume(np.clip(np.round(noisy), -1024, 3071).astype(np.int16), fine.geometry)


def scan_grid(grid: Geometry, spacing_mm: tuple[float, float, float]) -> Geometry:
    """A grid of other spacing over the same field of view, axial."""
    extent = [n * s for n, s in zip(grid.shape, grid.spacing_mm, strict=True)]
    shape = tuple(int(length / spacing) for length, spacing in zip(extent, spacing_mm, strict=True))
    first = [
        origin - old / 2 + new / 2
        for origin, old, new in zip(grid.origin_lps[::-1], grid.spacing_mm, spacing_mm, strict=True)
    ]
    return Geometry((shape[0], shape[1], shape[2]), spacing_mm, (first[2], first[1], first[0]))
