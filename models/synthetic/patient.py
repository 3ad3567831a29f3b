"""One synthetic patient: body, tumor, nodes and metastases on the model's grid, and the scans of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import ndimage

from models.synthetic.body import draw_body
from models.synthetic.canvas import Canvas
from models.synthetic.cohorts.demo import DEMO, DEMOS
from models.synthetic.ct import Scanner, render_ct
from models.synthetic.draw import draw_plan
from models.synthetic.features.catalog import marks_of, vary_anatomy
from models.synthetic.features.mark import Mark
from models.synthetic.frame import Masks, make_canvas
from models.synthetic.growth import dead_middle, fatty_hilum, grow_node, grow_tumor, union
from models.synthetic.lesion import Lesion, longest_in_planes_mm, short_axis_mm
from models.synthetic.pathology import add_atelectasis, add_calcium, add_effusion, add_emphysema
from models.synthetic.pet import render_pet
from models.synthetic.places import landmarks_of, node_center
from models.synthetic.plan import CANCERS, FIELD_OF, SPACING_MM, MetastasisPlan, NodePlan, PatientPlan
from models.synthetic.tissue import paint
from models.synthetic.touch import borders, entered
from oncology.findings import Point
from oncology.imaging.region import bounding_box, grown
from oncology.imaging.volume import Volume

__all__ = [
    "CANCERS", "DEMO", "DEMOS", "SPACING_MM", "PatientPlan", "Scanner", "SyntheticPatient", "draw_plan",
    "make_patient", "scan_on_model_grid", "truth",
]  # fmt: skip
# What a node does not grow into.
HARD = (
    "aorta", "superior_vena_cava", "inferior_vena_cava", "pulmonary_artery", "pulmonary_vein", "heart", "esophagus",
    "trachea", "airway_wall", "spine", "ribs", "sternum", "brachiocephalic_trunk", "brachiocephalic_vein_left",
    "brachiocephalic_vein_right", "azygos_vein", "common_carotid_artery_left", "common_carotid_artery_right",
    "internal_jugular_vein_left", "internal_jugular_vein_right", "internal_carotid_artery_left",
    "internal_carotid_artery_right", "external_carotid_artery_left", "external_carotid_artery_right",
    "subclavian_artery_left", "subclavian_artery_right", "mandible", "hyoid", "thyroid_cartilage",
    "cricoid_cartilage", "larynx_air", "sternocleidomastoid_left", "sternocleidomastoid_right", "thyroid_gland",
    "submandibular_gland_left", "submandibular_gland_right", "prevertebral_left", "prevertebral_right",
    "liver", "spleen", "stomach", "duodenum", "pancreas", "kidney_left", "kidney_right", "portal_vein",
    "superior_mesenteric_vein", "superior_mesenteric_artery", "celiac_trunk", "common_hepatic_artery",
    "splenic_artery", "splenic_vein", "colon", "small_bowel",
)  # fmt: skip


@dataclass(frozen=True)
class SyntheticPatient:
    """Masks on the model's grid, the truth, and images on the scanners' grids (None where they were not asked for)."""

    plan: PatientPlan
    canvas: Canvas
    masks: Masks
    lesions: list[Lesion]
    landmarks: dict[str, Point]
    ct: Volume | None = None
    pet: Volume | None = None

    @property
    def side(self) -> str | None:
        """The patient's side of the tumor: left, right or midline."""
        return self.plan.laterality

    @cached_property
    def labels(self) -> np.ndarray:
        """Tissue (Z, Y, X) without the lesions."""
        return paint(self.masks)

    @cached_property
    def marks(self) -> tuple[Mark, ...]:
        """What the plan's features leave on its scans."""
        return marks_of(self.plan, self.canvas, self.masks, self.labels)


