"""`python -m models.training.finish ID`: from a checkpoint to a model that ships, with thresholds, figures and card."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from models.card import CARD_FILE, CARDS, WEIGHTS, Card, Figure, read_card, write_card
from models.registry import content_sha256
from models.training import lesion_tuning, node_measure
from models.training.labels import FINE, NOT_AROUND, PARTIAL
from models.training.measure import earlier_looks, figures_of
from models.training.recipe import Recipe, recipe
from models.training.trainer import network_shape
from models.verification import shift_of
from oncology.errors import ModelError
from oncology.findings import NECK_SITES

# A recipe's kind -> the role that its network has, where they are not called alike.
ROLES: Mapping[str, str] = {"node": "node_ene", "fine": "anatomy_fine"}
WORDS: Mapping[str, str] = {
    "anatomy": "anatomy",
    "fine": "a second, finer look at the anatomy",
    "lesion": "lesions",
    "node": "extranodal extension of nodes",
}
LESION_MARGIN = 8  # voxels; they are told of organs around their window and need less of a rim
LICENCE = "Apache-2.0"
USES = ("research",)
TRAINED_ON = "synthetic patients drawn by this project (seeds 1-999); no real patient"
TRAINED_ON_REAL = (
    "synthetic patients drawn by this project (seeds 1-999) and one real CT, TotalSegmentator's example (Apache-2.0), "
    "whose labels a network drew"
)
LIMITS = "Trained on synthetic patients{real}; figures are on held-out synthetic patients and say little of real scans."
OWN_LIMITS: Mapping[str, str] = {
    "node": (
        " Nodes are judged on drawn contours that were moved by about half a millimeter. Grades are named by rules "
        "beside the network; drawn nodes show no signs by grade, so that grades were not measured."
    )
}
# Which station map of the anatomy network a cancer is staged by, where it is not called like the cancer.
STATION_MAPS: Mapping[str, Mapping[str, str]] = {"neck": dict.fromkeys(NECK_SITES, "neck")}


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
    shape, sees_pet = network_shape(made), "pet" in made.inputs
    scans = "CT and, where there is one, PET" if sees_pet else "CT"
    return Card(
        id=made.id,
        role=ROLES.get(made.kind, made.kind),
        kind=str(shape["kind"]),
        region=made.region,
        cancers=made.cancers,
        modalities=("CT", "PT") if sees_pet else ("CT",),
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
        training_data=f"{TRAINED_ON_REAL if made.real else TRAINED_ON}; {about}",
        intended_use=f"Research: {WORDS[made.kind]} of the {made.region} on {scans}.",
        limits=LIMITS.format(real=" and one real CT" if made.real else " only") + OWN_LIMITS.get(made.kind, ""),
        command=f"aimdt models verify {made.id}",
        settings=_settings_of(made),
    )


def _settings_of(made: Recipe) -> dict[str, Any]:
    """What follows from the recipe alone, before anything is tuned."""
    mapped = made.region in STATION_MAPS and made.kind != "node"
    settings: dict[str, Any] = {"station_maps": dict(STATION_MAPS[made.region])} if mapped else {}
    if made.kind == "lesion":
        settings["margin"] = LESION_MARGIN
    if made.kind == "fine":
        settings["around"] = [name for name in FINE[made.region] if name not in NOT_AROUND]
        settings["partial"] = [name for name in FINE[made.region] if name in PARTIAL]
    return settings


def main() -> int:
    """Export, tune, measure and write the card of one trained network."""
    parser = argparse.ArgumentParser(prog="python -m models.training.finish", description=__doc__)
    parser.add_argument("model", metavar="ID")
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--store", type=Path, required=True, help="folder of patients")
    parser.add_argument("--count", type=int, default=8, metavar="N", help="held-out patients of each cancer")
    parser.add_argument("--tuning", type=int, default=3, metavar="N", help="tuning patients of each cancer")
    parser.add_argument("--again", action="store_true", help="only figures, of the model that ships; its card stays")
    parser.add_argument("--retune", action="store_true", help="thresholds and figures of the model that ships")
    parser.add_argument("--certainty", action="store_true", help="only how sure the shipped model's nodes are")
    parser.add_argument("--ship", action="store_true", help="into this package, in place of a folder in --out")
    asked = parser.parse_args()
    made = recipe(asked.model)
    if asked.again or asked.retune or asked.certainty:
        place = CARDS / f"{made.id}.toml"
        card = read_card(place)
    else:
        card, place = _exported(made, asked.out, ship=asked.ship)
    if asked.certainty:
        settings = lesion_tuning.certain(card, earlier_looks(card, None), asked.store, asked.tuning)
        write_card(replace(card, settings=settings), place)
        return 0
    if not asked.again:
        card = _tuned(replace(card, settings=_settings_of(made)), asked.store, asked.tuning)
    under_shifts = [figure for figure in card.figures if asked.again and shift_of(figure)]
    card = replace(card, figures=(*_figures(card, asked.store, asked.count), *under_shifts))
    write_card(card, place)
    for figure in card.figures:
        sys.stdout.write(f"{figure.name} {figure.value} ({figure.low}-{figure.high}) n={figure.n}\n")
    return 0


def _exported(made: Recipe, out: Path, *, ship: bool) -> tuple[Card, Path]:
    """A card without figures for the weights of a checkpoint, and where it belongs."""
    checkpoint = out / f"{made.id}.checkpoint.pt"
    folder = WEIGHTS if ship else out / made.id
    folder.mkdir(parents=True, exist_ok=True)
    card = card_of(made, export(made, checkpoint, folder), _told(made, checkpoint))
    return card, CARDS / f"{made.id}.toml" if ship else folder / CARD_FILE


def _tuned(card: Card, store: Path, tuning: int) -> Card:
    """The card with thresholds from tuning patients."""
    if card.role == ROLES["node"]:
        return replace(card, settings=node_measure.tuned(card, store, tuning))
    if card.role == "lesion" and tuning:
        return replace(card, settings=lesion_tuning.tuned(card, earlier_looks(card, None), store, tuning))
    return card


def _figures(card: Card, store: Path, count: int) -> list[Figure]:
    """Figures on held-out patients; those under shifts are measured by `under_shifts`."""
    if card.role == ROLES["node"]:
        return node_measure.figures_of(card, store, count)
    return figures_of(card, earlier_looks(card, None), store, count)


def _told(made: Recipe, checkpoint: Path) -> str:
    kept = torch.load(checkpoint, map_location="cpu", weights_only=True)
    begun = f", begun with the weights that {made.start} had" if made.start else ""
    return f"{int(kept['step'])} steps in {float(kept['spent_s']) / 60:.0f} minutes{begun}"


if __name__ == "__main__":
    sys.exit(main())
