"""Hypopharyngeal cancer: size, subsites, fixation and neighbors as facts (AJCC 8, ch. 11)."""

from __future__ import annotations

from typing import Any

from oncology.cancers.endoscopy import distinct, seen
from oncology.cancers.evidence import doubtful, from_record, from_tumor, known, unknown
from oncology.cancers.head_and_neck import (
    CAROTIDS,
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
    greatest_dimension,
    m_facts,
    mucosa,
    n_facts,
    refuse_other_histology,
    structures_fact,
    vessel,
)
from oncology.cancers.protocol import CancerPlugin
from oncology.cancers.spread import best, stated_fact
from oncology.findings import Evidence, Fact, Facts, Findings, History, Tumor

SUBSITES = (
    mucosa("pyriform_sinus", "pyriform_sinus_wall_*"),
    mucosa("postcricoid", "postcricoid_area"),
    mucosa("posterior_wall", "posterior_pharyngeal_wall"),
)
WORDS = tuple(border.word for border in SUBSITES)
# A subsite counts from this share of certainty where a report names the subsites.
NAMED_FROM = 0.5
ADJACENT = (
    mucosa("larynx_aryepiglottic_fold", "aryepiglottic_fold_*"),
    mucosa("esophageal_mucosa", "esophagus"),
)
INVADED = (
    Border("esophageal_muscle", ("esophagus",)),
    Border("thyroid_cartilage", ("thyroid_cartilage*",), asked=True),
    Border("cricoid_cartilage", ("cricoid_cartilage",), asked=True),
    Border("hyoid_bone", ("hyoid",), asked=True),
    Border("thyroid_gland", ("thyroid_gland*",)),
    Border("prelaryngeal_strap_muscles", ("strap_muscles*",)),
    Border("subcutaneous_fat_central_compartment", ("subcutaneous_fat_central_compartment",)),
    Border("prevertebral_fascia", PREVERTEBRAL, asked=True),
    vessel("carotid_artery_encasement", *CAROTIDS),
    Border("mediastinal_structures", MEDIASTINUM),
)
SETS = {"adjacent_site_extension": ADJACENT, "invaded_structures": INVADED}
# Images do not show whether a tumor that reaches the esophagus stays in its mucosa (ours; endoscopy and a swallow do).
MUSCLE_OF_ESOPHAGUS = 0.5


def derive(findings: Findings, history: History) -> Facts:
    """Facts for T, N and M of one hypopharyngeal cancer.

    Raises:
        ScopeError: the record names a tumor other than squamous cell carcinoma.
    """
    refuse_other_histology(history, "hypopharyngeal cancer")
    primary = findings.primary
    return Facts(
        site="hypopharynx",
        subset=None,
        t=_t_facts(findings, primary, history),
        n=n_facts(findings, history),
        m=m_facts(findings, history),
        conflicts=conflicts(findings, history, _by_ct(primary)),
    )


def particulars(findings: Findings, history: History) -> dict[str, Any]:
    """What a report says beside T, N and M: subsites, mobility, cartilage by contact, carotid angle."""
    primary = findings.primary
    mobility = best(history, "vocal_cord_mobility")
    shares = _subsite_shares(primary, history)
    return {
        "subsites": [word for word, p in shares.items() if p >= NAMED_FROM],
        "vocal_cord_mobility": mobility.value if mobility else None,
        "thyroid_cartilage_contact_mm2": contact_mm2(primary, "thyroid_cartilage"),
        "cricoid_cartilage_contact_mm2": contact_mm2(primary, "cricoid_cartilage"),
        "carotid_angle_deg": carotid_angle_deg(primary),
    }


def _t_facts(findings: Findings, primary: Tumor | None, history: History) -> tuple[Fact, ...]:
    if primary is None:
        keys = ("greatest_dimension_mm", "subsites_count", "invaded_structures")
        return (
            *(stated_fact(history, key) or unknown(key, NO_TUMOR) for key in keys),
            _fixation(findings, None, history),
        )
    by_ct = _by_ct(primary)
    return (
        greatest_dimension(primary, history),
        _fixation(findings, primary, history),
        _subsites_count(primary, history),
        *(structures_fact(findings, primary, history, key, SETS[key], by_ct[key]) for key in SETS),
    )


