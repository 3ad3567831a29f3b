"""Lengths that one organ asks for, by the name under which a tumor carries them in `measures`.

Esophagus: `length_along_mm` along the organ's middle line; `center_from_incisors_mm`, `top_from_incisors_mm` and
`center_above_egj_mm` (below the junction: negative); `wall_mm`, how thick the tumor stands.
Pancreas: `duct_mm`, the widest part of the main duct. Lung: `collapsed_share` of the lung of its side, and
`collapse_to_hilum_mm`, the gap between airless lung and the main bronchus. Oral cavity: `thickness_mm`, the diameter of
the largest ball in the tumor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.special import ndtr

from oncology.findings import Laterality, Point
from oncology.imaging.location import centroid_lps, region_shares
from oncology.imaging.region import bounding_box, components, crop, distance_mm, grown, upright
from oncology.imaging.volume import Geometry, Volume

Masks = Mapping[str, np.ndarray]
# Incisors to the cricopharyngeus, and to the esophagogastric junction, of an adult (AJCC 8, ch. 16: the cervical
# esophagus begins at about 15 cm, the junction lies at about 40 cm).
INCISORS_TO_CRICOID_MM, INCISORS_TO_EGJ_MM = 150.0, 400.0
CRICOID, EGJ = ("cricopharyngeus", "cricoid_bottom", "cricoid"), ("egj", "esophagogastric_junction")
# The lower end of the esophagus counts as the junction where the stomach lies this close.
STOMACH_REACH_MM = 12.0
LUMEN_HU = -300.0
# Borders of the pancreas's parts are told to about this by the vessels beside them (one standard deviation, ours).
PART_SD_MM = 6.0
PANCREAS_PARTS = ("pancreas_head", "pancreas_body", "pancreas_tail")
COLLAPSED = ("atelectasis", "consolidation", "obstructive_pneumonitis", "lung_collapsed")
BEHIND_TUMOR_MM = 6.0


@dataclass(frozen=True)
class _Line:
    """The esophagus's middle, from the bottom up: heights in mm (LPS z), and the way along it in mm."""

    heights: np.ndarray
    way: np.ndarray

    def at(self, height: float) -> float:
        """The way along at a height; straight on beyond both ends."""
        if height < self.heights[0]:
            return float(self.way[0] - (self.heights[0] - height))
        if height > self.heights[-1]:
            return float(self.way[-1] + (height - self.heights[-1]))
        return float(np.interp(height, self.heights, self.way))


def organ_measures(
    cancer: str,
    tumor: np.ndarray,
    ct: Volume,
    structures: Masks,
    landmarks: Mapping[str, Point],
    side: Laterality | None,
) -> dict[str, float]:
    """The lengths of a tumor's own organ; empty where the organ's mask is missing or asks for none.

    Args:
        tumor: (Z, Y, X) bool on the CT's grid, not empty.
        structures: masks on that grid by name.
        landmarks: points in LPS by name.
        side: of the tumor.
    """
    if cancer == "esophagus" and "esophagus" in structures:
        return _esophagus(tumor, ct, structures, landmarks)
    if cancer == "pancreas" and "pancreatic_duct" in structures:
        return {"duct_mm": widest_mm(structures["pancreatic_duct"], ct.geometry)}
    if cancer == "lung":
        return _collapse(tumor, ct.geometry, structures, side)
    if cancer == "oral_cavity":
        return {"thickness_mm": widest_mm(tumor, ct.geometry)}
    return {}


