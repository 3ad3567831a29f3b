"""Body, lungs, airway, bones and their surroundings on a CT, from intensities and shape: the floor that always works.

Everything is found on a coarse copy in canonical axes and brought back to the given grid, so that orientation,
flips and slice thickness do not matter. What cannot be found is absent, and a verdict says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from oncology.errors import ImageError
from oncology.findings import Laterality, Point, Severity, Verdict
from oncology.imaging import shape
from oncology.imaging.airless import airless_parts
from oncology.imaging.airway import Airway, segment_airway
from oncology.imaging.body import segment_body
from oncology.imaging.bone import segment_bones, segment_column
from oncology.imaging.cage import thin_bones
from oncology.imaging.canal import Canal, follow_canal
from oncology.imaging.coarse import Coarse, coarsen, occupancy, refine
from oncology.imaging.hemithorax import Chest, HalfLung, Midline, complete_lung
from oncology.imaging.lobe import lobe_probabilities
from oncology.imaging.lung import Sides, lung_air, part_sides
from oncology.imaging.thorax import find_surroundings
from oncology.imaging.volume import OBLIQUE_DEG, Geometry, Volume, canonical, resample, resample_axial

WHERE = "anatomy"
AIRLESS_LUNG = "airless_lung"
COARSE_MM = 2.0
BODY_MARGIN_MM = 10.0
OUTSIDE_HU = -1024
# Walls of trachea and large bronchi: not lung.
AIRWAY_WALL_MM = 2.0
# Bronchi wider than twice this are left out of the lung's air; what lies inside the lung is closed over again.
LARGE_BRONCHUS_MM = 2.5
# Bone inside the rib cage, more than this from its wall, is a calcification or contrast medium.
INSIDE_CAGE_MM = 5.0
NOTABLE_SOLID_ML = 10.0
SMALL_LUNG_ML = 500.0
# Heart and great vessels lie more on the left; this far to the right asks whether sides are mixed up.
HEART_RIGHT_MM = 8.0


@dataclass(frozen=True)
class Anatomy:
    """Structures of one CT.

    Attributes:
        masks: structure name -> (z, y, x) bool on the CT's grid; absent when not found.
        landmarks: name -> point; `carina`.
        verdicts: what is missing or doubtful.
        geometry: of the CT.
        airless: (z, y, x) bool, thick parts of the lungs without air, see airless.py; None where there are none.
    """

    masks: Mapping[str, np.ndarray]
    landmarks: Mapping[str, Point]
    verdicts: tuple[Verdict, ...]
    geometry: Geometry
    airless: np.ndarray | None = None


@dataclass
class _Finds:
    """What was found so far, on the coarse grid unless said otherwise."""

    coarse: Coarse
    body: np.ndarray
    canal: Canal | None = None
    airway: Airway | None = None
    soft: dict[str, np.ndarray] = field(default_factory=dict)  # occupancy or mask by structure
    verdicts: list[Verdict] = field(default_factory=list)

    def say(self, code: str, severity: Severity, message: str) -> None:
        """Add a verdict."""
        self.verdicts.append(Verdict(code, severity, message, WHERE))


def segment_anatomy(ct: Volume) -> Anatomy:
    """Find what can be found without a network.

    Args:
        ct: HU; any orientation, crop or slice thickness.
    Returns:
        Masks `body`, `lung_left`, `lung_right` (solid parts included, main bronchi and mediastinum not), `lung` (only
        where the side is unknown), `trachea`, `main_bronchus_left`, `main_bronchus_right`, `bones`, `spine`,
        `spinal_canal`, `mediastinum`, `chest_wall`, `diaphragm`; landmark `carina`; verdicts.
    Raises:
        ImageError: the volume has fewer than two voxels along an axis.
    """
    if min(ct.array.shape) < 2:
        raise ImageError(f"the CT has {ct.array.shape} voxels (z, y, x); expected at least 2 along every axis")
    oblique = ct.geometry.obliquity_deg() > OBLIQUE_DEG
    upright = canonical(resample_axial(ct, linear=True, fill=OUTSIDE_HU) if oblique else ct)
    finds = _find(upright)
    masks = _fine_masks(finds, upright.geometry)
    if oblique:
        masks = {
            name: resample(Volume(mask, upright.geometry), ct.geometry, linear=False, fill=0).array
            for name, mask in masks.items()
        }
    else:
        masks = {name: _turned(mask, upright.geometry, ct.geometry) for name, mask in masks.items()}
    carina = finds.airway.carina_lps if finds.airway else None
    airless = masks.pop(AIRLESS_LUNG, None)
    return Anatomy(masks, {"carina": carina} if carina else {}, tuple(finds.verdicts), ct.geometry, airless)


def give_back(anatomy: Anatomy, tumor: np.ndarray) -> Anatomy:
    """The anatomy with that part of a known tumor added to the lung it lies in.

    What the tumor takes of chest wall, mediastinum, bones and airway stays theirs.

    Args:
        tumor: (z, y, x) bool on the CT's grid.
    """
    others = ("chest_wall", "mediastinum", "spine", "bones", "trachea", "main_bronchus_left", "main_bronchus_right")
    free = tumor.copy()
    for name in others:
        if name in anatomy.masks:
            free &= ~anatomy.masks[name]
    spacing = anatomy.geometry.spacing_mm
    sides = [name for name in ("lung_left", "lung_right") if name in anatomy.masks]
    box = shape.bounding_box(tumor, 10.0, spacing)
    contact = {
        name: np.count_nonzero(shape.dilate(anatomy.masks[name][box], 3.0, spacing) & tumor[box]) for name in sides
    }
    if not any(contact.values()):
        return anatomy
    name = max(sides, key=lambda side: contact[side])
    other = [anatomy.masks[side] for side in sides if side != name]
    grown = anatomy.masks[name] | free
    grown = grown & ~other[0] if other else grown
    return replace(anatomy, masks={**anatomy.masks, name: grown})


def lobe_at(anatomy: Anatomy, point: Point) -> dict[str, float]:
    """Lobe name -> probability for a point (LPS); empty outside both lungs.

    A guess from the place in the lung, with honest spread; fissures are not looked for.
    """
    index = np.round(anatomy.geometry.to_index(np.array(point))).astype(int)
    if (index < 0).any() or (index >= anatomy.geometry.shape).any():
        return {}
    for side in (Laterality.LEFT, Laterality.RIGHT):
        mask = anatomy.masks.get(f"lung_{side}")
        if mask is not None and mask[tuple(index)]:
            low, high = _extent_lps(mask, anatomy.geometry)
            place = (np.array(point) - low) / np.maximum(high - low, 1e-6)
            cut = any(verdict.code == f"lung-{side}-cut" for verdict in anatomy.verdicts)
            return lobe_probabilities(side, float(place[2]), float(place[1]), cut=cut)
    return {}


def _extent_lps(mask: np.ndarray, geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Corners of the box, in patient axes, that holds a mask."""
    box = shape.bounding_box(mask, 0.0, geometry.spacing_mm)
    corners = np.array([[z, y, x] for z in (0, 1) for y in (0, 1) for x in (0, 1)])
    ends = np.array([[one.start, one.stop - 1] for one in box])
    world = geometry.to_lps(np.stack([ends[axis][corners[:, axis]] for axis in range(3)], axis=1))
    return world.min(axis=0), world.max(axis=0)


