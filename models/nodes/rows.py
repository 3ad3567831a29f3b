"""Nodes of stored synthetic patients, measured as the flow would measure them on masks that are not perfect.

A network's mask or a person's contour is no drawn truth: each node is measured on masks whose border was moved in or
out as a whole and wavers, on every scan there is of the patient, with its PET and without.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from models.training.store import PET_STEP, StoredPatient
from oncology.findings import CaseId, Findings, Laterality, Node, Tumor, to_json
from oncology.imaging.diameter import measure_diameters
from oncology.imaging.location import centroid_lps, find_laterality
from oncology.imaging.measure import measure_node
from oncology.imaging.node_signs import reference_uptake
from oncology.imaging.region import bounding_box, crop, distance_mm, grown
from oncology.imaging.uptake import measure_uptake
from oncology.imaging.volume import Geometry, Volume

# How far a border is off as a whole and how far it wavers, as one standard deviation; over which length; at most.
OFF_MM, WAVER_MM, WAVER_LENGTH_MM, MOST_OFF_MM = 0.5, 0.5, 5.0, 1.2
NEAR_MM = 14.0  # of the images around a node that its measurement needs
STRUCTURES = ("liver", "aorta")


@dataclass(frozen=True)
class NodeRow:
    """One measurement of one node with its truth.

    Attributes:
        patient: keeps a patient's nodes together.
        findings: the tumor, and the node with PET where `node.suv_max` is there.
    """

    patient: str
    cancer: str
    malignant: bool
    drawn_mm: float
    tumor: Tumor
    node: Node

    def findings(self) -> Findings:
        """As the classifier takes it."""
        return Findings(CaseId(self.patient), self.cancer, (self.tumor,), (self.node,))

    def without_pet(self) -> NodeRow:
        """The same node where nobody took a PET."""
        kept = {name: value for name, value in self.node.measures.items() if "suv" not in name}
        return replace(
            self, node=replace(self.node, suv_max=None, measures=kept), tumor=replace(self.tumor, suv_max=None)
        )


def patient_rows(
    patient: StoredPatient, random: np.random.Generator, masks: int = 1, scans: int | None = None
) -> Iterator[NodeRow]:
    """Every node of a patient on each of its (first) scans, each time on `masks` other imperfect masks."""
    about = patient.about
    name = f"{about['cancer']}-{about['seed']}-{about['index']}"
    labels = about["labels"]
    structures = {one: patient.anatomy == 1 + labels.index(one) for one in STRUCTURES if one in labels}
    spine = patient.anatomy == 1 + labels.index("spine")
    for scan in range(scans or len(patient.ct)):
        ct = _ct(patient, scan)
        pet = _pet(patient, scan, ct.geometry)
        references = reference_uptake(structures, ct.geometry, pet)
        tumor = _tumor(patient.lesions == 1, ct, pet, {"spine": spine})
        nodes = [(place, one) for place, one in enumerate(about["lesions"], start=1) if one["kind"] == "node"]
        for place, lesion in nodes * masks:
            node = _node(patient.lesions == place, lesion, ct, pet, spine, references, random)
            if node is not None:
                yield NodeRow(name, about["cancer"], lesion["malignant"], lesion["short_axis_mm"], tumor, node)


def _ct(patient: StoredPatient, scan: int) -> Volume:
    x, y, z = patient.about["origin_lps"]
    depth, height, width = patient.anatomy.shape
    return Volume(patient.ct[scan], Geometry((depth, height, width), (patient.spacing_mm,) * 3, (x, y, z)))


def _pet(patient: StoredPatient, scan: int, grid: Geometry) -> Volume:
    """The PET on its own, coarser voxels."""
    array = patient.pet[scan].astype(np.float32)
    x, y, z = (
        first + (PET_STEP - 1) / 2.0 * step for first, step in zip(grid.origin_lps, grid.spacing_mm, strict=True)
    )
    spacing = (PET_STEP * grid.spacing_mm[0], PET_STEP * grid.spacing_mm[1], PET_STEP * grid.spacing_mm[2])
    return Volume(array, Geometry((array.shape[0], array.shape[1], array.shape[2]), spacing, (x, y, z)))


def _tumor(mask: np.ndarray, ct: Volume, pet: Volume, structures: Mapping[str, np.ndarray]) -> Tumor:
    box = bounding_box(mask)
    size = measure_diameters(crop(mask, ct.geometry, box))
    uptake = measure_uptake(Volume(mask, ct.geometry), pet)
    greatest, short = size.greatest.length_mm, size.short_axis.length_mm
    side = find_laterality(mask, ct.geometry, structures)
    center = centroid_lps(mask, ct.geometry)
    volume = float(mask[box].sum()) * ct.geometry.voxel_ml
    tumor = Tumor("tumor-1", volume, greatest, size.axial.length_mm, greatest, short, side, None, center)
    return replace(tumor, suv_max=uptake.max if uptake else None)


def _node(
    mask: np.ndarray,
    lesion: Mapping[str, Any],
    ct: Volume,
    pet: Volume,
    spine: np.ndarray,
    references: Mapping[str, float],
    random: np.random.Generator,
) -> Node | None:
    """The node on an imperfect mask; None where nothing is left of it."""
    if not mask.any():
        return None
    box = grown(bounding_box(mask), ct.geometry, NEAR_MM)
    near = crop(ct.array, ct.geometry, box)
    drawn = jittered(mask[box], near.geometry, random)
    if not drawn.any():
        return None
    node = measure_node(drawn, near, pet, id=lesion["id"], station=lesion["station"], references=references)
    return replace(node, laterality=_side(lesion, mask, ct.geometry, spine))


def _side(lesion: Mapping[str, Any], mask: np.ndarray, grid: Geometry, spine: np.ndarray) -> Laterality | None:
    if lesion["side"] in ("left", "right"):
        return Laterality(lesion["side"])
    return find_laterality(mask, grid, {"spine": spine})


def jittered(mask: np.ndarray, grid: Geometry, random: np.random.Generator) -> np.ndarray:
    """The mask (Z, Y, X) with its border moved as a whole and by smooth noise, as contours differ between readers."""
    half = min(grid.spacing_mm) / 2.0  # the border runs between two voxels' centers
    signed = np.where(mask, distance_mm(mask, grid.spacing_mm) - half, half - distance_mm(~mask, grid.spacing_mm))
    length = [WAVER_LENGTH_MM / 2.0 / spacing for spacing in grid.spacing_mm]
    noise = ndimage.gaussian_filter(random.standard_normal(mask.shape), length)
    off = OFF_MM * random.standard_normal() + WAVER_MM * noise / max(float(noise.std()), 1e-9)
    return np.asarray(signed + np.clip(off, -MOST_OFF_MM, MOST_OFF_MM) > 0.0)


def write_rows(rows: Iterable[NodeRow], path: Path) -> None:
    """Rows as lines of JSON, added to those that are there."""
    with gzip.open(path, "at", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(to_json(row)) + "\n")


def read_rows(path: Path) -> list[NodeRow]:
    """What `write_rows` wrote; none where there is no file."""
    if not path.exists():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [_row(json.loads(line)) for line in file]


def _row(content: Mapping[str, Any]) -> NodeRow:
    tumor, node = content["tumor"], content["node"]
    return NodeRow(
        **{
            **content,
            "tumor": Tumor(**{**tumor, "laterality": _laterality(tumor), "centroid_lps": tuple(tumor["centroid_lps"])}),
            "node": Node(**{**node, "laterality": _laterality(node), "centroid_lps": tuple(node["centroid_lps"])}),
        }
    )


def _laterality(item: Mapping[str, Any]) -> Laterality | None:
    return Laterality(item["laterality"]) if item["laterality"] else None
