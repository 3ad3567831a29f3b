"""Whose images these are: one patient, or a stop."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mdt_dicom.header import numbers, text
from mdt_dicom.lean import Instance
from mdt_dicom.study import PatientIdentity
from oncology.errors import IdentityError
from oncology.findings import Severity, Verdict

# Fields that should not change within one PatientID; a difference is reported without its values.
STEADY = ("PatientName", "PatientBirthDate", "PatientSex")
# PatientSize and PatientWeight of bodies; outside of it something else was entered (centimeters, pounds, a zero).
HEIGHT_M, WEIGHT_KG = (0.5, 2.5), (20.0, 350.0)


def identity_of(instances: Sequence[Instance]) -> tuple[PatientIdentity, tuple[Verdict, ...]]:
    """The one patient of all these files; empty for files without identity.

    Raises:
        IdentityError: two PatientIDs, or one PatientID of two issuers.
    """
    ids = {text(instance.header, "PatientID") for instance in instances} - {""}
    issuers = {text(instance.header, "IssuerOfPatientID") for instance in instances} - {""}
    if len(ids) > 1 or (ids and len(issuers) > 1):
        what = f"{len(ids)} PatientIDs" if len(ids) > 1 else f"one PatientID of {len(issuers)} issuers"
        raise IdentityError(
            f"the image files carry {what}; expected one patient; separate the files by patient and start again"
        )
    verdicts = [_changing(keyword) for keyword in STEADY if len(_values(instances, keyword)) > 1]
    if ids and any(not text(instance.header, "PatientID") for instance in instances):
        message = "some image files carry no PatientID (0010,0020); that they show the same patient is not assured"
        verdicts.append(Verdict("identity-incomplete", Severity.WARNING, message, "images"))
    identity = PatientIdentity(
        patient_id=next(iter(ids), ""),
        issuer=next(iter(issuers), ""),
        name=_one(instances, "PatientName"),
        birth_date=_iso(_one(instances, "PatientBirthDate")),
        sex=_one(instances, "PatientSex").upper(),
        accession=_one(instances, "AccessionNumber"),
        height_m=_measured(instances, "PatientSize", HEIGHT_M),
        weight_kg=_measured(instances, "PatientWeight", WEIGHT_KG),
    )
    return identity, tuple(verdicts)


def _values(instances: Sequence[Instance], keyword: str) -> list[str]:
    """The different values, sorted; empty ones left out."""
    return sorted({text(instance.header, keyword) for instance in instances} - {""})


def _one(instances: Sequence[Instance], keyword: str) -> str:
    """The value, when all agree."""
    values = _values(instances, keyword)
    return values[0] if len(values) == 1 else ""


def _measured(instances: Sequence[Instance], keyword: str, between: tuple[float, float]) -> float | None:
    """The value, when all files that tell it agree and a body can have it."""
    told = {found[0] for instance in instances if (found := numbers(instance.header, keyword, 1))}
    value = next(iter(told), math.nan) if len(told) == 1 else math.nan
    return value if between[0] <= value <= between[1] else None


def _changing(keyword: str) -> Verdict:
    message = f"{keyword} differs between image files of one PatientID; it was left out"
    return Verdict("identity-differs", Severity.WARNING, message, "images")


def _iso(date: str) -> str:
    return f"{date[:4]}-{date[4:6]}-{date[6:8]}" if len(date) == 8 and date.isdigit() else ""
