"""Thresholds of a lesion network, and how sure its nodes are: chosen on tuning patients, with PET and without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from models.card import Card
from models.inference.look import WITHOUT_PET, SeenLesions
from models.training.logistic import logistic_line
from models.training.measure import TUNING_SEED, Tally, patients, score_lesions, seen_lesions, seen_organs
from models.training.store import StoredPatient, stored_volumes
from oncology.imaging.proposals import Proposal, logit

# Thresholds that make regions, and those that keep the sure ones of them.
TRIED_REGIONS: Mapping[str, Sequence[float]] = {"tumor": (0.5, 0.8), "tumor_sure": (0.7, 0.97, 0.99), "node": (0.6,)}
ON_CT_ALONE = {"most_tumors": 1}  # a second tumor changes T or M: it is not proposed without a PET
TRIED_SURE: Mapping[str, Sequence[float]] = {
    "further_tumor_sure": (0.95, 0.99, 0.998),
    "node_sure": (0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999),
}
REAL_SHARE = 0.3  # of a proposal that lies in a drawn lesion
FALSE_NODE_COST, FALSE_TUMOR_COST = 0.1, 0.5  # of one a patient, against all lesions found
Look = tuple[StoredPatient, SeenLesions]


@dataclass(frozen=True)
class _Loose:
    """A patient's proposals before the thresholds of sureness; the first tumor is kept by all of them."""

    patient: StoredPatient
    proposals: Sequence[Proposal]

    def kept(self, further_tumor_sure: float, node_sure: float) -> list[Proposal]:
        first, found = True, []
        for one in self.proposals:
            least = node_sure if one.role == "node" else (0.0 if first else further_tumor_sure)
            first = first and one.role == "node"
            if one.p >= least:
                found.append(one)
        return found


def tuned(card: Card, earlier: Sequence[Card], store: Path, count: int) -> dict[str, Any]:
    """The card's settings with the thresholds that do best on tuning patients, for CT with PET and for CT alone."""
    with_pet, alone = list[Look](), list[Look]()
    for patient in patients(store, card.cancers, count, TUNING_SEED):
        organs = seen_organs(earlier, patient)
        with_pet.append((patient, seen_lesions(card, organs, patient, with_pet=True)))
        alone.append((patient, seen_lesions(card, organs, patient, with_pet=False)))
    return {**card.settings, **best_thresholds(with_pet), WITHOUT_PET: best_thresholds(alone, ON_CT_ALONE)}


def best_thresholds(looks: Sequence[Look], fixed: Mapping[str, float] | None = None) -> dict[str, Any]:
    """The thresholds with most lesions found against false ones, and the line of certainty that goes with them.

    Args:
        fixed: settings that are not tried but hold.
    """
    best, chosen = -np.inf, dict[str, Any]()
    for tried in _each(TRIED_REGIONS):
        regions = {**tried, **(fixed or {})}
        loose = [_loose(patient, seen, regions) for patient, seen in looks]
        for sure in _each(TRIED_SURE):
            tally = Tally()
            for one in loose:
                score_lesions(tally, one.patient, one.kept(**sure), "x")
            if (found := score(tally)) > best:
                best, chosen = found, {**regions, **sure}
    return {**chosen, "node_certainty": certainty_line(chosen, looks)}


def _each(tried: Mapping[str, Sequence[float]]) -> Iterator[dict[str, float]]:
    for values in product(*tried.values()):
        yield dict(zip(tried, values, strict=True))


def _loose(patient: StoredPatient, seen: SeenLesions, regions: Mapping[str, float]) -> _Loose:
    least = {name: min(values) for name, values in TRIED_SURE.items()}
    return _Loose(patient, _proposed(patient, seen, {**regions, **least}))


def _proposed(patient: StoredPatient, seen: SeenLesions, settings: Mapping[str, Any]) -> list[Proposal]:
    """By these thresholds alone, whether there was a PET or not."""
    return replace(seen, with_pet=True).proposals(stored_volumes(patient)[0].geometry, settings)


def score(tally: Tally) -> float:
    """Lesions found, against false ones a patient."""
    found = _mean(tally, "x_malignant_nodes_found") + _mean(tally, "x_tumor_dice")
    return found - FALSE_NODE_COST * _mean(tally, "x_false_nodes") - FALSE_TUMOR_COST * _mean(tally, "x_false_tumors")


def _mean(tally: Tally, name: str) -> float:
    return float(np.mean(tally.values.get(name, [0.0])))


def certainty_line(settings: Mapping[str, Any], looks: Sequence[Look]) -> list[float]:
    """How sure a proposed node is one, see `oncology.imaging.proposals.certainty`; fitted by ridge logistic."""
    rows: list[tuple[float, float]] = []
    real: list[bool] = []
    for patient, seen in looks:
        voxel_ml, lesion = patient.spacing_mm**3 / 1000.0, patient.lesions > 0
        for proposal in _proposed(patient, seen, settings):
            if proposal.role == "node":
                inside = lesion[proposal.mask]
                rows.append((logit(proposal.p), float(np.log(len(inside) * voxel_ml))))
                real.append(bool(inside.mean() >= REAL_SHARE))
    if len(set(real)) < 2:
        return [0.0, 1.0, 0.0]
    return logistic_line(np.array(rows), np.array(real))
