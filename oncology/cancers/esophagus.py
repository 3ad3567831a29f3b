"""Esophageal cancer: measurements and record to the facts that its T, N and M tables ask for.

Depth of the wall: CT cannot tell the layers apart, endoscopic ultrasound (EUS) can, so a record's EUS wins over CT up
to the adventitia (pooled sensitivity for T1 to T4 0.82, 0.81, 0.91, 0.92: Puli 2008, World J Gastroenterol 14:1479).
Histology decides the table of groups; without it both are given and nothing is guessed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from oncology.cancers.evidence import (
    INVASION_CEILING,
    contact_probability,
    doubtful,
    from_record,
    from_tumor,
    known,
    masks_are_told,
    not_delineated,
    rounded_shares,
    unknown,
    whole_mm,
)
from oncology.cancers.histology import recorded_histology, refuse_histology
from oncology.cancers.protocol import CancerPlugin
from oncology.cancers.spread import (
    best,
    is_stated,
    mets_fact,
    nodes_fact,
    not_imaged,
    sample_conflicts,
    stated_fact,
    unplaced_conflicts,
)
from oncology.errors import ScopeError
from oncology.findings import Conflict, Contact, Evidence, Fact, Facts, Findings, History, Tumor
from oncology.tnm.vocabulary import vocabulary

# A mask's structure name (or how it begins, with a *) -> the vocabulary's structure.
INVADED = {
    "aorta": "aorta",
    "aortic_arch": "aorta",
    "trachea": "trachea",
    "carina": "trachea",
    "main_bronchus_right": "trachea",  # the edition names the airway; the vocabulary has no right main bronchus
    "main_bronchus_left": "left_main_bronchus",
    "heart_atrium_left": "left_atrium",
    "atrial_appendage_left": "left_atrium",
    "pulmonary_vein": "left_atrium",
    "heart": "pericardium",
    "heart_*": "pericardium",
    "pericardium": "pericardium",
    "spine": "vertebral_body",
    "vertebrae_*": "vertebral_body",
    "diaphragm": "diaphragm",
    "azygos_vein": "azygos_vein",
    "pleura": "pleura",
    "parietal_pleura": "pleura",
    "lung_*": "pleura",
    "peritoneum": "peritoneum",
}
# Without a mask of it each of these is unknown, not absent; nothing draws the peritoneum.
ASKED = tuple(dict.fromkeys(word for word in INVADED.values() if word != "peritoneum"))
# Thin neighbors that nearly every esophageal tumor touches.
NEIGHBOR_CEILING = 0.10
NEIGHBORS = ("pleura", "azygos_vein", "pericardium", "diaphragm", "peritoneum")
# Angle of contact with the aorta: below 45 degrees no invasion, above 90 invasion, between undecided (Picus 1983,
# Radiology 146:433). Up to each angle this probability; Takashima 1991 (AJR 156:297) found the 90 degrees no sharper.
AORTA = ((45.0, 0.03), (90.0, 0.25), (360.0, 0.75))
# What EUS reports -> the layer it most likely is, from the sensitivities above, the rest with the neighbors.
EUS_LAYERS: Mapping[str, Mapping[str, float]] = {
    "Tis": {"high_grade_dysplasia": 0.85, "lamina_propria": 0.10, "submucosa": 0.05},
    "T1a": {"lamina_propria": 0.42, "muscularis_mucosae": 0.41, "submucosa": 0.13, "muscularis_propria": 0.04},
    "T1b": {"muscularis_mucosae": 0.13, "submucosa": 0.77, "muscularis_propria": 0.10},
    "T1": {"lamina_propria_or_submucosa_not_specified": 0.86, "muscularis_propria": 0.14},
    "T2": {"submucosa": 0.09, "muscularis_propria": 0.76, "adventitia": 0.15},
    "T3": {"muscularis_propria": 0.08, "adventitia": 0.92},
}
# Where EUS stops short of the neighbors: odds of invasion fall by (1 - sensitivity) / specificity for T4 (Puli 2008).
EUS_NOT_T4 = (1 - 0.924) / 0.974
EUS_CAP, EUS_T4 = 0.3, 0.9  # CT never overrules EUS; what EUS calls T4 is so
WHICH_T4 = "endoscopic ultrasound sees a neighbor invaded and does not say which"
T4_LETTERS = {
    "T4a": ("pleura", "pericardium", "azygos_vein", "diaphragm", "peritoneum"),
    "T4b": ("aorta", "vertebral_body", "trachea", "left_main_bronchus", "left_atrium"),
}
# Wall thickness on CT and the layer reached: more than 5 mm is abnormal (Moss 1981, AJR 136:1051), 10 mm and more
# mostly lies beyond the muscle. Middle and width of a logistic step, in mm.
BEYOND_SUBMUCOSA_MM, BEYOND_MUSCLE_MM = (5.5, 1.2), (9.0, 2.0)
# The same for a tumor as networks draw it, thinner and more evenly: on synthetic tuning patients the muscle was passed
# from 6.3 mm on and not up to 5.7, and none of those of 4.0 mm or more lay in the submucosa alone (21 of them, rows of
# `aimdt evaluate --mode images --seed 1010`).
PROPOSED_BEYOND_SUBMUCOSA_MM, PROPOSED_BEYOND_MUSCLE_MM = (3.6, 0.8), (6.0, 0.5)
REGION_OF = {"cervical": "upper", "upper": "upper", "middle": "middle", "lower": "lower", "abdominal": "lower"}
# Distance of the epicenter from the incisors where the upper and the middle third end (AJCC 8, ch. 16).
THIRDS_MM = ((250.0, "upper"), (300.0, "middle"))
# Siewert: epicenter 50 to 10 mm above the junction, 10 above to 20 below, 20 to 50 below (Siewert 1998).
SIEWERT_MM = ((50.0, None), (10.0, "I"), (-20.0, "II"), (-50.0, "III"))
SUBSETS = {"squamous": "scc", "adenosquamous": "scc", "undifferentiated": "scc", "adenocarcinoma": "adenocarcinoma"}
OTHER_TUMORS = (
    "neuroendocrine",
    "carcinoid",
    "large_cell_neuroendocrine",
    "small_cell",
    "melanoma",
    "sarcoma",
    "lymphoma",
)
MUST_IMAGE = {
    "neck": "supraclavicular nodes were not seen",
    "abdomen": "liver, celiac and para-aortic nodes were not seen",
}


def derive(findings: Findings, history: History) -> Facts:
    """Facts for T, N and M of one esophageal cancer.

    Raises:
        ScopeError: the tumor belongs to the stomach, or its histology has no table here.
    """
    refuse_histology(history, "esophageal cancer", OTHER_TUMORS, "they have no stage groups in this chapter")
    primary = findings.primary
    _refuse_gastric(primary, history)
    invaded = _invaded(primary, findings, history) if primary else {}
    return Facts(
        site="esophagus",
        subset=_subset(history),
        t=_t_facts(primary, invaded, history),
        n=(nodes_fact(findings, history, "esophagus"),),
        m=(mets_fact(findings, history), not_imaged(findings, MUST_IMAGE)),
        conflicts=(
            *history.conflicts,
            *sample_conflicts(findings, history),
            *unplaced_conflicts(history, "esophagus"),
            *_conflicts(primary, history),
        ),
    )


def particulars(findings: Findings, history: History) -> dict[str, Any]:
    """What a report says beside T, N and M: length, distance from the incisors, third, Siewert type, wall."""
    primary = findings.primary
    seen = _endoscopy(history)
    measures = primary.measures if primary else {}
    return {
        "length_mm": seen.get("tumor_length_mm", measures.get("length_along_mm")),
        "distance_from_incisors_mm": seen.get("distance_from_incisors_mm", measures.get("top_from_incisors_mm")),
        "location": _location(primary, history)[0],
        "siewert": siewert(primary, history),
        "wall_mm": measures.get("wall_mm"),
        "eus_t": next((fact.value for fact in history.named("eus_t")), None),
    }


def siewert(primary: Tumor | None, history: History) -> str | None:
    """Type I, II or III by the record, else by the epicenter's distance from the junction; None away from it."""
    recorded = _endoscopy(history).get("siewert")
    if recorded is not None:
        return str(recorded).upper().removeprefix("TYPE").strip()
    above = primary.measures.get("center_above_egj_mm") if primary else None
    if above is None or above > SIEWERT_MM[0][0]:
        return None
    return next((name for least, name in SIEWERT_MM[1:] if above >= least), "III")