def make_patient(plan: PatientPlan, spacing_mm: float | None = None, *, images: bool = True) -> SyntheticPatient:
    """Draw, grow and (with `images`) scan one patient; equal plans give equal patients.

    Args:
        spacing_mm: of the cubes that are drawn; without it the spacing that networks of this cancer work at.
    """
    random = np.random.default_rng(plan.build.seed)
    canvas = make_canvas(spacing_mm or SPACING_MM[plan.cancer], plan.build, FIELD_OF[plan.cancer])
    masks = draw_body(canvas, plan.build)
    vary_anatomy(plan, canvas, masks)
    tumor = grow_tumor(canvas, plan.cancer, plan.tumor, masks, random)
    _add_pathology(plan, canvas, masks, tumor)
    dead = dead_middle(tumor, plan.tumor.necrosis, canvas, random)
    lesions = [Lesion("tumor-1", "tumor", tumor, True, plan.tumor.suv, necrotic=dead, hu=plan.tumor.hu)]
    lesions += draw_nodes(plan, canvas, masks, tumor, random)
    lesions += _metastases(plan, canvas, masks, tumor, random)
    patient = SyntheticPatient(plan, canvas, masks, lesions, landmarks_of(plan.cancer, plan.build))
    if not images:
        return patient
    ct = render_ct(patient.labels, lesions, canvas.geometry, plan.scanner, random, marks=patient.marks)
    pet = render_pet(patient.labels, lesions, canvas.geometry, plan.scanner, random, marks=patient.marks)
    return SyntheticPatient(plan, canvas, masks, lesions, patient.landmarks, ct, pet)


def scan_on_model_grid(patient: SyntheticPatient, random: np.random.Generator) -> tuple[Volume, Volume]:
    """CT and PET of a patient on the grid of the masks, as the plan's scanner takes them; each call a new scan."""
    grid, scanner, marks = patient.canvas.geometry, patient.plan.scanner, patient.marks
    ct = render_ct(patient.labels, patient.lesions, grid, scanner, random, grid, marks)
    return ct, render_pet(patient.labels, patient.lesions, grid, scanner, random, grid, marks)


def _add_pathology(plan: PatientPlan, canvas: Canvas, masks: Masks, tumor: np.ndarray) -> None:
    """What the plan has beside the tumor: effusion, collapse, emphysema, calcium."""
    asked = plan.pathology
    if "effusion_ml" in asked:
        add_effusion(canvas, plan.build, masks, asked["effusion_side"], asked["effusion_ml"])
    if "atelectasis_share" in asked:
        add_atelectasis(canvas, plan.build, masks, asked["atelectasis_lobe"], asked["atelectasis_share"])
    if "emphysema_share" in asked:
        add_emphysema(canvas, plan.build, masks, asked["emphysema_share"])
    if "duct_wider_mm" in asked and "pancreatic_duct" in masks:
        _widen_duct(canvas, masks, tumor, asked["duct_wider_mm"])
    if "calcium" in asked and "aorta" in masks:
        add_calcium(canvas, plan.build, masks, asked["calcium"])


def _widen_duct(canvas: Canvas, masks: Masks, tumor: np.ndarray, wider_mm: float) -> None:
    """Widens the main duct to the left of the tumor by `wider_mm` on each side."""
    duct = masks["pancreatic_duct"]
    if not duct.any():
        return
    box = grown(bounding_box(duct), canvas.geometry, wider_mm + 2.0)
    apart = ndimage.distance_transform_edt(~duct[box], sampling=canvas.geometry.spacing_mm)
    behind = canvas.axes(box)[2] > canvas.geometry.to_lps(np.argwhere(tumor))[:, 0].max() - 4.0
    duct[box] |= (apart <= wider_mm) & behind & masks["pancreas"][box]


def draw_nodes(
    plan: PatientPlan, canvas: Canvas, masks: Masks, tumor: np.ndarray, random: np.random.Generator
) -> Iterator[Lesion]:
    """The planned nodes, each molded around what it may not enter, the tumor and the nodes before it."""
    blocked = union(masks, HARD, masks["body"]) | tumor | ~masks["body"]
    for place, node in enumerate(plan.nodes, start=1):
        center = node_center(plan.cancer, plan.build, node)
        mask = grow_node(canvas, node, center, blocked, random)
        if not mask.any():
            continue
        blocked |= mask
        yield _node(f"node-{place}", node, mask, canvas, random)


