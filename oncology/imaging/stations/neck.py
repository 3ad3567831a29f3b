"""Levels of the neck by rules from organs and landmarks.

Borders (imaging definitions of Som 1999, Arch Otolaryngol Head Neck Surg 125, and Robbins 2002, which AJCC 8 uses;
the consensus of Gregoire 2014, Radiother Oncol 110, where those leave one open), in own words:
    I from II: back of the submandibular gland | IA: between the front bellies of the digastric
    IB ends at the top of that gland (Gregoire 2014)
    II from III: lower border of the hyoid's body | III from IV, VA from VB: lower border of the cricoid
    II, III from VA: back of the sternocleidomastoid | IV from VB: line from there to the anterior scalene's outer edge
    VI: medial to the carotid, hyoid to sternal notch | VII: below the notch | RP: medial to the internal carotid
    supraclavicular: lateral to the carotid, from 2 cm above the notch down
Near a border the answer is shared: the border's place is normal with a deviation of 3 mm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from oncology.findings import Laterality, Point
from oncology.imaging.stations.base import BORDER_SIGMA_MM, node_center, soft_tissue
from oncology.imaging.stations.neck_border import Borders, SideBorders, read_borders
from oncology.imaging.volume import Geometry

SUPRACLAVICULAR_MM = 20.0  # above the sternal notch (Gregoire 2014: lower end of levels IVa and Vb)
BELOW_NOTCH_MM = 25.0  # supraclavicular nodes are not looked for farther down
LEVEL_VII_MM = 35.0  # from the notch to the innominate artery, when that is not given
MIDLINE_MM = 4.0  # a node of IA, VI or VII this close to the midline has no side
PREVERTEBRAL_MM = 16.0  # the prevertebral muscles begin about here behind the carotid's center
NAPE_MM = 58.0  # the trapezius's front edge lies about here behind the carotid
SPINE_HALF_WIDTH_MM = 15.0
ARMPIT_MM = 85.0  # from the midline; farther out lies the axilla
LEAST = 0.01  # weights below this are not followed up
# So far above the lower edge of the hyoid the skull base is not reached in any adult (ours).
SURELY_BELOW_SKULL_MM = 40.0
LEVELS = ("IA", "IB", "II", "III", "IV", "VA", "VB", "VI", "VII", "RP", "supraclavicular")
# Structures that no level contains.
SOLID = (
    "mandible", "teeth", "skull", "hyoid", "larynx", "thyroid_cartilage", "cricoid_cartilage", "thyroid_gland",
    "trachea",
    "esophagus", "tongue", "spinal_canal", "parotid_gland_left", "parotid_gland_right", "oropharynx", "nasopharynx",
    "hypopharynx", "autochthon_left", "autochthon_right", "trapezius_left", "trapezius_right", "levator_scapulae_left",
    "levator_scapulae_right", "sternum", "prevertebral_left", "prevertebral_right", "brain", "lung_left", "lung_right",
)  # fmt: skip


def find_neck_stations(
    structures: Mapping[str, np.ndarray], landmarks: Mapping[str, Point], grid: Geometry
) -> NeckStations:
    """Levels of one neck.

    Args:
        structures: masks (Z, Y, X) by name; used where they are there: hyoid, cricoid_cartilage, skull, sternum and,
            of either side, sternocleidomastoid, anterior_scalene, submandibular_gland, digastric,
            common_carotid_artery, internal_carotid_artery, internal_jugular_vein.
        landmarks: hyoid_bottom, cricoid_bottom, skull_base, sternal_notch (LPS mm); else read from the structures.
        grid: of all masks.
    """
    body = structures.get("body")
    solid = [structures[name] for name in SOLID if name in structures]
    solid += [mask for name, mask in structures.items() if name.startswith("vertebrae_")]
    return NeckStations(read_borders(structures, landmarks, grid), grid, body, tuple(solid))


@dataclass(frozen=True)
class NeckStations:
    """Levels by rules; stations are spelled as the TNM vocabulary does, the side is told by `laterality`."""

    borders: Borders
    grid: Geometry
    body: np.ndarray | None = None
    solid: tuple[np.ndarray, ...] = ()

    @property
    def lacking(self) -> tuple[str, ...]:
        """Borders that could not be read."""
        return self.borders.lacking

    def probabilities(self, mask: np.ndarray) -> dict[str, float]:
        """Level to probability of a node's mask (Z, Y, X) by its center, likeliest first.

        {} when the mask is empty, outside the neck, or needs a border that is lacking.
        """
        center = node_center(mask, self.grid)
        return {} if center is None else self.probabilities_at(center)

    def probabilities_at(self, point: Point) -> dict[str, float]:
        """The same for a point, LPS mm."""
        z = np.array(point[2])
        away = np.array(point[0] - self.borders.middle_x)
        side = self.borders.side("left" if away >= 0 else "right")
        shares = level_shares(self.borders, side, np.abs(away), np.array(point[1]), z, BORDER_SIGMA_MM)
        total = float(sum(shares.values()))
        if not np.isfinite(total) or total < 0.5:
            return {}
        kept = {level: float(share) / total for level, share in shares.items() if share / total >= LEAST}
        return dict(sorted(kept.items(), key=lambda item: -item[1]))

    def laterality(self, mask: np.ndarray) -> Laterality | None:
        """Side of a node; midline only for levels that cross it (IA, VI, VII). None for an empty mask."""
        center = node_center(mask, self.grid)
        if center is None:
            return None
        away = center[0] - self.borders.middle_x
        crossing = next(iter(self.probabilities_at(center)), None) in ("IA", "VI", "VII")
        if crossing and abs(away) <= MIDLINE_MM:
            return Laterality.MIDLINE
        return Laterality.LEFT if away > 0 else Laterality.RIGHT

    def map(self, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """Masks (Z, Y, X) named level_side (II_left); all levels or the given ones ("II" or "II_left").

        Soft tissue inside the level's borders, without organs, muscles of the back, airway and bone.
        """
        z, y, x = (self._axis(axis) for axis in range(3))
        free = soft_tissue(self.grid, self.body, self.solid)
        masks = {}
        for name, sign in (("left", 1.0), ("right", -1.0)):
            away = sign * (x - self.borders.middle_x)
            shares = level_shares(self.borders, self.borders.side(name), np.maximum(away, 0.0), y, z, 0.0)
            for level, share in shares.items():
                if names is None or level in names or f"{level}_{name}" in names:
                    masks[f"{level}_{name}"] = free & (away > 0) & (np.broadcast_to(share, self.grid.shape) > 0.5)
        return masks

    def _axis(self, axis: int) -> np.ndarray:
        """World z, y or x (axis 0, 1, 2) of the grid, ready to broadcast."""
        steps = np.zeros((self.grid.shape[axis], 3))
        steps[:, axis] = np.arange(self.grid.shape[axis])
        line = self.grid.to_lps(steps)[:, 2 - axis].astype(np.float32)
        return line.reshape([-1 if n == axis else 1 for n in range(3)])


def level_shares(
    borders: Borders, side: SideBorders, x: np.ndarray, y: np.ndarray, z: np.ndarray, sigma_mm: float
) -> dict[str, np.ndarray]:
    """Share of every level at places; NaN where a border that matters is lacking.

    Args:
        x: mm from the midline to the side, >= 0.
        y: LPS mm.
        z: LPS mm; all three broadcast to one shape.
        sigma_mm: deviation of a border's place, 0 for hard borders.
    """

    split = Split(sigma_mm)
    _, inside = split(np.ones(np.shape(z)), _above_skull_base(borders, z))
    high, low = split(inside, z - borders.hyoid_z)
    middle, low = split(low, z - borders.cricoid_z)
    lower, low = split(low, z - borders.notch_z - SUPRACLAVICULAR_MM)
    notch, below = split(low, z - borders.notch_z)
    below, _ = split(below, z - borders.notch_z + LEVEL_VII_MM)
    levels = _high_levels(side, high, x, y, z, split)
    to_vessel = side.carotid_medial_x.at(z) - x
    medial, lateral = split(middle, to_vessel)
    va, levels["III"] = split(lateral, y - side.muscle_back_y.at(z))
    levels["VA"] = levels["VA"] + va
    medial_low, lateral = split(lower, to_vessel)
    levels["VB"], levels["IV"] = split(lateral, side.behind_line(x, y, z))
    medial_notch, over = split(notch, to_vessel)
    levels["VII"], under = split(below, to_vessel)
    under, _ = split(under, z - borders.notch_z + BELOW_NOTCH_MM)
    levels["VI"] = medial + medial_low + medial_notch
    levels["supraclavicular"] = over + under
    deep = y - side.carotid_y.at(z)
    return {level: np.where(_too_far(level, x, deep), 0.0, levels[level]) for level in LEVELS}


def _above_skull_base(borders: Borders, z: np.ndarray) -> np.ndarray:
    """Signed distance from the skull base, mm; where that is not seen, what lies far enough below is known to."""
    if not np.isnan(borders.skull_base_z):
        return z - borders.skull_base_z
    return np.where(z <= borders.hyoid_z + SURELY_BELOW_SKULL_MM, -np.inf, np.nan)


@dataclass(frozen=True)
class Split:
    """Divides a weight at a border.

    Attributes:
        sigma_mm: deviation of the border's place, 0 for a hard border.
    """

    sigma_mm: float

    def __call__(self, weight: np.ndarray, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shares beyond and before the border, by the signed distance from it; NaN where it is not known."""
        if self.sigma_mm > 0:
            beyond = ndtr(distance / self.sigma_mm)
        else:
            beyond = np.where(np.isnan(distance), np.nan, distance > 0)
        followed = weight >= LEAST
        return np.where(followed, weight * beyond, 0.0), np.where(followed, weight * (1 - beyond), 0.0)


def _high_levels(
    side: SideBorders, high: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray, split: Split
) -> dict[str, np.ndarray]:
    """Levels above the hyoid: RP, I, II and the upper part of VA."""
    medial, rest = split(high, side.internal_carotid_medial_x.at(z) - x)
    behind, front = split(medial, y - side.internal_carotid_front_y.at(z))
    behind_gland, first = split(rest + front, y - side.gland_back_y)
    first, _ = split(first, side.gland_top_z - z)
    va, second = split(behind_gland, y - side.muscle_back_y.at(z))
    ia, ib = split(first, side.belly_x(y) - x)
    return {"RP": behind, "IA": ia, "IB": ib, "II": second, "VA": va}


def _too_far(level: str, x: np.ndarray, deep: np.ndarray) -> np.ndarray:
    """Behind the prevertebral fascia, in the nape or in the armpit; `deep` is counted from the carotid, NaN unknown."""
    if level in ("RP", "VI", "VII"):
        return np.asarray(deep > PREVERTEBRAL_MM)
    spine = (x < SPINE_HALF_WIDTH_MM) & (deep > PREVERTEBRAL_MM)
    return np.asarray(spine | (deep > NAPE_MM) | (x > ARMPIT_MM))