def _endoscopy(history: History) -> dict[str, Any]:
    """All that endoscopies say, the newest word on each."""
    merged: dict[str, Any] = {}
    for fact in reversed(history.named("endoscopy")):
        merged.update(fact.value)
    return merged


def _refuse_gastric(primary: Tumor | None, history: History) -> None:
    if siewert(primary, history) != "III":
        return
    raise ScopeError(
        "the tumor's center lies more than 20 mm below the esophagogastric junction (Siewert III); that is staged as "
        "gastric cancer, which is not staged here"
    )


def _subset(history: History) -> str | None:
    """Squamous (mixed and undifferentiated carcinomas with it, AJCC 8 ch. 16) or adenocarcinoma; None: not told."""
    if any(conflict.name == "histology" for conflict in history.conflicts):
        return None
    found = recorded_histology(history)
    return SUBSETS.get(found[0]) if found else None


def _t_facts(primary: Tumor | None, invaded: Mapping[str, Any], history: History) -> tuple[Fact, ...]:
    if primary is None:
        reason = "no tumor was contoured or found; draw it or name the contour"
        layer = _eus_layer(history, invaded, reason)
        return (layer,) if layer.value else (layer, unknown("invaded_structures", reason))
    return (
        stated_fact(history, "deepest_layer") or _layer(primary, invaded, history),
        stated_fact(history, "invaded_structures") or _invasion(primary, invaded, history),
        _length(primary, history),
        _third(primary, history),
    )


