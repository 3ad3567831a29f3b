"""Lung cancer: measurements and record to the facts that its T, N and M tables ask for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from oncology.cancers.endoscopy import denied
from oncology.cancers.evidence import (
    BRONCHUS_CEILING,
    COLLAPSE,
    INVASION_CEILING,
    PLEURA_CEILING,
    PROPOSED_IN_AIR,
    contact_probability,
    doubtful,
    from_record,
    from_tumor,
    invasion_probabilities,
    known,
    longest_diameter,
    masks_are_told,
    not_delineated,
    unknown,
    whole_mm,
)
from oncology.cancers.protocol import CancerPlugin
from oncology.cancers.spread import (
    best,
    is_stated,
    laterality_conflict,
    mets_fact,
    nodes_fact,
    not_imaged,
    sample_conflicts,
    stated_fact,
    unplaced_conflicts,
)
from oncology.findings import Conflict, Contact, Fact, Facts, Findings, History, Laterality, Tumor
from oncology.imaging.airless import AIRLESS
from oncology.tnm.vocabulary import vocabulary

# A mask's structure name (or how it begins, with a *) -> the vocabulary's invaded structure. A structure without a
# mask stays unsaid: the tumor may reach the region it lies in, and that is asked about.
INVADED = {
    "chest_wall": "chest_wall",
    "bones": "chest_wall",
    "ribs": "chest_wall",
    "rib_*": "chest_wall",
    "sternum": "chest_wall",
    "costal_cartilages": "chest_wall",
    "clavicula_*": "chest_wall",
    "scapula_*": "chest_wall",
    "parietal_pleura": "parietal_pleura",
    "mediastinum": "mediastinum",
    "mediastinal_fat": "mediastinum",
    "spine": "vertebral_body",
    "vertebrae_*": "vertebral_body",
    "trachea": "trachea",
    "carina": "carina",
    "heart": "heart",
    "heart_*": "heart",
    "atrial_appendage_left": "heart",
    "pericardium": "parietal_pericardium",
    "aorta": "great_vessels",
    "aortic_arch": "great_vessels",
    "pulmonary_artery": "great_vessels",
    "superior_vena_cava": "great_vessels",
    "inferior_vena_cava": "great_vessels",
    "pulmonary_vein": "great_vessels",
    "brachiocephalic_vein_*": "great_vessels",
    "brachiocephalic_trunk": "supra_aortic_artery",
    "subclavian_artery_*": "supra_aortic_artery",
    "common_carotid_artery_*": "supra_aortic_artery",
    "azygos_vein": "azygos_vein",
    "thymus": "thymus",
    "esophagus": "esophagus",
    "diaphragm": "diaphragm",
    "brachial_plexus_*": "brachial_plexus",
}
# What lies within the mediastinum: a tumor that keeps off the mediastinum has not reached it, and a branch that it
# surrounds in the lung is no great vessel (AJCC 8, ch. 36: T4 by the great vessels means their mediastinal parts).
INNER = ("heart", "atrial_appendage", "pericardium", "aort", "pulmonary_artery", "pulmonary_vein", "superior_vena_cava",
         "brachiocephalic", "azygos_vein", "thymus", "esophagus", "trachea", "carina")  # fmt: skip
# What the tables ask about and masks show: a word without any of them is doubtful, not absent. The others have no mask
# of their own (nerves, superior sulcus) or lie where one of these does (parietal pleura: chest wall).
FRAME = ("chest_wall", "diaphragm", "vertebral_body", "mediastinum")
IN_MEDIASTINUM = ("heart", "great_vessels", "supra_aortic_artery", "trachea", "esophagus", "azygos_vein")
# Without a mask of the mediastinum these fill so much of it that contact with it is contact with one of them.
FILL_MEDIASTINUM = frozenset({"heart", "great_vessels", "trachea", "esophagus"})
# The visceral pleura is met where one of these is.
BEYOND_PLEURA = ("chest_wall", "mediastinum", "diaphragm")
# Chance of what no mask could show (ours): too small to decide T, which size then does, and too large to be forgotten.
UNSEEN, UNSEEN_BRONCHUS = 0.02, 0.05
FISSURE = "adjacent_lobe_across_fissure"
# A tumor of which this part lies in a second lobe has crossed the fissure more likely than not.
CROSSED_PART, CROSSED = 0.15, 0.7
REACHING_PLEURA = ("chest_wall", "mediastinum", "diaphragm", "ribs", "parietal_pleura", "visceral_pleura")
AIRWAY = ("carina", "trachea")  # what bronchoscopy sees beside the main bronchi
MAIN_BRONCHI = ("main_bronchus_left", "main_bronchus_right")
# Volume loss counts where it comes this close to the main bronchus; above this share it takes the whole lung.
TO_HILUM_MM, WHOLE_LUNG, LEAST_COLLAPSE = 15.0, 0.8, 0.03
COLLAPSE_SEEN = 0.85
# A second nodule that a network proposes and nobody confirmed. Most small extra nodules beside an operable lung cancer
# are benign (Yuan 2003, AJR 180:1037), so it never decides alone.
PROPOSED_NODULE = 0.3
# The same where a PET shows less in it than in blood though it is large enough to be seen: PET finds 95% of malignant
# nodules and is negative in 82% of benign ones (Cronin 2008, Radiology 246:772). The limits are ours.
COLD_NODULE, COLD_BELOW_SUV, SEEN_BY_PET_MM = 0.03, 1.5, 7.0
SOLID_BEYOND_IN_SITU_MM = (
    5.0  # a solid part above 5 mm rules out in situ and minimally invasive disease (Travis 2016, JTO 11)
)
MUST_IMAGE = {
    "brain": "brain metastases are common and need MRI",
    "abdomen": "liver and adrenal glands were not seen as such",
}
FLUIDS = ("pleural_effusion", "pericardial_effusion")
FLUID_HINT = re.compile("effusion-(left|right)-suspected")  # a verdict of the rules on intensities
IN_SITU = {"adenocarcinoma_in_situ", "minimally_invasive_adenocarcinoma"}
LOBES = (
    "lung_upper_lobe_left",
    "lung_lower_lobe_left",
    "lung_upper_lobe_right",
    "lung_middle_lobe_right",
    "lung_lower_lobe_right",
)


def derive(findings: Findings, history: History) -> Facts:
    """Facts for T, N and M of one lung cancer."""
    primary = _within_reach(findings.primary, findings)
    return Facts(
        site="lung",
        subset=None,
        t=_t_facts(primary, findings, history) if primary else _no_tumor(),
        n=_n_facts(primary, findings, history),
        m=(mets_fact(findings, history), not_imaged(findings, MUST_IMAGE)),
        conflicts=(
            *history.conflicts,
            *laterality_conflict(primary, history),
            *sample_conflicts(findings, history),
            *unplaced_conflicts(history, "lung"),
            *_bronchoscopy_conflicts(primary, history),
        ),
    )


def _bronchoscopy_conflicts(primary: Tumor | None, history: History) -> tuple[Conflict, ...]:
    """Airways that bronchoscopy calls free and contact on CT invaded."""
    contacts = primary.contacts if primary else ()
    bronchus = [contact_probability(one, BRONCHUS_CEILING) for one in contacts if one.structure in MAIN_BRONCHI]
    airway = {f"{word}_involved": p for word, p in _invasion_shares(contacts).items() if word in AIRWAY}
    return (
        *denied(history, "main_bronchus_involved", {"main_bronchus_involved": max(bronchus, default=0.0)}, primary),
        *denied(history, "invaded_structures", airway, primary),
    )


def particulars(findings: Findings, history: History) -> dict[str, Any]:
    """What a report says beside T, N and M: lobe, solid part, fluid; None for what nobody measures on these images.

    Margins and cavitation belong to the structured description (La Cava 2021) and are left to the reader.
    """
    primary = findings.primary
    return {
        "lobe": primary.location if primary else None,
        "solid_component_mm": primary.solid_component_mm if primary else None,
        "margins": None,
        "cavitation": None,
        **{name: _fluid(findings, name) for name in FLUIDS},
    }


def _fluid(findings: Findings, name: str) -> bool | str | None:
    """Whether fluid was seen; None where nothing looked for it: no mask is no proof that there is none."""
    if name in findings.structures_assessed or any(item.site == name for item in findings.metastasis_candidates):
        return True
    hinted = name == "pleural_effusion" and any(FLUID_HINT.match(verdict.code) for verdict in findings.quality)
    return "suspected" if hinted else None


def _within_reach(primary: Tumor | None, findings: Findings) -> Tumor | None:
    """The tumor without contacts that a network's mask alone makes up: with what lies within the mediastinum, and with
    branches of its vessels in the lung, where the mediastinum itself is known and hardly invaded."""
    if primary is None or "mediastinum" not in findings.structures_assessed or _enters_mediastinum(primary):
        return primary
    kept = tuple(
        contact
        for contact in primary.contacts
        if not (contact.structure in findings.structures_unproven and contact.structure.startswith(INNER))
    )
    return replace(primary, contacts=kept)


def _enters_mediastinum(primary: Tumor) -> bool:
    """Whether that is likelier than not, or met and nobody says how likely it is."""
    met = [contact for contact in primary.contacts if contact.structure == "mediastinum"]
    return any(contact.probability is None or contact.probability >= 0.5 for contact in met)


def _perhaps_collapse(primary: Tumor, history: History) -> tuple[Fact, ...]:
    """T of a part of the lung without air that nobody confirmed: cannot be told."""
    seen = f"{primary.volume_ml:.0f} mL of lung without air: tumor or collapse"
    evidence, reason = from_tumor(primary, seen), f"{seen}; confirm it, or contour the tumor"
    keys = ("greatest_dimension_mm", "invaded_structures")
    return tuple(stated_fact(history, key) or replace(unknown(key, reason), evidence=(evidence,)) for key in keys)


def _no_tumor() -> tuple[Fact, ...]:
    reason = "no tumor was contoured or found; draw it or name the contour"
    return (unknown("greatest_dimension_mm", reason), unknown("invaded_structures", reason))


def _t_facts(primary: Tumor, findings: Findings, history: History) -> tuple[Fact, ...]:
    if primary.source == AIRLESS and primary.needs_confirmation:
        return _perhaps_collapse(primary, history)
    unseen = _unseen(primary, findings)
    return (
        longest_diameter(primary, PROPOSED_IN_AIR),
        *_solidity(primary),
        _histology(primary, history),
        stated_fact(history, "main_bronchus_involved") or _main_bronchus(primary, findings, history),
        stated_fact(history, "visceral_pleura_invasion") or _pleura(primary, unseen),
        _collapse(primary, history),
        *_carina(primary),
        known("superficial_spreading_bronchial_wall_only", False, from_tumor(primary, "a mass is visible")),
        known("positive_cytology_no_visible_tumor", False, from_tumor(primary, "a mass is visible")),
        stated_fact(history, "separate_nodules") or _separate_nodules(primary, findings),
        stated_fact(history, "invaded_structures") or _invasion(primary, findings, history, unseen),
    )


def _unseen(primary: Tumor, findings: Findings) -> tuple[str, ...]:
    """Words of the tables that no mask could show; none where nothing is told of masks.

    What lies within the mediastinum is not reached by a tumor that keeps off it, and counts no less than it.
    """
    if not masks_are_told(findings):
        return ()
    names = (*findings.structures_assessed, *(contact.structure for contact in primary.contacts))
    shown = {invaded_name(name) for name in names}
    if "mediastinum" in shown or shown >= FILL_MEDIASTINUM:
        shown |= {"mediastinum", *IN_MEDIASTINUM}
    return tuple(word for word in (*FRAME, *IN_MEDIASTINUM) if word not in shown)


def _solidity(primary: Tumor) -> tuple[Fact, ...]:
    solid = primary.solid_component_mm
    if solid is None:
        return (unknown("density", "attenuation was not measured"),)
    if solid <= 0:
        density = "pure_ground_glass"
    elif whole_mm(solid) >= whole_mm(primary.greatest_dimension_mm) * 0.8:
        density = "solid"
    else:
        density = "part_solid"
    evidence = from_tumor(primary, f"solid part {solid:.1f} mm")
    fact = known("density", density, evidence)
    return (fact, known("solid_component_mm", whole_mm(solid), evidence)) if density == "part_solid" else (fact,)


def _histology(primary: Tumor, history: History) -> Fact:
    recorded = history.named("histology")
    if recorded:
        value = str(recorded[0].value)
        return known("histology", value if value in IN_SITU else "other", from_record(recorded[0]))
    if (primary.solid_component_mm or 0) > SOLID_BEYOND_IN_SITU_MM:
        detail = f"solid part {primary.solid_component_mm:.1f} mm, above {SOLID_BEYOND_IN_SITU_MM:.0f} mm"
        return known("histology", "other", from_tumor(primary, detail))
    return unknown("histology", "not recorded")


def _main_bronchus(primary: Tumor, findings: Findings, history: History) -> Fact:
    seen = _endoscopy(history, "main_bronchus_involved")
    if seen is not None:
        return seen
    contacts = [contact for contact in primary.contacts if contact.structure in MAIN_BRONCHI]
    if not contacts and not _bronchus_shown(primary, findings):
        lacking = not_delineated(["main_bronchus"])
        return doubtful("main_bronchus_involved", {"p": UNSEEN_BRONCHUS}, from_tumor(primary, lacking), reason=lacking)
    if not contacts:
        return known("main_bronchus_involved", False, from_tumor(primary, "no contact with a main bronchus"))
    closest = max(contacts, key=lambda contact: contact_probability(contact, BRONCHUS_CEILING))
    return doubtful(
        "main_bronchus_involved",
        {"p": contact_probability(closest, BRONCHUS_CEILING)},
        from_tumor(primary, f"{closest.contact_mm2:.0f} mm2 of contact with {closest.structure}"),
        reason="contact alone; bronchoscopy decides",
    )


def _bronchus_shown(primary: Tumor, findings: Findings) -> bool:
    """Whether the main bronchus of the tumor's side has a mask, either one where the side is not told."""
    own = [name for name in MAIN_BRONCHI if name.endswith(f"_{primary.laterality}")] or MAIN_BRONCHI
    return not masks_are_told(findings) or not set(findings.structures_assessed).isdisjoint(own)