def _by_ct(primary: Tumor | None) -> dict[str, dict[str, float]]:
    """Probability by word of each set of structures, by CT."""
    if primary is None:
        return {}
    found = {key: chances(primary.contacts, borders) for key, borders in SETS.items()}
    invaded = found["invaded_structures"]
    if "esophageal_muscle" in invaded:
        invaded["esophageal_muscle"] = round(invaded["esophageal_muscle"] * MUSCLE_OF_ESOPHAGUS, 4)
    return found


def _fixation(findings: Findings, primary: Tumor | None, history: History) -> Fact:
    """Fixation of the hemilarynx: as an examination states it, else a fixed cord is its sign, seen or likely."""
    stated = stated_fact(history, "hemilarynx_fixation")
    if stated is not None:
        return stated
    looked = seen(history, ("hemilarynx_fixation",)).get("hemilarynx_fixation")
    if looked is not None:
        return known("hemilarynx_fixation", looked.value["hemilarynx_fixation"], from_record(looked))
    cords = cord_mobility(history, findings, primary)
    if isinstance(cords.value, str):
        return known("hemilarynx_fixation", cords.value == "fixed", *cords.evidence)
    reason = cords.reason or "how the larynx moves is not known"
    if isinstance(cords.value, dict) and "p" in cords.value:
        return doubtful("hemilarynx_fixation", {"p": cords.value["p"]["fixed"]}, *cords.evidence, reason=reason)
    return unknown("hemilarynx_fixation", reason)


def _subsite_shares(primary: Tumor | None, history: History) -> dict[str, float]:
    """Probability by subsite: by the diagnosis (the one it names is involved), endoscopy, and masks."""
    found = dict.fromkeys(WORDS, 0.0) | chances(primary.contacts if primary else (), SUBSITES)
    recorded = best(history, "subsite")
    if recorded is not None and recorded.value in WORDS:
        found[str(recorded.value)] = 1.0
    return found | {word: float(fact.value[word]) for word, fact in seen(history, WORDS).items()}


def _subsites_count(primary: Tumor, history: History) -> Fact:
    """How many subsites are involved: at least one is."""
    stated = stated_fact(history, "subsites_count")
    if stated is not None:
        return stated
    shares = _subsite_shares(primary, history)
    counts = _counts(list(shares.values()))
    if not counts:
        return unknown("subsites_count", "neither endoscopy nor masks of the hypopharynx tell which it lies in")
    evidence = _subsite_evidence(primary, history, shares)
    if len(counts) == 1:
        return known("subsites_count", next(iter(counts)), *evidence)
    value = {"p": {str(count): p for count, p in counts.items()}}
    return doubtful("subsites_count", value, *evidence, reason="subsites are overlapped or touched on CT")


def _counts(shares: list[float]) -> dict[int, float]:
    """Probability by number of subsites, given that there is one; empty where no subsite is likely at all.

    >>> _counts([1.0, 0.5, 0.0])
    {1: 0.5, 2: 0.5}
    """
    chance = [1.0]
    for p in shares:
        chance = [
            (chance[place] if place < len(chance) else 0.0) * (1 - p) + (chance[place - 1] * p if place else 0.0)
            for place in range(len(chance) + 1)
        ]
    least_one = 1.0 - chance[0]
    if least_one <= 0:
        return {}
    found = {count: round(p / least_one, 4) for count, p in enumerate(chance) if count and round(p / least_one, 4) > 0}
    likeliest = max(found, key=lambda count: found[count])
    return found | {likeliest: round(1.0 - sum(p for count, p in found.items() if count != likeliest), 4)}


def _subsite_evidence(primary: Tumor, history: History, shares: dict[str, float]) -> list[Evidence]:
    recorded = best(history, "subsite")
    told = [*distinct(seen(history, WORDS).values()), *([recorded] if recorded else [])]
    words = ", ".join(word.replace("_", " ") for word, p in shares.items() if p > 0)
    return [*map(from_record, told), from_tumor(primary, f"lies in or against: {words}")]


CANCER = CancerPlugin(
    key="hypopharynx",
    title="Hypopharyngeal cancer",
    editions=("8",),
    topographies=("C12", "C13"),
    landmarks=tuple(mask for border in (*SUBSITES, *ADJACENT, *INVADED) for mask in border.masks),
    derive=derive,
    must_image=MUST_IMAGE,
    settled=("tumor_side", "greatest_dimension_mm"),
    particulars=particulars,
)
