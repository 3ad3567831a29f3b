"""Probabilities of tumor by organ and class, for programs that build on them, and what a test makes of a prevalence.

Nothing is estimated here: what the findings and the staging carry is put together. Where nobody gave a probability the
answer is null, never 0. Several findings of one class count as independent: p = 1 - product(1 - p of each).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from oncology.cancers import evidence, neck_node
from oncology.cancers.protocol import site_of
from oncology.errors import FactError
from oncology.findings import NECK_SITES, Findings, MetastasisCandidate, Node, SourceKind, Tumor

MEDIASTINUM = "Silvestri 2013, Chest 143 suppl"
NECK_SIZE, NECK_PET = "de Bondt 2007, Eur J Radiol 64:266", "Kyzas 2008, J Natl Cancer Inst 100:712"
NECK_NECROSIS, NECK_PREVALENCE = "van den Brekel 1990, Radiology 177:379, rounded", "assumed"
UNNAMED = "unknown"  # a node whose station nobody could tell
CREDIBLE = 0.97  # as the staging's credible sets: a node less likely than the rest decides nothing
SAME_P = 0.0006  # findings.json keeps three digits
# Sites of metastases that are no structures: the organ that they lie in.
ORGANS = {
    "contralateral_lung_nodule": "lung",
    "pleural_nodules": "pleura",
    "pleural_effusion": "pleura",
    "pericardial_nodules": "pericardium",
    "pericardial_effusion": "pericardium",
    "adrenal": "adrenal_gland",
    "adrenal_left": "adrenal_gland_left",
    "adrenal_right": "adrenal_gland_right",
    "non_regional_lymph_node": "lymph_nodes_non_regional",
}
NODE_PLACE = re.compile(r"nodes\[(\d+)\]")  # in what would change the stage: nodes[1].positive
Chances = dict[str, float | None]


def post_test_probability(sensitivity: float, specificity: float, prevalence: float, positive: bool = True) -> float:
    """How likely the disease is after a test, by Bayes' rule.

    >>> post_test_probability(0.9, 0.9, 0.5)
    0.9
    >>> round(post_test_probability(0.77, 0.86, 0.28), 3)
    0.681
    >>> round(post_test_probability(0.77, 0.86, 0.28, positive=False), 3)
    0.094
    >>> post_test_probability(1.0, 0.5, 0.2, positive=False)
    0.0

    Args:
        sensitivity, specificity, prevalence: from 0 to 1.
        positive: the test's answer.
    Raises:
        FactError: a value out of range, or an answer that such a test can never give at that prevalence.
    """
    given = {"sensitivity": sensitivity, "specificity": specificity, "prevalence": prevalence}
    for name, value in given.items():
        if not 0.0 <= value <= 1.0:
            raise FactError(f"{name} is {value}; expected a share from 0 to 1 (77 % is 0.77)")
    true = (sensitivity if positive else 1.0 - sensitivity) * prevalence
    false = (1.0 - specificity if positive else specificity) * (1.0 - prevalence)
    if true + false == 0.0:
        answer = "positive" if positive else "negative"
        raise FactError(f"a {answer} test is impossible with these values; expected figures that allow this answer")
    return true / (true + false)


@dataclass(frozen=True)
class Cue:
    """One sign that was read as a test."""

    name: str
    positive: bool
    sensitivity: float
    specificity: float
    source: str


def prevalence(cancer: str) -> tuple[float, str]:
    """How often a node that imaging shows is malignant before its signs are read, and who says so."""
    if site_of(cancer) in NECK_SITES:
        return neck_node.PRIOR, NECK_PREVALENCE
    return evidence.PRIOR_MALIGNANT, MEDIASTINUM


def node_cues(node: Node, cancer: str) -> tuple[Cue, ...]:
    """The signs that a node's probability came from; none where a person, a sample or a network gave it."""
    if node.drawn_as_involved or node.malignancy_model is not None:
        return ()
    cues = _neck_cues(node) if site_of(cancer) in NECK_SITES else _trunk_cues(node)
    chance, _ = prevalence(cancer)
    for cue in cues:
        chance = post_test_probability(cue.sensitivity, cue.specificity, chance, cue.positive)
    return cues if node.p_malignant is None or abs(node.p_malignant - chance) <= SAME_P else ()


