"""Reading record files: what opens, and what each faulty file is called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mdt_fhir import record_writer as write
from mdt_fhir.record import read_record, record_of
from oncology.errors import RecordError

PATIENT = {"resourceType": "Patient", "id": "p1"}


def save(folder: Path, content: bytes | str | Any) -> Path:
    path = folder / "record.json"
    raw = (
        content
        if isinstance(content, bytes)
        else (content if isinstance(content, str) else json.dumps(content)).encode()
    )
    path.write_bytes(raw)
    return path


def wrap(*resources: Any, kind: str = "collection") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": item} for item in resources]}


def deep(levels: int) -> str:
    return '{"resourceType": "Patient", "id": "p", "x": ' + "[" * levels + "]" * levels + "}"


FAULTY = {
    "empty file": (b"", "empty"),
    "only blanks": (b"  \n ", "empty"),
    "not JSON": (b"patient,name\n1,x\n", "not JSON"),
    "truncated": (json.dumps(wrap(PATIENT)).encode()[:-20], "truncated"),
    "XML": (b"<Bundle xmlns='http://hl7.org/fhir'/>", "XML"),
    "UTF-16": (json.dumps(wrap(PATIENT)).encode("utf-16"), "UTF-16"),
    "Latin-1": (
        json.dumps({**PATIENT, "name": [{"family": "J\xf8rgensen"}]}, ensure_ascii=False).encode("latin-1"),
        "UTF-8",
    ),
    "gzip": (b"\x1f\x8b\x08\x00rest", "gzip"),
    "zip": (b"PK\x03\x04rest", "zip"),
    "a number": (b"42", "no FHIR resource"),
    "not FHIR": ({"patients": []}, "no FHIR resource"),
    "NaN": (b'{"resourceType": "Patient", "id": "p", "multipleBirthInteger": NaN}', "NaN"),
    "no patient": (wrap({"resourceType": "Condition", "id": "c"}), "no Patient"),
    "empty bundle": ({"resourceType": "Bundle", "type": "collection"}, "no Patient"),
    "two patients": (wrap(PATIENT, {"resourceType": "Patient", "id": "p2"}), "2 Patients"),
    "entry is an object": ({"resourceType": "Bundle", "type": "collection", "entry": {}}, "no list"),
    "entry holds a string": ({"resourceType": "Bundle", "type": "collection", "entry": ["x"]}, "entry 1"),
    "resource without type": (wrap(PATIENT, {"id": "x"}), "entry 2"),
    "R5 type": (wrap(PATIENT, {"resourceType": "ImagingSelection", "id": "i"}), "R5"),
    "R5 medication": (wrap(PATIENT, {"resourceType": "MedicationStatement", "medication": {"concept": {}}}), "R5"),
    "STU3 type": (wrap(PATIENT, {"resourceType": "ProcedureRequest", "id": "r"}), "STU3"),
    "DSTU2 status": (wrap(PATIENT, {"resourceType": "Condition", "clinicalStatus": "active"}), "DSTU2"),
    "deep nesting": (deep(200).encode(), "deep"),
    "very deep nesting": (deep(200_000).encode(), "deep"),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_file_is_refused_with_its_fault_named(name: str, tmp_path: Path) -> None:
    content, expected = FAULTY[name]
    path = save(tmp_path, content)
    with pytest.raises(RecordError, match=expected):
        read_record(path)


def test_a_missing_file_is_refused_without_its_name_in_the_message(tmp_path: Path) -> None:
    with pytest.raises(RecordError) as caught:
        read_record(tmp_path / "Doe^Jane.json")
    assert "Doe" not in str(caught.value)


@pytest.mark.parametrize("kind", ["transaction", "collection", "searchset", "batch", "document"])
def test_every_kind_of_bundle_opens(kind: str, tmp_path: Path) -> None:
    record = read_record(save(tmp_path, wrap(PATIENT, kind=kind)))
    assert record.patient.key == "Patient/p1"


def test_a_bare_list_and_ndjson_give_the_same_record(tmp_path: Path) -> None:
    resources = [PATIENT, write.ecog("o1", "p1", 1, "2026-01-02")]
    as_list = read_record(save(tmp_path, resources))
    as_lines = read_record(save(tmp_path, "\n".join(json.dumps(item) for item in resources)))
    assert (
        [entry.key for entry in as_list.entries]
        == [entry.key for entry in as_lines.entries]
        == ["Patient/p1", "Observation/o1"]
    )


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    record = read_record(save(tmp_path, b"\xef\xbb\xbf" + json.dumps(wrap(PATIENT)).encode()))
    assert len(record.entries) == 1


@pytest.mark.parametrize(
    "reference", ["Patient/p1", "urn:uuid:1", "https://a.example/fhir/Patient/p1", "Patient/p1/_history/3"]
)
def test_references_resolve_in_every_spelling(reference: str) -> None:
    record = record_of({"resourceType": "Bundle", "entry": [{"fullUrl": "urn:uuid:1", "resource": PATIENT}]})
    found = record.resolve({"reference": reference})
    assert found is not None
    assert found.key == "Patient/p1"


def test_a_contained_resource_resolves_within_its_owner() -> None:
    owner = {"resourceType": "MedicationRequest", "id": "m", "contained": [{"resourceType": "Medication", "id": "d"}]}
    record = record_of([PATIENT, owner])
    found = record.resolve({"reference": "#d"}, record.entries[1])
    assert found is not None
    assert found.key == "MedicationRequest/m#d"


def test_resources_of_another_patient_are_left_out_and_reported() -> None:
    record = record_of([PATIENT, write.ecog("mine", "p1", 1, None), write.ecog("foreign", "p2", 4, None)])
    assert [entry.key for entry in record.entries] == ["Patient/p1", "Observation/mine"]
    assert [verdict.code for verdict in record.verdicts] == ["other-subject"]


def test_the_latest_version_of_a_repeated_resource_counts() -> None:
    old = {**write.ecog("o", "p1", 3, None), "meta": {"lastUpdated": "2025-01-01T00:00:00Z"}}
    new = {**write.ecog("o", "p1", 1, None), "meta": {"lastUpdated": "2026-01-01T00:00:00Z"}}
    record = record_of([PATIENT, new, old])
    assert [entry.resource["valueInteger"] for entry in record.of_type("Observation")] == [1]


def test_nothing_of_the_patient_shows_in_a_printed_record() -> None:
    record = record_of([{**PATIENT, "name": [{"family": "Doe"}], "birthDate": "1950-03-04"}])
    assert "Doe" not in repr(record)
    assert "1950" not in repr(record)
