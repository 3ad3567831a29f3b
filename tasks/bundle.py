"""The result for the EHR: one FHIR transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from mdt_fhir.bundle import build_bundle
from mdt_fhir.patient import PatientIdentifier, PrivatePatient
from mdt_fhir.patient import identity as recorded_identity
from mdt_fhir.report_case import (
    Algorithm,
    Documents,
    ImagedSeries,
    Imaging,
    Organization,
    ReportCase,
    ReportStatus,
    Signer,
)
from tasks.case_files import CaseFiles, Outputs
from tasks.findings import FINDINGS
from tasks.history import HISTORY, stored_record
from tasks.images import IMAGES, identity
from tasks.records import store
from tasks.report import HTML, PDF
from tasks.settings import settings
from tasks.staging import STAGING
from tasks.step import step

BUNDLE = "bundle.json"
CASE_SYSTEM = "urn:aimdt:case"


@step("1")
def write_bundle(
    case_id: str, run: str, findings: Outputs, staging: Outputs, history: Outputs, report: Outputs | None, language: str
) -> Outputs:
    """Observations, report with PDF and HTML, device and provenance, by mCODE; status preliminary."""
    case = CaseFiles(case_id)
    bundle = make_bundle(case, _recorded(run), _documents(case, report, language))
    return case.save_bytes(BUNDLE, (json.dumps(bundle, indent=1, ensure_ascii=False) + "\n").encode())


def make_bundle(
    case: CaseFiles,
    recorded: datetime,
    documents: Documents,
    *,
    status: ReportStatus = ReportStatus.PRELIMINARY,
    signer: Signer | None = None,
    previous: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The transaction of what lies in the case's work folder; `previous` is the one that was sent before."""
    staged = case.load_json(STAGING)
    known = {fact["name"]: fact for fact in reversed(case.load_json(HISTORY)["facts"])}
    about = ReportCase(
        patient=_patient(case),
        organization=Organization(settings().organization, CASE_SYSTEM, settings().organization),
        algorithm=Algorithm("AI-MDT", version("aimdt"), "AI-MDT", {"tnm-tables": staged["tables_version"]}),
        recorded=recorded,
        status=status,
        signer=signer,
        imaging=_imaging(case),
        documents=documents,
        histology=known["histology"]["value"] if "histology" in known else None,
        diagnosed=known["site"]["date"] if "site" in known else None,
    )
    return build_bundle(case.load_json(FINDINGS), staged, about, previous)


def _recorded(run: str) -> datetime:
    """When this run was first started: a repeated run says the same."""
    return datetime.fromisoformat(store().run_started(run)).astimezone(UTC)


def _patient(case: CaseFiles) -> PrivatePatient:
    """The record's patient, else that of the images, else the pseudonym."""
    record = stored_record(case)
    if record is not None and recorded_identity(record).identifiers:
        return recorded_identity(record)
    who = identity(case)
    if not who.patient_id:
        return PrivatePatient((PatientIdentifier(CASE_SYSTEM, case.case_id),))
    family, _, given = who.name.partition("^")
    return PrivatePatient(
        identifiers=(PatientIdentifier(who.issuer or "urn:aimdt:unstated-issuer", who.patient_id, "MR"),),
        family=family or None,
        given=tuple(given.replace("^", " ").split()),
        birth_date=who.birth_date or None,
        sex={"M": "male", "F": "female"}.get(who.sex),
    )


def _imaging(case: CaseFiles) -> Imaging | None:
    series = [item for item in case.load_json(IMAGES)["series"] if item["study_uid"]]
    if not series:
        return None
    who = identity(case)
    return Imaging(
        study_uid=series[0]["study_uid"],
        series=tuple(_series(item) for item in series if item["study_uid"] == series[0]["study_uid"]),
        started=series[0]["date"],
        accession=who.accession or None,
    )


def _series(item: dict[str, Any]) -> ImagedSeries:
    return ImagedSeries(item["series_uid"], item["modality"], item["sop_class_uid"], tuple(item["sop_instance_uids"]))


def _documents(case: CaseFiles, report: Outputs | None, language: str) -> Documents:
    if report is None:
        return Documents(language=language)
    return Documents(case.load_bytes(PDF), case.load_bytes(HTML), language)
