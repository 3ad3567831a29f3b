"""What the network for nodes sees: one node twice, scaled so that all nodes are equally large, and in millimeters.

Two branches, one blind to size and one that sees it, are the idea of DualNet (Kann 2018, Sci Rep 8:14036). Free of
torch; alike in training and on a patient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from models.networks.inputs import build_inputs
from oncology.errors import ModelError

BLOCK_MM, BLOCK = 1.5, 48  # voxel size and voxels a side of the block around a node, as synthetic necks are drawn
CROP = 32  # voxels a side of both crops
FIXED_MM = 1.0  # voxels of the second crop
WIDTH = 2.2  # the first crop is so many times as wide as the node
MASK = "mask"


@dataclass(frozen=True)
class NodeBlock:
    """A node and its surroundings on upright cubes.

    Attributes:
        hu: (Z, Y, X).
        suv: (Z, Y, X), None without PET.
        depth: (Z, Y, X) mm to the node's border, positive inside.
        spacing_mm: of the cubes.
    """

    hu: np.ndarray
    suv: np.ndarray | None
    depth: np.ndarray
    spacing_mm: float = BLOCK_MM


def depth_of(mask: np.ndarray, spacing_mm: float) -> np.ndarray:
    """Distance in mm to a mask's border, positive inside, float32 (Z, Y, X); the border runs between voxel centers."""
    inside, outside = (ndimage.distance_transform_edt(part, sampling=spacing_mm) for part in (mask, ~mask))
    return np.where(mask, inside - spacing_mm / 2, spacing_mm / 2 - outside).astype(np.float32)


def size_mm(block: NodeBlock) -> float:
    """Diameter of the ball that holds as much as the node."""
    volume = np.count_nonzero(block.depth > 0) * block.spacing_mm**3
    return float((6.0 * volume / np.pi) ** (1.0 / 3.0))


def node_crops(channels: Sequence[str], block: NodeBlock, turn: np.ndarray | None = None) -> np.ndarray:
    """Both crops, one after the other: (2 * C, 32, 32, 32) float32.

    Args:
        channels: of networks/inputs.py, and `mask`.
        turn: 3 x 3, from crop to block, for vectors z, y, x; a flip may be in it.

    Raises:
        ModelError: the block holds no voxel of the node.
    """
    if not (block.depth > 0).any():
        raise ModelError("the node is too small for its network: no voxel of 1.5 mm lies inside it")
    center = np.array(ndimage.center_of_mass(block.depth > 0))
    steps = (WIDTH * size_mm(block) / CROP, FIXED_MM)
    return np.concatenate([_crop(channels, block, center, step / block.spacing_mm, turn) for step in steps])


def _crop(
    channels: Sequence[str], block: NodeBlock, center: np.ndarray, step: float, turn: np.ndarray | None
) -> np.ndarray:
    matrix = step * (np.eye(3) if turn is None else turn)
    offset = center - matrix @ np.full(3, (CROP - 1) / 2)

    def cut(array: np.ndarray) -> np.ndarray:
        found = ndimage.affine_transform(
            array.astype(np.float32), matrix, offset, (CROP,) * 3, order=1, mode="nearest", prefilter=False
        )
        return np.asarray(found)

    plain = [name for name in channels if name != MASK]
    shown = dict(
        zip(plain, build_inputs(plain, cut(block.hu), None if block.suv is None else cut(block.suv)), strict=True)
    )
    shown[MASK] = (cut(block.depth) > 0).astype(np.float32)
    return np.stack([shown[name] for name in channels])
