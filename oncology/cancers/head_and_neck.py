"""What the five head and neck sites share: contacts to structures, nodes with extranodal extension, side, scope.

A site lists its structures as `Border`s, one for each word of its vocabulary: which masks stand for it, and what
contact with them is worth until a calibrated probability comes with the contact. What an endoscopist or a person in
review says of a structure wins over CT. Nothing is guessed that only an examination shows: without it the fact stays
open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from oncology.cancers.evidence import (
    DRAWN_AS_GROSS_TUMOR,
    INVASION_CEILING,
    contact_probability,
    doubtful,
    from_record,
    from_tumor,
    known,
    unknown,
    whole_mm,
)
from oncology.cancers.histology import recorded_histology
from oncology.cancers.neck_node import neck_malignancy
from oncology.cancers.spread import (
    CERTAIN,
    best,
    decisive_results,
    is_stated,
    mets_fact,
    nodes_fact,
    not_imaged,
    stated_fact,
)
from oncology.errors import ScopeError
from oncology.findings import (
    Conflict,
    Contact,
    Ene,
    Evidence,
    Fact,
    Findings,
    History,
    Laterality,
    Node,
    RecordFact,
    SourceKind,
    Status,
    Tumor,
)
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
MEDIASTINUM = ("mediastinum", "mediastinal_fat", "thymus", "aorta", "aortic_arch", "brachiocephalic_trunk",
               "brachiocephalic_vein_*", "superior_vena_cava", "pericardium")  # fmt: skip
# What an examination of the neck reports when extension beyond a node is overt (AJCC 8, ch. 5 to 13: skin, deep
# fixation to muscle or neighbors, nerve signs), as components of an endoscopy or examination.
OVERT = ("node_fixed", "node_in_skin", "node_in_muscle", "node_nerve_palsy")
# HNCIG grade 3, into muscle, skin, vessel or nerve (Henson 2024, Lancet Oncol 25:e297): what a hand would often feel.
# Imaging alone does not make it overt, so the share stays below one half (ours; no study gives it).
INVADING_GRADE, OVERT_IF_INVADING = 3, 0.45
FELT = {"positive": True, "ene": True, "ene_evidence": "clinical"}
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
        return encasement_probability(contact.angle_deg), True
    if contact.probability is not None:
        return contact.probability, True
    if contact.depth_mm >= ENTERED_MM and not border.encased:
        return border.entered, True
    return contact_probability(contact, border.touched), False


def endoscopy(history: History) -> dict[str, RecordFact]:
    """What endoscopies and examinations say, by component, each with the newest fact that says it."""
    merged: dict[str, RecordFact] = {}
    for fact in reversed(history.named("endoscopy")):
        merged.update(dict.fromkeys(fact.value, fact))
    for fact in reversed([fact for fact in history.named("endoscopy") if is_stated(fact)]):
        merged.update(dict.fromkeys(fact.value, fact))
    return merged


def seen(history: History, words: Iterable[str]) -> dict[str, RecordFact]:
    """The words that an endoscopy affirms or denies, with the fact that does."""
    said = endoscopy(history)
    return {word: said[word] for word in words if word in said and isinstance(said[word].value[word], bool)}


def distinct(facts: Iterable[RecordFact]) -> list[RecordFact]:
    """Each statement of the record once, in order."""
    return list({(fact.name, fact.resource, fact.path): fact for fact in facts}.values())


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
    open_words = [word.replace("_", " ") for word, value in members.items() if value is None]
    reason = "contact on CT; invasion is not seen as such"
    if open_words:
        reason = f"not delineated on CT and not told by the record: {', '.join(open_words)}"
    return doubtful(key, dict(members), *evidence, reason=reason)


def _not_at_hand(findings: Findings, borders: Iterable[Border], found: Mapping[str, float]) -> list[str]:
    """Words that are asked for and that no mask could show."""
    assessed = findings.structures_assessed
    if not assessed:
        return []
    shown = {border.word for border in borders if any(border.holds(name) for name in assessed)}
    return [border.word for border in borders if border.asked and border.word not in {*shown, *found}]


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


def cord_mobility(history: History) -> Fact:
    """How the vocal cords move, by endoscopy; words of one day that contradict leave what they say open."""
    fact = best(history, "vocal_cord_mobility")
    if fact is None:
        return unknown("vocal_cord_mobility", "no endoscopy in the record tells it; images do not show it")
    clash = [one for one in history.named("vocal_cord_mobility") if one.date == fact.date]
    values = list(dict.fromkeys(str(one.value) for one in clash))
    if len(values) > 1 and not is_stated(fact):
        reason = "endoscopies of one day contradict each other"
        return doubtful("vocal_cord_mobility", {"one_of": values}, *map(from_record, clash), reason=reason)
    return known("vocal_cord_mobility", str(fact.value), from_record(fact))


def contact_mm2(primary: Tumor | None, beginning: str) -> float:
    """The largest area of contact with a structure whose name begins so, whole mm2."""
    contacts = primary.contacts if primary else ()
    return round(max((one.contact_mm2 for one in contacts if one.structure.startswith(beginning)), default=0.0))


def size_fact(primary: Tumor) -> Fact:
    """The greatest dimension, in whole millimeters."""
    size = whole_mm(primary.greatest_dimension_mm)
    return known("greatest_dimension_mm", size, from_tumor(primary, f"greatest dimension {size} mm"))


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
    primary = max(findings.tumors, key=lambda tumor: tumor.greatest_dimension_mm, default=None)
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


def neck_nodes_fact(findings: Findings, history: History, subset: str | None = None) -> Fact:
    """The nodes as spread.nodes_fact gives them, by level and side, with extranodal extension.

    A sample speaks of one side where it names one; where it does not, of the most suspicious node of its level.
    """
    nodes, left = _with_samples(tuple(map(_with_chance, findings.nodes)), history)
    others = tuple(fact for fact in history.facts if fact.name != "station_result")
    fact = nodes_fact(replace(findings, nodes=nodes), replace(history, facts=(*others, *left)), findings.cancer, subset)
    if fact.value is None:
        return fact
    used = [one for one in decisive_results(history).values() if one not in left]
    entries = _with_extension(fact.value, nodes, history)
    evidence = (*map(from_record, (*used, *_overt(history))), *fact.evidence)
    certain = all(_is_certain(entry) for entry in entries)
    return replace(fact, value=entries, status=Status.KNOWN if certain else Status.DOUBTFUL, evidence=evidence)


def _is_certain(entry: Mapping[str, Any]) -> bool:
    return entry["positive"] is False or not any(isinstance(entry[key], Mapping) for key in ("positive", "ene"))


def _with_chance(node: Node) -> Node:
    if node.p_malignant is not None:
        return node
    return replace(node, p_malignant=DRAWN_AS_GROSS_TUMOR if node.drawn_as_involved else neck_malignancy(node))


def _with_samples(nodes: tuple[Node, ...], history: History) -> tuple[tuple[Node, ...], list[RecordFact]]:
    """The nodes as samples found them, and the samples of levels where no node was measured."""
    left = []
    sampled: dict[str, float] = {}
    for result in decisive_results(history).values():
        side = result.value.get("laterality")
        there = [
            node
            for node in nodes
            if node.station == result.value["station"] and (side is None or node.laterality in (side, None))
        ]
        if not there:
            left.append(result)
            continue
        chosen = max(there, key=lambda node: (node.p_malignant or 0.0, node.short_axis_mm))
        if chosen.source.kind is not SourceKind.PERSON or chosen.p_malignant not in CERTAIN or is_stated(result):
            sampled[chosen.id] = float(result.value["malignant"])
    return tuple(_sampled(node, sampled) for node in nodes), left


def _sampled(node: Node, sampled: Mapping[str, float]) -> Node:
    return replace(node, p_malignant=sampled[node.id]) if node.id in sampled else node


def _with_extension(
    entries: Sequence[Mapping[str, Any]], nodes: Iterable[Node], history: History
) -> list[dict[str, Any]]:
    """The engine's nodes with `ene` and its evidence: the record's examination wins, imaging alone leaves doubt."""
    by_id = {node.id: node for node in nodes}
    sure = [_in_words_of_the_neck(entry) for entry in entries]
    examined = _overt(history)
    felt = _felt_place(sure, by_id) if any(_says_overt(fact) for fact in examined) else None
    given = []
    for place, entry in enumerate(sure):
        node = by_id.get(entry.get("id", ""))
        by_imaging = _by_imaging(node.ene if node else None, examined=bool(examined))
        given.append({**entry, **(FELT if place == felt else by_imaging)})
    return given


def _in_words_of_the_neck(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A node's entry with its level as the neck's vocabulary names it; a probability of 0 or 1 is no or yes."""
    positive = entry["positive"]
    if isinstance(positive, Mapping) and positive["p"] in CERTAIN:
        positive = bool(positive["p"])
    renamed = {"level" if key == "station" else key: value for key, value in entry.items()}
    return {**renamed, "positive": positive}