def _length(primary: Tumor, history: History) -> Fact:
    seen = _endoscopy(history).get("tumor_length_mm")
    if seen is not None:
        fact = next(fact for fact in history.named("endoscopy") if "tumor_length_mm" in fact.value)
        return known("length_mm", whole_mm(seen), from_record(fact))
    length = primary.measures.get("length_along_mm", primary.greatest_dimension_mm)
    return known("length_mm", whole_mm(length), from_tumor(primary, f"{length:.0f} mm along the esophagus"))


def _third(primary: Tumor, history: History) -> Fact:
    name, evidence = _location(primary, history)
    if name is None or evidence is None:
        return unknown("tumor_location", "neither images nor record tell the distance from the incisors")
    return known("tumor_location", name, evidence)


def _location(primary: Tumor | None, history: History) -> tuple[str | None, Evidence | None]:
    """Upper, middle or lower by the epicenter: by endoscopy, which sees it, else by images, else by the diagnosis."""
    for fact in history.named("endoscopy"):
        top = fact.value.get("distance_from_incisors_mm")
        if isinstance(top, (int, float)):
            length = fact.value.get("tumor_length_mm") or (primary.measures.get("length_along_mm", 0) if primary else 0)
            return _third_at(float(top) + length / 2), from_record(fact)
    center = primary.measures.get("center_from_incisors_mm") if primary else None
    if center is not None and primary is not None:
        return _third_at(center), from_tumor(primary, f"center {center:.0f} mm from the incisors")
    recorded = best(history, "subsite")
    if recorded is not None and recorded.value in REGION_OF:
        return REGION_OF[recorded.value], from_record(recorded)
    return None, None


def _third_at(center_mm: float) -> str:
    return next((name for most, name in THIRDS_MM if center_mm <= most), "lower")


def invaded_name(structure: str) -> str | None:
    """The vocabulary's word for a mask's name.

    >>> invaded_name("vertebrae_T7"), invaded_name("heart_atrium_left"), invaded_name("heart_myocardium")
    ('vertebral_body', 'left_atrium', 'pericardium')
    """
    if structure in INVADED:
        return INVADED[structure]
    return next((word for name, word in INVADED.items() if name[-1] == "*" and structure.startswith(name[:-1])), None)


def aorta_probability(angle_deg: float) -> float:
    """Invasion of the aorta by its angle of contact.

    >>> [aorta_probability(angle) for angle in (30, 60, 91)]
    [0.03, 0.25, 0.75]
    """
    return next(p for most, p in AORTA if angle_deg <= most)


def _contact_p(contact: Contact, word: str) -> float:
    """What CT says of one contact; a calibrated (or stated) probability wins over the published angle and ceilings."""
    if contact.probability is not None:
        return contact.probability
    if word == "aorta" and contact.angle_deg is not None:
        return aorta_probability(contact.angle_deg)
    return contact_probability(contact, NEIGHBOR_CEILING if word in NEIGHBORS else INVASION_CEILING)


