"""The networks that a case is looked at with: which they are, and what they see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np

from models.adapters import foreign
from models.card import EMBEDDED_NETWORKS, Card
from models.inference.look import Ask, SeenAnatomy, see_anatomy, see_finer, see_lesions
from models.inference.run import ask
from models.inference.sparing import Way, words_of
from models.training.labels import label_map
from oncology.cancers.protocol import site_of
from oncology.errors import ModelError, ModelMemoryError
from oncology.findings import Severity, Source, SourceKind, Verdict
from oncology.imaging.field import shows
from oncology.imaging.proposals import Proposal, propose
from oncology.imaging.stations.seen import SeenStations
from oncology.imaging.survey import Region
from oncology.imaging.volume import Geometry, Volume
from tasks.model_choice import chosen_cards, mark, refusals
from tasks.settings import settings

ROLES = ("anatomy", "anatomy_fine", "lesion")
FAILED, OUT_OF_MEMORY, SPARED = "network-failed", "network-out-of-memory", "network-short-of-memory"
ANOTHER_TIME = frozenset({FAILED, OUT_OF_MEMORY, SPARED})  # verdicts on networks that may answer, or better, next time
Answer = TypeVar("Answer")
CONVERTED = "converted"  # below the home folder: networks in the form that the processor runs fastest


@dataclass
class Seen:
    """What networks saw.

    Attributes:
        structures: (Z, Y, X) bool on the CT's grid by name.
        stations: the map of stations that the first network for anatomy saw.
        trusted: structures of models that the hospital added: they win over rules, embedded networks do not.
        regions: proposed lesions.
        models: ids of the networks that answered; `coarsely`: of those that saw the scan on a coarser grid than theirs.
        looked_for_lesions: one was for lesions, and saw the scan as finely as it learned to: that it sees none counts.
    """

    structures: dict[str, np.ndarray] = field(default_factory=dict)
    stations: SeenStations | None = None
    trusted: set[str] = field(default_factory=set)
    regions: list[Region] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    coarsely: set[str] = field(default_factory=set)
    looked_for_lesions: bool = False


def chosen_models(cancer: str, *, with_pet: bool) -> list[Card]:
    """Models that will look: for anatomy those that were added, the first embedded one and the one for a finer look at
    a part of it, for lesions the best.

    An added model may know a few structures only; the embedded one gives the others.

    Args:
        with_pet: there is a PET beside the CT.
    """
    anatomy = chosen_cards("anatomy", cancer)
    added, embedded = ([card for card in anatomy if (card.source == "added") is own] for own in (True, False))
    finer = chosen_cards("anatomy_fine", cancer)[:1] if anatomy else []
    return [*added, *embedded[:1], *finer, *_for_lesions(cancer, with_pet)]


def _for_lesions(cancer: str, with_pet: bool) -> list[Card]:
    """The model for lesions, none or one: an added one, else the one that was trained on just what there is."""
    cards = [card for card in chosen_cards("lesion", cancer) if with_pet or not _needs_pet(card)]
    return sorted(cards, key=lambda card: (card.source != "added", card.sees_pet is not with_pet))[:1]


def _needs_pet(card: Card) -> bool:
    """Another maker's network has a channel for the PET, and no way to say that there is none."""
    return card.sees_pet and card.kind not in EMBEDDED_NETWORKS


def _left_out(cancer: str) -> list[Verdict]:
    """What is said of models for lesions that cannot look without a PET."""
    return [
        Verdict(
            "network-needs-pet", Severity.WARNING, f"{card.id} was made for CT with PET and was not asked", "networks"
        )
        for card in chosen_cards("lesion", cancer)
        if _needs_pet(card)
    ]


def pet_would_be_seen(cancer: str) -> bool:
    """Whether a model that looks would be shown a PET."""
    return any(card.sees_pet for card in chosen_models(cancer, with_pet=True))


def model_marks(cancer: str) -> list[str]:
    """What marks the models that may look, so that answers are kept apart by model."""
    cards = (card for with_pet in (True, False) for card in chosen_models(cancer, with_pet=with_pet))
    return list(dict.fromkeys(map(mark, cards)))


def look_with_networks(
    ct: Volume,
    pet: Volume | None,
    cancer: str,
    body: np.ndarray,
    structures: Mapping[str, np.ndarray] | None = None,
) -> Seen:
    """Anatomy and lesions by the chosen networks; one that fails is named in a verdict, and the others go on.

    Args:
        body: (Z, Y, X) bool on the CT's grid.
        structures: what rules found there; a network for a region that they do not show is not asked.
    """
    seen = Seen()
    run = partial(ask, cache=_cache(), tell=partial(_spared, seen))
    for words in (words for role in ROLES for words in refusals(role, cancer)):
        seen.verdicts.append(Verdict("model-not-allowed", Severity.WARNING, words, "networks"))
    seen.verdicts += _left_out(cancer) if pet is None else []
    anatomy: SeenAnatomy | None = None
    for card in _asked(seen, chosen_models(cancer, with_pet=pet is not None), structures, ct.geometry):
        if card.role == "anatomy":
            found = _tried(seen, card, partial(_anatomy, card, cancer, ct, body, run))
            _keep(seen, card, cancer, found, ct.geometry)
            anatomy = found or anatomy
        elif card.role == "anatomy_fine":
            if anatomy is not None:
                finer = _tried(seen, card, partial(see_finer, card, anatomy, ct, body, run))
                _keep(seen, card, cancer, finer, ct.geometry)
                anatomy = replace(anatomy, finer=finer)
        else:
            known = {**seen.structures, **(structures or {})}
            proposals = _tried(seen, card, partial(_lesions, card, cancer, ct, pet, body, anatomy, run, known))
            seen.regions += _regions(card, proposals or [])
            if proposals is not None:
                seen.verdicts += _nothing_seen(card, [one.role for one in proposals if one.role == "tumor"], "tumor")
                seen.verdicts += _without_pet(card, cancer) if pet is None else []
    return seen


