"""Pancreatic cancer (exocrine): measurements and record to the facts of its tables, and resectability beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from oncology.cancers.evidence import (
    INVASION_CEILING,
    contact_probability,
    doubtful,
    from_record,
    from_tumor,
    known,
    longest_diameter,
    unknown,
)
from oncology.cancers.histology import recorded_histology, refuse_histology
from oncology.cancers.protocol import CancerPlugin
from oncology.cancers.resectability import ARTERIES as DECIDING_ARTERIES
from oncology.cancers.resectability import IRREGULAR_MM, OTHERS, VEINS, Assessment, VesselContact, assess
from oncology.cancers.spread import (
    best,
    distant_stations,
    mets_fact,
    nodes_fact,
    not_imaged,
    sample_conflicts,
    stated_fact,
    unplaced_conflicts,
)
from oncology.findings import Conflict, Contact, Evidence, Fact, Facts, Findings, History, Tumor, to_json
from oncology.tnm.vocabulary import vocabulary

# The vocabulary's vessel or organ -> masks that show it, best first.
SHOWN_BY: Mapping[str, tuple[str, ...]] = {
    "celiac_axis": ("celiac_axis", "celiac_trunk"),
    "superior_mesenteric_artery": ("superior_mesenteric_artery",),
    "common_hepatic_artery": ("common_hepatic_artery",),
    "gastroduodenal_artery": ("gastroduodenal_artery",),
    "splenic_artery": ("splenic_artery",),
    "superior_mesenteric_vein": ("superior_mesenteric_vein",),
    "portal_vein": ("portal_vein", "portal_vein_and_splenic_vein"),
    "aorta": ("aorta",),
    "inferior_vena_cava": ("inferior_vena_cava",),
    "common_bile_duct": ("common_bile_duct",),
    "duodenum": ("duodenum",),
    "stomach": ("stomach",),
    "spleen": ("spleen",),
}
# The arteries that T4 asks about (AJCC 8, ch. 28): the table decides, this says which masks it cannot do without.
ARTERIES = DECIDING_ARTERIES
ABUTMENT, ENCASEMENT = "superior_mesenteric_artery_abutment", "superior_mesenteric_artery"
# Contact of an artery counts as involvement whatever its degree (SEER; see tnm/README.md), so the doubt is whether the
# contact is one: a few degrees are the border of a mask. Middle and width in degrees of a logistic step; the second for
# abutment against encasement (more than 180 degrees: Lu 1997, AJR 168:1439).
CONTACT_DEG, ENCASED_DEG = (30.0, 10.0), (180.0, 12.0)
WITHOUT_ANGLE = 0.3
# A plane of fat that is kept along the whole border takes this part of the probability away.
FAT_TAKES = 0.6
PARTS = {"pancreas_head": "head", "pancreas_neck": "head", "pancreas_uncinate": "head", "pancreas_body": "body",
         "pancreas_tail": "tail"}  # fmt: skip
SURE_PART = 0.9
SUBSET_OF = {"head": "head", "body": "body_tail", "tail": "body_tail"}
ENDOCRINE = ("neuroendocrine", "carcinoid", "large_cell_neuroendocrine", "small_cell")
OTHER_TUMORS = ("lymphoma", "sarcoma", "melanoma")
# Wider than this the main duct is dilated (Edge 2007; head 3 mm, body 2 mm, rounded up).
DILATED_MM = 3.0
UNITS_PER_ML = ("[arb'U]/mL", "U/mL", "[iU]/mL", "IU/mL", "k[IU]/L", "kU/L", "k[arb'U]/L")
MUST_IMAGE = {"abdomen": "liver and peritoneum were not seen", "thorax": "lungs were not seen"}


def derive(findings: Findings, history: History) -> Facts:
    """Facts for T, N and M of one pancreatic cancer.

    Raises:
        ScopeError: a neuroendocrine or another tumor that has a chapter of its own.
    """
    refuse_histology(history, "pancreatic cancer", ENDOCRINE, "neuroendocrine tumors have a chapter of their own")
    refuse_histology(history, "pancreatic cancer", OTHER_TUMORS, "they are not staged by this chapter")
    primary = findings.primary
    subset = SUBSET_OF.get(part_of(primary, history) or "")
    return Facts(
        site="pancreas",
        subset=subset,
        t=_t_facts(primary, findings, history),
        n=(nodes_fact(findings, history, "pancreas", subset),),
        m=(mets_fact(findings, history), not_imaged(findings, MUST_IMAGE)),
        conflicts=(
            *history.conflicts,
            *sample_conflicts(findings, history),
            *unplaced_conflicts(history, "pancreas"),
            *_conflicts(primary, history),
        ),
    )


def part_of(primary: Tumor | None, history: History) -> str | None:
    """head, body or tail: where the tumor lies on the images when that is clear, else as the record says."""
    shares = _part_shares(primary)
    if shares and max(shares.values()) >= SURE_PART:
        return max(shares, key=lambda part: shares[part])
    recorded = best(history, "subsite")
    if recorded is not None and recorded.value in SUBSET_OF:
        return str(recorded.value)
    if shares and shares.get("head", 0.0) <= 1.0 - SURE_PART:
        return "body" if shares.get("body", 0.0) >= shares.get("tail", 0.0) else "tail"
    return None


def _part_shares(primary: Tumor | None) -> dict[str, float]:
    """Probability by part."""
    if primary is None:
        return {}
    found = primary.location_alternatives or ({primary.location: 1.0} if primary.location else {})
    shares: dict[str, float] = {}
    for name, share in found.items():
        if name in PARTS:
            shares[PARTS[name]] = shares.get(PARTS[name], 0.0) + share
    return shares


def _t_facts(primary: Tumor | None, findings: Findings, history: History) -> tuple[Fact, ...]:
    if primary is None:
        reason = "no tumor was contoured or found; draw it or name the contour"
        return (unknown("greatest_dimension_mm", reason), unknown("vessel_or_organ_involvement", reason))
    return (
        longest_diameter(primary),
        _lesion(primary, history),
        stated_fact(history, "vessel_or_organ_involvement") or _involvement(primary, findings),
    )


def _lesion(primary: Tumor, history: History) -> Fact:
    """Invasive, as every solid mass is taken; an IPMN may be in situ, and only a person or pathology tells."""
    stated = stated_fact(history, "lesion")
    if stated is not None:
        return stated
    found = recorded_histology(history)
    if found is None:
        return known("lesion", "invasive", from_tumor(primary, "a solid mass is measured"))
    if found[0] == "ipmn":
        return unknown("lesion", "an IPMN is recorded; whether it is invasive is not")
    return known("lesion", "invasive", from_record(found[1]))


def _involvement(primary: Tumor, findings: Findings) -> Fact:
    assessed = set(findings.structures_assessed) | {contact.structure for contact in primary.contacts}
    members: dict[str, Any] = {}
    evidence = []
    for word, names in SHOWN_BY.items():
        contact = _contact(primary, word)
        if contact is not None:
            members |= _members(word, contact)
            evidence.append(_evidence(primary, contact, word))
        elif word in ARTERIES and not assessed & set(names):
            members[word] = None
            if word == ENCASEMENT:
                members[ABUTMENT] = None
    spelled = vocabulary().site("pancreas").facts["vessel_or_organ_involvement"].values
    open_arteries = [word.replace("_", " ") for word in ARTERIES if word in members and members[word] is None]
    if not members:
        return known(
            "vessel_or_organ_involvement", [], from_tumor(primary, "no contact with the arteries that decide T4")
        )
    reason = f"not assessed: {', '.join(open_arteries)}" if open_arteries else "contact on CT; a narrow one may be none"
    whole = {word: members.get(word, False) for word in spelled}
    return doubtful("vessel_or_organ_involvement", whole, *evidence, reason=reason)


def _contact(primary: Tumor, word: str) -> Contact | None:
    """The tumor's contact with a vessel or organ, the one that goes around it farthest."""
    found = [
        contact
        for contact in primary.contacts
        if contact.structure in SHOWN_BY[word] and (contact.contact_mm2 > 0 or contact.depth_mm > 0)
    ]
    return max(found, key=lambda contact: (contact.angle_deg or 0.0, contact.contact_mm2), default=None)


