"""A neck from the thoracic inlet to the skull base, in TotalSegmentator's names where it has them."""

from __future__ import annotations

import numpy as np

from models.synthetic.canvas import Canvas
from models.synthetic.frame import Build, Masks
from models.synthetic.neck_larynx import draw_larynx
from models.synthetic.neck_pen import Pen, make_pens
from models.synthetic.neck_skull import draw_skull
from models.synthetic.neck_soft import draw_soft
from models.synthetic.neck_throat import draw_throat

LOWEST_Z = 285.0
# Outline of neck and head: z, half width, half depth, y of the center; finer than the frame's outline.
NECK_OUTLINE = (
    (285.0, 104.0, 92.0, 36.0),
    (296.0, 82.0, 88.0, 34.0),
    (312.0, 67.0, 84.0, 31.0),
    (345.0, 64.0, 80.0, 26.0),
    (362.0, 65.0, 82.0, 22.0),
    (376.0, 67.0, 90.0, 14.0),
    (390.0, 69.0, 94.0, 10.0),
    (420.0, 73.0, 102.0, 8.0),
    (482.0, 77.0, 109.0, 12.0),
)
# Front of the skin in the midline and how fast it falls back to the side (1/mm): z, y, curvature.
FRONT = (
    (285.0, -60.0, 0.002),
    (298.0, -40.0, 0.010),
    (315.0, -39.0, 0.016),
    (340.0, -46.0, 0.017),
    (352.0, -46.0, 0.016),
    (362.0, -58.0, 0.015),
    (371.0, -72.0, 0.017),
    (385.0, -77.0, 0.0175),
    (398.0, -76.0, 0.017),
    (410.0, -79.0, 0.0165),
    (425.0, -86.0, 0.018),
    (445.0, -84.0, 0.0165),
    (482.0, -76.0, 0.014),
)
TRAPEZIUS_MM = 5.0


def draw_neck(canvas: Canvas, build: Build, masks: Masks) -> None:
    """Adds the neck's structures to `masks`, (Z, Y, X) bool each; nothing when the canvas ends below it.

    Needs body, trachea, esophagus, vertebrae, carotids and jugular veins there (missing ones are left out) and refines
    `body` and `muscle` above z 285: nape, chin and face.
    """
    top = (canvas.geometry.origin_lps[2] + canvas.shape[0] * canvas.geometry.spacing_mm[0]) / build.scale
    if top < LOWEST_Z + 1.0:
        return
    pens = make_pens(canvas, build)
    _shape_body(pens["trunk"], build, masks)
    draw_larynx(pens["larynx"], pens["throat"], masks)
    draw_throat(pens, masks)
    draw_skull(pens["skull"], masks)
    draw_soft(pens, masks)


def _shape_body(pen: Pen, build: Build, masks: Masks) -> None:
    """Outline of neck and head with its soft tissue below the skin, and the trapezius along the nape."""
    skin = 2.0 + build.fat_mm / 4.0
    thick = TRAPEZIUS_MM * (0.6 + 0.4 * build.muscle)
    body, muscle, deep = (_outline(pen, shrink) for shrink in (0.0, skin, skin + thick))
    z, y, _ = pen.axes()
    above = z >= LOWEST_Z
    for name, mine in (("body", body), ("muscle", muscle)):
        masks[name] = np.where(above, mine, masks[name]) if name in masks else mine
    border = np.interp(z, [285, 310, 350, 400, 442], [48, 62, 68, 72, 82])  # its front edge
    masks["_trapezius"] = muscle & ~deep & above & (y > border) & (z < 442.0)


def _outline(pen: Pen, shrink: float) -> np.ndarray:
    """Inside the outline by `shrink` mm at and above z 285 of the frame."""
    mask, box = pen.canvas.empty(), pen.box((-130, -110, LOWEST_Z), (130, 140, 480))
    z, y, x = pen.axes(box)
    rows, front = np.array(NECK_OUTLINE), np.array(FRONT)
    width, depth, center = (np.interp(z, rows[:, 0], rows[:, n]) for n in (1, 2, 3))
    inside = np.abs(x / (width - shrink)) ** 2.2 + np.abs((y - center) / (depth - shrink)) ** 2.2 <= 1.0
    tip, bend = (np.interp(z, front[:, 0], front[:, n]) for n in (1, 2))
    mask[box] = inside & (y >= tip + shrink + bend * x**2)
    return mask
