"""One door to models that others made, whatever their kind."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np

from models.card import Card
from oncology.errors import ModelError
from oncology.imaging.volume import Volume

# Kind of card -> module, read when it is needed.
ADAPTERS = {
    "nnunet": "nnunet",
    "monai_bundle": "monai_bundle",
    "totalsegmentator": "totalsegmentator",
    "torchscript": "exported",
    "onnx": "exported",
}


def is_foreign(card: Card) -> bool:
    """True when the model runs through an adapter and not through this software's own networks."""
    return card.kind in ADAPTERS


def segment(card: Card, ct: Volume, work: Path, pet: Volume | None = None) -> dict[str, np.ndarray]:
    """Masks (Z, Y, X) bool on the CT's grid by this software's names; what was not found is left out.

    Args:
        work: an existing folder for what is exchanged with the model; nothing stays in it.
        pet: SUV on any grid in the CT's frame, for models that take it.

    Raises:
        ModelError: there is no adapter for the kind, or the model failed; its last words without paths.
    """
    if not is_foreign(card):
        raise ModelError(f"model {card.id} is of kind {card.kind}; expected one of: {', '.join(ADAPTERS)}")
    adapter = importlib.import_module(f"models.adapters.{ADAPTERS[card.kind]}")
    masks: dict[str, np.ndarray] = adapter.segment(card, ct, work, pet)
    return masks
