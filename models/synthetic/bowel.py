"""Stomach, duodenum, small bowel and colon, each with wall, lumen and gas."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.synthetic.abdomen_pen import AbdomenPen
from models.synthetic.frame import Masks
from models.synthetic.trunk_pen import filled_box
from oncology.findings import Point

Rings = Sequence[tuple[Point, float]]
STOMACH: Rings = (
    ((47, 10, 54), 24.0), ((53, -3, 42), 27.0), ((57, -20, 20), 25.5), ((56, -33, -2), 23.0), ((40, -44, -24), 19.0),
    ((16, -46, -35), 15.0), ((-8, -41, -27), 11.5), ((-22, -33, -14), 7.5),
)  # fmt: skip
CARDIA: Rings = (((25, 22, 22), 7.6), ((35, 12, 30), 9.0), ((46, 2, 38), 11.0))
DUODENUM: Rings = (
    ((-22, -33, -14), 8.0), ((-34, -26, -7), 11.5), ((-46, -13, -8), 11.0), ((-54, 2, -20), 10.5),
    ((-55.5, 7, -36), 10.5),
    ((-54, 9, -54), 10.5), ((-44, 11, -68), 10.5), ((-24, 11.5, -74), 9.5), ((4, 13.5, -70), 8.0), ((20, 15, -64), 9.5),
    ((28, 10, -50), 9.5), ((28, 2, -40), 9.5),
)  # fmt: skip
COLON: Rings = (
    ((-78, 0, -176), 19.0), ((-84, 6, -152), 21.0), ((-90, 12, -122), 19.0), ((-94, 14, -96), 18.0),
    ((-90, 4, -78), 18.0),
    ((-68, -26, -76), 17.0), ((-40, -48, -80), 17.0), ((0, -55, -88), 16.0), ((40, -52, -76), 16.0),
    ((74, -32, -46), 16.0),
    ((94, -6, -16), 16.5), ((102, 14, -10), 15.5), ((102, 20, -36), 14.5), ((101, 20, -80), 14.0),
    ((98, 18, -130), 13.5),
    ((88, 14, -172), 13.0), ((64, 4, -200), 13.5), ((34, 22, -214), 14.0), ((18, 48, -226), 14.5),
    ((4, 62, -252), 17.0),
    ((0, 66, -290), 18.0), ((0, 54, -318), 12.0),
)  # fmt: skip
WALL_MM = {"stomach": 4.5, "duodenum": 2.6, "small_bowel": 2.2, "colon": 2.2}
GAS = {"stomach": 0.45, "colon": 0.62, "duodenum": 0.2}  # share of the lumen's depth, from the front
HAUSTRA = 0.11
LOOP_ROWS_Y = (-52.0, -29.0, -6.0, 16.0)
LOOP_X = 70.0
LOOP_TOP, LOOP_BOTTOM = -52.0, -218.0
ROOT_Z, ROOT_Y, ROOT_X = -92.0, -35.0, 34.0
FLEXURE: Point = (28.0, 2.0, -40.0)  # where the duodenum ends
ILEUM_END: Point = (-62.0, 0.0, -168.0)


def draw_stomach(pen: AbdomenPen, masks: Masks) -> None:
    """Adds `stomach` with wall, lumen and gas; it widens with filling."""
    random = np.random.default_rng([pen.build.seed, 51])
    fill = float(random.uniform(0.8, 1.04))
    last = len(STOMACH) - 1
    rings = [(p, r * (fill if 0 < n < last else 1.0)) for n, (p, r) in enumerate(STOMACH)]
    _hollow(pen, masks, "stomach", (rings, CARDIA))


def draw_duodenum(pen: AbdomenPen, masks: Masks) -> None:
    """Adds the duodenum's loop around the head of the pancreas; the gland has the right of way."""
    factor = pen.size("duodenum")
    _hollow(pen, masks, "duodenum", ([(point, radius * factor) for point, radius in DUODENUM],))


def draw_colon(pen: AbdomenPen, masks: Masks) -> None:
    """Adds the colon with haustra, from the cecum to the rectum."""
    random = np.random.default_rng([pen.build.seed, 52])
    wide = pen.size("colon", 0.1)
    points, radii = np.array([point for point, _ in COLON], float), np.array([radius for _, radius in COLON])
    fine = np.linspace(0, len(COLON) - 1, 4 * len(COLON))
    known = np.arange(len(COLON))
    path = [np.interp(fine, known, points[:, axis]) for axis in range(3)]
    waves = 1.0 + HAUSTRA * np.sin(2.4 * np.arange(len(fine)) + random.uniform(0, 6.3))
    size = np.interp(fine, known, radii) * waves * wide
    rings = [((float(x), float(y), float(z)), float(r)) for x, y, z, r in zip(*path, size, strict=True)]
    _hollow(pen, masks, "colon", (rings,), steps=2)


