"""Synthetic patients to be scored: made one by one at model spacing, or read from folders that `aimdt synth` wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mdt_dicom.intake import read_study
from models.synthetic.draw import draw_plan
from models.synthetic.patient import SyntheticPatient, make_patient, truth
from oncology.errors import InputError
from oncology.findings import Point
from oncology.imaging.volume import Volume
from tasks import synthetic

TRUTH = "truth.json"
SPACING_MM: Mapping[str, float] = {"lung": 2.0}
MADE = tuple(SPACING_MM)
# A plain CT in place of a rendered one, for figures that only ask how dense a lesion is.
AIR_HU, LUNG_HU, TISSUE_HU, LESION_HU = -1000, -850, 40, 60


@dataclass(frozen=True)
class Given:
    """One lesion as drawn: its mask and what is true of it."""

    id: str
    kind: str  # tumor | node | metastasis
    mask: np.ndarray
    malignant: bool
    ene: bool = False
    ene_grade: int | None = None


@dataclass(frozen=True)
class Truth:
    """What is true by construction, in the words of truth.json.

    Attributes:
        categories: edition -> axis -> category.
        nodes: station, malignant, ... of every node.
        invaded: structures that the tumor invades; `touched`: those it merely meets.
        metastases: sites.
    """

    categories: Mapping[str, Mapping[str, str]]
    nodes: tuple[Mapping[str, Any], ...] = ()
    invaded: tuple[str, ...] = ()
    touched: tuple[str, ...] = ()
    metastases: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScoredPatient:
    """What scoring one patient needs; without drawn masks (`lesions` empty) the mode "truth" cannot be scored."""

    name: str
    cancer: str
    shift: str | None
    truth: Truth
    record: Mapping[str, Any]
    ct: Volume
    pet: Volume | None
    structures: Mapping[str, np.ndarray] = field(default_factory=dict)
    landmarks: Mapping[str, Point] = field(default_factory=dict)
    lesions: tuple[Given, ...] = ()


def patient_name(cancer: str, seed: int, index: int, shift: str | None) -> str:
    """Equal names are equal patients."""
    return f"{cancer}-{seed:06d}-{index:04d}" + (f"-{shift}" if shift else "")


def make_scored(cancer: str, seed: int, index: int, shift: str | None, *, images: bool) -> ScoredPatient:
    """Draw one patient on the model's grid.

    Args:
        images: also take CT and PET; without them the CT is a plain one with three densities.
    """
    patient = _made(cancer, seed, index, shift)
    structures = patient.masks
    ct = patient.ct if images else Volume(_plain_ct(patient), patient.canvas.geometry)
    subject = synthetic._subject(patient.plan)
    return ScoredPatient(
        name=patient_name(cancer, seed, index, shift),
        cancer=cancer,
        shift=shift,
        truth=truth_from(truth(patient)),
        record=synthetic._record(patient.plan, subject, patient.side),
        ct=ct,
        pet=patient.pet if images else None,
        structures=structures,
        lesions=tuple(_given(lesion) for lesion in patient.lesions),
    )


def _made(cancer: str, seed: int, index: int, shift: str | None) -> SyntheticPatient:
    """The only place that knows how patients are drawn."""
    if cancer not in MADE or shift is not None:
        raise InputError(f"synthetic patients of {cancer!r} with shift {shift!r} are not made; expected {MADE}")
    return make_patient(draw_plan(seed, index), SPACING_MM[cancer])


def _given(lesion: Any) -> Given:
    kind = "tumor" if lesion.station is None else "node"
    return Given(lesion.id, kind, lesion.mask, lesion.malignant)


def _plain_ct(patient: SyntheticPatient) -> np.ndarray:
    """HU (Z, Y, X) int16 of air, lung, tissue and lesions."""
    hu = np.full(patient.canvas.shape, AIR_HU, np.int16)
    hu[patient.masks["body"]] = TISSUE_HU
    for side in ("left", "right"):
        hu[patient.masks[f"lung_{side}"]] = LUNG_HU
    for lesion in patient.lesions:
        hu[lesion.mask] = LESION_HU
    return hu


def truth_from(content: Mapping[str, Any]) -> Truth:
    """truth.json as a record."""
    facts = content.get("facts", {})
    return Truth(
        categories=content["categories"],
        nodes=tuple(content.get("nodes", ())),
        invaded=tuple(facts.get("invaded", ())),
        touched=tuple(facts.get("touched", ())),
        metastases=tuple(facts.get("metastases", ())),
    )


def read_scored(folder: Path) -> ScoredPatient:
    """One patient that `aimdt synth` wrote.

    Raises:
        InputError: the folder lacks CT, record or truth.
    """
    missing = [name for name in ("ct", "record.json", TRUTH) if not (folder / name).exists()]
    if missing:
        raise InputError(f"a patient folder lacks {', '.join(missing)}; expected what `aimdt synth` writes")
    content = json.loads((folder / TRUTH).read_text(encoding="utf-8"))
    pet = folder / "pet"
    study = read_study(folder / "ct", pet if pet.exists() else None)
    return ScoredPatient(
        name=folder.name,
        cancer=content["site"],
        shift=content.get("shift"),
        truth=truth_from(content),
        record=json.loads((folder / "record.json").read_text(encoding="utf-8")),
        ct=study.ct.volume,
        pet=study.pet.volume if study.pet else None,
    )
