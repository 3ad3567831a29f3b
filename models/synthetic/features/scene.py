"""A drawn body as features see it: its masks, what every voxel is made of, and random numbers of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from models.synthetic.canvas import Canvas
from models.synthetic.features.mark import Mark
from models.synthetic.frame import Masks
from models.synthetic.plan import PatientPlan
from models.synthetic.tissue import FAT, MATERIALS, label_of
from models.synthetic.trunk_pen import TrunkPen, filled_box
from oncology.imaging.region import bounding_box, grown

SIDES = {"left": 1.0, "right": -1.0}


def own_random(plan: PatientPlan, word: str) -> np.random.Generator:
    """Random numbers of one feature of one body, apart from those that draw the body."""
    return np.random.default_rng([plan.build.seed, *word.encode()])


@dataclass(frozen=True)
class Scene:
    """One body.

    Attributes:
        masks: (Z, Y, X) bool by name.
        labels: (Z, Y, X) uint8 into `tissue.MATERIALS`.
    """

    plan: PatientPlan
    canvas: Canvas
    masks: Masks
    labels: np.ndarray

    @cached_property
    def pen(self) -> TrunkPen:
        """Draws in the frame's millimeters."""
        return TrunkPen(self.canvas, self.plan.build)

    @cached_property
    def fat(self) -> np.ndarray:
        """Voxels (Z, Y, X) of plain fat."""
        return np.isin(self.labels, [label for label, tissue in enumerate(MATERIALS) if tissue is FAT])

    def frame_axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """z (Z, 1, 1), y (1, Y, 1) and x (1, 1, X) in the frame's millimeters."""
        z, y, x = (axis.astype(np.float32) / np.float32(self.plan.build.scale) for axis in self.canvas.axes())
        return z, y, x

    def random(self, word: str) -> np.random.Generator:
        """See `own_random`."""
        return own_random(self.plan, word)

    def own(self, *names: str) -> np.ndarray:
        """Voxels (Z, Y, X) of these structures that nothing else is painted over."""
        found = self.canvas.empty()
        for name in names:
            if name in self.masks:
                found |= self.masks[name] & (self.labels == label_of(name))
        return found

    def mark(
        self, mask: np.ndarray, hu: float | None = None, more_hu: float = 0.0, suv: float | None = None,
        metal_per_mm: float = 0.0,
    ) -> Iterator[Mark]:  # fmt: skip
        """A mark at a mask of the whole grid; none where the field of view holds nothing of it."""
        box = filled_box(mask)
        if mask[box].any():
            yield Mark(box, mask[box], hu, more_hu, suv, metal_per_mm)


def closed(mask: np.ndarray, canvas: Canvas, gap_mm: float) -> np.ndarray:
    """The mask with dents and holes up to `gap_mm` on either side filled, (Z, Y, X) bool."""
    whole = mask.copy()
    if not mask.any():
        return whole
    spacing = canvas.geometry.spacing_mm
    box = grown(bounding_box(mask), canvas.geometry, gap_mm + spacing[0])
    swollen = ndimage.distance_transform_edt(~mask[box], sampling=spacing) <= gap_mm
    padded = np.pad(swollen, 1)
    back = ndimage.distance_transform_edt(padded, sampling=spacing)[1:-1, 1:-1, 1:-1] > gap_mm
    whole[box] |= back
    return whole
