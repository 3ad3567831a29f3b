"""Thresholds of a lesion network, and how sure its nodes are: chosen on tuning patients, with PET and without.

Tumors come first, those of each cancer apart where the network has an output for each: how far its probabilities reach
beyond a tumor's border differs. Nodes come after, in what the tumors leave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from models.card import Card
from models.inference.look import OF_CANCER, WITHOUT_PET, SeenLesions
from models.training.logistic import logistic_line
from models.training.measure import TUNING_SEED, Tally, patients, score_lesions, seen_lesions, seen_organs, shown_pets
from models.training.store import StoredPatient
from oncology.imaging.proposals import Proposal, logit

# Thresholds that make regions (probability of a voxel), and those that keep the sure ones of them.
TUMOR_REGIONS: Mapping[str, Sequence[float]] = {
    "tumor": (0.5, 0.8, 0.9, 0.95, 0.98, 0.99),
    "tumor_sure": (0.7, 0.97, 0.99),
}
TUMOR_SURE: Mapping[str, Sequence[float]] = {"further_tumor_sure": (0.998, 0.99, 0.95)}  # the first of equals holds
NODE_REGIONS: Mapping[str, Sequence[float]] = {"node": (0.6, 0.8, 0.9, 0.95)}
NODE_SURE: Mapping[str, Sequence[float]] = {"node_sure": (0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)}
ON_CT_ALONE = {"most_tumors": 1}  # a second tumor changes T or M: it is not proposed without a PET
CERTAINTY = "node_certainty"
NO_NODE = 1.1  # a sureness that no node reaches
REAL_SHARE = 0.3  # of a proposal that lies in a drawn lesion
# Scores no further apart are equal: a Dice 0.003 higher had made esophageal tumors 14% smaller, their walls too thin.
EVEN = 0.01
FALSE_NODE_COST, FALSE_TUMOR_COST = 0.1, 0.5  # of one a patient, against all lesions found
Look = tuple[StoredPatient, SeenLesions]


def tuned(card: Card, earlier: Sequence[Card], store: Path, count: int) -> dict[str, Any]:
    """The card's settings with the thresholds that do best on tuning patients, for CT with PET and for CT alone."""
    with_pet, alone = _looks(card, earlier, store, count)
    apart = [cancer for cancer in card.cancers if f"tumor_{cancer}" in card.heads[0].labels]
    found_alone: dict[str, Any] = best_thresholds(alone, apart, ON_CT_ALONE) if alone else dict(ON_CT_ALONE)
    if not with_pet:
        return {**card.settings, **found_alone}
    found = best_thresholds(with_pet, apart)
    for cancer, own in found_alone.pop(OF_CANCER, {}).items():
        found[OF_CANCER][cancer][WITHOUT_PET] = own
    return {**card.settings, **found, WITHOUT_PET: found_alone}


def certain(card: Card, earlier: Sequence[Card], store: Path, count: int) -> dict[str, Any]:
    """The card's settings with its own thresholds, and how sure the nodes are that they give on tuning patients."""
    with_pet, alone = _looks(card, earlier, store, count)
    found = {name: value for name, value in card.settings.items() if name not in (CERTAINTY, WITHOUT_PET)}
    if with_pet:
        found[WITHOUT_PET] = {name: value for name, value in card.settings[WITHOUT_PET].items() if name != CERTAINTY}
    if with_pet and alone:
        found[WITHOUT_PET][CERTAINTY] = _certainty(alone, found)
    return {**found, CERTAINTY: _certainty(with_pet or alone, found)}


def _certainty(looks: Sequence[Look], settings: Mapping[str, Any]) -> list[float]:
    return certainty_line((patient, seen.proposals(patient.grid, settings)) for patient, seen in looks)


def _looks(card: Card, earlier: Sequence[Card], store: Path, count: int) -> tuple[list[Look], list[Look]]:
    """Tuning patients as the network sees them with their PET and on the CT alone, as far as the flow asks it so."""
    with_pet, alone = list[Look](), list[Look]()
    for patient in patients(store, card.cancers, count, TUNING_SEED):
        organs = seen_organs(earlier, patient)
        for shown in shown_pets(card):
            (with_pet if shown else alone).append((patient, seen_lesions(card, organs, patient, with_pet=shown)))
    return with_pet, alone


