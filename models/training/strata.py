"""`python -m models.training.strata ID --store DIR`: tumors found and their Dice by size, and in the lung by side.

Held-out synthetic patients, the first of them those of the card's own figures, which stay as they are: 6 of 40 lung
tumors are small and 1 is large, so that a stratum takes many patients.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from models.card import Card, Figure
from models.registry import find_card
from models.training.measure import HELD_OUT_SEED, Tally, earlier_looks, patients, proposed, score_lesions
from models.training.store import StoredPatient
from oncology.imaging.diameter import greatest_dimension_mm
from oncology.imaging.proposals import Proposal
from oncology.imaging.volume import Volume

SMALL_MM, LARGE_MM = 20.0, 70.0  # of these strata alone, no threshold of staging
SCORES = ("tumor_dice", "tumor_found")
SIDED, MIDDLE = ("lung",), "spinal_canal"
Look = tuple[StoredPatient, str, Sequence[Proposal]]  # with what was proposed in a mode, see `proposed`


def strata(patient: StoredPatient, place: int) -> Iterator[str]:
    """Size, and side of the patient, of the drawn tumor with this label."""
    mask = patient.lesions == place
    size_mm = greatest_dimension_mm(Volume(mask, patient.grid))
    yield "small" if size_mm < SMALL_MM else "large" if size_mm > LARGE_MM else "middle"
    if patient.about["cancer"] in SIDED:
        middle = patient.anatomy == 1 + patient.about["labels"].index(MIDDLE)
        yield "left" if np.nonzero(mask)[2].mean() > np.nonzero(middle)[2].mean() else "right"  # x runs to the left


def tumor_figures(looks: Iterable[Look], on: str) -> list[Figure]:
    """The card's figures of tumors, those of every stratum apart."""
    tally = Tally()
    for patient, mode, proposals in looks:
        drawn = enumerate(patient.about["lesions"], start=1)
        tumors = [tuple(strata(patient, place)) for place, one in drawn if one["kind"] == "tumor" and one["voxels"]]
        own = Tally()
        score_lesions(own, patient, proposals, mode)
        for name in (f"{mode}_{score}" for score in SCORES):
            for value, names in zip(own.of(name), tumors, strict=True):
                for stratum in names:
                    tally.add(f"{name}_{stratum}", value, patient)
    return tally.figures(on)


def looks_at(card: Card, chosen: Iterable[StoredPatient]) -> Iterator[Look]:
    """Each patient with PET where the flow shows it to this network, and without."""
    earlier = earlier_looks(card, None)
    for patient in chosen:
        for mode, proposals in proposed(card, earlier, patient):
            yield patient, mode, proposals


def main(arguments: Sequence[str]) -> int:
    """Measure and print a line for each figure."""
    parser = argparse.ArgumentParser(prog="python -m models.training.strata", description=__doc__)
    parser.add_argument("model", metavar="ID")
    parser.add_argument("--store", type=Path, required=True, help="folder of patients")
    parser.add_argument("--cancer", nargs="+", metavar="KEY", help="default: all that the model is for")
    parser.add_argument("--count", type=int, default=40, metavar="N", help="held-out patients of each cancer")
    asked = parser.parse_args(arguments)
    card = find_card(asked.model, None)
    chosen = patients(asked.store, asked.cancer or card.cancers, asked.count, HELD_OUT_SEED)
    for one in tumor_figures(looks_at(card, chosen), f"seed {HELD_OUT_SEED}"):
        sys.stdout.write(f"{one.name}\t{one.value:.2f} ({one.low:.2f} to {one.high:.2f})\tn={one.n}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
