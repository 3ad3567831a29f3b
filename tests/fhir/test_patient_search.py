"""Finding the patient of the images on a FHIR server."""

from __future__ import annotations

import httpx
import pytest
from fhir_process import FhirServer

from mdt_fhir.patient_search import find_patient
from oncology.errors import RecordError

HERE, THERE = "urn:oid:2.25.1", "urn:oid:2.25.2"


def put(server: FhirServer, name: str, system: str, value: str) -> None:
    patient = {"resourceType": "Patient", "id": name, "identifier": [{"system": system, "value": value}]}
    httpx.put(f"{server.base}/Patient/{name}", json=patient, timeout=30).raise_for_status()


def test_a_number_of_our_issuer_is_found_whatever_others_have_it(fhir_server: FhirServer) -> None:
    put(fhir_server, "ours", HERE, "4711")
    put(fhir_server, "theirs", THERE, "4711")
    assert find_patient(fhir_server.base, "4711", "2.25.1") == "ours"
    assert find_patient(fhir_server.base, "4711", THERE) == "theirs"


def test_a_number_that_nobody_has_finds_nobody(fhir_server: FhirServer) -> None:
    put(fhir_server, "ours", HERE, "4711")
    assert find_patient(fhir_server.base, "4712", HERE) is None
    assert find_patient(fhir_server.base, "") is None


def test_two_patients_with_one_number_are_not_chosen_between(fhir_server: FhirServer) -> None:
    put(fhir_server, "one", HERE, "4711")
    put(fhir_server, "other", HERE, "4711")
    with pytest.raises(RecordError, match="2 patients") as refused:
        find_patient(fhir_server.base, "4711", HERE)
    assert "4711" not in str(refused.value)
