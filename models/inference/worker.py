"""The process that computes: `python -m models.inference.worker CARD JOB ANSWER`.

A process of its own, since a time limit in the flow cannot stop native code, and memory that a network took is given
back when it ends. JOB and ANSWER are .npz files without pickles.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from models.card import read_card
from models.inference.engine import open_engine
from models.inference.predict import Crops, Job, Scan, answer, window_of
from oncology.errors import ModelError


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


def main() -> int:
    """Run one network over one job."""
    parser = argparse.ArgumentParser(prog="python -m models.inference.worker", description=__doc__)
    parser.add_argument("card", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("job", type=Path)
    parser.add_argument("answer", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    asked = parser.parse_args()
    try:
        card = read_card(asked.card)
        job = read_job(asked.job)
        engine = open_engine(card.network, asked.weights, window_of(job), asked.cache, asked.device)
        np.savez(asked.answer, allow_pickle=False, **answer(card, engine, job))
    except ModelError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
