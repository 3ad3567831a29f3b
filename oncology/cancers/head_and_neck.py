"""What the five head and neck sites share: contacts to structures, side, markers, scope.

A site lists its structures as `Border`s, one for each word of its vocabulary: which masks stand for it, and what
contact with them is worth until a calibrated probability comes with the contact. What an endoscopist or a person in
review says of a structure wins over CT. What only an examination shows stays open without it; how the cords move is
weighed by what fixes them, and still to be looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oncology.cancers.endoscopy import denied, distinct, seen
from oncology.cancers.evidence import (
    INVASION_CEILING,
    PROPOSED_IN_NECK,
    contact_probability,
    doubtful,
    from_record,
    from_tumor,
    known,
    longest_diameter,
    masks_are_told,
    not_delineated,
    unknown,
)
from oncology.cancers.histology import recorded_histology
from oncology.cancers.neck_spread import neck_nodes_fact, neck_sample_conflicts
from oncology.cancers.spread import (
    CERTAIN,
    best,
    is_stated,
    laterality_conflict,
    mets_fact,
    not_imaged,
    stated_fact,
    unplaced_conflicts,
)
from oncology.errors import ScopeError
from oncology.findings import Conflict, Contact, Evidence, Fact, Findings, History, Laterality, Tumor
from oncology.tnm.vocabulary import vocabulary

# A mask that the tumor reaches this deep is entered, not merely met: more than the voxel by which two labels overlap.
ENTERED_MM = 2.0
# Overlap with a structure alone asserts nothing either; two or three such structures together do.
ENTERED = 0.45
# Fat spaces and mucosa are where CT sees tumor itself, not only contact.
SPACE_ENTERED, MUCOSA_ENTERED, MUCOSA_TOUCHED = 0.8, 0.9, 0.2
# From 270 degrees of contact on a carotid is taken as encased and rarely can be freed (Yousem 1995, Radiology 195:715:
# all invaded arteries, 88 percent specific); below 180 it is not, between undecided.
ENCASED_DEG, ABUTTED_DEG = 270.0, 180.0
ENCASED, HALF_ENCASED, ABUTTED = 0.9, 0.25, 0.03
CAROTIDS = ("common_carotid_artery_*", "internal_carotid_artery_*", "carotid_artery_*")
# The muscles under the prevertebral fascia and the bone behind them. A kept fat plane all but rules invasion out; a
# lost one does not prove it (Hsu 2005, Head Neck 27:95: 39 of 40).
PREVERTEBRAL = ("prevertebral_*", "spine", "vertebrae_*")
# Over less of an artery than this a large angle is a slice or two, not encasement: 270 degrees of an artery 5 mm thick
# over 8 mm (ours).
ENCASED_MM2 = 95.0
# What moves the cord: where a tumor has deeply entered it, the cord is mostly fixed, and rarely elsewhere (Hirano 1991,
# Acta Otolaryngol 111:449, 80 specimens); the shares are ours.
FIXED_IF_ENTERED, FIXED_ELSE, IMPAIRED_UNLESS_FIXED, LIKELY = 0.8, 0.05, 0.2, 0.5
MEDIASTINUM = ("mediastinum", "mediastinal_fat", "thymus", "aorta", "aortic_arch", "brachiocephalic_trunk",
               "brachiocephalic_vein_*", "superior_vena_cava", "pericardium")  # fmt: skip
# Carcinomas that the chapters describe; the record's plain "carcinoma" is taken for the usual kind.
SQUAMOUS = ("squamous", "carcinoma")
MUST_IMAGE = {
    "neck": "cervical nodes were not seen",
    "thorax": "lungs, mediastinal nodes and a second primary were not seen",
}
NO_TUMOR = "no tumor was contoured or found; draw it or name the contour"


@dataclass(frozen=True)
class Border:
    """One word of a site's vocabulary and the masks that stand for it.

    Attributes:
        word: as the vocabulary spells it.
        masks: names; a trailing star stands for any ending.
        touched, entered: ceilings of the probability for contact alone and for overlap of ENTERED_MM or more.
        encased: a vessel: the angle of contact decides.
        asked: without any of its masks at hand the word is unknown, not absent.
    """

    word: str
    masks: tuple[str, ...]
    touched: float = INVASION_CEILING
    entered: float = ENTERED
    encased: bool = False
    asked: bool = False

    def holds(self, structure: str) -> bool:
        """Whether a mask's name stands for the word.

        >>> Border("prevertebral_fascia", PREVERTEBRAL).holds("vertebrae_C4")
        True
        """
        return any(structure == name or (name[-1] == "*" and structure.startswith(name[:-1])) for name in self.masks)


def space(word: str, *masks: str, asked: bool = False) -> Border:
    """A fat space."""
    return Border(word, masks, entered=SPACE_ENTERED, asked=asked)


def mucosa(word: str, *masks: str) -> Border:
    """A part of the lining that the tumor may lie in; to lie beside it says little."""
    return Border(word, masks, touched=MUCOSA_TOUCHED, entered=MUCOSA_ENTERED)


def vessel(word: str, *masks: str) -> Border:
    """An artery whose encasement counts."""
    return Border(word, masks, encased=True)


MOVERS = (space("paraglottic_space", "paraglottic_space_*"), Border("arytenoid", ("arytenoid_*",)))


def borders_of(structure: str, borders: Iterable[Border]) -> tuple[Border, ...]:
    """The borders that a mask's name stands for, in the order of the table."""
    return tuple(border for border in borders if border.holds(structure))


