"""The record against the images: same patient, same sex, dates that fit.

Another patient stops the case. Everything else is reported and left to a person. The tumor's side is held against the
record where it is staged (oncology.cancers.spread), so that a corrected side settles it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mdt_fhir.element import day
from mdt_fhir.patient import PatientIdentifier, PrivatePatient
from oncology.errors import IdentityError
from oncology.findings import Conflict, History, Severity, Verdict

FAR_APART_DAYS = 183  # images half a year from the diagnosis describe another disease stage


@dataclass(frozen=True, repr=False)
class ImageFacts:
    """What the images say about the patient and the tumor; empty strings and None mean "not said". Hidden in logs."""

    patient_id: str | None = None
    issuer: str | None = None  # Issuer of Patient ID (0010,0021), or its universal entity id
    sex: str | None = None  # M | F | O
    birth_date: str | None = None  # ISO
    study_uid: str | None = None
    date: str | None = None  # ISO

    def __repr__(self) -> str:
        return "ImageFacts(values hidden)"


def compare_with_images(
    history: History, patient: PrivatePatient, images: ImageFacts, issuers: Mapping[str, str] | None = None
) -> History:
    """The history with the contradictions between record and images added.

    Args:
        issuers: DICOM issuer -> Patient.identifier.system, where the two are spelled differently.
    Raises:
        IdentityError: the images' PatientID differs from the record's identifier of the same issuer, or nothing
            matches and the birth dates differ as well.
    """
    verdicts = tuple(_check_identity(patient, images, issuers or {}))
    conflicts = (
        *_birth_date(patient, images, history),
        *_sex(history, images),
        *_study_date(history, images),
    )
    return dataclasses.replace(
        history,
        conflicts=history.conflicts + conflicts,
        verdicts=history.verdicts + verdicts + tuple(_date_verdicts(history, images)),
    )


def _check_identity(patient: PrivatePatient, images: ImageFacts, issuers: Mapping[str, str]) -> Iterator[Verdict]:
    if not images.patient_id or not patient.identifiers:
        lacking = "images have no PatientID" if not images.patient_id else "record has no readable identifier"
        yield _unchecked(f"the {lacking}: nothing proves that both belong to the same patient")
        return
    comparable = [item for item in patient.identifiers if _same_issuer(item, images.issuer, issuers)]
    if any(item.value == images.patient_id for item in comparable):
        return
    if comparable:
        raise IdentityError(
            "PatientID of the images differs from the record's identifier of that issuer; expected the same patient; "
            "check which record and which images were given"
        )
    if any(item.value == images.patient_id for item in patient.identifiers):
        yield Verdict(
            "identity-by-value",
            Severity.INFO,
            "PatientID matches an identifier of the record; its issuer is not stated",
            "record",
        )
        return
    _refuse_strangers(patient, images)
    yield _unchecked(
        "PatientID matches no identifier of the record, and the issuers cannot be compared: check the patient"
    )


def _unchecked(message: str) -> Verdict:
    return Verdict("identity-not-checked", Severity.WARNING, message, "record")


def _same_issuer(item: PatientIdentifier, issuer: str | None, issuers: Mapping[str, str]) -> bool:
    """Whether a record identifier was issued by the images' issuer, directly or by the given mapping."""
    if not issuer:
        return False
    names = {issuer, issuers.get(issuer, issuer), f"urn:oid:{issuer}"}
    return item.system in names or item.assigner in names


def _refuse_strangers(patient: PrivatePatient, images: ImageFacts) -> None:
    """No identifier matches: a birth date that differs too makes it another patient."""
    if images.birth_date and patient.birth_date and images.birth_date != patient.birth_date:
        raise IdentityError(
            "neither PatientID nor birth date of the images matches the record; expected the same patient; "
            "check which record and which images were given"
        )


def _birth_date(patient: PrivatePatient, images: ImageFacts, history: History) -> Iterator[Conflict]:
    if images.birth_date and patient.birth_date and images.birth_date != patient.birth_date:
        resources = tuple(fact.resource for fact in history.named("birth_year"))
        yield Conflict(
            "birth_date", ("record", "images"), resources, "birth date: record and images differ; check the patient"
        )


def _sex(history: History, images: ImageFacts) -> Iterator[Conflict]:
    seen = {"M": "male", "F": "female"}.get((images.sex or "").upper())
    facts = history.named("sex")
    if seen and facts and all(fact.value != seen for fact in facts):
        values = sorted({str(fact.value) for fact in facts})
        message = (
            f"sex: the record says {' and '.join(values)}, the images show {seen}; both are kept, a person must decide"
        )
        yield Conflict("sex", (*values, seen), (*(fact.resource for fact in facts), "images"), message)


def _study_date(history: History, images: ImageFacts) -> Iterator[Conflict]:
    """The same study, by UID, under two dates."""
    for fact in history.named("imaging_study"):
        recorded = fact.value.get("date")
        if images.study_uid == fact.value["uid"] and images.date and recorded and recorded[:10] != images.date[:10]:
            message = f"date: the record dates this study {recorded[:10]}, its images say {images.date[:10]}"
            yield Conflict("date", (recorded[:10], images.date[:10]), (fact.resource, "images"), message)


def _date_verdicts(history: History, images: ImageFacts) -> Iterator[Verdict]:
    studies = history.named("imaging_study")
    if studies and images.study_uid and all(fact.value["uid"] != images.study_uid for fact in studies):
        yield Verdict(
            "study-not-in-record", Severity.INFO, "the record lists imaging studies, but not the one given", "record"
        )
    dates = [date for fact in history.named("site") if (date := day(fact.date)) is not None]
    taken = day(images.date)
    if taken and dates and min(abs((taken - date).days) for date in dates) > FAR_APART_DAYS:
        message = f"images and diagnosis lie more than {FAR_APART_DAYS} days apart: check that they belong together"
        yield Verdict("dates-apart", Severity.WARNING, message, "record")