def _members(word: str, contact: Contact) -> dict[str, Any]:
    """The vocabulary's members that one contact speaks for."""
    if word == "inferior_vena_cava":
        return {}
    p = contact_p(contact, word)
    if word != ENCASEMENT:
        return {word: _chance(p)}
    around = p if contact.angle_deg is None else p * _step(contact.angle_deg, ENCASED_DEG)
    return {ABUTMENT: _chance(p), ENCASEMENT: _chance(round(around, 4) if p < 1.0 else around)}


def _chance(p: float) -> Any:
    return True if p >= 1.0 else False if p <= 0.0 else {"p": round(p, 4)}


def contact_p(contact: Contact, word: str) -> float:
    """How likely a contact is involvement; a calibrated or stated probability wins."""
    if contact.probability is not None:
        return contact.probability
    if word not in ARTERIES:
        return contact_probability(contact, INVASION_CEILING)
    p = WITHOUT_ANGLE if contact.angle_deg is None else _step(contact.angle_deg, CONTACT_DEG)
    return p * (1.0 - FAT_TAKES * (contact.fat_plane_share or 0.0))


def _step(value: float, middle_width: tuple[float, float]) -> float:
    middle, width = middle_width
    return 1.0 / (1.0 + math.exp(-(value - middle) / width))


