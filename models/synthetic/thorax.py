"""A thorax from the lower neck to the diaphragm, in TotalSegmentator's names where it has them.

Proportions follow adult CT anatomy (Gray's Anatomy; Webb and Higgins, Thoracic Imaging). Single masks may overlap: what
is painted over what is the renderer's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import ndimage

from models.synthetic.cage import cavity, dome_z, make_cage
from models.synthetic.canvas import Canvas
from models.synthetic.chest_wall import draw_wall
from models.synthetic.frame import Build, Masks
from models.synthetic.heart import draw_heart
from models.synthetic.lung_tree import draw_lung_vessels
from models.synthetic.skeleton import span
from models.synthetic.trunk_pen import TrunkPen
from oncology.findings import Point

FAT_MM = 2.5  # least fat between an organ of the mediastinum and a lung
HILUM_MM = 36.0  # beyond this from the midline a vessel or bronchus belongs to the hilum and the lung surrounds it
DIAPHRAGM_MM = 3.5
HEART_TO = 160.0  # its upper end
# What pushes the lungs aside.
MEDIASTINAL = (
    "heart", "pericardium", "aorta", "superior_vena_cava", "inferior_vena_cava", "azygos_vein", "hemiazygos_vein",
    "brachiocephalic_trunk", "brachiocephalic_vein_left", "brachiocephalic_vein_right", "common_carotid_artery_left",
    "common_carotid_artery_right", "esophagus", "thymus", "pulmonary_artery", "pulmonary_vein", "trachea",
    "main_bronchus_left", "main_bronchus_right", "bronchus_intermedius", "airway_wall", "spine", "intervertebral_discs",
    "atrial_appendage_left", "spinal_canal",
)  # fmt: skip
# What lies inside the lungs without being lung.
HILAR = ("pulmonary_artery", "pulmonary_vein", "main_bronchus_left", "main_bronchus_right", "bronchus_intermedius")
# Fat of the mediastinum that keeps the lungs off between its organs: center and radii of ellipsoids.
FAT_PADS: Sequence[tuple[Point, Point]] = (
    ((-15, 5, 200), (13, 17, 34)), ((-15, 8, 236), (11, 14, 26)),  # beside and before the trachea, right
    ((17, 9, 242), (8, 12, 24)), ((15, 14, 186), (9, 12, 16)),  # left
    ((29, -2, 187), (17, 19, 14)), ((22, -28, 202), (19, 14, 18)),  # below and before the arch
    ((0, -50, 205), (17, 12, 34)), ((-8, 34, 215), (9, 12, 36)),  # behind the sternum, behind the trachea
    ((-26, 9, 167), (11, 11, 15)), ((29, 13, 160), (13, 12, 9)),  # upper hila
    ((-14, 37, 78), (12, 9, 24)), ((25, 34, 78), (15, 9, 22)),  # pulmonary ligaments
    ((-31, 33, 135), (9, 6, 9)), ((4, 40, 90), (14, 16, 40)),
    ((10, -70, 84), (40, 18, 36)), ((50, -66, 60), (22, 15, 17)), ((-28, -62, 64), (20, 15, 16)),  # at the heart
    ((22, -28, 52), (46, 34, 13)),
)  # fmt: skip
FISSURE_FALL = 0.94  # of the oblique fissures, mm down per mm forward
FISSURES: Mapping[str, tuple[float, float]] = {"right": (126.0, 138.0), "left": (131.0, 0.0)}


def draw_thorax(canvas: Canvas, build: Build, masks: Masks) -> None:
    """Adds the thorax's structures to `masks`, (Z, Y, X) bool each; needs bones, vessels, airway and gullet there."""
    bottom, _ = span(canvas, build)
    pen, cage = TrunkPen(canvas, build), make_cage(build)
    inside = cavity(pen, cage) & masks["body"]
    _thymus(pen, masks)
    if bottom < HEART_TO:
        draw_heart(pen, masks)
    else:
        masks["heart"] = canvas.empty()
    z, _, _ = canvas.axes()
    dome = dome_z(pen, cage)[None]
    low = z <= dome
    masks["below_diaphragm"] = inside & low & ~masks["heart"]
    masks["diaphragm"] = masks["below_diaphragm"] & (z > dome - DIAPHRAGM_MM * build.scale)
    _lungs(pen, masks, inside & ~low)
    masks["mediastinum"] = _mediastinum(pen, masks, inside, low)
    draw_lung_vessels(pen, masks)
    draw_wall(pen, cage, masks, inside)
    _hilar_fat(pen, masks)
    organs = [masks[name] for name in (*MEDIASTINAL, *HILAR, "below_diaphragm") if name in masks]
    masks["mediastinal_fat"] = masks["mediastinum"] & ~np.logical_or.reduce(organs)


def _thymus(pen: TrunkPen, masks: Masks) -> None:
    mask = pen.mask(masks, "thymus")
    for x, size in ((9.0, 1.0), (-8.0, 0.85)):
        pen.ellipsoid(mask, (x, -56.0, 186.0), (9.0 * size, 6.0, 27.0 * size))


