"""Intake of the record: a FHIR Bundle or server to facts with the place each was read from."""

from __future__ import annotations

from pathlib import Path

from mdt_fhir.client import fetch_record
from mdt_fhir.compare import ImageFacts, compare_with_images
from mdt_fhir.history import read_history
from mdt_fhir.patient import identity as recorded_identity
from mdt_fhir.record import Record, read_record
from oncology.findings import History, Severity, Verdict, to_json
from tasks.case_files import IDENTITY, RECORD, REQUEST, CaseFiles, Outputs, write_bytes
from tasks.ehr import record_settings
from tasks.findings import READ, history_from
from tasks.images import IMAGES, identity
from tasks.step import step

HISTORY = "history.json"
NO_RECORD = Verdict("no-record", Severity.WARNING, "no record was given: nothing but images was used", "record")


@step("1", io=True)
def take_in_record(case_id: str, cancer: str, record: str, images: Outputs) -> Outputs:
    """Read the record; one of another patient than the images' stops the case here."""
    case = CaseFiles(case_id)
    found = _fetch(case)
    if found is None:
        return case.save_json(READ, to_json(History(verdicts=(NO_RECORD,)))) | case.private_outputs(RECORD)
    history = read_history(found, cancer)
    compare_with_images(history, recorded_identity(found), image_facts(case))
    return case.save_json(READ, to_json(history)) | case.private_outputs(RECORD)


@step("1")
def hold_against_images(case_id: str, record: Outputs) -> Outputs:
    """The record's facts with every contradiction to what the images say of the patient: sex, dates."""
    case = CaseFiles(case_id)
    history = history_from(case.load_json(READ))
    stored = stored_record(case)
    if stored is not None:
        history = compare_with_images(history, recorded_identity(stored), image_facts(case))
    return case.save_json(HISTORY, to_json(history)) | case.private_outputs(IDENTITY, RECORD)


def _fetch(case: CaseFiles) -> Record | None:
    """The record from where the request says; a private copy stays with the case."""
    request = case.read_private(REQUEST)
    if request["fhir_url"]:
        found = fetch_record(request["fhir_url"], request["patient"], record_settings(request["fhir_url"]))
        entries = [{"fullUrl": entry.full_url, "resource": dict(entry.resource)} for entry in found.entries]
        case.write_private(RECORD, {"resourceType": "Bundle", "type": "collection", "entry": entries})
        return found
    if not request["ehr"]:
        (case.private / RECORD).unlink(missing_ok=True)
        return None
    path = Path(request["ehr"])
    found = read_record(path)
    write_bytes(case.private / RECORD, path.read_bytes())
    return found


def stored_record(case: CaseFiles) -> Record | None:
    """The record as it was taken in; private."""
    path = case.private / RECORD
    return read_record(path) if path.is_file() else None


def image_facts(case: CaseFiles) -> ImageFacts:
    """What the images say about the patient."""
    who = identity(case)
    series = case.load_json(IMAGES)["series"][0]
    return ImageFacts(
        patient_id=who.patient_id or None,
        issuer=who.issuer or None,
        sex=who.sex or None,
        birth_date=who.birth_date or None,
        study_uid=series["study_uid"] or None,
        date=series["date"],
    )
