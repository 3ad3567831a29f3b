"""A pen for the trunk: shapes given in the frame's millimeters, drawn on a patient's canvas, each inside its box.

One patient's organs are moved together by a smooth displacement that fades out towards the neck and the abdomen, where
other parts take over; single sizes vary on top. Arrays are (z, y, x), points x, y, z.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from models.synthetic.canvas import Canvas, Slices, curve
from models.synthetic.frame import Build, Masks
from oncology.findings import Point

SWAY_MM = (2.2, 2.0, 2.6)  # deviation of the displacement along x, y, z
WAVES_MM = (150.0, 320.0)  # its wave lengths
STILL_BELOW, FREE_FROM, FREE_TO, STILL_ABOVE = 60.0, 115.0, 212.0, 262.0
SIZE_SPREAD = 0.06


@dataclass(frozen=True)
class TrunkPen:
    """Draws the trunk of one body.

    Attributes:
        canvas: the patient's grid.
        build: whose body it is.
    """

    canvas: Canvas
    build: Build

    @cached_property
    def _waves(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Directions (3, K, 3), phases (3, K) and amplitudes (3, K) of the displacement's sine waves."""
        random = np.random.default_rng([self.build.seed, 77])
        ways = random.standard_normal((3, 4, 3))
        ways *= 2 * np.pi / (np.linalg.norm(ways, axis=2, keepdims=True) * random.uniform(*WAVES_MM, (3, 4, 1)))
        return ways, random.uniform(0, 2 * np.pi, (3, 4)), np.array(SWAY_MM)[:, None] * random.uniform(0.3, 1.0, (3, 4))

    def place(self, point: Point) -> Point:
        """Where a point of the frame lies in this patient, LPS mm."""
        ways, phases, heights = self._waves
        fade = np.interp(point[2], (STILL_BELOW, FREE_FROM, FREE_TO, STILL_ABOVE), (0.0, 1.0, 1.0, 0.0))
        moved = np.array(point, float) + fade * (heights * np.sin(ways @ np.array(point, float) + phases)).sum(axis=1)
        x, y, z = moved * self.build.scale
        return float(x), float(y), float(z)

    def places(self, points: Sequence[Point]) -> list[Point]:
        """Where points of the frame lie in this patient."""
        return [self.place(point) for point in points]

    def size(self, name: str, spread: float = SIZE_SPREAD) -> float:
        """This patient's factor for the size of one thing, around 1; the same for the same build and name."""
        random = np.random.default_rng([self.build.seed, *name.encode()])
        return float(1.0 + spread * np.clip(random.standard_normal(), -2.0, 2.0))

    def tube(self, mask: np.ndarray, points: Sequence[Point], radius: float | Sequence[float], steps: int = 4) -> None:
        """Adds a round tube along a smooth path of the frame; radius in frame mm, per point or for all."""
        placed = self.places(points)
        radii = np.array([radius] * len(points) if isinstance(radius, (int, float)) else radius, float)
        path = curve(placed, steps) if steps > 1 else placed
        fine = np.interp(np.arange(len(path)) / max(steps, 1), np.arange(len(points)), radii) * self.build.scale
        for start, stop, r0, r1 in zip(path, path[1:], fine, fine[1:], strict=False):
            self.capsule(mask, start, stop, float(r0), float(r1))

    def tubes(self, masks: Masks, name: str, points: Sequence[Point], radius: float | Sequence[float]) -> None:
        """Adds a tube to a named mask, its caliber varied by that name."""
        factor = self.size(name)
        radii = radius * factor if isinstance(radius, (int, float)) else [r * factor for r in radius]
        self.tube(self.mask(masks, name), points, radii)

    def mask(self, masks: Masks, name: str) -> np.ndarray:
        """The named mask, empty when there was none."""
        return masks.setdefault(name, self.canvas.empty())

    def capsule(self, mask: np.ndarray, start: Point, stop: Point, r0: float, r1: float) -> None:
        """Adds a round cone with rounded ends between two points, all in patient mm."""
        a, b = np.array(start), np.array(stop)
        margin = max(r0, r1) + 0.5
        box = self.canvas.box(np.minimum(a, b) - margin, np.maximum(a, b) + margin)
        if any(side.stop <= side.start for side in box):
            return
        z, y, x = _single(self.canvas.axes(box))
        along = b - a
        length = float(along @ along) or 1.0
        share = ((x - a[0]) * (along[0] / length) + (y - a[1]) * (along[1] / length)) + (z - a[2]) * (along[2] / length)
        share = np.clip(share, 0.0, 1.0)
        apart = (x - a[0] - share * along[0]) ** 2
        apart += (y - a[1] - share * along[1]) ** 2
        apart += (z - a[2] - share * along[2]) ** 2
        mask[box] |= apart <= (r0 + share * (r1 - r0)) ** 2

    def ellipsoid(self, mask: np.ndarray, center: Point, radii: Point) -> None:
        """Adds a solid ellipsoid along the body's axes, in frame mm."""
        middle, reach = np.array(self.place(center)), np.array(radii) * self.build.scale
        box = self.canvas.box(middle - reach, middle + reach)
        z, y, x = _single(self.canvas.axes(box))
        apart = (
            ((x - middle[0]) / reach[0]) ** 2 + ((y - middle[1]) / reach[1]) ** 2 + ((z - middle[2]) / reach[2]) ** 2
        )
        mask[box] |= apart <= 1.0

    def spheroid(self, mask: np.ndarray, start: Point, stop: Point, radius: float, taper: float = 0.0) -> None:
        """Adds a spheroid whose long axis runs between two points; `taper` thins it to the second one."""
        a, b = np.array(self.place(start)), np.array(self.place(stop))
        reach = radius * self.build.scale
        box = self.canvas.box(np.minimum(a, b) - reach, np.maximum(a, b) + reach)
        z, y, x = _single(self.canvas.axes(box))
        middle, half = (a + b) / 2, float(np.linalg.norm(b - a)) / 2
        way = (b - a) / (2 * half)
        dx, dy, dz = x - middle[0], y - middle[1], z - middle[2]
        along = dx * way[0] + dy * way[1] + dz * way[2]
        across = dx * dx + dy * dy + dz * dz - along * along
        wide = reach * (1.0 - taper * along / half)
        mask[box] |= (along / half) ** 2 + across / wide**2 <= 1.0

    def loft(self, mask: np.ndarray, rows: Sequence[Sequence[float]], power: float = 2.0) -> None:
        """Adds a solid whose axial sections are superellipses: rows of z, x, y, half width, half depth in frame mm."""
        table = np.array(sorted(rows, key=lambda row: row[0]), float)
        placed = np.array(self.places([(row[1], row[2], row[0]) for row in table.tolist()]))
        half = table[:, 3:5] * self.build.scale
        low = [(placed[:, 0] - half[:, 0]).min(), (placed[:, 1] - half[:, 1]).min(), placed[0, 2]]
        high = [(placed[:, 0] + half[:, 0]).max(), (placed[:, 1] + half[:, 1]).max(), placed[-1, 2]]
        box = self.canvas.box(low, high)
        z, y, x = _single(self.canvas.axes(box))
        cx, cy, a, b = (np.interp(z, placed[:, 2], v) for v in (placed[:, 0], placed[:, 1], half[:, 0], half[:, 1]))
        inside = np.abs((x - cx) / a) ** power + np.abs((y - cy) / b) ** power <= 1.0
        mask[box] |= inside & (z >= placed[0, 2]) & (z <= placed[-1, 2])

    def plate(self, mask: np.ndarray, corners: Sequence[Point], half_mm: float) -> None:
        """Adds a flat triangle of some thickness between three points."""
        a, b, c = (np.array(self.place(corner)) for corner in corners)
        thick = max(half_mm * self.build.scale, 0.6 * self.canvas.geometry.spacing_mm[0])
        low, high = np.min([a, b, c], axis=0) - thick, np.max([a, b, c], axis=0) + thick
        box = self.canvas.box(low, high)
        z, y, x = _single(self.canvas.axes(box))
        u, v = b - a, c - a
        normal = np.cross(u, v)
        normal /= np.linalg.norm(normal)
        inverse = np.linalg.pinv(np.stack([u, v], axis=1))
        dx, dy, dz = x - a[0], y - a[1], z - a[2]
        s, t = (row[0] * dx + row[1] * dy + row[2] * dz for row in inverse)
        flat = np.abs(normal[0] * dx + normal[1] * dy + normal[2] * dz) <= thick
        mask[box] |= flat & (s >= 0) & (t >= 0) & (s + t <= 1)


