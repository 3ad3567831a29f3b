"""nnU-Net v2 results folders: dataset.json, plans.json and fold_*/checkpoint_*.pth.

The network is run by nnU-Net itself, in the environment that AIMDT_NNUNET_PYTHON names, so that preprocessing, windows,
mirroring and the way back are its own. Source: Isensee 2021, and the documentation of nnunetv2 2.x.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.adapters.folder import has_file, read_json
from models.adapters.grid import back_on, image_on, named_masks, oriented
from models.adapters.tool import run_tool, tool_command, tool_python
from models.card import Card
from models.pickled import refuse_pickled_code
from models.registry import weights_path
from oncology.errors import ModelError
from oncology.imaging.volume import Volume, read_volume, write_volume

PYTHON, PACKAGE, COMMAND = "AIMDT_NNUNET_PYTHON", "nnunetv2", "nnUNetv2_predict_from_modelfolder"
CHECKPOINTS = ("checkpoint_final.pth", "checkpoint_best.pth")
FOLD = re.compile(r"fold_(\d{1,3}|all)")
ENDINGS = (".nii.gz", ".nrrd", ".mha")  # three-dimensional ones that its readers and SimpleITK share
PET_NAMES = ("pet", "pt", "suv", "fdg")
CT_NAMES = ("ct",)
# Classes that plans may name: nnU-Net imports and calls whatever stands there.
ARCHITECTURE = re.compile(r"(dynamic_network_architectures|torch\.nn)(\.\w+)+")
CASE = "scan"


def segment(card: Card, ct: Volume, work: Path, pet: Volume | None = None) -> dict[str, np.ndarray]:
    """Masks (Z, Y, X) bool on the CT's grid by name.

    Args:
        work: folder for what is exchanged; emptied afterwards.
        pet: SUV, for models with a PET channel.

    Raises:
        ModelError: nnU-Net is not installed, the folder was altered or holds code, or the run failed.
    """
    python = tool_python(PYTHON, PACKAGE)
    folder = weights_path(card)
    refuse_pickled_code(folder)
    dataset, plans = read_json(folder, "dataset.json"), read_json(folder, "plans.json")
    check_plans(plans)
    shown = oriented(ct, card.orientation)
    with tempfile.TemporaryDirectory(prefix="nnunet-", dir=work) as place:
        ending = file_ending(dataset)
        _hand_over(Path(place) / "in", channels(dataset), ending, shown, pet)
        command = [tool_command(python, COMMAND, PACKAGE), *arguments(card, folder, Path(place))]
        run_tool(card.id, command, Path(place), environment=_folders(Path(place)))
        answer = Path(place) / "out" / f"{CASE}{ending}"
        if not answer.is_file():
            raise ModelError(f"model {card.id} ended without an answer; run nnU-Net by hand to see why")
        labels = read_volume(answer).array
    return named_masks(card, back_on(labels, shown.geometry, ct.geometry), label_values(dataset))


def arguments(card: Card, folder: Path, place: Path) -> list[str]:
    """Arguments of nnU-Net's own program."""
    settings = card.settings
    folds = [str(fold) for fold in settings.get("folds", find_folds(folder)[1])]
    checkpoint = str(settings.get("checkpoint", find_folds(folder)[0]))
    if not all(has_file(folder, f"fold_{fold}/{checkpoint}") for fold in folds):
        raise ModelError(f"the card of {card.id} asks for folds {folds} of {checkpoint}; not all of them are there")
    found = ["-i", str(place / "in"), "-o", str(place / "out"), "-m", str(folder.resolve()), "-f", *folds]
    found += [
        "-chk",
        checkpoint,
        "-step_size",
        str(float(settings.get("step", 0.5))),
        "-device",
        str(settings.get("device", "cpu")),
    ]
    found += ["-npp", "1", "-nps", "1", "--disable_progress_bar"]
    return found if settings.get("mirroring", True) else [*found, "--disable_tta"]


def _folders(place: Path) -> dict[str, str]:
    """nnU-Net asks for its three folders even where it uses none."""
    return dict.fromkeys(("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"), str(place))


