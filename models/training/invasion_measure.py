"""The figures of the invasion model on its held-out rows, as `aimdt models verify` asks for them."""

from __future__ import annotations

from models.card import Card, Figure
from models.registry import weights_path
from models.training.invasion import HELD_OUT_ROWS, SEEN_ROWS, card_figures
from models.verification import Material
from oncology.errors import ModelError
from oncology.invasion.model import load_model


def measure(card: Card, material: Material) -> list[Figure]:
    """The card's figures; contacts of held-out patients are shipped, so that nothing is drawn.

    Raises:
        ModelError: the rows or the coefficients cannot be read, or fewer patients or a shift are asked for.
    """
    if material.shift or material.patients:
        raise ModelError(f"{card.id} is measured on rows that are shipped: all of them, under no shift; ask without")
    model = load_model(weights_path(card))
    if model is None:
        raise ModelError(f"{card.id} has no coefficients; restore {card.weights}")
    return card_figures(model, HELD_OUT_ROWS, SEEN_ROWS)
