"""Larynx and hypopharynx: cartilages, cords, spaces of fat, pyriform sinuses.

Distances follow anatomical series of the adult larynx (Eckel 1994, Surg Radiol Anat 16; Som and Curtin, Head and Neck
Imaging): a man's thyroid lamina about 30 mm high, cords about 20 mm long, cricoid lamina 22 mm and arch 6 mm high.
All numbers are frame millimeters of the left side; z 308 is the cricoid's lower border, 330 the glottis.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.synthetic.frame import Masks
from models.synthetic.neck_pen import Pen, Row

HYOID_BOTTOM_Z = 361.5
LAMINA: Sequence[Row] = (
    (0.0, -34.0, 327.0, 342.0, 1.9),
    (5.0, -30.0, 323.0, 350.0, 1.9),
    (14.0, -13.0, 321.0, 352.0, 1.8),
    (20.0, 2.0, 321.0, 352.0, 1.8),
    (21.0, 9.0, 319.0, 354.0, 1.9),
)
LUMEN: Sequence[Row] = (
    (304.0, 0.0, -7.5, 8.5, 9.0),
    (312.0, 0.0, -7.0, 8.5, 9.5),
    (320.0, 0.0, -7.5, 7.5, 10.5),
    (326.0, 0.0, -8.5, 5.0, 11.5),
    (329.5, 0.0, -9.5, 2.9, 12.0),
    (331.5, 0.0, -9.5, 3.0, 12.0),
    (333.5, 0.0, -10.0, 7.0, 10.5),
    (336.0, 0.0, -9.0, 4.6, 11.0),
    (342.0, 0.0, -6.5, 6.5, 10.5),
    (350.0, 0.0, -1.0, 7.5, 10.0),
    (358.0, 0.0, 6.0, 9.0, 7.5),
    (365.0, 0.0, 10.5, 9.0, 5.0),
)
EPIGLOTTIS: Sequence[Row] = (
    (-24.5, 336.0, 1.8, 3.5),
    (-18.0, 347.0, 1.9, 7.0),
    (-9.0, 357.0, 1.9, 11.0),
    (0.5, 366.0, 1.8, 13.0),
    (4.5, 373.0, 1.6, 11.0),
)
EPIGLOTTIS_BEND = 0.02
PYRIFORM: Sequence[Row] = (
    (357.0, 14.0, 7.0, 4.5, 8.5),
    (348.0, 14.5, 7.0, 3.6, 8.5),
    (338.0, 14.0, 8.0, 2.8, 6.5),
    (330.0, 13.0, 9.5, 1.9, 4.5),
    (326.0, 12.5, 10.0, 1.3, 2.5),
)
PHARYNX_LOW: Sequence[Row] = (
    (363.0, 0.0, 16.0, 15.0, 7.0),
    (352.0, 0.0, 18.0, 16.0, 4.0),
    (342.0, 0.0, 18.5, 14.0, 2.6),
    (328.0, 0.0, 16.5, 11.0, 1.7),
    (311.0, 0.0, 13.0, 7.0, 1.5),
)


def draw_larynx(pen: Pen, throat: Pen, masks: Masks) -> None:
    """Adds the hyoid and everything between the cricoid's lower border and the tip of the epiglottis."""
    masks["hyoid"] = _hyoid(throat)
    _draw_lumen(pen, masks)
    _draw_cartilages(pen, masks)
    _draw_epiglottis(pen, throat.part.place((0.0, 0.0, HYOID_BOTTOM_Z))[2], masks)
    _draw_cords(pen, masks)
    _draw_folds(pen, masks)
    _draw_fat_spaces(pen, masks)
    _draw_walls(pen, masks)
    masks["larynx_air"] = masks.pop("_lumen") & ~_solid(masks)
    masks["larynx"] = _inside(pen, masks)


def _solid(masks: Masks) -> np.ndarray:
    pairs = ("vocal_cord", "false_vocal_cord", "arytenoid")
    names = ["epiglottis", "anterior_commissure", *(f"{name}_{side}" for name in pairs for side in ("left", "right"))]
    return np.asarray(np.logical_or.reduce([masks[name] for name in names]))


