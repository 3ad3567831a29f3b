"""Muscles, breasts and fat of the chest wall."""

from __future__ import annotations

import numpy as np

from models.synthetic.cage import Cage, cavity
from models.synthetic.frame import Masks
from models.synthetic.trunk_pen import TrunkPen

SIDES = {"left": 1.0, "right": -1.0}
WALL_MM = 11.0  # ribs with the muscles between them


def draw_breasts(pen: TrunkPen, masks: Masks) -> None:
    """Adds breasts to a woman's body; small ones of gland and fat in front of the chest muscle."""
    if pen.build.sex != "female":
        return
    size = pen.size("breast", 0.2) * (0.8 + pen.build.fat_mm / 80.0)
    mask = pen.mask(masks, "breast")
    for sign in SIDES.values():
        pen.ellipsoid(mask, (sign * 76.0, -86.0, 140.0), (52.0 * size, 25.0 * size, 46.0 * size))
    masks["body"] |= mask


def draw_wall(pen: TrunkPen, cage: Cage, masks: Masks, inside: np.ndarray) -> None:
    """Adds `chest_wall`, `parietal_pleura`, muscles and the fat of the armpits."""
    outer = cavity(pen, cage, -WALL_MM)
    z = pen.canvas.axes()[0] / pen.build.scale
    masks["chest_wall"] = masks["body"] & ~inside & (z < 275.0)
    masks["parietal_pleura"] = inside & ~cavity(pen, cage, 0.9 * pen.canvas.geometry.spacing_mm[0])
    if "breast" in masks:
        masks["breast"] &= ~outer & ~masks["muscle"]
    _muscles(pen, masks, outer)
    _fat_between(pen, cage, masks, outer)
    for side, sign in SIDES.items():
        fat = pen.mask(masks, f"axillary_fat_{side}")
        pen.ellipsoid(fat, (sign * 122.0, 12.0, 218.0), (24.0, 30.0, 46.0))
        fat &= masks["muscle"] & ~outer
        wide = pen.mask(masks, f"extrapleural_fat_{side}")
        pen.loft(wide, [(40, sign * 128, 30, 18, 44), (150, sign * 130, 34, 10, 34)])
        wide &= masks["muscle"] & ~outer


def _fat_between(pen: TrunkPen, cage: Cage, masks: Masks, outer: np.ndarray) -> None:
    """Adds `intermuscular_fat`: wavy layers between the muscles outside the ribs."""
    z, y, x = (axis / pen.build.scale for axis in pen.canvas.axes())
    wave = np.sin(z / 17.0 + x / 23.0) + np.sin(y / 14.0 - z / 29.0)
    layer = cavity(pen, cage, -WALL_MM - 8.5) & ~cavity(pen, cage, -WALL_MM - 5.5)
    deep = cavity(pen, cage, -WALL_MM - 2.0) & ~outer
    bones = masks["ribs"] | masks["spine"] | masks["costal_cartilages"]
    masks["intermuscular_fat"] = (
        ((layer & (wave > -0.4)) | (deep & (wave < -0.5))) & masks["muscle"] & ~bones & (z < 250)
    )


def _muscles(pen: TrunkPen, masks: Masks, outer: np.ndarray) -> None:
    """Pectoral, latissimus, trapezius and back muscles: parts of the soft tissue outside the ribs."""
    strong = pen.build.muscle
    shell = masks["muscle"] & ~outer & ~masks["spine"]
    scale = pen.build.scale
    z, y, x = (axis / scale for axis in pen.canvas.axes())
    for side, sign in SIDES.items():
        here = sign * x
        chest = (z > 128 + 0.25 * here) & (z < 264) & (here > 14) & (y < -8 - 0.18 * here)
        masks[f"pectoralis_major_{side}"] = shell & chest
        back = (y > 52 + 0.0 * z) & (here > 6) & (here < 36 + 14 * strong)
        masks[f"autochthon_{side}"] = shell & back & (z < 285)
        side_back = (y > 22) & (y <= 98) & (here > 92) & (z < 196)
        masks[f"latissimus_dorsi_{side}"] = shell & side_back & ~masks[f"autochthon_{side}"]
        nape = (y > 88) & (here >= 0) & (here < 90) & (z > 196) & (z < 285)
        masks[f"trapezius_{side}"] = shell & nape & ~masks[f"autochthon_{side}"]
