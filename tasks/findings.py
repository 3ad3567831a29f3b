"""Measurement: every contoured or proposed region in millimeters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from oncology.findings import (
    CaseId,
    Conflict,
    Contact,
    Ene,
    Findings,
    History,
    Laterality,
    MetastasisCandidate,
    Node,
    RecordFact,
    Severity,
    SideFinding,
    Source,
    SourceKind,
    Tumor,
    Verdict,
    to_json,
)
from oncology.imaging.stations.seen import stations_from
from oncology.imaging.survey import Region, Scene
from oncology.side_findings import Person, find_side_findings
from tasks.case_files import CaseFiles, Outputs
from tasks.eyes import assess, scene_for
from tasks.images import CT, IMAGES, PET, identity
from tasks.masks import (
    ANATOMY,
    ANATOMY_MASKS,
    CONTOUR_MASKS,
    CONTOURS,
    FINDING_MASKS,
    PROPOSAL_MASKS,
    STATIONS,
    load_masks,
    save_masks,
)
from tasks.step import step

FINDINGS, READ = "findings.json", "record_facts.json"  # READ: the record as it was read, before images are seen
SEXES = {"M": "male", "F": "female"}


@step("6")
def measure(
    case_id: str,
    cancer: str,
    images: Outputs,
    contours: Outputs,
    anatomy: Outputs | None,
    failures: list[dict[str, Any]],
    node_models: dict[str, str],
    record: Outputs | None = None,
) -> Outputs:
    """Everything that can be measured on the masks at hand.

    Args:
        node_models: what `node_marks` says, so that another model of nodes makes another answer.
        record: what was read of it, where it bears on how nodes are judged.
    """
    case = CaseFiles(case_id)
    scene = scene_of(case, with_pet=PET in images, with_anatomy=anatomy is not None)
    regions, verdicts = _drawn(case, scene)
    verdicts = [*_verdicts(case.load_json(IMAGES)), *verdicts, *(verdict_from(item) for item in failures)]
    looked, models = False, tuple[str, ...]()
    if anatomy is not None:
        seen = case.load_json(ANATOMY)
        regions += _proposed(case, scene, seen)
        verdicts += _verdicts(seen)
        looked, models = seen["nodes_looked_for"], tuple(seen["models"])
    history = history_from(case.load_json(READ)) if record else None
    found, masks = assess(case_id, cancer, scene, regions, verdicts, nodes_looked_for=looked, history=history)
    shown = identity(case)
    person = Person(SEXES.get(shown.sex), shown.height_m, shown.weight_kg)
    beside = find_side_findings(scene.ct, scene.structures, scene.landmarks, person)
    found = replace(found, side_findings=beside, models=tuple(dict.fromkeys((*models, *found.models))))
    outputs = save_masks(case, FINDING_MASKS, masks, scene.ct.geometry)
    return outputs | case.save_json(FINDINGS, findings_json(found))


def scene_of(case: CaseFiles, *, with_pet: bool, with_anatomy: bool) -> Scene:
    """CT, PET, structures and landmarks of a case, as measuring wants them."""
    ct = case.load_volume(CT)
    structures = load_masks(case, ANATOMY_MASKS, ct.geometry) if with_anatomy else {}
    content = case.load_json(ANATOMY) if with_anatomy else {"landmarks": {}, "verdicts": []}
    landmarks = {name: (point[0], point[1], point[2]) for name, point in content["landmarks"].items()}
    suv = case.load_volume(PET) if with_pet else None
    told = content.get("stations")
    stations = stations_from(told, case.load_arrays(STATIONS)["labels"]) if told else None
    return scene_for(ct, suv, structures, landmarks, _verdicts(content), stations, content.get("unproven", ()))


def _drawn(case: CaseFiles, scene: Scene) -> tuple[list[Region], list[Verdict]]:
    description = case.load_json(CONTOURS)
    masks = load_masks(case, CONTOUR_MASKS, scene.ct.geometry)
    regions = [
        Region(
            role=item["role"],
            name=item["name"],
            mask=masks[item["mask"]],
            source=source_from(item["source"]),
            structure=item["structure"],
            station=item["station"],
            laterality=Laterality(item["laterality"]) if item["laterality"] else None,
        )
        for item in description["contours"]
    ]
    verdicts = _verdicts(description)
    for name in description["unmatched"]:
        message = f"contour {name} was not used: its name says neither tumor, node nor structure; map it by name"
        verdicts.append(Verdict("contour-unnamed", Severity.WARNING, message, "contours"))
    return regions, verdicts


def _proposed(case: CaseFiles, scene: Scene, seen: Mapping[str, Any]) -> list[Region]:
    masks = load_masks(case, PROPOSAL_MASKS, scene.ct.geometry)
    return [
        Region(
            item["role"],
            item["name"],
            masks[item["mask"]],
            source_from(item["source"]),
            needs_confirmation=True,
            certainty=item["certainty"],
            rated=item["rated"],
        )
        for item in seen["proposals"]
    ]


def _verdicts(content: Mapping[str, Any]) -> list[Verdict]:
    return [verdict_from(item) for item in content["verdicts"]]


def verdict_from(item: Mapping[str, Any]) -> Verdict:
    """A verdict as it was handed on."""
    return Verdict(item["code"], Severity(item["severity"]), item["message"], item["where"])


def source_from(item: Mapping[str, Any]) -> Source:
    """A source as it was handed on."""
    return Source(SourceKind(item["kind"]), item["id"], item["sha256"])


def findings_json(findings: Findings) -> dict[str, Any]:
    """Records as the content of findings.json."""
    return {**to_json(findings), "research_use_only": True}


def findings_from(content: Mapping[str, Any]) -> Findings:
    """findings.json as records."""
    return Findings(
        case_id=CaseId(content["case_id"]),
        cancer=content["cancer"],
        tumors=tuple(_tumor(item) for item in content["tumors"]),
        nodes=tuple(_node(item) for item in content["nodes"]),
        metastasis_candidates=tuple(_candidate(item) for item in content["metastasis_candidates"]),
        quality=tuple(verdict_from(item) for item in content["quality"]),
        regions_imaged=tuple(content["regions_imaged"]),
        nodes_assessed=content["nodes_assessed"],
        landmarks={name: (x, y, z) for name, (x, y, z) in content.get("landmarks", {}).items()},
        structures_assessed=tuple(content.get("structures_assessed", ())),
        stations_assessed=tuple(content.get("stations_assessed", ())),
        structures_unproven=tuple(content.get("structures_unproven", ())),
        models=tuple(content.get("models", ())),
        pet=content.get("pet"),
        side_findings=tuple(SideFinding(**item) for item in content.get("side_findings", ())),
    )


def _tumor(item: Mapping[str, Any]) -> Tumor:
    return Tumor(
        **{
            **item,
            "contacts": tuple(Contact(**contact) for contact in item["contacts"]),
            "parts_ml": tuple(item["parts_ml"]),
            **_placed(item),
        }
    )


def _node(item: Mapping[str, Any]) -> Node:
    ene = Ene(**item["ene"]) if item["ene"] else None
    return Node(**{**item, "ene": ene, "reasons": tuple(item.get("reasons", ())), **_placed(item)})


def _candidate(item: Mapping[str, Any]) -> MetastasisCandidate:
    center = tuple(item["centroid_lps"]) if item["centroid_lps"] else None
    return MetastasisCandidate(**{**item, "centroid_lps": center, "source": source_from(item["source"])})


def _placed(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "source": source_from(item["source"]),
        "laterality": Laterality(item["laterality"]) if item["laterality"] else None,
        "centroid_lps": tuple(item["centroid_lps"]),
    }


def history_from(content: dict[str, Any]) -> History:
    """A history as it was handed on."""
    return History(
        tuple(RecordFact(**item) for item in content["facts"]),
        tuple(
            Conflict(item["name"], tuple(item["values"]), tuple(item["resources"]), item["message"])
            for item in content["conflicts"]
        ),
        tuple(verdict_from(item) for item in content["verdicts"]),
    )
