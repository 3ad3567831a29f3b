"""More nodes for training: at the place of each drawn node of a stored patient others of its kind, scanned anew.

A body takes seconds to draw and holds a handful of nodes; a few centimeters around one of them take a fraction of
that. The place, the side and whether the node is malignant stay, so that what they have to do with one another stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.nodes.rows import NodeRow, drawn_node, references_of, scan_of, tumor_of
from models.synthetic.canvas import Canvas
from models.synthetic.cohorts.chest_node import chest_node
from models.synthetic.cohorts.neck_node import neck_node
from models.synthetic.ct import Scanner, render_ct
from models.synthetic.draw import draw_plan
from models.synthetic.growth import dead_middle, fatty_hilum, grow_node
from models.synthetic.lesion import Lesion, short_axis_mm
from models.synthetic.patient import HARD
from models.synthetic.pet import render_pet
from models.synthetic.plan import NodePlan
from models.synthetic.tissue import paint
from models.training.labels import with_wholes
from models.training.store import StoredPatient, any_scanner
from oncology.findings import NECK_SITES, Point
from oncology.imaging.location import centroid_lps
from oncology.imaging.region import Box, bounding_box, crop, grown
from oncology.imaging.volume import Volume

AROUND_MM = 24.0  # of the body around a drawn node
PLANNED = 0.5  # share of scans by the patient's own scanner; the others are by any


@dataclass(frozen=True)
class _Place:
    """Where a node was drawn: the body around it without any node there, and what else lies near."""

    canvas: Canvas
    masks: Mapping[str, np.ndarray]
    others: list[Lesion]
    center: Point


def redrawn_rows(
    patient: StoredPatient, random: np.random.Generator, turn: int = 1, malignant: int = 2
) -> Iterator[NodeRow]:
    """New nodes of a patient, one in place of each benign and some of each malignant one, on imperfect masks.

    Args:
        turn: which time this is; part of the nodes' ids.
        malignant: how many in place of a malignant one, as they are fewer.
    """
    about = patient.about
    scanner = draw_plan(about["cancer"], about["seed"], about["index"], about["shift"]).scanner
    scan = scan_of(patient, 0)
    tumor, references = tumor_of(patient, scan), references_of(patient, scan)
    for place, lesion in enumerate(about["lesions"], start=1):
        mask = patient.lesions == place
        if lesion["kind"] != "node" or not mask.any():
            continue
        there = _place(patient, place, mask, scan.ct)
        for copy in range(malignant if lesion["malignant"] else 1):
            plan = node_plan(about["cancer"], lesion, random)
            taken = scanner if random.random() < PLANNED else any_scanner(scanner, random)
            row = _drawn(there, plan, taken, {**lesion, "id": f"{lesion['id']}.{turn}.{copy}"}, references, random)
            if row is not None:
                node = replace(row[0], laterality=scan.side(lesion, mask))
                name = f"{about['cancer']}-{about['seed']}-{about['index']}"
                yield NodeRow(name, about["cancer"], lesion["malignant"], row[1], tumor, node)


def node_plan(cancer: str, lesion: Mapping[str, Any], random: np.random.Generator) -> NodePlan:
    """Another node of the same station, side and kind."""
    if cancer not in NECK_SITES:
        return chest_node(lesion["station"], lesion["malignant"], random)
    kind = "extending" if lesion["ene"] else "malignant" if lesion["malignant"] else "benign"
    return neck_node(lesion["station"], lesion["side"] or "left", kind, random)


def _place(patient: StoredPatient, place: int, mask: np.ndarray, ct: Volume) -> _Place:
    box = grown(bounding_box(mask), ct.geometry, AROUND_MM)
    near = crop(ct.array, ct.geometry, box)
    labels = patient.anatomy[box]
    names = patient.about["labels"]
    masks = {names[label - 1]: labels == label for label in np.unique(labels) if label}
    masks = {"body": near.array > -400, **with_wholes(masks)}
    return _Place(Canvas(near.geometry), masks, _others(patient, place, box), centroid_lps(mask, ct.geometry))


def _others(patient: StoredPatient, place: int, box: Box) -> list[Lesion]:
    """Tumor, nodes and metastases near by, as they were drawn."""
    found = []
    for number, lesion in enumerate(patient.about["lesions"], start=1):
        mask = patient.lesions[box] == number
        if number != place and mask.any():
            found.append(Lesion(lesion["id"], lesion["kind"], mask, lesion["malignant"], lesion["suv"]))
    return found


def _drawn(
    there: _Place,
    plan: NodePlan,
    scanner: Scanner,
    lesion: Mapping[str, Any],
    references: Mapping[str, float],
    random: np.random.Generator,
) -> tuple[Any, float] | None:
    """The measured node and its true short axis; None where it found no room."""
    canvas, grid = there.canvas, there.canvas.geometry
    hard = [mask for name, mask in there.masks.items() if name in HARD]
    blocked = np.logical_or.reduce([~there.masks["body"], *hard, *(other.mask for other in there.others)])
    mask = grow_node(canvas, plan, there.center, blocked, random)
    if not mask.any():
        return None
    node = Lesion(
        lesion["id"], "node", mask, plan.malignant, plan.suv,
        necrotic=dead_middle(mask, plan.necrosis, canvas, random),
        hilum=fatty_hilum(mask, canvas, random) if plan.hilum else None,
        infiltrates=plan.infiltrates, hu=float(random.normal(16.0, 6.0)),
    )  # fmt: skip
    labels, lesions = paint(there.masks), [*there.others, node]
    ct = render_ct(labels, lesions, grid, scanner, random, target=grid)
    pet = render_pet(labels, lesions, grid, replace(scanner, drift_mm=min(scanner.drift_mm, 6.0)), random, target=grid)
    measured = drawn_node(mask, lesion, ct, pet, references, random)
    return None if measured is None else (measured, short_axis_mm(mask, canvas))
