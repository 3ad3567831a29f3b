"""What holds the abdomen: the room below the diaphragm, muscles of the wall and the back, fat, and the hip bones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.synthetic.abdomen_pen import AbdomenPen
from models.synthetic.cage import POWER, ROWS, dome_z, make_cage
from models.synthetic.frame import Masks
from models.synthetic.trunk_pen import mirrored
from oncology.findings import Point

SIDES = {"left": 1.0, "right": -1.0}
# Inside of the abdominal wall below the ribs: z, half width, y of the center, half depth.
ROOM = (
    (-400.0, 92.0, 14.0, 74.0), (-330.0, 98.0, 14.0, 78.0), (-260.0, 110.0, 10.0, 82.0), (-200.0, 124.0, 5.0, 77.0),
    (-150.0, 129.0, 4.0, 75.0), (-100.0, 127.0, 4.0, 75.0), (-60.0, 126.0, 6.0, 78.0), (-20.0, 126.0, 9.0, 82.0),
)  # fmt: skip
CAGE_FROM_Z = 8.0  # above this the rib cage bounds the room
WALL_GAIN_MM = 6.0  # thicker wall for 100% more muscle
DIAPHRAGM_MM = 3.5
PSOAS: Sequence[tuple[Point, float]] = (
    ((25, 62, 8), 5.0), ((33, 58, -30), 11.0), ((38, 57, -70), 15.5), ((43, 53, -110), 19.0),
    ((52, 50, -150), 21.0), ((62, 40, -195), 23.0), ((76, 10, -245), 20.0), ((86, -12, -290), 16.0),
    ((90, 0, -320), 12.0),
)  # fmt: skip
CRURA: tuple[tuple[str, Sequence[Point], Sequence[float]], ...] = (
    ("left", ((17, 47, -45), (19, 45, -8), (20, 42, 18), (21, 40, 34), (10, 38, 46)), (3.0, 4.0, 4.0, 4.0, 3.0)),
    ("right", ((-9, 46, -60), (-10, 42, -10), (-9, 42, 14), (-6, 38, 32), (4, 38, 46)), (3.0, 4.5, 4.5, 4.5, 3.0)),
)
NOT_ROOM = ("spine", "intervertebral_discs", "spinal_canal", "heart", "diaphragm")
PARTS = ("rib_", "vertebrae_", "liver_segment_", "pancreas_", "lung_", "heart_")  # of what counts as a whole
FAT_ORGANS_EXCEPT = frozenset(
    ("body", "muscle", "torso_fat", "subcutaneous_fat", "abdominal_cavity", "below_diaphragm", "chest_wall",
     "mediastinum", "parietal_pleura", "mediastinal_fat", "skeletal_muscle")
)  # fmt: skip


def draw_room(pen: AbdomenPen, masks: Masks) -> np.ndarray:
    """Adds `abdominal_cavity`, psoas and crura; returns where organs may lie (Z, Y, X)."""
    inside = _inside(pen) & masks["body"]
    cage = make_cage(pen.build)
    z = pen.canvas.axes()[0]
    inside &= z <= dome_z(pen, cage)[None] - DIAPHRAGM_MM * pen.build.scale
    if "heart" in masks:
        inside &= ~masks["heart"]
    for side, path, radii in CRURA:
        crus = pen.canvas.empty()
        pen.tube(crus, path, [radius * pen.size(f"crus_{side}") for radius in radii])
        masks["diaphragm"] = pen.mask(masks, "diaphragm") | (crus & ~pen.mask(masks, "aorta") & masks["body"])
    _psoas(pen, masks)
    masks["abdominal_cavity"] = inside.copy()
    for name in NOT_ROOM:
        if name in masks:
            inside &= ~masks[name]
    return inside & ~masks["iliopsoas_left"] & ~masks["iliopsoas_right"]


def _inside(pen: AbdomenPen) -> np.ndarray:
    """The inside of the trunk's wall: the rib cage's above, the muscles' below."""
    cage, (z, y, x) = make_cage(pen.build), pen.frame_axes()
    rows = np.array([*ROOM, *(row for row in ROWS if row[0] > CAGE_FROM_Z)], float)
    gain = (1.0 - pen.build.muscle) * WALL_GAIN_MM
    share = np.clip((CAGE_FROM_Z - rows[:, 0]) / 28.0, 0.0, 1.0)
    rows[:, 1] = np.where(share > 0, rows[:, 1] + gain * share, rows[:, 1] * cage.width)
    rows[:, 3] = np.where(share > 0, rows[:, 3] + 0.6 * gain * share, rows[:, 3] * cage.depth)
    width, center, depth = (np.interp(z, rows[:, 0], rows[:, n]) for n in (1, 2, 3))
    return np.asarray((np.abs(x / width) ** POWER + np.abs((y - center) / depth) ** POWER) <= 1.0)


def _psoas(pen: AbdomenPen, masks: Masks) -> None:
    strong = float(np.sqrt(pen.build.muscle)) * (0.93 if pen.build.sex == "female" else 1.0) * pen.size("psoas", 0.04)
    solid = pen.mask(masks, "spine") | pen.mask(masks, "intervertebral_discs")
    for side, sign in SIDES.items():
        mask = pen.mask(masks, f"iliopsoas_{side}")
        pen.tube(mask, mirrored([point for point, _ in PSOAS], sign), [radius * strong for _, radius in PSOAS])
        mask &= ~solid & masks["body"]


