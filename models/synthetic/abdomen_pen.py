"""A pen for the abdomen: the trunk's pen with a displacement of its own for what lies in front of the spine.

Great vessels, spine and kidneys stay where the frame has them; the farther in front of them, the more stomach, pancreas
and bowel move, all together, so that neighbors stay neighbors. Arrays are (z, y, x), points x, y, z.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.synthetic.canvas import Slices
from models.synthetic.frame import Masks
from models.synthetic.trunk_pen import TrunkPen, filled_box
from oncology.findings import Point

SWAY_MM = (2.0, 1.6, 3.0)  # deviation of each wave along x, y, z
WAVES_MM = (140.0, 320.0)
FIXED_Y, FREE_Y = 32.0, -6.0  # from the aorta's front on things move fully at FREE_Y
FIXED_Z, FREE_Z = 78.0, 48.0  # near the diaphragm's domes nothing moves
TAIL_MM = 7.0  # deviation of the height of the pancreas's tail
TAIL_X = (18.0, 76.0)
THIN = 0.8  # a tube thinner than this share of a voxel would fall apart


@dataclass(frozen=True)
class AbdomenPen(TrunkPen):
    """Draws the abdomen of one body; see `TrunkPen`."""

    @cached_property
    def _folds(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """Directions (3, K, 3), phases (3, K), amplitudes (3, K) of the displacement, and the tail's rise in mm."""
        random = np.random.default_rng([self.build.seed, 91])
        ways = random.standard_normal((3, 3, 3))
        ways *= 2 * np.pi / (np.linalg.norm(ways, axis=2, keepdims=True) * random.uniform(*WAVES_MM, (3, 3, 1)))
        heights = np.array(SWAY_MM)[:, None] * random.uniform(0.4, 1.0, (3, 3))
        rise = TAIL_MM * float(np.clip(random.standard_normal(), -1.5, 1.5))
        return ways, random.uniform(0, 2 * np.pi, (3, 3)), heights, rise

    def place(self, point: Point) -> Point:
        """Where a point of the frame lies in this patient, LPS mm."""
        ways, phases, heights, rise = self._folds
        x, y, z = point
        free = float(np.interp(y, (FREE_Y, FIXED_Y), (1.0, 0.0)) * np.interp(z, (FREE_Z, FIXED_Z), (1.0, 0.0)))
        moved = free * (heights * np.sin(ways @ np.array(point, float) + phases)).sum(axis=1)
        tail = rise * float(np.interp(x, TAIL_X, (0.0, 1.0)) * np.interp(abs(z - 8.0), (22.0, 60.0), (1.0, 0.0)))
        return super().place((x + float(moved[0]), y + float(moved[1]), z + float(moved[2]) + tail))

    def add(self, masks: Masks, name: str, points: Sequence[Point], radius: float | Sequence[float]) -> None:
        """Adds a tube to a named mask, never thinner than the grid can show as one piece."""
        factor = self.size(name)
        least = THIN * self.canvas.geometry.spacing_mm[0] / self.build.scale
        radii = [radius] * len(points) if isinstance(radius, (int, float)) else list(radius)
        self.tube(self.mask(masks, name), points, [max(value * factor, least) for value in radii])

    def frame_axes(self, box: Slices | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """z (Z, 1, 1), y (1, Y, 1), x (1, 1, X) of voxel centers in the frame's millimeters."""
        z, y, x = (axis.astype(np.float32) / np.float32(self.build.scale) for axis in self.canvas.axes(box))
        return z, y, x

    def frame_box(self, low: Point, high: Point) -> Slices:
        """Voxels between two corners of the frame."""
        scale = self.build.scale
        return self.canvas.box([value * scale for value in low], [value * scale for value in high])

    def grow(self, mask: np.ndarray, reach_mm: float) -> np.ndarray:
        """The mask swollen by about `reach_mm`, at least one voxel, within its own box."""
        from_edge = max(1, round(reach_mm / self.canvas.geometry.spacing_mm[0]))
        box = filled_box(mask, from_edge)
        swollen, part = mask.copy(), mask[box].copy()
        for _ in range(from_edge):
            part = _cross(part)
        swollen[box] = part
        return swollen


def _cross(mask: np.ndarray) -> np.ndarray:
    """One step of growth to the six neighbors."""
    grown = mask.copy()
    for axis in range(mask.ndim):
        near, far = [slice(None)] * mask.ndim, [slice(None)] * mask.ndim
        near[axis], far[axis] = slice(None, -1), slice(1, None)
        grown[tuple(near)] |= mask[tuple(far)]
        grown[tuple(far)] |= mask[tuple(near)]
    return grown
