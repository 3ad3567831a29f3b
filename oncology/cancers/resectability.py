"""Whether a pancreatic cancer looks resectable, borderline or locally advanced: by vessels, with a reason for each.

The anatomic classes are those of NCCN Pancreatic Adenocarcinoma and of the radiology template of Al-Hawary 2014
(Radiology 270:248), in our own words: contact of at most 180 degrees is abutment, more is encasement. No probabilities:
a vessel that nobody could assess leaves open what it could change, and an angle next to a limit is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

# A contact of fewer degrees is not told from the border of a mask.
LEAST_DEG = 10.0
ENCASED_DEG = 180.0
# Angles this close to the limit are read by a person.
NEAR_DEG = 15.0
# A tumor's mask that enters a vein this far has changed its outline.
IRREGULAR_MM = 2.0
# Above this CA 19-9 a tumor that can be resected counts as borderline by biology (Isaji 2018, Pancreatology 18:2).
CA_19_9_LIMIT = 500.0

ARTERIES = ("superior_mesenteric_artery", "celiac_axis", "common_hepatic_artery")
VEINS = ("superior_mesenteric_vein", "portal_vein")
OTHERS = ("aorta", "inferior_vena_cava")


class Resectability(StrEnum):
    """Classes, from the least to the most advanced."""

    RESECTABLE = "resectable"
    BORDERLINE = "borderline"
    LOCALLY_ADVANCED = "locally_advanced"
    METASTATIC = "metastatic"


ORDER = tuple(Resectability)


@dataclass(frozen=True)
class VesselContact:
    """One vessel: degrees of its circumference in contact; None where its mask was not at hand."""

    vessel: str
    angle_deg: float | None
    irregular: bool = False  # a vein whose outline the tumor changes
    blocked: bool = False  # a vein that is occluded or cannot be reconstructed, as a person or the record says

    @property
    def status(self) -> str:
        """none, abutment, encasement or unknown."""
        if self.angle_deg is None:
            return "unknown"
        if self.angle_deg < LEAST_DEG:
            return "none"
        return "encasement" if self.angle_deg > ENCASED_DEG else "abutment"


@dataclass(frozen=True)
class Assessment:
    """The class, the classes that remain possible, why, what is open, and what else a board weighs.

    `category` is None while a vessel that was not assessed could change it.
    """

    category: Resectability | None
    possible: tuple[Resectability, ...]
    reasons: tuple[str, ...]
    open: tuple[str, ...]
    notes: tuple[str, ...]
    vessels: tuple[VesselContact, ...]
    source: str = "NCCN Pancreatic Adenocarcinoma; Al-Hawary 2014, Radiology 270:248"


def assess(
    vessels: Iterable[VesselContact], *, part: str | None, metastasis: bool = False, ca_19_9: float | None = None
) -> Assessment:
    """The class of one tumor.

    Args:
        part: head, body or tail; None where it is not told.
        metastasis: a distant one is confirmed.
        ca_19_9: U/mL, with a normal bilirubin.
    """
    given = {vessel.vessel: vessel for vessel in vessels}
    every = tuple(given.get(name, VesselContact(name, None)) for name in (*ARTERIES, *VEINS, *OTHERS))
    known = [vessel for vessel in every if vessel.angle_deg is not None or vessel.blocked]
    unknown = [vessel.vessel for vessel in every if vessel not in known and vessel.vessel not in OTHERS]
    judged = [_judge(vessel, every) for vessel in known]
    worst = max((one for one, _ in judged), key=ORDER.index, default=Resectability.RESECTABLE)
    reasons = tuple(
        reason for vessel, (one, reason) in zip(known, judged, strict=True) if one is worst and _matters(vessel)
    )
    if metastasis:
        worst, reasons = Resectability.METASTATIC, ("a distant metastasis is confirmed", *reasons)
    possible = _possible(worst, bool(unknown), [other for vessel in known for other in _next_to_limit(vessel, every)])
    settled = not unknown or worst in (Resectability.LOCALLY_ADVANCED, Resectability.METASTATIC)
    return Assessment(
        category=worst if settled else None,
        possible=possible,
        reasons=reasons or ("no contact with the vessels that decide",),
        open=tuple(f"{name.replace('_', ' ')} was not assessed" for name in unknown),
        notes=tuple(_notes(known, part, ca_19_9)),
        vessels=every,
    )


def _matters(vessel: VesselContact) -> bool:
    return vessel.blocked or vessel.status not in ("none", "unknown")


def _judge(vessel: VesselContact, every: Iterable[VesselContact]) -> tuple[Resectability, str]:
    """What one vessel alone makes of the tumor, and why."""
    words, status = vessel.vessel.replace("_", " "), vessel.status
    if vessel.blocked:
        return Resectability.LOCALLY_ADVANCED, f"{words} is occluded or cannot be reconstructed"
    if status in ("none", "unknown"):
        return Resectability.RESECTABLE, f"no contact with the {words}"
    measured = f"{words}: {vessel.angle_deg:.0f} degrees in contact ({status})"
    if vessel.vessel in VEINS:
        if status == "encasement" or vessel.irregular:
            outline = ", outline irregular" if vessel.irregular else ""
            return Resectability.BORDERLINE, measured + outline
        return Resectability.RESECTABLE, measured
    if vessel.vessel == "inferior_vena_cava":
        return Resectability.BORDERLINE, measured
    if vessel.vessel == "aorta":
        return Resectability.LOCALLY_ADVANCED, measured
    if vessel.vessel == "common_hepatic_artery":
        return _hepatic(vessel, every, measured)
    return (Resectability.LOCALLY_ADVANCED if status == "encasement" else Resectability.BORDERLINE), measured


def _hepatic(vessel: VesselContact, every: Iterable[VesselContact], measured: str) -> tuple[Resectability, str]:
    """Contact with the common hepatic artery can be reconstructed unless it goes on to the celiac axis."""
    celiac = next((one for one in every if one.vessel == "celiac_axis"), None)
    if vessel.status == "encasement" and celiac is not None and celiac.status in ("abutment", "encasement"):
        return Resectability.LOCALLY_ADVANCED, f"{measured}, reaching the celiac axis"
    return Resectability.BORDERLINE, measured


def _next_to_limit(vessel: VesselContact, every: tuple[VesselContact, ...]) -> list[Resectability]:
    """The class on the other side of the 180 degrees, for an angle next to them."""
    if vessel.angle_deg is None or abs(vessel.angle_deg - ENCASED_DEG) > NEAR_DEG:
        return []
    across = 1.0 if vessel.angle_deg <= ENCASED_DEG else -1.0
    moved = VesselContact(vessel.vessel, ENCASED_DEG + across, vessel.irregular, vessel.blocked)
    others = tuple(moved if one.vessel == vessel.vessel else one for one in every)
    judged = [_judge(one, others)[0] for one in others if one.angle_deg is not None or one.blocked]
    return [max(judged, key=ORDER.index)]


def _possible(worst: Resectability, is_open: bool, near: list[Resectability]) -> tuple[Resectability, ...]:
    if worst is Resectability.METASTATIC:
        return (worst,)
    found = {worst, *near}
    if is_open:
        found |= {one for one in ORDER[:3] if ORDER.index(one) >= ORDER.index(worst)}
    return tuple(one for one in ORDER if one in found)


def _notes(known: Iterable[VesselContact], part: str | None, ca_19_9: float | None) -> Iterable[str]:
    for vessel in known:
        if vessel.angle_deg is not None and abs(vessel.angle_deg - ENCASED_DEG) <= NEAR_DEG:
            words = vessel.vessel.replace("_", " ")
            yield f"{words}: {vessel.angle_deg:.0f} degrees lie next to the limit of 180; to be read by a person"
        if vessel.vessel == "celiac_axis" and vessel.status == "encasement" and part in ("body", "tail"):
            yield "celiac axis encased by a tumor of body or tail: some centers resect it, gastroduodenal artery free"
        if vessel.vessel in VEINS and vessel.status == "encasement":
            yield f"{vessel.vessel.replace('_', ' ')}: whether it can be reconstructed is for the surgeon"
    if ca_19_9 is not None and ca_19_9 > CA_19_9_LIMIT:
        yield f"CA 19-9 {ca_19_9:.0f} U/mL, above {CA_19_9_LIMIT:.0f}: borderline by biology while bilirubin is normal"


def summary(vessels: Iterable[VesselContact]) -> Mapping[str, str]:
    """Vessel to words, for a table.

    >>> summary([VesselContact("celiac_axis", 95.0)])
    {'celiac_axis': 'abutment, 95 degrees'}
    """
    return {
        one.vessel: one.status if one.angle_deg is None else f"{one.status}, {one.angle_deg:.0f} degrees"
        for one in vessels
    }
