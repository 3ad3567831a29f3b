"""Vertebrae, discs, ribs, cartilages, sternum, clavicles and shoulder blades, in TotalSegmentator's names.

Sizes of vertebral bodies follow Panjabi 1991-1992 (Spine 16:888, 16:861, 17:299): width and depth grow downwards.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.synthetic.cage import Cage, make_cage
from models.synthetic.canvas import Canvas
from models.synthetic.frame import PATHS, VERTEBRAE_Z, Build, Masks
from models.synthetic.trunk_pen import TrunkPen, mirrored
from oncology.findings import Point

# Half width and half depth of vertebral bodies at some of them; the others lie between.
BODIES: Mapping[str, tuple[float, float]] = {
    "C1": (8.0, 6.0), "C3": (9.0, 7.5), "C7": (12.0, 8.0), "T1": (13.5, 8.5), "T4": (13.0, 11.0),
    "T8": (15.0, 13.5), "T12": (20.0, 15.0), "L3": (22.5, 16.5), "L5": (25.0, 17.0), "S1": (25.0, 15.0),
}  # fmt: skip
# Reach of the transverse processes, drop and length of the spinous one.
PROCESSES = {"C": (24.0, 6.0, 20.0), "T": (31.0, 15.0, 24.0), "L": (34.0, 4.0, 28.0)}
DISC_SHARE = 0.21  # of the distance between two vertebrae
# Angle (from the front) and height where each rib's bone ends, in frame mm.
RIB_ENDS: Mapping[int, tuple[float, float]] = {
    2: (30.0, 224.0), 3: (32.0, 198.0), 4: (34.0, 173.0), 5: (36.0, 148.0), 6: (40.0, 122.0), 7: (46.0, 96.0),
    8: (54.0, 68.0), 9: (62.0, 42.0), 10: (74.0, 17.0), 11: (104.0, 10.0), 12: (132.0, 2.0),
}  # fmt: skip
FIRST_RIB: tuple[Point, ...] = (
    (15, 62, 302), (36, 70, 299), (58, 48, 290), (61, 12, 277), (44, -24, 265), (30, -40, 259),
)  # fmt: skip
NOTCHES = {1: 255.0, 2: 226.0, 3: 204.0, 4: 184.0, 5: 165.0, 6: 147.0, 7: 134.0}  # where cartilages meet the sternum
# Sternum: z, x, y of the center, half width, half depth.
STERNUM = (
    (263.0, 0.0, -50.0, 22.0, 5.0), (246.0, 0.0, -58.0, 27.0, 6.5), (227.0, 0.0, -68.0, 16.0, 6.0),
    (200.0, 0.0, -80.0, 15.0, 5.5), (160.0, 0.0, -91.0, 18.0, 5.5), (128.0, 0.0, -96.0, 17.0, 5.0),
    (114.0, 0.0, -96.0, 8.0, 3.5), (96.0, 0.0, -95.0, 4.5, 3.0),
)  # fmt: skip
CLAVICLE: tuple[Point, ...] = ((20, -48, 262), (50, -54, 268), (88, -34, 273), (128, -2, 272))
RIB_OUT_MM = 4.5


def draw_skeleton(canvas: Canvas, build: Build, masks: Masks) -> None:
    """Adds every bone that the canvas meets, and `spine`, `ribs`, `spinal_canal`, `spinal_cord`."""
    pen = TrunkPen(canvas, build)
    bottom, top = span(canvas, build)
    _canal(pen, masks, bottom, top)
    for name, z in VERTEBRAE_Z.items():
        if name != "S1" and bottom - 30 < z < top + 30:
            _vertebra(pen, masks, name)
    if bottom < VERTEBRAE_Z["S1"] + 20:
        _sacrum(pen, masks)
    if top > 60 and bottom < 300:
        _draw_cage(pen, masks, bottom, top)
    spine = masks.setdefault("spine", canvas.empty())
    for name, mask in masks.items():
        if name.startswith("vertebrae_") or name == "sacrum":
            mask &= ~masks["spinal_canal"]
            spine |= mask


def span(canvas: Canvas, build: Build) -> tuple[float, float]:
    """Bottom and top of the canvas in the frame's millimeters."""
    low = canvas.geometry.origin_lps[2]
    return low / build.scale, (low + canvas.shape[0] * canvas.geometry.spacing_mm[0]) / build.scale