def _turned(mask: np.ndarray, given: Geometry, wanted: Geometry) -> np.ndarray:
    """A mask on the same voxels in another order of axes and directions."""
    turn = np.asarray(wanted.direction).T @ np.asarray(given.direction)
    order = [2 - int(np.abs(turn[2 - axis]).argmax()) for axis in range(3)]
    flips = [axis for axis in range(3) if turn[2 - axis, 2 - order[axis]] < 0]
    return np.ascontiguousarray(np.flip(mask.transpose(order), tuple(flips)))


def _find(ct: Volume) -> _Finds:
    """All structures of a canonical CT on its coarse copy."""
    whole = coarsen(ct, COARSE_MM)
    body = segment_body(whole.hu, whole.spacing_mm)
    box = shape.bounding_box(body, BODY_MARGIN_MM, whole.spacing_mm)
    finds = _Finds(whole.crop(box), body[box])
    if not body.any():
        finds.say("body-absent", Severity.ERROR, "no tissue was found in the CT; expected a patient in HU")
        return finds
    finds.soft["body"] = finds.body
    _find_axis(finds, ct)
    _find_chest(finds)
    return finds


def _find_axis(finds: _Finds, ct: Volume) -> None:
    """Spinal canal and airway."""
    hu, spacing = finds.coarse.hu, finds.coarse.spacing_mm
    finds.canal = follow_canal(hu, finds.body, spacing)
    if finds.canal is None:
        finds.say("spine-absent", Severity.WARNING, "no spinal canal was found; it may lie outside the field of view")
    finds.airway = segment_airway(ct, finds.coarse, finds.body, finds.canal)
    if finds.airway is None:
        finds.say("airway-absent", Severity.WARNING, "no trachea was found; it may lie outside the field of view")
    elif finds.airway.carina_lps is None:
        finds.say("carina-absent", Severity.WARNING, "the trachea was found, but not where it divides")


