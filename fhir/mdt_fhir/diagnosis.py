"""Conditions: which one is the cancer that is being staged, and what the others mean for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mdt_fhir import code_table
from mdt_fhir.code_table import Meaning
from mdt_fhir.collect import Collector
from mdt_fhir.element import (
    DIAGNOSIS_DATE_ELEMENTS,
    Coded,
    codings,
    concept_codings,
    date_of,
    extension,
    objects,
    profiles,
    span,
    status_code,
)
from mdt_fhir.record import Entry, Record
from oncology.findings import Severity

NOT_TRUE = ("refuted", "entered-in-error")
NOT_SURE = ("provisional", "differential", "unconfirmed")
OVER = ("resolved", "inactive", "remission")
BACK = ("recurrence", "relapse")
PRIMARY_PROFILE, SECONDARY_PROFILE = "mcode-primary-cancer-condition", "mcode-secondary-cancer-condition"
SYNCHRONOUS_DAYS = 183  # tumors diagnosed within six months of one another (SEER and IARC multiple-primary rules)
STAGE_GROUP = re.compile(r"\bstage\s+(0|I{1,3}V?|IV|V?I{0,3}|[0-4])([A-D]\d?)?\b", re.IGNORECASE)
ROMAN = {"0": "0", "1": "I", "2": "II", "3": "III", "4": "IV"}


@dataclass(frozen=True)
class Diagnosis:
    """One Condition that speaks about a tumor."""

    entry: Entry
    coded: Coded
    meaning: Meaning
    clinical: str | None
    verification: str | None
    date: str | None

    @property
    def over(self) -> bool:
        """Resolved, in remission, ended, or only remembered."""
        ended = any(name.startswith("abatement") for name in self.entry.resource)
        return (
            self.clinical in OVER or (ended and self.clinical not in BACK) or bool(self.meaning.details.get("history"))
        )

    @property
    def unsure(self) -> bool:
        """Suspected, provisional or unconfirmed."""
        return self.verification in NOT_SURE or bool(self.meaning.details.get("suspected"))


@dataclass(frozen=True)
class Diagnoses:
    """The Conditions of a record sorted by what they mean for the asked site."""

    site: str
    primary: tuple[Diagnosis, ...]  # of the asked site and present; best first
    past: tuple[Diagnosis, ...]  # of the asked site, over
    others: tuple[Diagnosis, ...]  # other tumors
    metastases: tuple[Diagnosis, ...]

    def is_ours(self, entry: Entry) -> bool:
        """Whether a Condition is about the asked site's cancer."""
        return any(entry.key == diagnosis.entry.key for diagnosis in self.primary + self.past)


def read_diagnoses(record: Record, site: str) -> Diagnoses:
    """All tumors among the Conditions; those refuted or entered in error are left out."""
    found = [diagnosis for entry in record.of_type("Condition") if (diagnosis := _diagnosis(entry)) is not None]
    ours = [
        diagnosis for diagnosis in found if diagnosis.meaning.kind != "metastasis" and diagnosis.meaning.site == site
    ]
    present = sorted((diagnosis for diagnosis in ours if not diagnosis.over), key=_rank)
    return Diagnoses(
        site,
        tuple(present),
        tuple(diagnosis for diagnosis in ours if diagnosis.over),
        tuple(diagnosis for diagnosis in found if diagnosis.meaning.kind != "metastasis" and diagnosis not in ours),
        tuple(diagnosis for diagnosis in found if diagnosis.meaning.kind == "metastasis"),
    )


def _rank(diagnosis: Diagnosis) -> tuple[bool, bool, str]:
    """Sure before unsure, coded before worded, early before late."""
    return diagnosis.unsure, diagnosis.meaning.doubtful, diagnosis.date or "9999"


def _diagnosis(entry: Entry) -> Diagnosis | None:
    verification = status_code(entry.resource, "verificationStatus")
    if verification in NOT_TRUE:
        return None
    found = _meaning(entry)
    if found is None:
        return None
    coded, meaning = found
    date = date_of(entry.resource, DIAGNOSIS_DATE_ELEMENTS)
    return Diagnosis(entry, coded, meaning, status_code(entry.resource, "clinicalStatus"), verification, date)