def best_thresholds(
    looks: Sequence[Look], apart: Sequence[str] = (), fixed: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """The thresholds with most lesions found against false ones, and the line of certainty that goes with them.

    Args:
        apart: cancers whose tumors have thresholds of their own, told by OF_CANCER.
        fixed: settings that are not tried but hold.
    """
    settings: dict[str, Any] = dict(fixed or {})
    if apart:
        settings[OF_CANCER] = {cancer: _best_for_tumors(_of(looks, cancer), settings) for cancer in apart}
    else:
        settings |= _best_for_tumors(looks, settings)
    settings |= _best(looks, settings, NODE_REGIONS, NODE_SURE, node_score)
    found = ((patient, _proposed(patient, seen, settings)) for patient, seen in looks)
    return {**settings, CERTAINTY: certainty_line(found)}


def _of(looks: Sequence[Look], cancer: str) -> list[Look]:
    return [(patient, seen) for patient, seen in looks if patient.about["cancer"] == cancer]


def _best_for_tumors(looks: Sequence[Look], fixed: Mapping[str, Any]) -> dict[str, float]:
    return _best(looks, fixed, TUMOR_REGIONS, TUMOR_SURE, tumor_score)


def _best(
    looks: Sequence[Look],
    fixed: Mapping[str, Any],
    regions: Mapping[str, Sequence[float]],
    sure: Mapping[str, Sequence[float]],
    score: Callable[[Tally], float],
) -> dict[str, float]:
    """The regions and the sureness with the highest score, the first of those that are about as good."""
    best, chosen = -np.inf, dict[str, float]()
    loosest = {"node_sure": NO_NODE, **{name: min(values) for name, values in sure.items()}}
    for tried in _each(regions):
        loose = [(patient, _proposed(patient, seen, {**fixed, **tried, **loosest})) for patient, seen in looks]
        for least in _each(sure):
            tally = Tally()
            for patient, proposals in loose:
                score_lesions(tally, patient, list(_kept(proposals, **least)), "x")
            if (found := score(tally)) > best + EVEN:
                best, chosen = found, {**tried, **least}
    return chosen


def _kept(proposals: Sequence[Proposal], further_tumor_sure: float = 0.0, node_sure: float = 0.0) -> Iterator[Proposal]:
    """Proposals that are sure enough; the first one, the primary, is kept in any case."""
    for place, one in enumerate(proposals):
        least = node_sure if one.role == "node" else further_tumor_sure if place else 0.0
        if one.p >= least:
            yield one


def _each(tried: Mapping[str, Sequence[float]]) -> Iterator[dict[str, float]]:
    for values in product(*tried.values()):
        yield dict(zip(tried, values, strict=True))


def _proposed(patient: StoredPatient, seen: SeenLesions, settings: Mapping[str, Any]) -> list[Proposal]:
    """By these thresholds alone, whether there was a PET or not."""
    return replace(seen, with_pet=True).proposals(patient.grid, settings)


def tumor_score(tally: Tally) -> float:
    """How well tumors are drawn, against false ones a patient."""
    return _mean(tally, "x_tumor_dice") - FALSE_TUMOR_COST * _mean(tally, "x_false_tumors")


def node_score(tally: Tally) -> float:
    """Malignant nodes found and how well any node is drawn, against false ones a patient."""
    found = _mean(tally, "x_malignant_nodes_found") + _mean(tally, "x_found_nodes_dice")
    return found - FALSE_NODE_COST * _mean(tally, "x_false_nodes")


def _mean(tally: Tally, name: str) -> float:
    return float(np.mean(tally.of(name) or [0.0]))


def certainty_line(found: Iterable[tuple[StoredPatient, Sequence[Proposal]]]) -> list[float]:
    """How sure a proposed node is one, see `oncology.imaging.proposals.certainty`; fitted by ridge logistic.

    A larger one is never believed less: false ones are few, and a large node that is not believed costs a stage.

    Args:
        found: patients with what is proposed there, as sure as the network says.
    """
    rows: list[tuple[float, float]] = []
    real: list[bool] = []
    for patient, proposals in found:
        voxel_ml, lesion = patient.spacing_mm**3 / 1000.0, patient.lesions > 0
        for proposal in proposals:
            if proposal.role == "node":
                inside = lesion[proposal.mask]
                rows.append((logit(proposal.p), float(np.log(len(inside) * voxel_ml))))
                real.append(bool(inside.mean() >= REAL_SHARE))
    if len(set(real)) < 2:
        return [0.0, 1.0, 0.0]
    line = logistic_line(np.array(rows), np.array(real))
    return line if line[2] >= 0.0 else [*logistic_line(np.array(rows)[:, :1], np.array(real)), 0.0]
