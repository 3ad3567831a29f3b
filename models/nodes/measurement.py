"""The figures of the classifier of nodes on synthetic patients that it never saw."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.card import Card, Figure
from models.nodes.classifier import load_model
from models.nodes.redraw import redrawn_rows
from models.nodes.rows import NodeRow, patient_rows, with_others
from models.nodes.train import judge_rows
from models.registry import find_card
from models.training.measure import HELD_OUT_SEED, LEAST_PATIENTS, patients
from models.verification import Material
from oncology.errors import ModelError

PRIOR = "neck-involvement"
TURNS = 3  # how often other nodes are drawn
SITES = ("lung", "esophagus", "pancreas", "larynx", "oropharynx")  # whose nodes figures are told on


def measure(card: Card, material: Material) -> list[Figure]:
    """The card's figures on held-out patients, as `aimdt models verify` asks for them.

    Raises:
        ModelError: there is no folder for the patients.
    """
    if material.store is None:
        raise ModelError(f"{card.id} is measured on synthetic patients; name a folder for them by --store")
    stated = max((figure.n for figure in card.figures), default=0) // len(SITES)
    count = material.patients or stated or LEAST_PATIENTS
    return figures_of(card, held_out(material.store, count, shift=material.shift), material.home)


def held_out(store: Path, count: int, sites: Sequence[str] = SITES, shift: str | None = None) -> list[NodeRow]:
    """Nodes of `count` held-out patients of each site, on imperfect masks; patients are made where they lack.

    A patient holds a handful of nodes: where each was drawn others of its kind are drawn and judged as well, as many
    for malignant as for benign ones, so that their shares stay. Under a shift there are only those that were drawn, as
    others come from any scanner.
    """
    found: list[NodeRow] = []
    for patient in patients(store, sites, count, HELD_OUT_SEED, shift):
        random = np.random.default_rng((patient.about["seed"], patient.about["index"]))
        found += patient_rows(patient, random, scans=1)
        for turn in range(1, 1 if shift else TURNS + 1):
            found += redrawn_rows(patient, random, turn, malignant=1)
    return with_others(found)


def figures_of(card: Card, rows: Sequence[NodeRow], home: Path | None = None) -> list[Figure]:
    """All nodes together, and each site's areas under the curve."""
    model, prior = load_model(card), find_card(PRIOR, home)
    figures = judge_rows(model, rows, prior, f"nodes of held-out synthetic patients, seed {HELD_OUT_SEED}")
    for site in SITES:
        own = [row for row in rows if row.cancer == site]
        if not own:
            continue
        told = judge_rows(model, own, prior, f"{site}; held-out synthetic patients, seed {HELD_OUT_SEED}")
        figures += [figure for figure in told if figure.name.startswith("AUC, nodal")]
    return figures
