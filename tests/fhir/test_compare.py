"""Record against images: another patient stops, everything else is shown."""

from __future__ import annotations

from typing import Any

import pytest

from mdt_fhir import record_writer as write
from mdt_fhir.compare import ImageFacts, compare_with_images
from mdt_fhir.history import read_history
from mdt_fhir.patient import identity
from mdt_fhir.record import Record, record_of
from oncology.errors import IdentityError
from oncology.findings import CaseId, Findings, History, Laterality
from oncology.staging import stage_case
from trunk_cases import tumor

ISSUER = "http://hospital.example/mrn"


def record(**more: Any) -> Record:
    patient = write.patient(
        "p",
        mrn="M1",
        issuer=ISSUER,
        family="Doe",
        given="Jo",
        sex="male",
        birth_date="1955-06-07",
        assigner="HOSP",
        **more,
    )
    primary = write.primary_cancer("c", "p", "lung", date="2026-02-03", laterality="left")
    study = write.imaging_study("i", "p", "1.2.3", ["CT"], "2026-02-01")
    return record_of(write.bundle([patient, primary, study]))


def compare(images: ImageFacts, given: Record | None = None, issuers: dict[str, str] | None = None) -> History:
    found = given or record()
    return compare_with_images(read_history(found, "lung"), identity(found), images, issuers)


def conflicts(history: History) -> list[str]:
    return [conflict.name for conflict in history.conflicts]


def codes(history: History) -> set[str]:
    return {verdict.code for verdict in history.verdicts}


def test_the_same_patient_passes_without_a_word() -> None:
    found = compare(ImageFacts("M1", "HOSP", "M", "1955-06-07", "1.2.3", "2026-02-01"))
    assert not found.conflicts
    assert not {"identity-not-checked", "identity-by-value"} & codes(found)


@pytest.mark.parametrize("issuer", ["HOSP", ISSUER])
def test_another_id_of_the_same_issuer_stops_the_case(issuer: str) -> None:
    with pytest.raises(IdentityError) as caught:
        compare(ImageFacts("M2", issuer))
    assert "M1" not in str(caught.value)
    assert "M2" not in str(caught.value)


def test_issuers_spelled_differently_are_compared_by_the_mapping() -> None:
    with pytest.raises(IdentityError):
        compare(ImageFacts("M2", "PACS-A"), issuers={"PACS-A": ISSUER})


def test_an_id_without_issuer_matches_by_value() -> None:
    assert "identity-by-value" in codes(compare(ImageFacts("M1")))


def test_an_id_of_an_unknown_issuer_is_reported_unchecked() -> None:
    assert "identity-not-checked" in codes(compare(ImageFacts("X9", "ELSEWHERE")))


def test_neither_id_nor_birth_date_alike_is_another_patient() -> None:
    with pytest.raises(IdentityError):
        compare(ImageFacts("X9", "ELSEWHERE", birth_date="1970-01-01"))


def test_images_without_id_are_reported_unchecked() -> None:
    assert "identity-not-checked" in codes(compare(ImageFacts()))


def test_a_masked_patient_is_reported_unchecked() -> None:
    masked = record_of([{"resourceType": "Patient", "id": "p", "identifier": [{"extension": []}]}])
    assert "identity-not-checked" in codes(compare(ImageFacts("M1", "HOSP"), masked))


@pytest.mark.parametrize(
    ("images", "name"),
    [
        (ImageFacts("M1", "HOSP", sex="F"), "sex"),
        (ImageFacts("M1", "HOSP", birth_date="1955-06-08"), "birth_date"),
        (ImageFacts("M1", "HOSP", study_uid="1.2.3", date="2026-01-20"), "date"),
    ],
)
def test_a_contradiction_is_a_conflict_and_the_facts_stay(images: ImageFacts, name: str) -> None:
    found = compare(images)
    assert conflicts(found) == [name]
    assert {fact.value for fact in found.named("laterality")} == {"left"}


def test_a_side_that_differs_is_told_once_and_says_which_one_is_staged() -> None:
    on_the_right = tumor(24.0, laterality=Laterality.RIGHT, solid_component_mm=24.0)
    findings = Findings(CaseId("c"), "lung", tumors=(on_the_right,), nodes_assessed=True)
    staged = stage_case(findings, compare(ImageFacts("M1", "HOSP")), ("9",), imaging_date="2026-02-01")
    (conflict,) = (item for item in staged["conflicts"] if item["name"] == "laterality")
    assert conflict["values"] == ["left", "right"]
    assert "staged by the images" in conflict["message"]


def test_a_birth_date_conflict_shows_no_date() -> None:
    (conflict,) = compare(ImageFacts("M1", "HOSP", birth_date="1955-06-08")).conflicts
    assert "1955" not in str(conflict)


def test_images_long_after_the_diagnosis_are_reported() -> None:
    assert "dates-apart" in codes(compare(ImageFacts("M1", "HOSP", date="2026-12-24")))
    assert "dates-apart" not in codes(compare(ImageFacts("M1", "HOSP", date="2026-03-24")))


def test_no_printed_form_shows_who_the_patient_is() -> None:
    patient = identity(record())
    printed = f"{patient} {patient!r} {patient.identifiers!r} {ImageFacts('M1', birth_date='1955-06-07')!r}"
    assert not any(secret in printed for secret in ("Doe", "M1", "1955"))
