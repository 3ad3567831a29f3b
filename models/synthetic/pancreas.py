"""The pancreas with its ducts, in the parts that the staging manual divides it into.

Head: right of the superior mesenteric and portal veins, with the uncinate process behind them; neck: in front of them;
body: from their left border to the aorta's; tail: from there to the spleen. Thickness falls with age, from 25 (head)
and 20 (tail) to 15-20 mm; the main duct is 2-3 mm wide, the common bile duct 4-7.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.synthetic.abdomen_pen import AbdomenPen
from models.synthetic.frame import Masks
from oncology.findings import Point

NECK_X, BODY_X, TAIL_X = -17.0, -4.0, 14.5  # borders of head, neck, body and tail in the frame
# Head: z, x, y of the center, half width, half depth; uncinate process likewise.
HEAD = (
    (-12, -23, -5, 8, 6), (-20, -27, -3, 13, 10), (-32, -29, 0, 14.5, 13), (-44, -30, 2, 14, 13), (-54, -31, 4, 12, 10),
    (-61, -32, 6, 7, 6),
)  # fmt: skip
UNCINATE = ((-34, -17, 10, 8, 3), (-42, -14, 10.5, 10, 4.2), (-50, -15, 10.5, 9.5, 4.2), (-58, -20, 10, 8, 4))
GLAND: Sequence[tuple[Point, float]] = (
    ((-22, -9, -26), 8.0), ((-10, -12, -25), 6.6), ((2, -12, -20), 7.4), ((14, -9, -13), 8.6), ((26, -4, -7), 9.0),
    ((38, 4, -2), 8.6), ((50, 14, 3), 8.4), ((61, 23, 8), 8.0), ((71, 31, 13), 6.6), ((77, 36, 16), 5.0),
)  # fmt: skip
DUCT: Sequence[Point] = (
    (-44, 7, -48), (-36, 4, -44), (-26, -3, -32), (-10, -12, -25), (14, -9, -13), (38, 4, -2), (61, 23, 8),
    (73, 33, 14),
)  # fmt: skip
BILE: Sequence[Point] = (
    (-40, -16, 36), (-35, -12, 22), (-33, -6, 8), (-33, 3, -8), (-35, 9, -22), (-38, 9.5, -38), (-45, 8, -49),
)  # fmt: skip
AMPULLA: Point = (-46.0, 8.0, -49.0)
LUMPS = 0.09  # deviation of the radius from lobule to lobule


def draw_pancreas(pen: AbdomenPen, masks: Masks) -> None:
    """Adds `pancreas`, its parts and the two ducts; needs the vessels there."""
    random = np.random.default_rng([pen.build.seed, 40])
    full = 1.08 * pen.size("pancreas", 0.08) * (0.95 if pen.build.sex == "female" else 1.0)
    gland = pen.canvas.empty()
    pen.loft(gland, _wider(HEAD, full), 2.2)
    uncinate = pen.canvas.empty()
    pen.loft(uncinate, _wider(UNCINATE, min(full, 1.05)), 2.4)
    radii = [radius * full * (1.0 + LUMPS * float(random.standard_normal())) for _, radius in GLAND]
    pen.tube(gland, [point for point, _ in GLAND], radii)
    gland = (gland | uncinate) & masks["body"]
    for name in ("superior_mesenteric_vein", "portal_vein", "splenic_vein", "superior_mesenteric_artery", "aorta",
                 "inferior_vena_cava", "renal_vein_left", "common_hepatic_artery", "splenic_artery"):  # fmt: skip
        gland &= ~pen.grow(masks[name], 1.0) if name.startswith("superior_mesenteric_a") else ~masks[name]
    masks["pancreas"] = gland
    _parts(pen, masks, gland, uncinate)
    pen.add(masks, "pancreatic_duct", DUCT, 1.3)
    pen.add(masks, "common_bile_duct", BILE, 2.9)
    masks["pancreatic_duct"] &= gland


def _wider(rows: Sequence[Sequence[float]], factor: float) -> list[tuple[float, ...]]:
    return [(z, x, y, wide * factor, deep * factor) for z, x, y, wide, deep in rows]


def _parts(pen: AbdomenPen, masks: Masks, gland: np.ndarray, uncinate: np.ndarray) -> None:
    """Cuts the gland along sagittal planes through this body's vein and aorta."""
    x = pen.canvas.axes()[2]
    level = (-12.0, -24.0)
    neck, body = (pen.place((cut, *level))[0] for cut in (NECK_X, BODY_X))
    tail = TAIL_X * pen.build.scale
    behind = uncinate & (x < tail)
    masks["pancreas_head"] = gland & ((x < neck) | behind)
    masks["pancreas_neck"] = gland & (x >= neck) & (x < body) & ~behind
    masks["pancreas_body"] = gland & (x >= body) & (x < tail) & ~behind
    masks["pancreas_tail"] = gland & (x >= tail)
