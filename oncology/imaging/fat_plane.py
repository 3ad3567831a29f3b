"""What the CT shows along the border between a tumor and a structure: fat, sharpness, and how long the contact is.

From every place of the tumor's surface that lies near the structure a line runs to the nearest place of the structure,
and a little beyond on both sides. Where the line meets fat, a plane of fat is kept there. A kept plane speaks against
invasion, a lost one says little by itself (Glazer 1989, Radiology 173:37, lung; Picus 1983, Radiology 146:433,
esophagus).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from oncology.imaging.region import Box, bounding_box, crop, grown, upright
from oncology.imaging.volume import Geometry, Volume

# A wider gap than this (edge to edge) is no interface: the structure is merely near.
REACH_MM = 3.0
# How far the line goes on into both, as drawn borders are not true to the millimeter.
BEYOND_MM = 1.5
STEP_MM = 0.5
# Fat, also where a voxel holds it in part only; below lies air or its blurred edge.
FAT_HU = (-150.0, -30.0)
AIR_HU = -250.0
# A gap of this at most is contact, as in contact.py.
TOUCH_MM = 1.5
MOST_PLACES = 3000


@dataclass(frozen=True)
class Interface:
    """`fat_share`: None where air alone borders; `edge_hu_per_mm`: median of the steepest change along the lines."""

    fat_share: float | None
    edge_hu_per_mm: float
    length_mm: float


def measure_interface(tumor: np.ndarray, structure: np.ndarray, ct: Volume) -> Interface | None:
    """The border between tumor and structure on the CT; None where they lie more than REACH_MM apart.

    Args:
        tumor: (Z, Y, X) bool on the CT's grid, not empty.
        structure: (Z, Y, X) bool, the same grid.
        ct: in HU.
    """
    grid = ct.geometry
    margin_mm = REACH_MM + BEYOND_MM + 2.0 * max(grid.spacing_mm)
    around = grown(bounding_box(tumor), grid, margin_mm)
    if not structure[around].any():
        return None
    near = _meeting(around, grown(bounding_box(structure[around]), grid, margin_mm))
    if not tumor[near].any():
        return None
    parts = [upright(crop(array, grid, near)) for array in (tumor, structure)]
    spacing = np.array(parts[0].geometry.spacing_mm)
    starts, ends, gaps = _pairs(parts[0].array, parts[1].array, parts[0].geometry)
    if len(starts) == 0:
        return None
    hu = upright(crop(ct.array, grid, near)).array.astype(np.float32)
    values = _along(hu, starts, ends, spacing)
    touching = starts[gaps <= TOUCH_MM]
    return Interface(_fat_share(values), _edge(values), _extent_mm(touching * spacing))


def _meeting(outer: Box, inner: Box) -> Box:
    """A box given inside another one, as a box of the whole image, cut at the other's end."""
    sides = [slice(a.start + b.start, min(a.start + b.stop, a.stop)) for a, b in zip(outer, inner, strict=True)]
    return sides[0], sides[1], sides[2]


def _pairs(tumor: np.ndarray, structure: np.ndarray, grid: Geometry) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Surface voxels (N, 3) of the tumor near the structure, the structure's nearest, and the gap between in mm."""
    spacing = np.array(grid.spacing_mm)
    surface = tumor & ~ndimage.binary_erosion(tumor, border_value=1)
    apart, nearest = ndimage.distance_transform_edt(~structure, sampling=grid.spacing_mm, return_indices=True)
    places = np.argwhere(surface & (apart <= REACH_MM + float(spacing.max())))
    places = places[:: max(1, len(places) // MOST_PLACES)]
    ends = nearest[:, places[:, 0], places[:, 1], places[:, 2]].T
    gaps = np.sqrt(((np.clip(np.abs(ends - places) - 1, 0, None) * spacing) ** 2).sum(axis=1))
    kept = (gaps <= REACH_MM) & _faces(tumor, places, ends)
    return places[kept].astype(float), ends[kept].astype(float), gaps[kept]


def _faces(tumor: np.ndarray, places: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Whether the line leaves the tumor at once: places on its far side look at the structure through the tumor."""
    step = ends - places
    longest = np.abs(step).max(axis=1).clip(1)
    ahead = np.round(places + step / longest[:, None]).astype(int)
    inside = tumor[ahead[:, 0], ahead[:, 1], ahead[:, 2]]
    return np.asarray(~inside | (step == 0).all(axis=1) | (ahead == ends).all(axis=1))


def _along(hu: np.ndarray, starts: np.ndarray, ends: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """HU (N, S) at even steps from BEYOND_MM before each start to BEYOND_MM behind its end; nan behind that."""
    line = (ends - starts) * spacing
    length = np.linalg.norm(line, axis=1)
    unit = line / np.maximum(length, 1e-6)[:, None]
    reach = np.arange(-BEYOND_MM, length.max() + BEYOND_MM + STEP_MM, STEP_MM)
    points = starts[:, None, :] + reach[None, :, None] * unit[:, None, :] / spacing
    values = ndimage.map_coordinates(hu, np.moveaxis(points, -1, 0), order=1, mode="nearest")
    return np.asarray(np.where(reach[None, :] <= length[:, None] + BEYOND_MM, values, np.nan))


def _fat_share(values: np.ndarray) -> float | None:
    """Share of the lines that meet fat and no air."""
    lowest = np.nanmin(values, axis=1)
    solid = lowest > AIR_HU
    if not solid.any():
        return None
    fat = (lowest >= FAT_HU[0]) & (lowest <= FAT_HU[1])
    return float(fat[solid].mean())


def _edge(values: np.ndarray) -> float:
    return float(np.median(np.nanmax(np.abs(np.diff(values, axis=1)), axis=1)) / STEP_MM)


def _extent_mm(points: np.ndarray) -> float:
    """The greatest distance between any two of the points (N, 3) in mm, 0 for none; exact for up to 600 of them."""
    if len(points) < 2:
        return 0.0
    points = points[:: max(1, len(points) // 600)]
    return float(np.linalg.norm(points[:, None] - points[None], axis=-1).max())
