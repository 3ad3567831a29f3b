"""Emphysema: the share of the lungs below -950 HU (Gevenois 1996, Am J Respir Crit Care Med 154:187)."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from oncology.imaging.side.measurement import Masks, Measurement, inside, missing, union
from oncology.imaging.volume import Volume

NAME = "emphysema"
EMPHYSEMA_HU = -950
LOBES = (
    "lung_upper_lobe_left", "lung_lower_lobe_left", "lung_upper_lobe_right", "lung_middle_lobe_right",
    "lung_lower_lobe_right", "lung_left", "lung_right",
)  # fmt: skip
THICK_MM = 2.5  # thicker slices average holes away (Madani 2007, Radiology 243:250)
TOO_THICK_MM = 5.5
CUT_OFF_MM2 = 1000.0  # lung area in the first or last slice from which the field of view cuts the lungs
AIR_EDGE_MM = 3.0
NORMAL_LUNG_HU = -860.0
# Noise alone must not make half of the 5% that count.
MOST_BY_NOISE = 2.5


def measure_emphysema(ct: Volume, masks: Masks) -> Measurement:
    """Percent of the lungs at or below -950 HU.

    Args:
        ct: HU, in inspiration.
        masks: lungs or lobes; the trachea, when there, tells the noise.
    """
    lungs = union(masks, LOBES)
    if lungs is None:
        return missing(NAME, "a lung")
    share = 100.0 * float((ct.array[lungs] <= EMPHYSEMA_HU).mean())
    noise = _noise_hu(ct, masks)
    by_noise = 0.0 if noise is None else 100.0 * float(ndtr((EMPHYSEMA_HU - NORMAL_LUNG_HU) / max(noise, 1e-3)))
    return Measurement(NAME, share, _reason(ct, lungs, by_noise), _note(ct, noise))


def _noise_hu(ct: Volume, masks: Masks) -> float | None:
    """Spread of the air in the trachea, HU."""
    if "trachea" not in masks:
        return None
    air = ct.array[inside(masks["trachea"], ct.geometry.spacing_mm, AIR_EDGE_MM)]
    air = air[air > -1020]  # values clipped at -1024 hide the noise
    return float(1.4826 * np.median(np.abs(air - np.median(air)))) if air.size > 50 else None


def _reason(ct: Volume, lungs: np.ndarray, by_noise: float) -> str:
    thick, (_, dy, dx) = ct.geometry.spacing_mm[0], ct.geometry.spacing_mm
    if max(lungs[0].sum(), lungs[-1].sum()) * dy * dx > CUT_OFF_MM2:
        return "the field of view cuts the lungs off"
    if thick > TOO_THICK_MM:
        return f"slices are {thick:.1f} mm apart: holes are averaged away"
    if by_noise > MOST_BY_NOISE:
        return f"noise alone would put {by_noise:.0f}% of a normal lung below {EMPHYSEMA_HU} HU"
    return ""


def _note(ct: Volume, noise: float | None) -> str:
    parts = ["depends on full inspiration and kernel"]
    if ct.geometry.spacing_mm[0] > THICK_MM:
        parts.append(f"slices of {ct.geometry.spacing_mm[0]:.1f} mm make it too small")
    parts.append("noise not measured" if noise is None else f"noise {noise:.0f} HU in the trachea")
    return "; ".join(parts)