def _single(axes: tuple[np.ndarray, np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    z, y, x = (axis.astype(np.float32) for axis in axes)
    return z, y, x


def filled_box(mask: np.ndarray, margin: int = 0) -> Slices:
    """The box around what is set, larger by `margin` voxels and cut at the border; empty when nothing is."""
    sides = []
    for axis in range(3):
        used = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        first, last = (int(used[0]), int(used[-1]) + 1) if used.size else (0, 0)
        sides.append(slice(max(0, first - margin), min(mask.shape[axis], last + margin) if used.size else 0))
    return sides[0], sides[1], sides[2]


def mirrored(points: Sequence[Point], side: float) -> list[Point]:
    """Points of the left side, or of the right one for side -1."""
    return [(side * x, y, z) for x, y, z in points]


def between(points: Sequence[Point], low: float, high: float) -> list[Point]:
    """The part of a polyline that rises along z between two heights, with points at both cuts."""
    ordered = sorted(points, key=lambda point: point[2])
    found: list[Point] = []
    for a, b in pairwise(ordered):
        cuts = [z for z in (low, high) if a[2] < z < b[2]]
        for z in (a[2], *cuts):
            if low <= z <= high:
                share = (z - a[2]) / (b[2] - a[2])
                found.append((a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]), float(z)))
    return found if ordered[-1][2] > high else [*found, ordered[-1]]
