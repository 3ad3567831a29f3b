"""An abdomen from the diaphragm to the pelvis, in TotalSegmentator's names where it has them.

Places and proportions follow adult CT anatomy (Gray's Anatomy; Meyers, Dynamic Radiology of the Abdomen). Organs keep
apart from one another by fat, save where they touch in life: pancreas and portal veins, pancreas and duodenum.
"""

from __future__ import annotations

import numpy as np

from models.synthetic.abdomen_pen import AbdomenPen
from models.synthetic.abdominal_vessels import draw_vessels
from models.synthetic.abdominal_wall import draw_fat, draw_room, draw_wall
from models.synthetic.bowel import draw_colon, draw_duodenum, draw_small_bowel, draw_stomach, finish_lumens
from models.synthetic.canvas import Canvas
from models.synthetic.frame import Build, Masks
from models.synthetic.pancreas import draw_pancreas
from models.synthetic.viscera import (
    draw_gallbladder,
    draw_kidneys,
    draw_liver,
    draw_pelvis,
    draw_spleen,
    kidney_hila,
)
from oncology.findings import Point

HIGHEST_Z = 95.0
FAT_MM = 1.5  # least fat between two organs
LUMENS = ("stomach", "duodenum", "colon", "small_bowel")
# In this order organs take their room.
ORDER = (
    "aorta", "inferior_vena_cava", "celiac_trunk", "superior_mesenteric_artery", "common_hepatic_artery",
    "proper_hepatic_artery", "gastroduodenal_artery", "splenic_artery", "left_gastric_artery",
    "replaced_right_hepatic_artery", "superior_mesenteric_vein", "portal_vein", "splenic_vein", "renal_artery_left",
    "renal_artery_right", "renal_vein_left", "renal_vein_right", "inferior_mesenteric_vein",
    "inferior_mesenteric_artery", "iliac_artery_left", "iliac_artery_right", "iliac_vena_left", "iliac_vena_right",
    "esophagus", "common_bile_duct",
)  # fmt: skip
ORGANS = (
    "duodenum", "stomach", "kidney_left", "kidney_right", "adrenal_gland_left", "adrenal_gland_right", "spleen",
    "gallbladder", "urinary_bladder", "prostate", "uterus", "colon",
)  # fmt: skip
TOUCHING = ("duodenum", "adrenal_gland_left", "adrenal_gland_right")  # may lie against what was drawn before them
LIGAMENT: tuple[Point, ...] = ((-30, -2, -14), (-31, -1, 4), (-36, -5, 20), (-39, -10, 30))
LIGAMENT_RADII = (19.0, 18.0, 15.0, 9.0)
VESSEL_FAT = frozenset(("portal_vein", "common_bile_duct", "proper_hepatic_artery"))  # the liver leaves them room


def draw_abdomen(canvas: Canvas, build: Build, masks: Masks) -> None:
    """Adds the abdomen's structures to `masks`, (Z, Y, X) bool each; nothing when the canvas ends above it.

    Needs body, muscle, aorta, inferior_vena_cava and esophagus there; bones, heart and diaphragm when in the field.
    """
    low = canvas.geometry.origin_lps[2] / build.scale
    if low > HIGHEST_Z - 5.0:
        return
    pen = AbdomenPen(canvas, build)
    for name in ("aorta", "inferior_vena_cava", "esophagus"):
        pen.mask(masks, name)
    room = draw_room(pen, masks)
    draw_vessels(pen, masks, kidney_hila(build))
    draw_pancreas(pen, masks)
    for draw in (draw_stomach, draw_duodenum, draw_kidneys, draw_spleen, draw_gallbladder, draw_colon, draw_pelvis):
        draw(pen, masks)
    taken = _settle(pen, masks, room)
    draw_liver(pen, masks, room & ~pen.grow(taken, FAT_MM) & ~_hilar_fat(pen, masks))
    taken |= masks["liver"]
    draw_small_bowel(pen, masks)
    masks["small_bowel"] &= room & ~pen.grow(taken, FAT_MM)
    finish_lumens(pen, masks)
    draw_wall(pen, masks)
    draw_fat(pen, masks)


def _settle(pen: AbdomenPen, masks: Masks, room: np.ndarray) -> np.ndarray:
    """Lets every organ give way to those before it; returns all that is taken (Z, Y, X)."""
    taken = masks["pancreas"].copy()
    for name in ORDER:
        if name in masks:
            taken |= masks[name]
    for name in ORGANS:
        if name not in masks:
            continue
        apart = 0.0 if name in TOUCHING else FAT_MM
        masks[name] &= room & ~(pen.grow(taken, apart) if apart else taken)
        taken |= masks[name]
    for name in LUMENS:
        if f"{name}_lumen" in masks:
            masks[f"{name}_lumen"] &= masks[name]
    return taken


def _hilar_fat(pen: AbdomenPen, masks: Masks) -> np.ndarray:
    """The fat of the hepatoduodenal ligament and a sleeve around what enters the liver, up to the portal fork."""
    sleeve = pen.canvas.empty()
    pen.tube(sleeve, LIGAMENT, LIGAMENT_RADII)
    z = pen.frame_axes()[0]
    for name in VESSEL_FAT:
        sleeve |= pen.grow(masks[name], 3.0)
    return np.asarray(sleeve & (z < 32.0))
