"""Between the CT's own voxels and the way in which another maker's model wants to see them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import SimpleITK as sitk

from models.card import Card
from oncology.errors import ModelError
from oncology.imaging.volume import Geometry, Volume, from_sitk, resample, to_sitk

SAME_SPACING_MM = 1e-3
AIR_HU = -1024.0


def oriented(volume: Volume, orientation: str) -> Volume:
    """The same voxels with index axes (x, y, z) running along `orientation`, e.g. LPS; only flips and permutes."""
    return from_sitk(sitk.DICOMOrient(to_sitk(volume), orientation))


def back_on(labels: np.ndarray, shown: Geometry, ct: Geometry) -> np.ndarray:
    """Labels on an oriented grid, on the CT's own voxels again.

    Args:
        labels: (Z, Y, X) whole numbers on `shown`, which `oriented` made of the CT.

    Raises:
        ModelError: the answer has another size than what was shown.
    """
    if labels.shape != shown.shape:
        raise ModelError(f"the model answered {labels.shape} voxels (z, y, x); {shown.shape} were shown to it")
    code = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines([v for row in ct.direction for v in row])
    turned = oriented(Volume(labels, shown), code)
    if not turned.geometry.same_grid(ct):
        raise ModelError("the model's answer does not lie on the CT's voxels; check the CT's axes")
    return turned.array


def grid_of(ct: Geometry, spacing_mm: Sequence[float]) -> Geometry:
    """A grid over the same box with other voxels (z, y, x); the CT's own where they differ by less than 1 um."""
    if np.allclose(ct.spacing_mm, spacing_mm, atol=SAME_SPACING_MM, rtol=0):
        return ct
    old, new = np.array(ct.spacing_mm), np.array(spacing_mm, float)
    shape = np.maximum(1, np.rint(np.array(ct.shape) * old / new)).astype(int)
    corner = ct.to_lps((new / old - 1.0) / 2.0)  # outer faces stay, so the first center moves
    z, y, x = (float(value) for value in new)
    origin = (float(corner[0]), float(corner[1]), float(corner[2]))
    return Geometry((int(shape[0]), int(shape[1]), int(shape[2])), (z, y, x), origin, ct.direction)


def image_on(image: Volume, grid: Geometry, outside: float) -> np.ndarray:
    """The image (Z, Y, X) float32 on a grid, linear; untouched where it lies there already."""
    if image.geometry.same_grid(grid):
        return image.array.astype(np.float32)
    return resample(Volume(image.array.astype(np.float32), image.geometry), grid, linear=True, fill=outside).array


def named_masks(card: Card, labels: np.ndarray, values: Mapping[str, Iterable[int]]) -> dict[str, np.ndarray]:
    """Masks by our names; what the model did not find is left out.

    Args:
        labels: (Z, Y, X) whole numbers.
        values: the model's own label -> its numbers.

    Raises:
        ModelError: the card names a label that the model does not have.
    """
    return masks_by_name(card, {label: np.isin(labels, list(numbers)) for label, numbers in values.items()})


def masks_by_name(card: Card, masks: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Masks by the model's labels as masks by our names; labels with one name become one, empty ones are left out.

    Raises:
        ModelError: the card names a label that the model does not have.
    """
    found: dict[str, np.ndarray] = {}
    for label, name in (card.names or {label: label for label in masks}).items():
        if label not in masks:
            raise ModelError(f"the card of {card.id} names a label {label!r}; the model has: {', '.join(masks)[:300]}")
        if masks[label].any():
            found[name] = found[name] | masks[label] if name in found else masks[label]
    return found
