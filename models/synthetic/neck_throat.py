"""Nasopharynx, oropharynx and mouth: lumen and walls, palate, tongue, tonsils, floor of the mouth, jaws.

Sizes follow adult CT anatomy (Som and Curtin, Head and Neck Imaging); jaw, glands and their distances from the spinal
canal were compared with twelve real necks (Nikolov 2018, arXiv 1809.04430). Frame millimeters of the left side.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.synthetic.frame import Masks
from models.synthetic.neck_pen import Pen, Row

NASOPHARYNX: Sequence[Row] = (
    (441.0, 0.0, 15.0, 8.0, 4.0),
    (434.0, 0.0, 14.5, 12.0, 8.0),
    (424.0, 0.0, 14.0, 14.0, 9.0),
    (414.0, 0.0, 17.0, 13.0, 6.5),
)
OROPHARYNX: Sequence[Row] = (
    (414.0, 0.0, 17.5, 13.0, 5.5),
    (404.0, 0.0, 16.5, 12.5, 6.5),
    (392.0, 0.0, 16.0, 13.0, 7.0),
    (380.0, 0.0, 15.5, 14.0, 8.0),
    (370.0, 0.0, 14.5, 15.5, 9.0),
    (361.5, 0.0, 15.5, 15.0, 7.5),
)
OUTER: Sequence[Row] = (
    (441.0, 0.0, 16.0, 15.0, 9.0),
    (424.0, 0.0, 15.0, 18.0, 12.0),
    (404.0, 0.0, 15.5, 19.5, 11.0),
    (380.0, 0.0, 15.0, 20.0, 11.5),
    (362.0, 0.0, 15.0, 21.0, 11.5),
    (345.0, 0.0, 15.0, 20.5, 9.0),
    (328.0, 0.0, 13.0, 17.0, 8.0),
    (310.0, 0.0, 12.5, 10.0, 6.0),
)
# Lower jaw seen from above: x, y, bottom, top, half thickness.
JAW: Sequence[Row] = (
    (0.0, -60.0, 372.0, 397.0, 6.0),
    (14.0, -57.5, 372.0, 397.0, 5.5),
    (26.0, -46.0, 373.5, 397.0, 5.2),
    (36.0, -26.0, 375.5, 398.0, 5.0),
    (43.0, -7.0, 378.0, 400.0, 4.6),
)
RAMUS: Sequence[Row] = (
    (43.0, -8.0, 378.0, 430.0, 3.6),
    (47.0, 8.0, 380.0, 433.0, 3.4),
    (50.0, 22.0, 386.0, 436.0, 3.6),
)
TONGUE_BASE: Sequence[Row] = (
    (363.0, 0.0, -16.0, 13.0, 8.0),
    (370.0, 0.0, -14.0, 17.0, 11.0),
    (380.0, 0.0, -12.0, 20.0, 15.5),
    (392.0, 0.0, -13.0, 21.0, 19.0),
    (404.0, 0.0, -16.0, 18.0, 19.0),
    (409.0, 0.0, -20.0, 12.0, 12.0),
)
SULCUS = ((0.0, -56.0), (12.0, -52.0), (21.0, -42.0), (25.0, -26.0), (28.0, -14.0))
ARCH_TEETH = ((0.0, -59.0), (13.0, -56.0), (23.0, -45.0), (29.0, -26.0), (32.0, -14.0))


def draw_throat(pens: dict[str, Pen], masks: Masks) -> None:
    """Adds jaws, mouth and the pharynx above the larynx. Needs what `draw_larynx` drew."""
    _draw_jaws(pens["jaw"], masks)
    _draw_tongue(pens["throat"], masks)
    _draw_palate(pens["throat"], masks)
    _draw_lumen(pens["throat"], masks)
    _draw_tonsils(pens["throat"], masks)
    _draw_floor(pens["throat"], masks)
    _draw_cheeks(pens["jaw"], masks)


def _draw_jaws(pen: Pen, masks: Masks) -> None:
    jaw = pen.wall(JAW, fold=True)
    for _, hand in pen.sides():
        jaw |= hand.wall(RAMUS)
        jaw |= hand.tube([(49.5, 20, 430), (50, 25, 440), (50, 27, 447)], [4.0, 3.4, 4.6])
        jaw |= hand.tube([(45, -5, 428), (44, -3, 442)], [4.0, 2.4])
    lower = pen.wall([(x, y, 395.0, 404.0, 3.4) for x, y in ARCH_TEETH], fold=True)
    upper = pen.wall([(x, y - 1.0, 403.0, 411.0, 3.4) for x, y in ARCH_TEETH], fold=True)
    bone = pen.wall([(x, y + 0.5, 410.0, 428.0, 4.0) for x, y in ARCH_TEETH], fold=True)
    masks["mandible"], masks["teeth"] = jaw, lower | upper
    masks["upper_alveolar_ridge"] = bone & ~masks["teeth"]
    masks["hard_palate"] = _within_arch(pen, 415.0, 418.5, -4.0) | _shelf(pen)
    lower_gum = pen.wall([(x, y, 391.0, 398.0, 6.2) for x, y in ARCH_TEETH], fold=True)
    upper_gum = pen.wall([(x, y, 408.0, 415.0, 5.6) for x, y in ARCH_TEETH], fold=True)
    masks["lower_gingiva"] = lower_gum & ~jaw & ~masks["teeth"]
    masks["upper_gingiva"] = upper_gum & ~bone & ~masks["teeth"]


def _shelf(pen: Pen) -> np.ndarray:
    """The palatine bone behind the teeth's arch."""
    return pen.loft([(415.0, 0.0, -14.0, 20.0, 8.0), (418.5, 0.0, -14.0, 20.0, 8.0)], power=4.0)


