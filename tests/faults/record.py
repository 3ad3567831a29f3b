"""Faulty FHIR records beside a sound CT."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import dicom_factory as factory
from fault_table import Fault, Inputs
from oncology.errors import RecordError

PATIENT = {"resourceType": "Patient", "id": "p", "gender": "female"}


def record(content: str | bytes) -> Callable[[Path], Inputs]:
    """A sound CT and these bytes as its record."""

    def make(folder: Path) -> Inputs:
        path = folder / "record.json"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return Inputs(factory.save(factory.ct_slices(), folder / "ct"), ehr=path)

    return make


def bundle(*resources: dict[str, str]) -> str:
    """A collection of these resources."""
    entries = [{"resource": resource} for resource in resources]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})


FAULTS = [
    Fault("record is empty", record(""), RecordError, ("empty", "expected a FHIR R4 Bundle")),
    Fault("record is no JSON", record("hello"), RecordError, ("JSON",)),
    Fault("record is XML", record("<Bundle/>"), RecordError, ("XML", "expected FHIR JSON")),
    Fault("record cut off", record(bundle(PATIENT)[:-20]), RecordError, ("truncated",)),
    Fault("record in another encoding", record(bundle(PATIENT).encode("utf-16")), RecordError, ("UTF-8",)),
    Fault("record without a patient", record(bundle()), RecordError, ("Patient",)),
    Fault("record of two patients", record(bundle(PATIENT, PATIENT | {"id": "q"})), RecordError, ("Patient",)),
]