def _endoscopy(history: History, key: str) -> Fact | None:
    """What bronchoscopy saw: it looks at the lumen and wins over contact on CT (ACCP 2013, Rivera)."""
    for fact in history.named("endoscopy"):
        if isinstance(fact.value.get(key), bool):
            return known(key, fact.value[key], from_record(fact))
    return None


def _carina(primary: Tumor) -> tuple[Fact, ...]:
    distance = primary.distance_to_carina_mm
    if distance is None:
        return ()
    return (
        known("distance_to_carina_mm", whole_mm(distance), from_tumor(primary, f"{distance:.0f} mm to the carina")),
    )


def _collapse(primary: Tumor, history: History) -> Fact:
    """Collapse or pneumonitis behind the tumor: as stated, else as the mask of airless lung shows it."""
    key = "atelectasis_or_obstructive_pneumonitis"
    stated = stated_fact(history, key)
    if stated is not None:
        return stated
    share, apart = primary.measures.get("collapsed_share"), primary.measures.get("collapse_to_hilum_mm")
    if share is None or apart is None or share < LEAST_COLLAPSE or apart > TO_HILUM_MM:
        reason = "not read from the images; in the record nothing says so"
        return doubtful(key, {"p": {"none": 1 - COLLAPSE, "to_hilum_part_of_lung": COLLAPSE}}, reason=reason)
    extent = "to_hilum_whole_lung" if share >= WHOLE_LUNG else "to_hilum_part_of_lung"
    detail = f"airless lung beyond the tumor reaches the hilum ({100 * share:.0f}% of that lung)"
    chances = {"none": 1 - COLLAPSE_SEEN, extent: COLLAPSE_SEEN}
    return doubtful(key, {"p": chances}, from_tumor(primary, detail), reason="tumor and airless lung look alike")


