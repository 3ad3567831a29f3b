"""MONAI bundles: configs/metadata.json, configs/inference.json and models/model.pt or model.ts.

Checked by bundle_rules, then run by MONAI in a process of its own; see bundle_worker.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.adapters.bundle_rules import inference_config
from models.adapters.folder import has_file, read_json
from models.adapters.grid import masks_by_name, named_masks
from models.adapters.tool import run_tool
from models.card import Card
from models.pickled import refuse_pickled_code
from models.registry import weights_path
from oncology.errors import ModelError
from oncology.imaging.volume import Volume, write_volume

METADATA, INFERENCE = "configs/metadata.json", "configs/inference.json"
STATE, SCRIPT = "models/model.pt", "models/model.ts"
WORKER = "models.adapters.bundle_worker"
SOURCE = Path(__file__).resolve().parents[2]  # from where `models` is imported, installed or not


def check_bundle(folder: Path) -> dict[str, Any]:
    """The checked part of the bundle's configuration that inference needs.

    Raises:
        ModelError: weights or sections are missing, it is not for one CT, or it does what is not allowed.
    """
    if not has_file(folder, STATE) and not has_file(folder, SCRIPT):
        raise ModelError(f"the MONAI bundle has neither {STATE} nor {SCRIPT}; fetch its weights first")
    _check_input(read_json(folder, METADATA))
    return inference_config(read_json(folder, INFERENCE), scripted=not has_file(folder, STATE))


def _check_input(metadata: Mapping[str, Any]) -> None:
    image = _format(metadata, "inputs", "image")
    if str(image.get("modality", "CT")).upper() != "CT" or image.get("num_channels", 1) != 1:
        raise ModelError(
            f"the MONAI bundle takes {image.get('num_channels')} channels of {str(image.get('modality'))[:40]!r}; "
            "expected one CT"
        )


def label_values(metadata: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Label -> its number in the answer; background is left out.

    Raises:
        ModelError: metadata.json does not say what the answer's numbers mean.
    """
    meanings = _format(metadata, "outputs", "pred").get("channel_def")
    if not isinstance(meanings, dict) or not all(str(key).isdigit() for key in meanings) or not meanings:
        raise ModelError("metadata.json of the MONAI bundle has no channel_def of pred; expected number -> label")
    found: dict[str, tuple[int, ...]] = {}
    for number, label in meanings.items():
        if str(label).strip().lower() != "background":
            found[str(label)] = (*found.get(str(label), ()), int(number))
    return found


def _format(metadata: Mapping[str, Any], side: str, name: str) -> dict[str, Any]:
    found: Any = metadata
    for key in ("network_data_format", side, name):
        found = found.get(key) if isinstance(found, Mapping) else None
    if not isinstance(found, dict):
        raise ModelError(f"metadata.json of the MONAI bundle does not describe {name} in network_data_format; add it")
    return found


def segment(card: Card, ct: Volume, work: Path, pet: Volume | None = None) -> dict[str, np.ndarray]:
    """Masks (Z, Y, X) bool on the CT's grid by name.

    Args:
        work: folder for what is exchanged; emptied afterwards.
        pet: not used.

    Raises:
        ModelError: the bundle was altered, does what is not allowed, or failed.
    """
    folder = weights_path(card)
    refuse_pickled_code(folder)
    check_bundle(folder)
    values = label_values(read_json(folder, METADATA))
    with tempfile.TemporaryDirectory(prefix="bundle-", dir=work) as name:
        place = Path(name)
        write_volume(ct, place / "scan.mha", compress=False)
        command = [sys.executable, "-m", WORKER, str(folder.resolve()), str(place / "scan.mha"), str(place / "out.npz")]
        # Bundles ask for a GPU by themselves where they see one, and their parts then lie on two devices.
        surroundings = {"PYTHONPATH": str(SOURCE), "CUDA_VISIBLE_DEVICES": ""}
        run_tool(card.id, command, place, environment=surroundings)
        return _masks(card, place / "out.npz", values)


def _masks(card: Card, answer: Path, values: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    with np.load(answer, allow_pickle=False) as file:
        labels = file["labels"]  # (C, Z, Y, X)
    if labels.shape[0] == 1 and values and 0 not in {number for numbers in values.values() for number in numbers}:
        return named_masks(card, labels[0], values)
    highest = max((number for numbers in values.values() for number in numbers), default=0)
    if highest >= labels.shape[0]:
        raise ModelError(f"model {card.id} answered {labels.shape[0]} channels; its metadata speaks of {highest + 1}")
    merged = {label: (labels[list(numbers)] > 0).any(axis=0) for label, numbers in values.items()}
    return masks_by_name(card, merged)