def _evidence(primary: Tumor, contact: Contact, word: str) -> Evidence:
    words = word.replace("_", " ")
    if contact.angle_deg is None:
        return from_tumor(primary, f"{contact.contact_mm2:.0f} mm2 of contact with {words}")
    return from_tumor(primary, f"{words}: {contact.angle_deg:.0f} degrees in contact")


def resectability(findings: Findings, history: History) -> Assessment | None:
    """The anatomic class beside T; None without a tumor."""
    primary = findings.primary
    if primary is None:
        return None
    vessels = [_vessel(primary, findings, history, word) for word in (*ARTERIES, *VEINS, *OTHERS)]
    return assess(
        vessels,
        part=part_of(primary, history),
        metastasis=_has_metastasis(primary, findings, history),
        ca_19_9=ca_19_9(history),
    )


def _has_metastasis(primary: Tumor, findings: Findings, history: History) -> bool:
    """One that is confirmed, a proven node out of the region included."""
    subset = SUBSET_OF.get(part_of(primary, history) or "")
    nodes = nodes_fact(findings, history, "pancreas", subset).value or []
    distant = distant_stations("pancreas", subset)
    proven = any(node["positive"] is True and str(node.get("station")) in distant for node in nodes)
    return proven or any(entry["malignant"] is True for entry in mets_fact(findings, history).value)


def _vessel(primary: Tumor, findings: Findings, history: History, word: str) -> VesselContact:
    blocked = best(history, f"{word}_not_reconstructible")
    contact = _contact(primary, word)
    irregular = contact is not None and word in VEINS and contact.depth_mm >= IRREGULAR_MM
    if contact is not None:
        angle: float | None = contact.angle_deg
    else:
        angle = 0.0 if set(findings.structures_assessed) & set(SHOWN_BY[word]) else None
    return VesselContact(word, angle, irregular, blocked=bool(blocked and blocked.value))


def ca_19_9(history: History) -> float | None:
    """The newest CA 19-9 in U/mL; None when it is absent or in another unit."""
    for fact in history.named("ca_19_9"):
        if fact.value.get("unit") in UNITS_PER_ML:
            return float(fact.value["value"])
    return None


def particulars(findings: Findings, history: History) -> dict[str, Any]:
    """What a report says beside T, N and M: part, main duct, CA 19-9, and every vessel with how the tumor meets it."""
    primary = findings.primary
    duct = primary.measures.get("duct_mm") if primary else None
    found = resectability(findings, history)
    return {
        "part": part_of(primary, history),
        "duct_mm": duct,
        "duct_dilated": None if duct is None else duct > DILATED_MM,
        "ca_19_9_u_per_ml": ca_19_9(history),
        "vessels": [_vessel_words(primary, one) for one in found.vessels] if primary and found else [],
    }


def _vessel_words(primary: Tumor, vessel: VesselContact) -> dict[str, Any]:
    """One vessel with length and fat plane of the contact that its degrees are of, whichever mask showed it."""
    contact = _contact(primary, vessel.vessel)
    return {
        **to_json(vessel),
        "status": vessel.status,
        "length_mm": contact.length_mm if contact else None,
        "fat_plane_share": contact.fat_plane_share if contact else None,
    }


def _conflicts(primary: Tumor | None, history: History) -> tuple[Conflict, ...]:
    """The record names one part of the pancreas, the tumor clearly lies in another."""
    recorded, shares = best(history, "subsite"), _part_shares(primary)
    if recorded is None or primary is None or recorded.value not in SUBSET_OF or not shares:
        return ()
    seen = max(shares, key=lambda part: shares[part])
    if shares[seen] < SURE_PART or SUBSET_OF[seen] == SUBSET_OF[recorded.value]:
        return ()
    message = (
        f"part of the pancreas: the record says {recorded.value}, the tumor lies in the {seen}; staged by the images; "
        "regional nodes differ between head and body or tail"
    )
    return (Conflict("subsite", (str(recorded.value), seen), (recorded.resource, primary.id), message),)


CANCER = CancerPlugin(
    key="pancreas",
    title="Pancreatic cancer",
    editions=("8",),
    topographies=("C25.0", "C25.1", "C25.2", "C25.3", "C25.7", "C25.8", "C25.9"),
    landmarks=("pancreas", "pancreatic_duct", *PARTS, *(name for names in SHOWN_BY.values() for name in names)),
    derive=derive,
    settled=("lesion",),
    particulars=particulars,
    resectability=resectability,
    must_image=MUST_IMAGE,
)
