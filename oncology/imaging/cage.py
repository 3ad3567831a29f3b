"""The inner surface of the rib cage on one side, as a distance from the middle of that half of the chest.

Where lung meets the chest wall the lung shows it; where a tumor or collapsed lung lies between, ribs do; gaps
between ribs are bridged. The surface is what "given back to the lung" may not cross.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from oncology.imaging import shape
from oncology.imaging.shape import Spacing

DIRECTIONS = 144
RAY_STEP_MM = 2.0
LONGEST_RAY_MM = 200.0
BONE_HU = 180
# Ribs are thinner than twice this; heart, aorta, vertebral bodies and kidneys full of contrast are not.
THICK_HU, THICK_MM, THICK_MARGIN_MM = 150, 7.0, 4.0
# Pleura, fat and intercostal muscle between lung and rib; more than that between them is disease.
WALL_THICKNESS_MM = 10.0
# Ribs slope: in one slice every direction meets one within about this height.
RIB_HEIGHT_MM = 14.0
RIB_SPREAD = 3  # directions
# No rib lies nearer to the center than this part of the usual distance; calcified nodes and stents do.
NEAREST_PART = 0.6
SCAPULA_MM = 8.0  # behind the ribs by more than this
# Within this angle of straight inward there is no rib; the half ends at the midline.
MEDIAL_DEG = 50.0
SMOOTH_MM, SMOOTH_DIRECTIONS = 6.0, 2.0


@dataclass(frozen=True)
class HalfCage:
    """Inner radius of one half of the rib cage.

    Attributes:
        radius_mm: (Z, DIRECTIONS) around the center of the slice; NaN where there is no chest. Directions turn
            from the patient's left over the back.
        center_y, center_x: (Z,) coarse indices.
        midline_x: (Z,) the half ends here.
        left: the half with x above the midline.
    """

    radius_mm: np.ndarray
    center_y: np.ndarray
    center_x: np.ndarray
    midline_x: np.ndarray
    left: bool

    def inside(self, extent: tuple[int, ...], spacing_mm: Spacing) -> np.ndarray:
        """Mask (z, y, x) of what lies inside, on this side of the midline."""
        mask = np.zeros(extent, bool)
        y, x = np.mgrid[: extent[1], : extent[2]]
        for z in np.flatnonzero(np.isfinite(self.radius_mm[:, 0])):
            dy, dx = (y - self.center_y[z]) * spacing_mm[1], (x - self.center_x[z]) * spacing_mm[2]
            turn = np.arctan2(dy, dx) / (2 * np.pi) * DIRECTIONS
            low = np.floor(turn).astype(int)
            part = turn - low
            row = self.radius_mm[z]
            edge = row[low % DIRECTIONS] * (1 - part) + row[(low + 1) % DIRECTIONS] * part
            own = x > self.midline_x[z] if self.left else x <= self.midline_x[z]
            mask[z] = (np.hypot(dy, dx) <= edge) & own
        return mask


def find_half_cage(
    lung: np.ndarray,
    ribs: np.ndarray,
    midline: tuple[np.ndarray, np.ndarray],
    left: bool,
    spacing_mm: Spacing,
) -> HalfCage:
    """Fit the inner surface of one half over the slices in which its lung is seen.

    Args:
        lung: air of the lung on this side.
        ribs: from `thin_bones`.
        midline: (Z,) y and x of the spinal canal, or of what stands for it.
    """
    rows = np.flatnonzero(lung.any(axis=(1, 2)))
    center_y, center_x = _center(lung, midline, left)
    lung_mm, rib_mm = _radii(lung, ribs, center_y, center_x, spacing_mm)
    radius, weight = _evidence(lung_mm, rib_mm, spacing_mm)
    filled = _smooth(radius, weight, (SMOOTH_MM / spacing_mm[0], SMOOTH_DIRECTIONS))
    filled[:, _toward_midline(left)] = LONGEST_RAY_MM
    filled[: rows[0]] = np.nan
    filled[rows[-1] + 1 :] = np.nan
    return HalfCage(filled, center_y, center_x, midline[1], left)


def thin_bones(hu: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """Ribs, scapulae and other thin bone; nothing that contrast medium fills."""
    thick = shape.open_(hu > THICK_HU, THICK_MM, spacing_mm)
    return (hu > BONE_HU) & ~shape.dilate(thick, THICK_MARGIN_MM, spacing_mm)


def _toward_midline(left: bool) -> np.ndarray:
    """(DIRECTIONS,) the directions in which the mediastinum lies, not ribs."""
    cosine = np.cos(np.arange(DIRECTIONS) * (2 * np.pi / DIRECTIONS))
    inward = -cosine if left else cosine
    return np.asarray(inward > np.cos(np.radians(MEDIAL_DEG)))


def _center(lung: np.ndarray, midline: tuple[np.ndarray, np.ndarray], left: bool) -> tuple[np.ndarray, np.ndarray]:
    """Middle of the half chest per slice, at a constant distance from the spine."""
    depth, width = np.asarray(lung.any(axis=2)), np.asarray(lung.any(axis=1))
    first, last = depth.argmax(axis=1), depth.shape[1] - 1 - depth[:, ::-1].argmax(axis=1)
    extent = np.where(depth.any(axis=1), last - first, 0)
    deep = extent >= 0.7 * extent.max()
    outer = width.shape[1] - 1 - width[:, ::-1].argmax(axis=1) if left else width.argmax(axis=1)
    aside = np.median((outer - midline[1])[deep]) / 2
    before = np.median(((first + last) / 2 - midline[0])[deep])
    return midline[0] + before, midline[1] + aside


def _radii(
    lung: np.ndarray, ribs: np.ndarray, center_y: np.ndarray, center_x: np.ndarray, spacing_mm: Spacing
) -> tuple[np.ndarray, np.ndarray]:
    """(Z, DIRECTIONS) farthest lung and nearest rib beyond it along every ray; NaN where there is none."""
    r = np.arange(0, LONGEST_RAY_MM, RAY_STEP_MM)
    angle = np.arange(DIRECTIONS) * (2 * np.pi / DIRECTIONS)
    dy, dx = np.sin(angle)[:, None] * r / spacing_mm[1], np.cos(angle)[:, None] * r / spacing_mm[2]
    lung_mm, rib_mm = np.full((2, lung.shape[0], DIRECTIONS), np.nan)
    for z in np.flatnonzero(lung.any(axis=(1, 2))):
        y, x = np.round(center_y[z] + dy).astype(int), np.round(center_x[z] + dx).astype(int)
        seen = (y >= 0) & (y < lung.shape[1]) & (x >= 0) & (x < lung.shape[2])
        y, x = np.where(seen, y, 0), np.where(seen, x, 0)
        air, bone = lung[z][y, x] & seen, ribs[z][y, x] & seen
        last = np.where(air.any(axis=1), len(r) - 1 - air[:, ::-1].argmax(axis=1), 0)
        usual = NEAREST_PART * np.median(last[last > 0]) if last.any() else 0
        bone &= np.arange(len(r))[None, :] > np.maximum(last, usual)[:, None]
        lung_mm[z] = np.where(last > 0, r[last], np.nan)
        rib_mm[z] = np.where(bone.any(axis=1), r[bone.argmax(axis=1)], np.nan)
    return lung_mm, rib_mm


def _evidence(lung_mm: np.ndarray, rib_mm: np.ndarray, spacing_mm: Spacing) -> tuple[np.ndarray, np.ndarray]:
    """Radius and trust per direction and slice: lung where it nearly reaches the ribs around, ribs elsewhere."""
    reach = (2 * round(RIB_HEIGHT_MM / spacing_mm[0]) + 1, 2 * RIB_SPREAD + 1)
    nearest = np.where(np.isnan(rib_mm), np.inf, rib_mm)
    envelope = ndimage.minimum_filter(nearest, reach, mode=("nearest", "wrap"))
    at_wall = ~np.isnan(lung_mm) & (envelope - lung_mm <= WALL_THICKNESS_MM)
    rib = ~np.isnan(rib_mm) & (rib_mm <= envelope + SCAPULA_MM) & ~at_wall
    radius = np.where(at_wall, lung_mm + RAY_STEP_MM / 2, np.where(rib, rib_mm - RAY_STEP_MM, 0.0))
    return radius, (at_wall | rib).astype(float)


def _smooth(radius: np.ndarray, weight: np.ndarray, sigma: tuple[float, float]) -> np.ndarray:
    """Weighted mean over neighbors, from ever farther away until every direction has an answer."""
    result = np.full(radius.shape, np.nan)
    for wider in (1, 2, 4, 8, 16):
        spread = (sigma[0] * wider, sigma[1] * wider)
        total = ndimage.gaussian_filter(weight, spread, mode=("nearest", "wrap"))
        value = ndimage.gaussian_filter(radius * weight, spread, mode=("nearest", "wrap"))
        known = np.isnan(result) & (total > 0.05)
        result[known] = value[known] / total[known]
    known = ~np.isnan(result)
    return np.where(known, result, np.median(result[known]) if known.any() else 0.0)
