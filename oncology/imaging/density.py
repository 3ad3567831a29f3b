"""How dense a lung tumor is: solid, part-solid or ground glass, and how long its solid part is.

The edge of every lung tumor is blurred into air, and contours are drawn a little outside; so the kind is judged on
the tumor's inside, while the solid part is measured up to the edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from oncology.imaging.diameter import greatest_dimension_mm
from oncology.imaging.region import bounding_box, components, crop, distance_mm, grown
from oncology.imaging.volume import Volume

# Above this a voxel is solid: the threshold that found solid parts as readers do (Scholten 2015, Eur Radiol 25:488).
SOLID_HU = -300
# Between this and SOLID_HU a voxel is ground glass; below lies aerated lung, emphysema, a cavity.
GROUND_GLASS_HU = -750
# The blurred rim that is left out when the kind is judged.
RIM_MM = 2.0
# Our convention: less ground glass than this (of the tissue inside) is a solid tumor.
LEAST_GROUND_GLASS = 0.25
# A smaller solid part is a vessel or noise.
LEAST_SOLID_MM = 2.0


class DensityKind(StrEnum):
    """Kinds of lung tumor on CT, in the TNM vocabulary."""

    SOLID = "solid"
    PART_SOLID = "part_solid"
    PURE_GROUND_GLASS = "pure_ground_glass"


@dataclass(frozen=True)
class Density:
    """`solid_component_mm`: None for a solid tumor (its whole size counts), 0 for pure ground glass."""

    kind: DensityKind
    solid_component_mm: float | None


def measure_density(mask: np.ndarray, ct: Volume) -> Density:
    """Kind and solid part of a lung tumor.

    Args:
        mask: (Z, Y, X) bool on the CT's grid, not empty.
        ct: in HU.
    """
    near = grown(bounding_box(mask), ct.geometry, 2.0 * max(ct.geometry.spacing_mm))
    part, hu = crop(mask, ct.geometry, near), ct.array[near]
    inside = distance_mm(part.array, ct.geometry.spacing_mm) > RIM_MM
    inside = inside if inside.sum() >= 0.1 * part.array.sum() else part.array
    tissue = max(int((inside & (hu > GROUND_GLASS_HU)).sum()), 1)
    ground_glass = float((inside & (hu > GROUND_GLASS_HU) & (hu <= SOLID_HU)).sum()) / tissue
    if ground_glass < LEAST_GROUND_GLASS:
        return Density(DensityKind.SOLID, None)
    solid = components(part.array & (hu > SOLID_HU))
    length = greatest_dimension_mm(crop_of(solid[0][0], part, solid[0][1])) if solid else 0.0
    if length < LEAST_SOLID_MM:
        return Density(DensityKind.PURE_GROUND_GLASS, 0.0)
    return Density(DensityKind.PART_SOLID, length)


def crop_of(array: np.ndarray, whole: Volume, box: tuple[slice, slice, slice]) -> Volume:
    """A component's own array with its place in the volume that it was found in."""
    return Volume(array, crop(whole.array, whole.geometry, box).geometry)
