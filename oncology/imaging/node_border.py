"""How irregular a node's border is on the CT itself, whatever its shape: a sign of extension beyond the capsule."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from oncology.imaging.region import bounding_box, distance_mm, grown
from oncology.imaging.volume import Volume

MARGIN_MM = 6.0
SMOOTH_MM = 0.9  # noise of single voxels is averaged over this
TISSUE_HU = (-150.0, 150.0)
FAT_HU = -98.0
BEYOND_MM = 2.5  # what lies further outside the contour is another structure
THOMSEN = 1.6075  # exponent of the approximation of an ellipsoid's surface, error below 1.1%


def raggedness(mask: np.ndarray, ct: Volume) -> float:
    """The node's surface over that of the ellipsoid with its volume and proportions: about 1 for a smooth node.

    The surface is the total variation of the part of each voxel that is node, by its density between fat and node, so
    that it does not rest on the steps of the contour.

    Args:
        mask: (Z, Y, X) bool on the CT's grid, not empty.
        ct: in HU.
    """
    box = grown(bounding_box(mask), ct.geometry, MARGIN_MM)
    spacing = ct.geometry.spacing_mm
    if min(mask[box].shape) < 2:
        return 1.0
    filled = _filled(mask[box], ct.array[box], spacing)
    slopes = np.gradient(filled, *spacing)
    voxel = float(np.prod(spacing))
    surface = float(np.sqrt(np.sum([slope**2 for slope in slopes], axis=0)).sum()) * voxel
    return surface / max(_smooth_surface(filled, spacing), 1e-6)


def _filled(mask: np.ndarray, hu: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    """The part of each voxel that is node, 0 to 1."""
    smooth = ndimage.gaussian_filter(
        np.clip(hu.astype(np.float32), *TISSUE_HU), [SMOOTH_MM / step for step in spacing], truncate=3.0
    )
    level = max(float(np.quantile(smooth[mask], 0.7)), FAT_HU + 40.0)
    away = distance_mm(~mask, spacing)
    shares = np.clip((smooth - FAT_HU) / (level - FAT_HU), 0.0, 1.0)
    return np.where(mask, np.maximum(shares, 0.9), shares) * (away < BEYOND_MM)


def _smooth_surface(filled: np.ndarray, spacing: tuple[float, float, float]) -> float:
    """mm2 of the ellipsoid with the same volume and second moments' proportions."""
    places = np.argwhere(filled > 0) * np.array(spacing)
    shares = filled[filled > 0]
    away = places - np.average(places, axis=0, weights=shares)
    spread = (away * shares[:, None]).T @ away / shares.sum()
    axes = np.sqrt(np.clip(np.linalg.eigvalsh(spread), 0.05, None))
    volume = float(shares.sum() * np.prod(spacing))
    a, b, c = axes * (volume / (4.0 / 3.0 * np.pi * float(np.prod(axes)))) ** (1.0 / 3.0)
    mean = ((a * b) ** THOMSEN + (a * c) ** THOMSEN + (b * c) ** THOMSEN) / 3.0
    return float(4.0 * np.pi * mean ** (1.0 / THOMSEN))
