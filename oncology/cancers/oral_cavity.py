"""Oral cavity cancer: size by depth of invasion, bone and neighbors as facts (AJCC 8, ch. 7, as corrected).

Depth of invasion is measured from the membrane beneath the neighboring mucosa, by palpation, endoscopy, ultrasound or
in a specimen. CT shows thickness; depth read from it stays in doubt.
"""

from __future__ import annotations

import math
import re
from typing import Any

from oncology.cancers.endoscopy import endoscopy
from oncology.cancers.evidence import doubtful, from_record, from_tumor, known, unknown
from oncology.cancers.head_and_neck import (
    MUST_IMAGE,
    NO_TUMOR,
    Border,
    carotid_angle_deg,
    chances,
    conflicts,
    contact_mm2,
    greatest_dimension,
    m_facts,
    n_facts,
    refuse_other_histology,
    structures_fact,
    vessel,
)
from oncology.cancers.protocol import CancerPlugin
from oncology.cancers.spread import best, is_stated, stated_fact
from oncology.errors import ScopeError
from oncology.findings import Fact, Facts, Findings, History, RecordFact, Tumor
from oncology.tnm.vocabulary import vocabulary

# Kinds of squamous carcinoma that the record codes apart (AJCC 8, ch. 7, histologic types).
VARIANTS = ("adenosquamous", "sarcomatoid")
DEPTH = "depth_of_invasion_mm"
MANDIBLE, MAXILLA = "mandible_cortical_bone_through", "maxilla_cortical_bone_through"
EROSION = "superficial_bone_or_tooth_socket_erosion"
INVADED = (
    Border(MANDIBLE, ("mandible",), asked=True),
    Border(MAXILLA, ("upper_alveolar_ridge", "hard_palate", "maxilla", "maxilla_*")),
    Border("maxillary_sinus", ("maxillary_sinus_*", "sinus_maxillary")),
    Border("skin_of_face", ("skin_of_face", "skin")),
    Border("masticator_space", ("masseter_*", "medial_pterygoid_*", "lateral_pterygoid_*", "temporalis_*")),
    Border("pterygoid_plates", ("pterygoid_plate_*", "pterygoid_process_*")),
    Border("skull_base", ("skull_base", "clivus")),
    vessel("internal_carotid_artery_encasement", "internal_carotid_artery_*", "carotid_artery_*"),
)
# These muscles no longer count for T; they are told, and take nothing from the chances of the others.
MUSCLES = (Border("extrinsic_tongue_muscle", ("extrinsic_tongue_muscles", "hyoglossus_*", "genioglossus_*")),)
# Depth on CT and under the microscope agree on average to about 1 mm (Chin 2020, doi 10.1016/j.ijom.2020.09.025; 18
# patients) and scatter by some millimeters (Madana 2015, J Otolaryngol Head Neck Surg 44:49); rounded up (ours), as a
# contour's thickness counts what grows outward as well.
DEPTH_SD_MM = 4.0
# A network draws small tumors with a rim and what grows outward, so that the mask is thicker than they are deep: the
# median of 6 synthetic patients that tune, by models/training/proposed_size.py.
PROPOSED_TOO_THICK_MM = 2.9
# The intervals of the table, and a depth that stands for each.
EDGES_MM = (5.0, 10.0)
STANDS_FOR = (3, 8, 15)
# The dry vermilion and the commissure belong to skin (AJCC 8, ch. 15): ICD-10 and ICD-O C00.0 to C00.2 and C00.6.
OUTER_LIP = re.compile(r"\bC00\.?[0126]")


def derive(findings: Findings, history: History) -> Facts:
    """Facts for T, N and M of one cancer of the oral cavity.

    Raises:
        ScopeError: the record names a tumor other than squamous cell carcinoma, or one of the outer lip.
    """
    refuse_other_histology(history, "oral cavity cancer", VARIANTS)
    _refuse_outer_lip(history)
    primary = findings.primary
    return Facts(
        site="oral_cavity",
        subset=None,
        t=(*_t_facts(findings, primary, history), *_subsite(history)),
        n=n_facts(findings, history),
        m=m_facts(findings, history),
        conflicts=conflicts(findings, history, {"invaded_structures": _by_ct(primary)} if primary else {}),
    )


def particulars(findings: Findings, history: History) -> dict[str, Any]:
    """What a report says beside T, N and M: subsite, depth as measured, thickness on CT, bone by contact, carotid."""
    primary = findings.primary
    subsite, depth = best(history, "subsite"), _measured_depth(history)
    return {
        "subsite": subsite.value if subsite else None,
        "measured_depth_mm": depth[0] if depth else None,
        "thickness_on_ct_mm": round(thickness_mm(primary)) if primary else None,
        "mandible_contact_mm2": contact_mm2(primary, "mandible"),
        "carotid_angle_deg": carotid_angle_deg(primary),
    }


