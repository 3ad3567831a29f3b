"""Single nodes through the network for them: crops from any scan, and probabilities that are calibrated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy import ndimage

from models.card import Card
from models.inference.grid import hu_on, suv_on
from models.inference.predict import Crops
from models.networks.node_inputs import BLOCK, BLOCK_MM, NodeBlock, depth_of, node_crops
from oncology.imaging.region import bounding_box, crop, grown
from oncology.imaging.volume import Geometry, Volume, resample

Ask = Callable[[Card, Crops], Mapping[str, np.ndarray]]
CALIBRATION = "calibration"  # card setting: label -> intercept and slope of the logit
REACH_MM = BLOCK * BLOCK_MM  # of the scan around a node that is looked at
LEAST_P = 1e-4


def see_nodes(
    card: Card, masks: Sequence[np.ndarray], ct: Volume, pet: Volume | None, ask: Ask
) -> list[dict[str, float]]:
    """For every node the calibrated probability of each of the network's labels.

    Args:
        masks: (Z, Y, X) bool on the CT's grid, not empty.
        ct: in HU; `pet` in SUV in the same frame of reference, on any grid.
        ask: runs a network on crops.

    Raises:
        ModelError: a node is too small, or the network did not answer.
    """
    crops = np.stack([node_crops(card.inputs, node_block(mask, ct, pet)) for mask in masks])
    found = ask(card, Crops(crops.astype(np.float32)))[card.heads[0].name]
    labels = card.heads[0].labels
    return [{label: float(calibrated(card, label, p)) for label, p in zip(labels, row, strict=True)} for row in found]


def calibrated(card: Card, label: str, p: np.ndarray) -> np.ndarray:
    """Platt's line on the logit, as the card holds it; without one the probability as it is."""
    intercept, slope = card.settings.get(CALIBRATION, {}).get(label, (0.0, 1.0))
    clipped = np.clip(np.asarray(p, float), LEAST_P, 1.0 - LEAST_P)
    return np.asarray(1.0 / (1.0 + np.exp(-(intercept + slope * np.log(clipped / (1.0 - clipped))))))


def node_block(mask: np.ndarray, ct: Volume, pet: Volume | None) -> NodeBlock:
    """The block around a node on upright cubes, as training has them; a PET that ends before the node is none."""
    near = grown(bounding_box(mask), ct.geometry, REACH_MM)
    image, node = crop(ct.array, ct.geometry, near), crop(mask, ct.geometry, near)
    center = node.geometry.to_lps(np.array(ndimage.center_of_mass(node.array)))
    first = center - (BLOCK - 1) / 2 * BLOCK_MM
    grid = Geometry((BLOCK,) * 3, (BLOCK_MM,) * 3, (float(first[0]), float(first[1]), float(first[2])))
    share = resample(Volume(node.array.astype(np.float32), node.geometry), grid, linear=True, fill=0.0).array
    inside = share > min(0.5, 0.6 * float(share.max()))
    suv = suv_on(pet, grid) if pet is not None and _reaches(pet.geometry, center) else None
    return NodeBlock(hu_on(image, grid), suv, depth_of(inside, BLOCK_MM))


def _reaches(grid: Geometry, point: np.ndarray) -> bool:
    index = grid.to_index(point)
    return bool(((index >= 0) & (index <= np.array(grid.shape) - 1)).all())
