"""Makes synthetic patients into a store, one after the other, until it holds as many as are wanted."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from models.synthetic.plan import CANCERS
from models.training.splits import TRAINING_SEEDS
from models.training.store import make_stored, patient_path, save_patient


def wanted_patients(cancers: Sequence[str], count: int, seed: int, first: int = 0) -> list[tuple[str, int, int]]:
    """Cancer, seed and index of `count` patients, cancers taking turns."""
    return [(cancers[n % len(cancers)], seed, first + n // len(cancers)) for n in range(count)]


def fill(root: Path, cancers: Sequence[str], count: int, seed: int, first: int = 0, shift: str | None = None) -> None:
    """Make those of `wanted_patients` that are not there yet; a patient that another process began is left to it."""
    for cancer, own, index in wanted_patients(cancers, count, seed, first):
        path = patient_path(root, cancer, own, index, shift)
        claim = path.with_suffix(".claim")
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() or _is_held(claim):
            continue
        claim.touch()
        try:
            save_patient(make_stored(cancer, own, index, shift), path)
        finally:
            claim.unlink(missing_ok=True)


def _is_held(claim: Path, stale_s: float = 600.0) -> bool:
    """Whether another process is making it; a claim of a process that died is forgotten after ten minutes."""
    return claim.exists() and time.time() - claim.stat().st_mtime < stale_s


def main() -> None:
    """`python -m models.training.maker STORE --cancer KEY ... --count N`."""
    parser = argparse.ArgumentParser(prog="python -m models.training.maker", description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--cancer", nargs="+", choices=CANCERS, required=True, metavar="KEY")
    parser.add_argument("--count", type=int, default=200, metavar="N", help="patients in all, cancers taking turns")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="index of the first")
    parser.add_argument("--seed", type=int, default=TRAINING_SEEDS.start + 1, metavar="S")
    parser.add_argument("--shift", metavar="NAME")
    asked = parser.parse_args()
    fill(asked.store, asked.cancer, asked.count, asked.seed, asked.first, asked.shift)


if __name__ == "__main__":
    main()