def _hand_over(place: Path, wanted: tuple[str, ...], ending: str, ct: Volume, pet: Volume | None) -> None:
    place.mkdir()
    (place.parent / "out").mkdir()
    for number, channel in enumerate(wanted):
        if channel == "PT" and pet is None:
            raise ModelError("the model needs a PET and there is none; take a model for CT alone")
        image = ct if channel == "CT" or pet is None else Volume(image_on(pet, ct.geometry, 0.0), ct.geometry)
        write_volume(image, place / f"{CASE}_{number:04d}{ending}", compress=False)


def find_folds(folder: Path) -> tuple[str, tuple[str, ...]]:
    """The checkpoint's name and the folds that have it; `all` only where it is the only one, as in nnU-Net.

    Raises:
        ModelError: no fold was trained to its end.
    """
    folds = sorted(path.name for path in folder.iterdir() if path.is_dir() and FOLD.fullmatch(path.name))
    for checkpoint in CHECKPOINTS:
        found = [name.removeprefix("fold_") for name in folds if has_file(folder, f"{name}/{checkpoint}")]
        numbers = tuple(fold for fold in found if fold != "all")
        if found:
            return checkpoint, numbers or ("all",)
    raise ModelError("the nnU-Net folder has no fold_*/checkpoint_final.pth; give the folder that holds fold_0")


def label_values(dataset: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Label -> its numbers in the answer; several where the model knows regions. Background and `ignore` are left out.

    Raises:
        ModelError: dataset.json has no labels that make sense.
    """
    labels = dataset.get("labels")
    if not isinstance(labels, dict) or not labels:
        raise ModelError("dataset.json of the nnU-Net folder has no labels; expected name -> number")
    found = {}
    for name, value in labels.items():
        numbers = tuple(value) if isinstance(value, list) else (value,)
        if not all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
            raise ModelError("dataset.json of the nnU-Net folder has labels of format 1; expected name -> number")
        if name != "ignore" and any(numbers):
            found[str(name)] = numbers
    return found


def channels(dataset: Mapping[str, Any]) -> tuple[str, ...]:
    """The model's input images in order, each `CT` or `PT`.

    Raises:
        ModelError: an image of another kind is asked for.
    """
    named = dataset.get("channel_names", dataset.get("modality"))
    if not isinstance(named, dict) or not all(str(number) in named for number in range(len(named))) or not named:
        raise ModelError("dataset.json of the nnU-Net folder has no channel_names; expected number -> name")
    return tuple(_channel(str(named[str(number)])) for number in range(len(named)))


def _channel(name: str) -> str:
    words = re.split(r"[^a-z]+", name.lower())
    if any(word in words for word in PET_NAMES):
        return "PT"
    if any(word in words for word in CT_NAMES):
        return "CT"
    raise ModelError(f"the nnU-Net model asks for an image {name[:40]!r}; expected CT, or CT and PET")


def file_ending(dataset: Mapping[str, Any]) -> str:
    """How the model's images are stored.

    Raises:
        ModelError: in a way that this software does not write.
    """
    ending = dataset.get("file_ending", ".nii.gz")
    if ending not in ENDINGS:
        raise ModelError(f"the nnU-Net model reads {str(ending)[:20]!r} files; expected one of: {', '.join(ENDINGS)}")
    return str(ending)


def check_plans(plans: Mapping[str, Any]) -> None:
    """Refuse plans that make nnU-Net import anything but network layers.

    Raises:
        ModelError: the class that is named; or a description without configurations.
    """
    for configuration in configurations(plans).values():
        architecture = configuration.get("architecture", {})
        architecture = architecture if isinstance(architecture, dict) else {}
        keywords = architecture.get("arch_kwargs", {})
        asked = [keywords.get(key) for key in architecture.get("_kw_requires_import", ())]
        for name in [architecture.get("network_class_name"), *asked]:
            if name is not None and not ARCHITECTURE.fullmatch(str(name)):
                raise ModelError(
                    f"plans.json asks to import {str(name)[:80]!r}; expected layers of nnU-Net or torch.nn"
                )


def configurations(plans: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The plans' configurations by name."""
    found = plans.get("configurations")
    if not isinstance(found, dict) or not all(isinstance(value, dict) for value in found.values()) or not found:
        raise ModelError("plans.json of the nnU-Net folder has no configurations; expected those of nnU-Net v2")
    return found
