"""Synthetic patients to be scored: made one by one at model spacing, or read from folders that `aimdt synth` wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mdt_dicom.intake import read_study
from models.synthetic.draw import COHORTS
from models.synthetic.patient import SyntheticPatient, draw_plan, make_patient, scan_on_model_grid, truth
from oncology.cancers.protocol import MODULES, site_of
from oncology.errors import InputError
from oncology.findings import Point
from oncology.imaging.volume import Volume
from tasks.synthetic import record_of_patient

TRUTH = "truth.json"
MADE = tuple(key for key in COHORTS if key in MODULES)
SCAN_SEED = 7  # of the scan's noise, together with the body's
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
        greatest_mm: of the primary, on the drawn mask; `depth_mm`: how deep it was drawn to invade; None where it is
            not told.
    """

    categories: Mapping[str, Mapping[str, str]]
    nodes: tuple[Mapping[str, Any], ...] = ()
    invaded: tuple[str, ...] = ()
    touched: tuple[str, ...] = ()
    metastases: tuple[str, ...] = ()
    greatest_mm: float | None = None
    depth_mm: float | None = None


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
        cancer: one that a package adds is scored on patients drawn for its site.
        images: also take CT and PET; without them the CT is a plain one with three densities.
    """
    patient = make_patient(draw_plan(site_of(cancer), seed, index, shift), images=False)
    ct, pet = _scans(patient) if images else (Volume(_plain_ct(patient), patient.canvas.geometry), None)
    return ScoredPatient(
        name=patient_name(cancer, seed, index, shift),
        cancer=cancer,
        shift=shift,
        truth=truth_from(truth(patient)),
        record=record_of_patient(patient),
        ct=ct,
        pet=pet,
        structures=patient.masks,
        landmarks=patient.landmarks,
        lesions=tuple(
            Given(lesion.id, lesion.kind, lesion.mask, lesion.malignant, lesion.ene, lesion.ene_grade)
            for lesion in patient.lesions
        ),
    )


def _scans(patient: SyntheticPatient) -> tuple[Volume, Volume]:
    return scan_on_model_grid(patient, np.random.default_rng((SCAN_SEED, patient.plan.build.seed)))


def _plain_ct(patient: SyntheticPatient) -> np.ndarray:
    """HU (Z, Y, X) int16 of air, lung, tissue and lesions."""
    hu = np.full(patient.canvas.shape, AIR_HU, np.int16)
    hu[patient.masks["body"]] = TISSUE_HU
    for name in ("lung_left", "lung_right"):
        if name in patient.masks:
            hu[patient.masks[name]] = LUNG_HU
    for lesion in patient.lesions:
        hu[lesion.mask] = LESION_HU
    return hu


def truth_from(content: Mapping[str, Any]) -> Truth:
    """truth.json as a record."""
    facts, measured = content.get("facts", {}), content.get("measurements", {})
    return Truth(
        categories=content["categories"],
        nodes=tuple(content.get("nodes", ())),
        invaded=tuple(facts.get("invaded", ())),
        touched=tuple(facts.get("touched", ())),
        metastases=tuple(facts.get("metastases", ())),
        greatest_mm=measured.get("greatest_dimension_mm"),
        depth_mm=measured.get("depth_of_invasion_mm"),
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
