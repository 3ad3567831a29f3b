"""Probabilities of tumor by organ and class, for programs that build on them, and what a test makes of a prevalence.

Nothing is estimated here: what the findings and the staging carry is put together. Where nobody gave a probability the
answer is null, never 0. Several findings of one class count as independent: p = 1 - product(1 - p of each); only of
proposed tumors the surest one counts, as what networks say of tumors is not calibrated.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from oncology.cancers import evidence, neck_node
from oncology.cancers.protocol import site_of
from oncology.errors import FactError
from oncology.findings import NECK_SITES, Findings, Laterality, MetastasisCandidate, Node, SourceKind, Tumor
from oncology.presence import Known, any_tumor, presence, tumor_row

MEDIASTINUM = "mediastinal nodes: Silvestri 2013, Chest 143 suppl"
NECK_SIZE, NECK_PET = "de Bondt 2007, Eur J Radiol 64:266", "Kyzas 2008, J Natl Cancer Inst 100:712"
NECK_NECROSIS, NECK_PREVALENCE = "van den Brekel 1990, Radiology 177:379, rounded", "assumed"
OTHER = "other"  # a site of metastases that the vocabulary of the staging has no word for
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
STATIONS_NAMED = 4  # what a sentence can hold
CALLED = 0.5  # from here on a model of nodes calls one malignant: sensitivity and specificity of its card hold there
# Figures by their names on cards, with a PET and on the CT alone.
NODE_SENSITIVITY = {True: "sensitivity, nodal malignancy with PET", False: "sensitivity, nodal malignancy on CT alone"}
NODE_SPECIFICITY = {True: "specificity, nodal malignancy with PET", False: "specificity, nodal malignancy on CT alone"}
NO_CANDIDATE_P = "nobody has measured how often such a candidate is a metastasis"
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


def tumor_probabilities(findings: Findings, staging: Mapping[str, Any], known: Known | None = None) -> dict[str, Any]:
    """The content of Tumor_probabilities.json, which schemas/Tumor_probabilities.schema.json describes.

    Args:
        findings: of the case, with a probability for every node that has one.
        staging: the content of staging.json; samples and persons' statements in it win over the images.
        known: what cards say of the models that the findings name, by id.
    """
    known = known or {}
    findings = replace(findings, cancer=staging.get("site", findings.cancer))  # an added cancer is told by its site
    facts = {fact["key"]: fact["value"] for fact in staging["facts"]}
    believed = {item["id"]: item["positive"] for item in facts.get("nodes") or () if item.get("id")}
    mets = facts.get("mets")
    return {
        "case_id": findings.case_id,
        "research_use_only": True,
        "cancer": findings.cancer,
        "organs": {
            **_organs(findings, mets),
            "lymph_nodes": _stations(findings.nodes, believed, facts.get("nodes") or ()),
        },
        "tumor": presence(findings, known),
        "tumors": [tumor_row(tumor) for tumor in findings.tumors],
        "nodes": [_node(node, believed.get(node.id), findings.cancer, known) for node in findings.nodes],
        "candidates": [_candidate(candidate, mets) for candidate in findings.metastasis_candidates],
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
    entries = next((fact["value"] for fact in staging["facts"] if fact["key"] == "nodes"), None)
    if not entries:
        return ()
    changes = [change["finding"] for result in staging["editions"].values() for change in result["would_change"]]
    places = {int(found[1]) for text in changes if (found := NODE_PLACE.match(text))}
    chances = {
        entries[place]["id"]: _chance(entries[place]["positive"])
        for place in sorted(places)
        if place < len(entries) and entries[place].get("id")
    }
    ranked = sorted(chances, key=lambda node: -chances[node])
    return tuple(node for node in ranked if chances[node] > 1.0 - CREDIBLE)


def doubtful_stations(staging: Mapping[str, Any]) -> tuple[str, ...]:
    """Stations of a few nodes that decide and that nobody settled, the likeliest malignant first; levels with side.

    Args:
        staging: what staging.json holds under `facts` and `editions`.
    """
    entries = next((fact["value"] for fact in staging["facts"] if fact["key"] == "nodes"), None) or []
    by_id = {entry["id"]: entry for entry in entries if entry.get("id")}
    open_ones = (by_id[node] for node in decisive_nodes(staging) if isinstance(by_id[node]["positive"], Mapping))
    return tuple(dict.fromkeys(place for entry in open_ones if (place := node_place(entry))))[:STATIONS_NAMED]


def node_place(entry: Mapping[str, Any]) -> str:
    """Where a node of the staging lies, in words: its likeliest station or level, the latter with the side.

    >>> node_place({"level": "II", "laterality": "left"}), node_place({"station": {"p": {"7": 0.8, "8R": 0.2}}})
    ('II left', '7')
    """
    place = entry.get("station") or entry.get("level")
    if isinstance(place, Mapping):
        place = max(place["p"], key=place["p"].get)
    side = entry.get("laterality") if "level" in entry else None
    sides = [str(side)] if place and side in (Laterality.LEFT, Laterality.RIGHT) else []
    return " ".join([str(place or ""), *sides]).replace("_", " ")


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


def _organs(findings: Findings, mets: Sequence[Mapping[str, Any]] | None) -> dict[str, Chances]:
    """Primary tumor, invasion of its neighbors and metastases, by organ."""
    found: dict[str, dict[str, list[float | None]]] = {findings.cancer: {"tumor": [any_tumor(findings)]}}

    def add(organ: str, name: str, chance: float | None) -> None:
        found.setdefault(organ, {}).setdefault(name, []).append(chance)

    for tumor in findings.tumors:
        for contact in tumor.contacts:
            add(contact.structure, "invasion", contact.probability)
    for candidate in findings.metastasis_candidates:
        add(_organ(candidate.site), "metastasis", _candidate_chance(candidate, mets))
    for entry in mets or ():
        if entry["malignant"] is True:  # others are the candidates
            add(_organ(entry["site"]), "metastasis", 1.0)
    return {organ: {name: any_of(all_) for name, all_ in classes.items()} for organ, classes in sorted(found.items())}


def _organ(site: str) -> str:
    return ORGANS.get(site, site)


def _candidate(candidate: MetastasisCandidate, mets: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    """One possible metastasis; `assumed` is the weight that the staging gives its site, which nobody measured."""
    chance = _candidate_chance(candidate, mets)
    listed = [met["malignant"] for met in mets or () if met["site"] in (candidate.site, OTHER)]
    weights = [malignant["p"] for malignant in listed if isinstance(malignant, Mapping)]
    settled = candidate.confirmed is not None or _is_left_out(candidate, mets)
    stated = settled or candidate.source.kind is SourceKind.PERSON
    basis = "none" if chance is None else "sample or person" if stated else "node"
    return {
        "id": candidate.id,
        "site": candidate.site,
        "metastasis": chance,
        "basis": basis,
        "assumed": weights[0] if basis == "none" and weights else None,
        "reason": NO_CANDIDATE_P if basis == "none" else "",
    }


def _candidate_chance(candidate: MetastasisCandidate, mets: Sequence[Mapping[str, Any]] | None) -> float | None:
    if candidate.confirmed is not None:
        return float(candidate.confirmed)
    return 0.0 if _is_left_out(candidate, mets) else candidate.p_malignant


def _is_left_out(candidate: MetastasisCandidate, mets: Sequence[Mapping[str, Any]] | None) -> bool:
    """Whether the staging, which lists every open candidate by its site, left this one out: a sample ruled it out."""
    return mets is not None and candidate.confirmed is None and not {candidate.site, OTHER} & {m["site"] for m in mets}


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
        place = entry.get("station") or entry.get("level")
        shares = place["p"] if isinstance(place, Mapping) else {place: 1.0} if place else {}
        for station, share in shares.items() if not entry.get("id") else ():
            positive = entry["positive"]
            malignant.setdefault(station, []).append(None if positive is None else share * _chance(positive))
            through.setdefault(station, []).append(None)
    return {name: {"malignant": any_of(malignant[name]), "ene": any_of(through[name])} for name in sorted(malignant)}


def _believed(node: Node, positive: Any) -> float | None:
    """What the staging believes of a node, else what its own probability says."""
    if isinstance(positive, bool):
        return float(positive)
    return node.p_malignant


def _node(node: Node, positive: Any, cancer: str, known: Known) -> dict[str, Any]:
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
        "as_test": None if isinstance(positive, bool) else _as_test(node, cancer, known),
    }


def _as_test(node: Node, cancer: str, known: Known) -> dict[str, Any] | None:
    """The model's answer read as a test: its card's sensitivity and specificity make a probability of a prevalence.

    It stands beside the model's own probability, which the staging takes; None where the card lacks the figures.
    """
    model = known.get(node.malignancy_model or "")
    figures = model.figures if model else {}
    with_pet = node.suv_max is not None
    sensitivity, specificity = (figures.get(names[with_pet]) for names in (NODE_SENSITIVITY, NODE_SPECIFICITY))
    if sensitivity is None or specificity is None or node.p_malignant is None or not node.certainty:
        return None
    if not (0.0 < sensitivity.value <= 1.0 and 0.0 < specificity.value <= 1.0):  # a card that somebody wrote in percent
        return None
    positive = node.p_malignant / node.certainty >= CALLED  # p_malignant holds how certain it is that it is a node
    chance, _ = prevalence(cancer)
    return {
        "called_from": CALLED,
        "positive": positive,
        "sensitivity": sensitivity.value,
        "specificity": specificity.value,
        "on": sensitivity.on,
        "post_test": round(post_test_probability(sensitivity.value, specificity.value, chance, positive), 4),
        "if_a_node": node.certainty < 1.0,
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
