"""Asking a network from the flow: in a process that can be killed, with its memory estimated first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from models.card import Card, write_card
from models.inference.predict import Job, voxels_of
from models.inference.worker import write_job
from models.registry import weights_path
from oncology.errors import ModelError

TIMEOUT_S = 900.0
# What a process needs before it sees a scan (libraries, one window's features), and per voxel and output.
BASE_MB, BYTES_PER_VOXEL = 900.0, 12.0
LAST_WORDS = 400


def memory_mb(card: Card, voxels: int) -> float:
    """Estimate of what a run needs, from the job's size."""
    outputs = sum(len(head.labels) for head in card.heads if head.activation == "sigmoid") * 2.0
    labels = 2.0 * sum(head.activation == "softmax" for head in card.heads)
    return BASE_MB + voxels * (BYTES_PER_VOXEL + outputs + labels) / 1e6


def free_mb() -> float:
    """Memory that the machine could give now."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("MemAvailable")) / 1024.0
    except (OSError, StopIteration):
        return float("inf")  # not Linux: the system itself refuses


def ask(card: Card, job: Job, cache: Path | None = None, *, timeout_s: float = TIMEOUT_S) -> dict[str, np.ndarray]:
    """What one network answers to a scan, or to crops; see `predict` and `predict_crops`.

    Raises:
        ModelError: too little memory, too slow, or the process failed; the scan's content is never in the words.
    """
    wanted, free = memory_mb(card, voxels_of(job)), free_mb()
    if wanted > free:
        raise ModelError(
            f"{card.id} needs about {wanted:.0f} MB for this scan and {free:.0f} MB are free; stage fewer cases at once"
        )
    with tempfile.TemporaryDirectory(prefix="aimdt-") as folder:
        asked, answer = Path(folder) / "job.npz", Path(folder) / "answer.npz"
        write_job(job, asked)
        write_card(card, Path(folder) / "card.toml")
        command = [str(Path(folder) / "card.toml"), str(weights_path(card)), str(asked), str(answer)]
        if cache is not None:
            command += ["--cache", str(cache)]
        _run(card.id, command, timeout_s)
        with np.load(answer, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}


def _run(model: str, command: list[str], timeout_s: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "models.inference.worker", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        _, words = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"{model} did not answer within {timeout_s:.0f} s and was stopped") from error
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode == 2:  # the worker's own words
        raise ModelError(words.strip())
    if process.returncode != 0:
        raise ModelError(f"{model} failed with code {process.returncode}: {words.strip()[-LAST_WORDS:]}")
