"""A thorax from the lower neck to the upper abdomen, in TotalSegmentator's names.

Proportions follow adult CT anatomy (trachea 18-20 mm wide, carina near T5, aortic arch left of it, right main bronchus
shorter and steeper than the left). Everything is scaled and shaken by the patient's own numbers.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from models.synthetic.canvas import Canvas, curve, smooth_noise
from models.synthetic.frame import CARINA, Build, Masks
from oncology.findings import Point


def draw_thorax(canvas: Canvas, build: Build) -> Masks:
    """All structures as masks; they may overlap, later ones in `ORDER` win when tissue is assigned."""
    random = np.random.default_rng(build.seed)
    masks: Masks = {}
    wobble = smooth_noise(canvas.shape, 24.0, random)
    masks["body"] = _body(canvas, build, 0.0)
    masks["muscle"] = _body(canvas, build, build.fat_mm)
    cavity = _cavity(canvas, build)
    _spine_and_ribs(canvas, build, masks, cavity)
    _great_vessels(canvas, build, masks)
    _airway(canvas, build, masks)
    _abdomen(canvas, build, masks, cavity)
    _lungs(canvas, build, masks, cavity, wobble)
    masks["mediastinum"] = _mediastinum(canvas, masks, cavity)
    _lung_vessels(canvas, build, masks, random)
    return masks


def _scaled(build: Build, *points: Point) -> list[Point]:
    return [(x * build.scale, y * build.scale, z * build.scale) for x, y, z in points]


def _body(canvas: Canvas, build: Build, shrink: float) -> np.ndarray:
    """A superellipse in every slice, narrowing to the neck at the top."""
    z, y, x = canvas.axes()
    s = build.scale
    neck = 1.0 / (1.0 + np.exp(-(z / s - 285.0) / 9.0))
    half_width = (168.0 * (1 - neck) + 66.0 * neck) * s - shrink
    half_depth = (112.0 * (1 - neck) + 64.0 * neck) * s - shrink
    return np.abs(x / half_width) ** 2.4 + np.abs((y - 12.0 * s) / half_depth) ** 2.4 <= 1.0


def _cavity(canvas: Canvas, build: Build) -> np.ndarray:
    """The inside of the rib cage: an ellipse that closes towards the apex."""
    z, y, x = canvas.axes()
    s = build.scale
    height = np.clip((275.0 - z / s) / 130.0, 0.0, 1.0)
    width = 126.0 * s * height**0.42
    depth = 84.0 * s * height**0.36
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = (np.abs(x) / width) ** 2.2 + (np.abs(y - 8.0 * s) / depth) ** 2.2 <= 1.0
    return inside & (z / s < 275.0)


def _spine_and_ribs(canvas: Canvas, build: Build, masks: Masks, cavity: np.ndarray) -> None:
    s = build.scale
    spine = canvas.tube(_scaled(build, (0, 84, -10), (0, 88, 120), (0, 78, 230), (0, 62, 330)), 17.0 * s)
    canal = canvas.tube(_scaled(build, (0, 106, -10), (0, 110, 120), (0, 100, 230), (0, 84, 330)), 8.0 * s)
    arch = canvas.tube(_scaled(build, (0, 102, -10), (0, 106, 120), (0, 96, 230), (0, 78, 330)), 12.0 * s)
    masks["spine"] = (spine | arch) & ~canal & masks["body"]
    masks["spinal_cord"] = canal & masks["body"]
    shell = ndimage.binary_dilation(cavity, iterations=max(1, round(7.0 * s / canvas.geometry.spacing_mm[0]))) & ~cavity
    z, y, x = canvas.axes()
    slope = (y - 60.0 * s) * 0.55 + np.abs(x) * 0.12  # ribs fall from back to front
    band = ((z + slope) / s) % 27.0
    masks["ribs"] = shell & (band < 9.0) & (z / s < 268.0) & masks["muscle"]
    masks["sternum"] = (np.abs(x) < 17.0 * s) & (np.abs(y + 80.0 * s) < 6.0 * s) & (z / s > 95.0) & (z / s < 235.0)
    masks["chest_wall"] = masks["body"] & ~cavity & (z / s < 275.0)


def _great_vessels(canvas: Canvas, build: Build, masks: Masks) -> None:
    s = build.scale
    paths = {
        "aorta": (
            curve(
                _scaled(
                    build,
                    (-6, -18, 112),
                    (-20, -26, 150),
                    (-14, -20, 185),
                    (8, -4, 205),
                    (24, 24, 200),
                    (28, 46, 175),
                    (26, 56, 100),
                    (16, 56, -5),
                )
            ),
            13.0 * s,
        ),
        "superior_vena_cava": (_scaled(build, (-28, -12, 120), (-32, -14, 160), (-30, -16, 205)), 9.0 * s),
        "pulmonary_artery": (
            curve(_scaled(build, (8, -40, 120), (18, -32, 150), (24, -8, 162), (44, 10, 158))),
            11.0 * s,
        ),
        "pulmonary_artery_right": (curve(_scaled(build, (20, -22, 152), (-8, -10, 150), (-44, 2, 148))), 9.5 * s),
        "brachiocephalic_trunk": (_scaled(build, (-4, -14, 205), (-18, -14, 235), (-26, -10, 275)), 6.0 * s),
        "common_carotid_artery_left": (_scaled(build, (8, -6, 212), (18, 0, 250), (24, 8, 320)), 4.0 * s),
        "subclavian_artery_left": (_scaled(build, (20, 8, 212), (36, 14, 250), (80, 10, 272)), 4.5 * s),
        "brachiocephalic_vein_left": (_scaled(build, (-28, -18, 205), (10, -28, 222), (36, -14, 262)), 6.5 * s),
        "azygos_vein": (_scaled(build, (-14, 56, 20), (-14, 58, 160), (-20, 40, 180), (-28, 0, 178)), 4.0 * s),
        "esophagus": (_scaled(build, (14, 40, 30), (6, 44, 110), (4, 40, 170), (4, 36, 250), (2, 34, 330)), 7.5 * s),
    }
    for name, (path, radius) in paths.items():
        masks[name] = canvas.tube(path, radius)
    masks["pulmonary_artery"] |= masks.pop("pulmonary_artery_right")
    center, radii = _scaled(build, (18.0, -28.0, 92.0), (54.0, 44.0, 46.0))
    masks["heart"] = canvas.ellipsoid(center, radii)


def _airway(canvas: Canvas, build: Build, masks: Masks) -> None:
    s = build.scale
    top, carina = _scaled(build, (0, -2, 330), CARINA)
    right, left = _scaled(build, (-34, 16, 146), (46, 18, 138))
    masks["trachea"] = canvas.tube([top, carina], 9.5 * s)
    masks["main_bronchus_right"] = canvas.tube([carina, right], [8.0 * s, 7.0 * s])
    masks["main_bronchus_left"] = canvas.tube([carina, left], [7.5 * s, 6.0 * s])
    branches = canvas.empty()
    for start, ends in (
        (right, ((-70, -14, 186), (-66, -30, 130), (-64, 40, 96))),
        (left, ((84, -12, 180), (80, 38, 90))),
    ):
        for end in ends:
            branches |= canvas.tube([start, *_scaled(build, end)], [5.0 * s, 2.2 * s])
    masks["lobar_bronchi"] = branches
    wall = canvas.tube([top, carina], 11.5 * s) | canvas.tube([carina, right], 9.8 * s)
    wall |= canvas.tube([carina, left], 9.0 * s)
    masks["airway_wall"] = wall & ~(masks["trachea"] | masks["main_bronchus_left"] | masks["main_bronchus_right"])


def _abdomen(canvas: Canvas, build: Build, masks: Masks, cavity: np.ndarray) -> None:
    """Diaphragm domes with what lies below: liver right, stomach and spleen left."""
    z, y, x = canvas.axes()
    s = build.scale
    domes = []
    for center, height in ((-62.0, 78.0), (66.0, 64.0)):
        away = ((x / s - center) / 88.0) ** 2 + ((y / s - 4.0) / 92.0) ** 2
        domes.append(z / s < height * (1.0 - 0.75 * np.minimum(away, 1.2)) + 4.0)
    below = (np.where(x < 4.0 * s, domes[0], domes[1])) & cavity
    masks["below_diaphragm"] = below
    deep = ndimage.binary_erosion(
        below, iterations=max(1, round(3.0 * s / canvas.geometry.spacing_mm[0])), border_value=1
    )
    masks["liver"] = deep & (x < 18.0 * s)
    stomach_center, stomach_radii, spleen_center, spleen_radii = _scaled(
        build, (52.0, -14.0, 24.0), (34.0, 40.0, 34.0), (86.0, 52.0, 26.0), (24.0, 30.0, 34.0)
    )
    masks["stomach"] = canvas.ellipsoid(stomach_center, stomach_radii) & deep
    masks["spleen"] = canvas.ellipsoid(spleen_center, spleen_radii) & deep & ~masks["stomach"]


def _lungs(canvas: Canvas, build: Build, masks: Masks, cavity: np.ndarray, wobble: np.ndarray) -> None:
    """What is left of the cavity beside the mediastinum and above the diaphragm, with lobes by their fissures."""
    z, y, x = canvas.axes()
    s = build.scale
    half = (26.0 + 10.0 * np.exp(-(((z / s - 150.0) / 40.0) ** 2)) - 6.0 * (y / s > 60.0)) * s + 1.5 * wobble
    around = ndimage.binary_dilation(masks["heart"], iterations=max(1, round(4.0 / canvas.geometry.spacing_mm[0])))
    solid = around | masks["spine"] | masks["below_diaphragm"]
    for name in (
        "aorta",
        "superior_vena_cava",
        "pulmonary_artery",
        "trachea",
        "main_bronchus_left",
        "main_bronchus_right",
    ):
        solid |= masks[name]
    free = cavity & ~solid & ~masks["airway_wall"]
    oblique = z / s < 118.0 + 0.75 * (y / s) + 4.0 * wobble
    horizontal = z / s > 132.0 + 3.0 * wobble
    for side, here in (("left", x > half), ("right", x < -half)):
        lung = free & here
        masks[f"lung_{side}"] = lung
        masks[f"lung_lower_lobe_{side}"] = lung & oblique
    masks["lung_upper_lobe_left"] = masks["lung_left"] & ~oblique
    masks["lung_middle_lobe_right"] = masks["lung_right"] & ~oblique & ~horizontal
    masks["lung_upper_lobe_right"] = masks["lung_right"] & ~oblique & horizontal


def _mediastinum(canvas: Canvas, masks: Masks, cavity: np.ndarray) -> np.ndarray:
    return cavity & ~(masks["lung_left"] | masks["lung_right"] | masks["below_diaphragm"])


def _lung_vessels(canvas: Canvas, build: Build, masks: Masks, random: np.random.Generator) -> None:
    """Arteries and veins that leave each hilum and branch twice on their way out."""
    drawn = canvas.empty()
    for hilum, side in (((-44.0, 2.0, 146.0), -1.0), ((48.0, 8.0, 150.0), 1.0)):
        start = _scaled(build, hilum)[0]
        for _ in range(16):
            middle = _towards(start, random, 42.0 * build.scale, side)
            drawn |= canvas.tube([start, middle], [3.6 * build.scale, 2.4 * build.scale])
            for _ in range(3):
                end = _towards(middle, random, 46.0 * build.scale, side)
                drawn |= canvas.tube([middle, end], [2.2 * build.scale, 0.9 * build.scale])
    masks["lung_vessels"] = drawn & (masks["lung_left"] | masks["lung_right"])


def _towards(start: Point, random: np.random.Generator, length: float, side: float) -> Point:
    way = random.standard_normal(3) * (0.5, 1.0, 1.2)
    way[0] = side * (0.4 + abs(way[0]))
    way *= length / np.linalg.norm(way)
    return (start[0] + float(way[0]), start[1] + float(way[1]), start[2] + float(way[2]))
