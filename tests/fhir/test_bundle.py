"""The transaction: what is in it, what it claims, and that sending it again changes nothing."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import hashlib
import json
from typing import Any

import pytest
import samples

from mdt_fhir.bundle import build_bundle
from mdt_fhir.history import read_history
from mdt_fhir.record import record_of
from mdt_fhir.report_case import Documents, Organization, PushStrategy, ReportStatus
from oncology.errors import ReportError

SNOMED = "http://snomed.info/sct"


def bundle(
    staging: dict[str, Any] | None = None, findings: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    return build_bundle(findings or samples.findings(), staging or samples.staging(), samples.case(**more))


def resources(given: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in given["entry"] if entry["resource"]["resourceType"] == kind]


def by_role(given: dict[str, Any], role: str) -> dict[str, Any]:
    """The resource whose case identifier ends in that role."""
    found = [
        entry["resource"]
        for entry in given["entry"]
        if any(item.get("value") == f"{samples.CASE_ID}.{role}" for item in entry["resource"].get("identifier", ()))
    ]
    assert len(found) == 1, role
    return found[0]


def codes(concept: dict[str, Any]) -> list[tuple[str, str]]:
    return [(item["system"], item["code"]) for item in concept.get("coding", ())]


# Values from mCODE's official examples: cT3, cN0, cN3, cM0, pT3, pN0, IIB, IIIC.
@pytest.mark.parametrize(
    ("role", "edition", "classification", "code"),
    [
        ("8.t", samples.edition(t="T3"), "clinical", "1228938002"),
        ("8.n", samples.edition(n="N0"), "clinical", "1229967007"),
        ("8.n", samples.edition(n="N3"), "clinical", "1229984001"),
        ("8.m", samples.edition(m="M0"), "clinical", "1229901006"),
        ("8.t", samples.edition(t="T3"), "pathological", "1229859000"),
        ("8.n", samples.edition(n="N0"), "pathological", "1229947003"),
        ("8.stage", samples.edition(group="IIB"), "clinical", "1222769001"),
        ("8.stage", samples.edition(group="IIIC"), "pathological", "1222806003"),
    ],
)
def test_categories_carry_the_codes_of_the_official_examples(
    role: str, edition: Any, classification: str, code: str
) -> None:
    sent = bundle(samples.staging(classification=classification, e8=edition))
    assert codes(by_role(sent, role)["valueCodeableConcept"]) == [(SNOMED, code)]


@pytest.mark.parametrize(("edition", "code"), [("8", "897275008"), ("9", "1269566009")])
def test_the_method_follows_the_edition_applied(edition: str, code: str) -> None:
    sent = bundle()
    for axis in ("t", "n", "m", "stage"):
        assert codes(by_role(sent, f"{edition}.{axis}")["method"]) == [(SNOMED, code)]


def test_a_category_without_known_code_is_sent_as_text() -> None:
    sent = bundle(samples.staging(e9=samples.edition("TX", "N0", "M1c1", "Occult carcinoma")))
    assert by_role(sent, "9.m")["valueCodeableConcept"] == {"text": "cM1c1"}
    assert by_role(sent, "9.stage")["valueCodeableConcept"] == {"text": "Occult carcinoma"}
    assert codes(by_role(sent, "9.t")["valueCodeableConcept"]) == [(SNOMED, "1222604002")]


def test_an_unknown_category_is_a_reason_and_never_a_code() -> None:
    open_t = samples.edition() | {"t": samples.answer(None, "T1c", "T2a", open=["greatest_dimension_mm"])}
    sent = by_role(bundle(samples.staging(e9=open_t)), "9.t")
    assert "valueCodeableConcept" not in sent
    assert codes(sent["dataAbsentReason"])[0][1] == "unknown"
    assert "T1c, T2a" in sent["note"][0]["text"]


def test_no_pathological_m0_is_claimed() -> None:
    sent = by_role(bundle(samples.staging(classification="pathological", e8=samples.edition(m="M0"))), "8.m")
    assert codes(sent["code"]) == [(SNOMED, "277208005")]
    assert sent["valueCodeableConcept"]["text"] == "cM0"


def test_the_group_has_its_three_categories_as_members() -> None:
    sent = bundle()
    urls = {entry["fullUrl"]: entry["resource"] for entry in sent["entry"]}
    members = [urls[item["reference"]] for item in by_role(sent, "9.stage")["hasMember"]]
    assert members == [by_role(sent, f"9.{axis}") for axis in ("t", "n", "m")]


def test_the_size_is_in_millimeters_and_points_to_the_tumor() -> None:
    sent = bundle()
    size = by_role(sent, "tumor-1.size")
    assert [item["valueQuantity"]["value"] for item in size["component"]] == [42.3, 30.5]
    assert {item["valueQuantity"]["code"] for item in size["component"]} == {"mm"}
    tumor = next(entry for entry in sent["entry"] if entry["resource"]["resourceType"] == "BodyStructure")
    assert size["focus"] == [{"reference": tumor["fullUrl"]}]


def test_nodes_and_their_extension_say_station_grade_and_doubt() -> None:
    sent = bundle()
    node, ene, ungraded = (by_role(sent, role) for role in ("node-1", "node-1.ene", "node-2.ene"))
    assert ("urn:aimdt:station", "4L") in codes(node["bodySite"])
    assert "nobody has confirmed" in node["note"][0]["text"]
    assert ene["valueInteger"] == 1
    assert "valueInteger" not in ungraded
    assert codes(ungraded["dataAbsentReason"])[0][1] == "unknown"


@pytest.mark.parametrize(("confirmed", "word"), [(None, "needs-confirmation"), (True, "confirmed"), (False, "refuted")])
def test_a_candidate_says_whether_it_is_confirmed(confirmed: bool | None, word: str) -> None:
    findings = samples.findings(metastasis_candidates=[samples.candidate(confirmed=confirmed)])
    assert codes(by_role(bundle(findings=findings), "met-1")["valueCodeableConcept"]) == [("urn:aimdt:value", word)]


def test_documents_carry_size_and_sha1_of_their_bytes() -> None:
    pdf = b"%PDF-1.7 " + bytes(range(256))
    (report,) = resources(bundle(documents=Documents(pdf, b"<html></html>")), "DiagnosticReport")
    forms = {form["contentType"]: form for form in report["presentedForm"]}
    assert base64.b64decode(forms["application/pdf"]["data"]) == pdf
    assert forms["application/pdf"]["size"] == len(pdf)
    assert base64.b64decode(forms["application/pdf"]["hash"]) == hashlib.sha1(pdf).digest()
    assert forms["text/html"]["size"] == 13


@pytest.mark.parametrize("status", list(ReportStatus))
def test_the_status_is_the_same_everywhere(status: ReportStatus) -> None:
    sent = bundle(status=status, signer=samples.SIGNER)
    stated = {item["status"] for kind in ("Observation", "DiagnosticReport") for item in resources(sent, kind)}
    assert stated == {status.value}


@pytest.mark.parametrize("status", [ReportStatus.FINAL, ReportStatus.AMENDED])
def test_nothing_is_final_without_a_signer(status: ReportStatus) -> None:
    with pytest.raises(ReportError, match="signer"):
        samples.case(status=status)


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ReportError, match="time zone"):
        samples.case(recorded=datetime.datetime(2026, 3, 4))


def test_a_signed_report_names_the_signer_and_keeps_the_software_as_author() -> None:
    sent = bundle(status=ReportStatus.FINAL, signer=samples.SIGNER)
    (report,), (origin,), (person,) = (
        resources(sent, kind) for kind in ("DiagnosticReport", "Provenance", "Practitioner")
    )
    assert person["name"] == [{"family": "Anydoc", "given": ["Kim"]}]
    assert len(report["resultsInterpreter"]) == 1
    roles = [agent["type"]["coding"][0]["code"] for agent in origin["agent"]]
    assert roles == ["author", "verifier", "transmitter"]
    assert all("onBehalfOf" in agent for agent in origin["agent"][:2])


def test_provenance_covers_everything_of_ours() -> None:
    sent = bundle()
    (origin,) = resources(sent, "Provenance")
    own = {
        entry["fullUrl"]
        for entry in sent["entry"]
        if entry["resource"]["resourceType"] in ("Observation", "BodyStructure", "DiagnosticReport")
    }
    assert {target["reference"] for target in origin["target"]} == own


def test_the_same_case_gives_the_same_bytes() -> None:
    assert json.dumps(bundle()) == json.dumps(bundle())


def test_a_changed_stage_keeps_every_name_but_that_of_its_provenance() -> None:
    one, other = bundle(), bundle(samples.staging(e8=samples.edition(), e9=samples.edition("T3", "N2b", group="IIIB")))
    names = [
        {entry["fullUrl"] for entry in sent["entry"] if entry["resource"]["resourceType"] != "Provenance"}
        for sent in (one, other)
    ]
    assert names[0] == names[1]
    assert resources(one, "Provenance")[0]["id"] != resources(other, "Provenance")[0]["id"]


def test_full_urls_are_lower_case_uuids_and_unique() -> None:
    urls = [entry["fullUrl"] for entry in bundle()["entry"]]
    assert len(set(urls)) == len(urls)
    assert all(url.startswith("urn:uuid:") and url == url.lower() for url in urls)


def test_every_inner_reference_leads_to_an_entry() -> None:
    sent = bundle()
    text = json.dumps([entry["resource"] for entry in sent["entry"]])
    used = {part.split('"')[0] for part in text.split('"reference": "')[1:]}
    assert used <= {entry["fullUrl"] for entry in sent["entry"]}


@pytest.mark.parametrize("strategy", list(PushStrategy))
def test_a_retry_finds_what_it_made_before(strategy: PushStrategy) -> None:
    for entry in bundle(strategy=strategy)["entry"]:
        request, resource = entry["request"], entry["resource"]
        if request["method"] == "POST":
            assert request["url"] == resource["resourceType"]
            assert request["ifNoneExist"].startswith("identifier=")
        elif "?" in request["url"]:
            assert "identifier" in resource
        else:
            assert request["url"] == f"{resource['resourceType']}/{resource['id']}"


def test_what_others_own_is_never_overwritten() -> None:
    for strategy in PushStrategy:
        shared = [
            entry
            for entry in bundle(strategy=strategy)["entry"]
            if entry["resource"]["resourceType"] in ("Patient", "Organization", "ImagingStudy", "Condition")
        ]
        assert {entry["request"]["method"] for entry in shared} == {"POST"}


def test_search_tokens_are_encoded() -> None:
    patient = next(entry for entry in bundle()["entry"] if entry["resource"]["resourceType"] == "Patient")
    assert patient["request"]["ifNoneExist"] == "identifier=http%3A%2F%2Fhospital.example%2Fmrn|M%201%7C2"


def test_only_the_record_number_of_the_patient_travels() -> None:
    assert "999-99-0001" not in json.dumps(bundle())


def test_a_patient_and_condition_on_the_server_are_only_referred_to() -> None:
    sent = bundle(patient="Patient/p1", condition="Condition/c1")
    assert not resources(sent, "Patient")
    assert not resources(sent, "Condition")
    assert by_role(sent, "9.stage")["subject"] == {"reference": "Patient/p1"}
    assert by_role(sent, "9.stage")["focus"] == [{"reference": "Condition/c1"}]


def test_the_study_is_named_as_dicom_and_fhir_want_it() -> None:
    (study,) = resources(bundle(), "ImagingStudy")
    assert study["identifier"][0] == {"system": "urn:dicom:uid", "value": f"urn:oid:{samples.STUDY_UID}"}
    assert [series["uid"] for series in study["series"]] == ["1.2.3.1", "1.2.3.2"]
    assert study["series"][0]["instance"][0]["sopClass"]["code"] == "urn:oid:1.2.840.10008.5.1.4.1.1.2"


def test_a_withdrawn_case_withdraws_tumor_device_and_condition_too() -> None:
    sent = bundle(status=ReportStatus.ENTERED_IN_ERROR)
    assert resources(sent, "BodyStructure")[0]["active"] is False
    assert resources(sent, "Device")[0]["status"] == "entered-in-error"
    (condition,) = resources(sent, "Condition")
    assert "clinicalStatus" not in condition


def test_a_finding_removed_in_review_is_withdrawn_with_the_next_bundle() -> None:
    draft = bundle()
    fewer = samples.findings(nodes=[samples.node()])
    case = samples.case(status=ReportStatus.FINAL, signer=samples.SIGNER)
    signed = build_bundle(fewer, samples.staging(), case, previous=draft)
    assert by_role(signed, "node-2")["status"] == "entered-in-error"
    assert by_role(signed, "node-1")["status"] == "final"


def test_the_record_reader_finds_the_staging_that_was_sent() -> None:
    history = read_history(record_of(bundle(samples.staging(e8=samples.edition()))), "lung")
    stages = {
        (fact.value["axis"], fact.value["value"], fact.value["method"]) for fact in history.named("recorded_stage")
    }
    assert stages == {("T", "T2b", "8"), ("N", "N2", "8"), ("M", "M0", "8"), ("group", "IIIA", "8")}


def test_an_edition_without_code_is_refused() -> None:
    with pytest.raises(ReportError, match="edition"):
        bundle(samples.staging(e5=samples.edition()))


def test_a_fault_in_the_bundle_is_told_without_its_value() -> None:
    with pytest.raises(ReportError) as caught:
        bundle(
            patient=samples.PrivatePatient(samples.patient().identifiers, "Doe", (), "Doe was born in May", "female")
        )
    assert "birthDate" in str(caught.value)
    assert "Doe" not in str(caught.value)


def test_with_everything_known_to_the_server_no_operation_is_conditional() -> None:
    sent = bundle(
        patient="Patient/p1",
        condition="Condition/c1",
        organization=Organization("Example Hospital", "http://hospital.example/org", "radiology", "Organization/o1"),
        imaging=dataclasses.replace(samples.imaging(), reference="ImagingStudy/i1"),
        strategy=PushStrategy.DERIVED_IDS,
    )
    assert all(entry["request"]["method"] == "PUT" and "?" not in entry["request"]["url"] for entry in sent["entry"])
