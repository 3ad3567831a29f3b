"""Reading single elements of a resource: codings with their paths, dates, quantities, references.

Every function tolerates what real records hold: a concept where a list is due, a bare string, an absent element.
Paths are FHIRPath-like and relative to the resource: `code.coding[0]`.
"""

from __future__ import annotations

import calendar
import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mdt_fhir.record import Resource

DATE = re.compile(r"^\d{4}(-\d{2}(-\d{2})?)?")
YEAR_MONTH = re.compile(r"(\d{4})(?:-(\d{2}))?")
DATE_ELEMENTS = (
    "effectiveDateTime",
    "effectivePeriod.start",
    "effectiveInstant",
    "performedDateTime",
    "performedPeriod.start",
    "onsetDateTime",
    "onsetPeriod.start",
    "started",
    "authoredOn",
    "occurrenceDateTime",
    "recordedDate",
    "dateAsserted",
    "issued",
    "date",
)
DIAGNOSIS_DATE_ELEMENTS = ("onsetDateTime", "onsetPeriod.start", "recordedDate", "dateRecorded")


@dataclass(frozen=True)
class Coded:
    """One coding, or the text of a concept (then `system` and `code` are empty)."""

    system: str
    code: str
    display: str
    path: str

    @property
    def token(self) -> str | None:
        """`system|code` as a search parameter writes it; None for a text."""
        return f"{self.system}|{self.code}" if self.code else None


def at(resource: Any, path: str) -> Any:
    """The value at a dotted path of objects; None where any step is absent or no object."""
    for step in path.split("."):
        resource = resource.get(step) if isinstance(resource, Mapping) else None
    return resource


def objects(resource: Resource, element: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """(object, path) of an element that may be one object or a list of them."""
    value = resource.get(element)
    if isinstance(value, Mapping):
        yield value, element
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, item in enumerate(value):
            if isinstance(item, Mapping):
                yield item, f"{element}[{index}]"


def codings(resource: Resource, element: str) -> list[Coded]:
    """All codings of a CodeableConcept element (one or many), then its texts."""
    return [coded for concept, path in objects(resource, element) for coded in concept_codings(concept, path)]


def concept_codings(concept: Mapping[str, Any], path: str) -> list[Coded]:
    """The codings of one CodeableConcept in order, then its text; a bare Coding is read as one."""
    if "code" in concept and "coding" not in concept:
        return [_coded(concept, path)]
    found = [_coded(coding, f"{path}.{place}") for coding, place in objects(concept, "coding")]
    text = concept.get("text")
    if isinstance(text, str) and text.strip():
        found.append(Coded("", "", text, f"{path}.text"))
    return [coded for coded in found if coded.code or coded.display]


def _coded(coding: Mapping[str, Any], path: str) -> Coded:
    values = [coding.get(name) for name in ("system", "code", "display")]
    system, code, display = (str(value).strip() if isinstance(value, (str, int)) else "" for value in values)
    return Coded(system, code, display, path)


def value_codings(resource: Resource) -> list[Coded]:
    """The coded value of an Observation or component; a string value counts as a text."""
    found = codings(resource, "valueCodeableConcept")
    text = resource.get("valueString")
    if isinstance(text, str) and text.strip():
        found.append(Coded("", "", text, "valueString"))
    return found


def extension(resource: Resource, url_end: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """(extension, path) of the extensions whose URL ends like that."""
    for item, path in objects(resource, "extension"):
        if str(item.get("url", "")).rsplit("/", 1)[-1] == url_end:
            yield item, path


def date_of(resource: Resource, elements: Sequence[str] = DATE_ELEMENTS) -> str | None:
    """The ISO date (possibly only a year or month) when the thing itself happened; None when nothing says so."""
    for element in elements:
        value = at(resource, element)
        match = DATE.match(value) if isinstance(value, str) else None
        if match:
            return match.group()
    return None


def day(text: str | None) -> datetime.date | None:
    """The calendar day of an ISO date or date-time; None for years, months and dates that do not exist."""
    try:
        return datetime.date.fromisoformat((text or "")[:10])
    except ValueError:
        return None


def span(text: str | None) -> tuple[datetime.date, datetime.date] | None:
    """First and last day that an ISO date may mean, as years and months are given as well; None without one.

    >>> span("2026-02")
    (datetime.date(2026, 2, 1), datetime.date(2026, 2, 28))
    """
    whole = day(text)
    if whole is not None:
        return whole, whole
    found = YEAR_MONTH.fullmatch(text or "")
    if found is None:
        return None
    year, month = int(found[1]), int(found[2] or 0)
    first, last = (month, month) if month else (1, 12)
    try:
        return datetime.date(year, first, 1), datetime.date(year, last, calendar.monthrange(year, last)[1])
    except ValueError:  # a month or a year that does not exist
        return None


def status_code(resource: Resource, element: str) -> str | None:
    """The code of a status that is a CodeableConcept with one coding, or a plain code."""
    value = resource.get(element)
    if isinstance(value, str):
        return value
    found = codings(resource, element)
    return (found[0].code or found[0].display).lower() if found else None


def quantity(resource: Resource) -> tuple[float, str, str] | None:
    """(number, unit, path) of an Observation's value: Quantity, integer, or decimal; None otherwise."""
    value = resource.get("valueQuantity")
    if isinstance(value, Mapping) and _is_number(value.get("value")):
        return float(value["value"]), str(value.get("code") or value.get("unit") or ""), "valueQuantity"
    for element in ("valueInteger", "valueDecimal"):
        if _is_number(resource.get(element)):
            return float(resource[element]), "", element
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def profiles(resource: Resource) -> str:
    """The claimed profiles in one string, to look for a profile's name in."""
    claimed = at(resource, "meta.profile")
    return " ".join(str(url) for url in claimed) if isinstance(claimed, list) else ""


def identifier_value(resource: Resource, system: str) -> str | None:
    """The value of the first identifier of that system."""
    for item, _ in objects(resource, "identifier"):
        if item.get("system") == system and isinstance(item.get("value"), str):
            return str(item["value"])
    return None
