"""Tumors, nodes, extranodal extension and metastasis candidates as BodyStructures and Observations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mdt_fhir.code_table import table, uri
from mdt_fhir.concept import LOINC, MCODE, SNOMED, Json, coding, concept, quantity, without_empty
from mdt_fhir.links import Links
from mdt_fhir.naming import case_identifier, oid
from oncology.cancers.protocol import site_of

BODY_STRUCTURE_TYPE = concept(coding("http://hl7.org/fhir/resource-types", "BodyStructure"))
CT_METHOD = concept(coding(SNOMED, "77477000", "Computerized axial tomography (procedure)"))
LYMPH_NODE = coding(SNOMED, "59441001")
LOBE = re.compile(r"^lung_(upper|middle|lower)_lobe_(left|right)$")
SIDES = {"right": ("24028007", "Right"), "left": ("7771000", "Left"), "midline": ("399488007", "Midline")}


def tumor_resources(findings: Mapping[str, Any], links: Links) -> Iterator[tuple[str, Json]]:
    """(role, resource): a BodyStructure and a size Observation per tumor."""
    for tumor in findings["tumors"]:
        yield tumor["id"], _body_structure(tumor, site_of(findings["cancer"]), links)
        yield f"{tumor['id']}.size", _size(tumor, links)


def _body_structure(tumor: Mapping[str, Any], site: str, links: Links) -> Json:
    """mcode-tumor; the DICOM Tracking UID, where the images carry one, ties SEG, SR and this together."""
    tracking = links.case.tracking_uids.get(tumor["id"])
    own = {"use": "usual", "type": BODY_STRUCTURE_TYPE, **case_identifier(links.case_id, tumor["id"])}
    others = [{"system": "urn:dicom:uid", "value": oid(tracking)}] if tracking else []
    related = {"url": MCODE + "mcode-related-condition", "valueReference": links.condition}
    return without_empty(
        {
            "resourceType": "BodyStructure",
            "meta": links.meta(MCODE + "mcode-tumor"),
            "extension": [related],
            "identifier": [own, *others],
            "active": not links.withdrawn,
            "location": _location(tumor, site),
            "locationQualifier": [_side(tumor["laterality"])] if tumor["laterality"] else None,
            "description": f"{tumor['id']}, {tumor['volume_ml']:.1f} mL, mask: {tumor['source']['kind']}",
            "patient": links.patient,
        }
    )


def _location(tumor: Mapping[str, Any], site: str) -> Json:
    """The most exact body structure with a checked code, and our structure name as text."""
    rows = table()["sites"][site]["body"]
    match = LOBE.match(tumor["location"] or "")
    subsite, side = (f"{match.group(1)}_lobe", match.group(2)) if match else (None, tumor["laterality"])
    fitting = [code for code, row in rows.items() if row.get("subsite") == subsite and _fits(row, side)]
    fitting.sort(key=lambda code: "laterality" not in rows[code])
    code = fitting[0] if fitting else next(code for code, row in rows.items() if not row)
    return concept(coding(SNOMED, code), text=(tumor["location"] or site).replace("_", " "))


def _fits(row: Mapping[str, str], side: str | None) -> bool:
    return row.get("laterality") in (None, side)


def _side(laterality: str) -> Json:
    code, display = SIDES[laterality]
    return concept(coding(SNOMED, code, f"{display} (qualifier value)"))


def _size(tumor: Mapping[str, Any], links: Links) -> Json:
    """mcode-tumor-size: the longest dimension and the short axis, in mm."""
    code = concept(coding(LOINC, "21889-1", "Size Tumor"))
    base = links.observation(f"{tumor['id']}.size", MCODE + "mcode-tumor-size", code, links.case.imaged)
    return without_empty(
        {
            **base,
            "focus": [links.to(tumor["id"])],
            "method": CT_METHOD,
            "derivedFrom": [links.study] if links.study else None,
            "component": [
                _dimension("33728-7", tumor["greatest_dimension_mm"]),
                _dimension("33729-5", tumor["short_axis_mm"]),
            ],
        }
    )


def _dimension(code: str, value_mm: float) -> Json:
    return {"code": concept(coding(LOINC, code)), "valueQuantity": quantity(round(value_mm, 1), "mm", "mm")}


def node_resources(findings: Mapping[str, Any], links: Links) -> Iterator[tuple[str, Json]]:
    """(role, Observation): one per node, and one for its extranodal extension where that was judged."""
    for node in findings["nodes"]:
        yield node["id"], _node(node, links)
        if node["ene"]:
            yield f"{node['id']}.ene", _ene(node, links)


def _fact(code: str, text: str) -> Json:
    return concept(coding(uri("fact"), code), text=text)


def _station(node: Mapping[str, Any]) -> Json:
    """The station as body site; without one the side alone."""
    codes = [LYMPH_NODE] + ([coding(uri("station"), node["station"])] if node["station"] else [])
    text = " ".join(part for part in ("lymph node", node["station"], node["laterality"]) if part)
    return concept(*codes, text=text)


def _node(node: Mapping[str, Any], links: Links) -> Json:
    """A lymph node on imaging: its measures and how likely it is malignant."""
    measures = [
        _measure("short-axis", "short axis", node["short_axis_mm"], "mm"),
        _measure("long-axis", "long axis", node["long_axis_mm"], "mm"),
        _measure("volume", "volume", node["volume_ml"], "mL"),
        _measure("suv-max", "SUVmax", node["suv_max"], "{SUVbw}g/ml"),
        _measure("malignancy-probability", "probability of malignancy", node["p_malignant"], "1"),
    ]
    base = links.observation(node["id"], None, _fact("lymph-node", "Lymph node on imaging"), links.case.imaged)
    return without_empty(
        {
            **base,
            "focus": [links.condition],
            "bodySite": _station(node),
            "derivedFrom": [links.study] if links.study else None,
            "component": [measure for measure in measures if measure],
            "note": _confirmation(node),
        }
    )


def _measure(code: str, text: str, value: float | None, unit: str) -> Json | None:
    if value is None:
        return None
    return {"code": _fact(code, text), "valueQuantity": quantity(round(value, 3), unit)}


def _confirmation(finding: Mapping[str, Any]) -> list[Json] | None:
    return [{"text": "a network's proposal; nobody has confirmed it"}] if finding["needs_confirmation"] else None


def _ene(node: Mapping[str, Any], links: Links) -> Json:
    """Extranodal extension on imaging: HNCIG grade 0-3 and probability; without a grade the reason."""
    ene, role = node["ene"], f"{node['id']}.ene"
    base = links.observation(
        role, None, _fact("extranodal-extension", "Extranodal extension on imaging"), links.case.imaged
    )
    graded = ene["grade"] is not None
    probability = _measure("extranodal-extension-probability", "probability", ene["p"], "1")
    absent = concept(coding("http://terminology.hl7.org/CodeSystem/data-absent-reason", "unknown", "Unknown"))
    return without_empty(
        {
            **base,
            "focus": [links.condition],
            "bodySite": _station(node),
            "valueInteger": ene["grade"] if graded else None,
            "dataAbsentReason": None if graded else absent,
            "derivedFrom": [links.to(node["id"])],
            "component": [probability] if probability else None,
            "note": [{"text": "HNCIG grade: 0 none, 1 fat, 2 coalescent nodes, 3 adjacent structure"}]
            if graded
            else None,
        }
    )


def candidate_resources(findings: Mapping[str, Any], links: Links) -> Iterator[tuple[str, Json]]:
    """(role, Observation) per candidate for a distant metastasis, with what is known of its confirmation."""
    for candidate in findings["metastasis_candidates"]:
        yield candidate["id"], _candidate(candidate, links)


def _candidate(candidate: Mapping[str, Any], links: Links) -> Json:
    answer = {None: "needs-confirmation", True: "confirmed", False: "refuted"}[candidate["confirmed"]]
    measures = [
        _measure("volume", "volume", candidate["volume_ml"], "mL"),
        _measure("suv-max", "SUVmax", candidate["suv_max"], "{SUVbw}g/ml"),
        _measure("malignancy-probability", "probability of malignancy", candidate["p_malignant"], "1"),
    ]
    code = _fact("metastasis-candidate", "Candidate for distant metastasis on imaging")
    return without_empty(
        {
            **links.observation(candidate["id"], None, code, links.case.imaged),
            "focus": [links.condition],
            "bodySite": concept(
                coding(uri("metastasis_site"), candidate["site"]), text=candidate["site"].replace("_", " ")
            ),
            "valueCodeableConcept": concept(coding(uri("value"), answer), text=answer.replace("-", " ")),
            "derivedFrom": [links.study] if links.study else None,
            "component": [measure for measure in measures if measure],
        }
    )
