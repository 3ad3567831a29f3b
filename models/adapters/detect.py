"""What kind of model lies in a folder, told by its content; and the card that can be written from it.

Only descriptions are read here, and no weights are opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.adapters import monai_bundle, nnunet, totalsegmentator
from models.adapters.folder import has_file, inside, read_json
from models.card import CARD_FILE, Card, read_card
from models.registry import content_sha256
from oncology.errors import ModelError

EXPORTED = (".ts", ".pt", ".onnx")
# Words in a label that say that it is a lesion, and what this software calls it.
LESIONS = (
    ("node", re.compile(r"node|lymph|gtv_?n|(^|_)ln(_|$)")),
    ("tumor", re.compile(r"tumou?r|cancer|carcinoma|lesion|gtv|neoplasm|malignan")),
)
# Words in the name of a model or label that say which cancer a lesion is of.
CANCERS = (
    ("lung", re.compile(r"lung|nsclc|pulmon")),
    ("pancreas", re.compile(r"pancrea|pdac")),
    ("esophagus", re.compile(r"o?esophag")),
)
# Words in the name of a model or label, and cancers, that say which part of the body the model was trained on.
# Structures that run through several parts (aorta, trachea, esophagus, vertebrae) say nothing.
REGION_WORDS = (
    ("neck", re.compile(r"head_?(and_?)?neck|(^|_)hnc?(_|$)|hecktor|laryn|pharyn|parotid|submandib|mandible|tongue")),
    ("thorax", re.compile(r"lung|nsclc|pulmon|heart|bronch|mediastin|thorac|thorax|chest")),
    ("abdomen", re.compile(r"liver|hepat|pancrea|pdac|spleen|kidney|stomach|duoden|gallbladder|adrenal|abdom")),
)
REGION_OF_CANCER = {"lung": "thorax", "esophagus": "thorax", "pancreas": "abdomen"}
REGION_UNSAID = (
    "Nothing in the folder says which part of the body it was trained on: it is asked about every scan. Set region in "
    "the card."
)
LICENCE_UNSAID = "not stated by the model; ask who made it"
NO_ORIENTATION = (
    "The folder does not say how the training scans' axes lay; taken to run to the left, the back and the head "
    "(LPS). Where they did not, set orientation in the card. No figures of quality came with the model."
)


def detect(folder: Path) -> Card:
    """The card of the model in a folder.

    Raises:
        ModelError: the folder holds no model of a known kind, or one that would run code of its own.
    """
    if not folder.is_dir():
        raise ModelError("there is no such folder; expected the folder of one model")
    if has_file(folder, CARD_FILE):
        return read_card(folder / CARD_FILE)
    if has_file(folder, "plans.json") and has_file(folder, "dataset.json"):
        return _with_hash(_nnunet(folder))
    if has_file(folder, "configs/metadata.json"):
        return _with_hash(_bundle(folder))
    if has_file(folder, totalsegmentator.MARKER):
        return _totalsegmentator(folder)
    raise ModelError(_unknown(folder))


def _unknown(folder: Path) -> str:
    exported = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in EXPORTED)
    if exported:
        return (
            f"{exported[0]} does not say what it takes and what its outputs mean; write a {CARD_FILE} beside it with "
            "kind, spacing_mm, heads and, in settings, window, clip_hu, mean and std"
        )
    return (
        f"the folder holds no model of a known kind; expected an nnU-Net v2 results folder (with plans.json, "
        f"dataset.json and fold_0), a MONAI bundle (configs/metadata.json), {totalsegmentator.MARKER}, or a {CARD_FILE}"
    )


def _with_hash(card: Card) -> Card:
    return replace(card, sha256=content_sha256(card.folder / card.weights))


def _nnunet(folder: Path) -> Card:
    dataset, plans = read_json(folder, "dataset.json"), read_json(folder, "plans.json")
    nnunet.check_plans(plans)
    name, spacing = _configuration(folder, plans)
    checkpoint, folds = nnunet.find_folds(folder)
    nnunet.file_ending(dataset)
    title = f"{plans.get('dataset_name', folder.name)} {name}"
    base = _foreign(folder, "nnunet", title, nnunet.label_values(dataset))
    return replace(
        base,
        modalities=tuple(dict.fromkeys(nnunet.channels(dataset))),
        spacing_mm=spacing,
        licence=_said(dataset.get("licence", dataset.get("license")), LICENCE_UNSAID),
        training_data=_said(dataset.get("description"), _said(plans.get("dataset_name"), "")),
        limits=_limits(base, NO_ORIENTATION),
        citation="Isensee F et al. nnU-Net. Nat Methods 2021;18:203-211",
        settings={"folds": list(folds), "checkpoint": checkpoint, "mirroring": True, "step": 0.5},
    )


def _configuration(folder: Path, plans: Mapping[str, Any]) -> tuple[str, tuple[float, float, float]]:
    """The configuration that was trained, as the folder's name ends; and its spacing (z, y, x)."""
    known = nnunet.configurations(plans)
    named = folder.resolve().name.rsplit("__", 1)[-1]
    name = named if named in known else next((key for key in ("3d_fullres", *known) if key in known), "")
    if known[name].get("previous_stage"):
        raise ModelError(f"{name} is the second stage of a cascade, which is not run here; add 3d_fullres instead")
    return name, _spacing(known[name], plans)


