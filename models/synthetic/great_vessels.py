"""Aorta and its branches, pulmonary arteries and veins, the caval veins and what drains into them.

Calibers of adults: ascending aorta 31 mm, arch 27, descending 24 (Wolak 2008, JACC Cardiovasc Imaging 1); pulmonary
trunk 25 mm (Truong 2012, Circ Cardiovasc Imaging 5); superior vena cava 18-20 mm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.synthetic.frame import PATHS, Masks
from models.synthetic.trunk_pen import TrunkPen, mirrored
from oncology.findings import Point

AORTA_RADII = (8.0, 9.0, 10.0, 11.0, 12.0, 12.5, 13.0, 13.3, 13.5, 14.3, 15.5, 16.0, 15.0)
Path = Sequence[Point]
TUBES: Mapping[str, Sequence[tuple[Path, Sequence[float]]]] = {
    "brachiocephalic_trunk": [(((2, -20, 206), (-9, -18, 224), (-22, -11, 242)), (7.0, 6.5, 6.5))],
    "common_carotid_artery_left": [(PATHS["common_carotid_artery_left"], (4.6, 4.0, 3.6, 3.4, 3.4))],
    "common_carotid_artery_right": [(PATHS["common_carotid_artery_right"], (4.6, 4.0, 3.6, 3.4, 3.4))],
    "subclavian_artery_left": [
        (
            ((27, 8, 210), (29, 12, 245), (40, 12, 274), (62, 6, 282), (88, 0, 268), (118, 2, 244)),
            (5.2, 5.0, 5.0, 4.8, 4.2, 3.8),
        ),
    ],
    "subclavian_artery_right": [
        (((-22, -11, 242), (-34, -1, 264), (-56, 8, 282), (-88, 0, 268), (-118, 2, 244)), (5.2, 5.0, 4.8, 4.2, 3.8)),
    ],
    "brachiocephalic_vein_left": [
        (((38, -14, 256), (30, -28, 242), (8, -40, 230), (-16, -34, 217), (-31, -20, 207)), (7.0, 6.5, 6.5, 6.5, 7.5)),
    ],
    "brachiocephalic_vein_right": [(((-37, -12, 256), (-37, -17, 235), (-33, -18, 207)), (7.0, 7.0, 7.5))],
    "subclavian_vein_left": [(((38, -14, 256), (62, -22, 266), (90, -12, 258), (120, -6, 240)), (5.5, 5.0, 4.8, 4.5))],
    "subclavian_vein_right": [
        (((-37, -12, 256), (-62, -22, 266), (-90, -12, 258), (-120, -6, 240)), (5.5, 5.0, 4.8, 4.5)),
    ],
    "superior_vena_cava": [
        (((-32, -18, 209), (-35, -14, 175), (-33, -13, 150), (-27, -13, 122)), (8.8, 9.2, 9.6, 10.5)),
    ],
    "inferior_vena_cava": [(PATHS["inferior_vena_cava"], (11.0, 11.5, 12.5, 13.5, 14.0))],
    "azygos_vein": [
        (
            ((-7, 60, 8), (-9, 60, 60), (-10, 58, 120), (-11, 57, 150), (-15, 52, 172), (-23, 36, 183), (-28, 16, 183),
             (-33, -6, 178)),
            (2.4, 3.0, 3.6, 3.9, 4.3, 4.8, 4.9, 5.0),
        ),
    ],
    "hemiazygos_vein": [(((12, 66, 20), (14, 66, 110), (2, 66, 122), (-9, 60, 126)), (2.0, 2.2, 2.2, 2.4))],
    "pulmonary_artery": [
        (((14, -48, 114), (20, -38, 136), (22, -20, 156), (38, 2, 169), (51, 22, 163), (58, 34, 148), (62, 40, 126)),
         (13.5, 13.5, 13.0, 11.0, 9.5, 8.0, 6.0)),
        (((16, -20, 155), (-2, -2, 150), (-20, 5, 147), (-36, 6, 146), (-50, 12, 142), (-57, 22, 122)),
         (11.0, 10.0, 9.6, 9.2, 8.0, 6.0)),
        (((-36, 4, 148), (-50, -2, 160), (-58, -2, 168)), (6.5, 5.0, 4.2)),
    ],
    "pulmonary_vein": [
        (((-20, 8, 122), (-36, 0, 128), (-50, -10, 136), (-58, -16, 148)), (7.5, 6.5, 5.2, 4.0)),
        (((-22, 18, 113), (-38, 26, 108), (-54, 32, 103)), (7.0, 6.2, 4.6)),
        (((30, 4, 126), (42, -6, 134), (54, -14, 142)), (7.2, 6.2, 4.4)),
        (((32, 18, 114), (44, 28, 109), (58, 36, 104)), (7.0, 6.0, 4.5)),
    ],
}  # fmt: skip


def draw_great_vessels(pen: TrunkPen, masks: Masks, bottom: float, top: float) -> None:
    """Adds every vessel that reaches into the canvas between two heights of the frame."""
    low, high = bottom - 25.0, top + 25.0
    pen.tubes(masks, "aorta", PATHS["aorta"], AORTA_RADII)
    for name, parts in TUBES.items():
        for path, radii in parts:
            if max(p[2] for p in path) > low and min(p[2] for p in path) < high:
                pen.tubes(masks, name, path, radii)
    for side in ("left", "right"):
        name = f"internal_jugular_vein_{side}"
        if top > 255:
            pen.tubes(masks, name, PATHS[name], (7.0, 6.0, 5.5, 5.0, 4.5))
    if top > 120 and bottom < 200:
        _mammary(pen, masks)


def _mammary(pen: TrunkPen, masks: Masks) -> None:
    """The internal mammary vessels beside the sternum."""
    for sign in (1.0, -1.0):
        path = mirrored([(30, -24, 258), (24, -50, 236), (24, -68, 200), (27, -79, 160), (27, -84, 125)], sign)
        pen.tube(pen.mask(masks, "internal_mammary_vessels"), path, 1.6)
