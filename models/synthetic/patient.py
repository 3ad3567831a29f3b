"""One synthetic lung cancer patient: what is true of them by construction, and their images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.synthetic.body import draw_body
from models.synthetic.canvas import Canvas
from models.synthetic.ct import Scanner, render_ct
from models.synthetic.frame import Build, make_canvas
from models.synthetic.lesion import Lesion, grow_node, grow_tumor, longest_in_planes_mm
from models.synthetic.pet import render_pet
from oncology.findings import Point
from oncology.imaging.volume import Volume

MODEL_SPACING_MM = 1.5


@dataclass(frozen=True)
class NodePlan:
    """A node to draw."""

    station: str
    short_mm: float
    long_mm: float
    malignant: bool
    suv: float


@dataclass(frozen=True)
class LungPlan:
    """What a patient is to have. Categories are those that the definitions give to this construction."""

    build: Build
    lobe: str
    center_lps: Point
    greatest_mm: float
    nodes: tuple[NodePlan, ...]
    categories: dict[str, dict[str, str]]  # edition -> t, n, m, stage_group
    histology: str = "adenocarcinoma"
    tumor_suv: float = 9.0
    biopsied: tuple[str, ...] = ()  # stations with an EBUS result in the record
    question: str = "Resectable? Induction treatment?"
    scanner: Scanner = field(default_factory=Scanner)


@dataclass(frozen=True)
class SyntheticPatient:
    """Masks on the model's grid, images on the scanners' grids, and the truth."""

    plan: LungPlan
    canvas: Canvas
    masks: dict[str, np.ndarray]
    lesions: list[Lesion]
    ct: Volume
    pet: Volume

    @property
    def side(self) -> str:
        """The patient's side of the tumor."""
        return "left" if self.plan.lobe.endswith("left") else "right"


# The demo: a tumor of 38 mm in the right upper lobe, 4R proven by EBUS, 10R suspicious, 7 unremarkable. By the
# definitions: T2a (over 30 up to 40 mm), N2 by one N2 station, so N2a in the 9th edition, M0.
DEMO = LungPlan(
    build=Build(seed=20, scale=0.98, fat_mm=18.0, sex="female"),
    lobe="lung_upper_lobe_right",
    center_lps=(-64.0, -4.0, 196.0),
    greatest_mm=38.0,
    nodes=(
        NodePlan("4R", 14.0, 20.0, True, 7.5),
        NodePlan("10R", 11.0, 15.0, True, 5.6),
        NodePlan("7", 8.0, 14.0, False, 1.7),
    ),
    categories={
        "8": {"t": "T2a", "n": "N2", "m": "M0", "stage_group": "IIIA"},
        "9": {"t": "T2a", "n": "N2a", "m": "M0", "stage_group": "IIIA"},
    },
    biopsied=("4R", "7"),
)


def make_patient(plan: LungPlan, spacing_mm: float = MODEL_SPACING_MM) -> SyntheticPatient:
    """Draw, grow and scan one patient; equal plans give equal patients."""
    random = np.random.default_rng(plan.build.seed)
    canvas = make_canvas(spacing_mm, plan.build)
    masks = draw_body(canvas, plan.build)
    tumor = grow_tumor(canvas, plan.center_lps, plan.greatest_mm, masks[plan.lobe], random)
    lesions = [Lesion("tumor-1", tumor, True, plan.tumor_suv)]
    free = masks["mediastinum"].copy()
    for name in (
        "aorta",
        "superior_vena_cava",
        "pulmonary_artery",
        "heart",
        "esophagus",
        "trachea",
        "airway_wall",
        "spine",
    ):
        free &= ~masks[name]
    free |= masks["lung_vessels"]
    for place, node in enumerate(plan.nodes, start=1):
        mask = grow_node(canvas, node.station, node.short_mm, node.long_mm, plan.build.scale, free)
        free &= ~mask
        lesions.append(Lesion(f"node-{place}", mask, node.malignant, node.suv, node.station))
    ct = render_ct(masks, lesions, canvas.geometry, plan.scanner, random)
    pet = render_pet(masks, lesions, canvas.geometry, random)
    return SyntheticPatient(plan, canvas, masks, lesions, ct, pet)


def truth(patient: SyntheticPatient) -> dict[str, Any]:
    """The content of truth.json: what was drawn, never what our own software measured or staged."""
    canvas, plan = patient.canvas, patient.plan
    tumor = patient.lesions[0]
    return {
        "synthetic": True,
        "site": "lung",
        "seed": plan.build.seed,
        "masks": sorted(patient.masks),
        "measurements": {
            "greatest_dimension_mm": round(longest_in_planes_mm(tumor.mask, canvas), 2),
            "volume_ml": round(float(tumor.mask.sum()) * canvas.geometry.voxel_ml, 3),
            "laterality": patient.side,
            "location": plan.lobe,
        },
        "nodes": [
            {
                "id": lesion.id,
                "station": lesion.station,
                "malignant": lesion.malignant,
                "ene": False,
                "short_axis_mm": node.short_mm,
                "suv": lesion.suv,
            }
            for lesion, node in zip(patient.lesions[1:], plan.nodes, strict=True)
        ],
        "facts": {"histology": plan.histology, "biopsied_stations": list(plan.biopsied), "metastases": []},
        "categories": plan.categories,
    }