def _find_chest(finds: _Finds) -> None:
    """Lungs, bones and what lies around them."""
    coarse, canal = finds.coarse, finds.canal
    airway, central = _airway_with_walls(finds)
    air = lung_air(coarse.hu, finds.body, airway, canal, coarse.spacing_mm)
    midline = None if canal is None else Midline(canal.y, canal.x)
    sides = part_sides(air, coarse.hu, _midline_x(finds) if air.any() else None, coarse.spacing_mm)
    chest = Chest(coarse.hu, airway, central, thin_bones(coarse.hu, coarse.spacing_mm), midline, coarse.spacing_mm)
    left = complete_lung(chest, sides.left, sides.right, left=True)
    right = complete_lung(chest, sides.right, sides.left, left=False)
    right = replace(right, lung=right.lung & ~left.lung)
    _keep_lungs(finds, sides, left, right)
    spine = _keep_bones(finds, left.cavity | right.cavity)
    around = find_surroundings(finds.body, finds.soft["bones"], spine, left, right, midline, coarse.spacing_mm)
    for name, mask in (
        ("mediastinum", around.mediastinum),
        ("chest_wall", around.chest_wall),
        ("diaphragm", around.diaphragm),
    ):
        if mask is not None and mask.any():
            finds.soft[name] = mask
    if around.mediastinum is not None and midline is not None:
        _check_heart_side(finds, around.mediastinum, midline)


def _airway_with_walls(finds: _Finds) -> tuple[np.ndarray, np.ndarray]:
    """All large airways, and trachea and main bronchi alone, with their walls on the coarse grid."""
    airway, coarse = finds.airway, finds.coarse
    if airway is None:
        return np.zeros_like(finds.body), np.zeros_like(finds.body)
    central = airway.trachea.copy()
    for branch in (airway.main_bronchus_left, airway.main_bronchus_right):
        if branch is not None:
            central |= branch
    large = central | shape.open_(airway.lumen, LARGE_BRONCHUS_MM, airway.geometry.spacing_mm)
    walled = [
        shape.dilate(refine(mask, airway.geometry, coarse.geometry), AIRWAY_WALL_MM, coarse.spacing_mm)
        for mask in (large, central)
    ]
    return walled[0], walled[1]


def _midline_x(finds: _Finds) -> np.ndarray | None:
    """x per coarse slice of the spine, of the trachea where there is no spine, or beyond the side that is cut off."""
    if finds.canal is not None:
        return finds.canal.x
    extent = finds.coarse.hu.shape
    if finds.airway is not None:
        points = np.argwhere(finds.airway.trachea)
        center = finds.coarse.geometry.to_index(finds.airway.geometry.to_lps(points.mean(axis=0)))
        return np.full(extent[0], float(center[2]))
    cut_right, cut_left = finds.body[:, :, 0].any(), finds.body[:, :, -1].any()
    if cut_right == cut_left:
        return None
    side = Laterality.LEFT if cut_right else Laterality.RIGHT
    finds.say(
        "lung-side-inferred",
        Severity.WARNING,
        f"neither spine nor trachea is in the field of view; the skin lies on the patient's {side}, so lung found is "
        "taken for the lung of that side",
    )
    return np.full(extent[0], -1.0 if cut_right else float(extent[2]))


def _keep_lungs(finds: _Finds, sides: Sides, left: HalfLung, right: HalfLung) -> None:
    """Lung occupancies and their verdicts."""
    coarse = finds.coarse
    if sides.unknown.any():
        finds.soft["lung"] = occupancy(coarse.hu, sides.unknown)
        finds.say(
            "lung-side-unknown",
            Severity.WARNING,
            f"{coarse.ml(sides.unknown):.0f} ml of lung were found, but neither spine nor trachea nor a second lung "
            "to tell left from right by",
        )
        return
    for side, half in ((Laterality.LEFT, left), (Laterality.RIGHT, right)):
        if not half.lung.any():
            message = f"no inflated {side} lung was found: outside the field of view, removed or collapsed"
            finds.say(f"lung-{side}-absent", Severity.WARNING, message)
            continue
        finds.soft[f"lung_{side}"] = occupancy(coarse.hu, half.lung)
        _judge_lung(finds, side, half)
    finds.soft[AIRLESS_LUNG] = airless_parts(coarse.hu, left.lung | right.lung, coarse.spacing_mm)


