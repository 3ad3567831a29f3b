"""Tumors and lymph nodes of a wanted size, at a wanted place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull, cKDTree
from scipy.spatial.distance import pdist

from models.synthetic.canvas import Canvas, smooth_noise
from models.synthetic.frame import CARINA
from oncology.findings import Point

# Where a station's node lies, in mm from the carina (right is negative x); IASLC map (Rusch 2009, JTO 4).
STATION_OFFSETS: Mapping[str, Point] = {
    "2R": (-16.0, -10.0, 58.0),
    "2L": (17.0, -6.0, 58.0),
    "3a": (0.0, -46.0, 40.0),
    "3p": (0.0, 24.0, 45.0),
    "4R": (-20.0, -12.0, 16.0),
    "4L": (19.0, -4.0, 12.0),
    "5": (36.0, -22.0, 14.0),
    "6": (10.0, -44.0, 30.0),
    "7": (4.0, 8.0, -22.0),
    "8": (0.0, 42.0, -70.0),
    "10R": (-36.0, -2.0, -18.0),
    "10L": (40.0, 8.0, -20.0),
    "11R": (-54.0, 6.0, -34.0),
    "11L": (60.0, 10.0, -38.0),
}
ROUGHNESS = 0.16  # how far a tumor's border strays from the round, as a share of its radius


@dataclass(frozen=True)
class Lesion:
    """One drawn lesion with what is true of it by construction."""

    id: str
    mask: np.ndarray
    malignant: bool
    suv: float
    station: str | None = None
    necrotic: np.ndarray | None = None


def grow_tumor(
    canvas: Canvas, center: Point, greatest_mm: float, within: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """An irregular tumor inside `within` whose longest diameter over the three planes is `greatest_mm` to one voxel."""
    bump = ROUGHNESS * smooth_noise(canvas.shape, greatest_mm / 6.0 / canvas.geometry.spacing_mm[0], random)
    low, high = 0.25 * greatest_mm, 0.8 * greatest_mm
    mask = canvas.empty()
    for _ in range(12):
        radius = (low + high) / 2
        mask = _one_piece(canvas.ellipsoid(center, (radius, radius * 0.92, radius * 0.86), bump) & within)
        size = longest_in_planes_mm(mask, canvas)
        if abs(size - greatest_mm) < canvas.geometry.spacing_mm[0] / 3:
            break
        low, high = (radius, high) if size < greatest_mm else (low, radius)
    return mask


def grow_node(
    canvas: Canvas, station: str, short_mm: float, long_mm: float, scale: float, free: np.ndarray
) -> np.ndarray:
    """An oval node at its station, moved to the nearest place where nothing else lies."""
    offset = STATION_OFFSETS[station]
    wanted = np.array([(c + o) * scale for c, o in zip(CARINA, offset, strict=True)])
    room = ndimage.distance_transform_edt(free, sampling=canvas.geometry.spacing_mm) >= short_mm / 2
    places = canvas.geometry.to_lps(np.argwhere(room))
    if len(places) == 0:
        places = canvas.geometry.to_lps(np.argwhere(free))
    nearest = places[cKDTree(places).query(wanted)[1]]
    center = (float(nearest[0]), float(nearest[1]), float(nearest[2]))
    return canvas.ellipsoid(center, (short_mm / 2, short_mm / 2, long_mm / 2)) & free


def _one_piece(mask: np.ndarray) -> np.ndarray:
    labels, count = ndimage.label(mask)
    if count <= 1:
        return mask
    return labels == 1 + int(np.argmax(ndimage.sum_labels(mask, labels, np.arange(1, count + 1))))


def longest_in_planes_mm(mask: np.ndarray, canvas: Canvas) -> float:
    """Longest distance between voxel corners in any axial, coronal or sagittal slice: brute force over hull points."""
    spacing = np.array(canvas.geometry.spacing_mm)
    longest = 0.0
    for axis in range(3):
        kept = [other for other in range(3) if other != axis]
        for index in np.flatnonzero(mask.any(axis=tuple(kept))):
            longest = max(longest, _longest(np.argwhere(mask.take(index, axis=axis)), spacing[kept]))
    return longest


def _longest(pixels: np.ndarray, spacing: np.ndarray) -> float:
    corners = np.concatenate([pixels + shift for shift in ((0, 0), (0, 1), (1, 0), (1, 1))]) * spacing
    corners = np.unique(corners, axis=0)
    return float(pdist(corners[ConvexHull(corners).vertices]).max())
