"""Liver with its segments, gallbladder, spleen, kidneys, adrenals, bladder and what lies behind it.

Volumes of adults: liver 1.3-1.7 l, spleen 100-250 ml, a kidney 130-200 ml, an adrenal 2-5 ml.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.synthetic.abdomen_pen import AbdomenPen
from models.synthetic.abdominal_wall import SIDES
from models.synthetic.frame import Build, Masks
from models.synthetic.trunk_pen import TrunkPen
from oncology.findings import Point

# Lower edge of the liver by x, and how far back it reaches by x.
LIVER_X = (-125, -105, -85, -65, -48, -34, -20, 0, 20, 45, 70, 85)
LIVER_LOW_Z = (-56, -66, -60, -44, -26, -14, -8, -6, 0, 18, 42, 80)
LIVER_BACK_Y = (92, 90, 88, 84, 74, 52, 20, 2, -4, -4, -8, -14)
LIVER_LEAN = (0, 0, 0, 0, 0, 0.3, 0.9, 1.2, 1.2, 1.0, 1.0, 1.0)  # how much less far back it reaches per mm lower
KIDNEYS: Mapping[str, tuple[Point, Point]] = {
    "left": ((53, 52, 22), (72, 42, -78)),
    "right": ((-55, 54, 8), (-76, 44, -92)),
}
KIDNEY_RADIUS = 26.0
KIDNEY_SHIFT_MM = (2.0, 0.0, 6.0)
HILUM: Point = (44.0, 44.0, -27.0)  # of the left kidney, before its shift; the right one lies 13 mm lower
SPLEEN: Point = (95.0, 46.0, 22.0)
SPLENIC_NOTCH: tuple[Point, Point] = ((70.0, 38.0, 21.0), (9.0, 10.0, 15.0))
GALLBLADDER: tuple[Point, Point] = ((-54, -48, -36), (-38, -16, 6))


def kidney_shift(build: Build, side: str) -> Point:
    """How far a kidney with its hilum lies from the frame's place, mm."""
    random = np.random.default_rng([build.seed, 61, len(side)])
    x, y, z = (float(value) for value in np.array(KIDNEY_SHIFT_MM) * np.clip(random.standard_normal(3), -1.5, 1.5))
    return (x, y, z)


def kidney_hila(build: Build) -> dict[str, Point]:
    """Where the vessels reach each kidney, frame mm."""
    hila: dict[str, Point] = {}
    for side, sign in SIDES.items():
        x, y, z = kidney_shift(build, side)
        hila[side] = (sign * HILUM[0] + x, HILUM[1] + y, HILUM[2] + z - (13.0 if sign < 0 else 0.0))
    return hila


def draw_kidneys(pen: AbdomenPen, masks: Masks) -> None:
    """Adds kidneys (with the fat of the sinus left out), their collecting systems and adrenals."""
    plain = TrunkPen(pen.canvas, pen.build)
    for side, sign in SIDES.items():
        shift = kidney_shift(pen.build, side)
        upper, lower = (_moved(point, shift) for point in KIDNEYS[side])
        kidney, sinus = pen.mask(masks, f"kidney_{side}"), pen.canvas.empty()
        size = pen.size(f"kidney_{side}", 0.05) * (0.95 if pen.build.sex == "female" else 1.0)
        plain.spheroid(kidney, upper, lower, KIDNEY_RADIUS * size)
        middle = _moved((sign * 50.0, 43.0, (upper[2] + lower[2]) / 2), (shift[0], 0.0, 0.0))
        plain.ellipsoid(sinus, middle, (14.0, 9.0, 20.0))
        kidney &= ~sinus
        _adrenal(plain, pen.mask(masks, f"adrenal_gland_{side}"), sign)


def _moved(point: Point, shift: Point) -> Point:
    return (point[0] + shift[0], point[1] + shift[1], point[2] + shift[2])


def _adrenal(pen: TrunkPen, mask: np.ndarray, sign: float) -> None:
    """A body and two limbs: in front of the left kidney's upper pole, behind the vena cava on the right."""
    if sign > 0:
        tip, limbs = ((33, 35, 26), (33, 35, 2)), ((45, 43, 6), (27, 47, 8))
    else:
        tip, limbs = ((-27, 36, 40), (-27, 36, 16)), ((-38, 48, 22), (-20, 49, 22))
    for limb in limbs:
        pen.plate(mask, (tip[0], tip[1], limb), 2.1)
    pen.tube(mask, tip, 3.0, 1)


