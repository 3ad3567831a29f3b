"""Scoring of synthetic patients: each staged in three ways and held against what is true of it by construction.

truth: everything that looking could give is given, so that geometry, rules and tables are what is judged; the record
without what an endosonographer misjudged.
record: what is seen on the images, and the whole record. images: what is seen, and of the record nothing but what
chooses the table (site, histology, p16, EBV).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mdt_fhir.history import read_history
from mdt_fhir.record import record_of
from models.synthetic.touch import asked_of
from oncology.agreement import ASSERTED
from oncology.cancers.evidence import INVASION_CEILING, contact_probability
from oncology.cancers.protocol import site_of
from oncology.decisive import DECISIVE
from oncology.errors import AimdtError
from oncology.findings import (
    CaseId,
    Contact,
    Ene,
    Findings,
    History,
    MetastasisCandidate,
    Node,
    RecordFact,
    Source,
    SourceKind,
    Tumor,
    to_json,
)
from oncology.imaging.location import distance_to_point_mm
from oncology.imaging.survey import Region, body_regions, survey
from oncology.invasion.model import InvasionRow, row_json
from oncology.staging import AXES, stage_case
from oncology.tnm.loader import tables
from oncology.tnm.table import category_order
from oncology.tnm.vocabulary import vocabulary
from tasks.cohort import Given, ScoredPatient, Truth
from tasks.eyes import assess, look, scene_for

MODES = ("truth", "record", "images")
CHOOSES_TABLES = ("site", "histology", "p16", "ebv")
SUBSITE_CHOOSES = ("larynx", "pancreas")  # sites whose subsites have tables of their own
NO_ANSWER: Mapping[str, Any] = {"category": None, "probabilities": {}, "credible": []}
# A candidate whose center lies within this of a drawn metastasis stands for it: as far as uptake that breathing
# smears over a few voxels of the PET (4 mm) moves a center, and nearer than single metastases lie to one another.
AT_PLACE_MM = 10.0


def score_patient(patient: ScoredPatient, modes: Sequence[str]) -> list[dict[str, Any]]:
    """One row (see oncology/agreement.py) for each mode."""
    history = read_history(record_of(patient.record), patient.cancer)
    seen, masks = None, dict[str, np.ndarray]()
    if {"record", "images"} & set(modes):
        seen, masks = _seen(patient, _narrowed(history, patient.cancer))
    rows = []
    for mode in modes:
        findings = _given_findings(patient) if mode == "truth" or seen is None else seen
        row = _row(patient, mode, findings, _told(mode, history, patient))
        rows.append(row if findings is not seen else row | _looked_at(patient, findings, masks))
    return rows


def _looked_at(patient: ScoredPatient, findings: Findings, masks: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """What was measured of the primary and the nodes, each with its truth: what a calibration can be made from."""
    primary = findings.primary

    def held(one: Tumor | Node) -> dict[str, Any]:
        return to_json(one) | {"truth": _drawn_as(masks[one.id], patient)}

    return {
        "contacts": _contacts(patient, primary, findings) if primary else [],
        "tumor": held(replace(primary, contacts=())) if primary else None,
        "nodes": [held(node) for node in findings.nodes],
        "candidates": to_json(findings.metastasis_candidates),
        "true": {
            "metastases": list(patient.truth.metastases),
            "greatest_mm": patient.truth.greatest_mm,
            "depth_mm": patient.truth.depth_mm,
        },
    }


def _drawn_as(mask: np.ndarray, patient: ScoredPatient) -> str | None:
    """What the lesion that a mask shows most of was drawn as: tumor, metastasis, malignant or benign (of a node)."""
    places = np.flatnonzero(mask)
    shared = [int(np.count_nonzero(lesion.mask.ravel()[places])) for lesion in patient.lesions]
    if not any(shared):
        return None
    lesion = patient.lesions[int(np.argmax(shared))]
    return lesion.kind if lesion.kind != "node" else "malignant" if lesion.malignant else "benign"


def _told(mode: str, history: History, patient: ScoredPatient) -> History:
    """What of the record is told: without its errors, all of it, or what chooses the tables."""
    if mode == "images":
        return _narrowed(history, patient.cancer)
    if mode == "record":
        return history
    return replace(history, facts=tuple(_rightly_seen(fact, patient.truth) for fact in history.facts))


def _rightly_seen(fact: RecordFact, truth: Truth) -> RecordFact:
    """A depth by endosonography as it would be without its errors; any other fact as it is."""
    if fact.name != "eus_t":
        return fact
    return replace(fact, value=next(iter(truth.categories.values()))["t"])


def _narrowed(history: History, cancer: str) -> History:
    """The record's facts that choose the tables, and no other."""
    kept = (*CHOOSES_TABLES, "subsite") if site_of(cancer) in SUBSITE_CHOOSES else CHOOSES_TABLES
    return History(tuple(fact for fact in history.facts if fact.name in kept))


