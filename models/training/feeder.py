"""A process beside the training that reads patients and cuts samples, so that the network never waits for them."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from models.training.crops import stream
from models.training.node_store import node_folders
from models.training.real import real_folder
from models.training.recipe import Recipe
from models.training.splits import Split, split_of
from models.training.store import stored
from oncology.errors import ModelError

AHEAD = 6  # samples that wait
RELIST = 400  # samples after which the store is read anew: patients may have been added
PATIENCE_S = 600.0


def patients_of(root: Path, cancers: tuple[str, ...], split: Split) -> list[Path]:
    """Stored patients of a split; the file's name begins with the seed."""
    return [
        path for path in stored(root, cancers) if split_of(int(path.name[:4])) is split and path.stem.count("-") == 1
    ]


def _feed(out: Any, root: Path, recipe: Recipe, seed: int) -> None:
    import torch  # only in this process: it is one thread, beside the one that trains

    torch.set_num_threads(1)
    folders = (*recipe.cancers, *(node_folders(recipe.cancers) if recipe.kind == "node" else ()))
    turn = 0
    while True:
        paths = patients_of(root, folders, Split.TRAINING)
        real = patients_of(root, (real_folder(recipe.region),), Split.TRAINING) if recipe.real else []
        try:
            for n, sample in enumerate(stream(paths, recipe, seed + 1_000_003 * turn, real=real)):
                out.put((sample.inputs.astype(np.float16), sample.targets))
                if n >= RELIST:
                    break
        except ModelError as error:
            out.put(error)
            return
        turn += 1


def samples(root: Path, recipe: Recipe, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Inputs (C, Z, Y, X) float16 and targets (T, Z, Y, X) uint8 without end, made in a process of their own.

    Raises:
        ModelError: the store is empty or broken, or nothing came for ten minutes.
    """
    context = get_context("spawn")
    waiting = context.Queue(AHEAD)
    worker = context.Process(target=_feed, args=(waiting, root, recipe, seed), daemon=True)
    worker.start()
    try:
        while True:
            try:
                item = waiting.get(timeout=PATIENCE_S)
            except queue.Empty as error:
                raise ModelError("no training sample came for ten minutes; the process that makes them died") from error
            if isinstance(item, ModelError):
                raise item
            yield item
    finally:
        worker.kill()
