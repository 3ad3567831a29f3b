"""What every side finding's measuring returns, and the blood's attenuation that many of them depend on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from oncology.imaging.region import bounding_box, distance_mm
from oncology.imaging.volume import Volume

Masks = Mapping[str, np.ndarray]

# Blood without contrast medium lies at 30-60 HU.
CONTRAST_HU = 100.0
VESSEL_EDGE_MM = 3.0
FEWEST_VOXELS = 30


@dataclass(frozen=True)
class Measurement:
    """One number, or why there is none.

    Attributes:
        name: of the side finding, as the table of cut-offs spells it.
        value: in the table's unit; None when it could not be measured.
        reason: why the value is missing or must not be compared with the cut-off; "" when it may.
        note: how it was measured, and what limits it.
    """

    name: str
    value: float | None
    reason: str = ""
    note: str = ""


@dataclass(frozen=True)
class Blood:
    """Attenuation of the blood in the aorta, HU: its median and its spread (noise)."""

    hu: float
    noise_hu: float

    @property
    def enhanced(self) -> bool:
        """Whether contrast medium was given."""
        return self.hu > CONTRAST_HU


def missing(name: str, structure: str) -> Measurement:
    """The answer when a structure has no mask."""
    return Measurement(name, None, f"{structure} is not in the field of view or was not segmented")


def inside(mask: np.ndarray, spacing_mm: tuple[float, float, float], edge_mm: float) -> np.ndarray:
    """The mask without its outer `edge_mm`; the border of the image does not count as edge."""
    found = np.zeros(mask.shape, bool)
    if mask.any():
        box = bounding_box(mask)
        wide = tuple(slice(max(0, s.start - 1), s.stop + 1) for s in box)
        found[wide] = distance_mm(mask[wide], spacing_mm) > edge_mm
    return found


def union(masks: Masks, names: Iterable[str]) -> np.ndarray | None:
    """All of those masks that are there, None without any."""
    found = [masks[name].astype(bool) for name in names if name in masks and masks[name].any()]
    return np.logical_or.reduce(found) if found else None


def measure_blood(ct: Volume, masks: Masks) -> Blood | None:
    """The blood in the aorta (else the heart), None without such a mask."""
    for name in ("aorta", "heart"):
        if name in masks:
            values = ct.array[inside(masks[name], ct.geometry.spacing_mm, VESSEL_EDGE_MM)]
            if values.size >= FEWEST_VOXELS:
                median = float(np.median(values))
                return Blood(median, 1.4826 * float(np.median(np.abs(values - median))))
    return None
