"""The heart with its chambers, appendage and pericardium, on the central tendon of the diaphragm."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from models.synthetic.frame import Masks
from models.synthetic.trunk_pen import TrunkPen, filled_box


def draw_heart(pen: TrunkPen, masks: Masks) -> None:
    """Adds chambers, `heart`, `atrial_appendage_left`, `pericardium` (sac) and `coronary_arteries`."""
    swell = pen.size("heart", 0.07)
    outer, inner = pen.canvas.empty(), pen.canvas.empty()
    pen.spheroid(outer, (15, -3, 114), (76, -48, 58), 36.0 * swell, 0.25)
    pen.spheroid(inner, (15, -3, 111), (66, -40, 66), 24.5 * swell, 0.3)
    right = pen.canvas.empty()
    pen.spheroid(right, (-22, -38, 102), (54, -57, 56), 31.0 * swell, 0.2)
    pen.spheroid(right, (-2, -44, 84), (16, -46, 128), 15.0 * swell)
    left_atrium, right_atrium = pen.canvas.empty(), pen.canvas.empty()
    pen.ellipsoid(left_atrium, (4, 14, 120), (36 * swell, 18.5 * swell, 20 * swell))
    pen.ellipsoid(right_atrium, (-30, -17, 101), (24 * swell, 29 * swell, 33 * swell))
    appendage = pen.mask(masks, "atrial_appendage_left")
    pen.spheroid(appendage, (30, 2, 126), (50, -22, 132), 8.0)
    septum = outer & ~inner
    masks["heart_ventricle_left"] = inner & ~left_atrium
    masks["heart_atrium_left"] = left_atrium & ~inner
    masks["heart_myocardium"] = septum & ~left_atrium
    masks["heart_ventricle_right"] = right & ~outer & ~right_atrium
    masks["heart_atrium_right"] = right_atrium & ~left_atrium & ~outer
    whole = outer | inner | right | left_atrium | right_atrium
    _sac(pen, masks, whole)
    _coronaries(pen, masks)


def _sac(pen: TrunkPen, masks: Masks, whole: np.ndarray) -> None:
    """The heart with the fat between its chambers and a wall of the right ventricle, and the sac around it."""
    step = pen.canvas.geometry.spacing_mm[0]
    box = filled_box(whole, int(14 / step) + 2)
    cut = np.ascontiguousarray(whole[box])
    around = ndimage.gaussian_filter(cut.astype(np.float32), 5.0 / step)
    heart = (around > 0.42) | cut
    outside = ndimage.distance_transform_edt(~heart) * step
    masks["heart"], masks["pericardium"] = pen.canvas.empty(), pen.canvas.empty()
    masks["heart"][box] = heart
    masks["pericardium"][box] = (outside > 0.0) & (outside <= max(2.0, 1.05 * step))


def _coronaries(pen: TrunkPen, masks: Masks) -> None:
    mask = pen.mask(masks, "coronary_arteries")
    pen.tube(mask, [(6, -20, 122), (26, -32, 120), (40, -52, 98), (58, -58, 70)], [2.2, 2.0, 1.7, 1.3])
    pen.tube(mask, [(20, -24, 122), (40, -12, 116), (52, 4, 96)], [2.0, 1.7, 1.3])
    pen.tube(mask, [(-14, -28, 120), (-22, -44, 104), (-20, -48, 78), (-4, -34, 60)], [2.0, 1.8, 1.6, 1.3])