def _within_arch(pen: Pen, bottom: float, top: float, shrink: float) -> np.ndarray:
    """What the arch of the teeth encloses between two heights."""
    line = np.array(ARCH_TEETH, float)
    mask, box = pen.canvas.empty(), pen.box((-40, -64, bottom - 2), (40, 0, top + 2))
    z, y, x = pen.axes(box)
    width = np.interp(y, line[:, 1], line[:, 0], left=-9.0) + shrink
    mask[box] = (np.abs(x) <= width) & (y < -14.0) & (z >= bottom) & (z <= top)
    return mask


def _draw_tongue(pen: Pen, masks: Masks) -> None:
    body = pen.ellipsoid((0, -27, 398), (22, 29, 16.5))
    base = pen.loft(TONGUE_BASE)
    tongue = (body | base) & ~masks["mandible"] & ~masks["vallecula"] & ~masks["epiglottis"]
    tongue &= ~masks["teeth"] & ~masks["lower_gingiva"] & ~masks["pre_epiglottic_space"] & ~masks["hard_palate"]
    box = pen.box((-30, -70, 355), (30, 14, 420))
    y = pen.axes(box)[1]
    behind = pen.canvas.empty()
    behind[box] = tongue[box] & (y > -9.0)  # circumvallate papillae
    masks["tongue"] = tongue
    masks["tongue_base"], masks["oral_tongue"] = behind, tongue & ~behind
    for side, hand in pen.sides():
        fan = [(2.6, -10, 396), (2.8, -8, 385), (2.6, -14, 374)]
        muscle = pen.canvas.empty()
        for end in fan:
            muscle |= hand.tube([(2.4, -52, 382), end], [2.2, 3.4])
        masks[f"genioglossus_{side}"] = muscle & tongue
        masks[f"hyoglossus_{side}"] = hand.wall([(18.5, -22, 368, 391, 1.7), (21.0, 0, 368, 393, 1.7)])
    names = ("genioglossus_left", "genioglossus_right", "hyoglossus_left", "hyoglossus_right")
    masks["extrinsic_tongue_muscles"] = np.logical_or.reduce([masks[name] for name in names])


def _draw_palate(pen: Pen, masks: Masks) -> None:
    soft = pen.sheet([(-8, 416, 3.2, 18), (1, 414, 3.8, 17), (7, 409, 3.6, 12)])
    uvula = pen.sheet([(7, 408, 3.4, 4.5), (9, 402, 3.2, 3.6), (9, 397, 2.4, 2.6)])
    masks["soft_palate"] = soft & ~masks["hard_palate"]
    masks["uvula"] = uvula & ~soft