def _refuse_outer_lip(history: History) -> None:
    found = best(history, "subsite")
    if found is not None and found.code and OUTER_LIP.search(found.code):
        raise ScopeError(
            f"the record says outer lip ({found.resource}), which is staged as skin of the head and neck; expected "
            "mucosa of the oral cavity; correct the code if the tumor lies on the inner lip"
        )


def _t_facts(findings: Findings, primary: Tumor | None, history: History) -> tuple[Fact, ...]:
    if primary is None:
        keys = ("greatest_dimension_mm", "invaded_structures")
        return (*(stated_fact(history, key) or unknown(key, NO_TUMOR) for key in keys), _depth(primary, history))
    return (
        greatest_dimension(primary, history),
        _depth(primary, history),
        structures_fact(findings, primary, history, "invaded_structures", INVADED, _by_ct(primary)),
    )


def _by_ct(primary: Tumor) -> dict[str, float]:
    """Probability by invaded structure."""
    found = chances(primary.contacts, INVADED) | chances(primary.contacts, MUSCLES)
    eroded = max(found.get(MANDIBLE, 0.0), found.get(MAXILLA, 0.0))  # who passes the cortex has passed its surface
    return found | {EROSION: eroded}


def _subsite(history: History) -> tuple[Fact, ...]:
    """The subsite where the record names one of the vocabulary's; it decides nothing."""
    fact = best(history, "subsite")
    words = vocabulary().site("oral_cavity").facts["subsite"].values
    return (known("subsite", fact.value, from_record(fact)),) if fact and fact.value in words else ()


def _depth(primary: Tumor | None, history: History) -> Fact:
    """Depth of invasion: as measured, else by CT's thickness, in doubt."""
    measured = _measured_depth(history)
    if measured is not None:
        return known(DEPTH, measured[0], from_record(measured[1]))
    if primary is None:
        return unknown(DEPTH, "neither palpation, endoscopy nor a specimen in the record tells it")
    thickness = thickness_mm(primary)
    deep, words = thickness, f"{thickness:.0f} mm thick on CT"
    if primary.needs_confirmation:
        deep = max(0.0, thickness - PROPOSED_TOO_THICK_MM)
        words += f", a network's border allowed for: {deep:.0f} mm"
    reason = "thickness on CT; depth of invasion is measured by palpation, ultrasound, MRI or in a specimen"
    return doubtful(DEPTH, {"p": depth_chances(deep)}, from_tumor(primary, words), reason=reason)


def _measured_depth(history: History) -> tuple[float, RecordFact] | None:
    """A person's number, else the record's, else the endoscopist's."""
    recorded = best(history, DEPTH)
    looked = endoscopy(history).get(DEPTH)
    if looked is not None and (recorded is None or (is_stated(looked) and not is_stated(recorded))):
        return float(looked.value[DEPTH]), looked
    return (float(recorded.value), recorded) if recorded is not None else None


def thickness_mm(tumor: Tumor) -> float:
    """How thick the tumor stands: as measured on its mask.

    Findings without that: the least axis of the ellipsoid with its volume and two longest axes; never above the second.
    """
    if "thickness_mm" in tumor.measures:
        return tumor.measures["thickness_mm"]
    longest, second = tumor.greatest_dimension_mm, tumor.short_axis_mm
    third = 6000.0 * tumor.volume_ml / (math.pi * longest * second) if second > 0 else 0.0
    return min(second, third)


def depth_chances(expected: float) -> dict[str, float]:
    """Chance of each interval of depth, a depth in mm standing for it.

    >>> depth_chances(5.0)
    {'3': 0.5, '8': 0.3944, '15': 0.1056}
    """
    below, up_to = (0.5 * (1 + math.erf((edge - expected) / (DEPTH_SD_MM * math.sqrt(2)))) for edge in EDGES_MM)
    shares = (round(below, 4), round(up_to - below, 4))
    return {str(mm): p for mm, p in zip(STANDS_FOR, (*shares, round(1 - sum(shares), 4)), strict=True)}


CANCER = CancerPlugin(
    key="oral_cavity",
    title="Oral cavity cancer",
    editions=("8",),
    topographies=("C00.3", "C00.4", "C00.5", "C00.8", "C00.9", "C02", "C03", "C04", "C05.0", "C06"),
    landmarks=tuple(mask for border in (*INVADED, *MUSCLES) for mask in border.masks),
    derive=derive,
    must_image=MUST_IMAGE,
    settled=("tumor_side", "greatest_dimension_mm", "subsite"),
    particulars=particulars,
)