def _trunk_cues(node: Node) -> tuple[Cue, ...]:
    """As oncology.cancers.evidence reads them."""
    limit, suv = evidence.SHORT_AXIS_MM, evidence.SUV_POSITIVE
    size = (evidence.SIZE_SENSITIVITY, evidence.SIZE_SPECIFICITY, MEDIASTINUM)
    uptake = (evidence.PET_SENSITIVITY, evidence.PET_SPECIFICITY, MEDIASTINUM)
    cues = (Cue(f"short axis >= {limit:g} mm", node.short_axis_mm >= limit, *size),)
    return cues if node.suv_max is None else (*cues, Cue(f"SUVmax >= {suv:g}", node.suv_max >= suv, *uptake))


def _neck_cues(node: Node) -> tuple[Cue, ...]:
    """As oncology.cancers.neck_node reads them."""
    limit = neck_node.ENLARGED_MM.get(node.station or "", neck_node.ENLARGED_ELSEWHERE_MM)
    suv = neck_node.SUV_POSITIVE
    size = (neck_node.SIZE_SENSITIVITY, neck_node.SIZE_SPECIFICITY, NECK_SIZE)
    cues = [Cue(f"short axis >= {limit:g} mm", node.short_axis_mm >= limit, *size)]
    if node.necrosis is not None:
        core = (neck_node.NECROSIS_SENSITIVITY, neck_node.NECROSIS_SPECIFICITY, NECK_NECROSIS)
        cues.append(Cue("necrosis", node.necrosis, *core))
    if node.suv_max is not None:
        uptake = (neck_node.PET_SENSITIVITY, neck_node.PET_SPECIFICITY, NECK_PET)
        cues.append(Cue(f"SUVmax >= {suv:g}", node.suv_max >= suv, *uptake))
    return tuple(cues)


def tumor_probabilities(findings: Findings, staging: Mapping[str, Any]) -> dict[str, Any]:
    """The content of Tumor_probabilities.json, which schemas/Tumor_probabilities.schema.json describes.

    Args:
        findings: of the case, with a probability for every node that has one.
        staging: the content of staging.json; samples and persons' statements in it win over the images.
    """
    findings = replace(findings, cancer=staging.get("site", findings.cancer))  # an added cancer is told by its site
    facts = {fact["key"]: fact["value"] for fact in staging["facts"]}
    believed = {item["id"]: item["positive"] for item in facts.get("nodes") or () if item.get("id")}
    return {
        "case_id": findings.case_id,
        "research_use_only": True,
        "cancer": findings.cancer,
        "organs": {
            **_organs(findings, facts.get("mets") or ()),
            "lymph_nodes": _stations(findings.nodes, believed, facts.get("nodes") or ()),
        },
        "nodes": [_node(node, believed.get(node.id), findings.cancer) for node in findings.nodes],
        "prevalence": dict(zip(("malignant_node", "source"), prevalence(findings.cancer), strict=True)),
        "assessed": sorted(findings.structures_assessed),
        "models": _models(findings),
        "tables_version": staging["tables_version"],
    }


def decisive_nodes(staging: Mapping[str, Any]) -> tuple[str, ...]:
    """Ids of the nodes whose being malignant or benign would change the stage, the likeliest malignant first.

    Args:
        staging: the content of staging.json.
    """
    entries = next((fact["value"] for fact in staging["facts"] if fact["key"] == "nodes"), None) or []
    changes = [change["finding"] for result in staging["editions"].values() for change in result["would_change"]]
    places = {int(found[1]) for text in changes if (found := NODE_PLACE.match(text))}
    chances = {
        entries[place]["id"]: _chance(entries[place]["positive"])
        for place in sorted(places)
        if place < len(entries) and entries[place].get("id")
    }
    ranked = sorted(chances, key=lambda node: -chances[node])
    return tuple(node for node in ranked if chances[node] > 1.0 - CREDIBLE)


def _chance(positive: Any) -> float:
    """What the staging takes for a node: true, false, or {"p": ...}."""
    return float(positive["p"]) if isinstance(positive, Mapping) else float(positive)


def any_of(chances: Iterable[float | None]) -> float | None:
    """That at least one of independent things holds; unknown ones are left out, None when all are.

    >>> any_of([0.5, 0.5, None]), any_of([None])
    (0.75, None)
    """
    told = [chance for chance in chances if chance is not None]
    if len(told) < 2:
        return told[0] if told else None
    return 1.0 - math.prod(1.0 - chance for chance in told)