def _spacing(configuration: Mapping[str, Any], plans: Mapping[str, Any]) -> tuple[float, float, float]:
    """For the record only: nnU-Net resamples by itself. Two-dimensional configurations leave slices as they are."""
    found = list(configuration.get("spacing", ()))
    median = list(plans.get("original_median_spacing_after_transp", (1.0, 1.0, 1.0)))
    found = median[: 3 - len(found)] + found
    back = list(plans.get("transpose_backward", (0, 1, 2)))
    try:
        z, y, x = (float(found[axis]) for axis in back)
    except (TypeError, ValueError, IndexError) as error:
        raise ModelError("plans.json of the nnU-Net folder has no spacing (z, y, x); export the model anew") from error
    return z, y, x


def _bundle(folder: Path) -> Card:
    metadata = read_json(folder, "configs/metadata.json")
    monai_bundle.check_bundle(folder)
    title = _said(metadata.get("name"), folder.resolve().name)
    base = _foreign(folder, "monai_bundle", title, monai_bundle.label_values(metadata))
    return replace(
        base,
        spacing_mm=(1.0, 1.0, 1.0),
        licence=_first_line(folder, "LICENSE") or LICENCE_UNSAID,
        training_data=_said(metadata.get("data_source"), ""),
        intended_use=_said(metadata.get("intended_use"), _said(metadata.get("description"), "")),
        limits=_limits(base, "The bundle resamples and turns the scan by itself; no figures of quality were measured."),
        citation="; ".join(str(item) for item in metadata.get("references", ()) if isinstance(item, str))[:1000],
    )


def _totalsegmentator(folder: Path) -> Card:
    wanted = totalsegmentator.read_marker(folder)
    return replace(
        _foreign(folder, "totalsegmentator", f"totalsegmentator-{wanted.task}", wanted.structures),
        role="anatomy",
        region="body",
        cancers=(),
        spacing_mm=(3.0, 3.0, 3.0) if wanted.fast else (1.5, 1.5, 1.5),
        weights="",
        licence="Apache-2.0 (task total); other tasks have terms of their own",
        training_data="TotalSegmentator dataset",
        limits="Runs in an installation of its own, which holds the weights.",
        citation="Wasserthal J et al. TotalSegmentator. Radiol Artif Intell 2023;5:e230024",
        settings={"task": wanted.task, "fast": wanted.fast},
    )


def _foreign(folder: Path, kind: str, title: str, labels: Iterable[str]) -> Card:
    names = {label: _our_name(label) for label in labels}
    if not names:
        raise ModelError("the model knows no label but background; expected at least one")
    lesion = any(name in ("tumor", "node") for name in names.values())
    words = f"{title} {' '.join(names)}".lower()
    cancers = tuple(cancer for cancer, pattern in CANCERS if pattern.search(words)) if lesion else ()
    identity = re.sub(r"[^a-z0-9._-]+", "-", title.lower()).strip("-._")[:64] or kind
    return Card(
        id=identity,
        role="lesion" if lesion else "anatomy",
        kind=kind,
        region=_region(re.sub(r"[^a-z0-9]+", "_", words), cancers),
        cancers=cancers,
        names=names,
        weights=".",
        folder=inside(folder, "."),
        licence=LICENCE_UNSAID,
        source="added",
    )


def _region(words: str, cancers: Iterable[str]) -> str:
    """The one part of the body that all words speak of; empty where they speak of none, or of several."""
    named = {region for region, pattern in REGION_WORDS if pattern.search(words)}
    named |= {REGION_OF_CANCER[cancer] for cancer in cancers}
    return named.pop() if len(named) == 1 else ""


def _limits(card: Card, known: str) -> str:
    return known if card.region else f"{known} {REGION_UNSAID}"


def _our_name(label: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")
    for name, pattern in LESIONS:
        if pattern.search(plain):
            return name
    return label


def _said(value: object, otherwise: str) -> str:
    return value.strip()[:2000] if isinstance(value, str) and value.strip() else otherwise


def _first_line(folder: Path, name: str) -> str:
    if not has_file(folder, name):
        return ""
    with (folder / name).open(encoding="utf-8", errors="replace") as file:
        lines = file.read(4000).splitlines()
    return next((line.strip()[:120] for line in lines if line.strip()), "")
