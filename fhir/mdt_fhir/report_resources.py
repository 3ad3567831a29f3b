"""The report itself and where it came from: DiagnosticReport and Provenance."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from mdt_fhir.concept import LOINC, US_CORE, Json, coding, concept, without_empty
from mdt_fhir.links import Links
from mdt_fhir.naming import derived_id, full_url
from mdt_fhir.report_case import ReportStatus

PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
TRANSMITTER = "http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type"
OPERATION = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
NOTICE = "Research use only; not for diagnosis or treatment."


def diagnostic_report(staging: Mapping[str, Any], links: Links, results: Sequence[str]) -> Json:
    """us-core-diagnosticreport-note with the results, the conclusion and the documents."""
    case = links.case
    return without_empty(
        {
            "resourceType": "DiagnosticReport",
            "meta": links.meta(US_CORE + "us-core-diagnosticreport-note"),
            "language": case.documents.language,
            "identifier": links.identifier("report"),
            "basedOn": [{"reference": case.request}] if case.request else None,
            "status": case.status.value,
            "category": [concept(coding(LOINC, "LP29684-5", "Radiology"))],
            "code": concept(coding(LOINC, "18748-4", "Diagnostic imaging study"), text="Clinical TNM staging"),
            "subject": links.patient,
            "effectiveDateTime": case.imaged,
            "issued": case.instant,
            "performer": [links.organization],
            "resultsInterpreter": [links.signer] if links.signer else None,
            "result": [links.to(role) for role in results],
            "imagingStudy": [links.study] if links.study else None,
            "conclusion": conclusion(staging),
            "presentedForm": _documents(links),
        }
    )


def conclusion(staging: Mapping[str, Any]) -> str:
    """One line per edition: categories, group, and the notice."""
    prefix = "c" if staging["classification"] == "clinical" else "p"
    lines = []
    for edition, answers in sorted(staging["editions"].items()):
        named = [answers[axis]["category"] or f"{axis.upper()} open" for axis in ("t", "n", "m")]
        group = answers["stage_group"]["category"] or "open"
        lines.append(f"TNM edition {edition}: {prefix}{' '.join(named)}, stage {group}.")
    return " ".join([*lines, NOTICE])


def _documents(links: Links) -> list[Json]:
    """PDF and HTML as attachments with size and SHA-1, as R4 wants them."""
    documents = links.case.documents
    given = (("application/pdf", documents.pdf), ("text/html", documents.html))
    return [_attachment(kind, raw, links) for kind, raw in given if raw]


def _attachment(kind: str, raw: bytes, links: Links) -> Json:
    digest = hashlib.sha1(raw, usedforsecurity=False).digest()  # R4 fixes SHA-1 for Attachment.hash
    return {
        "contentType": kind,
        "language": links.case.documents.language,
        "data": base64.b64encode(raw).decode(),
        "size": len(raw),
        "hash": base64.b64encode(digest).decode(),
        "title": "Tumor board report",
        "creation": links.case.instant,
    }


def provenance(links: Links, targets: Sequence[str], content: Sequence[Json]) -> tuple[str, Json]:
    """(role, Provenance) of one delivery.

    R4's Provenance has no identifier, so a retry is made safe by an id derived from the content sent: the same content
    gives the same id.
    """
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    role = f"provenance.{digest[:32]}"
    first = links.case.status is ReportStatus.PRELIMINARY
    activity = coding(OPERATION, "CREATE", "create") if first else coding(OPERATION, "UPDATE", "revise")
    return role, without_empty(
        {
            "resourceType": "Provenance",
            "id": derived_id(links.case_id, role),
            "meta": links.meta(US_CORE + "us-core-provenance"),
            "target": [{"reference": full_url(links.case_id, target)} for target in targets],
            "recorded": links.case.instant,
            "activity": concept(activity),
            "agent": _agents(links),
            "entity": [{"role": "source", "what": links.study}] if links.study else None,
        }
    )


def _agents(links: Links) -> list[Json]:
    """The software as author, the organization as transmitter, and who verified by signing."""
    author = concept(coding(PARTICIPANT, "author", "Author"))
    found = [{"type": author, "who": links.to("device"), "onBehalfOf": links.organization}]
    if links.signer:
        verifier = concept(coding(PARTICIPANT, "verifier", "Verifier"))
        found.append({"type": verifier, "who": links.signer, "onBehalfOf": links.organization})
    return [*found, {"type": concept(coding(TRANSMITTER, "transmitter", "Transmitter")), "who": links.organization}]
