"""Variants of anatomy, drawn into a body before its tumor. Places in the frame's millimeters.

Shares in the population: right subclavian artery from the arch's end 0.5-2% (Polguj 2014, Surg Radiol Anat 36), azygos
lobe 0.4-1% (Mata 1991, AJR 156), replaced right hepatic artery 10% (Michels 1966), accessory spleen 10-30%, left renal
vein behind the aorta 2-3%, horseshoe kidney 0.2%, one kidney 0.1%. A variant takes its room from what gives way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from models.synthetic.abdomen_pen import AbdomenPen
from models.synthetic.abdominal_vessels import REPLACED_RIGHT_HEPATIC, VARIANTS
from models.synthetic.canvas import Canvas
from models.synthetic.features.measured import gland_volumes
from models.synthetic.features.scene import SIDES
from models.synthetic.frame import Masks
from models.synthetic.plan import PatientPlan
from models.synthetic.trunk_pen import TrunkPen
from oncology.findings import Point
from oncology.imaging.region import bounding_box, grown

# What keeps its place when a variant needs room; a star at the end for any ending.
KEEPS = (
    "aorta", "inferior_vena_cava", "superior_vena_cava", "portal_vein", "superior_mesenteric_*", "celiac_trunk",
    "common_hepatic_artery", "splenic_vein", "trachea", "airway_wall", "larynx_air", "esophagus", "common_carotid_*",
    "internal_jugular_*", "cricoid_cartilage", "thyroid_cartilage", "vertebrae_*", "spine", "spinal_*", "sacrum",
    "hip_*", "hyoid", "main_bronchus_*", "heart", "pulmonary_artery", "iliopsoas_*", "quadratus_lumborum_*",
    "internal_oblique_*",
)  # fmt: skip
WHOLE = frozenset(("body", "muscle", "abdominal_cavity", "below_diaphragm", "mediastinum", "chest_wall", "larynx"))
SUBCLAVIAN: tuple[Point, ...] = (
    (29, 22, 210), (20, 40, 220), (6, 46, 233), (-10, 43, 246), (-28, 26, 262), (-56, 8, 282), (-88, 0, 268),
    (-118, 2, 244),
)  # fmt: skip
SUBCLAVIAN_RADII = (6.5, 5.8, 5.2, 5.0, 5.0, 4.8, 4.2, 3.8)
AZYGOS: tuple[Point, ...] = (
    (-15, 52, 172), (-24, 50, 190), (-38, 38, 204), (-42, 20, 208), (-40, 4, 202), (-34, -8, 190),
)  # fmt: skip
ISTHMUS: tuple[Point, ...] = ((64, 42, -78), (44, 28, -92), (22, 12, -97), (0, 8, -98), (-24, 13, -98), (-48, 30, -96),
                              (-68, 44, -90))  # fmt: skip
ISTHMUS_RADII = (19.0, 16.0, 12.5, 11.0, 12.5, 16.0, 19.0)
RETROAORTIC: tuple[Point, ...] = (
    (28, 34, -26),
    (21, 43, -32),
    (13, 49, -38),
    (2, 49, -43),
    (-10, 44, -46),
    (-18, 36, -46),
)
ACCESSORY_SPLEEN: Point = (74.0, 22.0, 2.0)
BLADDER: tuple[Point, Point] = ((0.0, -24.0, -252.0), (50.0, 42.0, 62.0))
IN_THE_LUNG = ("lung_", "fissure_", "bronchus_", "lobar_bronchi", "airway_wall")
SHELL_MM, OLD_DOME_MM = 3.0, 9.0  # the diaphragm's thickness; how far below the old dome muscle and fat become liver
RAISED_MM, LARGER, GOITER_MM = 30.0, 1.14, (5.0, 9.0)
REGROWN_MM = 9.0  # how far a gland grows at most


@dataclass(frozen=True)
class Body:
    """A body that a variant is drawn into."""

    plan: PatientPlan
    canvas: Canvas
    masks: Masks
    random: np.random.Generator

    @property
    def pen(self) -> TrunkPen:
        """Of the trunk."""
        return TrunkPen(self.canvas, self.plan.build)

    @property
    def abdomen(self) -> AbdomenPen:
        """Of what lies before the spine below the diaphragm."""
        return AbdomenPen(self.canvas, self.plan.build)

    def kept(self) -> np.ndarray:
        """Voxels (Z, Y, X) that give no way."""
        fixed = tuple(name[:-1] for name in KEEPS if name.endswith("*"))
        names = [name for name in self.masks if name in KEEPS or name.startswith(fixed)]
        return np.asarray(np.logical_or.reduce([self.masks[name] for name in names]) | ~self.masks["body"])

    def insert(self, name: str, shape: np.ndarray) -> None:
        """Adds a shape to a structure where nothing keeps its place; all else but what holds it gives way."""
        room = shape & ~self.kept()
        for other, mask in self.masks.items():
            if other not in WHOLE and other != name:
                mask &= ~room
        self.masks[name] = room | self.masks.get(name, False)

    def removed(self, *names: str) -> None:
        """Takes structures away."""
        for name in names:
            self.masks.pop(name, None)


def _aberrant_right_subclavian(body: Body) -> None:
    """The artery leaves the end of the arch and runs to the right behind the esophagus."""
    artery = body.canvas.empty()
    body.pen.tube(artery, SUBCLAVIAN, SUBCLAVIAN_RADII)
    body.removed("subclavian_artery_right")
    body.insert("subclavian_artery_right", artery)


def _azygos_lobe(body: Body) -> None:
    """The arch of the vein lies out in the right upper lobe, at the bottom of a fissure of its own."""
    vein, lung = body.canvas.empty(), body.masks["lung_right"].copy()
    body.pen.tube(vein, AZYGOS, (4.3, 4.8, 5.0, 5.0, 5.0, 5.0))
    z, y, x = (axis / body.plan.build.scale for axis in body.canvas.axes())
    half = 0.36 * body.canvas.geometry.spacing_mm[0] / body.plan.build.scale
    sheet = -42.0 + 0.02 * (y - 20.0) ** 2 + 0.12 * (z - 206.0)
    body.masks["fissure_right"] |= lung & (np.abs(x - sheet) <= half) & (z > 204.0) & (y > -10.0) & (y < 50.0)
    body.insert("azygos_vein", vein)


def _elevated_right_diaphragm(body: Body) -> None:
    """The liver reaches up below a raised right dome; what of the lung was there is gone."""
    lung, spacing = body.masks["lung_right"], body.canvas.geometry.spacing_mm[0]
    rows = np.arange(lung.shape[0])[:, None, None]
    lowest = np.where(lung.any(axis=0), lung.argmax(axis=0), lung.shape[0])[None]
    y, x = (axis / body.plan.build.scale for axis in body.canvas.axes()[1:])
    high = RAISED_MM * np.exp(-(((x + 72.0) / 52.0) ** 2) - ((y - 20.0) / 70.0) ** 2)
    top = lowest + np.round(high * body.plan.build.scale / spacing)
    parts = [name for name in body.masks if name.startswith(IN_THE_LUNG)]
    filled = np.logical_or.reduce([lung, *(body.masks[name] for name in parts if not name.endswith("left"))])
    risen = filled & (rows >= lowest) & (rows < top)
    shell = risen & (rows >= top - max(1, round(SHELL_MM / spacing)))
    old = risen.any(axis=0) & (rows < lowest) & (rows >= lowest - round(OLD_DOME_MM / spacing))
    old &= body.masks["diaphragm"] | body.masks.get("torso_fat", False)
    for name in [*parts, *({"diaphragm", "torso_fat"} & set(body.masks))]:
        body.masks[name] &= ~(risen | old)
    body.masks["diaphragm"] |= shell
    body.masks["below_diaphragm"] |= risen
    body.masks["liver"] = body.masks.get("liver", body.canvas.empty()) | (risen & ~shell) | old
    body.masks["mediastinum"] &= ~risen


def _goiter(body: Body) -> None:
    """Both lobes and the isthmus grow into the soft tissue around them."""
    gland, spacing = body.masks["thyroid_gland"], body.canvas.geometry.spacing_mm
    box = grown(bounding_box(gland), body.canvas.geometry, GOITER_MM[1] + 2.0)
    apart = ndimage.distance_transform_edt(~gland[box], sampling=spacing)
    large = body.canvas.empty()
    large[box] = apart <= body.random.uniform(*GOITER_MM)
    body.insert("thyroid_gland", large)


def _replaced_right_hepatic(body: Body) -> None:
    """Behind the portal vein to the right lobe."""
    artery: Masks = {}
    body.abdomen.add(artery, REPLACED_RIGHT_HEPATIC, *VARIANTS[REPLACED_RIGHT_HEPATIC])
    body.insert(REPLACED_RIGHT_HEPATIC, artery[REPLACED_RIGHT_HEPATIC])


def _accessory_spleen(body: Body) -> None:
    """A ball of 10 to 20 mm beside the hilum."""
    ball, radius = body.canvas.empty(), float(body.random.uniform(6.0, 10.0))
    body.abdomen.ellipsoid(ball, ACCESSORY_SPLEEN, (radius, radius, radius))
    body.insert("accessory_spleen", ball & ~body.masks.get("pancreas", body.canvas.empty()))


def _retroaortic_left_renal_vein(body: Body) -> None:
    """From the left hilum behind the aorta to the vena cava; the front of the vertebra is flattened there."""
    old = body.masks["renal_vein_left"]
    vein = old & (body.canvas.axes()[2] / body.plan.build.scale > 26.0)
    body.abdomen.tube(vein, RETROAORTIC, (4.2, 4.0, 3.2, 3.0, 3.2, 4.0))
    for name, mask in body.masks.items():
        if name.startswith("vertebrae_") or name in ("spine", "intervertebral_discs"):
            mask &= ~vein
    body.removed("renal_vein_left")
    body.insert("renal_vein_left", vein)


def _horseshoe_kidney(body: Body) -> None:
    """An isthmus before the aorta below the inferior mesenteric artery's origin."""
    bridge = body.canvas.empty()
    body.pen.tube(bridge, ISTHMUS, ISTHMUS_RADII)
    left = body.canvas.axes()[2] > 0
    for side, half in (("left", left), ("right", ~left)):
        body.insert(f"kidney_{side}", bridge & half)