def _meaning(entry: Entry) -> tuple[Coded, Meaning] | None:
    """The best reading of a Condition: a stageable primary by code, another tumor by code, words, its profile."""
    found = [
        (coded, meaning) for coded in codings(entry.resource, "code") if (meaning := code_table.tumor_meaning(coded))
    ]
    found.sort(key=lambda pair: (pair[1].doubtful, pair[1].kind == "other"))
    if not found:
        return _meaning_by_profile(entry)
    coded, meaning = found[0]
    return coded, _located(entry, meaning)


def _meaning_by_profile(entry: Entry) -> tuple[Coded, Meaning] | None:
    """A Condition whose code we do not know but that claims an mCODE cancer profile."""
    claimed = profiles(entry.resource)
    kind = "other" if PRIMARY_PROFILE in claimed else "metastasis" if SECONDARY_PROFILE in claimed else None
    coded = next(iter(codings(entry.resource, "code")), None)
    if kind is None or coded is None:
        return None
    return coded, _located(entry, Meaning(kind, "other"))


def _located(entry: Entry, meaning: Meaning) -> Meaning:
    """A tumor whose code leaves the site open is placed by its bodySite."""
    if meaning.site not in ("other", "head_and_neck"):
        return meaning
    for coded in codings(entry.resource, "bodySite"):
        place = code_table.metastasis_site(coded) if meaning.kind == "metastasis" else code_table.site_of_body(coded)
        if place:
            kind = "metastasis" if meaning.kind == "metastasis" else "primary"
            return Meaning(kind, place, meaning.details, meaning.doubtful)
    return meaning


def read_cancer(diagnoses: Diagnoses, record: Record, into: Collector) -> None:
    """Facts of the cancer being staged: site, subsite, side, histology, stage, recurrence."""
    sure = [diagnosis for diagnosis in diagnoses.primary if not diagnosis.unsure]
    if not diagnoses.primary:
        _report_absence(diagnoses, into)
        return
    if not sure:
        key = diagnoses.primary[0].entry.key
        message = f"the only {diagnoses.site} cancer in the record ({key}) is suspected, not confirmed"
        into.doubt("primary-suspected", message)
    for diagnosis in sure or diagnoses.primary:
        _read_one(diagnosis, diagnoses.site, record, into)


def _report_absence(diagnoses: Diagnoses, into: Collector) -> None:
    past = f"; {len(diagnoses.past)} of that site are over" if diagnoses.past else ""
    others = f"; {len(diagnoses.others)} other tumors" if diagnoses.others else ""
    message = (
        f"no present {diagnoses.site} cancer among the Conditions{past}{others}: check that this is the right record"
    )
    into.doubt("no-primary-cancer", message, Severity.ERROR)
    if diagnoses.site == "esophagus" and any(
        diagnosis.meaning.site == "gastric_cardia" for diagnosis in diagnoses.others
    ):
        into.doubt("junction-cancer", "the record codes a cancer of the gastric cardia (C16.0), not of the esophagus")


def _read_one(diagnosis: Diagnosis, site: str, record: Record, into: Collector) -> None:
    entry, date, doubtful = diagnosis.entry, diagnosis.date, diagnosis.meaning.doubtful
    into.add("site", site, entry, diagnosis.coded, date=date, doubtful=doubtful)
    statements = list(_statements(diagnosis, site))
    coded_names = {name for name, _, _, worded in statements if not worded}
    for name, value, coded, worded in statements:
        if not worded or name not in coded_names:
            into.add(name, value, entry, coded, date=date, doubtful=worded)
    for stage, coded in _stages(diagnosis):
        into.add("recorded_stage", stage, entry, coded, date=date)
    if diagnosis.clinical in BACK:
        into.add("recurrence", True, entry, Coded("", "", diagnosis.clinical or "", "clinicalStatus"), date=date)
    for structure in _body_structures(diagnosis, site, record):
        _read_structure(structure, site, into)


def _statements(diagnosis: Diagnosis, site: str) -> Iterator[tuple[str, str, Coded, bool]]:
    """(fact, value, coding, doubtful) for subsite, side and histology, from all codings of one Condition."""
    resource = diagnosis.entry.resource
    for coded in codings(resource, "code"):
        meaning = code_table.tumor_meaning(coded)
        if meaning and meaning.site == site:
            for name in ("subsite", "laterality", "histology"):
                if name in meaning.details:
                    yield name, meaning.details[name], coded, meaning.doubtful
    yield from _body_statements(resource, "bodySite", site)
    for item, path in extension(resource, "mcode-histology-morphology-behavior"):
        for coded in _extension_codings(item, path):
            histology = code_table.histology_of(coded)
            worded = code_table.histology_from_text(coded.display) if histology is None else None
            if histology or worded:
                yield "histology", str(histology or worded), coded, histology is None


