"""Signs of one lymph node on CT and PET that bear on whether it is malignant: density, fat, border, uptake.

Signs and their use: Ying and Ahuja 2003, Clin Radiol 58:351 (fatty hilum, necrosis, border, shape); uptake against
liver and blood pool: Silvestri 2013, Chest 143 suppl. Every value is a plain number; one that cannot be measured is
left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from oncology.imaging.region import bounding_box, distance_mm, grown
from oncology.imaging.uptake import coverage
from oncology.imaging.volume import Geometry, Volume

Measures = dict[str, float]
REACH_MM = 9.0  # tissue around a node that is looked at
RIM_MM = 1.5  # the blurred rim that is left out where the inside is judged
SMOOTH_MM = 0.9  # noise of single voxels is averaged over this
FAT_HU = -98.0
TISSUE_HU = (-150.0, 150.0)  # air and vessels full of contrast medium would hide what fat and node differ in
FATTY_HU = 0.0  # inside a node below this is fat mixed with tissue: the hilum
DROP_HU = 22.0  # this much less dense than the node's rim, and no fat, is dead tissue
FAT_AROUND_HU = (-150.0, -15.0)
NEAR_MM, FAR_MM = 4.0, 8.0  # rings around a node on PET
REFERENCES: Mapping[str, str] = {"liver": "liver_suv", "aorta": "blood_pool_suv"}
REFERENCE_DEPTH_MM, REFERENCE_VOXELS = 5.0, 3000


@dataclass(frozen=True)
class _Near:
    """A node and what is around it: HU and distances from its border in mm (inside positive), (Z, Y, X)."""

    hu: np.ndarray
    smooth: np.ndarray
    depth: np.ndarray
    spacing_mm: tuple[float, float, float]


def node_signs(
    mask: np.ndarray, ct: Volume, suv: Volume | None = None, references: Mapping[str, float] | None = None
) -> Measures:
    """What CT and PET show of one node.

    Args:
        mask: (Z, Y, X) bool on the CT's grid, not empty.
        ct: in HU.
        suv: body-weight SUV in the same frame of reference, on any grid.
        references: uptake of liver and blood pool, see `reference_uptake`.
    Returns:
        hu_mean, hu_sd, hu_low (10th percentile) of the inside; fat_share and necrosis_share of it; hu_drop from rim to
        center; edge_hu_per_mm; raggedness (surface over that of a sphere); surround_hu and surround_fat_share of the
        tissue next to it; with PET suv_mean, suv_near (highest within 4 mm), suv_ring (mean 4 to 8 mm off), suv_ratio
        to that ring, liver_suv and blood_pool_suv.
    """
    near = _near(mask, ct)
    found = {**_inside(near), **_border(near), **_around(near)}
    return found if suv is None else found | _uptake(mask, ct.geometry, suv) | dict(references or {})


def _near(mask: np.ndarray, ct: Volume) -> _Near:
    box = grown(bounding_box(mask), ct.geometry, REACH_MM)
    spacing = ct.geometry.spacing_mm
    part, half = mask[box], min(spacing) / 2.0  # the border runs between two voxels' centers
    hu = np.clip(ct.array[box].astype(np.float32), *TISSUE_HU)
    depth = np.where(part, distance_mm(part, spacing) - half, half - distance_mm(~part, spacing))
    smooth = ndimage.gaussian_filter(hu, [SMOOTH_MM / step for step in spacing], truncate=3.0)
    return _Near(hu, smooth, depth, spacing)


def _inside(near: _Near) -> Measures:
    """Density of the node within its blurred rim; of its deeper half where it is too small for that."""
    node = near.depth > 0
    core = near.depth > RIM_MM
    if core.sum() < 0.25 * node.sum():
        core = near.depth >= np.median(near.depth[node])
    values = near.smooth[core]
    deep = core & (near.depth >= np.quantile(near.depth[core], 0.6))
    rim = float(np.quantile(values, 0.8))
    fat = values < FATTY_HU
    return {
        "hu_mean": float(values.mean()),
        "hu_sd": float(near.hu[core].std()),
        "hu_low": float(np.quantile(values, 0.1)),
        "fat_share": float(fat.mean()),
        "necrosis_share": float(((values < rim - DROP_HU) & ~fat).mean()),
        "hu_drop": rim - float(near.smooth[deep].mean()),
    }


def _border(near: _Near) -> Measures:
    """How steeply density falls at the border, and how ragged the node's surface is on the CT itself.

    The surface is the total variation of the part of each voxel that is node, by its density between fat and node, so
    that it does not rest on the mask's own steps.
    """
    if min(near.hu.shape) < 2:
        return {}
    rim = np.abs(near.depth) <= max(1.0, 0.75 * max(near.spacing_mm))
    slopes = np.gradient(near.smooth, *near.spacing_mm)
    steep = np.sqrt(sum(slope**2 for slope in slopes))
    inner = near.smooth[near.depth > 0]
    level = max(float(np.quantile(inner, 0.7)), FAT_HU + 40.0)
    filled = np.clip((near.smooth - FAT_HU) / (level - FAT_HU), 0.0, 1.0) * (near.depth > -2.5)
    voxel = float(np.prod(near.spacing_mm))
    surface = float(np.sqrt(sum(slope**2 for slope in np.gradient(filled, *near.spacing_mm))).sum()) * voxel
    volume = float(filled.sum()) * voxel
    ball = float((36.0 * np.pi) ** (1.0 / 3.0) * volume ** (2.0 / 3.0))
    return {"edge_hu_per_mm": float(steep[rim].mean()), "raggedness": surface / max(ball, 1e-6)}


def _around(near: _Near) -> Measures:
    """The tissue next to the node: fat that is stranded is denser than fat that is not."""
    ring = (near.depth < -1.5) & (near.depth > -4.5)
    values = near.smooth[ring]
    fat = values[(values > FAT_AROUND_HU[0]) & (values < FAT_AROUND_HU[1])]
    found = {"surround_fat_share": fat.size / max(values.size, 1)}
    return found | ({"surround_hu": float(np.median(fat))} if fat.size else {})


def _uptake(mask: np.ndarray, grid: Geometry, suv: Volume) -> Measures:
    """Uptake in the node and in rings around it, on the PET's own voxels; nothing where the PET does not reach it."""
    cover = coverage(Volume(mask, grid), suv.geometry)
    if not cover.any():
        return {}
    box = grown(bounding_box(cover > 0), suv.geometry, FAR_MM + 2.0)
    inside = cover[box] >= 0.5 * min(1.0, float(cover.max()))
    values = np.nan_to_num(suv.array[box].astype(np.float32))
    away = distance_mm(~inside, suv.geometry.spacing_mm)
    ring = values[(away > NEAR_MM) & (away <= FAR_MM)]
    around = float(ring.mean()) if ring.size else float(values.mean())
    return {
        "suv_mean": float(values[inside].mean()),
        "suv_near": float(values[away <= NEAR_MM].max()),
        "suv_ring": around,
        "suv_ratio": float(values[inside].max()) / max(around, 0.1),
    }