def _inside(pen: Pen, masks: Masks) -> np.ndarray:
    """The larynx as one organ: what the laminas enclose, with the epiglottis and the folds."""
    line = np.array(LAMINA, float)
    mask, box = pen.canvas.empty(), pen.box((-23, -36, 308), (23, 12, 360))
    z, y, x = pen.axes(box)
    wide = np.interp(y, line[:, 1], line[:, 0] + 1.0, left=-1.0, right=20.0)
    behind = np.interp(z, [308.0, 330.0, 344.0, 360.0], [8.0, 10.0, 13.0, 12.0])
    ring = (x / 12.5) ** 2 + ((y + 6.4) / 14.0) ** 2 <= 1.0  # below the laminas only the cricoid
    mask[box] = (np.abs(x) <= wide) & (y <= behind) & (ring | (z > 321.0))
    for name in ("epiglottis", "aryepiglottic_fold_left", "aryepiglottic_fold_right", "thyroid_cartilage"):
        mask |= masks[name]
    outside = masks["hypopharynx"] | masks["pyriform_sinus_left"] | masks["pyriform_sinus_right"] | masks["vallecula"]
    return (mask | masks["cricoid_cartilage"]) & ~outside


def _draw_lumen(pen: Pen, masks: Masks) -> None:
    masks["_lumen"] = pen.loft(LUMEN, taper=0.5)
    low = pen.loft(PHARYNX_LOW)
    for side, hand in pen.sides():
        masks[f"pyriform_sinus_{side}"] = hand.loft(PYRIFORM)
        low |= masks[f"pyriform_sinus_{side}"]
    masks["hypopharynx"] = low & ~masks["_lumen"]


def _draw_cartilages(pen: Pen, masks: Masks) -> None:
    """Thyroid cartilage with both cortices, cricoid ring, arytenoids."""
    thin = 0.8 * pen.canvas.geometry.spacing_mm[0] / pen.part.scale
    inner, outer = (pen.wall(LAMINA, fold=True, side=side, half_mm=thin) for side in (1, -1))
    horns = pen.canvas.empty()
    for side, hand in pen.sides():
        horns |= hand.tube([(21, 9, 350), (21, 11, 358), (20, 11, 363)], 2.0)
        horns |= hand.tube([(21, 8, 322), (19, 7, 314)], 2.0)
        masks[f"arytenoid_{side}"] = hand.loft(
            [(329, 6.5, 1.5, 3.6, 4.2, 20), (334, 6, 3, 3, 3.6), (341, 5.5, 5, 2, 2.2), (344, 5.5, 5.5, 1.4, 1.4)]
        )
    masks["thyroid_cartilage_inner_cortex"], masks["thyroid_cartilage_outer_cortex"] = inner & ~outer, outer
    masks["thyroid_cartilage"] = inner | outer | horns
    masks["cricoid_cartilage"] = _cricoid(pen) & ~masks["thyroid_cartilage"]
    masks["_lumen"] &= ~masks["cricoid_cartilage"]


def _cricoid(pen: Pen) -> np.ndarray:
    """A signet ring: low in front, high behind."""
    outer = pen.loft([(308, 0, -6.5, 12.2, 13.5), (318, 0, -6.3, 12.2, 13.8), (330, 0, -5.5, 11.5, 13.5)])
    inner = pen.loft([(307, 0, -7.3, 8.8, 9.7), (318, 0, -7.5, 8.8, 10.2), (331, 0, -7.5, 8.8, 11.0)])
    mask, box = pen.canvas.empty(), pen.box((-16, -24, 306), (16, 14, 332))
    z, y, _ = pen.axes(box)
    top = np.interp(y, [-20.0, -12.0, -2.0, 4.0], [314.5, 315.5, 325.0, 330.0])
    mask[box] = outer[box] & ~inner[box] & (z <= top)
    return mask


def _hyoid(pen: Pen) -> np.ndarray:
    mask = pen.wall([(0.0, -20.0, HYOID_BOTTOM_Z, 370.0, 3.2), (10.0, -17.5, 362.0, 370.0, 3.0)], fold=True)
    for _, hand in pen.sides():
        mask |= hand.tube([(10, -17.5, 366), (19, -2, 367.5), (22, 11, 369)], [3.0, 2.3, 2.4])
    return mask


def _draw_epiglottis(pen: Pen, hyoid_bottom_mm: float, masks: Masks) -> None:
    mask = pen.sheet(EPIGLOTTIS, EPIGLOTTIS_BEND)
    # the hyoid's lower border divides the subsites
    high = mask & (pen.canvas.axes()[0] > hyoid_bottom_mm)
    masks["epiglottis"] = mask
    masks["suprahyoid_epiglottis"], masks["infrahyoid_epiglottis"] = high, mask & ~high
    masks["vallecula"] = pen.canvas.empty()
    for _, hand in pen.sides():
        masks["vallecula"] |= hand.ellipsoid((5.5, -3.5, 370.0), (5.0, 4.2, 4.6)) & ~mask