def encasement_probability(angle_deg: float) -> float:
    """Encasement of a carotid by its angle of contact.

    >>> [encasement_probability(angle) for angle in (90, 200, 270)]
    [0.03, 0.25, 0.9]
    """
    if angle_deg >= ENCASED_DEG:
        return ENCASED
    return HALF_ENCASED if angle_deg >= ABUTTED_DEG else ABUTTED


def chances(contacts: Iterable[Contact], borders: Sequence[Border]) -> dict[str, float]:
    """Probability by word; contacts that nothing calibrates and that enter nothing share one ceiling.

    A calibrated (or stated) probability wins, except for encasement, which the angle measures; 0 and 1 always win.
    """
    found: dict[str, tuple[float, bool]] = {}
    for contact in contacts:
        for border in borders_of(contact.structure, borders) if _meets(contact) else ():
            p, free = _read(contact, border)
            if p > found.get(border.word, (-1.0, False))[0]:
                found[border.word] = (p, free)
    loose = sum(p for p, free in found.values() if not free)
    scale = min(1.0, INVASION_CEILING / loose) if loose else 1.0
    return {word: round(p if free else p * scale, 4) for word, (p, free) in found.items()}


def _meets(contact: Contact) -> bool:
    return contact.contact_mm2 > 0 or contact.depth_mm > 0


def _read(contact: Contact, border: Border) -> tuple[float, bool]:
    """Probability of one contact, and whether it stands apart from the ceiling that loose contacts share."""
    if border.encased and contact.angle_deg is not None and contact.probability not in CERTAIN:
        angle = contact.angle_deg if contact.contact_mm2 >= ENCASED_MM2 else min(contact.angle_deg, ABUTTED_DEG)
        return encasement_probability(angle), True
    if contact.probability is not None:
        return contact.probability, True
    if contact.depth_mm >= ENTERED_MM and not border.encased:
        return border.entered, True
    return contact_probability(contact, border.touched), False


def structures_fact(
    findings: Findings,
    primary: Tumor,
    history: History,
    key: str,
    borders: Sequence[Border],
    by_ct: Mapping[str, float] | None = None,
) -> Fact:
    """A set of the vocabulary, member by member: a person's list, else endoscopy, else the CT's contacts.

    Args:
        key: the fact: invaded_structures, subsites_involved, ...
        by_ct: probabilities by word, where a site reads its contacts in a way of its own.
    """
    stated = stated_fact(history, key)
    if stated is not None:
        return stated
    words = vocabulary().site(findings.cancer).facts[key].values
    found = dict(chances(primary.contacts, borders) if by_ct is None else by_ct)
    told = seen(history, words)
    members: dict[str, Any] = {word: _member(found.get(word, 0.0)) for word in words}
    members |= dict.fromkeys(_not_at_hand(findings, borders, found))
    members |= {word: fact.value[word] for word, fact in told.items()}
    evidence = [from_record(fact) for fact in distinct(told.values())]
    evidence += _contact_evidence(primary, [border for border in borders if border.word not in told])
    return _set_fact(key, members, evidence or [from_tumor(primary, f"{key.replace('_', ' ')}: none seen")])


def _set_fact(key: str, members: Mapping[str, Any], evidence: Sequence[Evidence]) -> Fact:
    if all(isinstance(value, bool) for value in members.values()):
        return known(key, [word for word, value in members.items() if value], *evidence)
    open_words = [word for word, value in members.items() if value is None]
    reason = not_delineated(open_words) if open_words else "contact on CT; invasion is not seen as such"
    return doubtful(key, dict(members), *evidence, reason=reason)


