"""Trachea, bronchi to the segments, and their wall.

Adult calibers: trachea 18-20 mm, right main bronchus 15, left 13, lobar 8-11, segmental 4-6 mm; the carina opens by
about 65 degrees, the right main bronchus is shorter and steeper (Coche 2000s CT series; Gray's Anatomy).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.synthetic.frame import CARINA, PATHS, Masks
from models.synthetic.trunk_pen import TrunkPen
from oncology.findings import Point

RIGHT_END: Point = (-31.0, 25.0, 149.0)
INTERMEDIATE_END: Point = (-41.0, 24.0, 122.0)
LEFT_END: Point = (46.0, 27.0, 139.0)
WALL_MM = 1.6
# Lobe -> lobar bronchus (points with radii), then the segmental bronchi's ends with where they leave it.
Branch = tuple[Sequence[Point], Sequence[float]]
LOBAR: Mapping[str, Sequence[Branch]] = {
    "lung_upper_lobe_right": [(((-27, 24, 152), (-42, 24, 157), (-54, 22, 160)), (5.5, 5.0, 4.6))],
    "lung_middle_lobe_right": [((INTERMEDIATE_END, (-50, 10, 115), (-58, -2, 110)), (4.2, 3.8, 3.4))],
    "lung_lower_lobe_right": [((INTERMEDIATE_END, (-48, 32, 106), (-54, 35, 94)), (5.0, 4.6, 4.0))],
    "lung_upper_lobe_left": [((LEFT_END, (57, 20, 143), (64, 12, 148)), (5.2, 4.8, 4.4))],
    "lung_lower_lobe_left": [((LEFT_END, (52, 37, 120), (60, 42, 102)), (5.2, 4.8, 4.0))],
}
SEGMENTAL: Mapping[str, Sequence[tuple[Point, Point]]] = {
    "lung_upper_lobe_right": [
        ((-54, 22, 160), (-60, 18, 194)), ((-54, 22, 160), (-74, 46, 178)), ((-54, 22, 160), (-74, -16, 166)),
    ],
    "lung_middle_lobe_right": [((-58, -2, 110), (-84, -16, 102)), ((-58, -2, 110), (-64, -40, 98))],
    "lung_lower_lobe_right": [
        ((-45, 30, 112), (-60, 62, 132)), ((-52, 34, 98), (-42, 40, 78)), ((-54, 35, 94), (-76, 10, 86)),
        ((-54, 35, 94), (-82, 36, 80)), ((-54, 35, 94), (-66, 60, 76)),
    ],
    "lung_upper_lobe_left": [
        ((64, 12, 148), (64, 24, 192)), ((64, 12, 148), (78, -18, 176)), ((60, 16, 145), (86, -14, 132)),
        ((60, 16, 145), (74, -36, 112)),
    ],
    "lung_lower_lobe_left": [
        ((51, 35, 123), (64, 64, 138)), ((60, 42, 102), (72, 14, 88)), ((60, 42, 102), (84, 38, 84)),
        ((60, 42, 102), (68, 62, 78)),
    ],
}  # fmt: skip
MAIN: Mapping[str, Branch] = {
    "main_bronchus_right": ((CARINA, (-16, 23, 159), RIGHT_END), (8.2, 7.8, 7.2)),
    "main_bronchus_left": ((CARINA, (22, 24, 154), LEFT_END), (7.4, 6.8, 6.2)),
    "bronchus_intermedius": ((RIGHT_END, (-37, 25, 134), INTERMEDIATE_END), (6.2, 5.6, 5.2)),
}


def draw_airway(pen: TrunkPen, masks: Masks) -> None:
    """Adds `trachea`, the main bronchi, one `bronchus_<lobe>` to segmental depth per lobe, and `airway_wall`."""
    wall = pen.mask(masks, "_airway_outside")
    size = pen.size("airway", 0.08) * (0.9 if pen.build.sex == "female" else 1.0)
    _branch(pen, masks, "trachea", sorted(PATHS["trachea"], key=lambda point: point[2]), (9.3, 9.3, 9.2, 9.0), size)
    for name, (points, radii) in MAIN.items():
        _branch(pen, masks, name, points, radii, size)
    masks["trachea"] &= ~(masks["main_bronchus_left"] | masks["main_bronchus_right"])
    lumen = masks["trachea"] | masks["main_bronchus_left"] | masks["main_bronchus_right"]
    lumen |= masks["bronchus_intermedius"]
    lobar = pen.mask(masks, "lobar_bronchi")
    for lobe, branches in LOBAR.items():
        name = f"bronchus_{lobe.removeprefix('lung_')}"
        for points, radii in branches:
            _branch(pen, masks, name, points, radii, size)
        for start, end in SEGMENTAL[lobe]:
            _branch(pen, masks, name, _bowed(start, end), (3.2, 2.5, 1.7), size)
        lobar |= masks[name]
    masks["airway_wall"] = wall & ~lumen & ~lobar
    del masks["_airway_outside"]


def _branch(
    pen: TrunkPen, masks: Masks, name: str, points: Sequence[Point], radii: Sequence[float], size: float
) -> None:
    pen.tube(pen.mask(masks, name), points, [radius * size for radius in radii])
    pen.tube(masks["_airway_outside"], points, [radius * size + min(WALL_MM, 0.35 * radius) for radius in radii])


def _bowed(start: Point, end: Point) -> list[Point]:
    middle = [(a + b) / 2 for a, b in zip(start, end, strict=True)]
    return [start, (middle[0], middle[1], middle[2] + 0.06 * (end[2] - start[2])), end]
