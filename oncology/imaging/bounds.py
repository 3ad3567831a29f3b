"""What intensities allow a proposed lesion to hold: a network's mask without air, fat and bone, near its organ.

A network trained on drawn patients spills into air and bone of real ones. Tissue does not: cutting its masks by
intensity is what made them agree with a radiologist's on the first real scans that were tried.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from oncology.imaging import shape
from oncology.imaging.region import Box, bounding_box, grown
from oncology.imaging.volume import Geometry, Volume

# Halfway from fat (-100 HU) to soft tissue (40 HU); and what neither soft tissue nor a vessel in the arterial phase
# reaches, but cortical bone does.
TISSUE_FROM_HU, TISSUE_UP_TO_HU = -40.0, 320.0
# Nodes enhance to some 100 HU. What is denser, or nearly as bright as enhanced blood, is a vessel or calcium (ours: on
# the public chest CT R01-001, whose aorta has 195 HU, two of three proposed nodes were pulmonary vessels of 146 and 159
# HU, dimmed by the air beside them).
NODE_UP_TO_HU, NODE_HU, AS_BLOOD, ENHANCED_HU = 160.0, 120.0, 0.7, 110.0
BLOOD = ("aorta", "common_carotid_artery_left", "common_carotid_artery_right")
VESSEL_RIM_MM, LEAST_BLOOD_ML = 2.0, 0.3
INFLATED_HU, GROUND_GLASS_FROM_HU = -850.0, -750.0  # lung, and what is denser than it
SMOOTH_MM = 0.8  # noise is calmed by this much before it is cut
CLOSE_MM = 2.0  # a hilum's fat, a cavity's rim and calcium are given back
LUNG_MARGIN_MM = 20.0  # a lung tumor reaches this far out of what rules call lung
LEAST_SHARE = 0.25  # of a proposal that must remain
LUNGS = ("lung_left", "lung_right")


@dataclass(frozen=True)
class Bounded:
    """What remains of a proposal; `share` is how much, and below LEAST_SHARE nothing does."""

    mask: np.ndarray
    share: float


def blood_hu(ct: Volume, structures: Mapping[str, np.ndarray]) -> float | None:
    """Median HU inside the first great artery that is drawn large enough; None where none is."""
    for name in BLOOD:
        if name not in structures or not structures[name].any():
            continue
        box = bounding_box(structures[name])
        inner = shape.erode(structures[name][box], VESSEL_RIM_MM, ct.geometry.spacing_mm)
        if np.count_nonzero(inner) * ct.geometry.voxel_ml >= LEAST_BLOOD_ML:
            return float(np.median(ct.array[box][inner]))
    return None


def within_tissue(
    mask: np.ndarray,
    role: str,
    cancer: str,
    ct: Volume,
    structures: Mapping[str, np.ndarray],
    blood: float | None = None,
) -> Bounded:
    """A proposal cut to where its intensities and its organ allow a lesion.

    Args:
        mask: (Z, Y, X) bool on the CT's grid, at least one voxel.
        role: tumor or node.
        ct: in HU.
        structures: (Z, Y, X) bool by name, by rules; a lung tumor stays near the lungs where they were found.
        blood: HU of blood, see `blood_hu`; a node is darker where that is enhanced.
    """
    grid = ct.geometry
    box = grown(bounding_box(mask), grid, LUNG_MARGIN_MM)
    part, lung_tumor = mask[box], role == "tumor" and cancer == "lung"
    calm = ndimage.gaussian_filter(ct.array[box].astype(np.float32), [SMOOTH_MM / size for size in grid.spacing_mm])
    lowest = _border_to_lung(calm[part]) if lung_tumor else TISSUE_FROM_HU
    highest = _node_up_to(blood) if role == "node" else TISSUE_UP_TO_HU
    kept = part & (calm >= lowest) & (calm <= highest)
    if float(np.median(ct.array[box][part])) > highest:
        kept[:] = False  # a vessel or a bone: what is left is its blurred rim
    if lung_tumor:
        kept &= _near_lungs(structures, box, grid)
    kept = shape.close(kept, CLOSE_MM, grid.spacing_mm) & part
    share = np.count_nonzero(kept) / np.count_nonzero(part)
    result = np.zeros(mask.shape, bool)
    if share >= LEAST_SHARE:
        result[box] = kept
    return Bounded(result, float(share))


def _node_up_to(blood: float | None) -> float:
    if blood is None or blood < ENHANCED_HU:
        return NODE_UP_TO_HU
    return min(NODE_UP_TO_HU, max(NODE_HU, AS_BLOOD * blood))


def _border_to_lung(hu: np.ndarray) -> float:
    """Halfway from inflated lung to the tumor's own density, solid or ground glass."""
    denser = hu[hu >= GROUND_GLASS_FROM_HU]
    own = float(np.median(denser)) if denser.size else GROUND_GLASS_FROM_HU
    return max(GROUND_GLASS_FROM_HU, 0.5 * (own + INFLATED_HU))


def _near_lungs(structures: Mapping[str, np.ndarray], box: Box, grid: Geometry) -> np.ndarray:
    """Where a lung is no further than the margin; everywhere, where no lung was found at all."""
    found: Sequence[np.ndarray] = [structures[name] for name in LUNGS if name in structures and structures[name].any()]
    if not found:
        return np.ones(tuple(side.stop - side.start for side in box), bool)
    return shape.dilate(np.logical_or.reduce([lung[box] for lung in found]), LUNG_MARGIN_MM, grid.spacing_mm)
