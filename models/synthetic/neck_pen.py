"""A pen for the neck: shapes given in the frame's millimeters, drawn on a patient's canvas, each inside its box.

A part (larynx, jaw, glands, ...) has its own pivot, stretch and shift, so that one patient's larynx can be large and
the jaw narrow. Shapes are evaluated in the frame's coordinates: arrays are (z, y, x), points x, y, z.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from models.synthetic.canvas import Canvas, Slices, smooth_noise
from models.synthetic.frame import Build
from oncology.findings import Point

# z, x, y of the center, half width along the first and second axis, turn in degrees (optional).
Row = Sequence[float]
SIDES: Mapping[str, float] = {"left": 1.0, "right": -1.0}
BUMP = 0.05  # how far a surface strays from its smooth shape, as a share of its radius
FEMALE_LARYNX: Point = (0.84, 0.86, 0.92)  # of a man's; Eckel 1994 gives 0.75-0.9 for the single distances
PIVOTS: Mapping[str, Point] = {
    "trunk": (0.0, 20.0, 340.0),
    "larynx": (0.0, -8.0, 308.0),
    "throat": (0.0, 24.0, 366.0),
    "jaw": (0.0, 24.0, 400.0),
    "glands": (0.0, 10.0, 400.0),
    "skull": (0.0, 40.0, 445.0),
}
# Deviation of stretch (x, y, z) and of shift in mm.
SPREAD: Mapping[str, tuple[Point, Point]] = {
    "trunk": ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    "larynx": ((0.05, 0.05, 0.03), (0.8, 1.0, 0.0)),
    "throat": ((0.05, 0.03, 0.01), (0.5, 0.6, 0.8)),
    "jaw": ((0.03, 0.035, 0.02), (0.6, 1.0, 1.0)),
    "glands": ((0.02, 0.03, 0.03), (0.5, 1.5, 1.5)),
    "skull": ((0.02, 0.02, 0.0), (0.4, 0.5, 0.0)),
}


@dataclass(frozen=True)
class Part:
    """How one part of this body differs from the frame: place = scale * (pivot + stretch * (point - pivot) + shift)."""

    scale: float
    pivot: Point
    stretch: Point
    shift: Point

    def place(self, point: Point) -> Point:
        """Where a point of the frame lies in this patient, LPS mm."""
        x, y, z = (
            self.scale * (p + f * (c - p) + s)
            for c, p, f, s in zip(point, self.pivot, self.stretch, self.shift, strict=True)
        )
        return (x, y, z)

    def undo(self, value: np.ndarray, axis: int) -> np.ndarray:
        """The frame's coordinate of the patient's along one axis (0 x, 1 y, 2 z)."""
        return (value / self.scale - self.pivot[axis] - self.shift[axis]) / self.stretch[axis] + self.pivot[axis]


def neck_parts(build: Build) -> dict[str, Part]:
    """The parts of one patient's neck; the same for the same build."""
    random = np.random.default_rng([build.seed, 4711])
    parts = {}
    for name, (stretch, shift) in SPREAD.items():
        sizes = 1.0 + np.array(stretch) * random.uniform(-1.6, 1.6, 3)
        if name == "larynx" and build.sex == "female":
            sizes = sizes * FEMALE_LARYNX
        moves = np.array(shift) * random.uniform(-1.6, 1.6, 3)
        parts[name] = Part(build.scale, PIVOTS[name], _point(sizes), _point(moves))
    return parts


def _point(values: np.ndarray) -> Point:
    return (float(values[0]), float(values[1]), float(values[2]))