def _extension_codings(item: Mapping[str, Any], path: str) -> list[Coded]:
    concept = item.get("valueCodeableConcept")
    return concept_codings(concept, f"{path}.valueCodeableConcept") if isinstance(concept, Mapping) else []


def _body_statements(resource: Mapping[str, Any], element: str, site: str) -> Iterator[tuple[str, str, Coded, bool]]:
    """Subsite and side from body sites: their codes, their laterality extensions, at last their words."""
    for concept, path in objects(resource, element):
        found = concept_codings(concept, path)
        sided = False
        for coded in found:
            for name, value in (code_table.body_meaning(coded, site) or {}).items():
                sided = sided or name == "laterality"
                if name in ("subsite", "laterality"):
                    yield name, value, coded, False
        for coded in _qualifiers(concept, path):
            side = code_table.laterality_of(coded)
            if side:
                sided = True
                yield "laterality", side, coded, False
        for coded in found if not sided else []:
            side = code_table.laterality_from_text(coded.display)
            if side:
                yield "laterality", side, coded, True
                break


def _qualifiers(concept: Mapping[str, Any], path: str) -> Iterator[Coded]:
    for name in ("mcode-laterality-qualifier", "mcode-laterality", "mcode-body-location-qualifier"):
        for item, place in extension(concept, name):
            yield from _extension_codings(item, f"{path}.{place}")


def _body_structures(diagnosis: Diagnosis, site: str, record: Record) -> Iterator[Entry]:
    """Tumors (BodyStructure) tied to the Condition, or lying in the asked site."""
    for entry in record.of_type("BodyStructure"):
        related = [item.get("valueReference") for item, _ in extension(entry.resource, "mcode-related-condition")]
        targets = [target.key for item in related if (target := record.resolve(item, entry)) is not None]
        placed = any(code_table.site_of_body(coded) == site for coded in codings(entry.resource, "location"))
        if diagnosis.entry.key in targets or (not related and placed):
            yield entry


def _read_structure(entry: Entry, site: str, into: Collector) -> None:
    for name, value, coded, worded in _body_statements(entry.resource, "location", site):
        into.add(name, value, entry, coded, doubtful=worded)
    for coded in codings(entry.resource, "locationQualifier"):
        side = code_table.laterality_of(coded)
        if side:
            into.add("laterality", side, entry, coded)


def _stages(diagnosis: Diagnosis) -> Iterator[tuple[dict[str, str | None], Coded]]:
    """Stage groups that the Condition carries, in its code or in Condition.stage.summary."""
    if "stage" in diagnosis.meaning.details:
        yield {"axis": "group", "value": diagnosis.meaning.details["stage"], "method": None}, diagnosis.coded
    for stage, path in objects(diagnosis.entry.resource, "stage"):
        summary, kind = stage.get("summary"), stage.get("type")
        method = next((code_table.edition_of(coded) for coded in concept_codings(kind, "")), None) if kind else None
        for coded in concept_codings(summary, f"{path}.summary") if isinstance(summary, Mapping) else []:
            value = stage_group(coded.display)
            if value:
                yield {"axis": "group", "value": value, "method": method}, coded
                break


def stage_group(text: str) -> str | None:
    """The stage group that a text names, in Roman numerals: "TNM stage 1" is I, "stage IIIC" is IIIC."""
    match = STAGE_GROUP.search(text)
    if match is None or not match.group(1):
        return None
    number = match.group(1).upper()
    return ROMAN.get(number, number) + (match.group(2) or "").upper()


