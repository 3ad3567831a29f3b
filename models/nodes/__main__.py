"""`python -m models.nodes --store DIR [--out DIR]`: train the classifier of nodes, write weights and card, or judge.

python -m models.nodes --store patients --out models/weights    # train, write weights and card with its figures
python -m models.nodes --store patients --judge                 # figures of the model that is there
python -m models.nodes --read ROWS ...                          # fit what it is worth on networks' masks
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from models.card import CARD_FILE, CARDS, WEIGHTS, Card, Figure, write_card
from models.nodes.classifier import save_model
from models.nodes.measurement import PRIOR, SITES, figures_of, held_out
from models.nodes.reading import READINGS, fit_readings
from models.nodes.rows import NodeRow
from models.nodes.train import gather, train
from models.registry import find_card
from models.synthetic.plan import CANCERS
from oncology.errors import ModelError

NAME = "node-malignancy"
COMMAND = f"aimdt models verify {NAME}"


def main(arguments: Sequence[str]) -> int:
    """Train or judge, as asked."""
    asked = _parser().parse_args(arguments)
    if asked.read:
        return _read(asked.read)
    if asked.store is None:
        raise ModelError("no folder with synthetic patients was named; name one by --store, or rows by --read")
    if asked.judge:
        found = figures_of(find_card(NAME, None), held_out(asked.store, asked.patients))
        sys.stdout.writelines(_lines(found))
        return 0
    rows = gather(asked.store, CANCERS, asked.passes, asked.kept)
    if not rows:
        raise ModelError(f"{asked.store} holds no patients for training; make some: python -m models.training.maker")
    shipped = asked.out.resolve() == WEIGHTS.resolve()
    folder = asked.out if shipped else asked.out / NAME
    folder.mkdir(parents=True, exist_ok=True)
    model, told = train(rows, find_card(PRIOR, None))
    save_model(model, folder / f"{NAME}.json")
    card = replace(new_card(rows, folder / f"{NAME}.json", told), folder=folder)
    card = replace(card, figures=tuple(figures_of(card, held_out(asked.store, asked.patients))))
    write_card(card, CARDS / f"{NAME}.toml" if shipped else folder / CARD_FILE)
    sys.stdout.writelines(_lines(card.figures))
    return 0


def _read(files: Sequence[Path]) -> int:
    """Fit the lines by network and write them into the card."""
    card = find_card(NAME, None)
    lines = {**card.settings.get(READINGS, {}), **fit_readings(card, find_card(PRIOR, None), files)}
    write_card(replace(card, settings={**card.settings, READINGS: lines}), CARDS / f"{NAME}.toml")
    sys.stdout.writelines(f"{name}: {found}\n" for name, found in lines.items())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models.nodes", description="The classifier of nodes.")
    parser.add_argument("--store", type=Path, help="folder with stored synthetic patients")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="folder for weights and card")
    parser.add_argument("--passes", type=int, default=3, metavar="N", help="how often other nodes are drawn as well")
    parser.add_argument("--kept", type=Path, help="folder that keeps what was measured between runs")
    parser.add_argument("--patients", type=int, default=8, metavar="N", help=f"held-out patients of each: {SITES}")
    parser.add_argument(
        "--read", nargs="+", type=Path, metavar="ROWS",
        help="rows.jsonl of `aimdt evaluate --mode images` on tuning seeds: fit what the answers are worth there",
    )  # fmt: skip
    parser.add_argument("--judge", action="store_true", help="judge the model that is there")
    return parser


def _seeds(patients: Iterable[str]) -> str:
    """From names like `lung-2-14`."""
    return ", ".join(map(str, sorted({int(name.split("-")[1]) for name in patients})))


def new_card(rows: Sequence[NodeRow], weights: Path, told: Sequence[Figure]) -> Card:
    """The card of weights that were just written, without figures yet.

    Args:
        told: areas under the curve over the training patients, by trees that saw others.
    """
    by_folds = "; ".join(f"{one.name} {one.value:.2f} ({one.low:.2f} to {one.high:.2f})" for one in told)
    patients, nodes = {row.patient for row in rows}, {(row.patient, row.node.id) for row in rows}
    return Card(
        id=NAME,
        role="node_malignancy",
        kind="xgboost",
        cancers=CANCERS,
        modalities=("CT", "PT"),
        weights=weights.name,
        sha256=hashlib.sha256(weights.read_bytes()).hexdigest(),
        licence="Apache-2.0",
        uses=("research", "commercial"),
        training_data=(
            f"{len(patients)} synthetic patients (seed {_seeds(patients)}) with {len(nodes)} nodes, on masks whose "
            "borders are off and waver, with PET and without; in the neck a prior from real patients' tables "
            "(neck-involvement). "
            f"Over these patients, each judged by trees that saw others (five folds): {by_folds}."
        ),
        intended_use=(
            "How likely a node that was contoured, or proposed and confirmed, is malignant, with the signs that moved "
            "the answer most. PET is optional. A biopsy of the station wins over it."
        ),
        limits=(
            "Synthetic nodes only, made as hard to tell by size and uptake as reviews report: no real patient was "
            "judged. Vessels or muscle taken for a node are not nodes to it. Inflamed nodes (sarcoid, infection) "
            "appear only as the spread of benign uptake. The raggedness of a border is not seen on voxels of 1.25 to 2 "
            "mm; the roughest ones of the chest are drawn ill defined, as often as was assumed. A node beside the "
            "tumor takes on its uptake."
        ),
        command=COMMAND,
        citation="Chen and Guestrin, KDD 2016 (trees); Platt 1999 (calibration); Lundberg et al. 2020 (reasons)",
    )


def _lines(figures: Sequence[Figure]) -> list[str]:
    return [f"{one.name}: {one.value} ({one.low} to {one.high}), n={one.n}; {one.on}\n" for one in figures]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
