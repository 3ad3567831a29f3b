"""Which models this installation uses: those there are, less what its settings and their licences rule out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from models.card import Card
from models.registry import all_cards, allows, cards_for, refusal
from oncology.cancers.protocol import MODULES
from oncology.errors import ModelError
from oncology.findings import Severity, Verdict
from tasks.settings import settings

# Role of a model -> what it means that none does it.
WITHOUT: Mapping[str, str] = {
    "anatomy": "anatomy is what rules and contours show",
    "lesion": "no lesion is proposed, and what nobody drew is missing; give contours",
    "node_malignancy": "nodes are judged by size, necrosis and uptake alone",
    "node_ene": "extranodal extension stays unknown unless a person tells it",
}


def chosen_cards(role: str, cancer: str) -> list[Card]:
    """Models for one task that may be used here, best first; empty where rules must do alone."""
    use = settings().model_use
    return [card for card in _asked_for(role, cancer) if allows(card, use)]


def mark(card: Card) -> str:
    """Id, hash of the weights and hash of the settings of a model, so that answers are kept apart by all of them."""
    told = hashlib.sha256(json.dumps(card.settings, sort_keys=True).encode()).hexdigest()
    return f"{card.id}:{card.sha256[:16]}:{told[:8]}"


def refusals(role: str, cancer: str) -> list[str]:
    """Why models for one task are not used: the words for the report."""
    use = settings().model_use
    return [refusal(card, use) for card in _asked_for(role, cancer) if not allows(card, use)]


def unserved(roles: Iterable[str], cancer: str, where: str) -> list[Verdict]:
    """A verdict for each task that no model in use does for a cancer that a package adds; for ours cards say it."""
    if cancer in MODULES:
        return []
    lacking = [role for role in roles if not chosen_cards(role, cancer)]
    return [
        Verdict(
            "no-model-for-cancer",
            Severity.INFO,
            f"no model in use for {role.replace('_', ' ')} names the cancer {cancer}: {WITHOUT[role]}; a model whose "
            "card names it is added by `aimdt models add`",
            where,
        )
        for role in lacking
    ]


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
