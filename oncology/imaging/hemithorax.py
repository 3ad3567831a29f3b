"""One half of the chest: its inflated lung, closed and completed by what is solid, within the rib cage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from oncology.imaging import shape
from oncology.imaging.cage import find_half_cage
from oncology.imaging.consolidation import HalfChest, solid_lung
from oncology.imaging.shape import Spacing

# Vessels in the lung and dents of its surface narrower than twice this belong to it (as radiotherapy draws lungs;
# tried 0 to 20 mm on four scans with lung masks: 8 to 10 mm agreed best).
CLOSING_MM = 9.0
# A hole in an axial slice belongs to the lung when this part of its outline is solid lung already given back.
SOLID_OUTLINE = 0.4


@dataclass(frozen=True)
class Midline:
    """Where the midline runs, per coarse slice: y of the spinal canal (or of what stands for it) and x."""

    y: np.ndarray
    x: np.ndarray


@dataclass(frozen=True)
class Chest:
    """What both halves share, on the coarse grid.

    Attributes:
        hu: (z, y, x) CT, canonical axes.
        airway: trachea and all large bronchi with their walls.
        central_airway: trachea and main bronchi with their walls: never part of a lung.
        ribs: thin bones.
        midline: None when the spine is not in the field of view; then nothing solid is given back.
    """

    hu: np.ndarray
    airway: np.ndarray
    central_airway: np.ndarray
    ribs: np.ndarray
    midline: Midline | None
    spacing_mm: Spacing


@dataclass(frozen=True)
class HalfLung:
    """Result for one side, coarse grid.

    Attributes:
        lung: with solid parts given back.
        solid: what was given back beyond closing.
        fluid: along the chest wall beside solid lung; not part of the lung.
        cavity: inside the rib cage on this side, up to the midline; empty without a midline.
    """

    lung: np.ndarray
    solid: np.ndarray
    fluid: np.ndarray
    cavity: np.ndarray


def complete_lung(chest: Chest, air: np.ndarray, other: np.ndarray, left: bool) -> HalfLung:
    """Close the lung of one side and give back its solid parts.

    Args:
        air: inflated lung of this side.
        other: the other lung.
    """
    nothing = np.zeros_like(air)
    if not air.any():
        return HalfLung(nothing, nothing, nothing, nothing)
    stop = other | chest.airway
    closed = shape.fill_holes(shape.close(air, CLOSING_MM, chest.spacing_mm)) & ~stop
    if chest.midline is None:
        return HalfLung(_with_bronchi(closed, chest), nothing, nothing, nothing)
    cage = find_half_cage(air, chest.ribs, (chest.midline.y, chest.midline.x), left, chest.spacing_mm)
    cavity = cage.inside(air.shape, chest.spacing_mm)
    solid, fluid = _solid_part(chest, chest.midline, closed, stop, cavity, left)
    whole = closed
    if solid.any():
        whole = shape.fill_holes(shape.close(closed | solid, CLOSING_MM, chest.spacing_mm))
        whole = (whole | _held_holes(whole, solid)) & ~stop & ~fluid & (cavity | closed)
    return HalfLung(_with_bronchi(whole, chest), whole & ~closed, fluid, cavity)


def _solid_part(
    chest: Chest, midline: Midline, closed: np.ndarray, stop: np.ndarray, cavity: np.ndarray, left: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Solid lung of this side inside the cage, and pleural fluid beside it."""
    aside = (np.arange(closed.shape[2])[None, None, :] - midline.x[:, None, None]) * chest.spacing_mm[2]
    aside = aside if left else -aside
    wall = ~cavity & (aside > 0)
    wall[~closed.any(axis=(1, 2))] = False
    half = HalfChest(chest.hu, closed, stop | (aside <= 0), wall, aside, left, chest.spacing_mm)
    solid, fluid = solid_lung(half)
    return solid & cavity & ~stop, fluid & ~closed


def _held_holes(lung: np.ndarray, solid: np.ndarray) -> np.ndarray:
    """Holes of axial slices whose outline is largely solid lung: the middle of a large mass."""
    labels = shape.slice_holes(lung)
    if not labels.any():
        return np.zeros_like(lung)
    count = int(labels.max()) + 1
    cross = np.zeros((3, 3, 3), bool)
    cross[1] = ndimage.generate_binary_structure(2, 1)
    around = ndimage.grey_dilation(labels, footprint=cross)
    outline = lung & (around > 0)
    held = shape.part_shares(around, count, solid, within=outline) >= SOLID_OUTLINE
    held[0] = False
    return np.asarray(held[labels])


def _with_bronchi(lung: np.ndarray, chest: Chest) -> np.ndarray:
    """Bronchi that the lung surrounds belong to it; trachea and main bronchi do not."""
    return lung | ((shape.slice_holes(lung) > 0) & chest.airway & ~chest.central_airway)
