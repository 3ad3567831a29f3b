"""Oropharyngeal cancer: p16 chooses the tables; size and neighbors as facts (AJCC 8, ch. 10 and 11; 9th version).

Without p16 neither disease is guessed: the 8th edition's tables of both are joined, and the 9th version, which
describes p16-positive disease alone, is left out.
"""

from __future__ import annotations

from typing import Any

from oncology.cancers.head_and_neck import (
    CAROTIDS,
    MUST_IMAGE,
    Border,
    carotid_angle_deg,
    chances,
    conflicts,
    contact_mm2,
    greatest_dimension,
    m_facts,
    mucosa,
    n_facts,
    p16_subset,
    polarity,
    refuse_other_histology,
    space,
    structures_fact,
    unseen_primary,
    vessel,
)
from oncology.cancers.protocol import CancerPlugin
from oncology.cancers.spread import best
from oncology.findings import Fact, Facts, Findings, History, Tumor

# Kinds of squamous carcinoma that the record codes apart (AJCC 8, ch. 10 and 11, histologic types).
VARIANTS = ("lymphoepithelial", "adenosquamous", "sarcomatoid")
# Mucosa of the lingual surface alone is not the larynx; its fat, folds and laryngeal surface are.
INVADED = (
    mucosa("epiglottis_lingual_surface", "suprahyoid_epiglottis", "epiglottis"),
    mucosa("larynx", "infrahyoid_epiglottis", "aryepiglottic_fold_*", "false_vocal_cord_*", "arytenoid_*"),
    space("larynx", "pre_epiglottic_space", "paraglottic_space_*"),
    Border("larynx", ("thyroid_cartilage*",)),
    Border("extrinsic_tongue_muscle", ("extrinsic_tongue_muscles", "hyoglossus_*", "genioglossus_*"), asked=True),
    Border("medial_pterygoid_muscle", ("medial_pterygoid_*",), asked=True),
    Border("hard_palate", ("hard_palate",)),
    Border("mandible", ("mandible",), asked=True),
    Border("lateral_pterygoid_muscle", ("lateral_pterygoid_*",)),
    Border("pterygoid_plates", ("pterygoid_plate_*", "pterygoid_process_*")),
    mucosa("lateral_nasopharynx", "nasopharynx"),
    Border("skull_base", ("skull_base", "clivus")),
    vessel("carotid_artery_encasement", *CAROTIDS),
)
# The mask of the nasopharynx is its lumen, which the palate's upper surface borders too: reaching it says little of
# the lateral wall (ours).
LATERAL_WALL = 0.2


def derive(findings: Findings, history: History) -> Facts:
    """Facts for T, N and M of one oropharyngeal cancer.

    Raises:
        ScopeError: the record names a tumor other than squamous cell carcinoma.
    """
    refuse_other_histology(history, "oropharyngeal cancer", VARIANTS)
    primary = findings.primary
    return Facts(
        site="oropharynx",
        subset=p16_subset(history),
        t=_t_facts(findings, primary, history),
        n=n_facts(findings, history),  # the same levels are regional with p16 and without
        m=m_facts(findings, history),
        conflicts=conflicts(findings, history, {"invaded_structures": _by_ct(primary)} if primary else {}),
    )


def particulars(findings: Findings, history: History) -> dict[str, Any]:
    """What a report says beside T, N and M: p16, subsite, mandible by contact, carotid angle."""
    primary = findings.primary
    subsite, positive = best(history, "subsite"), polarity(history, "p16")
    return {
        "p16": None if positive is None else "positive" if positive else "negative",
        "subsite": subsite.value if subsite else None,
        "mandible_contact_mm2": contact_mm2(primary, "mandible"),
        "carotid_angle_deg": carotid_angle_deg(primary),
    }


def _t_facts(findings: Findings, primary: Tumor | None, history: History) -> tuple[Fact, ...]:
    if primary is None:
        return unseen_primary(history, "p16", "invaded_structures")
    return (
        greatest_dimension(primary, history),
        structures_fact(findings, primary, history, "invaded_structures", INVADED, _by_ct(primary)),
    )


def _by_ct(primary: Tumor) -> dict[str, float]:
    """Probability by invaded structure."""
    found = chances(primary.contacts, INVADED)
    if "lateral_nasopharynx" in found:
        found["lateral_nasopharynx"] = round(found["lateral_nasopharynx"] * LATERAL_WALL, 4)
    return found


CANCER = CancerPlugin(
    key="oropharynx",
    title="Oropharyngeal cancer",
    editions=("8", "9"),
    subsets_of_edition={"9": ("p16=positive",)},
    topographies=("C01", "C02.4", "C05.1", "C05.2", "C09", "C10"),
    landmarks=tuple(mask for border in INVADED for mask in border.masks),
    derive=derive,
    must_image=MUST_IMAGE,
    without_subset="p16: no clear result in the record; both diseases' tables are joined, version 9 is left out",
    settled=("tumor_side", "greatest_dimension_mm"),
    particulars=particulars,
)