def _not_at_hand(findings: Findings, borders: Iterable[Border], found: Mapping[str, float]) -> list[str]:
    """Words that are asked for and that no mask could show; none where nothing is told of masks."""
    if not masks_are_told(findings):
        return []
    return [border.word for border in borders if border.asked and not _at_hand(border, findings, found)]


def _at_hand(border: Border, findings: Findings, found: Mapping[str, float]) -> bool:
    """Whether a mask could show a word, or the tumor meets one that does."""
    return border.word in found or any(border.holds(name) for name in findings.structures_assessed)


def _member(p: float | None) -> Any:
    """A structure as the engine takes it: true, false, or a probability."""
    return bool(p) if p in CERTAIN else {"p": p}


def _contact_evidence(primary: Tumor, borders: Sequence[Border]) -> list[Evidence]:
    """The contacts that speak for one of the words, the most likely first."""
    chance = {contact: _loudest(contact, borders) for contact in primary.contacts if _meets(contact)}
    met = sorted((contact for contact, p in chance.items() if p > 0), key=lambda contact: -chance[contact])
    return [from_tumor(primary, _contact_words(contact)) for contact in met]


def _loudest(contact: Contact, borders: Sequence[Border]) -> float:
    return max((_read(contact, border)[0] for border in borders_of(contact.structure, borders)), default=0.0)


def _contact_words(contact: Contact) -> str:
    words = contact.structure.replace("_", " ")
    if contact.angle_deg is not None:
        return f"{contact.angle_deg:.0f} degrees of the {words} in contact"
    if contact.depth_mm >= ENTERED_MM:
        return f"reaches {contact.depth_mm:.0f} mm into the {words}"
    return f"{contact.contact_mm2:.0f} mm2 of contact with {words}"


def carotid_angle_deg(primary: Tumor | None) -> float | None:
    """The largest angle of contact with a carotid artery; None where none is met."""
    carotid = Border("carotid", CAROTIDS)
    angles = [
        contact.angle_deg
        for contact in (primary.contacts if primary else ())
        if contact.angle_deg is not None and carotid.holds(contact.structure)
    ]
    return max(angles, default=None)


def greatest_dimension(primary: Tumor, history: History) -> Fact:
    """The longest diameter, as a person states it or as it was measured."""
    return stated_fact(history, "greatest_dimension_mm") or longest_diameter(primary, PROPOSED_IN_NECK)


def cord_mobility(history: History, findings: Findings, primary: Tumor | None) -> Fact:
    """How the vocal cords move, by endoscopy; words of one day that contradict leave what they say open.

    Without endoscopy it is as likely as what moves the cord is entered; unknown where no mask could show that.
    """
    fact = best(history, "vocal_cord_mobility")
    if fact is None:
        return _likely_mobility(findings, primary)
    clash = [one for one in history.named("vocal_cord_mobility") if one.date == fact.date]
    values = list(dict.fromkeys(str(one.value) for one in clash))
    if len(values) > 1 and not is_stated(fact):
        reason = "endoscopies of one day contradict each other"
        return doubtful("vocal_cord_mobility", {"one_of": values}, *map(from_record, clash), reason=reason)
    return known("vocal_cord_mobility", str(fact.value), from_record(fact))


def _likely_mobility(findings: Findings, primary: Tumor | None) -> Fact:
    key, reason = "vocal_cord_mobility", "no endoscopy in the record tells it; images do not show it"
    found = chances(primary.contacts, MOVERS) if primary else {}
    entered = max(found.values(), default=0.0)
    shown = all(_at_hand(mover, findings, found) for mover in MOVERS)
    if primary is None or (entered < LIKELY and not shown):
        return unknown(key, reason)
    fixed = round(entered * FIXED_IF_ENTERED + (1.0 - entered) * FIXED_ELSE, 4)
    impaired = round((1.0 - fixed) * IMPAIRED_UNLESS_FIXED, 4)
    evidence = from_tumor(primary, f"paraglottic space or arytenoid entered: {100 * entered:.0f} %")
    value = {"p": {"normal": round(1.0 - fixed - impaired, 4), "impaired": impaired, "fixed": fixed}}
    return doubtful(key, value, evidence, reason=reason)


def contact_mm2(primary: Tumor | None, beginning: str) -> float:
    """The largest area of contact with a structure whose name begins so, whole mm2."""
    contacts = primary.contacts if primary else ()
    return round(max((one.contact_mm2 for one in contacts if one.structure.startswith(beginning)), default=0.0))


