"""`python -m models.training.under_shifts ID ... --store DIR`: the table of a card's figures under every named shift.

The same held-out patients as the card's own figures, scanned by another scanner or of another build; see
models/synthetic/shifts.py. What the networks of one region see is kept while the table is made: name them together.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from models.card import CARDS, Card, Figure, read_card, write_card
from models.synthetic.shifts import SHIFTS
from models.verification import SHIFTED, Material, measure, shift_of

# What is told under shifts: names of figures, and what they are on where that is not all of them.
TOLD = (
    "dice_mean", "station_dice", "station_by_network", "station_by_both",
    "ct_pet_tumor_found", "ct_pet_tumor_dice", "ct_tumor_found", "ct_tumor_dice",
    "ct_pet_malignant_nodes_found", "ct_pet_false_nodes", "ct_pet_found_nodes_dice",
    "ct_malignant_nodes_found", "ct_false_nodes", "ct_found_nodes_dice",
    "ct_pet_ene_auc", "ct_pet_ene_auc_small", "ct_ene_auc", "ct_ene_auc_small",
    "AUC, nodal malignancy with PET", "expected calibration error with PET",
    "AUC, nodal malignancy on CT alone", "expected calibration error on CT alone",
)  # fmt: skip


def shifted(card: Card, store: Path, shift: str, count: int) -> list[Figure]:
    """A card's figures on `count` held-out patients of each of its cancers under one shift."""
    found: dict[str, Figure] = {}
    for figure in measure(card, Material(store=store, patients=count, shift=shift)):
        if figure.name in TOLD:
            found.setdefault(figure.name, figure)  # those of all patients come before those of each site
    return list(found.values())


def table(card: Card) -> Iterator[str]:
    """A line for each figure: its name, its value on the cohort's own scanners, then under each shift."""
    own = {figure.name: figure for figure in reversed(card.figures) if not shift_of(figure)}
    under = {(shift_of(figure), figure.name): figure for figure in card.figures}
    yield "\t".join((card.id, "own", *SHIFTS))
    for name in dict.fromkeys(figure.name for figure in card.figures if shift_of(figure)):
        told = [own.get(name), *(under.get((shift, name)) for shift in SHIFTS)]
        yield "\t".join((name, *("-" if one is None else f"{one.value:.2f} (n={one.n})" for one in told)))


def main(arguments: Sequence[str]) -> int:
    """Measure, write the cards, print the tables."""
    parser = argparse.ArgumentParser(prog="python -m models.training.under_shifts", description=__doc__)
    parser.add_argument("models", nargs="+", metavar="ID")
    parser.add_argument("--store", type=Path, required=True, help="folder of patients")
    parser.add_argument("--count", type=int, default=2, metavar="N", help="held-out patients of each cancer")
    parser.add_argument("--shift", nargs="+", choices=SHIFTS, default=list(SHIFTS), metavar="NAME")
    asked = parser.parse_args(arguments)
    for shift in asked.shift:
        for name in asked.models:
            place = CARDS / f"{name}.toml"
            card = read_card(place)
            kept = [figure for figure in card.figures if shift_of(figure) != shift]
            found = shifted(card, asked.store, shift, asked.count)
            write_card(replace(card, figures=(*kept, *found)), place)
            sys.stdout.writelines(f"{name}\t{one.name}\t{one.value}\tn={one.n}{SHIFTED}{shift}\n" for one in found)
            sys.stdout.flush()
    for name in asked.models:
        sys.stdout.writelines(f"{line}\n" for line in table(read_card(CARDS / f"{name}.toml")))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
