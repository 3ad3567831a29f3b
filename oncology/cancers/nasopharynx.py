"""Nasopharyngeal cancer: spaces, muscles, bone, sinuses and nerves as facts (AJCC 8, ch. 9; 9th version, Pan 2024).

Cranial nerves are examined, not imaged: without a word of the record a palsy keeps a small chance. Advanced extension
of a node on imaging is grade 3, into muscle, skin, vessels or nerves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from oncology.cancers.endoscopy import seen
from oncology.cancers.head_and_neck import (
    MUST_IMAGE,
    Border,
    chances,
    conflicts,
    contact_mm2,
    greatest_dimension,
    m_facts,
    mucosa,
    n_facts,
    polarity,
    refuse_other_histology,
    space,
    structures_fact,
    unseen_primary,
)
from oncology.cancers.neck_spread import INVADING_GRADE
from oncology.cancers.protocol import CancerPlugin
from oncology.cancers.spread import CERTAIN, best
from oncology.findings import Contact, Ene, Fact, Facts, Findings, History, Node, Status, Tumor

# Beside squamous carcinoma: the nonkeratinizing kinds that the record codes apart (AJCC 8, ch. 9, histologic types).
KINDS = ("undifferentiated", "lymphoepithelial")
PALSY, BASE = "cranial_nerve_palsy", "skull_base_clivus"
INVOLVED = (
    mucosa("oropharynx", "oropharynx", "soft_palate", "palatine_tonsil_*"),
    mucosa("nasal_cavity", "nasal_cavity_*", "nasal_conchae"),
    space("parapharyngeal_space", "parapharyngeal_space_*", asked=True),
    Border("medial_pterygoid_muscle", ("medial_pterygoid_*",), asked=True),
    Border("lateral_pterygoid_muscle", ("lateral_pterygoid_*",), asked=True),
    Border("prevertebral_muscle", ("prevertebral_*", "longus_capitis_*", "longus_colli_*"), asked=True),
    Border(BASE, ("skull_base", "clivus", "skull"), asked=True),
    Border("cervical_vertebra", ("vertebrae_C*", "spine"), asked=True),
    Border("pterygoid_plate", ("pterygoid_plate_*", "pterygoid_process_*")),
    Border("sphenoid_sinus", ("sphenoid_sinus",)),
    Border("maxillary_sinus", ("maxillary_sinus_*", "sinus_maxillary")),
    Border("intracranial_extension", ("brain", "brainstem")),
    Border("cavernous_sinus_intracranial", ("cavernous_sinus_*",)),
    mucosa("hypopharynx", "hypopharynx"),
    Border("orbit", ("orbit_*", "eye_*", "optic_nerve_*")),
    Border("parotid_gland", ("parotid_gland_*",)),
    Border("soft_tissue_beyond_lateral_surface_of_lateral_pterygoid", ("masseter_*", "temporalis_*")),
)
# A mask of the whole skull counts as its base only where nothing shows the base apart.
WHOLE_SKULL, BASE_MASKS = "skull", ("skull_base", "clivus")
# Some 13 percent have a palsy when they come (Sham 1991, Cancer 68:422; 262 patients), nearly all of them with the base
# of the skull or what lies above it involved, as 2 in 5 have; the two chances give that sum (ours).
PALSY_WITH_BASE, PALSY_WITHOUT = 0.25, 0.03
ABOVE = (BASE, "intracranial_extension", "cavernous_sinus_intracranial")
NOT_EXAMINED = "cranial nerves: no examination in the record"
# Extension of a grade that nobody gave is advanced in a minority (ours; no study gives a share).
ADVANCED_SHARE = 0.3
CRICOID = "cricoid_bottom"


def derive(findings: Findings, history: History) -> Facts:
    """Facts for T, N and M of one nasopharyngeal cancer.

    Raises:
        ScopeError: the record names a tumor that is no carcinoma of the nasopharynx's own kinds.
    """
    refuse_other_histology(history, "nasopharyngeal cancer", KINDS)
    primary = findings.primary
    side, nodes = n_facts(findings, history)
    return Facts(
        site="nasopharynx",
        subset=None,
        t=_t_facts(findings, primary, history),
        n=(side, _with_extent(nodes, findings)),
        m=m_facts(findings, history, tuple(REGIONS)),
        conflicts=conflicts(findings, history, {"involved_structures": _by_ct(findings, primary)} if primary else {}),
    )


def particulars(findings: Findings, history: History) -> dict[str, Any]:
    """What a report says beside T, N and M: EBV, subsite, skull base by contact, retropharyngeal nodes."""
    primary = findings.primary
    subsite, positive = best(history, "subsite"), polarity(history, "ebv")
    return {
        "ebv": None if positive is None else "positive" if positive else "negative",
        "subsite": subsite.value if subsite else None,
        "skull_base_contact_mm2": max(contact_mm2(primary, name) for name in BASE_MASKS),
        "retropharyngeal_nodes": sum(node.station == "RP" for node in findings.nodes),
    }


def _t_facts(findings: Findings, primary: Tumor | None, history: History) -> tuple[Fact, ...]:
    if primary is None:
        return unseen_primary(history, "ebv", "involved_structures")
    return (
        greatest_dimension(primary, history),
        _involved(findings, primary, history),
    )


def _involved(findings: Findings, primary: Tumor, history: History) -> Fact:
    """The structures involved, and a palsy by examination or by its chance."""
    shown = replace(primary, contacts=_base_apart(findings, primary.contacts))
    by_ct = _by_ct(findings, primary)
    fact = structures_fact(findings, shown, history, "involved_structures", INVOLVED, by_ct)
    if fact.status is not Status.DOUBTFUL or seen(history, (PALSY,)):
        return fact
    return replace(fact, reason=f"{fact.reason}; {NOT_EXAMINED}")


def _by_ct(findings: Findings, primary: Tumor) -> dict[str, float]:
    """Probability by involved structure, and of a palsy by whether the skull base is reached."""
    by_ct = chances(_base_apart(findings, primary.contacts), INVOLVED)
    above = max(by_ct.get(word, 0.0) for word in ABOVE)
    by_ct[PALSY] = round(above * PALSY_WITH_BASE + (1 - above) * PALSY_WITHOUT, 4)
    return by_ct


def _base_apart(findings: Findings, contacts: tuple[Contact, ...]) -> tuple[Contact, ...]:
    """The contacts without the whole skull's, where its base has a mask of its own."""
    at_hand = {*findings.structures_assessed, *(contact.structure for contact in contacts)}
    if at_hand.isdisjoint(BASE_MASKS):
        return contacts
    return tuple(contact for contact in contacts if contact.structure != WHOLE_SKULL)