def refuse_other_histology(history: History, title: str, also: Sequence[str] = ()) -> None:
    """Refuse, by name, every histology that these chapters' tables do not describe here.

    Args:
        also: classes of the site beside squamous carcinoma.
    Raises:
        ScopeError: the record names another class.
    """
    found = recorded_histology(history)
    if found is None or found[0] in (*SQUAMOUS, *also):
        return
    words = found[0].replace("_", " ")
    raise ScopeError(
        f"the record says {words} ({found[1].resource}); {title} is staged here for squamous cell carcinoma only; "
        "stage it by the chapter of that tumor"
    )


def polarity(history: History, marker: str) -> bool | None:
    """p16 or EBV by the record: true, false, or None where it is missing or contradicts itself.

    Args:
        marker: "p16" or "ebv".
    """
    fact = best(history, marker)
    if fact is None:
        return None
    if any(conflict.name == marker for conflict in history.conflicts) and not is_stated(fact):
        return None
    return bool(fact.value == "positive")


def unseen_primary(history: History, marker: str, structures: str) -> tuple[Fact, ...]:
    """Facts for T where no tumor was measured: T0 only where an endoscopist or a person found no primary.

    Args:
        marker: "p16" or "ebv", which then speaks of the node that was sampled.
        structures: the site's word for the set of structures that a tumor grows into.
    """
    keys = ("greatest_dimension_mm", structures)
    return (
        *(stated_fact(history, key) or unknown(key, NO_TUMOR) for key in keys),
        primary_identified(history) or unknown("primary_identified", NO_TUMOR),
        marker_fact(history, marker),
    )


def primary_identified(history: History) -> Fact | None:
    """Whether a primary was found, by a person's word or endoscopy; None where neither tells."""
    looked = seen(history, ("primary_identified",)).get("primary_identified")
    stated = stated_fact(history, "primary_identified")
    if stated is not None or looked is None:
        return stated
    return known("primary_identified", looked.value["primary_identified"], from_record(looked))


def marker_fact(history: History, marker: str) -> Fact:
    """p16 or EBV of the tissue that was sampled, as the fact about nodes; unknown where the record does not tell."""
    key, positive, told = f"nodes_{marker}_positive", polarity(history, marker), best(history, marker)
    if positive is not None and told is not None:
        return known(key, positive, from_record(told))
    name = {"ebv": "EBV"}.get(marker, marker)
    return unknown(key, f"{name}: {'the record contradicts itself' if told else 'no result in the record'}")


def p16_subset(history: History) -> str | None:
    """The subset of the oropharynx; None where nobody tested it: both tables are then joined, none is guessed."""
    positive = polarity(history, "p16")
    return None if positive is None else f"p16={'positive' if positive else 'negative'}"


def n_facts(findings: Findings, history: History, subset: str | None = None) -> tuple[Fact, ...]:
    """Side of the tumor, and nodes with side and extranodal extension."""
    return (side_fact(findings, history), neck_nodes_fact(findings, history, subset))


def m_facts(findings: Findings, history: History, regions: Iterable[str] = tuple(MUST_IMAGE)) -> tuple[Fact, ...]:
    """Metastases that a person or the record confirms, and what was not imaged."""
    return (mets_fact(findings, history), not_imaged(findings, regions))


def side_fact(findings: Findings, history: History) -> Fact:
    """The primary's side: a person's word, else the images, else the record."""
    recorded = best(history, "laterality")
    primary = findings.primary
    if recorded is not None and is_stated(recorded):
        return known("tumor_side", recorded.value, from_record(recorded))
    if primary is not None and primary.laterality is not None:
        side = str(primary.laterality)
        words = "lies in the midline" if primary.laterality is Laterality.MIDLINE else f"lies on the {side}"
        return known("tumor_side", side, from_tumor(primary, words))
    if recorded is not None:
        return known("tumor_side", recorded.value, from_record(recorded))
    found = primary_identified(history)
    if found is not None and found.value is False:  # without a primary, nodes of one side are ipsilateral
        return known("tumor_side", str(Laterality.MIDLINE), *found.evidence)
    return unknown("tumor_side", "neither images nor record tell the side")


def conflicts(
    findings: Findings, history: History, by_ct: Mapping[str, Mapping[str, float]] | None = None
) -> tuple[Conflict, ...]:
    """The record's own contradictions, and where record and images disagree: side, samples, endoscopy.

    Args:
        by_ct: by set of structures, the probability of each of its words by CT.
    """
    primary = findings.primary
    return (
        *history.conflicts,
        *laterality_conflict(primary, history),
        *neck_sample_conflicts(findings, history),
        *unplaced_conflicts(history, findings.cancer),
        *(one for key, found in (by_ct or {}).items() for one in denied(history, key, found, primary)),
    )