def _esophagus(tumor: np.ndarray, ct: Volume, structures: Masks, landmarks: Mapping[str, Point]) -> dict[str, float]:
    grid = ct.geometry
    line = _middle_line(structures["esophagus"] | tumor, grid)
    low, high = _height_range(tumor, grid)
    found = {"length_along_mm": line.at(high) - line.at(low), "wall_mm": wall_mm(tumor, ct)}
    middle = line.at((low + high) / 2)
    junction = _junction(structures, landmarks, grid)
    top = _top(structures, landmarks, grid)
    if junction is not None:
        found["center_above_egj_mm"] = middle - line.at(junction)
    if top is not None:
        found["center_from_incisors_mm"] = INCISORS_TO_CRICOID_MM + line.at(top) - middle
        found["top_from_incisors_mm"] = INCISORS_TO_CRICOID_MM + line.at(top) - line.at(high)
    elif junction is not None:
        found["center_from_incisors_mm"] = INCISORS_TO_EGJ_MM - (middle - line.at(junction))
        found["top_from_incisors_mm"] = INCISORS_TO_EGJ_MM - (line.at(high) - line.at(junction))
    return {name: round(value, 1) for name, value in found.items()}


def _middle_line(organ: np.ndarray, grid: Geometry) -> _Line:
    """Middles of the organ's axial slices, smoothed over about 10 mm, and the way along them."""
    part = upright(crop(organ, grid, bounding_box(organ)))
    filled = np.flatnonzero(part.array.any(axis=(1, 2)))
    middles = np.array([np.argwhere(part.array[place]).mean(axis=0) for place in filled])
    index = np.column_stack([filled.astype(float), middles])
    points = part.geometry.to_lps(index)
    points = points[np.argsort(points[:, 2])]
    spacing = part.geometry.spacing_mm[0]
    for axis in (0, 1):
        points[:, axis] = ndimage.gaussian_filter1d(points[:, axis], 10.0 / spacing, mode="nearest")
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return _Line(points[:, 2], np.concatenate([[0.0], np.cumsum(steps)]))


def _height_range(mask: np.ndarray, grid: Geometry) -> tuple[float, float]:
    """Lowest and highest z (LPS mm) of a mask, to the voxels' edges."""
    part = upright(crop(mask, grid, bounding_box(mask)))
    filled = np.flatnonzero(part.array.any(axis=(1, 2)))
    ends = part.geometry.to_lps(np.array([[filled[0], 0.0, 0.0], [filled[-1], 0.0, 0.0]]))[:, 2]
    half = part.geometry.spacing_mm[0] / 2
    return float(ends.min() - half), float(ends.max() + half)


def _junction(structures: Masks, landmarks: Mapping[str, Point], grid: Geometry) -> float | None:
    """Height of the esophagogastric junction: the landmark, else where the esophagus ends beside the stomach."""
    named = next((landmarks[name] for name in EGJ if name in landmarks), None)
    if named is not None:
        return named[2]
    stomach = structures.get("stomach")
    if stomach is None or not stomach.any():
        return None
    low, _ = _height_range(structures["esophagus"], grid)
    near = grown(bounding_box(structures["esophagus"]), grid, STOMACH_REACH_MM)
    if not stomach[near].any():
        return None
    apart = distance_mm(~stomach[near], grid.spacing_mm)
    return low if float(apart[structures["esophagus"][near]].min()) <= STOMACH_REACH_MM else None


def _top(structures: Masks, landmarks: Mapping[str, Point], grid: Geometry) -> float | None:
    """Height of the upper end of the esophagus, at the lower border of the cricoid."""
    named = next((landmarks[name] for name in CRICOID if name in landmarks), None)
    if named is not None:
        return named[2]
    cartilage = structures.get("cricoid_cartilage")
    return None if cartilage is None or not cartilage.any() else _height_range(cartilage, grid)[0]


def wall_mm(tumor: np.ndarray, ct: Volume) -> float:
    """How thick the tumor stands: the largest distance from its outside to its inside (air of the lumen counts as out).

    A ring of tumor around an open lumen measures its wall. A closed ring looks like a solid one; of that half of the
    short side is given, as readers halve a collapsed organ.
    """
    box = grown(bounding_box(tumor), ct.geometry, 2.0 * max(ct.geometry.spacing_mm))
    solid = tumor[box] & (ct.array[box] > LUMEN_HU)
    if not solid.any():
        return 0.0
    depth = distance_mm(np.pad(solid, 1), ct.geometry.spacing_mm)
    has_lumen = (tumor[box] & ~solid).sum() > 0.02 * tumor[box].sum()
    return float(2.0 * depth.max() if has_lumen else depth.max())