def _overt(history: History) -> list[RecordFact]:
    return distinct(seen(history, OVERT).values())


def _says_overt(fact: RecordFact) -> bool:
    return any(fact.value.get(word) is True for word in OVERT)


def _felt_place(entries: Sequence[Mapping[str, Any]], by_id: Mapping[str, Node]) -> int | None:
    """The node that an examination most likely speaks of: the one most extended on imaging, then the largest."""

    def rank(place: int) -> tuple[float, float, float]:
        node = by_id.get(entries[place].get("id", ""))
        extent = (node.ene if node else None) or Ene(0.0)
        return extent.grade or 0, extent.p or 0.0, node.long_axis_mm if node else 0.0

    return max((place for place, entry in enumerate(entries) if entry["positive"] is not False), key=rank, default=None)


def _by_imaging(ene: Ene | None, *, examined: bool) -> dict[str, Any]:
    """Extension by imaging: radiological only, unless it invades neighbors and nobody says what a hand feels."""
    if ene is None or ene.p is None:
        return {"ene": None, "ene_evidence": "radiological_only"}
    value: Any = bool(ene.p) if ene.p in CERTAIN else {"p": ene.p}
    if ene.grade is None or ene.grade < INVADING_GRADE or examined:
        return {"ene": value, "ene_evidence": "radiological_only"}
    shares = {"clinical": OVERT_IF_INVADING, "radiological_only": 1 - OVERT_IF_INVADING}
    return {"ene": value, "ene_evidence": {"p": shares}}


def conflicts(findings: Findings, primary: Tumor | None, history: History) -> tuple[Conflict, ...]:
    """The record's own contradictions, and the side where record and images disagree."""
    return (*history.conflicts, *_side_conflict(primary, history))


def _side_conflict(primary: Tumor | None, history: History) -> tuple[Conflict, ...]:
    recorded = best(history, "laterality")
    sides = (Laterality.LEFT, Laterality.RIGHT)
    if recorded is None or primary is None or primary.laterality not in sides or recorded.value not in sides:
        return ()
    if is_stated(recorded) or recorded.value == primary.laterality:
        return ()
    message = (
        f"laterality: the record says {recorded.value}, the tumor lies on the {primary.laterality}; staged by the "
        "images; check that record and images belong together"
    )
    values = (str(recorded.value), str(primary.laterality))
    return (Conflict("laterality", values, (recorded.resource, primary.id), message),)