def _organs(findings: Findings, mets: Iterable[Mapping[str, Any]]) -> dict[str, Chances]:
    """Primary tumor, invasion of its neighbors and metastases, by organ."""
    found: dict[str, dict[str, list[float | None]]] = {findings.cancer: {"tumor": []}}

    def add(organ: str, name: str, chance: float | None) -> None:
        found.setdefault(organ, {}).setdefault(name, []).append(chance)

    for tumor in findings.tumors:
        add(findings.cancer, "tumor", _tumor_chance(tumor))
        for contact in tumor.contacts:
            add(contact.structure, "invasion", contact.probability)
    for candidate in findings.metastasis_candidates:
        add(_organ(candidate.site), "metastasis", _candidate_chance(candidate))
    for entry in mets:
        if entry["malignant"] is True:  # others are the candidates
            add(_organ(entry["site"]), "metastasis", 1.0)
    return {organ: {name: any_of(all_) for name, all_ in classes.items()} for organ, classes in sorted(found.items())}


def _organ(site: str) -> str:
    return ORGANS.get(site, site)


def _tumor_chance(tumor: Tumor) -> float | None:
    """Certain where a person drew or confirmed it; a proposal that nobody judged has no probability."""
    return None if tumor.needs_confirmation else 1.0


def _candidate_chance(candidate: MetastasisCandidate) -> float | None:
    return candidate.p_malignant if candidate.confirmed is None else float(candidate.confirmed)


def _stations(
    nodes: Iterable[Node], believed: Mapping[str, Any], entries: Iterable[Mapping[str, Any]]
) -> dict[str, Chances]:
    """That a station holds a malignant node, and one that grows through its capsule."""
    malignant: dict[str, list[float | None]] = {}
    through: dict[str, list[float | None]] = {}
    for node in nodes:
        chance, ene = _believed(node, believed.get(node.id)), node.ene.p if node.ene else None
        for station, share in (node.station_alternatives or {node.station or UNNAMED: 1.0}).items():
            malignant.setdefault(station, []).append(None if chance is None else share * chance)
            through.setdefault(station, []).append(None if ene is None else share * ene)
    for entry in entries:  # what a sample found where no node was measured
        if not entry.get("id") and isinstance(entry.get("station"), str) and entry["station"] not in malignant:
            malignant[entry["station"]], through[entry["station"]] = [float(entry["positive"] is True)], [None]
    return {name: {"malignant": any_of(malignant[name]), "ene": any_of(through[name])} for name in sorted(malignant)}


def _believed(node: Node, positive: Any) -> float | None:
    """What the staging believes of a node, else what its own probability says."""
    if isinstance(positive, bool):
        return float(positive)
    return node.p_malignant


def _node(node: Node, positive: Any, cancer: str) -> dict[str, Any]:
    """One node with where its probability came from."""
    cues = () if isinstance(positive, bool) else node_cues(node, cancer)
    return {
        "id": node.id,
        "station": node.station,
        "malignant": _believed(node, positive),
        "ene": node.ene.p if node.ene else None,
        "basis": _basis(node, positive, cues),
        "model": None if isinstance(positive, bool) else node.malignancy_model,
        "reasons": [] if isinstance(positive, bool) else list(node.reasons),
        "cues": [vars(cue) for cue in cues],
    }


def _basis(node: Node, positive: Any, cues: tuple[Cue, ...]) -> str:
    if isinstance(positive, bool):
        return "sample or person"
    if cues:
        return "cues"
    if node.p_malignant is None:
        return "none"
    if node.malignancy_model is not None:
        return "model"
    return "drawn as involved" if node.drawn_as_involved else "person"


def _models(findings: Findings) -> list[dict[str, Any]]:
    """The models that looked or that something in the findings came from; the manifest says more of each."""
    found: tuple[Tumor | Node | MetastasisCandidate, ...] = (
        *findings.tumors,
        *findings.nodes,
        *findings.metastasis_candidates,
    )
    named = (*findings.models, *(node.malignancy_model for node in findings.nodes))
    used: dict[str, str | None] = {name: None for name in named if name}
    used |= {item.source.id: item.source.sha256 for item in found if item.source.kind is SourceKind.MODEL}
    return [{"id": name, "sha256": digest} for name, digest in sorted(used.items())]