def _by_ct(contacts: Iterable[Contact]) -> dict[str, float]:
    """Probability by structure, from CT; uncalibrated contacts share one ceiling, as many of them assert nothing."""
    found: dict[str, tuple[float, bool]] = {}
    for contact in contacts:
        word = invaded_name(contact.structure)
        if word is not None and (contact.contact_mm2 > 0 or contact.depth_mm > 0):
            p = _contact_p(contact, word)
            free = contact.probability is not None or (word == "aorta" and contact.angle_deg is not None)
            if p > found.get(word, (-1.0, False))[0]:
                found[word] = (p, free)
    loose = sum(p for p, free in found.values() if not free)
    scale = min(1.0, INVASION_CEILING / loose) if loose else 1.0
    return {word: round(p if free else p * scale, 4) for word, (p, free) in found.items()}


def _eus(history: History) -> str | None:
    fact = best(history, "eus_t")
    return str(fact.value) if fact else None


def _invaded(primary: Tumor, findings: Findings, history: History) -> dict[str, Any]:
    """Probability by structure, CT and EUS together; None where only EUS speaks of a T4, or nobody saw it."""
    by_ct = _by_ct(primary.contacts)
    eus = _eus(history) or ""
    if eus.startswith("T4"):
        return _eus_t4(eus, by_ct)
    if eus not in EUS_LAYERS:
        return {**dict.fromkeys(_unseen(primary, findings)), **by_ct}
    return {word: 1.0 if p == 1.0 else round(min(_odds_times(p, EUS_NOT_T4), EUS_CAP), 4) for word, p in by_ct.items()}


def _unseen(primary: Tumor, findings: Findings) -> tuple[str, ...]:
    """Neighbors that no mask could show; none where nothing is told of masks."""
    if not masks_are_told(findings):
        return ()
    names = (*findings.structures_assessed, *(contact.structure for contact in primary.contacts))
    shown = {invaded_name(name) for name in names}
    return tuple(word for word in ASKED if word not in shown)


def _eus_t4(eus: str, by_ct: Mapping[str, float]) -> dict[str, Any]:
    """EUS saw a neighbor invaded: the one of that letter that CT suspects most, else any of them, unknown which."""
    letters = T4_LETTERS.get(eus)
    touched = [word for word in letters or (*T4_LETTERS["T4a"], *T4_LETTERS["T4b"]) if word in by_ct]
    if touched:
        strongest = max(touched, key=lambda word: by_ct[word])
        return {**by_ct, strongest: max(EUS_T4, by_ct[strongest])}
    if letters is None:
        return {**by_ct, **dict.fromkeys((*T4_LETTERS["T4a"], *T4_LETTERS["T4b"]))}
    one_of_them = round(1.0 - (1.0 - EUS_T4) ** (1.0 / len(letters)), 4)
    return {**by_ct, **dict.fromkeys(letters, one_of_them)}


def _odds_times(p: float, factor: float) -> float:
    if p in (0.0, 1.0):
        return p
    odds = p / (1 - p) * factor
    return odds / (1 + odds)


def _layer(primary: Tumor, invaded: Mapping[str, Any], history: History) -> Fact:
    if _eus(history):
        return _eus_layer(history, invaded, "")
    chances = _layer_by_wall(primary)
    if any(isinstance(p, float) and p >= 0.5 for p in invaded.values()):
        chances = {"adventitia": 1.0}  # what grows into a neighbor has passed the wall
    wall = _wall(primary)
    evidence = from_tumor(primary, f"wall {wall:.0f} mm thick on CT")
    reason = "CT does not show the layers of the wall; endoscopic ultrasound does"
    return doubtful("deepest_layer", {"p": chances}, evidence, reason=reason)


def _wall(primary: Tumor) -> float:
    return primary.measures.get("wall_mm", primary.short_axis_mm / 2)


