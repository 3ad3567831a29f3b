"""Intake of the record: a FHIR Bundle or server to facts with the place each was read from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mdt_fhir.client import fetch_record
from mdt_fhir.comparison import compare_with_images
from mdt_fhir.history import read_history
from mdt_fhir.patient import private_patient
from mdt_fhir.record import Record, parse_record, read_record
from oncology.findings import Conflict, History, RecordFact, Severity, Verdict, to_json
from tasks.case_files import CaseFiles, Outputs
from tasks.images import IMAGES, identity
from tasks.settings import settings
from tasks.step import step

HISTORY = "history.json"


@step("1", io=True)
def take_in_record(case_id: str, cancer: str, record: str, images: Outputs) -> Outputs:
    """Read the record, and hold it against the images: another patient's record stops the case here."""
    case = CaseFiles(case_id)
    found = _record(case)
    if found is None:
        verdict = Verdict("no-record", Severity.WARNING, "no record was given: nothing but images was used", "record")
        return case.save_json(HISTORY, to_json(History(verdicts=(verdict,))))
    case.write_private("record.json", found.bundle)
    history = read_history(found, cancer)
    conflicts = compare_with_images(history, private_patient(found), identity(case), case.load_json(IMAGES)["series"])
    return case.save_json(HISTORY, to_json(History(history.facts, (*history.conflicts, *conflicts), history.verdicts)))


def _record(case: CaseFiles) -> Record | None:
    request = case.read_private("request.json")
    if request["fhir_url"]:
        token = settings().fhir_token
        return fetch_record(
            request["fhir_url"],
            request["patient"],
            token=token.get_secret_value() if token else None,
            timeout_seconds=settings().fhir_timeout_seconds,
        )
    return read_record(Path(request["ehr"])) if request["ehr"] else None


def stored_record(case: CaseFiles) -> Record | None:
    """The record as it was taken in; private."""
    if not (case.private / "record.json").is_file():
        return None
    return parse_record(json.dumps(case.read_private("record.json")).encode())


def history_from(content: dict[str, Any]) -> History:
    """A history as it was handed on."""
    return History(
        tuple(RecordFact(**item) for item in content["facts"]),
        tuple(
            Conflict(item["name"], tuple(item["values"]), tuple(item["resources"]), item["message"])
            for item in content["conflicts"]
        ),
        tuple(Verdict(**item) for item in content["verdicts"]),
    )
