"""Laryngeal cancer: subsites, cord mobility, spaces and cartilage as facts (AJCC 8, ch. 13).

The subset is where the tumor starts: as an endoscopist or the diagnosis says, else where most of it lies. Mobility of
the cords comes from endoscopy; without it, it is as likely as what moves the cords is entered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oncology.cancers.endoscopy import endoscopy, seen
from oncology.cancers.evidence import PROPOSED_IN_NECK, doubtful, longest_diameter, unknown
from oncology.cancers.head_and_neck import (
    CAROTIDS,
    ENTERED_MM,
    MEDIASTINUM,
    MUST_IMAGE,
    NO_TUMOR,
    PREVERTEBRAL,
    Border,
    carotid_angle_deg,
    chances,
    conflicts,
    contact_mm2,
    cord_mobility,
    m_facts,
    mucosa,
    n_facts,
    refuse_other_histology,
    space,
    structures_fact,
    vessel,
)
from oncology.cancers.protocol import CancerPlugin
from oncology.cancers.spread import best, is_stated, stated_fact
from oncology.findings import Conflict, Contact, Fact, Facts, Findings, History, Tumor

SUBSITES = (
    mucosa("suprahyoid_epiglottis", "suprahyoid_epiglottis", "epiglottis"),
    mucosa("infrahyoid_epiglottis", "infrahyoid_epiglottis", "epiglottis"),
    mucosa("aryepiglottic_fold", "aryepiglottic_fold_*"),
    mucosa("arytenoid", "arytenoid_*"),
    mucosa("false_vocal_cord", "false_vocal_cord_*"),
    mucosa("left_vocal_cord", "vocal_cord_left"),
    mucosa("right_vocal_cord", "vocal_cord_right"),
    mucosa("anterior_commissure", "anterior_commissure"),
    mucosa("posterior_commissure", "posterior_commissure"),
    mucosa("subglottis", "subglottis"),
)
EPIGLOTTIS, HALVES = "epiglottis", ("suprahyoid_epiglottis", "infrahyoid_epiglottis")
SUBSET_OF: Mapping[str, str] = {
    **dict.fromkeys((*HALVES, "aryepiglottic_fold", "arytenoid", "false_vocal_cord"), "supraglottis"),
    **dict.fromkeys(("left_vocal_cord", "right_vocal_cord", "anterior_commissure", "posterior_commissure"), "glottis"),
    "subglottis": "subglottis",
}
SUBSETS = ("supraglottis", "glottis", "subglottis")
# A part of the larynx is where the tumor starts when it holds this share of the tumor's contacts with all three.
MOSTLY = 0.6
BEYOND = (
    mucosa("base_of_tongue_mucosa", "tongue_base"),
    mucosa("vallecula", "vallecula"),
    mucosa("pyriform_sinus_medial_wall", "pyriform_sinus_wall_*"),
)
INNER, OUTER, CARTILAGE = "thyroid_cartilage_inner_cortex", "thyroid_cartilage_outer_cortex", "thyroid_cartilage"
INVADED = (
    mucosa("postcricoid_area", "postcricoid_area"),
    space("pre_epiglottic_space", "pre_epiglottic_space", asked=True),
    space("paraglottic_space", "paraglottic_space_*", asked=True),
    Border(INNER, (INNER, CARTILAGE), asked=True),
    Border(OUTER, (OUTER, CARTILAGE), asked=True),
    Border("cricoid_cartilage", ("cricoid_cartilage",), asked=True),
    Border("trachea", ("trachea",)),
    Border("deep_extrinsic_tongue_muscle", ("extrinsic_tongue_muscles", "hyoglossus_*", "genioglossus_*")),
    Border("strap_muscles", ("strap_muscles*",)),
    Border("thyroid_gland", ("thyroid_gland*",)),
    Border("esophagus", ("esophagus",)),
    Border("prevertebral_space", PREVERTEBRAL),
    vessel("carotid_artery_encasement", *CAROTIDS),
    Border("mediastinal_structures", MEDIASTINUM),
)
# A mask of the whole cartilage does not tell its two cortices apart. Where the tumor also meets what lies outside it,
# CT's call of penetration is right in 70 percent (Eur Arch Otorhinolaryngol 2015, doi 10.1007/s00405-014-3249-2);
# elsewhere the outer cortex mostly holds (ours).
THROUGH, NOT_THROUGH = 0.7, 0.3


def derive(findings: Findings, history: History) -> Facts:
    """Facts for T, N and M of one laryngeal cancer.

    Raises:
        ScopeError: the record names a tumor other than squamous cell carcinoma.
    """
    refuse_other_histology(history, "laryngeal cancer")
    primary = findings.primary
    subset = _subset(primary, history)
    return Facts(
        site="larynx",
        subset=subset,
        t=_t_facts(findings, primary, history),
        n=n_facts(findings, history, subset),
        m=m_facts(findings, history),
        conflicts=(*conflicts(findings, history, _by_ct(primary)), *_subset_conflict(primary, history)),
    )


def particulars(findings: Findings, history: History) -> dict[str, Any]:
    """What a report says beside T, N and M: subsite, mobility of the cords, cartilage by contact, carotid angle."""
    primary = findings.primary
    mobility = best(history, "vocal_cord_mobility")
    return {
        "subsite": _subset(primary, history),
        "vocal_cord_mobility": mobility.value if mobility else None,
        "thyroid_cartilage_contact_mm2": contact_mm2(primary, CARTILAGE),
        "cricoid_cartilage_contact_mm2": contact_mm2(primary, "cricoid_cartilage"),
        "carotid_angle_deg": carotid_angle_deg(primary),
    }


def _t_facts(findings: Findings, primary: Tumor | None, history: History) -> tuple[Fact, ...]:
    if primary is None:
        keys = ("subsites_involved", "invaded_structures")
        return (
            *(stated_fact(history, key) or unknown(key, NO_TUMOR) for key in keys),
            cord_mobility(history, findings, None),
        )
    by_ct = _by_ct(primary)
    return (
        cord_mobility(history, findings, primary),
        _subsites(findings, primary, history, by_ct["subsites_involved"]),
        structures_fact(findings, primary, history, "mucosal_extension", BEYOND, by_ct["mucosal_extension"]),
        structures_fact(findings, primary, history, "invaded_structures", INVADED, by_ct["invaded_structures"]),
        longest_diameter(primary, PROPOSED_IN_NECK),
    )


def _by_ct(primary: Tumor | None) -> dict[str, dict[str, float]]:
    """Probability by word of each set of structures, by CT."""
    if primary is None:
        return {}
    return {
        "subsites_involved": chances(_told_apart(primary.contacts, HALVES, EPIGLOTTIS), SUBSITES),
        "mucosal_extension": chances(primary.contacts, BEYOND),
        "invaded_structures": cartilage_chances(primary),
    }


def _subset(primary: Tumor | None, history: History) -> str | None:
    """Supraglottis, glottis or subglottis; None where neither record nor masks tell: all three tables are joined."""
    return _recorded_subset(history) or _subset_by_masks(primary)


def _recorded_subset(history: History) -> str | None:
    """A person's word, else the endoscopist's, else the diagnosis's."""
    recorded = best(history, "subsite")
    looked = endoscopy(history).get("subsite")
    words = [str(looked.value["subsite"]) if looked else "", str(recorded.value) if recorded else ""]
    if recorded is not None and is_stated(recorded):
        words.reverse()
    subsets = [SUBSET_OF.get(word, word) for word in words]
    return next((name for name in subsets if name in SUBSETS), None)