def _pleura(primary: Tumor, unseen: Collection[str]) -> Fact:
    touching = [contact for contact in primary.contacts if contact.structure in REACHING_PLEURA]
    lacking = [word for word in BEYOND_PLEURA if word in unseen]
    if not touching and lacking:
        reason = not_delineated(lacking)
        return doubtful("visceral_pleura_invasion", {"p": PLEURA_CEILING}, from_tumor(primary, reason), reason=reason)
    if not touching:
        return known("visceral_pleura_invasion", False, from_tumor(primary, "does not reach the pleura"))
    probability = max(contact_probability(contact, PLEURA_CEILING) for contact in touching)
    return doubtful(
        "visceral_pleura_invasion",
        {"p": probability},
        from_tumor(primary, "reaches the pleura"),
        reason="imaging cannot see the elastic layer",
    )


def _separate_nodules(primary: Tumor, findings: Findings) -> Fact:
    """The worst place of a second tumor; one in the other lung that nobody confirmed is a candidate of M."""
    others = [tumor for tumor in findings.tumors if tumor.id != primary.id]
    sure = {_relation(primary, other) for other in others if not other.needs_confirmation}
    evidence = [from_tumor(other, "separate tumor") for other in others]
    for worst in ("contralateral", "ipsilateral_other_lobe", "same_lobe"):
        if worst in sure:
            return known("separate_nodules", worst, *evidence)
    chances, left = dict[str, float](), 1.0
    for place in ("ipsilateral_other_lobe", "same_lobe"):
        proposed = [one for one in others if one.needs_confirmation and _relation(primary, one) == place]
        if proposed:
            chances[place] = round(left * max(map(_nodule_chance, proposed)), 4)
            left -= chances[place]
    if chances:
        value = {"p": {"none": round(left, 4), **chances}}
        return doubtful("separate_nodules", value, *evidence, reason="proposed and not confirmed")
    if None in sure:
        return unknown("separate_nodules", "a second tumor lies in a lobe that could not be told")
    return known("separate_nodules", "none", from_tumor(primary, "no second tumor in the lung of this side"))