def along(name: str, z: float) -> Point:
    """Where a path of the frame crosses a height."""
    points = np.array(sorted(PATHS[name], key=lambda point: point[2]), float)
    return float(np.interp(z, points[:, 2], points[:, 0])), float(np.interp(z, points[:, 2], points[:, 1])), z


def _canal(pen: TrunkPen, masks: Masks, bottom: float, top: float) -> None:
    heights = np.arange(max(-174.0, bottom - 12), min(470.0, top + 12), 10.0)
    points = [along("spinal_canal", float(z)) for z in heights]
    pen.tube(pen.mask(masks, "spinal_canal"), points, [9.0 if z > 300 or z < 0 else 8.2 for z in heights], 1)
    cord = [point for point in points if point[2] > -15.0]
    if len(cord) > 1:
        pen.tube(pen.mask(masks, "spinal_cord"), cord, 5.2, 1)


def _body_size(z: float) -> tuple[float, float]:
    heights = np.array([VERTEBRAE_Z[name] for name in BODIES])[::-1]
    sizes = np.array(list(BODIES.values()))[::-1]
    return float(np.interp(z, heights, sizes[:, 0])), float(np.interp(z, heights, sizes[:, 1]))


def _half_height(z: float) -> float:
    heights = sorted(VERTEBRAE_Z.values())
    place = heights.index(z)
    gaps = [abs(heights[n] - z) for n in (place - 1, place + 1) if 0 <= n < len(heights)]
    return 0.5 * (1.0 - DISC_SHARE) * sum(gaps) / len(gaps)


def _vertebra(pen: TrunkPen, masks: Masks, name: str) -> None:
    """Body with a waist, pedicles, laminae, transverse and spinous processes, and the disc above."""
    z, mask = VERTEBRAE_Z[name], pen.mask(masks, f"vertebrae_{name}")
    half, (wide, deep) = _half_height(z), _body_size(VERTEBRAE_Z[name])
    size = pen.size("vertebrae", 0.04)
    wide, deep = wide * size, deep * size
    rows = [(z + share * half, *along("vertebrae", z + share * half)[:2], wide * f, deep * f)
            for share, f in ((-1.0, 1.0), (-0.4, 0.93), (0.4, 0.93), (1.0, 1.0))]  # fmt: skip
    pen.loft(mask, rows, 2.6)
    disc = [(z + half, *along("vertebrae", z + half)[:2], wide * 0.99, deep * 0.99)]
    disc.append((z + half * (1 + 2 * DISC_SHARE / (1 - DISC_SHARE)), *disc[0][1:]))
    pen.loft(pen.mask(masks, "intervertebral_discs"), disc, 2.4)
    back = along("spinal_canal", z)[1]
    front = along("vertebrae", z)[1] + deep * 0.8
    reach, drop, length = PROCESSES[name[0]]
    for side in (1.0, -1.0):
        pen.tube(mask, mirrored([(10.5, front, z + 3), (11.8, back + 3, z + 2)], side), 4.6, 1)
        for height in (3.0, -4.0, -10.0):  # laminae overlap like shingles; the joints between them form a column
            pen.tube(mask, mirrored([(11.0, back + 6, z + height), (0.0, back + 12, z + height - 3)], side), 3.4, 1)
        pen.tube(mask, mirrored([(12.5, back + 5, z - half - 3), (12.5, back + 5, z + half + 2)], side), 4.2, 1)
        pen.tube(mask, mirrored([(11.5, back + 4, z + 2), (reach, back + 9, z + 4)], side), [4.0, 3.6], 1)
    pen.tube(mask, [(0, back + 12, z - 2), (0, back + 12 + length, z - 2 - drop)], [3.2, 2.6], 1)


def _sacrum(pen: TrunkPen, masks: Masks) -> None:
    rows = ((-158, 0, 64, 48, 16), (-190, 0, 78, 44, 15), (-225, 0, 96, 34, 12), (-262, 0, 102, 20, 8))
    pen.loft(pen.mask(masks, "sacrum"), rows, 2.4)


