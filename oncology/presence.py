"""Whether there is a tumor at all: how likely, by whom, and what that is worth, as a screening service asks.

What a network says of a tumor that it proposes is not calibrated: it ranks cases, and whatever gives it says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from oncology.findings import Findings, SourceKind, Tumor

# How many tumors a network found, by the figure's name on its card, with a PET and on the CT alone.
TUMORS_FOUND = {True: "ct_pet_tumor_found", False: "ct_tumor_found"}
LESION_ROLE = "lesion"
# Verdicts: networks saw the CT alone although there is a PET; they looked and proposed no tumor.
WITHHELD, NONE_SEEN = "pet-not-shown", "no-tumor-seen"
# Why the chance of a tumor is what it is; the JSON is for programs, so these are not translated.
DRAWN = "a person drew or confirmed a tumor"
UNCALIBRATED = "what the network says of its proposal; nobody has calibrated it, so it ranks cases and is no frequency"
UNRATED = "a tumor was proposed by rules or by a model that gives masks alone: neither says how likely it is one"
NOTHING_SEEN = "networks looked and proposed no tumor; nobody has measured how often there is one nevertheless"
LEFT_OUT = "networks looked; what they proposed was left out, by a person or as no tissue that a tumor may be"
NOT_LOOKED = "no network that looks for tumors is told to have looked, and no tumor was drawn"


@dataclass(frozen=True)
class Figure:
    """A number that a model's card states: of `n` patients, `on` which ones, with its 95% interval if there is one."""

    value: float
    n: int
    low: float | None
    high: float | None
    on: str


@dataclass(frozen=True)
class KnownModel:
    """What the card of a model says: its role, and its figures on held-out patients by their names."""

    role: str
    figures: Mapping[str, Figure] = field(default_factory=dict)


Known = Mapping[str, KnownModel]


def _tumor_chance(tumor: Tumor) -> float | None:
    """Certain where a person drew or confirmed it, else what its network says; None where nothing rated it."""
    return tumor.certainty if tumor.needs_confirmation else 1.0


def any_tumor(findings: Findings) -> float | None:
    """That of the surest tumor."""
    return max((p for tumor in findings.tumors if (p := _tumor_chance(tumor)) is not None), default=None)


def tumor_row(tumor: Tumor) -> dict[str, Any]:
    """One tumor with where its probability came from; only what a network says can be calibrated, and is not."""
    basis = _tumor_basis(tumor)
    return {
        "id": tumor.id,
        "tumor": _tumor_chance(tumor),
        "basis": basis,
        "calibrated": False if basis == "network" else None,
        "model": tumor.source.id if tumor.source.kind is SourceKind.MODEL else None,
    }


def _tumor_basis(tumor: Tumor) -> str:
    if not tumor.needs_confirmation:
        return "person"
    return "none" if tumor.certainty is None else "network"


def presence(findings: Findings, known: Known) -> dict[str, Any]:
    """Whether there is a tumor at all, as a screening service asks: how likely, by whom, and what that is worth."""
    bases = {_tumor_basis(tumor) for tumor in findings.tumors}
    basis = next((one for one in ("person", "network") if one in bases), "none")
    lookers = [name for name in findings.models if name in known and known[name].role == LESION_ROLE]
    reasons = {"person": DRAWN, "network": UNCALIBRATED, "none": _why_no_chance(findings, lookers)}
    return {
        "organ": findings.cancer,
        "tumor": any_tumor(findings),
        "basis": basis,
        "calibrated": False if basis == "network" else None,
        "reason": reasons[basis],
        "looked": [_looker(name, known[name], _networks_saw_pet(findings)) for name in lookers],
    }


def _why_no_chance(findings: Findings, lookers: Sequence[str]) -> str:
    if findings.tumors:
        return UNRATED
    if any(verdict.code == NONE_SEEN for verdict in findings.quality):
        return NOTHING_SEEN
    return LEFT_OUT if lookers else NOT_LOOKED


def _networks_saw_pet(findings: Findings) -> bool | None:
    if findings.pet is None:
        return None
    return findings.pet and not any(verdict.code == WITHHELD for verdict in findings.quality)


def _looker(name: str, model: KnownModel, with_pet: bool | None) -> dict[str, Any]:
    """A network that looked for tumors, and how many of those there were it found in patients that it never saw."""
    found = None if with_pet is None else model.figures.get(TUMORS_FOUND[with_pet])
    return {"model": name, "recall": vars(found) if found else None}
