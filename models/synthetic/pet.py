"""PET from labels: uptake by tissue, the scanner's point spread, and counting noise."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from models.synthetic.ct import scan_grid
from models.synthetic.lesion import Lesion
from oncology.imaging.volume import Geometry, Volume, resample

# Mean SUV one hour after FDG (Ramos 2001, J Nucl Med Technol 29; Zincirkeser 2007, J Int Med Res 35).
TISSUE_SUV: Mapping[str, float] = {
    "body": 0.35,
    "muscle": 0.75,
    "mediastinum": 0.8,
    "below_diaphragm": 1.4,
    "liver": 2.1,
    "spleen": 1.7,
    "stomach": 1.8,
    "lung_left": 0.45,
    "lung_right": 0.45,
    "heart": 2.6,
    "aorta": 1.6,
    "pulmonary_artery": 1.6,
    "superior_vena_cava": 1.6,
    "esophagus": 1.5,
    "spine": 1.4,
    "ribs": 0.9,
}
FWHM_MM = 6.0
NOISE_SHARE = 0.07
PET_SPACING_MM = (3.27, 4.0, 4.0)


def render_pet(
    masks: Mapping[str, np.ndarray], lesions: list[Lesion], grid: Geometry, random: np.random.Generator
) -> Volume:
    """Body-weight SUV (float32) on a PET grid over the same field of view."""
    suv = np.zeros(grid.shape, np.float32)
    for name, value in TISSUE_SUV.items():
        suv[masks[name]] = value
    for lesion in lesions:
        suv[lesion.mask] = lesion.suv
        if lesion.necrotic is not None:
            suv[lesion.necrotic] = 1.0
    blurred = ndimage.gaussian_filter(suv, [FWHM_MM / 2.355 / spacing for spacing in grid.spacing_mm])
    coarse = resample(Volume(blurred, grid), scan_grid(grid, PET_SPACING_MM), linear=True, fill=0.0)
    noise = ndimage.gaussian_filter(random.standard_normal(coarse.geometry.shape), 0.8)
    noisy = coarse.array * (1.0 + NOISE_SHARE * noise / noise.std())
    return Volume(np.clip(noisy, 0.0, None).astype(np.float32), coarse.geometry)