def _draw_cage(pen: TrunkPen, masks: Masks, bottom: float, top: float) -> None:
    cage = make_cage(pen.build)
    ribs = pen.mask(masks, "ribs")
    for side, sign in (("left", 1.0), ("right", -1.0)):
        ends: dict[int, Point] = {}
        for number in range(1, 13):
            path = rib_path(cage, number)
            mask = pen.mask(masks, f"rib_{side}_{number}")
            _flat_tube(pen, mask, mirrored(path, sign))
            ribs |= mask
            ends[number] = path[-1]
        _cartilages(pen, masks, ends, sign)
        if top > 150:
            _shoulder(pen, masks, side, sign)
    pen.loft(pen.mask(masks, "sternum"), STERNUM, 2.6)
    if bottom > 95:
        masks["sternum"] &= masks["body"]


def rib_path(cage: Cage, number: int) -> list[Point]:
    """The middle line of a left rib from its vertebra to the end of the bone, in frame mm."""
    if number == 1:
        return [(float(x), float(y), float(z)) for x, y, z in FIRST_RIB]
    end_angle, end_z = RIB_ENDS[number]
    start_z = VERTEBRAE_Z[f"T{number}"] + 6.0
    back, wide = along("spinal_canal", start_z)[1], _body_size(start_z)[0]
    path: list[Point] = [(wide + 3, back - 8, start_z), (27.0, back + 2, start_z + 2)]
    first = 158.0
    for share in np.linspace(0.0, 1.0, 13):
        z = start_z + (end_z - start_z) * float(share) ** 1.15
        x, y = cage.wall(first + (end_angle - first) * float(share), z, RIB_OUT_MM)
        path.append((x, y, float(z)))
    return path


def _flat_tube(pen: TrunkPen, mask: np.ndarray, path: list[Point]) -> None:
    """A rib is higher than thick: two round tubes on top of each other."""
    for shift in (-2.4, 2.4):
        pen.tube(mask, [(x, y, z + shift) for x, y, z in path], 3.6, 2)


def _cartilages(pen: TrunkPen, masks: Masks, ends: Mapping[int, Point], sign: float) -> None:
    mask = pen.mask(masks, "costal_cartilages")
    rows = np.array(sorted(STERNUM), float)
    joints: dict[int, Point] = {}
    for number, z in NOTCHES.items():
        joints[number] = (float(np.interp(z, rows[:, 0], rows[:, 3])), float(np.interp(z, rows[:, 0], rows[:, 2])), z)
    for number in (8, 9, 10):  # these join the cartilage above them
        a, b = ends[number - 1], joints[number - 1]
        joints[number] = (0.45 * a[0] + 0.55 * b[0], 0.45 * a[1] + 0.55 * b[1] - 3.0, 0.45 * a[2] + 0.55 * b[2] - 2.0)
    for number, joint in joints.items():
        end = ends[number]
        middle = ((end[0] + joint[0]) / 2, min(end[1], joint[1]) + 1.0, min(end[2], joint[2]) - 3.0 * (number > 3))
        _flat_tube(pen, mask, mirrored([end, middle, joint], sign))


def _shoulder(pen: TrunkPen, masks: Masks, side: str, sign: float) -> None:
    """Clavicle, shoulder blade with its spine, and the head of the humerus."""
    pen.tube(pen.mask(masks, f"clavicula_{side}"), mirrored(CLAVICLE, sign), [7.5, 6.0, 5.5, 6.0])
    blade = pen.mask(masks, f"scapula_{side}")
    upper, lower, joint = (64.0, 103.0, 258.0), (84.0, 111.0, 158.0), (127.0, 50.0, 252.0)
    pen.plate(blade, mirrored([upper, lower, joint], sign), 2.2)
    pen.tube(blade, mirrored([(68, 106, 240), (100, 92, 256), (132, 54, 274)], sign), 4.0)
    pen.ellipsoid(blade, (sign * 126.0, 48.0, 250.0), (7.0, 11.0, 15.0))
    pen.ellipsoid(pen.mask(masks, f"humerus_{side}"), (sign * 146.0, 34.0, 250.0), (17.0, 20.0, 21.0))