def _absent_left_kidney(body: Body) -> None:
    """Fat in its place; the right one is larger."""
    body.masks["torso_fat"] |= body.masks["kidney_left"]
    body.removed("kidney_left", "renal_vein_left", "renal_artery_left")
    right = body.masks["kidney_right"]
    z, y, x = (float(value) for value in np.argwhere(right).mean(axis=0))
    box = grown(bounding_box(right), body.canvas.geometry, 20.0)
    corner = np.array([side.start for side in box])
    middle = np.array([z, y, x]) - corner
    part = right[box].astype(np.float32)
    large = body.canvas.empty()
    large[box] = ndimage.affine_transform(part, np.eye(3) / LARGER, middle * (1.0 - 1.0 / LARGER), order=1) > 0.5
    body.insert("kidney_right", large & ~body.masks.get("liver", body.canvas.empty()))
    if "renal_arteries" in body.masks and "renal_artery_right" in body.masks:
        body.masks["renal_arteries"] = body.masks["renal_artery_right"].copy()


def _full_bladder(body: Body) -> None:
    """Some 500 ml: its dome pushes the bowel up."""
    full = body.canvas.empty()
    body.pen.ellipsoid(full, *BLADDER)
    body.insert("urinary_bladder", full)


def _gland_sizes(body: Body) -> None:
    """Parotid and submandibular glands of volumes as in real patients; a small one leaves fat."""
    for gland, volume in gland_volumes().items():
        for side, wanted_ml in zip(SIDES, volume.draw_ml(body.random), strict=True):
            name = f"{gland}_{side}"
            old = body.masks[name].copy()
            room = body.masks["muscle"] & (~body.kept() | old)
            new = _of_volume(old, room, wanted_ml, body)
            body.masks["neck_fat"] |= old & ~new
            body.masks[name] = new
            body.insert(name, new)


