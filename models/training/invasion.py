"""Contacts of drawn tumors with what they truly invade, and the invasion model fitted to them.

A person's contour and a network's mask are no drawn truth: each tumor is measured on its own mask and on one with a
wavering border, and each time both as drawn and with the tumor's part taken from the structures, as label maps have it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from models.synthetic.patient import CANCERS, draw_plan, make_patient, scan_on_model_grid, truth
from models.synthetic.touch import asked_masks
from models.training.splits import TRAINING_SEEDS, training_patients
from oncology.findings import CaseId, Point, Source, SourceKind
from oncology.imaging.region import Box, bounding_box, distance_mm, grown
from oncology.imaging.survey import Region, Scene, survey
from oncology.imaging.volume import Geometry, Volume
from oncology.invasion.model import InvasionModel, InvasionRow, fit_invasion, row_from, row_json, rows_of, save_model

# How far a border wavers between readers, as one standard deviation, and over which length.
WAVER_MM, WAVER_LENGTH_MM = 1.0, 6.0
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
    for mask in (tumor.mask, wavered(tumor.mask, tumor.ct.geometry, random)):
        if mask.any():
            yield from _measured(tumor, mask, near)
            yield from _measured(tumor, mask, {name: _without(part, mask, box) for name, part in near.items()})


def _without(structure: np.ndarray, mask: np.ndarray, box: Box) -> np.ndarray:
    rest = structure.copy()
    rest[box] &= ~mask[box]
    return rest


def _measured(tumor: DrawnTumor, mask: np.ndarray, structures: Mapping[str, np.ndarray]) -> list[InvasionRow]:
    scene = Scene(tumor.ct, None, structures, tumor.landmarks, guess_lobe=lambda _mask, _center: {})
    region = Region("tumor", "tumor-1", mask, Source(SourceKind.MODEL, "drawn"))
    findings, _ = survey(CaseId(tumor.patient), tumor.cancer, scene, [region])
    rows = rows_of(findings.tumors[0], tumor.invaded, tumor.patient)
    return [row for row in rows if row.contact.structure in tumor.asked]


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


def main() -> None:
    """Draw patients, append their rows to a file, fit the model to all of them and save it."""
    parser = argparse.ArgumentParser(prog="python -m models.training.invasion", description="Fit the invasion model.")
    parser.add_argument("--cancer", nargs="+", required=True, choices=CANCERS, metavar="KEY")
    parser.add_argument("--count", type=int, default=100, metavar="N", help="patients of each cancer")
    parser.add_argument("--seed", type=int, default=TRAINING_SEEDS.start, metavar="S", help="one for training")
    parser.add_argument("--rows", type=Path, required=True, help="where the rows are kept; existing ones count too")
    parser.add_argument("--out", type=Path, help="where the coefficients go; without it nothing is fitted")
    asked = parser.parse_args()
    for cancer in asked.cancer:
        for seed, index in training_patients(asked.seed, asked.count):
            _append(asked.rows, drawn_rows(drawn_tumor(cancer, seed, index), np.random.default_rng((index, seed))))
    if asked.out is not None:
        save_model(
            _fitted(asked.rows, f"synthetic patients of {', '.join(asked.cancer)}, seed {asked.seed}"), asked.out
        )


def _append(path: Path, rows: Iterable[InvasionRow]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(row_json(row)) + "\n" for row in rows)


def _fitted(path: Path, note: str) -> InvasionModel:
    content = path.read_bytes()
    rows = [row_from(json.loads(line)) for line in content.splitlines()]
    provenance = {
        "rows": note,
        "count": str(len(rows)),
        "patients": str(len({row.patient for row in rows})),
        "sha256": hashlib.sha256(content).hexdigest(),
        "method": "ridge logistic per class of structure, Platt's line from five folds by patient",
    }
    return fit_invasion(rows, provenance)


if __name__ == "__main__":
    main()