def _seen(patient: ScoredPatient, history: History) -> tuple[Findings, dict[str, np.ndarray]]:
    """What looking gives, with masks by id; of the record nodes are judged with nothing but what chooses the tables."""
    sight = look(patient.ct, patient.pet, patient.cancer)
    scene = scene_for(
        patient.ct, patient.pet, sight.structures, sight.landmarks, sight.verdicts, sight.stations, sight.unproven
    )
    return assess(
        patient.name,
        patient.cancer,
        scene,
        sight.regions,
        sight.verdicts,
        nodes_looked_for=sight.nodes_looked_for,
        history=history,
    )


def _given_findings(patient: ScoredPatient) -> Findings:
    """Findings on the true masks, with the true malignancy, extranodal extension, invasion and metastases.

    Only what is measured: no model is asked, as its answers would be replaced by what is true.
    """
    scene = scene_for(patient.ct, patient.pet, patient.structures, patient.landmarks)
    lesions = {lesion.id: lesion for lesion in patient.lesions}
    regions = [_region(lesion) for lesion in patient.lesions if lesion.kind in ("tumor", "node")]
    imaged = body_regions(scene.ct, scene.structures)
    cancer, site = patient.cancer, site_of(patient.cancer)
    found, _ = survey(CaseId(patient.name), cancer, scene, regions, (), imaged, nodes_looked_for=True, site=site)
    return replace(
        found,
        tumors=tuple(_true_tumor(tumor, patient.truth) for tumor in found.tumors),
        nodes=tuple(_true_node(node, lesions[node.source.id]) for node in found.nodes),
        metastasis_candidates=tuple(_metastases(patient.truth)),
    )


def _region(lesion: Given) -> Region:
    source = Source(SourceKind.CONTOUR, lesion.id)
    return Region("tumor" if lesion.kind == "tumor" else "node", lesion.id, lesion.mask, source)


def _true_tumor(tumor: Tumor, truth: Truth) -> Tumor:
    contacts = tuple(
        replace(contact, probability=float(contact.structure in truth.invaded)) for contact in tumor.contacts
    )
    return replace(tumor, contacts=contacts)


def _true_node(node: Node, lesion: Given) -> Node:
    return replace(node, p_malignant=float(lesion.malignant), ene=Ene(float(lesion.ene), lesion.ene_grade))


def _metastases(truth: Truth) -> Iterable[MetastasisCandidate]:
    for place, site in enumerate(truth.metastases, start=1):
        source = Source(SourceKind.CONTOUR, f"metastasis-{place}")
        yield MetastasisCandidate(f"candidate-{place}", site, None, confirmed=True, source=source)


def _row(patient: ScoredPatient, mode: str, findings: Findings, history: History) -> dict[str, Any]:
    truth = patient.truth
    editions = sorted(truth.categories)
    try:
        staging = stage_case(findings, history, editions)
        refused = None
    except AimdtError as error:  # a patient that is not staged counts as one without an answer
        staging, refused = {"editions": {}, "facts": []}, str(error)
    answers = {edition: _answers(staging["editions"].get(edition, {}), truth, edition) for edition in editions}
    for edition, found in answers.items():
        found["stage_group"]["ladder"] = _ladder(staging, patient.cancer, edition)
    newest = answers[editions[-1]]
    return {
        "patient": patient.name,
        "cancer": patient.cancer,
        "shift": patient.shift,
        "mode": mode,
        "refused": refused,
        "editions": answers,
        "stations": _stations(staging["facts"], truth, site_of(patient.cancer)),
        "invasions": _invasions(findings, truth),
        "metastasis": _metastasis(newest, findings, patient),
        "decisive": _decisive(site_of(patient.cancer), newest),
    }


def _answers(found: Mapping[str, Any], truth: Truth, edition: str) -> dict[str, Any]:
    return {
        axis: {"truth": truth.categories[edition][axis]}
        | {key: found.get(axis, NO_ANSWER)[key] for key in ("category", "probabilities", "credible")}
        | {"if_confirmed": (found.get("stage_if_candidates_confirmed") or {}).get(axis)}
        for axis in (*AXES, "stage_group")
    }


def _ladder(staging: Mapping[str, Any], cancer: str, edition: str) -> list[str]:
    """All stage groups that the table at hand can give; without a staging none."""
    if edition not in staging["editions"]:
        return []
    site = vocabulary().site(staging.get("site", cancer))
    found = tables().find(site, int(edition), "clinical", "group", staging["subset"])
    return sorted({category for table in found for category in table.categories}, key=category_order)


