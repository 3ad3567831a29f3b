"""Skeletal muscle in the slice through the third lumbar vertebra."""

from __future__ import annotations

import numpy as np

from oncology.imaging.side.measurement import Masks, Measurement, missing, union
from oncology.imaging.volume import Volume

AREA, INDEX = "muscle_area_l3", "muscle_index_l3"
VERTEBRA = "vertebrae_L3"
MUSCLE_HU = (-29.0, 150.0)  # Mitsiopoulos 1998, J Appl Physiol 85:115
# Masks of all muscles of a slice, or the single ones that make it up together; networks draw both apart.
WHOLE = ("skeletal_muscle",)
WALL = ("rectus_abdominis", "external_oblique", "internal_oblique", "abdominal_wall_muscle")
BACK = ("autochthon", "erector_spinae")
OTHER = ("quadratus_lumborum", "iliopsoas", "psoas_major", "transversospinalis", "latissimus_dorsi")


def measure_muscle(ct: Volume, masks: Masks, height_m: float | None) -> Measurement:
    """Area in cm2 of muscle at L3, divided by the height squared (cm2/m2) when the height is known.

    The name of the result tells which of the two it is.
    """
    if VERTEBRA not in masks or not masks[VERTEBRA].any():
        return missing(AREA, "vertebra L3")
    level = _middle_slice(masks[VERTEBRA])
    muscle = _muscles(masks)
    if muscle is None or not muscle[level].any():
        return missing(AREA, "the muscle of the abdominal wall at L3")
    hu = ct.array[level]
    found = muscle[level] & (hu >= MUSCLE_HU[0]) & (hu <= MUSCLE_HU[1])
    _, dy, dx = ct.geometry.spacing_mm
    area = float(found.sum()) * dy * dx / 100.0
    reason = "the field of view cuts the body's sides at L3" if _cut(masks, muscle, level) else ""
    note = f"{area:.0f} cm2 between {MUSCLE_HU[0]:.0f} and {MUSCLE_HU[1]:.0f} HU"
    if height_m is None:
        return Measurement(AREA, area, reason, note + "; height not known, so no index")
    return Measurement(INDEX, area / height_m**2, reason, note + f", height {height_m:.2f} m")


def _middle_slice(vertebra: np.ndarray) -> int:
    """The slice through the middle of the vertebra's largest sections (its body)."""
    areas = vertebra.sum(axis=(1, 2)).astype(float)
    rows = np.flatnonzero(areas >= 0.3 * areas.max())
    return int(np.median(rows))


def _muscles(masks: Masks) -> np.ndarray | None:
    """All muscles, None when those of wall or back are missing."""

    def sided(names: tuple[str, ...]) -> list[str]:
        return [name for name in masks if name.rsplit("_", 1)[0] in names or name in names]

    groups = [sided(names) for names in (WALL, BACK)]
    if union(masks, WHOLE) is None and any(union(masks, names) is None for names in groups):
        return None
    return union(masks, [*WHOLE, *sided(WALL), *sided(BACK), *sided(OTHER)])


def _cut(masks: Masks, muscle: np.ndarray, level: int) -> bool:
    """Whether the muscle reaches the edge of the image."""
    plane = masks["body"][level] if "body" in masks else muscle[level]
    return bool((muscle[level] & plane)[[0, -1], :].any() or (muscle[level] & plane)[:, [0, -1]].any())
