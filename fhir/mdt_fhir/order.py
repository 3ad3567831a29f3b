"""What was asked and what was imaged: ServiceRequest and ImagingStudy."""

from __future__ import annotations

from mdt_fhir.collect import Collector
from mdt_fhir.element import Coded, codings, date_of, identifier_value, objects
from mdt_fhir.record import Entry, Record

NOT_ASKED = ("revoked", "entered-in-error", "draft")
DICOM_UID_SYSTEM, OID_PREFIX = "urn:dicom:uid", "urn:oid:"


def read_questions(record: Record, into: Collector) -> None:
    """The question to the board: reasons and notes of ServiceRequests."""
    for entry in record.of_type("ServiceRequest"):
        if entry.resource.get("status") in NOT_ASKED:
            continue
        words = _words(entry)
        if words:
            text = "; ".join(dict.fromkeys(coded.display for coded in words))
            into.add("question", text, entry, Coded("", "", "", words[0].path))


def _words(entry: Entry) -> list[Coded]:
    """Reasons, best words first (a concept's text before its displays), then notes."""
    reasons = codings(entry.resource, "reasonCode")
    texts = [coded for coded in reasons if not coded.code] or [coded for coded in reasons if coded.display]
    notes = [
        Coded("", "", str(note["text"]), f"{path}.text")
        for note, path in objects(entry.resource, "note")
        if note.get("text")
    ]
    return texts + notes


def read_imaging(record: Record, into: Collector) -> None:
    """Imaging studies that the record knows, by their DICOM UID."""
    for entry in record.of_type("ImagingStudy"):
        uid = study_uid(entry)
        if uid and entry.resource.get("status") not in ("cancelled", "entered-in-error"):
            modalities = sorted({code.code for code in _modalities(entry) if code.code})
            value = {"uid": uid, "modality": modalities, "date": date_of(entry.resource)}
            into.add("imaging_study", value, entry, Coded("", "", "", "identifier"))


def study_uid(entry: Entry) -> str | None:
    """The Study Instance UID without its urn prefix."""
    value = identifier_value(entry.resource, DICOM_UID_SYSTEM)
    return value.removeprefix(OID_PREFIX) if value else None


def _modalities(entry: Entry) -> list[Coded]:
    found = codings(entry.resource, "modality")
    return found + [code for series, _ in objects(entry.resource, "series") for code in codings(series, "modality")]
