"""Branches of the abdominal aorta, the portal veins, the renal and iliac vessels.

Calibers of adults on CT: celiac trunk and superior mesenteric artery 7-8 mm, common hepatic 5, splenic 5-6,
gastroduodenal 4, left gastric 3-4 (Silveira 2009, Surg Radiol Anat 31); portal vein 12-13, superior mesenteric vein 11,
splenic vein 9. A right hepatic artery from the superior mesenteric one: about 10% (Michels 1966, Am J Surg 112; Hiatt
1994, Ann Surg 220).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from models.synthetic.abdomen_pen import AbdomenPen
from models.synthetic.frame import Build, Masks
from oncology.findings import Point

REPLACED_RIGHT_HEPATIC = "replaced_right_hepatic_artery"
REPLACED_SHARE = 0.10
CELIAC_FORK: Point = (5.0, 11.0, 12.0)
SMA_ROOT: Point = (5.5, 30.0, -8.0)
CONFLUENCE: Point = (-10.0, 2.0, -22.0)
Path = Sequence[Point]
TUBES: Mapping[str, Sequence[tuple[Path, Sequence[float]]]] = {
    "celiac_trunk": [(((6, 33, 8), (5.5, 22, 9), CELIAC_FORK), (4.2, 3.9, 3.6))],
    "superior_mesenteric_artery": [
        (
            (SMA_ROOT, (5.2, 19, -14), (5, 12, -26), (4, 6, -45), (2, 0, -70), (-2, -6, -100), (-12, -11, -132)),
            (4.0, 3.9, 3.7, 3.6, 3.4, 3.0, 2.4),
        ),
    ],
    "common_hepatic_artery": [((CELIAC_FORK, (-3, 4, 11), (-11, -7, 8), (-18, -12, 6)), (3.0, 2.8, 2.7, 2.6))],
    "proper_hepatic_artery": [(((-18, -12, 6), (-22, -12, 17), (-27, -15, 30)), (2.3, 2.2, 2.1))],
    "gastroduodenal_artery": [(((-18, -12, 6), (-20, -16, -8), (-23, -18.5, -22), (-26, -18, -36)),
    (2.3, 2.2, 2.1, 2.0))],
    "splenic_artery": [
        (
            (CELIAC_FORK, (13, 8, 14), (22, 5, 6), (31, 8, 10), (42, 13, 8), (52, 21, 17), (63, 29, 17), (74, 36, 26)),
            (3.1, 3.0, 3.0, 2.9, 2.8, 2.8, 2.6, 2.4),
        ),
    ],
    "left_gastric_artery": [
        (((5.4, 17, 11), (7, 9, 22), (12, 5, 34), (18, -2, 34), (20, -14, 22), (16, -24, 8)),
         (2.1, 2.0, 1.9, 1.8, 1.7, 1.6)),
    ],
    "superior_mesenteric_vein": [
        ((CONFLUENCE, (-10, 1, -36), (-9, -2, -62), (-8, -7, -92), (-14, -13, -128)), (6.0, 5.9, 5.6, 4.8, 3.6)),
    ],
    "portal_vein": [((CONFLUENCE, (-15, 2, -8), (-23, -1, 10), (-31, -6, 28), (-38, -8, 36)),
    (6.6, 6.6, 6.5, 6.3, 5.5))],
    "splenic_vein": [
        ((CONFLUENCE, (4, 2.5, -17), (20, 7, -9), (40, 17, -2), (60, 32, 8), (76, 40, 17)),
        (5.0, 4.6, 4.4, 4.3, 4.2, 3.6)),
    ],
    "inferior_mesenteric_vein": [(((16, 6, -11), (22, 10, -34), (28, 14, -80), (36, 16, -130)), (2.0, 1.9, 1.8, 1.6))],
    "inferior_mesenteric_artery": [(((5, 22, -76), (12, 17, -96), (24, 16, -128)), (2.1, 1.9, 1.7))],
    "iliac_artery_left": [
        (((3, 31, -108), (16, 32, -136), (36, 42, -172), (56, 26, -212), (68, -12, -256), (72, -34, -285)),
         (6.0, 5.4, 5.0, 4.6, 4.3, 4.0)),
    ],
    "iliac_artery_right": [
        (((1, 31, -108), (-14, 30, -136), (-36, 40, -172), (-56, 26, -212), (-68, -12, -256), (-72, -34, -285)),
         (6.0, 5.4, 5.0, 4.6, 4.3, 4.0)),
    ],
    "iliac_vena_left": [
        (((-20, 36, -142), (4, 44, -160), (34, 50, -182), (58, 36, -222), (64, 0, -258), (64, -26, -285)),
         (7.5, 7.2, 6.8, 6.2, 5.8, 5.4)),
    ],
    "iliac_vena_right": [
        (((-22, 34, -142), (-30, 40, -158), (-42, 48, -182), (-58, 36, -222), (-62, 0, -258), (-62, -26, -285)),
         (7.5, 7.2, 6.8, 6.2, 5.8, 5.4)),
    ],
}  # fmt: skip
VARIANTS: Mapping[str, tuple[Path, Sequence[float]]] = {
    REPLACED_RIGHT_HEPATIC: (
        ((5.2, 21, -13), (-6, 14, -15), (-20, 11, -8), (-31, 7, 6), (-37, -2, 24)), (2.4, 2.3, 2.2, 2.2, 2.1),
    ),
}  # fmt: skip
VEINS = ("superior_mesenteric_vein", "portal_vein", "splenic_vein")
CAVAL = ("renal_vein_left", "renal_vein_right", "iliac_vena_left", "iliac_vena_right")


def variants(build: Build) -> frozenset[str]:
    """Vessel variants that this body has, by the names of their masks."""
    random = np.random.default_rng([build.seed, 1966])
    return frozenset((REPLACED_RIGHT_HEPATIC,)) if random.random() < REPLACED_SHARE else frozenset()


def draw_vessels(pen: AbdomenPen, masks: Masks, kidneys: Mapping[str, Point]) -> None:
    """Adds the vessels; those to the kidneys end at `kidneys` (side -> hilum, frame mm). Needs the aorta there."""
    for name, parts in TUBES.items():
        for path, radii in parts:
            pen.add(masks, name, path, radii)
    for name in variants(pen.build):
        pen.add(masks, name, *VARIANTS[name])
    _renal(pen, masks, kidneys)
    trunk, cava = masks["aorta"], pen.mask(masks, "inferior_vena_cava")
    for name in (*TUBES, *variants(pen.build), "renal_artery_left", "renal_artery_right", *CAVAL):
        masks[name] &= ~trunk & masks["body"]
        if name in CAVAL:
            masks[name] &= ~cava
    masks["renal_arteries"] = masks["renal_artery_left"] | masks["renal_artery_right"]
    masks["superior_mesenteric_vein"] &= ~masks["portal_vein"]
    masks["splenic_vein"] &= ~masks["portal_vein"] & ~masks["superior_mesenteric_vein"]
    masks["portal_vein_and_splenic_vein"] = masks["portal_vein"] | masks["splenic_vein"]


def _renal(pen: AbdomenPen, masks: Masks, kidneys: Mapping[str, Point]) -> None:
    """Arteries behind the veins; the left vein crosses between aorta and superior mesenteric artery."""
    left, right = kidneys["left"], kidneys["right"]
    middle = ((left[0] + 14.0) / 2, 41.0, (left[2] - 18.0) / 2)
    pen.add(masks, "renal_artery_left", ((8, 38, -18), middle, left), (3.0, 2.8, 2.5))
    pen.add(
        masks,
        "renal_artery_right",
        ((2, 38, -18), (-14, 42, -19), (-30, 46, (right[2] - 20) / 2), right),
        (3.0, 2.8, 2.7, 2.5),
    )
    ahead = (left[0], left[1] - 5.0, left[2] - 2.0)
    pen.add(
        masks,
        "renal_vein_left",
        (ahead, (26, 33, -26), (14, 23, -25), (3, 20.5, -26), (-14, 24, -28)),
        (4.4, 4.4, 4.0, 3.6, 4.2),
    )
    pen.add(masks, "renal_vein_right", ((right[0], right[1] - 5.0, right[2]), (-26, 32, -30)), (4.6, 4.8))