def _nodule_chance(proposed: Tumor) -> float:
    """Chance that a second nodule that nobody confirmed is tumor."""
    cold = proposed.suv_max is not None and proposed.suv_max < COLD_BELOW_SUV
    return COLD_NODULE if cold and proposed.short_axis_mm >= SEEN_BY_PET_MM else PROPOSED_NODULE


def _relation(primary: Tumor, other: Tumor) -> str | None:
    if None in (primary.laterality, other.laterality):
        return None
    if primary.laterality != other.laterality:
        return "contralateral"
    if None in (primary.location, other.location):
        return None
    return "same_lobe" if primary.location == other.location else "ipsilateral_other_lobe"


def invaded_name(structure: str) -> str | None:
    """The vocabulary's word for a mask's name.

    >>> invaded_name("vertebrae_T5"), invaded_name("heart_atrium_left"), invaded_name("liver")
    ('vertebral_body', 'heart', None)
    """
    if structure in INVADED:
        return INVADED[structure]
    return next(
        (word for name, word in INVADED.items() if name.endswith("*") and structure.startswith(name[:-1])), None
    )


def _worst_contacts(contacts: Iterable[Contact]) -> dict[str, Contact]:
    """Per invaded structure the contact that speaks loudest for it; several masks may stand for one structure."""
    worst: dict[str, Contact] = {}
    for contact in contacts:
        word = invaded_name(contact.structure)
        if word is None or (contact.contact_mm2 <= 0 and not contact.depth_mm):
            continue
        other = worst.get(word)
        if other is None or _loudness(contact) > _loudness(other):
            worst[word] = contact
    return worst