def _lungs(pen: TrunkPen, masks: Masks, room: np.ndarray) -> None:
    """What is left of the chest beside the mediastinum, above the diaphragm, cut into lobes by wavy fissures."""
    names = [name for name in MEDIASTINAL if name in masks]
    solid = np.logical_or.reduce([masks[name] for name in names])
    center = masks["heart"] | solid
    x = pen.canvas.axes()[2][0, 0]
    center[:, :, np.abs(x) > HILUM_MM * pen.build.scale] &= masks["heart"][:, :, np.abs(x) > HILUM_MM * pen.build.scale]
    for name in HILAR:
        if name in masks:
            solid |= masks[name]
    plenty = 0.86 + 0.009 * pen.build.fat_mm
    for place, (a, b, c) in FAT_PADS:
        pen.ellipsoid(center, place, (a * plenty, b * plenty, c * plenty))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        border = _border(pen, center, sign)[:, :, None]
        masks[f"lung_{side}"] = room & (sign * x[None, None] > border) & ~solid
        _lobes(pen, masks, side)


def _border(pen: TrunkPen, center: np.ndarray, sign: float) -> np.ndarray:
    """How far the mediastinum reaches to one side in every row, (Z, Y) in patient mm: organs with fat, smoothed."""
    step, scale = pen.canvas.geometry.spacing_mm[0], pen.build.scale
    x = pen.canvas.axes()[2][0, 0]
    far = center[:, :, ::-1].argmax(axis=2) if sign > 0 else center.argmax(axis=2)
    reach = x[-1] - step * far if sign > 0 else -(x[0] + step * far)
    z, y, _ = (axis / scale for axis in pen.canvas.axes())
    y, z = y[:, :, 0], z[:, :, 0]
    upper = np.interp(z, (120, 150, 200, 250, 280), (4.0, 5.0, 8.0, 18.0, 22.0))
    base = np.where(y < -30, upper, 9.0) + 3.0 * (sign > 0) * (z < 140)
    organs = np.where(center.any(axis=2), reach + FAT_MM * scale, -1e3)
    raw = np.maximum(organs, base * scale).astype(np.float32)
    closed = ndimage.grey_closing(raw, size=(max(3, int(14 / step)), max(3, int(14 / step))))
    smooth = ndimage.gaussian_filter(closed, 4.0 / step)
    return np.asarray(np.maximum(smooth, organs - (FAT_MM - 1.5) * scale))


def _lobes(pen: TrunkPen, masks: Masks, side: str) -> None:
    lung, scale = masks[f"lung_{side}"], pen.build.scale
    z, y, x = (axis.astype(np.float32) / np.float32(scale) for axis in pen.canvas.axes())
    wave = pen.size(f"fissure_{side}", 1.0) - 1.0
    height, level = FISSURES[side]
    sheet = height + 3.0 * wave + FISSURE_FALL * y + 3.5 * np.sin(y / 19.0 + wave) + 4.0 * np.sin(x / 27.0 + 2 * wave)
    apart = z - sheet
    lower = apart < 0
    thin = 0.36 * pen.canvas.geometry.spacing_mm[0] / scale
    masks[f"lung_lower_lobe_{side}"] = lung & lower
    fissure = lung & (np.abs(apart) <= thin * (1 + FISSURE_FALL))
    if side == "left":
        masks["lung_upper_lobe_left"] = lung & ~lower
    else:
        over = z - (level + 3.0 * wave + 3.0 * np.sin(x / 21.0) + 2.5 * np.sin(y / 23.0 + wave))
        masks["lung_middle_lobe_right"] = lung & ~lower & (over < 0)
        masks["lung_upper_lobe_right"] = lung & ~lower & (over >= 0)
        fissure |= lung & ~lower & (np.abs(over) <= thin)
    masks[f"fissure_{side}"] = fissure


def _mediastinum(pen: TrunkPen, masks: Masks, inside: np.ndarray, low: np.ndarray) -> np.ndarray:
    """The room between the lungs above the diaphragm, and the fat around the vessels of the thoracic inlet."""
    inlet = pen.canvas.empty()
    pen.loft(inlet, [(236, 0, -8, 52, 34), (262, 0, -2, 56, 34), (292, 0, 4, 50, 26)], 2.4)
    inlet &= masks["muscle"]
    lungs = masks["lung_left"] | masks["lung_right"]
    return np.asarray(((inside & ~low) | inlet) & ~lungs)


def _hilar_fat(pen: TrunkPen, masks: Masks) -> None:
    """A sleeve of fat where vessels and bronchi enter each lung; it is taken from the lung."""
    for side, center in (("right", (-44.0, 14.0, 134.0)), ("left", (52.0, 22.0, 140.0))):
        sleeve = pen.canvas.empty()
        pen.ellipsoid(sleeve, center, (13.0, 22.0, 27.0))
        lung = masks[f"lung_{side}"]
        masks[f"hilar_fat_{side}"] = sleeve & (lung | masks["mediastinum"])
        for name in [key for key in masks if key.startswith(("lung_", "fissure_")) and key.endswith(side)]:
            masks[name] &= ~sleeve
    masks["lung_vessels"] &= masks["lung_left"] | masks["lung_right"]
    masks["mediastinum"] |= masks["hilar_fat_left"] | masks["hilar_fat_right"]
