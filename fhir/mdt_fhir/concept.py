"""Small pieces that every written resource is made of: codings, concepts, references, quantities."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

SNOMED, LOINC, UCUM = "http://snomed.info/sct", "http://loinc.org", "http://unitsofmeasure.org"
OBSERVATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"


def coding(system: str, code: str, display: str | None = None) -> Json:
    """One Coding."""
    found = {"system": system, "code": code}
    return {**found, "display": display} if display else found


def concept(*codings: Json, text: str | None = None) -> Json:
    """A CodeableConcept of codings and, where given, a text."""
    found: Json = {"coding": list(codings)} if codings else {}
    return {**found, "text": text} if text else found


def reference(target: str, display: str | None = None) -> Json:
    """A Reference by literal target."""
    return {"reference": target, "display": display} if display else {"reference": target}


def quantity(value: float, code: str, unit: str | None = None) -> Json:
    """A UCUM Quantity."""
    return {"value": value, "unit": unit or code, "system": UCUM, "code": code}


def category(code: str) -> Json:
    """An Observation category: imaging, laboratory, exam, procedure, social-history, survey."""
    return concept(coding(OBSERVATION_CATEGORY, code))


def without_empty(resource: Json) -> Json:
    """The resource without elements that are None or empty: FHIR forbids both."""
    return {name: value for name, value in resource.items() if value is not None and value != [] and value != {}}
