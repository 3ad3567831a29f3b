"""Contacts of drawn tumors with what they truly invade, as rows that the invasion model is fitted to.

A person's contour and a network's mask are no drawn truth: each tumor is measured on its own mask and on one with a
wavering border, and each time both as drawn and with the tumor's part taken from the structures, as label maps have it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from oncology.findings import CaseId, Point, Source, SourceKind
from oncology.imaging.region import Box, bounding_box, distance_mm, grown
from oncology.imaging.survey import Region, Scene, survey
from oncology.imaging.volume import Geometry, Volume
from oncology.invasion.model import InvasionRow, rows_of

# How far a border wavers between readers, as one standard deviation, and over which length.
WAVER_MM, WAVER_LENGTH_MM = 1.0, 6.0
AROUND_MM = 12.0  # farther structures have no contact


@dataclass(frozen=True)
class DrawnTumor:
    """One tumor of a synthetic patient, `mask` (Z, Y, X) on the CT's grid, with the structures it truly invades."""

    patient: str
    cancer: str
    mask: np.ndarray
    invaded: Collection[str]
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
    return rows_of(findings.tumors[0], tumor.invaded, tumor.patient)


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
