"""Standardized uptake inside a mask, measured on the PET's own voxels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.signal import fftconvolve

from oncology.findings import Point
from oncology.imaging.region import bounding_box, crop, grown
from oncology.imaging.volume import Geometry, Volume

# A PET voxel belongs to a mask that covers this part of it (of the best covered voxel, for masks smaller than voxels).
COVERED_PART = 0.5
# SUVpeak: mean of a sphere of 1 mL, the highest one centered in the mask (PERCIST 1.0, Wahl 2009; computed as IBSI's
# global intensity peak: voxels whose center lies inside the sphere, also those beyond the mask).
PEAK_RADIUS_MM = 10.0 * (3.0 / (4.0 * math.pi)) ** (1.0 / 3.0)
# Metabolic tumor volume: voxels of the mask with at least this part of its SUVmax (EANM 2015, Boellaard).
MTV_PART_OF_MAX = 0.41


@dataclass(frozen=True)
class Uptake:
    """SUV of one finding. `mean` is over the whole mask; `mtv_ml` over its voxels at or above 41% of the maximum."""

    max: float
    peak: float
    mean: float
    mtv_ml: float
    hottest_lps: Point


def measure_uptake(mask: Volume, suv: Volume) -> Uptake | None:
    """SUV statistics of a mask; None when the PET does not cover it.

    Args:
        mask: bool, on any grid (usually the CT's).
        suv: body-weight SUV on any grid in the same frame of reference; native voxels give the truest maximum.
    """
    part, near = _on_pet(mask, suv)
    if part is None:
        return None
    values = np.nan_to_num(suv.array[near].astype(np.float64))
    inside = values[part]
    hottest = np.argwhere(part & (values == inside.max()))[0] + np.array([side.start for side in near])
    x, y, z = suv.geometry.to_lps(hottest)
    hot = inside >= MTV_PART_OF_MAX * inside.max()
    return Uptake(
        max=float(inside.max()),
        peak=_peak(values, part, suv.geometry),
        mean=float(inside.mean()),
        mtv_ml=float(hot.sum()) * suv.geometry.voxel_ml,
        hottest_lps=(float(x), float(y), float(z)),
    )


def _on_pet(mask: Volume, suv: Volume) -> tuple[np.ndarray | None, tuple[slice, slice, slice]]:
    """The PET voxels that belong to the mask, within a box that leaves room for the peak's sphere; None: no overlap."""
    cover = coverage(mask, suv.geometry)
    if not cover.any():
        return None, (slice(0), slice(0), slice(0))
    near = grown(bounding_box(cover > 0), suv.geometry, PEAK_RADIUS_MM)
    return cover[near] >= COVERED_PART * min(1.0, float(cover.max())), near


def coverage(mask: Volume, grid: Geometry) -> np.ndarray:
    """Part of each voxel of `grid` that the mask covers, (Z, Y, X) float32, from 0 to about 1.

    Every voxel of the mask is cut into pieces no larger than half a voxel of the grid, and each piece counts whole
    where its center falls; the sum over all voxels is the mask's volume.
    """
    part = crop(mask.array, mask.geometry, bounding_box(mask.array))
    cuts = [max(1, math.ceil(2.0 * spacing / min(grid.spacing_mm))) for spacing in part.geometry.spacing_mm]
    pieces = np.stack(
        np.meshgrid(*[(np.arange(cut) + 0.5) / cut - 0.5 for cut in cuts], indexing="ij"), axis=-1
    ).reshape(-1, 3)
    voxels = np.argwhere(part.array)
    filled = np.zeros(grid.shape, np.float32)
    for piece in pieces:
        index = np.floor(grid.to_index(part.geometry.to_lps(voxels + piece)) + 0.5).astype(np.intp)
        index = index[((index >= 0) & (index < np.array(grid.shape))).all(axis=1)]
        np.add.at(filled, tuple(index.T), 1.0)
    return filled * np.float32(part.geometry.voxel_ml / len(pieces) / grid.voxel_ml)


def _peak(values: np.ndarray, mask: np.ndarray, grid: Geometry) -> float:
    """The highest mean of a 1 mL sphere centered on a voxel of the mask."""
    reach = [int(PEAK_RADIUS_MM // spacing) for spacing in grid.spacing_mm]
    offsets = np.meshgrid(
        *[np.arange(-count, count + 1) * spacing for count, spacing in zip(reach, grid.spacing_mm, strict=True)],
        indexing="ij",
    )
    ball = (sum(offset**2 for offset in offsets) <= PEAK_RADIUS_MM**2).astype(np.float64)
    total = fftconvolve(values, ball, mode="same") if ball.size > 1 else values
    count = fftconvolve(np.ones_like(values), ball, mode="same") if ball.size > 1 else np.ones_like(values)
    return float((total[mask] / np.round(count[mask])).max())