@dataclass(frozen=True)
class Pen:
    """Draws in one part's coordinates.

    Attributes:
        canvas: the patient's grid.
        part: what maps the frame on the patient.
        bump: (z, y, x) of the whole grid, zero mean, unit deviation; roughens every surface a little.
        mirror: -1 draws the right side from the left side's numbers.
    """

    canvas: Canvas
    part: Part
    bump: np.ndarray
    mirror: float = 1.0

    def sides(self) -> Iterator[tuple[str, Pen]]:
        """The pen of either side, from numbers of the left one."""
        for side, sign in SIDES.items():
            yield side, replace(self, mirror=sign)

    def axes(self, box: Slices | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frame coordinates z (Z, 1, 1), y (1, Y, 1), x (1, 1, X); x is mirrored for the right side."""
        z, y, x = self.canvas.axes(box)
        return self.part.undo(z, 2), self.part.undo(y, 1), self.mirror * self.part.undo(x, 0)

    def box(self, low: Sequence[float], high: Sequence[float], fold: bool = False) -> Slices:
        """Voxels around two corners of the frame; `fold` holds both sides."""
        first, last = [low[0], low[1], low[2]], [high[0], high[1], high[2]]
        if fold:
            first[0] = -high[0]
        if self.mirror < 0:
            first[0], last[0] = -last[0], -first[0]
        corners = np.array([self.part.place(_point(np.array(p, float))) for p in (first, last)])
        return self.canvas.box(corners.min(axis=0) - 1.0, corners.max(axis=0) + 1.0)

    def limit(self, box: Slices, size: float = 1.0) -> np.ndarray:
        """1 with the patient's roughness inside a box; `size` scales the roughness."""
        return np.asarray(1.0 + size * BUMP * self.bump[box])

    def loft(self, rows: Sequence[Row], power: float = 2.0, taper: float = 0.0, rough: float = 1.0) -> np.ndarray:
        """A solid whose axial sections are (super)ellipses, between rows along z.

        `taper` widens a section to the back by that share (a glottis is a wedge); `rough` scales the roughness.
        """
        table = np.array([[*row, 0.0][:6] for row in sorted(rows, key=lambda row: row[0])], float)
        reach = 1.15 * table[:, 3:5].max(axis=1) * (1.0 + abs(taper))
        low = [(table[:, 1] - reach).min(), (table[:, 2] - reach).min(), table[0, 0]]
        high = [(table[:, 1] + reach).max(), (table[:, 2] + reach).max(), table[-1, 0]]
        mask, box = self.canvas.empty(), self.box(low, high)
        z, y, x = self.axes(box)
        cx, cy, a, b, turn = (np.interp(z, table[:, 0], table[:, n]) for n in range(1, 6))
        cosine, sine = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        dx, dy = x - cx, y - cy
        u, v = (dx * cosine + dy * sine) / a, (dy * cosine - dx * sine) / b
        u = u / np.maximum(1.0 + taper * v, 0.05)
        inside = np.abs(u) ** power + np.abs(v) ** power <= self.limit(box, rough) ** 2
        mask[box] = inside & (z >= table[0, 0]) & (z <= table[-1, 0])
        return mask

    def ellipsoid(self, center: Point, radii: Point) -> np.ndarray:
        """A solid ellipsoid in the frame's millimeters."""
        mask = self.canvas.empty()
        low = [c - 1.15 * r for c, r in zip(center, radii, strict=True)]
        high = [c + 1.15 * r for c, r in zip(center, radii, strict=True)]
        box = self.box(low, high)
        z, y, x = self.axes(box)
        apart = (
            ((x - center[0]) / radii[0]) ** 2 + ((y - center[1]) / radii[1]) ** 2 + ((z - center[2]) / radii[2]) ** 2
        )
        mask[box] = apart <= self.limit(box) ** 2
        return mask

    def tube(self, path: Sequence[Point], radius: float | Sequence[float]) -> np.ndarray:
        """A round tube along points; radius given per point or for all, in the frame's millimeters."""
        flip = [self.part.place((self.mirror * x, y, z)) for x, y, z in path]
        radii = [float(radius)] * len(path) if isinstance(radius, (int, float)) else list(radius)
        return self.canvas.tube(flip, [r * self.part.scale for r in radii])

    def wall(self, points: Sequence[Row], fold: bool = False, side: int = 0, half_mm: float = 0.0) -> np.ndarray:
        """An upright wall along a line seen from above.

        Args:
            points: x, y, bottom, top, half thickness of the corners of the line.
            fold: the line is meant for both sides.
            side: 1 keeps the half to the left of the line's direction, -1 the other one, 0 both.
            half_mm: least half thickness (thin walls on coarse grids).
        """
        table = np.array(points, float)
        table[:, 4] = np.maximum(table[:, 4], half_mm)
        mask, box = self.canvas.empty(), self._around(table, fold)
        z, y, x = self.axes(box)
        across = np.abs(x) if fold else x
        for start, stop in pairwise(table):
            share, apart, sign = _to_segment(across[0], y[0], start[:2], stop[:2])
            bottom, top, half = (start[n] + share * (stop[n] - start[n]) for n in (2, 3, 4))
            flat = apart <= half if side == 0 else (apart <= half) & (sign * side >= 0)
            mask[box] |= flat[None] & (z >= bottom[None]) & (z <= top[None])
        return mask

    def _around(self, table: np.ndarray, fold: bool) -> Slices:
        half = table[:, 4].max()
        low = [table[:, 0].min() - half, table[:, 1].min() - half, table[:, 2].min()]
        high = [table[:, 0].max() + half, table[:, 1].max() + half, table[:, 3].max()]
        return self.box(low, high, fold)

    def sheet(self, points: Sequence[Row], bend: float = 0.0) -> np.ndarray:
        """A sheet across the midline along a line in the sagittal plane.

        Args:
            points: y, z, half thickness, half width of the corners of the line.
            bend: 1/mm; the edges lie `bend` * x^2 farther back.
        """
        table = np.array(points, float)
        half, width = table[:, 2].max(), table[:, 3].max()
        low = [-width, table[:, 0].min() - half, table[:, 1].min() - half]
        high = [width, table[:, 0].max() + half + bend * width**2, table[:, 1].max() + half]
        mask, box = self.canvas.empty(), self.box(low, high)
        z, y, x = self.axes(box)
        back = y - bend * x**2
        for start, stop in pairwise(table):
            share, apart, _ = _to_segment(back, z, start[:2], stop[:2])
            thick, wide = (start[n] + share * (stop[n] - start[n]) for n in (2, 3))
            mask[box] |= (apart <= thick) & (np.abs(x) <= wide)
        return mask


def _to_segment(
    u: np.ndarray, v: np.ndarray, start: np.ndarray, stop: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share along a segment (0-1), distance from it, and the side (1 left of its direction, -1 right)."""
    along = stop - start
    du, dv = u - start[0], v - start[1]
    share = np.clip((du * along[0] + dv * along[1]) / (float(along @ along) or 1.0), 0.0, 1.0)
    apart = np.hypot(du - share * along[0], dv - share * along[1])
    return share, apart, np.sign(along[0] * dv - along[1] * du)


def make_pens(canvas: Canvas, build: Build) -> dict[str, Pen]:
    """A pen for every part of one patient's neck."""
    random = np.random.default_rng([build.seed, 815])
    bump = np.clip(smooth_noise(canvas.shape, 7.0 / canvas.geometry.spacing_mm[0], random), -2.0, 2.0)
    return {name: Pen(canvas, part, bump) for name, part in neck_parts(build).items()}
