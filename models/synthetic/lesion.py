"""Drawn lesions, and how long and wide they are by construction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist, squareform

from models.synthetic.canvas import Canvas
from oncology.imaging.region import Box, bounding_box


@dataclass(frozen=True)
class Lesion:
    """One drawn lesion with what is true of it by construction.

    Attributes:
        kind: tumor, node or metastasis.
        mask: (Z, Y, X) bool on the canvas.
        suv: highest uptake that a scan shows.
        station: of a node; `side` left or right of a level of the neck.
        site: of a metastasis.
        necrotic, hilum: (Z, Y, X) bool parts, or None.
        infiltrates: the fat around it is stranded.
        hu: density above that of muscle.
    """

    id: str
    kind: str
    mask: np.ndarray
    malignant: bool
    suv: float
    station: str | None = None
    side: str | None = None
    site: str | None = None
    necrotic: np.ndarray | None = None
    hilum: np.ndarray | None = None
    ene: bool = False
    ene_grade: int | None = None
    infiltrates: bool = False
    hu: float = 14.0


def longest_in_planes_mm(mask: np.ndarray, canvas: Canvas) -> float:
    """Longest line in any axial, coronal or sagittal slice, between voxel centers and half a voxel on at both ends."""
    if not mask.any():
        return 0.0
    part = mask[_box(mask)]
    spacing = np.array(canvas.geometry.spacing_mm)
    longest = 0.0
    for axis in range(3):
        kept = [other for other in range(3) if other != axis]
        for index in range(part.shape[axis]):
            pixels = np.argwhere(part.take(index, axis=axis))
            if len(pixels) and _diagonal(pixels, spacing[kept]) > longest:
                longest = max(longest, _reach(pixels, spacing[kept]))
    return longest


def short_axis_mm(mask: np.ndarray, canvas: Canvas) -> float:
    """Widest extent across the long axis of an axial slice, over all slices, half a voxel on at both ends."""
    if not mask.any():
        return 0.0
    part = mask[_box(mask)]
    spacing = np.array(canvas.geometry.spacing_mm[1:])
    return max((_width(np.argwhere(pixels), spacing) for pixels in part if pixels.any()), default=0.0)


def _reach(pixels: np.ndarray, spacing: np.ndarray) -> float:
    points = _outline(pixels, spacing)
    return float(spacing.mean()) + (float(pdist(points).max()) if len(points) > 1 else 0.0)


def _width(pixels: np.ndarray, spacing: np.ndarray) -> float:
    points = _outline(pixels, spacing)
    if len(points) < 2:
        return float(spacing.mean())
    apart = squareform(pdist(points))
    first, last = np.unravel_index(int(np.argmax(apart)), apart.shape)
    along = (points[last] - points[first]) / max(float(apart[first, last]), 1e-9)
    return float(np.ptp(points @ np.array([-along[1], along[0]]))) + float(spacing.mean())


def _box(mask: np.ndarray) -> Box:
    return bounding_box(mask)


def _diagonal(pixels: np.ndarray, spacing: np.ndarray) -> float:
    return float(np.linalg.norm((np.ptp(pixels, axis=0) + 1) * spacing))


def _outline(pixels: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Centers (N, 2) of the pixels on their convex hull, mm."""
    points = pixels * spacing
    if len(points) < 4:
        return np.asarray(points)
    try:
        return np.asarray(points[ConvexHull(points).vertices])
    except QhullError:  # all on one line
        return np.asarray(points)