def _loudness(contact: Contact) -> float:
    return contact_probability(contact, INVASION_CEILING)


def _invasion_shares(contacts: Iterable[Contact]) -> dict[str, float]:
    worst = _worst_contacts(contacts)
    return invasion_probabilities(replace(contact, structure=word) for word, contact in worst.items())


def _invasion(primary: Tumor, findings: Findings, history: History, unseen: Collection[str]) -> Fact:
    members: dict[str, Any] = {word: {"p": share} for word, share in _invasion_shares(primary.contacts).items()}
    evidence = [
        from_tumor(primary, f"{contact.contact_mm2:.0f} mm2 of contact with {contact.structure.replace('_', ' ')}")
        for contact in _worst_contacts(primary.contacts).values()
    ]
    crossed = _crossed_fissure(primary)
    if crossed:
        members[FISSURE] = {"p": crossed}
        evidence.append(from_tumor(primary, "lies in two lobes or against the fissure"))
    elif _without_lobes(findings):
        members[FISSURE] = {"p": PLEURA_CEILING}
        evidence.append(from_tumor(primary, "the lobes are not delineated: it may cross a fissure"))
    members |= {word: {"p": UNSEEN} for word in unseen}
    for word in AIRWAY:
        seen = _endoscopy(history, f"{word}_involved")
        if seen is not None:
            members[word] = bool(seen.value)
            evidence += seen.evidence
    if not members:
        return known("invaded_structures", [], from_tumor(primary, "no contact with chest wall or mediastinum"))
    members = {name: members.get(name, False) for name in _structures()}
    reason = not_delineated(unseen) if unseen else "contact alone; a fat plane cannot be excluded"
    return doubtful("invaded_structures", members, *evidence, reason=reason)


