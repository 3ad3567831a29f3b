"""What was done against the cancer before: operations, drugs, radiation. Staging before treatment must know."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mdt_fhir import code_table
from mdt_fhir.collect import Collector
from mdt_fhir.diagnosis import Diagnoses
from mdt_fhir.element import Coded, codings, date_of, objects, profiles
from mdt_fhir.record import Entry, Record
from oncology.findings import Severity

NOT_GIVEN: Mapping[str, Sequence[str]] = {
    "Procedure": ("preparation", "not-done", "entered-in-error"),
    "MedicationStatement": ("entered-in-error", "intended", "not-taken", "unknown"),
    "MedicationAdministration": ("not-done", "entered-in-error", "unknown"),
    "MedicationRequest": ("cancelled", "entered-in-error", "draft", "unknown"),
}
ONLY_WISHED = ("proposal", "plan", "option")
DIAGNOSTIC = re.compile(r"\b(biopsy|\w*scopy|aspiration|imaging|tomography|x-ray)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Therapy:
    """One treatment as one resource states it; `ours` None: the resource does not say for what."""

    entry: Entry
    coded: Coded
    kind: str
    date: str | None
    ours: bool | None
    doubtful: bool


def read_therapies(record: Record, diagnoses: Diagnoses, into: Collector) -> None:
    """One `prior_therapy` fact per kind of treatment of this cancer, with first and last date."""
    found = [therapy for entry in record.of_type(*NOT_GIVEN) for therapy in _therapies(entry, record, diagnoses)]
    for kind in sorted({therapy.kind for therapy in found}):
        same = [therapy for therapy in found if therapy.kind == kind]
        _add_kind([therapy for therapy in same if therapy.ours], kind, diagnoses, into)
        _add_unexplained([therapy for therapy in same if therapy.ours is None], kind, diagnoses, into)


def _add_kind(
    given: Sequence[Therapy], kind: str, diagnoses: Diagnoses, into: Collector, doubtful: bool = False
) -> None:
    if not given:
        return
    ordered = sorted(given, key=lambda therapy: therapy.date or "9999")
    first, dates = ordered[0], [therapy.date for therapy in ordered if therapy.date]
    value = {
        "kind": kind,
        "date": dates[0] if dates else None,
        "for": diagnoses.site,
        "last_date": dates[-1] if dates else None,
    }
    into.add("prior_therapy", value, first.entry, first.coded, date=first.date, doubtful=doubtful or first.doubtful)


def _add_unexplained(given: Sequence[Therapy], kind: str, diagnoses: Diagnoses, into: Collector) -> None:
    """Treatment without a reason counts, with doubt, when no other cancer could be its reason."""
    if not given or not diagnoses.primary:
        return
    if diagnoses.others:
        what = f"{kind} in {len(given)} resources ({given[0].entry.key}, ...) does not say for which cancer: check it"
        into.doubt("therapy-without-reason", what)
        return
    since = diagnoses.primary[0].date or ""
    _add_kind([therapy for therapy in given if (therapy.date or since) >= since], kind, diagnoses, into, doubtful=True)


def _therapies(entry: Entry, record: Record, diagnoses: Diagnoses) -> Iterator[Therapy]:
    resource = entry.resource
    if resource.get("status") in NOT_GIVEN[entry.type] or resource.get("intent") in ONLY_WISHED:
        return
    reads = _procedure_kinds(entry) if entry.type == "Procedure" else _drug_kinds(entry, record)
    ours = _is_ours(entry, record, diagnoses)
    if ours is False:
        return
    for kind, coded, doubtful in reads:
        yield Therapy(entry, coded, kind, date_of(resource), ours, doubtful)


def _is_ours(entry: Entry, record: Record, diagnoses: Diagnoses) -> bool | None:
    """Whether the stated reason is the asked cancer; None without a stated reason."""
    targets = [record.resolve(item, entry) for item, _ in objects(entry.resource, "reasonReference")]
    known = [target for target in targets if target is not None and target.type == "Condition"]
    if known:
        return any(diagnoses.is_ours(target) for target in known)
    meanings = [code_table.tumor_meaning(coded) for coded in codings(entry.resource, "reasonCode")]
    sites = [meaning.site for meaning in meanings if meaning is not None]
    return diagnoses.site in sites if sites else None


def _procedure_kinds(entry: Entry) -> list[tuple[str, Coded, bool]]:
    """(kind, coding, doubtful) of a Procedure: by its code, its profile, its category, at last its words."""
    rows = code_table.table()["therapies"]
    found = codings(entry.resource, "code")
    for coded in found:
        section = {"snomed": "snomed", "value": "local"}.get(code_table.system_of(coded), "")
        kinds = rows.get(section, {}).get(coded.code) if section else None
        if kinds:
            return [(kind, coded, False) for kind in kinds]
    if not found or any(DIAGNOSTIC.search(coded.display) for coded in found):
        return []
    kind = _kind_by_profile(entry.resource) or _kind_by_category(entry.resource)
    if kind:
        return [(kind, found[0], False)]
    return [
        (name, coded, True)
        for name, pattern in rows["text"].items()
        for coded in found[:1]
        if re.search(pattern, coded.display, re.I)
    ]


def _kind_by_profile(resource: Mapping[str, Any]) -> str | None:
    claimed = profiles(resource)
    rows = code_table.table()["therapies"]["profiles"]
    return next((str(kind) for name, kind in rows.items() if name in claimed), None)


def _kind_by_category(resource: Mapping[str, Any]) -> str | None:
    rows = code_table.table()["therapies"]["categories"]
    return next((str(rows[coded.code]) for coded in codings(resource, "category") if coded.code in rows), None)


def _drug_kinds(entry: Entry, record: Record) -> list[tuple[str, Coded, bool]]:
    """(kind, coding, doubtful) of a drug: by its ATC class, else by the ingredient in its RxNorm name or its text."""
    found = codings(entry.resource, "medicationCodeableConcept")
    medication = record.resolve(entry.resource.get("medicationReference"), entry)
    if medication is not None:
        found += codings(medication.resource, "code")
    for coded in found:
        kind = _atc_kind(coded) or _ingredient_kind(coded)
        if kind:
            return [(kind, coded, code_table.system_of(coded) not in ("atc", "rxnorm"))]
    return []


def _atc_kind(coded: Coded) -> str | None:
    if code_table.system_of(coded) != "atc":
        return None
    rows = code_table.table()["therapies"]["atc"]
    fitting = [prefix for prefix in rows if coded.code.upper().startswith(prefix)]
    return str(rows[max(fitting, key=len)]) if fitting else None


def _ingredient_kind(coded: Coded) -> str | None:
    words = set(re.findall(r"[a-z]+", coded.display.lower()))
    for kind, names in code_table.table()["therapies"]["ingredients"].items():
        if words & set(names):
            return str(kind)
    return None


def warn_of_absence(record: Record, into: Collector) -> None:
    """Say when the record holds no treatment resources at all: "none given" cannot be told from "not exported"."""
    if not any(True for _ in record.of_type(*NOT_GIVEN)):
        message = "the record has no Procedure and no Medication resources: earlier treatment is unknown"
        into.doubt("no-treatment-resources", message, Severity.INFO)
