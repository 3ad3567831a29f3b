"""What a network sees: channels made from CT, PET, place and anatomy, alike in training and on a patient.

A channel is one of: `ct_soft`, `ct_wide` (two windows), `pet`, `pet_flag`, `right_left`, `front_back` (place relative
to the middle of the body) and `context:<group>` (where a group of structures lies). Free of torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from oncology.errors import ModelError

SOFT_HU, WIDE_HU = (-160.0, 240.0), (-1000.0, 1000.0)
OUTSIDE_HU = -1024.0
HIGHEST_SUV = 25.0
PLACE_MM = 150.0
CONTEXT = "context:"


def window(hu: np.ndarray, low: float, high: float) -> np.ndarray:
    """HU to -1..1 (float32) between two levels.

    >>> window(np.array([-300.0, 40.0, 300.0]), -160.0, 240.0).tolist()
    [-1.0, 0.0, 1.0]
    """
    return np.clip((hu.astype(np.float32) - low) * (2.0 / (high - low)) - 1.0, -1.0, 1.0)


def uptake(suv: np.ndarray) -> np.ndarray:
    """SUV to 0..2 (float32), small values spread out."""
    return np.sqrt(np.clip(suv.astype(np.float32), 0.0, HIGHEST_SUV)) * 0.4


def build_inputs(
    channels: Sequence[str],
    hu: np.ndarray,
    suv: np.ndarray | None,
    place_mm: tuple[np.ndarray, np.ndarray] | None = None,
    context: Mapping[str, np.ndarray] | None = None,
) -> np.ndarray:
    """The channels (C, Z, Y, X) float32 of one block.

    Args:
        hu, suv: (Z, Y, X); no SUV means no PET.
        place_mm: y and x from the middle of the body, each broadcastable to (Z, Y, X).
        context: group -> (Z, Y, X) bool or 0..1.

    Raises:
        ModelError: a channel that is not known, or whose data are not there.
    """
    result = np.zeros((len(channels), *hu.shape), np.float32)
    for place, name in enumerate(channels):
        if name.startswith(CONTEXT):
            group = name.removeprefix(CONTEXT)
            if context is not None and group in context:
                result[place] = context[group]
        else:
            result[place] = _plain(name, hu, suv, place_mm)
    return result


def _plain(
    name: str, hu: np.ndarray, suv: np.ndarray | None, place_mm: tuple[np.ndarray, np.ndarray] | None
) -> np.ndarray | float:
    if name == "ct_soft":
        return window(hu, *SOFT_HU)
    if name == "ct_wide":
        return window(hu, *WIDE_HU)
    if name == "pet":
        return 0.0 if suv is None else uptake(suv)
    if name == "pet_flag":
        return float(suv is not None)
    if name in ("front_back", "right_left") and place_mm is not None:
        return place_mm[0 if name == "front_back" else 1] / PLACE_MM
    raise ModelError(f"input channel {name!r} is not known, or what it is made from is not there")


def context_groups(
    labels: np.ndarray, names: Sequence[str], groups: Mapping[str, Sequence[str]]
) -> dict[str, np.ndarray]:
    """Where each group's structures lie, (Z, Y, X) bool, from a label map whose label n + 1 is names[n]."""
    found = {}
    for group, members in groups.items():
        table = np.zeros(256, bool)
        table[[names.index(name) + 1 for name in members if name in names]] = True
        found[group] = table[labels]
    return found
