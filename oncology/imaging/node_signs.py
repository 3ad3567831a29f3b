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
SMOOTH_MM = 0.6  # noise of single voxels is averaged over this
EDGE_MM = 1.5  # how far a mask's border may be off
LEAST_FILLED = 0.2  # less of a voxel is noise in fat
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
        center; edge_hu_per_mm; ellipsoid_short_mm, _middle_mm and _long_mm; surround_hu and surround_fat_share of the
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
        "hu_sd": float(values.std()),
        "hu_low": float(np.quantile(values, 0.1)),
        "fat_share": float(fat.mean()),
        "necrosis_share": float(((values < rim - DROP_HU) & ~fat).mean()),
        "hu_drop": rim - float(near.smooth[deep].mean()),
    }


def _border(near: _Near) -> Measures:
    """How steeply density falls at the border, and the axes of the ellipsoid that the node is on the CT itself.

    The ellipsoid has the node's second moments, each voxel counted by how far its density lies from fat's to the
    node's: finer than voxels, and not resting on the mask's own border, which is trusted to EDGE_MM only.
    """
    if min(near.hu.shape) < 2:
        return {}
    rim = np.abs(near.depth) <= max(1.0, 0.75 * max(near.spacing_mm))
    slopes = np.gradient(near.smooth, *near.spacing_mm)
    steep = np.sqrt(sum(slope**2 for slope in slopes))
    short, middle, long = _axes(_filled(near), near.spacing_mm)
    return {
        "edge_hu_per_mm": float(steep[rim].mean()),
        "ellipsoid_short_mm": short,
        "ellipsoid_middle_mm": middle,
        "ellipsoid_long_mm": long,
    }


def _filled(near: _Near) -> np.ndarray:
    """The part of each voxel that is node, 0 to 1."""
    level = max(float(np.quantile(near.smooth[near.depth > 0], 0.75)), FAT_HU + 78.0)
    filled = np.clip((near.smooth - FAT_HU) / (level - FAT_HU), 0.0, 1.0)
    filled[near.depth > EDGE_MM] = 1.0
    return np.where((near.depth > -EDGE_MM) & (filled >= LEAST_FILLED), filled, 0.0)


def _axes(filled: np.ndarray, spacing_mm: tuple[float, float, float]) -> tuple[float, float, float]:
    """Diameters in mm, shortest first, of the ellipsoid with the same second moments, blur and voxels taken off."""
    places = np.argwhere(filled > 0) * np.array(spacing_mm)
    shares = filled[filled > 0]
    away = places - np.average(places, axis=0, weights=shares)
    spread = (away * shares[:, None]).T @ away / shares.sum() - np.diag(SMOOTH_MM**2 + np.square(spacing_mm) / 12.0)
    short, middle, long = 2.0 * np.sqrt(5.0 * np.clip(np.linalg.eigvalsh(spread), 0.1, None))
    return float(short), float(middle), float(long)


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
