"""Asking a network from the flow: in a process that can be killed, with its memory estimated first.

Where memory is too short, or the process dies of it, the network is asked again in ways that take less.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from models.adapters.tool import killed_words
from models.card import Card, write_card
from models.inference.engine import needs_torch
from models.inference.memory import free_mb, memory_mb
from models.inference.predict import Crops, Job
from models.inference.sparing import USUAL, Way, given_answer, held_scan, ways
from models.inference.worker import NO_MEMORY, WORDS_SAID, windows_of, write_job
from models.registry import weights_path
from oncology.errors import ModelError, ModelMemoryError

TIMEOUT_S = 900.0
LAST_WORDS = 400
Told = Callable[[Card, Way], None]


def ask(
    card: Card,
    job: Job,
    cache: Path | None = None,
    *,
    timeout_s: float = TIMEOUT_S,
    tell: Told | None = None,
) -> dict[str, np.ndarray]:
    """What one network answers to a scan, or to crops; see `predict` and `predict_crops`.

    Args:
        timeout_s: for each process.
        tell: called with the way that gave the answer, where memory was too short for the usual one.

    Raises:
        ModelError: too little memory, too slow, or the process failed; the scan's content is never in the words.
    """
    weights, short = weights_path(card), None
    for way in (USUAL,) if isinstance(job, Crops) else ways(card):
        if _needed_mb(card, job, way, cache) > free_mb():
            continue
        try:
            found = _answer(card, weights, job, way, cache, timeout_s)
        except ModelMemoryError as error:
            short = error
            continue
        if tell is not None and way != USUAL:
            tell(card, way)
        return found
    raise short or _short_of_memory(card, job, cache)


def _needed_mb(card: Card, job: Job, way: Way, cache: Path | None) -> float:
    torch = needs_torch(card.network, card.folder / card.weights, windows_of(job, way), cache)
    return memory_mb(card, job, way, torch=torch)


def _short_of_memory(card: Card, job: Job, cache: Path | None) -> ModelMemoryError:
    wanted = _needed_mb(card, job, USUAL, cache)
    return ModelMemoryError(
        f"{card.id} needs about {wanted:.0f} MB for this scan and {free_mb():.0f} MB are free, too few for smaller "
        "tiles or a coarser grid, too: stage fewer cases at once"
    )


def _answer(
    card: Card, weights: Path, job: Job, way: Way, cache: Path | None, timeout_s: float
) -> dict[str, np.ndarray]:
    with tempfile.TemporaryDirectory(prefix="aimdt-") as folder:
        asked, answer = Path(folder) / "job.npz", Path(folder) / "answer.npz"
        write_job(job if isinstance(job, Crops) else held_scan(job, way), asked)
        write_card(card, Path(folder) / "card.toml")
        command = [str(Path(folder) / "card.toml"), str(weights), str(asked), str(answer)]
        if cache is not None:
            command += ["--cache", str(cache)]
        if way != USUAL:
            command += ["--window", str(way.window), "--coarser", str(way.coarser)]
        _run(card.id, command, timeout_s)
        with np.load(answer, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    return found if isinstance(job, Crops) else given_answer(card, found, job, way)


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
    if process.returncode == WORDS_SAID:
        raise ModelError(words.strip())
    if process.returncode == NO_MEMORY:
        raise ModelMemoryError(f"{model} ran out of memory: stage fewer cases at once")
    if process.returncode < 0:
        raise ModelMemoryError(killed_words(model, process.returncode))
    if process.returncode != 0:
        raise ModelError(f"{model} failed with code {process.returncode}: {words.strip()[-LAST_WORDS:]}")