def widest_mm(mask: np.ndarray, grid: Geometry) -> float:
    """Diameter of the largest ball in a mask, of a tube its widest caliber: twice the largest depth."""
    if not mask.any():
        return 0.0
    part = np.pad(mask[bounding_box(mask)], 1)
    return round(float(2.0 * distance_mm(part, grid.spacing_mm).max() - min(grid.spacing_mm)), 1)


def pancreas_parts(tumor: np.ndarray, structures: Masks, grid: Geometry) -> dict[str, float]:
    """Probability by part of the pancreas: by the parts' masks, else by the vessels that part them.

    The head reaches to the left border of the superior mesenteric vein, the body from there to the left border of the
    aorta (AJCC 8, ch. 28). Empty where neither masks nor both vessels are there.
    """
    named = {name: structures[name] for name in PANCREAS_PARTS if name in structures and structures[name].any()}
    if named:
        return region_shares(tumor, grid, named)
    veins = [structures[name] for name in ("superior_mesenteric_vein", "portal_vein") if name in structures]
    vein = next((mask for mask in veins if mask.any()), None)
    aorta = structures.get("aorta")
    if vein is None or aorta is None or not aorta.any():
        return {}
    center, top = centroid_lps(tumor, grid), _left_border(vein, grid)
    beyond_head = float(ndtr((center[0] - top) / PART_SD_MM))
    beyond_body = min(float(ndtr((center[0] - max(_left_border(aorta, grid), top)) / PART_SD_MM)), beyond_head)
    shares = (1.0 - beyond_head, beyond_head - beyond_body, beyond_body)
    found = {name: round(share, 3) for name, share in zip(PANCREAS_PARTS, shares, strict=True) if share >= 0.01}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _left_border(mask: np.ndarray, grid: Geometry) -> float:
    """The x (LPS mm) that 95% of the mask lies to the right of."""
    box = bounding_box(mask)
    index = np.argwhere(mask[box]) + np.array([side.start for side in box])
    return float(np.percentile(grid.to_lps(index)[:, 0], 95.0))


def _collapse(tumor: np.ndarray, grid: Geometry, structures: Masks, side: Laterality | None) -> dict[str, float]:
    airless = [structures[name] for name in COLLAPSED if name in structures and structures[name].any()]
    lung, bronchus = structures.get(f"lung_{side}"), structures.get(f"main_bronchus_{side}")
    if not airless or lung is None or bronchus is None or not bronchus.any():
        return {}
    behind = _touching(np.any(airless, axis=0) & ~tumor, tumor, grid)
    if not behind.any():
        return {}
    whole = np.count_nonzero(lung | behind | tumor)
    near = grown(bounding_box(bronchus), grid, 40.0)
    apart = distance_mm(~bronchus[near], grid.spacing_mm)[behind[near]]
    gap = float(apart.min()) if apart.size else 999.0
    return {"collapsed_share": round(float(behind.sum() / whole), 3), "collapse_to_hilum_mm": round(gap, 1)}


def _touching(airless: np.ndarray, tumor: np.ndarray, grid: Geometry) -> np.ndarray:
    """The parts of airless lung that lie against the tumor."""
    kept = np.zeros_like(airless)
    if not airless.any():
        return kept
    near = grown(bounding_box(tumor), grid, BEHIND_TUMOR_MM + max(grid.spacing_mm))
    close = np.zeros_like(airless)
    close[near] = distance_mm(~tumor[near], grid.spacing_mm) <= BEHIND_TUMOR_MM
    for part, box in components(airless):
        if (part & close[box]).any():
            kept[box] |= part
    return kept
