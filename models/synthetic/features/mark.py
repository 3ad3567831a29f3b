"""What a feature leaves on a scan: density, uptake or metal at some voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.synthetic.canvas import Slices


@dataclass(frozen=True)
class Mark:
    """Some voxels of a body that a scan shows otherwise than their tissue.

    Attributes:
        box: where `mask` lies on the grid; `mask` (Z, Y, X) bool of the box.
        hu: density that they take; None keeps the tissue's. `more_hu` is added to it.
        suv: uptake that they take; None keeps the tissue's.
        metal_per_mm: attenuation at the effective energy for what is metal, 0 for all else.
    """

    box: Slices
    mask: np.ndarray
    hu: float | None = None
    more_hu: float = 0.0
    suv: float | None = None
    metal_per_mm: float = 0.0

    def paint_hu(self, hu: np.ndarray) -> None:
        """Change densities (Z, Y, X) of the whole grid in place."""
        part = hu[self.box]
        if self.hu is not None:
            part[self.mask] = self.hu
        if self.more_hu:
            part[self.mask] += self.more_hu

    def paint_suv(self, suv: np.ndarray) -> None:
        """Change uptakes (Z, Y, X) of the whole grid in place."""
        if self.suv is not None:
            suv[self.box][self.mask] = self.suv
