"""Muscles, glands, vessels, bones of the skull base and spaces of fat in the neck and the lower head.

Frame millimeters of the left side; carotids and jugular veins are those of `frame.PATHS`, the internal and external
carotid continue them. Muscles and glands in TotalSegmentator's names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from models.synthetic.frame import Masks
from models.synthetic.neck_pen import Pen, Row
from models.synthetic.neck_throat import OUTER

MUSCLES: Mapping[str, Sequence[Row]] = {
    "sternocleidomastoid": (
        (440, 56, 47, 4.5, 8, -5), (425, 57, 42, 6, 12, -5), (400, 55, 33, 6.5, 14, -8), (370, 52, 25, 6.5, 16, -12),
        (340, 48, 18, 6.5, 17, -18), (318, 45, 11, 6.2, 18, -24), (300, 39, 3, 6, 19, -38),
        (285, 31, -9, 5.5, 18, -58), (266, 20, -26, 5, 15, -80),
    ),
    "levator_scapulae": ((425, 28, 54, 5, 6), (380, 36, 58, 6, 9), (330, 42, 62, 7, 11), (285, 50, 72, 7, 12)),
    "anterior_scalene": (
        (388, 20, 39, 4, 4), (345, 25, 37, 6, 5), (310, 31, 33, 7, 6), (285, 38, 26, 8, 5), (268, 46, 18, 7, 4),
    ),
    "middle_scalene": ((410, 22, 47, 4, 5), (350, 31, 49, 7, 7), (310, 39, 46, 8, 8), (285, 47, 42, 8, 7)),
    "posterior_scalene": ((345, 34, 59, 4, 5), (310, 42, 60, 6, 6), (285, 50, 58, 6, 6)),
    "autochthon": (
        (442, 24, 78, 20, 14), (410, 22, 82, 20, 17), (360, 22, 82, 21, 18), (320, 24, 86, 22, 17),
        (285, 28, 92, 24, 14),
    ),
    "masseter": (
        (444, 53, -9, 3.5, 10), (428, 54, -4, 5.5, 15), (408, 54, 2, 7, 16), (393, 52.5, 5, 6, 14), (381, 50, 6, 4, 9),
    ),
    "medial_pterygoid": ((432, 19, -2, 3.5, 7), (415, 28, 2, 5, 9.5), (398, 36, 6, 5, 10), (385, 41, 10, 3.5, 9)),
    "temporalis": ((480, 58, 0, 5, 24), (460, 55, -2, 6, 17), (446, 48, -4, 5, 9), (434, 45, -5, 3.5, 5)),
}  # fmt: skip
STRAPS: Sequence[Row] = (
    (364, 9, -24, 6.5, 2.2, 20), (350, 12.5, -24, 8.5, 2.4, 56), (325, 13.0, -23.5, 8.5, 2.4, 56),
    (312, 12, -22, 9, 2.6, 38), (296, 11, -23, 9.5, 2.8, 20), (268, 10, -25, 9.5, 2.8, 8),
)  # fmt: skip
THYROID: Sequence[Row] = (
    (331, 17, 0, 2.5, 4), (322, 18, 1, 4.5, 7), (310, 17, 1, 7, 9), (300, 16, 0, 7, 8.5), (293, 15, 0, 4.5, 5),
)  # fmt: skip
PAROTID: Sequence[Row] = (
    (446, 58, 25, 7, 11), (434, 58, 26, 10.5, 15), (420, 57, 26, 11.5, 16.5), (406, 55, 25, 11, 15),
    (390, 51, 25, 7, 9),
)  # fmt: skip
SUBMANDIBULAR: Sequence[Row] = (
    (399, 35, -2, 4.5, 7), (388, 34, -1, 7.5, 11), (376, 32, 1, 9, 12), (367, 31, 3, 7.5, 10), (363, 31, 3, 3, 4),
)  # fmt: skip
INTERNAL_CAROTID = ((27, 14, 358), (28, 16, 366), (27, 18, 385), (25, 19, 415), (24, 18, 440), (22, 14, 450))
EXTERNAL_CAROTID = ((27, 14, 358), (26, 9, 366), (28, 6, 384), (38, 12, 405), (46, 20, 430))
FAT: Sequence[Row] = (
    (442, 42, 30, 14, 18), (400, 42, 34, 16, 28), (360, 42, 34, 17, 34), (325, 42, 32, 20, 38), (296, 44, 28, 26, 42),
    (285, 46, 26, 30, 44), (264, 48, 14, 22, 26),
)  # fmt: skip
PARAPHARYNGEAL: Sequence[Row] = (
    (442, 22, 10, 4, 7), (424, 24, 10, 5, 10), (404, 25, 11, 4.5, 9), (386, 26, 10, 3.5, 6),
)  # fmt: skip
PREVERTEBRAL: Sequence[Row] = (
    (444, 8, 29, 6, 4.5), (420, 9, 29, 7.5, 4), (370, 8, 31, 7.5, 4.5), (340, 8, 34, 7.5, 6.5), (318, 8, 33.5, 8, 9.5),
    (286, 8, 39, 7, 9),
)  # fmt: skip
RETROPHARYNGEAL: Sequence[Row] = (
    (440, 0, 26.5, 17, 3), (400, 0, 26, 19, 3), (362, 0, 26.5, 20, 3.5), (336, 0, 25.5, 19, 3.6), (312, 0, 21.5, 15, 4),
    (288, 0, 27, 14, 3.5),
)  # fmt: skip
AROUND_THYROID = (
    "thyroid_cartilage", "cricoid_cartilage", "trachea", "esophagus", "larynx_air", "inferior_pharyngeal_constrictor",
)  # fmt: skip


def draw_soft(pens: dict[str, Pen], masks: Masks) -> None:
    """Adds fat, muscles, glands and arteries. Needs the jaw, the larynx and the vessels of the whole body."""
    _draw_fat(pens["trunk"], pens["throat"].loft(OUTER), masks)
    _draw_vessels(pens["trunk"], masks)
    _draw_muscles(pens["trunk"], masks)
    _draw_deep_muscles(pens["trunk"], masks)
    _draw_straps(pens["larynx"], masks)
    _draw_thyroid(pens["larynx"], masks)
    _draw_glands(pens["glands"], masks)


def _draw_fat(pen: Pen, pharynx: np.ndarray, masks: Masks) -> None:
    """Fat where nodes lie: along the jugular vein, in the posterior triangle, below the chin and jaw; deep spaces."""
    fat = pen.loft([(374, 0, -42, 26, 17), (364, 0, -40, 26, 15), (352, 0, -36, 14, 8)], power=3.0)
    fat |= pen.loft(
        [(362, 0, 2, 27, 40), (350, 0, 4, 30, 44), (334, 0, 5, 34, 40), (312, 0, 4, 34, 36), (288, 0, 4, 34, 36)]
    )
    for side, hand in pen.sides():
        fat |= hand.loft(FAT)
        fat |= hand.loft([(384, 34, -12, 10, 26), (372, 33, -12, 12, 26), (352, 34, -4, 12, 22)])
        masks[f"parapharyngeal_space_{side}"] = hand.loft(PARAPHARYNGEAL)
        fat |= hand.loft([(425, 42, -38, 8, 12), (405, 44, -34, 7, 11), (390, 42, -32, 5, 8)])  # of the cheek
    masks["neck_fat"] = fat & masks["muscle"] & ~masks["mandible"] & ~masks["tongue"] & ~masks["larynx"] & ~pharynx


def _draw_vessels(pen: Pen, masks: Masks) -> None:
    for side, hand in pen.sides():
        masks[f"internal_carotid_artery_{side}"] = hand.tube(INTERNAL_CAROTID, [3.6, 4.0, 2.8, 2.6, 2.6, 2.4])
        masks[f"external_carotid_artery_{side}"] = hand.tube(EXTERNAL_CAROTID, [3.0, 2.4, 2.2, 2.0, 1.8])
        masks[f"carotid_bifurcation_{side}"] = hand.ellipsoid((27, 14, 360), (4.4, 4.2, 5.0))


def _draw_muscles(pen: Pen, masks: Masks) -> None:
    blocked = masks["mandible"]
    for name, rows in MUSCLES.items():
        for side, hand in pen.sides():
            masks[f"{name}_{side}"] = hand.loft(rows) & masks["muscle"] & ~blocked
    for side, hand in pen.sides():
        tube = hand.tube([(20, -4, 436), (34, 8, 438), (47, 22, 440)], [6.0, 7.5, 5.0])
        masks[f"lateral_pterygoid_{side}"] = tube & ~blocked & ~masks[f"medial_pterygoid_{side}"]


def _draw_deep_muscles(pen: Pen, masks: Masks) -> None:
    """Longus colli and capitis in front of the vertebrae, the fat before them, and the trapezius under the skin."""
    bones = [mask for name, mask in masks.items() if name.startswith("vertebrae_")]
    spine = np.logical_or.reduce(bones) if bones else pen.canvas.empty()
    space = pen.loft(RETROPHARYNGEAL)
    for side, hand in pen.sides():
        masks[f"prevertebral_{side}"] = hand.loft(PREVERTEBRAL) & ~spine
        space &= ~masks[f"prevertebral_{side}"]
    for name in ("inferior", "middle", "superior"):
        space &= ~masks[f"{name}_pharyngeal_constrictor"]
    masks["retropharyngeal_space"] = space & ~spine & ~masks["hypopharynx"]
    if "esophagus" in masks:
        masks["retropharyngeal_space"] &= ~masks["esophagus"]
    shell = masks.pop("_trapezius")
    half = pen.axes()[2] > 0
    masks["trapezius_left"], masks["trapezius_right"] = shell & half, shell & ~half


def _draw_straps(pen: Pen, masks: Masks) -> None:
    taken = masks["thyroid_cartilage"] | masks["cricoid_cartilage"] | masks["hyoid"]
    z = pen.axes()[0]
    for side, hand in pen.sides():
        strap = hand.loft(STRAPS) & ~taken
        high = strap & (z > 335.0)
        masks[f"strap_muscles_{side}"] = strap
        masks[f"thyrohyoid_{side}"], masks[f"sterno_thyroid_{side}"] = high, strap & ~high


def _draw_thyroid(pen: Pen, masks: Masks) -> None:
    gland = pen.wall([(0, -20, 300, 308, 2.4), (8, -18, 299, 309, 2.6), (13, -8, 298, 311, 3.0)], fold=True)
    for _, hand in pen.sides():
        gland |= hand.loft(THYROID)
    for name in AROUND_THYROID:
        if name in masks:
            gland &= ~masks[name]
    for side in ("left", "right"):
        gland &= ~masks.get(f"common_carotid_artery_{side}", pen.canvas.empty())
    masks["thyroid_gland"] = gland


def _draw_glands(pen: Pen, masks: Masks) -> None:
    for side, hand in pen.sides():
        hard = masks["mandible"] | masks[f"masseter_{side}"] | masks[f"sternocleidomastoid_{side}"]
        hard |= masks[f"medial_pterygoid_{side}"] | masks[f"digastric_{side}"]
        parotid = hand.loft(PAROTID) | hand.ellipsoid((62, 8, 420), (4.6, 17, 16))
        masks[f"parotid_gland_{side}"] = parotid & ~hard & masks["muscle"]
        gland = hand.loft(SUBMANDIBULAR) & ~hard & ~masks[f"hyoglossus_{side}"]
        masks[f"submandibular_gland_{side}"] = gland & ~masks.get(f"internal_jugular_vein_{side}", hard)
