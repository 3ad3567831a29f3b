"""Cutting the part of a volume that matters, and turning it upright.

Whole CTs are large and masks are small: every measurement first cuts its mask's bounding box, so that its time
depends on the lesion and not on the scan.
"""

from __future__ import annotations

import math

import cc3d
import edt
import numpy as np

from oncology.errors import ContourError
from oncology.imaging.volume import OBLIQUE_DEG, Geometry, Volume, canonical, resample_axial

Box = tuple[slice, slice, slice]
Spacing = tuple[float, float, float]


def bounding_box(mask: np.ndarray) -> Box:
    """The smallest box (z, y, x) that holds every set voxel.

    Raises:
        ContourError: no voxel is set.
    """
    box = [slice(0, size) for size in mask.shape]
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        filled = np.flatnonzero(mask[tuple(box)].any(axis=others))
        if filled.size == 0:
            raise ContourError(
                "the mask has no voxel set; expected at least one voxel inside the image; check that contour and "
                "image share a frame of reference"
            )
        box[axis] = slice(int(filled[0]), int(filled[-1]) + 1)
    return box[0], box[1], box[2]


def grown(box: Box, grid: Geometry, margin_mm: float) -> Box:
    """The box with `margin_mm` more on each side, cut at the image's border."""
    steps = [math.ceil(margin_mm / spacing) for spacing in grid.spacing_mm]
    sides = [
        slice(max(side.start - step, 0), min(side.stop + step, size))
        for side, step, size in zip(box, steps, grid.shape, strict=True)
    ]
    return sides[0], sides[1], sides[2]


def crop(array: np.ndarray, grid: Geometry, box: Box) -> Volume:
    """The voxels inside the box, at their place in the world; a view, nothing is copied."""
    part = array[box]
    corner = grid.to_lps(np.array([side.start for side in box], float))
    origin = (float(corner[0]), float(corner[1]), float(corner[2]))
    return Volume(part, Geometry(part.shape, grid.spacing_mm, origin, grid.direction))


def upright(volume: Volume) -> Volume:
    """The volume with its axes along the patient's, as `canonical` has them.

    Flipped and permuted axes cost nothing; a mask on oblique axes (more than 2 degrees) is resampled to the
    nearest voxel.
    """
    if volume.geometry.obliquity_deg() > OBLIQUE_DEG:
        volume = resample_axial(volume, linear=False, fill=0)
    return canonical(volume)


def checked_mask(mask: np.ndarray, grid: Geometry, name: str) -> np.ndarray:
    """The mask as bool.

    Raises:
        ContourError: its shape is not the grid's.
    """
    if mask.shape != grid.shape:
        raise ContourError(
            f"the mask of {name} has {mask.shape} voxels (z, y, x); expected the image's {grid.shape}; resample it "
            "to the image first"
        )
    return mask if mask.dtype == bool else mask.astype(bool)


def distance_mm(mask: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """For every voxel the distance in mm to the nearest voxel that is not set, center to center; 0 outside.

    What lies beyond the array is not known and counts as neither; where every voxel is set the answer is inf.
    """
    result: np.ndarray = edt.edt(np.ascontiguousarray(mask), anisotropy=spacing_mm, black_border=False, parallel=2)
    return result


def components(mask: np.ndarray) -> list[tuple[np.ndarray, Box]]:
    """Connected parts (26 neighbors), largest first; each as its mask inside its box, and the box."""
    bits = np.ascontiguousarray(mask, dtype=bool).view(np.uint8)  # of bool arrays cc3d 4.1 fails on some of 3 voxels
    labels, count = cc3d.connected_components(bits, connectivity=26, return_N=True)
    statistics = cc3d.statistics(labels)
    order = sorted(range(1, count + 1), key=lambda label: -int(statistics["voxel_counts"][label]))
    boxes = statistics["bounding_boxes"]
    return [(labels[boxes[label]] == label, boxes[label]) for label in order]