def _subset_by_masks(primary: Tumor | None) -> str | None:
    """The part of the larynx that most of the contact lies in, over subsites that the tumor enters."""
    areas = dict.fromkeys(SUBSETS, 0.0)
    for contact in primary.contacts if primary else ():
        words = [border.word for border in SUBSITES if border.holds(contact.structure)]
        if words and _lies_in(contact):
            areas[SUBSET_OF[words[0]]] += contact.contact_mm2
    first = max(areas, key=lambda name: areas[name])
    return first if areas[first] > MOSTLY * sum(areas.values()) else None


def _lies_in(contact: Contact) -> bool:
    if contact.probability is not None:
        return contact.probability >= 0.5
    return contact.depth_mm >= ENTERED_MM


def _subset_conflict(primary: Tumor | None, history: History) -> tuple[Conflict, ...]:
    """The record names one part of the larynx, the tumor lies in another: shown; the record's counts."""
    told, shown = _recorded_subset(history), _subset_by_masks(primary)
    if primary is None or told is None or shown is None or told == shown:
        return ()
    if any(SUBSET_OF[border.word] == told for border in SUBSITES if _is_in(primary, border)):
        return ()
    message = (
        f"subsite: the record says {told}, on the images the tumor lies in the {shown} alone; staged by the record; "
        "a person must decide"
    )
    return (Conflict("subsite", (told, shown), (primary.id,), message),)


def _is_in(primary: Tumor, border: Border) -> bool:
    return any(border.holds(contact.structure) and _lies_in(contact) for contact in primary.contacts)


def _subsites(findings: Findings, primary: Tumor, history: History, found: Mapping[str, float]) -> Fact:
    """The subsites involved, by endoscopy and masks; unknown where neither shows any."""
    told = seen(history, SUBSET_OF)
    if not found and not told and stated_fact(history, "subsites_involved") is None:
        return unknown("subsites_involved", "neither endoscopy nor masks of the larynx tell which it lies in")
    fact = structures_fact(findings, primary, history, "subsites_involved", SUBSITES, found)
    return _certain_start(fact, history)


def _certain_start(fact: Fact, history: History) -> Fact:
    """Where the record names one subsite (vocal cord aside, which has two), that one is involved."""
    recorded = best(history, "subsite")
    if recorded is None or recorded.value not in SUBSET_OF or not isinstance(fact.value, dict):
        return fact
    return doubtful(fact.key, {**fact.value, recorded.value: True}, *fact.evidence, reason=fact.reason)


def _told_apart(contacts: tuple[Contact, ...], parts: tuple[str, ...], whole: str) -> tuple[Contact, ...]:
    """The contacts without the whole's, where its parts have contacts of their own."""
    if not any(contact.structure in parts for contact in contacts):
        return contacts
    return tuple(contact for contact in contacts if contact.structure != whole)


def cartilage_chances(primary: Tumor) -> dict[str, float]:
    """Probability by invaded structure; of the thyroid cartilage's cortices by their masks, else by what is outside."""
    contacts = _told_apart(primary.contacts, (INNER, OUTER), CARTILAGE)
    found = chances(contacts, INVADED)
    by_whole = any(contact.structure == CARTILAGE for contact in contacts)
    if by_whole and OUTER in found:
        outside = found.get("strap_muscles", 0.0) > 0.0 or found.get("thyroid_gland", 0.0) > 0.0
        found[OUTER] = round(found[OUTER] * (THROUGH if outside else NOT_THROUGH), 4)
    return found


CANCER = CancerPlugin(
    key="larynx",
    title="Laryngeal cancer",
    editions=("8",),
    topographies=("C32",),
    landmarks=tuple(mask for border in (*SUBSITES, *BEYOND, *INVADED) for mask in border.masks),
    derive=derive,
    must_image=MUST_IMAGE,
    settled=("tumor_side", "greatest_dimension_mm"),
    particulars=particulars,
)