def _without_lobes(findings: Findings) -> bool:
    """Whether masks were at hand, and none of a lobe: crossing a fissure is then as likely as contact would make it."""
    return masks_are_told(findings) and set(findings.structures_assessed).isdisjoint(LOBES)


def _crossed_fissure(primary: Tumor) -> float:
    """How likely the tumor has grown into a second lobe: contact with its mask, and the part that lies in it."""
    other = [
        contact for contact in primary.contacts if contact.structure in LOBES and contact.structure != primary.location
    ]
    if not other:
        return 0.0
    p = max(contact_probability(contact, PLEURA_CEILING) for contact in other)
    second = max((primary.location_alternatives.get(contact.structure, 0.0) for contact in other), default=0.0)
    given = any(contact.probability is not None for contact in other)
    return p if given or second < CROSSED_PART else max(p, CROSSED)


def _structures() -> tuple[str, ...]:
    """Every structure that the lung tables ask about."""
    return tuple(vocabulary().site("lung").facts["invaded_structures"].values)


def _n_facts(primary: Tumor | None, findings: Findings, history: History) -> tuple[Fact, ...]:
    side = _tumor_side(primary, history)
    return (side, nodes_fact(findings, history, "lung", tumor_side=side.value))


def _tumor_side(primary: Tumor | None, history: History) -> Fact:
    recorded = best(history, "laterality")
    if recorded is not None and is_stated(recorded):
        return known("tumor_side", recorded.value, from_record(recorded))
    if primary is not None and primary.laterality in (Laterality.LEFT, Laterality.RIGHT):
        return known("tumor_side", str(primary.laterality), from_tumor(primary, "lies in that lung"))
    if recorded is not None:
        return known("tumor_side", recorded.value, from_record(recorded))
    return unknown("tumor_side", "neither images nor record tell the side")


CANCER = CancerPlugin(
    key="lung",
    title="Lung cancer",
    editions=("8", "9"),
    topographies=("C34",),
    landmarks=("lung_left", "lung_right", "trachea", "carina", *MAIN_BRONCHI, *LOBES, *INVADED),
    derive=derive,
    settled=(
        "tumor_side",
        "density",
        "solid_component_mm",
        "histology",
        "distance_to_carina_mm",
        "superficial_spreading_bronchial_wall_only",
        "positive_cytology_no_visible_tumor",
    ),
    particulars=particulars,
    must_image=MUST_IMAGE,
)