def _layer_by_wall(primary: Tumor) -> dict[str, float]:
    steps = (BEYOND_SUBMUCOSA_MM, BEYOND_MUSCLE_MM)
    if primary.needs_confirmation:
        steps = (PROPOSED_BEYOND_SUBMUCOSA_MM, PROPOSED_BEYOND_MUSCLE_MM)
    beyond_submucosa, beyond_muscle = (
        1 / (1 + math.exp(-(_wall(primary) - middle) / width)) for middle, width in steps
    )
    deep = min(beyond_muscle, beyond_submucosa)
    chances = {
        "submucosa": 1 - beyond_submucosa,
        "muscularis_propria": beyond_submucosa - deep,
        "adventitia": deep,
    }
    return rounded_shares(chances)


def _eus_layer(history: History, invaded: Mapping[str, Any], otherwise: str) -> Fact:
    """The layer by EUS, with its known errors; a person's word in review is taken as it is."""
    fact = best(history, "eus_t")
    if fact is None:
        return unknown("deepest_layer", otherwise or "not recorded")
    category, evidence = str(fact.value), from_record(fact)
    if any(p == 1.0 for p in invaded.values()):
        return known("deepest_layer", "adventitia", evidence)
    if category.startswith("T4"):
        named = any(p is not None and p >= EUS_T4 for p in invaded.values())
        return known("deepest_layer", "adventitia" if named else "adjacent_structure", evidence)
    if category not in EUS_LAYERS:
        return unknown("deepest_layer", f"endoscopic ultrasound gives {category}")
    chances = EUS_LAYERS[category]
    if is_stated(fact):
        return known("deepest_layer", max(chances, key=lambda name: chances[name]), evidence)
    reason = "endoscopic ultrasound wins over CT; it errs by one layer at times (Puli 2008)"
    return doubtful("deepest_layer", {"p": dict(chances)}, evidence, reason=reason)


def _invasion(primary: Tumor, invaded: Mapping[str, Any], history: History) -> Fact:
    evidence = [_evidence(primary, contact) for contact in primary.contacts if invaded_name(contact.structure)]
    members = {word: _member(p) for word, p in invaded.items()}
    if not members:
        return known("invaded_structures", [], from_tumor(primary, "no contact with a neighboring organ"))
    left_open = [word for word, p in invaded.items() if p is None]
    reason = "contact on CT; invasion is not seen as such"
    if left_open:
        eus = _eus(history) or ""
        reason = WHICH_T4 if eus.startswith("T4") else not_delineated(left_open)
    if len(left_open) == len(ASKED):
        return unknown("invaded_structures", reason)
    members = {
        word: members.get(word, False) for word in vocabulary().site("esophagus").facts["invaded_structures"].values
    }
    return doubtful("invaded_structures", members, *evidence, reason=reason)


def _member(p: float | None) -> Any:
    """A structure as the engine takes it: True, a probability, or None for one unknown which."""
    return None if p is None else True if p == 1.0 else {"p": p}


def _evidence(primary: Tumor, contact: Contact) -> Evidence:
    words = contact.structure.replace("_", " ")
    if contact.angle_deg is not None:
        return from_tumor(primary, f"{contact.angle_deg:.0f} degrees of the {words} in contact")
    return from_tumor(primary, f"{contact.contact_mm2:.0f} mm2 of contact with {words}")


def _conflicts(primary: Tumor | None, history: History) -> tuple[Conflict, ...]:
    """EUS stops short of the neighbors, CT alone would call one invaded: shown; EUS counts."""
    fact = best(history, "eus_t")
    if fact is None or primary is None or str(fact.value) not in EUS_LAYERS:
        return ()
    suspected = [word for word, p in _by_ct(primary.contacts).items() if p >= 0.5]
    if not suspected:
        return ()
    names = ", ".join(word.replace("_", " ") for word in suspected)
    sure = any(contact.probability == 1.0 for contact in primary.contacts)
    by = "the invasion that is stated" if sure else "endoscopic ultrasound, which shows the layers of the wall"
    message = (
        f"depth: endoscopic ultrasound says {fact.value}, CT suggests invasion of {names} (T4); staged by {by}; "
        "a person must decide"
    )
    return (Conflict("deepest_layer", (str(fact.value), "T4"), (fact.resource, primary.id), message),)


CANCER = CancerPlugin(
    key="esophagus",
    title="Esophageal cancer",
    editions=("8",),
    topographies=("C15",),
    landmarks=("esophagus", "stomach", "cricoid", "egj", "carina", *INVADED),
    derive=derive,
    settled=("length_mm", "tumor_location"),
    particulars=particulars,
    must_image=MUST_IMAGE,
)
