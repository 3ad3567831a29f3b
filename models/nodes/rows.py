"""Nodes of stored synthetic patients, measured as the flow would measure them on masks that are not perfect.

A network's mask or a person's contour is no drawn truth: each node is measured on masks whose border was moved in or
out as a whole and wavers, on every scan there is of the patient, with its PET and without.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from models.training.store import PET_STEP, StoredPatient
from oncology.findings import CaseId, Findings, Laterality, Node, Source, SourceKind, Tumor, to_json
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
        drawn_mm: the short axis that was drawn.
        others: the patient's other nodes, see `with_others`.
    """

    patient: str
    cancer: str
    malignant: bool
    drawn_mm: float
    tumor: Tumor
    node: Node
    others: tuple[Node, ...] = ()

    @property
    def place(self) -> str:
        """The node that was drawn there first."""
        return self.node.id.split(".")[0]

    def findings(self) -> Findings:
        """As the classifier takes it, the row's node first."""
        return Findings(CaseId(self.patient), self.cancer, (self.tumor,), (self.node, *self.others))

    def without_pet(self) -> NodeRow:
        """The same node where nobody took a PET."""
        tumor, others = replace(self.tumor, suv_max=None), tuple(map(_unlit, self.others))
        return replace(self, node=_unlit(self.node), tumor=tumor, others=others)


def _unlit(node: Node) -> Node:
    kept = {name: value for name, value in node.measures.items() if "suv" not in name}
    return replace(node, suv_max=None, measures=kept)


def with_others(rows: Sequence[NodeRow]) -> list[NodeRow]:
    """The rows, each with the patient's other nodes as they were first drawn, one measurement of each."""
    first: dict[str, dict[str, Node]] = {}
    for row in rows:
        if row.place == row.node.id:
            first.setdefault(row.patient, {}).setdefault(row.place, row.node)
    return [
        replace(row, others=tuple(node for name, node in first.get(row.patient, {}).items() if name != row.place))
        for row in rows
    ]


@dataclass(frozen=True)
class Scan:
    """CT in HU and PET in SUV of a stored patient, and the spine that tells its sides."""

    ct: Volume
    pet: Volume
    spine: np.ndarray

    def side(self, lesion: Mapping[str, Any], mask: np.ndarray) -> Laterality | None:
        """The side that a node was drawn on, else the one that it is seen on."""
        if lesion["side"] in ("left", "right"):
            return Laterality(lesion["side"])
        return find_laterality(mask, self.ct.geometry, {"spine": self.spine})


def patient_rows(
    patient: StoredPatient, random: np.random.Generator, masks: int = 1, scans: int | None = None
) -> Iterator[NodeRow]:
    """Every node of a patient on each of its (first) scans, each time on `masks` other imperfect masks."""
    about = patient.about
    name = f"{about['cancer']}-{about['seed']}-{about['index']}"
    for number in range(scans or len(patient.ct)):
        scan = scan_of(patient, number)
        references, tumor = references_of(patient, scan), tumor_of(patient, scan)
        for place, lesion in enumerate(about["lesions"], start=1):
            mask = patient.lesions == place
            if lesion["kind"] != "node" or not mask.any():
                continue
            side = scan.side(lesion, mask)
            for _ in range(masks):
                node = drawn_node(mask, lesion, scan.ct, scan.pet, references, random)
                if node is not None:
                    node = replace(node, laterality=side)
                    yield NodeRow(name, about["cancer"], lesion["malignant"], lesion["short_axis_mm"], tumor, node)


def scan_of(patient: StoredPatient, number: int) -> Scan:
    """One scan of a stored patient, the PET on its own, coarser voxels."""
    x, y, z = patient.about["origin_lps"]
    depth, height, width = patient.anatomy.shape
    step = patient.spacing_mm
    ct = Volume(patient.ct[number], Geometry((depth, height, width), (step,) * 3, (x, y, z)))
    array, off = patient.pet[number].astype(np.float32), (PET_STEP - 1) / 2.0 * step
    shape = (array.shape[0], array.shape[1], array.shape[2])
    pet = Volume(array, Geometry(shape, (PET_STEP * step,) * 3, (x + off, y + off, z + off)))
    return Scan(ct, pet, patient.anatomy == 1 + patient.about["labels"].index("spine"))


def references_of(patient: StoredPatient, scan: Scan) -> Mapping[str, float]:
    """Uptake of liver and blood pool where the scan holds them."""
    labels = patient.about["labels"]
    structures = {one: patient.anatomy == 1 + labels.index(one) for one in STRUCTURES if one in labels}
    return reference_uptake(structures, scan.ct.geometry, scan.pet)


def tumor_of(patient: StoredPatient, scan: Scan) -> Tumor:
    """The tumor as far as features of nodes need it."""
    mask, grid = patient.lesions == 1, scan.ct.geometry
    size = measure_diameters(crop(mask, grid, bounding_box(mask)))
    uptake = measure_uptake(Volume(mask, grid), scan.pet)
    greatest, short = size.greatest.length_mm, size.short_axis.length_mm
    side, center = find_laterality(mask, grid, {"spine": scan.spine}), centroid_lps(mask, grid)
    volume = float(np.count_nonzero(mask)) * grid.voxel_ml
    tumor = Tumor("tumor-1", volume, greatest, size.axial.length_mm, greatest, short, side, None, center)
    return replace(tumor, suv_max=uptake.max if uptake else None)


def drawn_node(
    mask: np.ndarray,
    lesion: Mapping[str, Any],
    ct: Volume,
    pet: Volume,
    references: Mapping[str, float],
    random: np.random.Generator,
) -> Node | None:
    """The node on an imperfect mask, without its side; None where nothing is left of it."""
    box = grown(bounding_box(mask), ct.geometry, NEAR_MM)
    near = crop(ct.array, ct.geometry, box)
    drawn = jittered(mask[box], near.geometry, random)
    if not drawn.any():
        return None
    return measure_node(drawn, near, pet, id=lesion["id"], station=lesion["station"], references=references)


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
            file.write(json.dumps(to_json(replace(row, others=()))) + "\n")


def read_rows(path: Path) -> list[NodeRow]:
    """What `write_rows` wrote; none where there is no file."""
    if not path.exists():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [_row(json.loads(line)) for line in file]


def _row(content: Mapping[str, Any]) -> NodeRow:
    tumor, node = tumor_from(content["tumor"]), node_from(content["node"])
    return NodeRow(**{**content, "others": (), "tumor": tumor, "node": node})


def tumor_from(content: Mapping[str, Any]) -> Tumor:
    """A tumor of a file, as far as features of nodes need it."""
    return Tumor(**{**content, **_placed(content), "contacts": ()})


def node_from(content: Mapping[str, Any]) -> Node:
    """A node of a file, without its extension."""
    return Node(**{**content, **_placed(content), "ene": None})


def _placed(content: Mapping[str, Any]) -> dict[str, Any]:
    source = content["source"]
    return {
        "laterality": Laterality(content["laterality"]) if content["laterality"] else None,
        "centroid_lps": tuple(content["centroid_lps"]),
        "source": Source(SourceKind(source["kind"]), source["id"], source["sha256"]),
    }