def draw_wall(pen: AbdomenPen, masks: Masks) -> None:
    """Adds the muscles of wall and back below the ribs, as TotalSegmentator names them."""
    _hips(pen, masks)
    rows = slice(0, int(np.count_nonzero(pen.frame_axes()[0] < CAGE_FROM_Z + 4.0)))
    free = masks["muscle"][rows] & ~masks["abdominal_cavity"][rows] & ~pen.mask(masks, "spinal_canal")[rows]
    for name, mask in masks.items():
        if name.startswith(("hip_", "rib", "femur_", "iliopsoas_")) or name == "spine":
            free &= ~mask[rows]
    for side, sign in SIDES.items():
        _wall_of_a_side(pen, masks, free, side, sign)
    masks["skeletal_muscle"] = pen.canvas.empty()
    masks["skeletal_muscle"][rows] = free | masks["iliopsoas_left"][rows] | masks["iliopsoas_right"][rows]


def _wall_of_a_side(pen: AbdomenPen, masks: Masks, free: np.ndarray, side: str, sign: float) -> None:
    """Divides one side's free muscle (Z, Y, X), the lowest slices of the canvas, by place."""
    z, y, x = pen.frame_axes()
    columns = np.flatnonzero(sign * x[0, 0] >= 0.0)
    half = (slice(0, len(free)), slice(None), slice(int(columns[0]), int(columns[-1]) + 1))
    z, here = z[: len(free)], sign * x[:, :, half[2]]
    rest = free[half]
    behind_canal = np.interp(z, (-200.0, -139.0, -37.0, 25.0), (92.0, 84.0, 80.0, 90.0))
    back = rest & ((y > behind_canal) & (z > -215)) & (here < 64)
    lumborum = rest & ((y > 52) & (y <= behind_canal) & (z > -112)) & ((here > 34) & (here < 74))
    front = rest & ((y < -20) & (z > -300)) & ((here > 2) & (here < 66))
    flank = rest & ~back & ~lumborum & ~front & (z > -170)
    outer = _outer_half(z, y, here)
    parts = {
        "autochthon": back,
        "quadratus_lumborum": lumborum,
        "rectus_abdominis": front,
        "external_oblique": flank & outer,
        "internal_oblique": flank & ~outer,
        "latissimus_dorsi": np.zeros_like(flank),
    }
    for name, part in parts.items():
        pen.mask(masks, f"{name}_{side}")[half] = part


def _outer_half(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Outside the sheet in the middle of the flank's muscles; frame coordinates that broadcast."""
    rows = np.array(ROOM)
    width, center, depth = (np.interp(z, rows[:, 0], rows[:, n]).astype(np.float32) for n in (1, 2, 3))
    return np.asarray(np.abs(x / (width + 8.0)) ** POWER + np.abs((y - center) / (depth + 6.0)) ** POWER > 1.0)


def _hips(pen: AbdomenPen, masks: Masks) -> None:
    for side, sign in SIDES.items():
        hip, femur = pen.mask(masks, f"hip_{side}"), pen.mask(masks, f"femur_{side}")
        crest, spine, joint, back = (102, 34, -116), (118, -28, -172), (92, 18, -258), (50, 92, -172)
        for corners in ((crest, spine, joint), (crest, back, joint)):
            pen.plate(hip, mirrored(corners, sign), 4.5)
        pen.tube(hip, mirrored([back, crest, spine], sign), 6.0)
        pen.ellipsoid(hip, (sign * 88.0, 18.0, -270.0), (31.0, 30.0, 30.0))
        pen.tube(hip, mirrored([(70, -6, -272), (36, -32, -300), (6, -36, -306)], sign), 8.0)
        pen.ellipsoid(femur, (sign * 94.0, 16.0, -276.0), (25.0, 25.0, 25.0))
        pen.tube(femur, mirrored([(94, 16, -276), (122, 22, -300), (130, 20, -345)], sign), 16.0)
        hip &= ~pen.grow(femur, 1.0) & masks["body"] & ~pen.mask(masks, "spine")
        femur &= masks["body"]


def draw_fat(pen: AbdomenPen, masks: Masks) -> None:
    """Adds the fat below the skin and between the organs, and cuts the chest's wall off where the ribs end."""
    z = pen.frame_axes()[0]
    below = z < CAGE_FROM_Z + 90.0
    fat = masks["abdominal_cavity"].copy()
    for name, mask in masks.items():
        if name not in FAT_ORGANS_EXCEPT and not name.startswith(PARTS):
            np.greater(fat, mask, out=fat)  # fat and not mask
    masks["torso_fat"] = fat
    masks["subcutaneous_fat"] = masks["body"] & ~masks["muscle"] & below
    lower = np.broadcast_to(z < CAGE_FROM_Z - 20.0, fat.shape)
    for name in ("chest_wall", "parietal_pleura"):
        if name in masks:
            masks[name] &= ~lower
    if "below_diaphragm" in masks:
        masks["below_diaphragm"] &= masks["abdominal_cavity"] | masks["diaphragm"]
