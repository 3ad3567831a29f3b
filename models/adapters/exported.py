"""Networks exported as TorchScript or ONNX, described by a card.toml beside them.

The card says what they take: spacing_mm and orientation; in settings `window` (voxels z, y, x), `overlap`, and either
`clip_hu` (low, high), `mean` and `std`, or inputs by the names of networks/inputs.py. Heads say what outputs mean.
They run in a process of their own, see exported_worker.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.adapters.tool import run_tool
from models.card import Card, write_card
from models.registry import weights_path
from oncology.errors import ModelError
from oncology.imaging.volume import Volume, write_volume

WORKER = "models.adapters.exported_worker"
SOURCE = Path(__file__).resolve().parents[2]  # from where `models` is imported, installed or not
WIDEST_WINDOW = 512
DEFAULT_OVERLAP, DEFAULT_THRESHOLD = 0.25, 0.5


@dataclass(frozen=True)
class Recipe:
    """How scans are cut and scaled, from a card's settings.

    Attributes:
        window: voxels (z, y, x).
        clip_hu, mean, std: HU are clipped, then (HU - mean) / std; None where the card names inputs instead.
        threshold: probability from which a sigmoid's label is said to be there.
    """

    window: tuple[int, int, int]
    overlap: float
    clip_hu: tuple[float, float] | None
    mean: float
    std: float
    threshold: float


def read_recipe(card: Card) -> Recipe:
    """The recipe of a card.

    Raises:
        ModelError: a setting is missing or makes no sense.
    """
    settings = card.settings
    window = [int(size) for size in _numbers(card, settings, "window", 3)]
    clip = None if card.inputs else _numbers(card, settings, "clip_hu", 2)
    recipe = Recipe(
        (window[0], window[1], window[2]),
        _number(card, settings, "overlap", DEFAULT_OVERLAP),
        None if clip is None else (clip[0], clip[1]),
        _number(card, settings, "mean", 0.0),
        _number(card, settings, "std", 1.0),
        _number(card, settings, "threshold", DEFAULT_THRESHOLD),
    )
    _check(card, recipe)
    return recipe


def _check(card: Card, recipe: Recipe) -> None:
    if not all(1 <= size <= WIDEST_WINDOW for size in recipe.window):
        raise ModelError(f"settings.window of {card.id} is {recipe.window}; expected 1 to {WIDEST_WINDOW} voxels")
    if not 0.0 <= recipe.overlap < 1.0 or recipe.std <= 0.0:
        raise ModelError(f"settings of {card.id}: expected an overlap from 0 to below 1 and a std above 0")
    if recipe.clip_hu is not None and recipe.clip_hu[0] >= recipe.clip_hu[1]:
        raise ModelError(f"settings.clip_hu of {card.id} is {recipe.clip_hu}; expected low, then high")
    if not card.heads:
        raise ModelError(f"the card of {card.id} has no heads; say what the network's outputs mean")


def _numbers(card: Card, settings: Mapping[str, Any], key: str, count: int) -> list[float]:
    found = settings.get(key)
    if not isinstance(found, list | tuple) or len(found) != count or not all(_is_number(value) for value in found):
        raise ModelError(f"settings.{key} of {card.id}: found {str(found)[:60]}, expected {count} numbers")
    return [float(value) for value in found]


def _number(card: Card, settings: Mapping[str, Any], key: str, otherwise: float) -> float:
    found = settings.get(key, otherwise)
    if not _is_number(found):
        raise ModelError(f"settings.{key} of {card.id}: found {str(found)[:60]}, expected a number")
    return float(found)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))


def segment(card: Card, ct: Volume, work: Path, pet: Volume | None = None) -> dict[str, np.ndarray]:
    """Masks (Z, Y, X) bool on the CT's grid by name.

    Args:
        work: folder for what is exchanged; emptied afterwards.
        pet: SUV, for networks whose inputs name it.

    Raises:
        ModelError: the network was altered, does not fit its card, or failed.
    """
    weights = weights_path(card)
    read_recipe(card)
    if card.sees_pet and pet is None:
        raise ModelError(f"model {card.id} needs a PET and there is none; take a model for CT alone")
    with tempfile.TemporaryDirectory(prefix="exported-", dir=work) as name:
        place = Path(name)
        write_card(card, place / "card.toml")
        write_volume(ct, place / "ct.mha", compress=False)
        if pet is not None:
            write_volume(pet, place / "pet.mha", compress=False)
        command = [sys.executable, "-m", WORKER, str(weights.resolve()), str(place)]
        run_tool(card.id, command, place, environment={"PYTHONPATH": str(SOURCE), "OPENVINO_TELEMETRY_ENABLED": "0"})
        with np.load(place / "answer.npz", allow_pickle=False) as file:
            return dict(zip(file["names"].tolist(), file["masks"], strict=True))
