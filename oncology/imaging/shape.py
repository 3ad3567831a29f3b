"""Shape operations on masks in millimeters, on grids whose voxels need not be cubes.

All masks are (z, y, x) bool; spacing is (z, y, x) in millimeters. What lies outside the array counts neither
as set nor as unset: nothing is eroded or filled from the edge of the field of view.
"""

from __future__ import annotations

import cc3d
import edt
import numpy as np
from scipy import ndimage

Spacing = tuple[float, float, float]

THREADS = 2


def distance_mm(mask: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """Distance of every set voxel to the nearest unset one, float32; unset voxels are 0."""
    return np.asarray(edt.edt(np.ascontiguousarray(mask), anisotropy=spacing_mm, parallel=THREADS))


def dilate(mask: np.ndarray, radius_mm: float, spacing_mm: Spacing) -> np.ndarray:
    """Grow a mask by a ball."""
    grown = np.zeros_like(mask, bool)
    if mask.any():
        near = bounding_box(mask, radius_mm, spacing_mm)
        grown[near] = distance_mm(~mask[near], spacing_mm) <= radius_mm
    return grown


def erode(mask: np.ndarray, radius_mm: float, spacing_mm: Spacing) -> np.ndarray:
    """Shrink a mask by a ball."""
    shrunk = np.zeros_like(mask, bool)
    near = bounding_box(mask, max(spacing_mm), spacing_mm)  # one voxel more shows what lies beyond
    shrunk[near] = distance_mm(mask[near], spacing_mm) > radius_mm
    return shrunk


def close(mask: np.ndarray, radius_mm: float, spacing_mm: Spacing) -> np.ndarray:
    """Fill what a ball of that radius cannot enter from outside; the mask is taken to go on beyond the array."""
    pad = [int(np.ceil(radius_mm / size)) for size in spacing_mm]
    padded = np.pad(mask, [(one, one) for one in pad], mode="edge")
    closed = erode(dilate(padded, radius_mm, spacing_mm), radius_mm, spacing_mm)
    inside = tuple(slice(one, one + count) for one, count in zip(pad, mask.shape, strict=True))
    return closed[inside] | mask


def open_(mask: np.ndarray, radius_mm: float, spacing_mm: Spacing) -> np.ndarray:
    """Drop what a ball of that radius cannot enter from inside."""
    return dilate(erode(mask, radius_mm, spacing_mm), radius_mm, spacing_mm) & mask


def components(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Face-connected parts: labels from 1 by falling size, and their voxel counts (index 0 is unset: 0)."""
    labels, count = cc3d.connected_components(np.ascontiguousarray(mask), connectivity=6, return_N=True)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    order = np.argsort(-sizes[1:], kind="stable") + 1
    renumber = np.zeros(count + 1, dtype=np.int32)
    renumber[order] = np.arange(1, count + 1)
    return renumber[labels], np.concatenate([[0], sizes[order]])


def part_shares(labels: np.ndarray, count: int, chosen: np.ndarray, within: np.ndarray | None = None) -> np.ndarray:
    """Of each label below `count` the share of its voxels that are chosen; 0 for a label without any.

    Args:
        labels: (z, y, x) integers; `chosen`: (z, y, x) bool.
        within: (z, y, x) bool, where alone voxels count; None: everywhere.
    """
    if within is not None:
        labels, chosen = labels[within], chosen[within]
    sizes = np.bincount(labels.ravel(), minlength=count)
    return np.asarray(np.bincount(labels.ravel(), chosen.ravel(), minlength=count) / np.maximum(sizes, 1))


def largest(mask: np.ndarray) -> np.ndarray:
    """The largest face-connected part."""
    labels, sizes = components(mask)
    return labels == 1 if sizes.size > 1 else mask.copy()


def touching(mask: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """The face-connected parts of a mask that hold a voxel of the seed."""
    labels = cc3d.connected_components(np.ascontiguousarray(mask), connectivity=6)
    keep = np.zeros(int(labels.max()) + 1, dtype=bool)
    keep[np.unique(labels[seed & mask])] = True
    keep[0] = False
    return keep[labels]


def without_specks(mask: np.ndarray, smallest_voxels: int) -> np.ndarray:
    """The mask without face-connected parts below that size."""
    labels, sizes = components(mask)
    return (sizes >= smallest_voxels)[labels] & mask


def fill_holes(mask: np.ndarray) -> np.ndarray:
    """Fill what cannot be reached from the edge of the array."""
    outside = np.zeros_like(mask)
    for axis in range(3):
        for end in (0, -1):
            face = tuple(end if one == axis else slice(None) for one in range(3))
            outside[face] = True
    return ~touching(~mask, outside & ~mask)


def slice_labels(mask: np.ndarray) -> np.ndarray:
    """Labels of the parts that are face-connected within axial slices, from 1."""
    structure = np.zeros((3, 3, 3), dtype=bool)
    structure[1] = ndimage.generate_binary_structure(2, 1)
    return np.asarray(ndimage.label(mask, structure)[0])


def slice_holes(mask: np.ndarray) -> np.ndarray:
    """Labels, from 1 but not without gaps, of what a mask surrounds within axial slices."""
    return holes_and_open(~mask)[0]


def holes_and_open(empty: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels, from 1 but not without gaps, of what does not reach the edge of its axial slice, and of what does."""
    labels = slice_labels(empty)
    reached = np.zeros(int(labels.max()) + 1, dtype=bool)
    reached[np.concatenate([labels[:, [0, -1], :].ravel(), labels[:, :, [0, -1]].ravel()])] = True
    is_open = reached[labels]
    return np.where(is_open, 0, labels), np.where(is_open, labels, 0)


def bounding_box(mask: np.ndarray, margin_mm: float, spacing_mm: Spacing) -> tuple[slice, slice, slice]:
    """Smallest box that holds the mask, with a margin where the array has room; the whole array for an empty mask."""
    box = []
    for axis in range(3):
        hit = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        pad = int(np.ceil(margin_mm / spacing_mm[axis]))
        low, high = (hit[0], hit[-1] + 1) if hit.size else (0, mask.shape[axis])
        box.append(slice(max(0, int(low) - pad), min(mask.shape[axis], int(high) + pad)))
    return box[0], box[1], box[2]
