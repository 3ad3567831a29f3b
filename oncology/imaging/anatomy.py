"""Anatomy from intensities and shape alone: the floor that always works.

Everything is computed on blocks of about 2 mm with axes along the patient's, and brought back to the grid given. What
cannot be found is absent, with a verdict that says so; nothing is made up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from oncology.findings import Point, Severity, Verdict
from oncology.imaging import shape
from oncology.imaging.airway import Airway, segment_airway
from oncology.imaging.body import segment_body
from oncology.imaging.cage import find_half_cage, thin_bones
from oncology.imaging.canal import Canal, follow_canal
from oncology.imaging.coarse import Coarse, coarsen, refine
from oncology.imaging.consolidation import HalfChest, solid_lung
from oncology.imaging.lung import Sides, lung_air, part_sides
from oncology.imaging.volume import OBLIQUE_DEG, Geometry, Volume, canonical, resample, resample_axial

BLOCK_MM = 2.0
AIR_HU = -1000.0
# Vessels and fissures inside the lung, and its notched border, are closed over this width.
GAPS_MM = 9.0
WALL_OF_AIRWAY_MM = 2.0
LARGE_BRONCHUS_MM = 2.5
BONE_HU, LEAST_BONE_ML = 180, 2.0
SPINE_REACH_MM = 45.0  # a vertebra with its processes around the canal
CANAL_RADIUS_MM = 8.0
WIDEST_MEDIASTINUM_MM = 160.0  # hearts are narrower; liver and spleen between two lung bases are wider


@dataclass(frozen=True)
class Anatomy:
    """What was found.

    Attributes:
        masks: (Z, Y, X) bool on the CT's grid, by TotalSegmentator's names or this project's extensions.
        landmarks: points in LPS mm: `carina`.
        verdicts: what is missing or doubtful, and why.
    """

    masks: dict[str, np.ndarray] = field(repr=False)
    landmarks: dict[str, Point]
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True)
class _Chest:
    """One CT on the way: blocks, and what is known of them so far."""

    coarse: Coarse
    body: np.ndarray
    canal: Canal | None
    airway: Airway | None
    airway_zone: np.ndarray  # large airways with their walls
    sides: Sides


def segment_anatomy(ct: Volume) -> Anatomy:
    """Body, lungs, airway, bones and what lies between them, of a CT in HU on any grid."""
    upright = canonical(ct) if ct.geometry.obliquity_deg() <= OBLIQUE_DEG else _straightened(ct)
    chest = _look(upright)
    masks = {"body": chest.body, **_bones(chest)}
    lungs, insides = _lungs(chest)
    masks |= lungs | _between(chest, lungs, insides, masks)
    fine = {name: refine(mask, chest.coarse.geometry, upright.geometry) for name, mask in masks.items()}
    fine |= {name: _on(mask, grid, upright.geometry) for name, mask, grid in _airway_masks(chest.airway)}
    for name in ("trachea", "main_bronchus_left", "main_bronchus_right"):
        for lung in lungs:
            fine[lung] &= ~fine.get(name, False)
    landmarks = {}
    if chest.airway is not None and chest.airway.carina_lps is not None:
        landmarks["carina"] = chest.airway.carina_lps
    found = {name: _on(mask, upright.geometry, ct.geometry) for name, mask in fine.items() if mask.any()}
    return Anatomy(found, landmarks, tuple(_verdicts(chest, found, landmarks)))


def _straightened(ct: Volume) -> Volume:
    return resample_axial(ct, linear=True, fill=AIR_HU)


def _on(mask: np.ndarray, grid: Geometry, target: Geometry) -> np.ndarray:
    return mask if grid.same_grid(target) else resample(Volume(mask, grid), target, linear=False, fill=0).array


def _look(upright: Volume) -> _Chest:
    coarse = coarsen(upright, BLOCK_MM)
    body = segment_body(coarse.hu, coarse.spacing_mm)
    canal = follow_canal(coarse.hu, body, coarse.spacing_mm)
    airway = segment_airway(upright, coarse, body, canal)
    zone = _airway_zone(airway, coarse)
    air = lung_air(coarse.hu, body, zone, canal, coarse.spacing_mm)
    sides = part_sides(air, coarse.hu, canal.x if canal else None, coarse.spacing_mm)
    return _Chest(coarse, body, canal, airway, zone, sides)


def _airway_zone(airway: Airway | None, coarse: Coarse) -> np.ndarray:
    """Trachea and large bronchi with their walls, which are no lung."""
    if airway is None:
        return np.zeros(coarse.hu.shape, bool)
    large = airway.trachea | shape.open_(airway.lumen, LARGE_BRONCHUS_MM, airway.geometry.spacing_mm)
    for bronchus in (airway.main_bronchus_left, airway.main_bronchus_right):
        large = large if bronchus is None else large | bronchus
    return shape.dilate(_on(large, airway.geometry, coarse.geometry), WALL_OF_AIRWAY_MM, coarse.spacing_mm)


def _airway_masks(airway: Airway | None) -> Iterator[tuple[str, np.ndarray, Geometry]]:
    if airway is None:
        return
    yield "trachea", airway.trachea, airway.geometry
    for name in ("main_bronchus_left", "main_bronchus_right"):
        mask = getattr(airway, name)
        if mask is not None:
            yield name, mask, airway.geometry


def _lungs(chest: _Chest) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Both lungs with their solid parts given back, and the inside of each half of the rib cage."""
    lungs, insides = {}, {}
    for name, own, other in (
        ("lung_left", chest.sides.left, chest.sides.right),
        ("lung_right", chest.sides.right, chest.sides.left),
    ):
        if own.any():
            lungs[name], inside = _lung(chest, own, other, left=name == "lung_left")
            if inside is not None:
                insides[name] = inside
    if "lung_left" in lungs and "lung_right" in lungs:
        lungs["lung_right"] &= ~lungs["lung_left"]
    return lungs, insides


