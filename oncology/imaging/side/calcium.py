"""Calcium in coronary arteries and aorta.

Without contrast medium: as Agatston 1990 (J Am Coll Cardiol 15:827) scores it, from 130 HU on, each area weighted by
its
peak and scaled to slices of 3 mm. It is called Agatston-like, since gating is not known from the images. With contrast
medium there is no score; the volume well above the blood's attenuation is told where vessels were segmented.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from oncology.imaging.region import bounding_box, distance_mm, grown
from oncology.imaging.side.measurement import Blood, Masks, Measurement, missing, union
from oncology.imaging.volume import Volume

CALCIUM_HU = 130.0
PEAKS = (130.0, 200.0, 300.0, 400.0)  # from each on the weight is one more
STANDARD_SLICE_MM = 3.0
SMALLEST_MM2 = 1.0
FEWEST_VOXELS = 3
MOSTLY = 0.6  # share of a dense place that must lie in the region
AROUND_MM = 12.0
UNEVEN_HU = 60.0  # spread of the blood in the aorta: dissected, or the bolus still on its way
ABOVE_BLOOD_HU, ABOVE_NOISE = 150.0, 4.0
THICKEST_MM = 3.5
NOISIEST_HU = 35.0  # beyond, noise reaches 130 HU
VESSEL_WALL_MM = 2.0
CORONARY_REACH_MM = 3.0
ROOT_MM = 4.0  # around the aorta: its root and valve are not coronary
BONE_MM = 3.0
GATING = "Agatston-like: ECG gating not known"
BONES = ("sternum", "costal_cartilages", "ribs", "spine")


def measure_coronary_calcium(ct: Volume, masks: Masks, blood: Blood | None) -> Measurement:
    """Agatston-like score of the coronary arteries, or mm3 with contrast medium."""
    region = _coronary_region(ct, masks)
    if region is None:
        return missing("coronary_calcium", "the heart")
    return _measured("coronary_calcium", ct, region, blood, "coronary_arteries" not in masks)


def measure_aortic_calcium(ct: Volume, masks: Masks, blood: Blood | None) -> Measurement:
    """Agatston-like score of the aorta as far as it is seen, or mm3 with contrast medium."""
    aorta = union(masks, ("aorta",))
    if aorta is None:
        return missing("aortic_calcium", "the aorta")
    region = _grown(aorta, ct, VESSEL_WALL_MM) & ~_bones(ct, masks)
    return _measured("aortic_calcium", ct, region, blood, False)


def _coronary_region(ct: Volume, masks: Masks) -> np.ndarray | None:
    vessels = union(masks, ("coronary_arteries",))
    region = _grown(vessels, ct, CORONARY_REACH_MM) if vessels is not None else union(masks, ("heart",))
    if region is None:
        return None
    aorta = union(masks, ("aorta",))
    if aorta is not None:
        region = region & ~(aorta if vessels is not None else _grown(aorta, ct, ROOT_MM))
    return region & ~_bones(ct, masks)


def _bones(ct: Volume, masks: Masks) -> np.ndarray:
    names = [name for name in masks if name in BONES or name.startswith(("vertebrae_", "rib_"))]
    bones = union(masks, names)
    return np.zeros(ct.array.shape, bool) if bones is None else _grown(bones, ct, BONE_MM)


def _grown(mask: np.ndarray, ct: Volume, reach_mm: float) -> np.ndarray:
    grown = mask.copy()
    if mask.any():
        sides = zip(bounding_box(mask), ct.geometry.spacing_mm, strict=True)
        box = tuple(slice(max(0, s.start - int(reach_mm / d) - 2), s.stop + int(reach_mm / d) + 2) for s, d in sides)
        grown[box] |= distance_mm(~mask[box], ct.geometry.spacing_mm) <= reach_mm
    return grown


def _measured(name: str, ct: Volume, region: np.ndarray, blood: Blood | None, whole_heart: bool) -> Measurement:
    if not region.any():
        return missing(name, "its wall")
    box = grown(bounding_box(region), ct.geometry, AROUND_MM)
    hu, region = ct.array[box].astype(np.float32), region[box]
    spacing = ct.geometry.spacing_mm
    where = "the whole heart was searched, so valves and annulus count too" if whole_heart else ""
    if blood is None:
        return Measurement(name, None, "the blood's attenuation is not known: calcium and contrast are not told apart")
    if blood.enhanced:
        return Measurement(name, None, _with_contrast(hu, region, blood, spacing, whole_heart), where)
    score = agatston_like(hu, region, spacing)
    return Measurement(name, score, _reason(blood, spacing), "; ".join(filter(None, (GATING, where))))


def _with_contrast(
    hu: np.ndarray, region: np.ndarray, blood: Blood, spacing: tuple[float, float, float], whole_heart: bool
) -> str:
    """Why there is no score, and the volume that is surely calcium where veins full of contrast medium are no
    danger."""
    reason = f"contrast medium ({blood.hu:.0f} HU in the aorta): no score"
    if whole_heart:
        return reason + "; chambers and calcium are not told apart"
    if blood.noise_hu > UNEVEN_HU:
        return reason + "; it is mixed too unevenly to tell a volume"
    least = max(blood.hu + ABOVE_BLOOD_HU, blood.hu + ABOVE_NOISE * blood.noise_hu)
    volume = float(_dense(hu, region, least).sum()) * float(np.prod(spacing))
    return reason + f"; {volume:.0f} mm3 lie above {least:.0f} HU"


def _reason(blood: Blood, spacing: tuple[float, float, float]) -> str:
    if spacing[0] > THICKEST_MM:
        return f"slices are {spacing[0]:.1f} mm apart; the score is defined for 2.5-3 mm"
    if blood.noise_hu > NOISIEST_HU:
        return f"noise is {blood.noise_hu:.0f} HU: it reaches the threshold of {CALCIUM_HU:.0f} HU"
    return ""


def _dense(hu: np.ndarray, region: np.ndarray, least_hu: float) -> np.ndarray:
    """Connected places of some voxels above a threshold that lie mostly in the region: veins and bones beside it do
    not."""
    dense = hu >= least_hu
    labels, count = ndimage.label(dense, np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    within = np.bincount(labels[region], minlength=count + 1)
    kept = (within >= FEWEST_VOXELS) & (within >= MOSTLY * sizes)
    kept[0] = False
    return np.asarray(kept[labels] & region)


def agatston_like(hu: np.ndarray, region: np.ndarray, spacing_mm: tuple[float, float, float]) -> float:
    """Sum over slices and lesions of area in mm2 times the weight of its peak, scaled to slices of 3 mm.

    Args:
        hu, region: (Z, Y, X).
        spacing_mm: (z, y, x).
    """
    dense = _dense(hu, region, CALCIUM_HU)
    in_slice = np.zeros((3, 3, 3), int)
    in_slice[1] = 1
    labels, count = ndimage.label(dense, in_slice)
    if count == 0:
        return 0.0
    numbers = np.arange(1, count + 1)
    area = ndimage.sum_labels(dense, labels, numbers) * spacing_mm[1] * spacing_mm[2]
    peak = ndimage.maximum(hu, labels, numbers)
    weight = np.digitize(peak, PEAKS)
    return float((area * weight)[area >= SMALLEST_MM2].sum() * spacing_mm[0] / STANDARD_SLICE_MM)