def _node(name: str, node: NodePlan, mask: np.ndarray, canvas: Canvas, random: np.random.Generator) -> Lesion:
    return Lesion(
        name, "node", mask, node.malignant, node.suv, node.station, node.side,
        necrotic=dead_middle(mask, node.necrosis, canvas, random),
        hilum=fatty_hilum(mask, canvas, random) if node.hilum else None,
        ene=node.ene, ene_grade=node.ene_grade, infiltrates=node.infiltrates, hu=float(random.normal(16.0, 6.0)),
    )  # fmt: skip


def _metastases(
    plan: PatientPlan, canvas: Canvas, masks: Masks, tumor: np.ndarray, random: np.random.Generator
) -> Iterator[Lesion]:
    for place, one in enumerate(plan.metastases, start=1):
        if one.organ in masks:
            mask = _in_organ(one, canvas, masks[one.organ] & ~tumor, random)
            hu = -38.0 if one.organ in ("liver", "spleen", "kidney_left", "kidney_right") else 14.0
            yield Lesion(f"metastasis-{place}", "metastasis", mask, True, one.suv, site=one.site, hu=hu)


def _in_organ(one: MetastasisPlan, canvas: Canvas, organ: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A roundish metastasis around one of the organ's inner voxels."""
    voxels = np.argwhere(organ)
    spots = voxels[random.integers(0, len(voxels), 60)]
    depth = ndimage.minimum_filter(organ[::2, ::2, ::2].astype(np.uint8), size=3)
    deep = [spot for spot in spots if depth[tuple(np.minimum(spot // 2, np.array(depth.shape) - 1))]]
    x, y, z = canvas.geometry.to_lps(deep[0] if deep else spots[0])
    radius = 0.5 * one.diameter_mm
    radii = (radius, radius * float(random.uniform(0.85, 1.0)), radius * float(random.uniform(0.85, 1.0)))
    return np.asarray(canvas.ellipsoid((float(x), float(y), float(z)), radii) & organ)


def truth(patient: SyntheticPatient) -> dict[str, Any]:
    """The content of truth.json: what was drawn, never what our own software measured or staged."""
    plan, canvas = patient.plan, patient.canvas
    tumor = patient.lesions[0].mask
    invaded = entered(plan.cancer, tumor, patient.masks, plan.tumor)
    return {
        "synthetic": True,
        "site": plan.cancer,
        "seed": plan.build.seed,
        "shift": plan.shift,
        "features": list(plan.features),
        "masks": sorted(patient.masks),
        "measurements": {
            "greatest_dimension_mm": round(longest_in_planes_mm(tumor, canvas), 2),
            "volume_ml": round(float(tumor.sum()) * canvas.geometry.voxel_ml, 3),
            "depth_of_invasion_mm": plan.tumor.depth_mm,
            "laterality": plan.laterality,
            "location": plan.location,
        },
        "nodes": [_true_node(lesion, canvas) for lesion in patient.lesions if lesion.kind == "node"],
        "facts": {
            **plan.facts,
            "histology": plan.record.get("histology"),
            "sampled_stations": list(plan.sampled),
            "invaded": invaded,
            "touched": borders(plan.cancer, tumor, patient.masks, invaded, canvas),
            "metastases": [lesion.site for lesion in patient.lesions if lesion.kind == "metastasis"],
        },
        "categories": {edition: dict(values) for edition, values in plan.categories.items()},
    }


def _true_node(lesion: Lesion, canvas: Canvas) -> dict[str, Any]:
    return {
        "id": lesion.id,
        "station": lesion.station,
        "side": lesion.side,
        "malignant": lesion.malignant,
        "ene": lesion.ene,
        "ene_grade": lesion.ene_grade,
        "short_axis_mm": round(short_axis_mm(lesion.mask, canvas), 2),
        "suv": round(lesion.suv, 2),
    }