def _judge_lung(finds: _Finds, side: Laterality, half: HalfLung) -> None:
    coarse = finds.coarse
    cut = [end for end, face in (("lower", 0), ("upper", -1)) if half.lung[face].any()]
    if half.lung[:, [0, -1]].any() or half.lung[:, :, [0, -1]].any():
        cut.append("lateral")
    if cut:
        message = f"the {side} lung is cut by the {' and '.join(cut)} edge of the field of view"
        finds.say(f"lung-{side}-cut", Severity.WARNING, message)
    elif coarse.ml(half.lung) < SMALL_LUNG_ML:
        message = f"the {side} lung holds only {coarse.ml(half.lung):.0f} ml; collapsed parts may be missing"
        finds.say(f"lung-{side}-small", Severity.WARNING, message)
    if coarse.ml(half.solid) >= NOTABLE_SOLID_ML:
        message = f"{coarse.ml(half.solid):.0f} ml without air were counted to the {side} lung (tumor or consolidation)"
        finds.say(f"lung-{side}-solid", Severity.INFO, message)
    if coarse.ml(half.fluid) >= NOTABLE_SOLID_ML:
        message = f"about {coarse.ml(half.fluid):.0f} ml along the {side} chest wall have the density of pleural fluid"
        finds.say(f"effusion-{side}-suspected", Severity.WARNING, message)


def _keep_bones(finds: _Finds, cavity: np.ndarray) -> np.ndarray:
    """Bones, spine and canal; returns the spine with its canal."""
    coarse, canal = finds.coarse, finds.canal
    bones = segment_bones(coarse.hu, finds.body, canal, coarse.spacing_mm)
    spine = hole = np.zeros_like(bones)
    if canal is not None:
        spine, hole = segment_column(bones, canal, coarse.spacing_mm)
    if cavity.any():
        bones &= spine | ~shape.erode(cavity, INSIDE_CAGE_MM, coarse.spacing_mm)
    finds.soft["bones"] = bones
    if spine.any():
        finds.soft["spine"], finds.soft["spinal_canal"] = spine, hole
    return spine | hole


def _check_heart_side(finds: _Finds, mediastinum: np.ndarray, midline: Midline) -> None:
    """Ask whether sides are mixed up when the lower mediastinum lies to the right of the spine."""
    rows = np.flatnonzero(mediastinum.any(axis=(1, 2)))
    if not rows.size:
        return
    lower = slice(rows[0], rows[0] + max(1, len(rows) // 2))
    z, _, x = np.nonzero(mediastinum[lower])
    aside_mm = float((x - midline.x[lower][z]).mean()) * finds.coarse.spacing_mm[2]
    if aside_mm < -HEART_RIGHT_MM:
        finds.say(
            "sides-doubtful",
            Severity.WARNING,
            f"the heart lies {-aside_mm:.0f} mm to the right of the spine: mirrored image, shifted or mirrored heart; "
            "check left and right",
        )


def _fine_masks(finds: _Finds, grid: Geometry) -> dict[str, np.ndarray]:
    """All masks on the canonical grid, borders smooth; structures that exclude one another do not overlap."""
    masks = {name: refine(soft, finds.coarse.geometry, grid) for name, soft in finds.soft.items()}
    masks = {name: mask for name, mask in masks.items() if mask.any()}
    if finds.airway is not None:
        for name in ("trachea", "main_bronchus_left", "main_bronchus_right"):
            part = getattr(finds.airway, name)
            if part is not None and part.any():
                masks[name] = refine(part, finds.airway.geometry, grid)
    airway = [masks[name] for name in ("trachea", "main_bronchus_left", "main_bronchus_right") if name in masks]
    lungs = [masks[name] for name in ("lung_left", "lung_right") if name in masks]
    _without(lungs, airway)
    _without(lungs[1:], lungs[:1])
    _without([masks[name] for name in ("mediastinum", "chest_wall", "diaphragm") if name in masks], lungs)
    return masks


def _without(masks: list[np.ndarray], others: list[np.ndarray]) -> None:
    """Take the others out of the masks, in place."""
    for mask in masks:
        for other in others:
            mask &= ~other