def _stations(facts: Iterable[Mapping[str, Any]], truth: Truth, cancer: str) -> list[dict[str, Any]]:
    """Every station that holds a drawn node or was named by the staging: truly involved or not, and said so or not."""
    site = vocabulary().site(cancer)
    sided = site.station_key == "level"  # levels of the neck are told with their side
    drawn = [(_with_side(node["station"], node.get("side") if sided else None), node) for node in truth.nodes]
    sides = {f"{name}{side}": name for name, _ in drawn if name not in site.stations for side in ("R", "L")}
    free: dict[str, float] = {}
    for entry in next((fact["value"] or [] for fact in facts if fact["key"] == "nodes"), []):
        p = _probability(entry["positive"])
        for place, share in _places(entry, sides).items():
            name = _with_side(place, entry.get("laterality") if sided else None)
            free[name] = free.get(name, 1.0) * (1.0 - p * share)
    involved = {name for name, node in drawn if node["malignant"]}
    return [
        {"station": name, "truth": name in involved, "p": round(1.0 - free.get(name, 1.0), 4)}
        for name in sorted({name for name, _ in drawn} | set(free))
    ]


def _with_side(station: str, side: str | None) -> str:
    return f"{station} {side}" if side else station


def _places(entry: Mapping[str, Any], sides: Mapping[str, str]) -> Mapping[str, float]:
    """Station to share of a node; both sides of a station count as one where the truth tells none."""
    place = entry.get("station") or entry.get("level")
    shares: Mapping[str, float] = place["p"] if isinstance(place, Mapping) else {place: 1.0} if place else {}
    found: dict[str, float] = {}
    for name, share in shares.items():
        found[sides.get(name, name)] = found.get(sides.get(name, name), 0.0) + share
    return found


def _probability(positive: Any) -> float:
    return float(positive["p"]) if isinstance(positive, Mapping) else float(bool(positive))


def _invasions(findings: Findings, truth: Truth) -> list[dict[str, Any]]:
    """What the images say of each structure that the tumor was drawn into or against, or that they say is invaded.

    Asked of structures that the cancer's T asks about, as the drawing's truth is.
    """
    tumor = findings.primary
    met = {contact.structure: contact for contact in tumor.contacts} if tumor else {}
    asked = asked_of(site_of(findings.cancer), met)
    asserted = {name for name in asked if _said(met[name]) >= ASSERTED}
    return [
        {"structure": name, "truth": name in truth.invaded, "p": _said(met.get(name))}
        for name in sorted({*truth.invaded, *truth.touched, *asserted})
    ]


def _contacts(patient: ScoredPatient, tumor: Tumor, findings: Findings) -> list[dict[str, Any]]:
    """Every contact that T asks about as it was measured, and whether it is invasion."""
    asked = set(asked_of(site_of(patient.cancer), [contact.structure for contact in tumor.contacts]))
    return [
        row_json(_contact_row(contact, tumor, patient, unproven=contact.structure in findings.structures_unproven))
        for contact in tumor.contacts
        if contact.structure in asked
    ]


def _contact_row(contact: Contact, tumor: Tumor, patient: ScoredPatient, *, unproven: bool) -> InvasionRow:
    invaded = contact.structure in patient.truth.invaded
    return InvasionRow(contact, tumor, invaded, patient.name, unproven=unproven)


def _said(contact: Contact | None) -> float:
    return contact_probability(contact, INVASION_CEILING) if contact else 0.0


def _metastasis(answers: Mapping[str, Any], findings: Findings, patient: ScoredPatient) -> dict[str, bool | None]:
    """`candidate`: one of the true sites stands among the candidates; `candidate_at_place`: see `_at_place`."""
    sites = {candidate.site for candidate in findings.metastasis_candidates}
    return {
        "truth": answers["m"]["truth"].startswith("M1"),
        "asserted": (answers["m"]["category"] or "").startswith("M1"),
        "candidate": bool(sites & set(patient.truth.metastases)),
        "candidate_at_place": _at_place(findings.metastasis_candidates, patient),
    }


def _at_place(candidates: Iterable[MetastasisCandidate], patient: ScoredPatient) -> bool | None:
    """Whether a candidate's center lies at a drawn metastasis; None where the drawn masks are not at hand."""
    if not patient.lesions:
        return None
    drawn = [lesion.mask for lesion in patient.lesions if lesion.kind == "metastasis"]
    centers = [one.centroid_lps for one in candidates if one.centroid_lps is not None]
    grid = patient.ct.geometry
    return any(distance_to_point_mm(mask, grid, center) <= AT_PLACE_MM for center in centers for mask in drawn)


def _decisive(site: str, answers: Mapping[str, Any]) -> dict[str, Any] | None:
    if site not in DECISIVE:
        return None
    decision, told = DECISIVE[site], answers["t"]
    return {"fact": decision.fact, "truth": decision.is_true(told), "p": round(decision.said(told), 4)}