def draw_small_bowel(pen: AbdomenPen, masks: Masks) -> None:
    """Adds loops that fill what is left in front of the spine below the stomach; a fat body has fewer of them."""
    random = np.random.default_rng([pen.build.seed, 53])
    apart = 25.0 + 0.22 * pen.build.fat_mm
    points: list[Point] = [FLEXURE]
    turn = -1.0
    for level in np.arange(LOOP_TOP, LOOP_BOTTOM, -apart):
        rows = LOOP_ROWS_Y if turn > 0 else LOOP_ROWS_Y[::-1]
        for row, y in enumerate(rows):
            line = np.linspace(-LOOP_X, LOOP_X, 5) * (turn if row % 2 == 0 else -turn)
            wiggle = random.normal(0.0, 5.0, (len(line), 3))
            if level > ROOT_Z and y > ROOT_Y:  # beside the head of the pancreas and the duodenum, not over them
                line = np.linspace(max(line[0], ROOT_X), max(line[-1], ROOT_X), 5)
            points += [
                (float(x + a), float(y + b), float(level + c)) for x, (a, b, c) in zip(line, wiggle, strict=True)
            ]
        turn = -turn
    points.append(ILEUM_END)
    radii = random.uniform(8.5, 12.5, len(points))
    _hollow(pen, masks, "small_bowel", (list(zip(points, radii.tolist(), strict=True)),), steps=3)


def _hollow(pen: AbdomenPen, masks: Masks, name: str, parts: Sequence[Rings], steps: int = 4) -> None:
    """Adds an organ and its lumen, a tube thinner by the wall."""
    whole, lumen = pen.mask(masks, name), pen.mask(masks, f"{name}_lumen")
    for rings in parts:
        points = [point for point, _ in rings]
        pen.tube(whole, points, [radius for _, radius in rings], steps)
        pen.tube(lumen, points, [max(radius - WALL_MM[name], 1.0) for _, radius in rings], steps)


def finish_lumens(pen: AbdomenPen, masks: Masks) -> None:
    """Keeps each lumen inside its organ, and adds its wall and the gas in front."""
    for name in WALL_MM:
        if name not in masks:
            continue
        whole, lumen = masks[name], masks[f"{name}_lumen"]
        lumen &= _inner(whole)
        masks[f"{name}_wall"] = whole & ~lumen
        if name in GAS:
            masks[f"{name}_gas"] = _gas(pen, lumen, GAS[name], name)


def _inner(mask: np.ndarray) -> np.ndarray:
    """The mask without its outermost voxels."""
    box = filled_box(mask, 1)
    part = mask[box]
    inner = part.copy()
    for axis in range(3):
        for step in (-1, 1):
            inner &= np.roll(part, step, axis)
    kept = np.zeros_like(mask)
    kept[box] = inner
    return kept


def _gas(pen: AbdomenPen, lumen: np.ndarray, share: float, name: str) -> np.ndarray:
    """What floats: the front of the lumen above one level per pool of 60 mm along x and z."""
    gas = np.zeros_like(lumen)
    box = filled_box(lumen)
    part = lumen[box]
    if not part.any():
        return gas
    random = np.random.default_rng([pen.build.seed, *name.encode()])
    step = pen.canvas.geometry.spacing_mm[0]
    front, back = part.argmax(axis=1), part.shape[1] - 1 - part[:, ::-1].argmax(axis=1)
    pool = max(1, int(60.0 / step))
    rows = np.arange(part.shape[1])[None, :, None]
    found = np.zeros_like(part)
    for z in range(0, part.shape[0], pool):
        for x in range(0, part.shape[2], pool):
            here = (slice(z, z + pool), slice(None), slice(x, x + pool))
            used = part[here].any(axis=1)
            if used.any():
                low, high = front[here[0], here[2]][used].min(), back[here[0], here[2]][used].max()
                level = low + (high - low) * share * random.uniform(0.4, 1.3)
                found[here] = part[here] & (rows < level)
    gas[box] = found
    return gas
