"""Solid nodules of the lung on CT: round soft tissue that air surrounds. Vessels go on, a nodule ends.

A nodule at the pleura, at the hilum or of ground glass is left to the reader.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from oncology.imaging import shape
from oncology.imaging.region import bounding_box, components, crop, grown
from oncology.imaging.roundness import core, equivalent_mm, is_round, surrounded_share
from oncology.imaging.volume import Volume

SMOOTH_MM = 0.8
# Solid in a lung window; aerated lung beside it stays below.
SOLID_HU, AERATED_HU = -350.0, -500.0
# Nodules below 6 mm are malignant in less than one of a hundred, from 8 mm on they are worked up at once (Fleischner
# Society: MacMahon 2017, Radiology 284:228). That guideline leaves patients with a known cancer out; ours goes by its
# sizes as what forks of vessels feign is mostly smaller. Beyond 30 mm it is a mass.
NODULE_MM, SURE_MM, MASS_MM = 6.0, 8.0, 30.0
CALCIFIED_HU = 200.0  # of the whole core: a healed granuloma (MacMahon 2017)
THIN_VESSEL_MM = 3.0  # what is thinner is cut off first: a vessel may lead to a nodule
# Layer around a nodule, and the share of it that is aerated, for one below 8 mm and a larger one (ours). On two real
# chests the forks of vessels had up to 0.91 at 5 to 7 mm, a spiculated cancer of 12 mm at the pleura 0.90.
SHELL_MM, SURROUNDED_SMALL, SURROUNDED = (1.0, 3.5), 0.93, 0.85


def solid_nodules(ct: Volume, lungs: np.ndarray) -> Iterator[np.ndarray]:
    """Each nodule (Z, Y, X) bool, largest first.

    Args:
        ct: in HU.
        lungs: (Z, Y, X) bool on its grid, with the vessels in them.
    """
    if not lungs.any():
        return
    box = grown(bounding_box(lungs), ct.geometry, SHELL_MM[1])
    part = crop(ct.array, ct.geometry, box)
    grid = part.geometry
    calm = ndimage.gaussian_filter(part.array.astype(np.float32), [SMOOTH_MM / side for side in grid.spacing_mm])
    aerated = lungs[box] & (calm < AERATED_HU)
    thick = shape.open_(lungs[box] & (calm >= SOLID_HU), 0.5 * THIN_VESSEL_MM, grid.spacing_mm)
    for blob, where in components(thick):
        size_mm = equivalent_mm(blob, grid)
        if size_mm < NODULE_MM:
            return
        if size_mm > MASS_MM or not is_round(blob, grid):
            continue
        dense = float(np.median(part.array[where][core(blob, grid)])) > CALCIFIED_HU
        least = SURROUNDED if size_mm >= SURE_MM else SURROUNDED_SMALL
        nodule = np.zeros(thick.shape, bool)
        nodule[where] = blob
        if not dense and surrounded_share(nodule, aerated, grid, SHELL_MM) >= least:
            whole = np.zeros(lungs.shape, bool)
            whole[box] = nodule
            yield whole