def draw_spleen(pen: AbdomenPen, masks: Masks) -> None:
    """Adds the spleen below the left dome."""
    size = pen.size("spleen", 0.1)
    pen.ellipsoid(pen.mask(masks, "spleen"), SPLEEN, (25.0 * size, 38.0 * size, 44.0 * size))
    notch = pen.canvas.empty()
    pen.ellipsoid(notch, *SPLENIC_NOTCH)
    masks["spleen"] &= ~notch


def draw_gallbladder(pen: AbdomenPen, masks: Masks) -> None:
    """Adds the gallbladder in its bed below the liver."""
    pen.spheroid(pen.mask(masks, "gallbladder"), *GALLBLADDER, 12.0 * pen.size("gallbladder", 0.2), 0.45)


def draw_liver(pen: AbdomenPen, masks: Masks, room: np.ndarray) -> None:
    """Adds the liver below the right dome and its eight segments; other organs have the right of way."""
    random = np.random.default_rng([pen.build.seed, 62])
    box = pen.frame_box((-135, -100, -90), (95, 100, 110))
    z, y, x = pen.frame_axes(box)
    stretch, drop = 1.0 + 0.05 * random.standard_normal(), 7.0 * float(np.clip(random.standard_normal(), -1.5, 1.5))
    wave = 3.0 * np.sin(y / 23.0 + random.uniform(0, 6)) + 2.5 * np.sin(x / 19.0 + random.uniform(0, 6))
    low = np.interp(x / stretch, LIVER_X, LIVER_LOW_Z) - drop * np.clip((-x - 20.0) / 60.0, 0.0, 1.0) + wave
    low = low + 0.12 * np.maximum(y - 30.0, 0.0)
    back = np.interp(x / stretch, LIVER_X, LIVER_BACK_Y) + np.interp(x, LIVER_X, LIVER_LEAN) * (z - 34.0)
    left_reach = 78.0 * stretch - 0.5 * np.maximum(y + 30.0, 0.0)
    liver = pen.canvas.empty()
    liver[box] = (z > low) & (y < back) & (x < left_reach)
    masks["liver"] = liver & room
    _segments(pen, masks)


def _segments(pen: AbdomenPen, masks: Masks) -> None:
    """Couinaud's segments: by planes through the vena cava towards the hepatic veins, and the portal fork's height."""
    box = pen.frame_box((-135, -100, -90), (95, 100, 110))
    z, y, x = pen.frame_axes(box)
    liver = masks["liver"][box]
    turn = np.degrees(np.arctan2(-(x + 24.0), -(y - 14.0)))  # from the vena cava: 0 to the front, 90 to the right
    near = ((x + 16.0) / 26.0) ** 2 + ((y - 12.0) / 20.0) ** 2 <= 1.0
    caudate = near & (z > 14) & (z < 62)
    upper = z > 30.0
    left, medial, front = turn < -30.0, (turn >= -30.0) & (turn < 28.0), (turn >= 28.0) & (turn < 72.0)
    zones = {
        1: caudate, 2: left & upper, 3: left & ~upper, 4: medial, 5: front & ~upper, 8: front & upper,
        6: (turn >= 72.0) & ~upper, 7: (turn >= 72.0) & upper,
    }  # fmt: skip
    for number, zone in sorted(zones.items()):
        mask = pen.mask(masks, f"liver_segment_{number}")
        mask[box] = liver & zone & (caudate if number == 1 else ~caudate)


def draw_pelvis(pen: AbdomenPen, masks: Masks) -> None:
    """Adds the bladder and the prostate or uterus."""
    random = np.random.default_rng([pen.build.seed, 63])
    full = float(random.uniform(0.7, 1.1))
    pen.ellipsoid(pen.mask(masks, "urinary_bladder"), (0, -22, -278), (40 * full, 32 * full, 30 * full))
    if pen.build.sex == "female":
        pen.spheroid(pen.mask(masks, "uterus"), (0, -8, -240), (0, 26, -274), 21.0)
    else:
        pen.ellipsoid(pen.mask(masks, "prostate"), (0, -4, -316), (23, 17, 17))
