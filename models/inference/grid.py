"""From a CT to the grid that a network works on, and masks back to the CT's own voxels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from oncology.imaging.coarse import refine
from oncology.imaging.region import bounding_box, components, grown
from oncology.imaging.volume import Geometry, Volume, from_sitk, resample, to_sitk

BODY_MARGIN_MM = 6.0  # as in training
OUTSIDE_HU, LOWEST_HU, HIGHEST_HU = -1024, -1024, 3071
# Below this many voxels of a network's grid a structure is a speck at a border.
LEAST_VOXELS = 8


def body_grid(body: Volume, spacing_mm: tuple[float, float, float]) -> Geometry:
    """The upright grid around the body.

    Args:
        body: bool on the CT's grid.
        spacing_mm: (z, y, x) of the grid.
    """
    box = grown(bounding_box(body.array), body.geometry, BODY_MARGIN_MM)
    ends = np.array([[side.start for side in box], [side.stop - 1 for side in box]], float)
    corners = np.array([[ends[i, 0], ends[j, 1], ends[k, 2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    world = body.geometry.to_lps(corners)
    low, high = world.min(axis=0), world.max(axis=0)
    count = np.maximum(1, np.floor((high - low)[::-1] / np.array(spacing_mm)).astype(int) + 1)
    return Geometry(
        (int(count[0]), int(count[1]), int(count[2])), spacing_mm, (float(low[0]), float(low[1]), float(low[2]))
    )


def hu_on(ct: Volume, grid: Geometry) -> np.ndarray:
    """The CT (Z, Y, X) int16 on a grid, averaged first where the grid is coarser, so that noise does not fold over."""
    return _resampled(ct, grid, OUTSIDE_HU).clip(LOWEST_HU, HIGHEST_HU).astype(np.int16)


def suv_on(pet: Volume, grid: Geometry) -> np.ndarray:
    """The PET (Z, Y, X) float32 on a grid, 0 outside."""
    return _resampled(pet, grid, 0.0).astype(np.float32)


def _resampled(image: Volume, grid: Geometry, outside: float) -> np.ndarray:
    """Linear; along axes where the image is at least twice as fine as the grid, means of whole blocks."""
    factors = [max(1, int(wide / fine)) for wide, fine in zip(grid.spacing_mm, _sizes(image.geometry), strict=True)]
    if max(factors) > 1:
        image = _blocks(image, factors)
    return resample(image, grid, linear=True, fill=outside).array


def _sizes(geometry: Geometry) -> list[float]:
    """Voxel size along the patient's z, y, x, whatever order the axes have."""
    axes = np.abs(np.asarray(geometry.direction)).argmax(axis=1)  # index axis (x, y, z) nearest each world axis
    return [geometry.spacing_mm[2 - axes[world]] for world in (2, 1, 0)]


def _blocks(image: Volume, factors: Sequence[int]) -> Volume:
    axes = np.abs(np.asarray(image.geometry.direction)).argmax(axis=1)
    shrink = [1, 1, 1]
    for world, factor in zip((2, 1, 0), factors, strict=True):
        shrink[int(axes[world])] = min(factor, image.geometry.shape[2 - int(axes[world])])
    return from_sitk(sitk.BinShrink(to_sitk(Volume(image.array.astype(np.float32), image.geometry)), shrink))


def without_specks(labels: np.ndarray, least_share: float) -> np.ndarray:
    """The label map (Z, Y, X) uint8 without pieces of a structure that are small against its largest one."""
    kept = labels.copy()
    for place, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        (largest, _), *others = components(labels[box] == place)
        for piece, part in others:
            if np.count_nonzero(piece) < least_share * np.count_nonzero(largest):
                kept[box][part][piece] = 0
    return kept


def masks_of(
    labels: np.ndarray, names: Sequence[str], grid: Geometry, ct: Geometry, wanted: set[str] | None = None
) -> dict[str, np.ndarray]:
    """A label map's structures on the CT's voxels, with smooth borders; those that are not there are left out.

    Args:
        labels: (Z, Y, X) uint8 on `grid`; label n + 1 is names[n].
        wanted: names to bring back; None for all.
    """
    counts = np.bincount(labels.ravel(), minlength=len(names) + 1)
    found = {}
    for place, name in enumerate(names, start=1):
        if counts[place] >= LEAST_VOXELS and (wanted is None or name in wanted):
            found[name] = refine(labels == place, grid, ct)
    return found