def reference_uptake(structures: Mapping[str, np.ndarray], grid: Geometry, suv: Volume) -> Measures:
    """Median SUV of liver and blood pool (aorta), away from their borders; those that the scan shows.

    Args:
        structures: (Z, Y, X) bool by name on the CT's grid.
    """
    found = {}
    for name, key in REFERENCES.items():
        mask = structures.get(name)
        if mask is not None and mask.any():
            values = _sampled(mask, grid, suv)
            if values.size:
                found[key] = float(np.median(values))
    return found


def _sampled(mask: np.ndarray, grid: Geometry, suv: Volume) -> np.ndarray:
    """SUV (N,) at up to REFERENCE_VOXELS of the mask's inner voxels."""
    box = bounding_box(mask)
    depth = distance_mm(np.pad(mask[box], 1), grid.spacing_mm)[1:-1, 1:-1, 1:-1]
    voxels = np.argwhere(depth > min(REFERENCE_DEPTH_MM, 0.6 * float(depth.max())))
    voxels = voxels[:: max(1, len(voxels) // REFERENCE_VOXELS)] + [side.start for side in box]
    index = np.round(suv.geometry.to_index(grid.to_lps(voxels))).astype(int)
    index = index[((index >= 0) & (index < np.array(suv.geometry.shape))).all(axis=1)]
    return np.asarray(np.nan_to_num(suv.array[tuple(index.T)].astype(np.float32)))
