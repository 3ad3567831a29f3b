"""Overlapping masks as few label maps, for a viewer and for the truth beside a synthetic patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from oncology.imaging.region import bounding_box

MOST_LABELS = 255  # of one byte


@dataclass(frozen=True)
class LabelMap:
    """Masks that do not overlap: (Z, Y, X) uint8, 0 where none of them lies, else 1 + the name's place in `names`."""

    labels: np.ndarray
    names: tuple[str, ...]


def label_maps(masks: Mapping[str, np.ndarray]) -> list[LabelMap]:
    """Every mask whole in one of the maps: parts and small structures in the first, what holds them in later ones.

    Args:
        masks: (Z, Y, X) bool by name, all of one shape; empty ones get a label without voxels.

    >>> whole, part = np.array([[[1, 1, 0]]], bool), np.array([[[1, 0, 0]]], bool)
    >>> [(one.names, one.labels.ravel().tolist()) for one in label_maps({"lung": whole, "lobe": part})]
    [(('lobe',), [1, 0, 0]), (('lung',), [1, 1, 0])]
    """
    maps: list[tuple[np.ndarray, list[str]]] = []
    for name in sorted(masks, key=lambda one: (int(np.count_nonzero(masks[one])), one)):
        mask = masks[name]
        box = bounding_box(mask) if mask.any() else (slice(0, 0),) * 3
        part = mask[box]
        fitting = (one for one in maps if len(one[1]) < MOST_LABELS and not one[0][box][part].any())
        chosen = next(fitting, None)
        if chosen is None:
            chosen = (np.zeros(mask.shape, np.uint8), [])
            maps.append(chosen)
        labels, names = chosen
        names.append(name)
        labels[box][part] = len(names)
    return [LabelMap(labels, tuple(names)) for labels, names in maps]
