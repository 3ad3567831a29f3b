"""Bundles reach a real FHIR server once, whatever the network does on the way."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from typing import Any

import httpx
import pytest
import samples
from fault_proxy import LOSSES, STATUS, fault_proxy
from fhir_process import FhirServer

from mdt_fhir.bundle import build_bundle
from mdt_fhir.patient import PatientIdentifier, PrivatePatient
from mdt_fhir.push import PushReceipt, push
from mdt_fhir.push_http import PushMode, PushSettings
from mdt_fhir.report_case import Organization, PushStrategy, ReportStatus
from oncology.errors import DeliveryDelayedError, DeliveryRefusedError

PATIENCE_S = 0.3
MODES = list(PushMode)
ON_SERVER: dict[str, Any] = {
    "patient": "Patient/p1",
    "condition": "Condition/c1",
    "organization": Organization("Example Hospital", "http://hospital.example/org", "radiology", "Organization/o1"),
    "imaging": None,
}


def settings(mode: PushMode, **more: Any) -> PushSettings:
    return PushSettings(mode=mode, timeout_s=PATIENCE_S, pause_s=0.01, **more)


def patient(number: str = "M7") -> PrivatePatient:
    identifier = PatientIdentifier("http://hospital.example/mrn", number, "MR")
    return dataclasses.replace(samples.patient(), identifiers=(identifier,))


def small_bundle(findings: Any = None, previous: Any = None, **more: Any) -> dict[str, Any]:
    """A bundle that keeps to the limits of a stock Medplum server: updates by id, patient and condition known."""
    case = samples.case(strategy=PushStrategy.DERIVED_IDS, **ON_SERVER | more)
    return build_bundle(findings or samples.findings(), samples.staging(), case, previous)


def full_bundle(findings: Any = None, previous: Any = None, **more: Any) -> dict[str, Any]:
    """A bundle with patient, condition, organization and images by conditional create."""
    case = samples.case(**{"patient": patient(), **more})
    return build_bundle(findings or samples.findings(), samples.staging(), case, previous)


def bundle_for(mode: PushMode, **more: Any) -> dict[str, Any]:
    return small_bundle(**more) if mode is PushMode.TRANSACTION else full_bundle(**more)


def assert_arrived_once(server: FhirServer, bundle: dict[str, Any], receipt: PushReceipt) -> None:
    dump = {f"{item['resourceType']}/{item['id']}": item for item in server.resources()}
    assert len(dump) == len(bundle["entry"])
    assert {item.reference: item.version for item in receipt.stored} == {
        place: item["meta"]["versionId"] for place, item in dump.items()
    }
    assert "urn:uuid:" not in json.dumps(list(dump.values()))


@pytest.mark.parametrize("mode", MODES)
def test_a_case_arrives_with_its_references_resolved(fhir_server: FhirServer, mode: PushMode) -> None:
    bundle = bundle_for(mode)
    receipt = push(bundle, fhir_server.base, settings(mode))
    assert_arrived_once(fhir_server, bundle, receipt)
    report = fhir_server.resources("DiagnosticReport")[0]
    observed = {f"Observation/{item['id']}" for item in fhir_server.resources("Observation")}
    assert {item["reference"] for item in report["result"]} == observed


@pytest.mark.parametrize("mode", MODES)
def test_looking_first_finds_what_is_there_and_writes_nothing(fhir_server: FhirServer, mode: PushMode) -> None:
    bundle = bundle_for(mode)
    first = push(bundle, fhir_server.base, settings(mode))
    written = len(fhir_server.dump()["history"])
    again = push(bundle, fhir_server.base, settings(mode), look_first=True)
    assert set(again.stored) == set(first.stored)
    assert len(fhir_server.dump()["history"]) == written


@pytest.mark.parametrize("mode", MODES)
def test_a_signed_version_replaces_the_preliminary_one(fhir_server: FhirServer, mode: PushMode) -> None:
    first = push(bundle_for(mode), fhir_server.base, settings(mode))
    signer = dataclasses.replace(samples.SIGNER, reference="Practitioner/d42")
    signed = bundle_for(mode, status=ReportStatus.FINAL, signer=signer)
    second = push(signed, fhir_server.base, settings(mode), first.stored)
    assert {item["status"] for item in fhir_server.resources("Observation")} == {"final"}
    assert all(len(items) == 1 for items in fhir_server.by_identifier().values())
    places = {item.full_url: item.reference for item in second.stored}
    assert {item.full_url: item.reference for item in first.stored if item.owned}.items() <= places.items()


@pytest.mark.parametrize("mode", MODES)
def test_a_finding_that_is_gone_is_withdrawn_on_the_server(fhir_server: FhirServer, mode: PushMode) -> None:
    before = bundle_for(mode)
    first = push(before, fhir_server.base, settings(mode))
    fewer = samples.findings(nodes=[samples.node()])
    push(bundle_for(mode, findings=fewer, previous=before), fhir_server.base, settings(mode), first.stored)
    observations = {item["identifier"][0]["value"]: item for item in fhir_server.resources("Observation")}
    withdrawn = {name for name, item in observations.items() if item["status"] == "entered-in-error"}
    assert withdrawn == {f"{samples.CASE_ID}.node-2", f"{samples.CASE_ID}.node-2.ene"}


def test_a_version_that_would_leave_an_old_finding_standing_is_refused(fhir_server: FhirServer) -> None:
    first = push(small_bundle(), fhir_server.base, settings(PushMode.TRANSACTION))
    fewer = small_bundle(findings=samples.findings(nodes=[samples.node()]))
    with pytest.raises(DeliveryRefusedError, match="leaves 2 resources of an earlier version"):
        push(fewer, fhir_server.base, settings(PushMode.TRANSACTION), first.stored)


@pytest.mark.parametrize(("edited", "left"), [(False, "entered-in-error"), (True, "confirmed")])
def test_a_withdrawal_reaches_the_condition_unless_a_clinician_took_it_over(
    fhir_server: FhirServer, edited: bool, left: str
) -> None:
    first = push(full_bundle(), fhir_server.base, settings(PushMode.SEQUENCE))
    if edited:
        condition = fhir_server.resources("Condition")[0]
        condition["verificationStatus"]["coding"][0]["code"] = "confirmed"
        httpx.put(f"{fhir_server.base}/Condition/{condition['id']}", json=condition).raise_for_status()
    withdrawn = full_bundle(status=ReportStatus.ENTERED_IN_ERROR)
    push(withdrawn, fhir_server.base, settings(PushMode.SEQUENCE), first.stored)
    condition = fhir_server.resources("Condition")[0]
    assert condition["verificationStatus"]["coding"][0]["code"] == left
    ours = [item for kind in ("Observation", "DiagnosticReport", "Device") for item in fhir_server.resources(kind)]
    assert {item["status"] for item in ours} == {"entered-in-error"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fault", [*(item for item in STATUS if item not in ("401", "403", "422")), *LOSSES])
def test_a_single_failure_neither_loses_nor_doubles(fhir_server: FhirServer, mode: PushMode, fault: str) -> None:
    bundle = bundle_for(mode)
    with fault_proxy(fhir_server.base, patience_s=PATIENCE_S) as proxy:
        before = 9 if mode is PushMode.SEQUENCE else 0  # sequence: the answer to a write in the middle
        proxy.script = ["pass"] * before + [fault]
        receipt = push(bundle, proxy.base, settings(mode))
        time.sleep(PATIENCE_S * 2 if fault == "late" else 0)
    assert proxy.met[fault] == 1
    dump = fhir_server.resources()
    assert len(dump) == len({item.reference for item in receipt.stored}) == len(bundle["entry"])
    assert receipt.uncertain == (fault not in ("409", "412", "429"))


@pytest.mark.parametrize("fault", ["commit-drop", "commit-hang", "commit-504"])
def test_what_arrived_before_the_line_was_cut_is_not_sent_again(fhir_server: FhirServer, fault: str) -> None:
    with fault_proxy(fhir_server.base, patience_s=PATIENCE_S) as proxy:
        proxy.script = [fault]
        receipt = push(small_bundle(), proxy.base, settings(PushMode.TRANSACTION))
    assert proxy.requests.count("POST /fhir") == 1
    assert_arrived_once(fhir_server, small_bundle(), receipt)


@pytest.mark.parametrize(("status", "advice"), [("401", "credentials"), ("403", "may not write"), ("422", "rules")])
def test_a_refusal_is_not_repeated_and_says_nothing_of_the_patient(
    fhir_server: FhirServer, status: str, advice: str
) -> None:
    with fault_proxy(fhir_server.base, patience_s=PATIENCE_S) as proxy:
        proxy.script = [status]
        with pytest.raises(DeliveryRefusedError, match=f"answered {status} .*{advice}") as refused:
            push(small_bundle(), proxy.base, settings(PushMode.TRANSACTION))
    assert len(proxy.requests) == 1
    assert "Doe" not in str(refused.value)


def test_a_server_that_asks_for_a_long_pause_gets_it(fhir_server: FhirServer) -> None:
    def busy(_: httpx.Request) -> httpx.Response:
        return httpx.Response(429, headers={"Retry-After": "3600"})

    calm = settings(PushMode.TRANSACTION, transport=httpx.MockTransport(busy))
    with pytest.raises(DeliveryDelayedError, match="last: 429") as delayed:
        push(small_bundle(), fhir_server.base, calm)
    assert delayed.value.after_s == 3600
    assert not delayed.value.uncertain


def test_a_dead_server_is_given_up_for_now_and_nothing_was_sent() -> None:
    with pytest.raises(DeliveryDelayedError, match="in 3 attempts") as delayed:
        push(small_bundle(), "http://127.0.0.1:9/fhir", settings(PushMode.TRANSACTION, retries=2))
    assert not delayed.value.uncertain


@pytest.mark.parametrize("mode", MODES)
def test_a_change_by_somebody_else_is_seen_before_it_is_overwritten(fhir_server: FhirServer, mode: PushMode) -> None:
    first = push(bundle_for(mode), fhir_server.base, settings(mode))
    other = fhir_server.resources("Observation")[0] | {"status": "cancelled"}
    httpx.put(f"{fhir_server.base}/Observation/{other['id']}", json=other).raise_for_status()
    with fault_proxy(fhir_server.base, patience_s=PATIENCE_S) as proxy:
        push(bundle_for(mode), proxy.base, settings(mode), first.stored)
    assert any("Observation" in item and item.startswith("GET") for item in proxy.requests)  # read again before writing
    assert {item["status"] for item in fhir_server.resources("Observation")} == {"preliminary"}


def test_what_was_deleted_on_the_server_is_written_again(fhir_server: FhirServer) -> None:
    first = push(small_bundle(), fhir_server.base, settings(PushMode.TRANSACTION))
    gone = fhir_server.resources("BodyStructure")[0]
    httpx.delete(f"{fhir_server.base}/BodyStructure/{gone['id']}").raise_for_status()
    push(
        small_bundle(status=ReportStatus.ENTERED_IN_ERROR),
        fhir_server.base,
        settings(PushMode.TRANSACTION),
        first.stored,
    )
    assert [item["active"] for item in fhir_server.resources("BodyStructure")] == [False]


def test_a_server_that_limits_transactions_is_named_and_served_resource_by_resource(fhir_server: FhirServer) -> None:
    with pytest.raises(DeliveryRefusedError, match="push resource by resource"):
        push(full_bundle(), fhir_server.base, settings(PushMode.TRANSACTION))
    assert fhir_server.resources() == []
    receipt = push(full_bundle(), fhir_server.base, settings(PushMode.SEQUENCE))
    assert_arrived_once(fhir_server, full_bundle(), receipt)


def test_the_hospitals_own_patient_is_used_and_left_as_it_is(fhir_server: FhirServer) -> None:
    number = {"system": "http://hospital.example/mrn", "value": "M7"}
    mine = {"resourceType": "Patient", "identifier": [number], "name": [{"family": "As registered"}]}
    known = httpx.post(f"{fhir_server.base}/Patient", json=mine).json()
    push(full_bundle(), fhir_server.base, settings(PushMode.SEQUENCE))
    assert fhir_server.resources("Patient") == [known]
    assert {item["subject"]["reference"] for item in fhir_server.resources("Observation")} == {f"Patient/{known['id']}"}


def test_two_patients_with_one_number_stop_the_push(fhir_server: FhirServer) -> None:
    double = {"resourceType": "Organization", "name": "x", "identifier": [{"system": "http://hospital.example/org"}]}
    double["identifier"][0]["value"] = "radiology"
    for _ in range(2):
        httpx.post(f"{fhir_server.base}/Organization", json=double).raise_for_status()
    with pytest.raises(DeliveryRefusedError, match="2 or more Organization resources with one identifier"):
        push(full_bundle(), fhir_server.base, settings(PushMode.SEQUENCE))


def test_an_identifier_that_searches_read_differently_is_refused() -> None:
    with pytest.raises(DeliveryRefusedError, match="give a literal reference") as refused:
        push(full_bundle(patient=patient("M1|2")), "http://127.0.0.1:9/fhir", settings(PushMode.SEQUENCE))
    assert "M1" not in str(refused.value)


def test_the_servers_own_validation_refuses_what_is_no_r4(fhir_server: FhirServer) -> None:
    bundle = small_bundle()
    bundle["entry"][-1]["resource"]["target"] = "none"
    with pytest.raises(DeliveryRefusedError, match="answered 4"):
        push(bundle, fhir_server.base, settings(PushMode.TRANSACTION))
    assert fhir_server.resources() == []


@pytest.mark.parametrize("mode", MODES)
def test_neither_logs_nor_urls_name_the_patient(
    fhir_server: FhirServer, mode: PushMode, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bundle = full_bundle(patient=patient("MRN-77"))
    with fault_proxy(fhir_server.base, seed=1, rate=0.2, faults=("503", "drop"), patience_s=PATIENCE_S) as proxy:
        if mode is PushMode.SEQUENCE:
            push(bundle, proxy.base, settings(mode, retries=9))
        else:
            with pytest.raises(DeliveryRefusedError):
                push(bundle, proxy.base, settings(mode, retries=9))
    told = caplog.text + "\n".join(proxy.requests)
    assert not [word for word in ("Doe", "1955-06-07", "19550607", "MRN-77", "ACC1") if word in told]
