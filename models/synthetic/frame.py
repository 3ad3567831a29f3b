"""One frame for every body: where things lie from the skull base to the pelvis, before a patient's own variation.

World LPS millimeters of an average adult lying head first and supine: x to the left, y to the back, z to the head; the
carina lies at (0, 20, 170). A build's scale multiplies every coordinate. Heights follow adult surface anatomy
(vertebral levels of Gray's Anatomy): vertebrae from T12 down stand about 28-34 mm apart, thoracic ones 22-25 mm,
cervical ones 16-18 mm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.synthetic.canvas import Canvas
from oncology.findings import Point
from oncology.imaging.volume import Geometry

CARINA: Point = (0.0, 20.0, 170.0)
Masks = dict[str, np.ndarray]
# Bottom and top of the field of view of a region's scan, in the frame's millimeters, and its half width and depth.
FIELDS: Mapping[str, tuple[float, float, float, float]] = {
    "neck": (232.0, 468.0, 110.0, 115.0),
    "thorax": (0.0, 320.0, 200.0, 150.0),
    "chest_and_upper_abdomen": (-90.0, 320.0, 200.0, 150.0),
    "abdomen": (-230.0, 95.0, 195.0, 145.0),
    "neck_to_pelvis": (-330.0, 468.0, 200.0, 150.0),
}
# Center height of every vertebral body.
VERTEBRAE_Z: Mapping[str, float] = {
    **{f"C{n}": z for n, z in zip(range(1, 8), (430, 412, 394, 376, 358, 340, 321), strict=True)},
    **{
        f"T{n}": z for n, z in zip(range(1, 13), (300, 278, 256, 233, 210, 186, 161, 135, 109, 82, 54, 25), strict=True)
    },
    **{f"L{n}": z for n, z in zip(range(1, 6), (-5, -37, -70, -104, -139), strict=True)},
    "S1": -174.0,
}
# Heights that several regions share.
LEVELS_Z: Mapping[str, float] = {
    "skull_base": 445.0,
    "hard_palate": 415.0,
    "mandible_lower_border": 372.0,
    "hyoid": 366.0,
    "thyroid_cartilage_top": 352.0,
    "glottis": 330.0,
    "cricoid_bottom": 308.0,
    "sternal_notch": 262.0,
    "aortic_arch_top": 218.0,
    "carina": 170.0,
    "diaphragm_dome_right": 82.0,
    "celiac": 8.0,
    "sma": -8.0,
    "pancreas_neck": -26.0,
    "aortic_bifurcation": -112.0,
}
# Outline of the body: z, half width, half depth, y of the center.
OUTLINE: Sequence[tuple[float, float, float, float]] = (
    (-330.0, 178.0, 116.0, 14.0),
    (-200.0, 170.0, 113.0, 14.0),
    (-100.0, 156.0, 111.0, 14.0),
    (0.0, 160.0, 116.0, 16.0),
    (120.0, 168.0, 121.0, 21.0),
    (235.0, 172.0, 115.0, 25.0),
    (262.0, 160.0, 102.0, 30.0),
    (285.0, 104.0, 92.0, 36.0),
    (305.0, 66.0, 84.0, 32.0),
    (360.0, 62.0, 81.0, 23.0),
    (385.0, 66.0, 92.0, 8.0),
    (420.0, 72.0, 104.0, 6.0),
    (468.0, 76.0, 109.0, 9.0),
)
# Middle lines of what runs through more than one region, from the bottom up: points (x, y, z).
PATHS: Mapping[str, Sequence[Point]] = {
    # centers of the vertebral bodies and of the spinal canal
    "vertebrae": (
        (0, 66, -174), (0, 52, -104), (0, 56, -37), (0, 76, 54), (0, 78, 135),
        (0, 70, 210), (0, 57, 278), (0, 50, 321), (0, 40, 376), (0, 40, 430), (0, 42, 450),
    ),
    "spinal_canal": (
        (0, 92, -174), (0, 80, -104), (0, 82, -37), (0, 100, 54), (0, 102, 135),
        (0, 93, 210), (0, 79, 278), (0, 70, 321), (0, 59, 376), (0, 59, 430), (0, 60, 468),
    ),
    "trachea": ((0, 20, 170), (0, 9, 240), (0, -4, 290), (0, -8, 308)),
    "esophagus": (
        (25, 22, 22), (15, 31, 46), (8, 44, 110), (4, 41, 170), (4, 30, 240), (2, 17, 290), (0, 12, 310),
    ),
    # descending aorta first: bifurcation, abdomen, chest, arch, root
    "aorta": (
        (2, 30, -112), (4, 32, -60), (6, 40, 8), (14, 53, 40), (26, 54, 100), (30, 47, 175), (32, 28, 200),
        (27, 6, 207), (16, -14, 207), (0, -24, 202), (-14, -29, 182), (-14, -30, 150), (-4, -20, 112),
    ),
    "inferior_vena_cava": ((-22, 34, -150), (-20, 32, -60), (-24, 20, 20), (-24, 6, 84), (-26, -2, 108)),
    "common_carotid_artery_left": ((14, -14, 212), (19, -4, 250), (25, 6, 290), (26, 12, 335), (27, 14, 358)),
    "common_carotid_artery_right": ((-22, -12, 240), (-24, 0, 262), (-25, 6, 290), (-26, 12, 335), (-27, 14, 358)),
    "internal_jugular_vein_left": ((36, -10, 258), (36, 6, 290), (37, 14, 335), (36, 20, 380), (34, 24, 440)),
    "internal_jugular_vein_right": ((-36, -10, 258), (-36, 6, 290), (-37, 14, 335), (-36, 20, 380), (-34, 24, 440)),
}  # fmt: skip


@dataclass(frozen=True)
class Build:
    """One patient's body.

    Attributes:
        seed: of all variation of this body.
        scale: multiplies every length; 0.92-1.08.
        fat_mm: fat under the skin of the trunk; the neck has about a third of it.
        muscle: share of an average person's muscle, 0.7-1.25.
    """

    seed: int
    scale: float = 1.0
    fat_mm: float = 16.0
    sex: str = "male"
    muscle: float = 1.0


def make_canvas(spacing_mm: float, build: Build, field: str = "thorax") -> Canvas:
    """A grid of cubes that holds a region's field of view (see FIELDS), scaled to the body."""
    low, high, half_width, half_depth = FIELDS[field]
    size = np.array([high - low, 2 * half_depth, 2 * half_width]) * build.scale
    shape = tuple(int(n) for n in np.ceil(size / spacing_mm))
    origin = (-half_width * build.scale, (10.0 - half_depth) * build.scale, low * build.scale)
    return Canvas(Geometry((shape[0], shape[1], shape[2]), (spacing_mm,) * 3, origin))