def _keep(seen: Seen, card: Card, cancer: str, found: SeenAnatomy | None, grid: Geometry) -> None:
    """Add structures that a network saw: what an earlier, better model knows stays, a finer look replaces the first."""
    if found is None:
        return
    masks = found.masks(grid)
    replaced = masks.keys() - seen.trusted if card.role == "anatomy_fine" else masks.keys() - seen.structures.keys()
    seen.structures |= {name: mask for name, mask in masks.items() if name in replaced}
    seen.stations = seen.stations or found.stations
    seen.trusted |= masks.keys() if card.source == "added" else set()
    seen.verdicts += _refused(card, found.refused)
    seen.verdicts += _nothing_seen(card, list(masks), "structure")


def _refused(card: Card, refused: Mapping[str, str]) -> list[Verdict]:
    """What a network named and what cannot be that: it is not measured against."""
    if not refused:
        return []
    reasons = "; ".join(f"{name}: {why}" for name, why in sorted(refused.items()))
    message = f"what {card.id} drew cannot be what it is called, and counts as not seen: {reasons}"
    return [Verdict("structure-implausible", Severity.WARNING, message, "networks")]


def _asked(
    seen: Seen, cards: Sequence[Card], structures: Mapping[str, np.ndarray] | None, grid: Geometry
) -> Iterator[Card]:
    """Those whose region the scan shows; a verdict names the others."""
    for card in cards:
        if structures is None or shows(card.region, structures, grid):
            seen.verdicts += _region_unsaid(card)
            yield card
            continue
        message = (
            f"the scan shows nothing of the {card.region}, which {card.id} was trained on: it was not asked, and what "
            "it sees is missing; check that this scan is of the part of the body that the cancer is in"
        )
        seen.verdicts.append(Verdict("scan-outside-region", Severity.ERROR, message, "networks"))


def _region_unsaid(card: Card) -> list[Verdict]:
    """Another maker's model may be asked about what it never saw; a network trained here says where it belongs."""
    if card.region or card.kind in EMBEDDED_NETWORKS:
        return []
    message = (
        f"the card of {card.id} does not say which part of the body it was trained on, so it was asked about this scan "
        "whatever it shows; set region in its card, or add it anew with --region"
    )
    return [Verdict("region-of-model-unknown", Severity.WARNING, message, "networks")]


def _nothing_seen(card: Card, found: Sequence[str], what: str) -> list[Verdict]:
    if found:
        return []
    message = f"the network {card.id} sees no {what} on this scan; that does not prove that there is none"
    return [Verdict(f"no-{what}-seen", Severity.WARNING, message, "networks")]


def _without_pet(card: Card, cancer: str) -> list[Verdict]:
    if not pet_would_be_seen(cancer):
        return []
    message = f"the network {card.id} saw the CT alone; with a PET it finds more"
    return [Verdict("network-without-pet", Severity.INFO, message, "networks")]


def _regions(card: Card, proposals: Sequence[Proposal]) -> Iterator[Region]:
    source = Source(SourceKind.MODEL, card.id, card.sha256)
    for place, one in enumerate(proposals, start=1):
        name = f"{one.role} {place} ({one.p:.2f})"
        rated = card.kind in EMBEDDED_NETWORKS  # other makers' models give masks alone
        yield Region(one.role, name, one.mask, source, needs_confirmation=True, certainty=round(one.p, 3), rated=rated)


def _anatomy(card: Card, cancer: str, ct: Volume, body: np.ndarray, run: Ask) -> SeenAnatomy:
    if card.kind in EMBEDDED_NETWORKS:
        return see_anatomy(card, site_of(cancer), ct, body, run)
    masks = _by_adapter(card, ct, None)
    return SeenAnatomy(ct.geometry, label_map(masks, list(masks)), tuple(masks))


def _lesions(
    card: Card,
    cancer: str,
    ct: Volume,
    pet: Volume | None,
    body: np.ndarray,
    anatomy: SeenAnatomy | None,
    run: Ask,
    structures: Mapping[str, np.ndarray],
) -> list[Proposal]:
    if card.kind in EMBEDDED_NETWORKS:
        seen = see_lesions(card, site_of(cancer), ct, pet, body, anatomy, run, structures)
        return seen.proposals(ct.geometry, card.settings)
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
        code = OUT_OF_MEMORY if isinstance(error, ModelMemoryError) else FAILED
        seen.verdicts.append(Verdict(code, Severity.ERROR, message, "networks"))
        return None
    seen.models.append(card.id)
    seen.looked_for_lesions |= card.role == "lesion" and card.id not in seen.coarsely
    return answer


def _spared(seen: Seen, card: Card, way: Way) -> None:
    """Name the way in which a network looked where memory was short.

    On a coarser grid small nodes go unseen (on a synthetic lung cancer 1 of 4 malignant nodes was found).
    """
    seen.coarsely |= {card.id} if way.coarser > 1.0 else set()
    message = (
        f"memory was too short for the network {card.id}, which looked with {words_of(way, card)}: what it sees is "
        "less exact, and small things may be missing; stage fewer cases at once, and this one again"
    )
    seen.verdicts.append(Verdict(SPARED, Severity.WARNING, message, "networks"))


def _cache() -> Path:
    return settings().home / "models" / CONVERTED
