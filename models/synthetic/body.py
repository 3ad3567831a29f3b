"""A whole body: outline and bones first, then what runs through several regions, then each region."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.synthetic.abdomen import draw_abdomen
from models.synthetic.airway_tree import draw_airway
from models.synthetic.canvas import Canvas
from models.synthetic.chest_wall import draw_breasts
from models.synthetic.frame import PATHS, Build, Masks, outline
from models.synthetic.great_vessels import draw_great_vessels
from models.synthetic.neck import draw_neck
from models.synthetic.skeleton import draw_skeleton, span
from models.synthetic.thorax import draw_thorax
from models.synthetic.trunk_pen import TrunkPen
from oncology.imaging.volume import Geometry

Draw = Callable[[Canvas, Build, Masks], None]

SKIN_FAT_MM = 16.0  # the frame's outline is that of a body with this much fat
THORAX = (60.0, 320.0)
THORAX_FROM = -60.0  # where the lungs reach below the diaphragm's domes
NECK_FROM, ABDOMEN_TO = 288.0, 95.0
CLIPPED = ("spine", "ribs", "sternum", "costal_cartilages")


def draw_body(canvas: Canvas, build: Build) -> Masks:
    """All structures that lie in the canvas, (Z, Y, X) bool each; they may overlap."""
    masks: Masks = {}
    bottom, top = span(canvas, build)
    pen = TrunkPen(canvas, build)
    masks["body"] = outline(canvas, build, SKIN_FAT_MM - build.fat_mm)
    masks["muscle"] = outline(canvas, build, SKIN_FAT_MM)
    draw_breasts(pen, masks)
    draw_skeleton(canvas, build, masks)
    draw_great_vessels(pen, masks, bottom, top)
    _gullet(pen, masks)
    draw_airway(pen, masks)
    if top > THORAX[0] and bottom < THORAX[1]:
        _on_a_part(canvas, build, masks, draw_thorax, THORAX_FROM, THORAX[1])
    if top > NECK_FROM:
        _on_a_part(canvas, build, masks, draw_neck, NECK_FROM - 4.0, 1000.0)
    if bottom < ABDOMEN_TO - 5.0:
        _on_a_part(canvas, build, masks, draw_abdomen, -1000.0, ABDOMEN_TO)
    _inside_the_skin(masks)
    return {name: mask for name, mask in masks.items() if mask.any()}


def _on_a_part(canvas: Canvas, build: Build, masks: Masks, draw: Draw, low: float, high: float) -> None:
    """Lets a region draw on the slices between two heights of the frame only: the time is that of its own slices."""
    grid = canvas.geometry
    start, stop = ((height * build.scale - grid.origin_lps[2]) / grid.spacing_mm[0] for height in (low, high))
    first, last = int(np.clip(np.floor(start), 0, grid.shape[0])), int(np.clip(np.ceil(stop), 0, grid.shape[0]))
    x, y, z = grid.origin_lps
    corner = (x, y, z + first * grid.spacing_mm[0])
    part = Canvas(Geometry((last - first, *grid.shape[1:]), grid.spacing_mm, corner, grid.direction))
    views = {name: mask[first:last] for name, mask in masks.items()}
    inside = dict(views)
    draw(part, build, inside)
    for name, mask in inside.items():
        if mask is not views.get(name) and (name in masks or mask.any()):
            masks.setdefault(name, canvas.empty())[first:last] = mask


def _inside_the_skin(masks: Masks) -> None:
    for name, mask in masks.items():
        if name.startswith(("vertebrae_", "rib_", "scapula", "humerus", "clavicula")) or name in CLIPPED:
            mask &= masks["body"]


def _gullet(pen: TrunkPen, masks: Masks) -> None:
    path = sorted(PATHS["esophagus"], key=lambda point: point[2])
    pen.tubes(masks, "esophagus", path, 7.6)
    lumen = pen.mask(masks, "esophagus_lumen")
    pen.tube(lumen, path, [1.6, 2.0, 2.6, 2.2, 2.6, 2.0, 1.8])
