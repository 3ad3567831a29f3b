"""Bones, vertebral column and spinal canal, by density and by the layers of bone."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from oncology.imaging import shape
from oncology.imaging.canal import Canal
from oncology.imaging.shape import Spacing

BONE_HU = 160
# A bone has a cortex: something in it is at least this dense at 2 mm.
CORTEX_HU = 260
SMALLEST_ML = 0.25
# Spongy bone beside a cortex; muscle stays below, with contrast medium too.
SPONGY_HU, SPONGY_LOWEST_HU, SPONGY_MM = 110, 80, 5.0
# Blobs thicker than twice this are vertebrae, shoulders and hips, or vessels and organs full of contrast medium.
# A bone is densest in its outer layer, blood in its middle.
BLOB_MM, LAYER_MM = 6.0, 4.0
CORTEX_STEP_HU = 15.0
# Or a bright shell lies around it: measured 0.10 and more around bone, 0.03 and less around blood.
CORTEX_ABOVE_HU, CORTEX_PART = 40.0, 0.06
HALO_MM = 5.0
MARROW_GAP_MM = 3.0
MARROW_MM2 = 500.0

# Around the center of the canal: half width (transverse processes), to the front (body) and the back (spinous process).
COLUMN_ASIDE_MM, COLUMN_BACK_MM = 34.0, 55.0
# The vertebral body as an ellipse before the canal: middle, half depth, half width; the aorta lies mostly outside.
BODY_BEFORE_MM, BODY_DEPTH_MM, BODY_ASIDE_MM = 24.0, 27.0, 27.0
ARCH_FRONT_MM = 12.0
CANAL_RADIUS_MM = 12.0


def segment_bones(hu: np.ndarray, body: np.ndarray, canal: Canal | None, spacing_mm: Spacing) -> np.ndarray:
    """All bones with their marrow; vessels and organs with contrast medium and small calcifications left out.

    Args:
        hu: (z, y, x) coarse CT, canonical axes.
        canal: where the spine is in the field of view; what lies around it is bone whatever its layers say.
    """
    dense = (hu > BONE_HU) & body
    column = np.zeros_like(dense) if canal is None else _around_canal(hu.shape, canal, spacing_mm)
    blood = _filled_with_contrast(hu, dense & ~column, spacing_mm)
    dense &= ~blood
    labels, sizes = shape.components(dense)
    cortex = np.bincount(labels.ravel(), ((hu > CORTEX_HU) & dense).ravel(), minlength=sizes.size)
    keep = (cortex > 0.05 * sizes) & (sizes * np.prod(spacing_mm) >= SMALLEST_ML * 1000)
    keep[0] = False
    bones = keep[labels]
    smooth = ndimage.uniform_filter(hu, 3, output=np.float32)
    spongy = (smooth > SPONGY_HU) & (hu > SPONGY_LOWEST_HU) & body & ~shape.dilate(blood, HALO_MM, spacing_mm)
    bones |= spongy & shape.dilate(bones, SPONGY_MM, spacing_mm)
    return _with_marrow(bones, canal, spacing_mm) & body


def segment_column(bones: np.ndarray, canal: Canal, spacing_mm: Spacing) -> tuple[np.ndarray, np.ndarray]:
    """The vertebral column without its canal, and the canal, in the slices where the canal was believed."""
    region = _around_canal(bones.shape, canal, spacing_mm)
    inside = _disk(bones.shape, canal, CANAL_RADIUS_MM, spacing_mm) & ~bones
    hole = shape.touching(inside, _disk(bones.shape, canal, 3.0, spacing_mm))
    hole &= shape.open_(hole, 2.0, spacing_mm)
    column = bones & region & ~hole
    seed = shape.dilate(hole, 2 * spacing_mm[1], spacing_mm)
    return shape.touching(column, seed & column), hole


def _filled_with_contrast(hu: np.ndarray, dense: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """Heart, vessels, kidneys, bowel: blobs whose middle is as dense as their outer layer, and what hangs on them."""
    labels, sizes = shape.components(shape.open_(dense, BLOB_MM, spacing_mm))
    if sizes.size == 1:
        return np.zeros_like(dense)
    depth = shape.distance_mm(labels > 0, spacing_mm)
    outer = _means(hu, np.where(depth <= LAYER_MM, labels, 0), sizes.size)
    middle = _means(hu, np.where(depth > LAYER_MM, labels, 0), sizes.size)
    contrast = outer < middle + CORTEX_STEP_HU
    contrast[0] = False
    for label in np.flatnonzero(contrast):
        box = shape.bounding_box(labels == label, HALO_MM, spacing_mm)
        blob = labels[box] == label
        around = hu[box][shape.dilate(blob, LAYER_MM, spacing_mm) & ~blob]
        contrast[label] = (around > middle[label] + CORTEX_ABOVE_HU).mean() < CORTEX_PART
    return shape.dilate(contrast[labels], HALO_MM, spacing_mm) & dense


def _means(hu: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Mean HU per label, 0 where it has no voxel."""
    sizes = np.bincount(labels.ravel(), minlength=count)
    return np.asarray(np.bincount(labels.ravel(), hu.ravel(), minlength=count) / np.maximum(sizes, 1))


def _with_marrow(bones: np.ndarray, canal: Canal | None, spacing_mm: Spacing) -> np.ndarray:
    """Fill marrow: what a narrow gap or a small hole in an axial slice leaves open; the canal stays open."""
    closed = shape.close(bones, MARROW_GAP_MM, spacing_mm)
    holes = shape.slice_labels(~closed)
    sizes = np.bincount(holes.ravel())
    small = sizes * spacing_mm[1] * spacing_mm[2] <= MARROW_MM2
    small[0] = False
    filled = closed | small[holes]
    if canal is not None:
        filled &= bones | ~_disk(bones.shape, canal, CANAL_RADIUS_MM, spacing_mm)
    return filled


def _offsets(extent: tuple[int, ...], canal: Canal, spacing_mm: Spacing) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Millimeters behind (Z, Y, 1) and beside (Z, 1, X) the canal; believed slices (Z, 1, 1)."""
    behind = (np.arange(extent[1])[None, :] - canal.y[:, None]) * spacing_mm[1]
    aside = np.abs(np.arange(extent[2])[None, :] - canal.x[:, None]) * spacing_mm[2]
    return behind[:, :, None], aside[:, None, :], canal.believed[:, None, None]


def _around_canal(extent: tuple[int, ...], canal: Canal, spacing_mm: Spacing) -> np.ndarray:
    behind, aside, believed = _offsets(extent, canal, spacing_mm)
    arch = (aside <= COLUMN_ASIDE_MM) & (behind >= -ARCH_FRONT_MM) & (behind <= COLUMN_BACK_MM)
    disk = ((behind + BODY_BEFORE_MM) / BODY_DEPTH_MM) ** 2 + (aside / BODY_ASIDE_MM) ** 2 <= 1
    return np.asarray(believed & (arch | disk))


def _disk(extent: tuple[int, ...], canal: Canal, radius_mm: float, spacing_mm: Spacing) -> np.ndarray:
    behind, aside, believed = _offsets(extent, canal, spacing_mm)
    return np.asarray(believed & (np.hypot(behind, aside) <= radius_mm))