def _lung(chest: _Chest, own: np.ndarray, other: np.ndarray, left: bool) -> tuple[np.ndarray, np.ndarray | None]:
    spacing = chest.coarse.spacing_mm
    kept_out = other | chest.airway_zone
    inflated = shape.fill_holes(shape.close(own, GAPS_MM, spacing)) & ~kept_out
    if chest.canal is None:
        return inflated, None
    hu, canal = chest.coarse.hu, chest.canal
    cage = find_half_cage(hu, own, thin_bones(hu, spacing), (canal.y, canal.x), left, spacing)
    inside = cage.inside(hu.shape, spacing)
    across = (np.arange(hu.shape[2])[None, None, :] - canal.x[:, None, None]) * spacing[2] * (1 if left else -1)
    half = across > 0
    wall = ~inside & half
    levels = np.flatnonzero(own.any(axis=(1, 2)))
    wall[: levels[0]] = wall[levels[-1] + 1 :] = False
    solid = solid_lung(HalfChest(hu, inflated, kept_out | ~half, wall, across, left, spacing)) & inside
    if not solid.any():
        return inflated, inside
    whole = shape.fill_holes(shape.close(inflated | solid, GAPS_MM, spacing))
    return whole & ~kept_out & (inside | inflated), inside


def _bones(chest: _Chest) -> dict[str, np.ndarray]:
    """Bone, the vertebral column, and the canal inside it."""
    coarse = chest.coarse
    dense = shape.without_specks((coarse.hu >= BONE_HU) & chest.body, int(LEAST_BONE_ML / coarse.geometry.voxel_ml))
    if chest.canal is None:
        return {"bones": dense}
    canal = np.zeros(dense.shape, bool)
    for z in np.flatnonzero(chest.canal.believed):
        canal[z, round(float(chest.canal.y[z])), round(float(chest.canal.x[z]))] = True
    apart = shape.distance_mm(~canal, coarse.spacing_mm) if canal.any() else np.full(dense.shape, np.inf)
    return {"bones": dense, "spine": dense & (apart <= SPINE_REACH_MM), "spinal_canal": apart <= CANAL_RADIUS_MM}


def _between(
    chest: _Chest, lungs: dict[str, np.ndarray], insides: dict[str, np.ndarray], known: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Mediastinum and chest wall, where both halves of the rib cage are known and both lungs are there."""
    if len(insides) < 2:
        return {}
    inside = insides["lung_left"] | insides["lung_right"]
    lung = lungs["lung_left"] | lungs["lung_right"]
    levels = lungs["lung_left"].any(axis=(1, 2)) & lungs["lung_right"].any(axis=(1, 2))
    level = levels[:, None, None]
    spine = known.get("spine", False)
    return {
        "mediastinum": inside & ~lung & level & ~spine & _between_lungs(lungs, chest.coarse.spacing_mm[2]),
        "chest_wall": chest.body & ~inside & ~lung & level & ~spine,
    }


def _between_lungs(lungs: dict[str, np.ndarray], voxel_mm: float) -> np.ndarray:
    """Where a row of a slice runs from one lung to the other; rows that cross liver and spleen are too wide."""
    from_right = np.maximum.accumulate(lungs["lung_right"], axis=2)
    from_left = np.maximum.accumulate(lungs["lung_left"][:, :, ::-1], axis=2)[:, :, ::-1]
    between = from_right & from_left & ~lungs["lung_left"] & ~lungs["lung_right"]
    return np.asarray(between & (between.sum(axis=2, keepdims=True) * voxel_mm <= WIDEST_MEDIASTINUM_MM))


def _verdicts(chest: _Chest, found: dict[str, np.ndarray], landmarks: dict[str, Point]) -> Iterator[Verdict]:
    for name in ("lung_left", "lung_right"):
        if name not in found:
            words = name.replace("_", " ")
            yield Verdict("anatomy-missing", Severity.INFO, f"no {words} was found in the scan", "anatomy")
    if chest.sides.unknown.any():
        message = "a lung was found whose side cannot be told; nothing is said about it"
        yield Verdict("lung-side-unknown", Severity.WARNING, message, "anatomy")
    if chest.canal is None:
        message = "the spinal canal was not found; collapsed or solid lung was not given back to the lungs"
        yield Verdict("anatomy-missing", Severity.WARNING, message, "anatomy")
    if "carina" not in landmarks:
        yield Verdict("anatomy-missing", Severity.INFO, "no carina was found in the scan", "anatomy")