def _with_extent(fact: Fact, findings: Findings) -> Fact:
    """The nodes with advanced extension, and whether they lie below the cricoid where their level does not tell."""
    if fact.value is None:
        return fact
    by_id = {node.id: node for node in findings.nodes}
    entries = [{**entry, **_extent(by_id.get(entry.get("id", "")), findings)} for entry in fact.value]
    open_ones = [
        entry["advanced_radiologic_ene"]
        for entry in entries
        if entry["positive"] is not False and not isinstance(entry["advanced_radiologic_ene"], bool)
    ]
    if not open_ones:
        return replace(fact, value=entries)
    reason = "extension of nodes was not looked for" if None in open_ones else "extension of nodes is in doubt"
    return replace(fact, value=entries, status=Status.DOUBTFUL, reason=fact.reason or reason)


def _extent(node: Node | None, findings: Findings) -> dict[str, Any]:
    low, border = None, findings.landmarks.get(CRICOID)
    if node is not None and border is not None:
        low = node.centroid_lps[2] < border[2]
    return {"advanced_radiologic_ene": advanced(node.ene if node else None), "below_caudal_border_of_cricoid": low}


def advanced(ene: Ene | None) -> bool | Mapping[str, float] | None:
    """Advanced extension by what imaging says of a node; None where nobody looked.

    >>> advanced(Ene(1.0, 3)), advanced(Ene(1.0, 2)), advanced(Ene(0.6, 3)), advanced(None)
    (True, False, {'p': 0.6}, None)
    """
    if ene is None or ene.p is None:
        return None
    if ene.p == 0.0 or (ene.grade is not None and ene.grade < INVADING_GRADE):
        return False
    if ene.grade is None:
        return {"p": round(ene.p * ADVANCED_SHARE, 4)}
    return bool(ene.p) if ene.p in CERTAIN else {"p": ene.p}


REGIONS: Mapping[str, str] = {**MUST_IMAGE, "abdomen": "liver and adrenal glands were not seen as such"}
CANCER = CancerPlugin(
    key="nasopharynx",
    title="Nasopharyngeal cancer",
    editions=("8", "9"),
    topographies=("C11",),
    landmarks=(*(mask for border in INVOLVED for mask in border.masks), CRICOID),
    derive=derive,
    must_image=REGIONS,
    settled=("tumor_side", "greatest_dimension_mm"),
    particulars=particulars,
)
