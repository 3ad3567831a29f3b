"""The process that computes: `python -m models.inference.worker CARD JOB ANSWER`.

A process of its own, since a time limit in the flow cannot stop native code, and memory that a network took is given
back when it ends. JOB and ANSWER are .npz files without pickles.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

import numpy as np

from models.card import Card, read_card
from models.inference.engine import open_engine
from models.inference.predict import Crops, Job, Scan, margin_of, predict, predict_crops, window_of
from models.inference.sparing import USUAL, Way, on_coarser
from models.inference.tiling import WINDOW, Window
from oncology.errors import ModelError

WORDS_SAID, NO_MEMORY = 2, 3  # exit codes: what is wrong stands in stderr, and memory ran out


def read_job(path: Path) -> Job:
    """The scan, or the crops, of a job file."""
    with np.load(path, allow_pickle=False) as file:
        if "crops" in file.files:
            return Crops(file["crops"])
        about = json.loads(file["about"].tobytes())
        z, y, x = about["spacing_mm"]
        labels = {name: file[f"labels_{name}"] for name in about["names"]}
        suv = file["suv"] if "suv" in file.files else None
        middle = (about["middle"][0], about["middle"][1]) if about["middle"] else None
        return Scan(file["hu"], (z, y, x), suv, labels, about["names"], middle)


def write_job(job: Job, path: Path) -> None:
    """The scan, or the crops, as a job file."""
    if isinstance(job, Crops):
        np.savez(path, allow_pickle=False, crops=job.inputs)
    else:
        _write_scan(job, path)


def _write_scan(scan: Scan, path: Path) -> None:
    names = {name: list(scan.names[name]) for name in scan.labels}
    about = {"spacing_mm": scan.spacing_mm, "names": names, "middle": scan.middle}
    arrays = {"hu": scan.hu, **{f"labels_{name}": array for name, array in scan.labels.items()}}
    if scan.suv is not None:
        arrays["suv"] = scan.suv.astype(np.float16)
    np.savez(path, allow_pickle=False, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **arrays)


def answer(card: Card, weights: Path, job: Job, way: Way, cache: Path | None, device: str) -> dict[str, np.ndarray]:
    """What a network answers to a job, by head; a scan as the way holds it."""
    window, *others = windows_of(job, way)
    engine = open_engine(card.network, weights, window, cache, device, others)
    if isinstance(job, Crops):
        return predict_crops(card, engine, job)
    if way.coarser == 1.0:
        return predict(card, engine, job, window)
    margin = math.ceil(margin_of(card) / way.coarser)
    return predict(card, on_coarser(engine, way.coarser), job, (way.held,) * 3, margin)


def windows_of(job: Job, way: Way) -> tuple[Window, ...]:
    """The window of the network's calls, then the usual one, which a converted network may be kept for."""
    return (window_of(job),) if isinstance(job, Crops) else ((way.window,) * 3, WINDOW)


def main() -> int:
    """Run one network over one job."""
    parser = argparse.ArgumentParser(prog="python -m models.inference.worker", description=__doc__)
    parser.add_argument("card", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("job", type=Path)
    parser.add_argument("answer", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--window", type=int, default=USUAL.window)
    parser.add_argument("--coarser", type=float, default=USUAL.coarser)
    asked = parser.parse_args()
    try:
        card, way = read_card(asked.card), Way(asked.window, asked.coarser)
        found = answer(card, asked.weights, read_job(asked.job), way, asked.cache, asked.device)
        np.savez(asked.answer, allow_pickle=False, **found)
    except ModelError as error:
        sys.stderr.write(f"{error}\n")
        return WORDS_SAID
    except MemoryError:
        return NO_MEMORY
    return 0


if __name__ == "__main__":
    sys.exit(main())