def scaled(build: Build, *points: Point) -> list[Point]:
    """Points of the frame on this body."""
    return [(x * build.scale, y * build.scale, z * build.scale) for x, y, z in points]


def middle_line(build: Build, name: str, low: float = -1000.0, high: float = 1000.0, step: float = 4.0) -> list[Point]:
    """A path of PATHS between two heights of the frame, smooth, in this body's millimeters (not for the aorta)."""
    points = np.array(sorted(PATHS[name], key=lambda point: point[2]), float)
    first, last = max(low, points[0, 2]), min(high, points[-1, 2])
    heights = np.linspace(first, last, max(2, int((last - first) / step) + 1))
    lines = [np.interp(heights, points[:, 2], points[:, axis]) for axis in (0, 1)]
    return scaled(build, *((float(x), float(y), float(z)) for x, y, z in zip(*lines, heights, strict=True)))


def outline(canvas: Canvas, build: Build, shrink_mm: float = 0.0) -> np.ndarray:
    """The body's outline as a superellipse in every slice, `shrink_mm` inside the skin."""
    z, y, x = canvas.axes()
    rows = np.array(OUTLINE, float)
    width, depth, center = (np.interp(z / build.scale, rows[:, 0], rows[:, n]) * build.scale for n in (1, 2, 3))
    inside = np.abs(x / (width - shrink_mm)) ** 2.4 + np.abs((y - center) / (depth - shrink_mm)) ** 2.4 <= 1.0
    return np.asarray(inside)
