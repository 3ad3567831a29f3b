"""What of a great vessel or the heart still shows blood: a mask that laps over an enhanced lumen has not grown into it.

Two masks of networks overlap by some millimeters wherever organs lie against each other. Enhanced blood is far brighter
than a tumor, so that the image itself tells which of both is right.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from oncology.imaging import shape
from oncology.imaging.encasement import GREAT_VESSELS
from oncology.imaging.region import bounding_box, grown
from oncology.imaging.volume import Volume

BLOOD_FILLED = GREAT_VESSELS | frozenset(
    (
        "heart_atrium_left",
        "heart_atrium_right",
        "heart_ventricle_left",
        "heart_ventricle_right",
    )
)
AROUND_MM = 15.0  # of the tumor, where the vessel's own blood is looked at
APART_MM = 2.0  # from the other mask's border and the vessel's wall: what neither blurs
BRIGHTER_HU = 60.0  # by which blood stands out from the tumor at least
LEAST_VOXELS = 20
SMOOTH_MM = 0.8  # noise of single voxels is calmed by this much


def without_blood(tumor: np.ndarray, vessel: np.ndarray, ct: Volume) -> np.ndarray:
    """The tumor's mask without what is nearer to the vessel's blood than to the tumor in density.

    Unchanged where blood does not stand out from the tumor (no contrast medium), or too little of either is seen.

    Args:
        tumor, vessel: (Z, Y, X) bool on the CT's grid.
        ct: in HU.
    """
    box = grown(bounding_box(tumor), ct.geometry, AROUND_MM)
    mine, its, spacing = tumor[box], vessel[box], ct.geometry.spacing_mm
    if not (mine & its).any():
        return tumor
    calm = ndimage.gaussian_filter(ct.array[box].astype(np.float32), [SMOOTH_MM / step for step in spacing])
    lumen = shape.erode(its, APART_MM, spacing) & ~shape.dilate(mine, APART_MM, spacing)
    solid = mine & ~shape.dilate(its, APART_MM, spacing)
    if min(np.count_nonzero(lumen), np.count_nonzero(solid)) < LEAST_VOXELS:
        return tumor
    blood, tissue = float(np.median(calm[lumen])), float(np.median(calm[solid]))
    if blood - tissue < BRIGHTER_HU:
        return tumor
    result = tumor.copy()
    result[box] = mine & ~(its & (calm > (blood + tissue) / 2.0))
    return result
