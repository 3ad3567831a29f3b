"""Contacts of drawn tumors with what they truly invade, and the files that hold them.

A person's contour and a network's mask are no drawn truth: each tumor is measured on its own mask and on one with a
wavering border, and each time both as drawn and with the tumor's part taken from the structures, as label maps have it.
"""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, cast

import numpy as np
from scipy import ndimage

from models.synthetic.patient import draw_plan, make_patient, scan_on_model_grid, truth
from models.synthetic.touch import asked_masks
from models.training.splits import Split, split_of
from oncology.errors import InputError
from oncology.findings import CaseId, Contact, Point, Source, SourceKind
from oncology.imaging.region import Box, bounding_box, distance_mm, grown
from oncology.imaging.survey import Region, Scene, survey
from oncology.imaging.volume import Geometry, Volume
from oncology.invasion.model import InvasionRow, row_from, row_json, rows_of

# How far a border wavers between readers, as one standard deviation, and over which length.
WAVER_MM, WAVER_LENGTH_MM = 1.0, 6.0
APART = "_apart"  # how the names of views end in which structures lack the tumor's part
AROUND_MM = 12.0  # farther structures have no contact


@dataclass(frozen=True)
class DrawnTumor:
    """One tumor of a synthetic patient.

    Attributes:
        mask: (Z, Y, X) bool on the CT's grid.
        invaded: the structures that it truly invades; `asked`: those of which that is known, invaded or not.
    """

    patient: str
    cancer: str
    mask: np.ndarray
    invaded: Collection[str]
    asked: Collection[str]
    ct: Volume
    structures: Mapping[str, np.ndarray]
    landmarks: Mapping[str, Point]


def drawn_rows(tumor: DrawnTumor, random: np.random.Generator) -> Iterator[InvasionRow]:
    """Every contact of the tumor, measured in four ways; all rows carry the patient's name, so they share a fold."""
    box = grown(bounding_box(tumor.mask), tumor.ct.geometry, AROUND_MM)
    near = {name: mask for name, mask in tumor.structures.items() if mask[box].any()}
    for name, mask in (("drawn", tumor.mask), ("wavering", wavered(tumor.mask, tumor.ct.geometry, random))):
        if mask.any():
            yield from _measured(tumor, mask, near, name)
            apart = {structure: _without(part, mask, box) for structure, part in near.items()}
            yield from _measured(tumor, mask, apart, f"{name}{APART}")


def _without(structure: np.ndarray, mask: np.ndarray, box: Box) -> np.ndarray:
    rest = structure.copy()
    rest[box] &= ~mask[box]
    return rest


def _measured(
    tumor: DrawnTumor, mask: np.ndarray, structures: Mapping[str, np.ndarray], view: str
) -> list[InvasionRow]:
    """Rows of what is asked about; what is invaded without a contact to see is there with none."""
    scene = Scene(tumor.ct, None, structures, tumor.landmarks, guess_lobe=lambda _mask, _center: {})
    region = Region("tumor", "tumor-1", mask, Source(SourceKind.MODEL, "drawn"))
    findings, _ = survey(CaseId(tumor.patient), tumor.cancer, scene, [region])
    measured = findings.tumors[0]
    unseen = set(tumor.invaded) - {contact.structure for contact in measured.contacts}
    measured = replace(measured, contacts=(*measured.contacts, *(Contact(name, 0.0, 0.0) for name in sorted(unseen))))
    rows = rows_of(measured, tumor.invaded, tumor.patient)
    return [replace(row, view=view) for row in rows if row.contact.structure in tumor.asked]


def wavered(mask: np.ndarray, grid: Geometry, random: np.random.Generator) -> np.ndarray:
    """The mask (Z, Y, X) with its border moved in and out by smooth noise of WAVER_MM."""
    near = grown(bounding_box(mask), grid, 5.0 * WAVER_MM)
    part = mask[near]
    half = min(grid.spacing_mm) / 2.0  # the border runs between two voxels' centers
    signed = np.where(part, distance_mm(part, grid.spacing_mm) - half, half - distance_mm(~part, grid.spacing_mm))
    noise = ndimage.gaussian_filter(
        random.standard_normal(part.shape), [WAVER_LENGTH_MM / 2.0 / spacing for spacing in grid.spacing_mm]
    )
    moved = np.zeros_like(mask)
    moved[near] = signed + WAVER_MM * noise / max(float(noise.std()), 1e-9) > 0.0
    return moved


def drawn_tumor(cancer: str, seed: int, index: int) -> DrawnTumor:
    """The tumor of one synthetic patient, with a CT taken on the model's grid."""
    patient = make_patient(draw_plan(cancer, seed, index), images=False)
    ct, _ = scan_on_model_grid(patient, np.random.default_rng((seed, index)))
    asked = set(asked_masks(cancer, patient.masks)) - set(patient.plan.tumor.home)
    return DrawnTumor(
        patient=f"{cancer}-{seed}-{index}",
        cancer=cancer,
        mask=patient.lesions[0].mask,
        invaded=truth(patient)["facts"]["invaded"],
        asked=asked,
        ct=ct,
        structures=patient.masks,
        landmarks=patient.landmarks,
    )


def patients(cancer: str, seed: int, count: int, into: Collection[str] = ()) -> Iterator[tuple[int, int]]:
    """Seed and index of `count` patients; with `into` only those whose tumor is planned to grow into one of these."""
    places = ((seed, index) for index in itertools.count())
    return itertools.islice((place for place in places if not into or _grows(cancer, *place, into)), count)


def _grows(cancer: str, seed: int, index: int, into: Collection[str]) -> bool:
    plan = draw_plan(cancer, seed, index).tumor
    return any(name.startswith(tuple(into)) for name in (*plan.invaded, *plan.encased))


def append_rows(path: Path, rows: Iterable[InvasionRow]) -> None:
    """Add rows to a file, one JSON object per line."""
    with _open(path, "at") as file:
        file.writelines(json.dumps(row_json(row)) + "\n" for row in rows)


def read_rows(path: Path, wanted: Split) -> list[InvasionRow]:
    """The rows of a file.

    Raises:
        InputError: a row belongs to a patient that is for something else.
    """
    with _open(path, "rt") as file:
        contents = [json.loads(line) for line in file]
    for content in contents:
        if split_of(int(content["patient"].split("-")[-2])) is not wanted:
            raise InputError(
                f"{path.name} has a row of {content['patient']}; expected patients whose seed is for {wanted}"
            )
    return [row_from(content) for content in contents]


def without_doubles(rows: Iterable[InvasionRow]) -> list[InvasionRow]:
    """The rows without those that say the same of one patient, as two ways of measuring often do."""
    return list({(row.patient, row.contact, row.tumor.volume_ml): row for row in rows}.values())


def _open(path: Path, mode: str) -> IO[str]:
    return cast("IO[str]", gzip.open(path, mode) if path.suffix == ".gz" else path.open(mode.strip("t")))
