"""The lower head: bones of the skull base and face, air of nose and sinuses, brain. Frame millimeters, left side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.synthetic.frame import Masks
from models.synthetic.neck_pen import Pen, Row

# Outer surface of the cranium; the posterior fossa begins first, the middle fossa about 12 mm higher.
CRANIUM: Sequence[Row] = (
    (436.0, 0.0, 78.0, 30.0, 16.0),
    (442.0, 0.0, 70.0, 48.0, 30.0),
    (450.0, 0.0, 56.0, 62.0, 50.0),
    (458.0, 0.0, 44.0, 68.0, 66.0),
    (482.0, 0.0, 30.0, 71.0, 84.0),
)
CLIVUS: Sequence[Row] = (
    (33.0, 446.0, 3.5, 11.0),
    (26.0, 453.0, 5.0, 13.0),
    (16.0, 462.0, 6.0, 14.0),
    (14.0, 480.0, 6.0, 14.0),
)


def draw_skull(pen: Pen, masks: Masks) -> None:
    """Adds skull base, face bones, sinuses, nose and what the canvas holds of the brain."""
    _draw_cranium(pen, masks)
    _draw_face(pen, masks)
    masks["skull"] = masks["skull_base"] | masks["_vault"] | masks["_face"]
    masks["skull"] &= ~masks["nasopharynx"] & masks["body"]
    for name in ("_vault", "_face"):
        masks.pop(name)


def _draw_cranium(pen: Pen, masks: Masks) -> None:
    outer = pen.loft(CRANIUM, power=2.2, rough=0.25)
    inner = pen.loft([(z + 4.0, x, y, a - 6.0, b - 6.0) for z, x, y, a, b in CRANIUM], power=2.2, rough=0.25)
    canal = pen.tube([(0, 59, 428), (0, 58, 456)], 14.0)  # foramen magnum
    masks["_vault"] = outer & ~inner & ~canal & ~masks["mandible"]
    clivus = pen.sheet(CLIVUS)
    base = clivus.copy()
    for _, hand in pen.sides():
        base |= hand.tube([(13, 27, 454), (34, 40, 452), (54, 48, 450)], [6.0, 8.0, 8.0])  # petrous bone
        base |= hand.tube([(54, 48, 450), (53, 52, 436)], [9.0, 5.0])  # mastoid
        base |= hand.tube([(12, 50, 444), (17, 60, 442)], 5.0)  # occipital condyle
        base |= hand.wall([(12, 8, 448, 453, 6), (30, 8, 448, 453, 12), (52, 14, 450, 455, 12)])  # greater wing, fossa
    for side, hand in pen.sides():
        base &= ~hand.tube([(24, 18, 440), (21, 17, 456)], 2.8)  # carotid canal
        base &= ~hand.tube([(34, 24, 440), (33, 30, 456)], 4.2)  # jugular foramen
        masks[f"styloid_process_{side}"] = hand.tube([(44, 32, 442), (36, 22, 416)], [2.4, 1.4])
        masks[f"cavernous_sinus_{side}"] = hand.ellipsoid((13, 12, 464), (5, 9, 6)) & ~clivus
    masks["clivus"] = clivus & ~canal
    masks["skull_base"] = base & ~canal & ~masks["mandible"]
    sinus = pen.ellipsoid((0, 0, 462), (13, 11, 9))
    masks["sphenoid_sinus"] = sinus & ~clivus
    masks["skull_base"] |= pen.ellipsoid((0, 0, 461), (16, 14, 12)) & ~sinus
    masks["brain"] = inner & ~masks["skull_base"] & ~sinus
    masks["skull_base"] &= ~masks["nasopharynx"]


def _draw_face(pen: Pen, masks: Masks) -> None:
    """Maxilla around its sinus, pterygoid plates, nose, zygomatic arch."""
    face = masks["upper_alveolar_ridge"] | masks["hard_palate"]
    nose_wall = pen.canvas.empty()
    for side, hand in pen.sides():
        rows = [
            (418, 23, -26, 7, 12),
            (430, 26, -29, 12, 17),
            (444, 27, -31, 14, 18),
            (456, 25, -32, 11, 15),
            (460, 24, -32, 7, 9),
        ]
        sinus = hand.loft(rows, power=2.4)
        shell = hand.loft(
            [(z, x, y, a + 2.6, b + 2.6) for z, x, y, a, b in [(415.5, *rows[0][1:]), *rows, (463, *rows[4][1:])]],
            power=2.4,
        )
        masks[f"maxillary_sinus_{side}"] = sinus & ~face
        nose = hand.loft(
            [(419, 6.5, -29, 4.5, 33), (436, 7.5, -28, 5.5, 34), (450, 6, -28, 4, 28), (462, 4, -26, 2.2, 20)],
            power=3.0,
        )
        concha = hand.tube([(10, -44, 426), (10, -12, 427)], 3.4) | hand.tube([(9, -40, 440), (9, -12, 441)], 2.8)
        masks[f"nasal_cavity_{side}"] = nose & ~concha & ~sinus & ~masks["nasopharynx"]
        nose_wall |= concha & nose
        face |= shell & ~sinus & ~nose
        plates = hand.wall([(14, -8, 418, 446, 1.6), (12, 3, 420, 446, 1.4)]) | hand.wall(
            [(17, -9, 418, 446, 1.8), (23, 4, 420, 446, 1.6)]
        )
        masks[f"pterygoid_plate_{side}"] = plates & ~sinus & ~masks["nasopharynx"]
        face |= masks[f"pterygoid_plate_{side}"]
        arch = hand.tube([(40, -40, 446), (56, -26, 446), (63, -4, 448), (62, 18, 449)], [5.0, 3.4, 2.6, 3.0])
        masks[f"zygomatic_arch_{side}"] = arch & ~sinus
        face |= masks[f"zygomatic_arch_{side}"]
        masks[f"auditory_canal_{side}"] = hand.tube([(46, 36, 446), (72, 34, 446)], 3.0) & masks["body"]
    masks["nasal_conchae"] = nose_wall
    masks["_face"] = np.asarray(face)
