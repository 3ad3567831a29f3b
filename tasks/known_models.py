"""What the cards of a case's models say of them, for the probabilities that are delivered."""

from __future__ import annotations

from collections.abc import Iterable

from models.card import Card
from models.card import Figure as Stated
from models.registry import all_cards
from oncology.errors import ModelError
from oncology.findings import Findings
from oncology.presence import Figure, KnownModel
from tasks.settings import settings

SHIFTED = "; shift "  # in what a figure was measured on: scans made unlike those of the training


def known_models(findings: Findings) -> dict[str, KnownModel]:
    """Role and figures by id, of models that the findings name and that are still there."""
    named = {*findings.models, *(node.malignancy_model for node in findings.nodes)}
    try:
        cards = all_cards(settings().home)
    except ModelError:  # a card that was broken since: the probabilities stand without its figures
        return {}
    return {name: _known(card) for name, card in cards.items() if name in named}


def _known(card: Card) -> KnownModel:
    return KnownModel(card.role, {figure.name: _figure(figure) for figure in _plain(card.figures)})


def _plain(figures: Iterable[Stated]) -> list[Stated]:
    """Figures on scans as they usually are; the first of a name, which is that over all cancers, comes last."""
    return [figure for figure in reversed(tuple(figures)) if SHIFTED not in figure.on]


def _figure(stated: Stated) -> Figure:
    return Figure(stated.value, stated.n, stated.low, stated.high, stated.on)
