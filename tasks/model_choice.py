"""Which models this installation uses: those there are, less what its settings and their licences rule out."""

from __future__ import annotations

from models.card import Card
from models.registry import all_cards, allows, cards_for, refusal
from oncology.errors import ModelError
from tasks.settings import settings


def chosen_cards(role: str, cancer: str) -> list[Card]:
    """Models for one task that may be used here, best first; empty where rules must do alone."""
    use = settings().model_use
    return [card for card in _asked_for(role, cancer) if allows(card, use)]


def refusals(role: str, cancer: str) -> list[str]:
    """Why models for one task are not used: the words for the report."""
    use = settings().model_use
    return [refusal(card, use) for card in _asked_for(role, cancer) if not allows(card, use)]


def allowed_ids() -> set[str]:
    """Ids that AIMDT_MODELS lets through.

    Raises:
        ModelError: it names a model that there is not.
    """
    there, wanted = set(all_cards(settings().home)), settings().model_ids
    if wanted is None:
        return there
    if unknown := sorted(wanted - there):
        raise ModelError(
            f"AIMDT_MODELS names {', '.join(unknown)}; expected all, none, or some of: {', '.join(sorted(there))}"
        )
    return set(wanted)


def _asked_for(role: str, cancer: str) -> list[Card]:
    allowed = allowed_ids()
    return [card for card in cards_for(role, cancer, settings().home) if card.id in allowed]