def _of_volume(mask: np.ndarray, room: np.ndarray, wanted_ml: float, body: Body) -> np.ndarray:
    """The mask grown or shrunk evenly to a volume, (Z, Y, X) bool within `room`; of equally far voxels any."""
    grid = body.canvas.geometry
    box = grown(bounding_box(mask), grid, REGROWN_MM)
    part = np.pad(mask[box], 1)
    inside, outside = (ndimage.distance_transform_edt(one, sampling=grid.spacing_mm) for one in (part, ~part))
    apart = (outside - inside)[1:-1, 1:-1, 1:-1]
    apart += 0.2 * grid.spacing_mm[0] * body.random.random(apart.shape)
    apart[~room[box]] = np.inf
    count = min(round(wanted_ml / grid.voxel_ml), int(np.isfinite(apart).sum()))
    sized = body.canvas.empty()
    sized[box] = apart <= np.partition(apart.ravel(), count - 1)[count - 1]
    return sized


DRAWN: Mapping[str, Callable[[Body], None]] = {
    "aberrant-right-subclavian": _aberrant_right_subclavian,
    "azygos-lobe": _azygos_lobe,
    "elevated-right-diaphragm": _elevated_right_diaphragm,
    "goiter": _goiter,
    "gland-sizes": _gland_sizes,
    "replaced-right-hepatic": _replaced_right_hepatic,
    "accessory-spleen": _accessory_spleen,
    "retroaortic-left-renal-vein": _retroaortic_left_renal_vein,
    "horseshoe-kidney": _horseshoe_kidney,
    "absent-left-kidney": _absent_left_kidney,
    "full-bladder": _full_bladder,
}