def read_other_tumors(diagnoses: Diagnoses, into: Collector) -> None:
    """Other primaries, earlier cancers of the same site, and metastases."""
    reference = diagnoses.primary[0].date if diagnoses.primary else None
    for diagnosis in diagnoses.others + diagnoses.past + _on_the_other_side(diagnoses):
        value = {
            "site": diagnosis.meaning.site,
            "status": "past" if diagnosis.over else "present",
            "behavior": diagnosis.meaning.details.get("behavior", "malignant"),
            "same_site": diagnosis.meaning.site == diagnoses.site,
            "synchronous": False if diagnosis.over else _close(diagnosis.date, reference),
            "certain": not (diagnosis.unsure or diagnosis.meaning.doubtful),
        }
        into.add(
            "second_primary",
            value,
            diagnosis.entry,
            diagnosis.coded,
            date=diagnosis.date,
            doubtful=diagnosis.meaning.doubtful,
        )
    for diagnosis in diagnoses.metastases:
        _read_metastasis(diagnosis, diagnoses, into)


def _close(one: str | None, other: str | None) -> bool | None:
    """Whether two ISO dates lie within SYNCHRONOUS_DAYS of one another; None where what they leave out decides it.

    >>> _close("2026-03-01", "2026-05-20"), _close("2010", "2026-05-20"), _close("2026", "2026-05-20")
    (True, False, None)
    """
    first, second = span(one), span(other)
    if first is None or second is None:
        return None
    apart = sorted(abs((there - here).days) for here in first for there in second)
    overlap = first[0] <= second[1] and second[0] <= first[1]
    if apart[-1] <= SYNCHRONOUS_DAYS:
        return True
    return None if overlap or apart[0] <= SYNCHRONOUS_DAYS else False


def _on_the_other_side(diagnoses: Diagnoses) -> tuple[Diagnosis, ...]:
    """Present cancers of the asked site whose coded side differs from the first: a second primary, or a mistake."""
    sure = [diagnosis for diagnosis in diagnoses.primary if not diagnosis.unsure]
    first = _coded_sides(sure[0], diagnoses.site) if sure else set()
    others = [(diagnosis, _coded_sides(diagnosis, diagnoses.site)) for diagnosis in sure[1:]]
    return tuple(diagnosis for diagnosis, sides in others if first and sides and not first & sides)


def _coded_sides(diagnosis: Diagnosis, site: str) -> set[str]:
    found = _statements(diagnosis, site)
    return {value for name, value, _, worded in found if name == "laterality" and not worded}


def _read_metastasis(diagnosis: Diagnosis, diagnoses: Diagnoses, into: Collector) -> None:
    """A metastasis counts for the asked cancer unless the record ties it to another one or it is over."""
    key, place = diagnosis.entry.key, diagnosis.meaning.site
    elsewhere = diagnosis.meaning.details.get("primary")
    if elsewhere and elsewhere != diagnoses.site:
        into.doubt(
            "metastasis-of-another-cancer", f"{key} is a metastasis of {elsewhere} cancer; not counted", Severity.INFO
        )
        return
    if place == "nodes" or (place == "lung" and diagnoses.site == "lung"):
        what = "lymph nodes" if place == "nodes" else "the lung itself"
        into.doubt(
            "metastasis-place-open", f"{key} codes a metastasis in {what} without station or side: it decides nothing"
        )
        return
    if diagnosis.unsure or diagnosis.over or not diagnoses.primary:
        into.doubt(
            "metastasis-not-counted",
            f"{key} is a metastasis that is unconfirmed, over, or without a present primary here",
        )
        return
    if len([other for other in diagnoses.others if not other.over]) > 0:
        into.doubt("metastasis-of-unclear-origin", f"{key} may belong to another cancer of this record: check it")
    site = _sided(diagnosis, "other" if place == "lung" else place)
    value = {"site": site, "malignant": True}
    into.add(
        "metastasis_result",
        value,
        diagnosis.entry,
        diagnosis.coded,
        date=diagnosis.date,
        doubtful=diagnosis.meaning.doubtful,
    )


def _sided(diagnosis: Diagnosis, place: str) -> str:
    """adrenal_left and adrenal_right where the body site says the side."""
    if place != "adrenal":
        return place
    sides = [side_of(concept, path) for concept, path in objects(diagnosis.entry.resource, "bodySite")]
    side = next((side for side in sides if side in ("left", "right")), None)
    return f"adrenal_{side}" if side else place


def side_of(concept: Mapping[str, Any], path: str) -> str | None:
    """The one side that a body site's qualifiers code."""
    found = {code_table.laterality_of(coded) for coded in _qualifiers(concept, path)} - {None}
    return found.pop() if len(found) == 1 else None
