"""The report: HTML and PDF."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mdt_fhir.patient import identity as recorded_identity
from oncology.cancers.protocol import cancer
from oncology.probabilities import tumor_probabilities
from tasks.case_files import CaseFiles, Outputs
from tasks.findings import FINDINGS, findings_from
from tasks.history import HISTORY, stored_record
from tasks.images import IMAGES, identity
from tasks.known_models import known_models
from tasks.manifest import provenance
from tasks.pictures import PICTURES, STATION_MAP
from tasks.staging import STAGING
from tasks.step import step
from templates.render import render_html, render_pdf
from templates.view import KeyImage, Report

HTML, PDF = "report.html", "report.pdf"
SHOWN = ("finding", "place", "plane", "kind", "slice_index", "sop_instance_uid")  # of a picture, for its caption


@step("3")
def write_report(
    case_id: str,
    findings: Outputs,
    staging: Outputs,
    record: Outputs,
    pictures: Outputs | None,
    language: str,
    failures: list[dict[str, Any]],
) -> Outputs:
    """The whole report as HTML, and as PDF."""
    case = CaseFiles(case_id)
    html = render_html(assemble(case, pictures, failures), language)
    outputs = case.save_bytes(HTML, html.encode())
    return outputs | case.save_bytes(PDF, render_pdf(html))


def assemble(
    case: CaseFiles,
    pictures: Outputs | None,
    failures: list[dict[str, Any]],
    status: str = "preliminary",
    review: Mapping[str, Any] | None = None,
) -> Report:
    """Everything that the report of a case shows; `review` is what persons changed and signed."""
    findings = case.load_json(FINDINGS)
    history = case.load_json(HISTORY)
    known = {item["message"] for item in findings["quality"]}
    findings["quality"] += [item for item in (*history["verdicts"], *failures) if item["message"] not in known]
    images, staging = case.load_json(IMAGES), case.load_json(STAGING)
    measured = findings_from(findings)
    return Report(
        cancer_title=cancer(findings["cancer"]).title,
        status=status,
        findings=findings,
        staging=staging,
        manifest=provenance(case),
        history=history,
        patient=_patient(case),
        series=images["series"],
        choices=images["choices"],
        key_images=_key_images(case) if pictures else (),
        station_map_svg=case.load_bytes(STATION_MAP).decode() if pictures and STATION_MAP in pictures else None,
        review=review or {},
        probabilities=tumor_probabilities(measured, staging, known_models(measured)),
    )


def _key_images(case: CaseFiles) -> list[KeyImage]:
    return [
        KeyImage(item["name"], case.load_bytes(item["name"]), item["caption"], item["alt"], item["front"], _shown(item))
        for item in case.load_json(PICTURES)["pictures"]
    ]


def _shown(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in SHOWN} if set(SHOWN) <= item.keys() else {}


def _patient(case: CaseFiles) -> dict[str, str]:
    """Who the report is about: the record's words, else those of the images."""
    record = stored_record(case)
    imaged = identity(case)
    found = {"name": imaged.name.replace("^", " ").strip(), "birth_date": imaged.birth_date, "mrn": imaged.patient_id}
    found["sex"] = {"M": "male", "F": "female", "O": "other"}.get(imaged.sex, "")
    if record is not None:
        recorded = recorded_identity(record)
        names = {
            "name": " ".join(filter(None, (*recorded.given, recorded.family))),
            "birth_date": recorded.birth_date,
            "sex": recorded.sex,
            "mrn": next((item.value for item in recorded.identifiers if item.type == "MR"), None),
        }
        found |= {key: value for key, value in names.items() if value}
    return found
