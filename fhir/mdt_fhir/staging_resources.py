"""T, N, M and stage group as mCODE Observations, per edition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mdt_fhir import tnm_codes
from mdt_fhir.concept import MCODE, Json, coding, concept, without_empty
from mdt_fhir.links import Links

ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
AXES = ("t", "n", "m")


def staging_observations(
    staging: Mapping[str, Any], links: Links, evidence: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, Json]]:
    """(role, Observation) for every edition: T, N, M, then the group that has them as members.

    Args:
        staging: content of staging.json.
        evidence: axis -> roles of the finding Observations that it rests on.
    """
    for edition, answers in sorted(staging["editions"].items()):
        for axis in AXES:
            yield f"{edition}.{axis}", _category(staging, edition, axis, answers[axis], links, evidence.get(axis, ()))
        yield f"{edition}.stage", _group(staging, edition, answers["stage_group"], links)


def _category(
    staging: Mapping[str, Any], edition: str, axis: str, answer: Mapping[str, Any], links: Links, basis: Sequence[str]
) -> Json:
    base = _staged(staging, edition, axis, answer, links, f"{edition}.{axis}")
    derived = ([links.study] if links.study else []) + [links.to(role) for role in basis]
    return without_empty({**base, "derivedFrom": derived})


def _group(staging: Mapping[str, Any], edition: str, answer: Mapping[str, Any], links: Links) -> Json:
    members = [links.to(f"{edition}.{axis}") for axis in AXES]
    base = _staged(staging, edition, "stage_group", answer, links, f"{edition}.stage")
    return without_empty({**base, "hasMember": members, "derivedFrom": [links.study] if links.study else None})


def _staged(
    staging: Mapping[str, Any], edition: str, axis: str, answer: Mapping[str, Any], links: Links, role: str
) -> Json:
    """One staging Observation: a value, or the reason why there is none; never both (obs-6)."""
    classification, category = staging["classification"], answer["category"]
    code = tnm_codes.observation_code(axis, classification, category)
    base = links.observation(role, MCODE + tnm_codes.PROFILES[axis], code, links.case.instant)
    value: Json | None = tnm_codes.category_value(axis, classification, category) if category else None
    absent = None if category else concept(coding(ABSENT, "unknown", "Unknown"))
    return without_empty(
        {
            **base,
            "focus": [links.condition],
            "valueCodeableConcept": value,
            "dataAbsentReason": absent,
            "method": tnm_codes.method(edition),
            "note": [{"text": text} for text in [_note(answer)] if text],
        }
    )


def _note(answer: Mapping[str, Any]) -> str:
    """Why, how sure, and what is open, in one line."""
    parts = [str(answer["reason"])] if answer.get("reason") else []
    if answer.get("undefined"):
        parts.append(str(answer["undefined"]))
    probability = (answer.get("probabilities") or {}).get(answer["category"])
    if probability is not None and probability < 1:
        parts.append(f"probability {probability:.2f}")
    if len(answer["possible"]) > 1:
        parts.append(f"possible: {', '.join(answer['possible'])}")
    if answer["open"]:
        parts.append(f"open: {', '.join(name.replace('_', ' ') for name in answer['open'])}")
    return "; ".join(parts)