def _draw_lumen(pen: Pen, masks: Masks) -> None:
    """Air of the three levels of the pharynx and the constrictors around it."""
    naso, oro, outer = pen.loft(NASOPHARYNX), pen.loft(OROPHARYNX), pen.loft(OUTER)
    solid = masks["tongue"] | masks["soft_palate"] | masks["uvula"] | masks["epiglottis"]
    box = pen.box((-30, -10, 300), (30, 40, 445))
    z, y, _ = pen.axes(box)
    upper = pen.canvas.empty()
    upper[box] = np.broadcast_to(z > 412.0 - 0.45 * (y - 8.0), upper[box].shape)
    masks["nasopharynx"] = (naso | oro & upper) & upper & ~solid
    masks["oropharynx"] = (oro | masks["vallecula"]) & ~upper & ~solid & ~masks["larynx_air"]
    air = masks["nasopharynx"] | masks["oropharynx"] | masks["hypopharynx"]
    wall = outer & ~air & ~solid & ~masks["larynx_air"]
    keep = pen.canvas.empty()
    keep[box] = y > np.interp(z, [310, 340, 362, 380, 400, 441], [13.0, 12.0, 8.0, 6.0, 4.0, 8.0])
    wall &= keep & ~masks["thyroid_cartilage"] & ~masks["cricoid_cartilage"] & ~masks["postcricoid_area"]
    limits = {"inferior": (300.0, 360.0), "middle": (360.0, 390.0), "superior": (390.0, 445.0)}
    for name, (low, high) in limits.items():
        part = pen.canvas.empty()
        part[box] = wall[box] & (z > low) & (z <= high)
        masks[f"{name}_pharyngeal_constrictor"] = part
    back = pen.canvas.empty()
    back[box] = wall[box] & (y > 19.0) & (z > 338.0) & (z < 412.0)
    masks["posterior_pharyngeal_wall"] = back


def _draw_tonsils(pen: Pen, masks: Masks) -> None:
    for side, hand in pen.sides():
        tonsil = hand.ellipsoid((16.0, 9.0, 394.0), (4.6, 6.2, 11.0)) & ~masks["tongue"]
        masks[f"palatine_tonsil_{side}"] = tonsil
        for name in ("oropharynx", "superior_pharyngeal_constrictor", "middle_pharyngeal_constrictor"):
            masks[name] &= ~tonsil


def _draw_floor(pen: Pen, masks: Masks) -> None:
    """Mylohyoid sling, geniohyoid, digastric, sublingual glands and the mucosa beside the tongue."""
    line = np.array(JAW, float)
    box = pen.box((-40, -60, 362), (40, -10, 392))
    z, y, x = pen.axes(box)
    wide = np.interp(y, line[:, 1], line[:, 0]) - 4.0
    height = 370.5 + 0.013 * x**2 - 0.05 * (y + 50.0)
    sling = pen.canvas.empty()
    sling[box] = (np.abs(z - height) <= 1.7) & (np.abs(x) <= wide)
    taken = masks["mandible"] | masks["hyoid"]
    mucosa = pen.wall([(x, y + 5.0, 386.0, 393.0, 5.0) for x, y in SULCUS], fold=True)
    masks["floor_of_mouth"] = mucosa & ~masks["tongue"] & ~taken & ~masks["teeth"] & ~masks["lower_gingiva"]
    half = pen.axes()[2] > 0
    for side, hand in pen.sides():
        masks[f"mylohyoid_{side}"] = sling & (half if side == "left" else ~half) & ~taken
        masks[f"geniohyoid_{side}"] = hand.tube([(3.4, -53, 377), (4.0, -23, 369)], 3.2) & ~taken
        front = hand.tube([(6, -54, 369.5), (12, -36, 366.5), (19, -14, 365.5)], [3.4, 4.6, 3.0])
        back = hand.tube([(19, -14, 365.5), (32, 14, 384), (46, 36, 416), (50, 46, 438)], [2.0, 3.6, 4.4, 3.6])
        masks[f"digastric_{side}"] = (front | back) & ~taken
        masks[f"sublingual_gland_{side}"] = hand.ellipsoid((15, -34, 383), (4.2, 14, 5.6)) & ~taken


def _draw_cheeks(pen: Pen, masks: Masks) -> None:
    bone = masks["mandible"] | masks["upper_alveolar_ridge"] | masks["teeth"]
    for side, hand in pen.sides():
        cheek = hand.wall([(27, -50, 394, 420, 2.2), (38, -32, 394, 420, 2.2), (41, -14, 394, 422, 2.2)])
        masks[f"buccal_mucosa_{side}"] = cheek & ~bone
        masks[f"retromolar_trigone_{side}"] = hand.ellipsoid((37, -9, 402), (4.5, 5, 7)) & ~bone
    masks["lip"] = pen.ellipsoid((0, -67, 404), (22, 5, 10)) & ~bone & masks["body"]
