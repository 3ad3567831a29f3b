"""Who the patient is: kept in a record that never shows its values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mdt_fhir.collect import Collector
from mdt_fhir.element import Coded, objects
from mdt_fhir.record import Record
from oncology.findings import Severity

BIRTH_SEX = "us-core-birthsex"
SEX_CODES = {"M": "male", "F": "female", "male": "male", "female": "female"}


@dataclass(frozen=True, repr=False)
class PatientIdentifier:
    """One Patient.identifier: who issued it, its type (MR, SS, ...) and its value."""

    system: str | None
    value: str
    type: str | None = None
    assigner: str | None = None


@dataclass(frozen=True, repr=False)
class PrivatePatient:
    """Identity of the patient. Neither repr nor str shows a value, so that no log can."""

    identifiers: tuple[PatientIdentifier, ...] = ()
    family: str | None = None
    given: tuple[str, ...] = ()
    birth_date: str | None = None
    sex: str | None = None  # male | female
    resource_id: str | None = None
    resource: Mapping[str, Any] | None = None

    def __repr__(self) -> str:
        return f"PrivatePatient({len(self.identifiers)} identifiers, values hidden)"


def identity(record: Record) -> PrivatePatient:
    """The record's patient; masked or absent elements are None."""
    resource = record.patient.resource
    name: Mapping[str, Any] = next((item for item, _ in objects(resource, "name") if item.get("use") != "old"), {})
    birth_date, given = resource.get("birthDate"), name.get("given")
    return PrivatePatient(
        identifiers=tuple(_identifiers(resource)),
        family=name.get("family") if isinstance(name.get("family"), str) else None,
        given=tuple(part for part in given if isinstance(part, str)) if isinstance(given, list) else (),
        birth_date=birth_date if isinstance(birth_date, str) else None,
        sex=SEX_CODES.get(str(resource.get("gender"))),
        resource_id=resource.get("id"),
        resource=resource,
    )


def _identifiers(resource: Mapping[str, Any]) -> list[PatientIdentifier]:
    found = []
    for item, _ in objects(resource, "identifier"):
        value = item.get("value")
        if isinstance(value, str) and value.strip() and item.get("use") != "old":
            kinds = [
                coding.get("code") for concept, _ in objects(item, "type") for coding, _ in objects(concept, "coding")
            ]
            assigner = item.get("assigner", {}).get("display") if isinstance(item.get("assigner"), Mapping) else None
            found.append(PatientIdentifier(item.get("system"), value.strip(), kinds[0] if kinds else None, assigner))
    return found


def read_patient(record: Record, into: Collector) -> None:
    """Facts of the Patient: sex and birth year; what is masked, and a death, become verdicts."""
    entry, resource = record.patient, record.patient.resource
    gender = SEX_CODES.get(str(resource.get("gender")))
    if gender:
        into.add("sex", gender, entry, Coded("", "", "", "gender"))
    for item, path in objects(resource, "extension"):
        sex = SEX_CODES.get(str(item.get("valueCode"))) if str(item.get("url", "")).endswith(BIRTH_SEX) else None
        if sex:
            into.add("sex", sex, entry, Coded("", "", "", f"{path}.valueCode"))
    birth = resource.get("birthDate")
    if isinstance(birth, str) and re.match(r"^\d{4}", birth):
        into.add("birth_year", int(birth[:4]), entry, Coded("", "", "", "birthDate"))
    _report_gaps(resource, gender, into)


def _report_gaps(resource: Mapping[str, Any], gender: str | None, into: Collector) -> None:
    if gender is None:
        into.doubt(
            "sex-unknown", "the record does not say male or female (absent, masked, other or unknown)", Severity.INFO
        )
    if not _identifiers(resource):
        into.doubt(
            "patient-without-identifier",
            "the record's Patient has no readable identifier: images cannot be matched by id",
        )
    if resource.get("deceasedBoolean") is True or "deceasedDateTime" in resource:
        into.doubt("patient-deceased", "the record says that the patient has died")
