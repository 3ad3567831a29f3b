"""The inside of the rib cage: its outline in every slice, the domes of the diaphragm, and points on its wall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.synthetic.frame import Build
from models.synthetic.trunk_pen import TrunkPen

# z, half width, y of the center, half depth; it narrows to the apices, which reach above the first rib's front.
ROWS: Sequence[tuple[float, float, float, float]] = (
    (-60.0, 116.0, 8.0, 88.0),
    (0.0, 120.0, 8.0, 90.0),
    (60.0, 127.0, 9.0, 93.0),
    (120.0, 129.0, 9.0, 95.0),
    (160.0, 125.0, 11.0, 91.0),
    (200.0, 114.0, 14.0, 83.0),
    (230.0, 100.0, 20.0, 72.0),
    (250.0, 84.0, 27.0, 60.0),
    (266.0, 66.0, 33.0, 46.0),
    (278.0, 50.0, 38.0, 33.0),
    (287.0, 34.0, 41.0, 20.0),
    (292.0, 16.0, 42.0, 8.0),
)
POWER = 2.3
DOMES = {"right": (-62.0, 80.0), "left": (64.0, 68.0)}  # x of the top and its height, frame mm
TENDON_Z = 46.0  # height of the central tendon, on which the heart lies
DOME_WIDTH, DOME_DEPTH, DOME_FALL = 84.0, 96.0, 0.85


@dataclass(frozen=True)
class Cage:
    """One patient's rib cage, in frame millimeters."""

    width: float  # factor
    depth: float
    domes: dict[str, tuple[float, float]]  # side -> x of the top, height

    def section(self, z: float | np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Half width, y of the center and half depth at a height of the frame."""
        rows = np.array(ROWS)
        a, c, b = (np.interp(z, rows[:, 0], rows[:, n]) for n in (1, 2, 3))
        return a * self.width, c, b * self.depth

    def wall(self, angle_deg: float, z: float, out_mm: float) -> tuple[float, float]:
        """x and y on the wall at an angle from the front (0) over the left side to the back (180)."""
        a, c, b = (float(value) for value in self.section(z))
        sine, cosine = np.sin(np.radians(angle_deg)), np.cos(np.radians(angle_deg))
        radius = (abs(sine) ** POWER + abs(cosine) ** POWER) ** (-1.0 / POWER)
        return (a + out_mm) * radius * float(sine), c - (b + out_mm) * radius * float(cosine)


def make_cage(build: Build) -> Cage:
    """The rib cage of one body."""
    random = np.random.default_rng([build.seed, 5])
    width, depth = 1.0 + 0.025 * np.clip(random.standard_normal(2), -1.6, 1.6)
    rise = {side: 5.0 * float(np.clip(random.standard_normal(), -2, 2)) for side in DOMES}
    domes = {side: (x, height + rise[side]) for side, (x, height) in DOMES.items()}
    return Cage(float(width) * (0.97 if build.sex == "female" else 1.0), float(depth), domes)


def cavity(pen: TrunkPen, cage: Cage, shrink_mm: float = 0.0) -> np.ndarray:
    """The inside of the rib cage (Z, Y, X), `shrink_mm` inside its wall; it has no floor."""
    scale = pen.build.scale
    z, y, x = (axis.astype(np.float32) / np.float32(scale) for axis in pen.canvas.axes())
    a, c, b = cage.section(z)
    a, b = np.maximum(a - shrink_mm, 0.1), np.maximum(b - shrink_mm, 0.1)
    wide = (np.abs(x) / a).astype(np.float32) ** POWER
    deep = (np.abs(y - c) / b).astype(np.float32) ** POWER
    return np.asarray((wide + deep <= 1.0) & (z < ROWS[-1][0] - shrink_mm))


def dome_z(pen: TrunkPen, cage: Cage) -> np.ndarray:
    """Height of the diaphragm's upper face in patient mm, (Y, X)."""
    scale = pen.build.scale
    _, y, x = (axis[0] / scale for axis in pen.canvas.axes())
    soft = 8.0  # the domes meet in a saddle below the heart, not in an edge
    together = np.exp((TENDON_Z - 0.018 * ((x - 8.0) ** 2 + (y + 18.0) ** 2)) / soft)
    for center, height in cage.domes.values():
        away = ((x - center) / DOME_WIDTH) ** 2 + ((y - 6.0) / DOME_DEPTH) ** 2
        together = together + np.exp(height * (1.0 - DOME_FALL * np.minimum(away, 1.35)) / soft)
    return np.asarray(soft * np.log(together) * scale)
