"""Faulty FHIR records beside a sound CT."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dicom_factory as factory
from fault_table import Fault, Inputs
from oncology.errors import IdentityError, RecordError

PATIENT = {"resourceType": "Patient", "id": "p", "gender": "female"}


def record(content: str | bytes, issuer: str | None = None) -> Callable[[Path], Inputs]:
    """A sound CT, whose PatientID may name its issuer, and these bytes as its record."""

    def make(folder: Path) -> Inputs:
        path, slices = folder / "record.json", factory.ct_slices()
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        for item in slices if issuer else ():
            item.IssuerOfPatientID = issuer
        return Inputs(factory.save(slices, folder / "ct"), ehr=path)

    return make


def bundle(*resources: dict[str, Any]) -> str:
    """A collection of these resources."""
    entries = [{"resource": resource} for resource in resources]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})


ISSUER = "urn:oid:2.25.4711"
STRANGER = PATIENT | {"identifier": [{"system": ISSUER, "value": "MRN-4712"}]}  # another than the CT's MRN-4711
BORN_AS_SHOWN = {"birthDate": "1950-02-03"}
FAULTS = [
    Fault("record is empty", record(""), RecordError, ("empty", "expected a FHIR R4 Bundle")),
    Fault("record is no JSON", record("hello"), RecordError, ("JSON",)),
    Fault("record is XML", record("<Bundle/>"), RecordError, ("XML", "expected FHIR JSON")),
    Fault("record cut off", record(bundle(PATIENT)[:-20]), RecordError, ("truncated",)),
    Fault("record in another encoding", record(bundle(PATIENT).encode("utf-16")), RecordError, ("UTF-8",)),
    Fault("record without a patient", record(bundle()), RecordError, ("Patient",)),
    Fault(
        "record of another patient by the same issuer",
        record(bundle(STRANGER | BORN_AS_SHOWN), ISSUER),
        IdentityError,
        ("PatientID of the images differs", "expected the same patient"),
    ),
    Fault(
        "record of another patient by birth date",
        record(bundle(STRANGER | {"birthDate": "1961-07-08"})),
        IdentityError,
        ("neither PatientID nor birth date", "expected the same patient"),
    ),
    Fault("record of two patients", record(bundle(PATIENT, PATIENT | {"id": "q"})), RecordError, ("Patient",)),
]
