"""The networks that a case is looked at with: which they are, and what they see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np

from models.adapters import foreign
from models.card import EMBEDDED_NETWORKS, Card
from models.inference.look import Ask, SeenAnatomy, see_anatomy, see_lesions
from models.inference.run import ask
from models.training.labels import label_map
from oncology.errors import ModelError
from oncology.findings import Severity, Source, SourceKind, Verdict
from oncology.imaging.proposals import Proposal, propose
from oncology.imaging.survey import Region
from oncology.imaging.volume import Volume
from tasks.model_choice import chosen_cards, refusals
from tasks.settings import settings

ROLES = ("anatomy", "lesion")
Answer = TypeVar("Answer")
CONVERTED = "converted"  # below the home folder: networks in the form that the processor runs fastest


@dataclass
class Seen:
    """What networks saw.

    Attributes:
        structures: (Z, Y, X) bool on the CT's grid by name.
        regions: proposed lesions.
        roles: role -> id of the network that answered.
    """

    structures: dict[str, np.ndarray] = field(default_factory=dict)
    regions: list[Region] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    roles: dict[str, str] = field(default_factory=dict)


def chosen_models(cancer: str) -> dict[str, Card]:
    """The best model of each role that is installed, allowed and not switched off."""
    chosen = {role: chosen_cards(role, cancer) for role in ROLES}
    return {role: cards[0] for role, cards in chosen.items() if cards}


def model_marks(cancer: str) -> dict[str, str]:
    """Role -> id and hash of the model that will look, so that answers are kept apart by model."""
    return {role: f"{card.id}:{card.sha256[:16]}" for role, card in chosen_models(cancer).items()}


def look_with_networks(ct: Volume, pet: Volume | None, cancer: str, body: np.ndarray) -> Seen:
    """Anatomy and lesions by the chosen networks; one that fails is named in a verdict, and the others go on.

    Args:
        body: (Z, Y, X) bool on the CT's grid.
    """
    seen, cards = Seen(), chosen_models(cancer)
    for words in (words for role in ROLES for words in refusals(role, cancer)):
        seen.verdicts.append(Verdict("model-not-allowed", Severity.WARNING, words, "networks"))
    run = partial(ask, cache=_cache())
    anatomy: SeenAnatomy | None = None
    if "anatomy" in cards:
        card = cards["anatomy"]
        anatomy = _tried(seen, card, lambda: _anatomy(card, cancer, ct, body, run))
        if anatomy is not None:
            seen.structures = anatomy.masks(ct.geometry)
    if "lesion" in cards:
        lesion = cards["lesion"]
        proposals = _tried(seen, lesion, lambda: _lesions(lesion, cancer, ct, pet, body, anatomy, run))
        source = Source(SourceKind.MODEL, lesion.id, lesion.sha256)
        for place, one in enumerate(proposals or (), start=1):
            name = f"{one.role} {place} ({one.p:.2f})"
            seen.regions.append(Region(one.role, name, one.mask, source, needs_confirmation=True))
    return seen


def _anatomy(card: Card, cancer: str, ct: Volume, body: np.ndarray, run: Ask) -> SeenAnatomy:
    if card.kind in EMBEDDED_NETWORKS:
        return see_anatomy(card, cancer, ct, body, run)
    masks = _by_adapter(card, ct, None)
    return SeenAnatomy(ct.geometry, label_map(masks, list(masks)), tuple(masks))


def _lesions(
    card: Card, cancer: str, ct: Volume, pet: Volume | None, body: np.ndarray, anatomy: SeenAnatomy | None, run: Ask
) -> list[Proposal]:
    if card.kind in EMBEDDED_NETWORKS:
        return see_lesions(card, cancer, ct, pet, body, anatomy, run)
    masks, nothing = _by_adapter(card, ct, pet), np.zeros(ct.geometry.shape, np.float32)
    tumor, node = (masks[role].astype(np.float32) if role in masks else nothing for role in ("tumor", "node"))
    return propose(tumor, node, ct.geometry, ct.geometry, card.settings)


def _by_adapter(card: Card, ct: Volume, pet: Volume | None) -> dict[str, np.ndarray]:
    """Masks of another maker's model, on the CT's voxels, by our names."""
    with TemporaryDirectory(prefix="aimdt-") as work:
        return foreign.segment(card, ct, Path(work), pet)


def _tried(seen: Seen, card: Card, look: Callable[[], Answer]) -> Answer | None:
    try:
        answer = look()
    except ModelError as error:
        message = f"the network {card.id} did not answer: {error}; what it sees is missing"
        seen.verdicts.append(Verdict("network-failed", Severity.ERROR, message, "networks"))
        return None
    seen.roles[card.role] = card.id
    return answer


def _cache() -> Path:
    return settings().home / "models" / CONVERTED