def _draw_cords(pen: Pen, masks: Masks) -> None:
    """True and false cords, their commissures and the subglottic mucosa."""
    glottis = [(326.0, -23.0), (329.0, -22.0), (331.0, -21.5)]
    for side, hand in pen.sides():
        cord = pen.canvas.empty()
        for z, front in glottis:
            low = 2.2 if z < 328 else 1.9
            cord |= hand.tube([(2.6, front, z), (5.2, -10, z), (6.6, -1.5, z)], [low, low + 0.7, low + 0.3])
        masks[f"vocal_cord_{side}"] = cord & ~masks["thyroid_cartilage"] & ~masks["cricoid_cartilage"]
        false = hand.tube([(3.2, -20, 337), (7.4, -10, 337.5), (8.4, -1, 338.5)], [2.4, 3.0, 2.4])
        false |= hand.tube([(3.6, -18, 341), (8.6, -9, 341.5), (9.2, 0, 342.0)], [2.2, 2.4, 2.0])
        masks[f"false_vocal_cord_{side}"] = false & ~masks["thyroid_cartilage"]
    masks["anterior_commissure"] = pen.ellipsoid((0, -25.5, 330), (3.2, 3.6, 3.6)) & ~masks["thyroid_cartilage"]
    masks["posterior_commissure"] = pen.ellipsoid((0, 3.5, 332), (3.6, 2.6, 4.0)) & ~masks["cricoid_cartilage"]
    rows = [(row[0], row[1], row[2], row[3] + 2.0, row[4] + 2.0) for row in LUMEN if row[0] <= 326.0]
    ring = pen.loft([row for row in rows if row[0] >= 304.0], taper=0.3)
    box = pen.box((-16, -26, 300), (16, 12, 330))
    below = pen.canvas.empty()
    below[box] = ring[box] & (pen.axes(box)[0] > 309.0)
    masks["subglottis"] = below & ~masks["_lumen"] & ~masks["cricoid_cartilage"]


def _draw_folds(pen: Pen, masks: Masks) -> None:
    for side, hand in pen.sides():
        path = [(6.5, 5.5, 342), (9.0, 5.5, 349), (10.8, 4.5, 356), (11.5, 3.5, 364)]
        fold = hand.tube(path, [2.4, 2.1, 2.0, 1.8])
        masks[f"aryepiglottic_fold_{side}"] = fold & ~masks["epiglottis"]
        masks["_lumen"] &= ~fold
        masks["hypopharynx"] &= ~fold
        masks[f"pyriform_sinus_{side}"] &= ~fold & ~masks["_lumen"] & ~masks["thyroid_cartilage"]


def _draw_fat_spaces(pen: Pen, masks: Masks) -> None:
    """Pre-epiglottic fat behind the thyrohyoid membrane, paraglottic fat inside either lamina."""
    space = pen.loft(
        [(338, 0, -27, 3, 3.0), (345, 0, -25, 8, 7), (354, 0, -18, 13, 9.5), (362, 0, -11, 14, 9), (365, 0, -8, 12, 7)]
    )
    line = np.array(EPIGLOTTIS, float)
    box = pen.box((-20, -40, 334), (20, 16, 370))
    z, y, x = pen.axes(box)
    front = y - EPIGLOTTIS_BEND * x**2 < np.interp(z, line[:, 1], line[:, 0])
    space[box] &= front
    taken = masks["thyroid_cartilage"] | masks["epiglottis"] | masks["_lumen"] | masks["vallecula"]
    masks["pre_epiglottic_space"] = space & ~taken
    walls = [(4.5, -25.5, 327, 345, 1.6), (11.0, -14.0, 321, 350, 2.6), (15.0, -2.0, 322, 350, 2.6)]
    for side, hand in pen.sides():
        solid = masks[f"vocal_cord_{side}"] | masks[f"false_vocal_cord_{side}"] | masks["cricoid_cartilage"]
        masks[f"paraglottic_space_{side}"] = hand.wall(walls) & ~taken & ~solid & ~masks[f"pyriform_sinus_{side}"]


def _draw_walls(pen: Pen, masks: Masks) -> None:
    """Mucosa and muscle between the airway and the pharynx: postcricoid area and the pyriform sinus's walls."""
    air = masks["hypopharynx"] | masks["_lumen"] | masks["cricoid_cartilage"]
    masks["postcricoid_area"] = pen.wall([(0, 10.5, 310, 338, 3.4), (9, 10.5, 311, 334, 3.2)], fold=True) & ~air
    for side, hand in pen.sides():
        rows = [(row[0], row[1], row[2], row[3] + 2.2, row[4] + 2.2) for row in PYRIFORM]
        shell = hand.loft([*rows, (323.0, 12.5, 10.0, 3.0, 4.0)]) & ~air & ~masks["thyroid_cartilage"]
        masks[f"pyriform_sinus_wall_{side}"] = shell & ~masks[f"aryepiglottic_fold_{side}"]
