"""`python -m models.training.finish ID`: from a checkpoint to a model that ships, with thresholds, figures and card."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.card import CARD_FILE, CARDS, WEIGHTS, Card, write_card
from models.inference.look import ANATOMY, SeenLesions
from models.registry import content_sha256
from models.training import node_measure
from models.training.logistic import logistic_line
from models.training.measure import (
    TUNING_SEED,
    Tally,
    figures_of,
    patients,
    score_lesions,
    seen_lesions,
    seen_organs,
)
from models.training.recipe import Recipe, recipe
from models.training.store import StoredPatient, stored_volumes
from models.training.trainer import network_shape
from oncology.errors import ModelError
from oncology.imaging.proposals import Proposal, logit

# A recipe's kind -> the role that its network has, where they are not called alike.
ROLES: Mapping[str, str] = {"node": "node_ene"}
WORDS: Mapping[str, str] = {"anatomy": "anatomy", "lesion": "lesions", "node": "extranodal extension of nodes"}
LESION_MARGIN = 8  # voxels; they are told of organs around their window and need less of a rim
LICENCE = "Apache-2.0"
USES = ("research",)
TRAINED_ON = "synthetic patients drawn by this project (seeds 1-999); no real patient"
LIMITS = "Trained on synthetic patients only; figures are on held-out synthetic patients and say little of real scans."
OWN_LIMITS: Mapping[str, str] = {
    "node": (
        " Nodes are judged on drawn contours that were moved by about half a millimeter. Grades are named by rules "
        "beside the network; drawn nodes show no signs by grade, so that grades were not measured."
    )
}
# Which station map of the anatomy network a cancer is staged by, where it is not called like the cancer.
STATION_MAPS: Mapping[str, Mapping[str, str]] = {
    "neck": dict.fromkeys(("larynx", "hypopharynx", "oropharynx", "oral_cavity", "nasopharynx"), "neck")
}
# Thresholds tried on tuning patients.
TRIED: Mapping[str, Sequence[float]] = {
    "tumor": (0.4, 0.6),
    "further_tumor_sure": (0.9, 0.98),
    "node": (0.4, 0.6),
    "node_sure": (0.6, 0.75, 0.88),
}
REAL_SHARE = 0.3  # of a proposal that lies in a drawn lesion
FALSE_NODE_COST, FALSE_TUMOR_COST = 0.1, 0.5  # of one a patient, against all lesions found


def export(made: Recipe, checkpoint: Path, weights: Path) -> Path:
    """The averaged weights of a checkpoint as half-precision state dict."""
    try:
        kept = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelError(f"there is no checkpoint {checkpoint.name}; train {made.id} first") from error
    path = weights / f"{made.id}.pt"
    partial = path.with_suffix(".partial")
    torch.save({name: value.half() for name, value in kept["average"].items()}, partial)
    partial.replace(path)
    return path


def card_of(made: Recipe, weights: Path, about: str) -> Card:
    """The card of freshly exported weights, without figures."""
    shape = network_shape(made)
    mapped = made.region in STATION_MAPS and made.kind != "node"
    settings: dict[str, Any] = {"station_maps": dict(STATION_MAPS[made.region])} if mapped else {}
    if made.kind == "lesion":
        settings["margin"] = LESION_MARGIN
    return Card(
        id=made.id,
        role=ROLES.get(made.kind, made.kind),
        kind=str(shape["kind"]),
        region=made.region,
        cancers=made.cancers,
        modalities=("CT", "PT") if "pet" in made.inputs else ("CT",),
        inputs=made.inputs,
        spacing_mm=(made.spacing_mm,) * 3,
        heads=made.heads,
        network={name: value for name, value in shape.items() if name != "kind"} | {"kind": shape["kind"]},
        context=dict(made.context),
        maps=dict(made.maps),
        weights=weights.name,
        sha256=content_sha256(weights),
        folder=weights.parent,
        licence=LICENCE,
        uses=USES,
        training_data=f"{TRAINED_ON}; {about}",
        intended_use=f"Research: {WORDS[made.kind]} of the {made.region} on CT and, where there is one, PET.",
        limits=LIMITS + OWN_LIMITS.get(made.kind, ""),
        command=f"aimdt models verify {made.id}",
        settings=settings,
    )


def tuned(card: Card, anatomy: Card | None, store: Path, count: int) -> dict[str, Any]:
    """Thresholds of a lesion network that do best on tuning patients."""
    chosen = list(patients(store, card.cancers, count, TUNING_SEED))
    seen = [(patient, seen_lesions(card, seen_organs(anatomy, patient), patient, with_pet=True)) for patient in chosen]
    best, settings = -np.inf, dict(card.settings)
    for values in product(*TRIED.values()):
        tried = {**card.settings, **dict(zip(TRIED, values, strict=True))}
        tally = Tally()
        for patient, one in seen:
            score_lesions(tally, patient, _proposed(patient, one, tried), "x")
        score = _score(tally)
        if score > best:
            best, settings = score, tried
    return {**settings, "node_certainty": certainty_line(settings, seen)}


def _proposed(patient: StoredPatient, seen: SeenLesions, settings: Mapping[str, Any]) -> list[Proposal]:
    return seen.proposals(stored_volumes(patient)[0].geometry, settings)


def _score(tally: Tally) -> float:
    """Lesions found, against false ones a patient."""
    found = _mean(tally, "x_malignant_nodes_found") + _mean(tally, "x_tumor_dice")
    return found - FALSE_NODE_COST * _mean(tally, "x_false_nodes") - FALSE_TUMOR_COST * _mean(tally, "x_false_tumors")


def certainty_line(settings: Mapping[str, Any], seen: Sequence[tuple[StoredPatient, SeenLesions]]) -> list[float]:
    """How sure a proposed node is one, see `oncology.imaging.proposals.certainty`; fitted by ridge logistic."""
    rows: list[tuple[float, float]] = []
    real: list[bool] = []
    for patient, one in seen:
        voxel_ml, lesion = patient.spacing_mm**3 / 1000.0, patient.lesions > 0
        for proposal in _proposed(patient, one, settings):
            if proposal.role == "node":
                size = int(np.count_nonzero(proposal.mask))
                rows.append((logit(proposal.p), float(np.log(size * voxel_ml))))
                real.append(bool(np.count_nonzero(proposal.mask & lesion) >= REAL_SHARE * size))
    if len(set(real)) < 2:
        return [0.0, 1.0, 0.0]
    return logistic_line(np.array(rows), np.array(real))


def _mean(tally: Tally, name: str) -> float:
    return float(np.mean(tally.values.get(name, [0.0])))


def main() -> int:
    """Export, tune, measure and write the card of one trained network."""
    parser = argparse.ArgumentParser(prog="python -m models.training.finish", description=__doc__)
    parser.add_argument("model", metavar="ID")
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--store", type=Path, required=True, help="folder of patients")
    parser.add_argument("--count", type=int, default=8, metavar="N", help="held-out patients of each cancer")
    parser.add_argument("--tuning", type=int, default=3, metavar="N", help="tuning patients of each cancer")
    parser.add_argument("--ship", action="store_true", help="into this package, in place of a folder in --out")
    asked = parser.parse_args()
    made = recipe(asked.model)
    checkpoint = asked.out / f"{made.id}.checkpoint.pt"
    folder = WEIGHTS if asked.ship else asked.out / made.id
    folder.mkdir(parents=True, exist_ok=True)
    weights = export(made, checkpoint, folder)
    card = card_of(made, weights, _told(checkpoint))
    card = _measured(card, asked.store, tuning=asked.tuning, count=asked.count)
    write_card(card, CARDS / f"{card.id}.toml" if asked.ship else folder / CARD_FILE)
    for figure in card.figures:
        sys.stdout.write(f"{figure.name} {figure.value} ({figure.low}-{figure.high}) n={figure.n}\n")
    return 0


def _measured(card: Card, store: Path, *, tuning: int, count: int) -> Card:
    """The card with thresholds from tuning patients, and figures on held-out ones."""
    if card.role == ROLES["node"]:
        card = replace(card, settings=node_measure.tuned(card, store, tuning))
        return replace(card, figures=tuple(node_measure.figures_of(card, store, count)))
    anatomy = _anatomy_of(card) if card.role != ANATOMY else None
    if card.role == "lesion" and tuning:
        card = replace(card, settings=tuned(card, anatomy, store, tuning))
    return replace(card, figures=tuple(figures_of(card, anatomy, store, count)))


def _told(checkpoint: Path) -> str:
    kept = torch.load(checkpoint, map_location="cpu", weights_only=True)
    return f"{int(kept['step'])} steps in {float(kept['spent_s']) / 60:.0f} minutes"


def _anatomy_of(card: Card) -> Card | None:
    from models.registry import all_cards

    return all_cards(None).get(f"anatomy-{card.region}")


if __name__ == "__main__":
    sys.exit(main())
