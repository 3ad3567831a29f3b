"""Small builders of staging facts, and the probabilities that stand in until a calibrated model does.

Every probability here rests on a published figure that is named beside it, none on our own data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from oncology.cancers.neck_node import neck_malignancy
from oncology.cancers.protocol import site_of
from oncology.findings import (
    NECK_SITES,
    REVIEW_RESOURCE,
    Contact,
    Evidence,
    Fact,
    Findings,
    History,
    Node,
    RecordFact,
    Source,
    SourceKind,
    Status,
    Tumor,
)

# Sensitivity and specificity for mediastinal nodes, ACCP review (Silvestri 2013, Chest 143 suppl).
SHORT_AXIS_MM = 10.0
SIZE_SENSITIVITY, SIZE_SPECIFICITY = 0.55, 0.81
# Uptake above mediastinal background is commonly read at SUVmax 2.5 (Silvestri 2013).
SUV_POSITIVE = 2.5
PET_SENSITIVITY, PET_SPECIFICITY = 0.77, 0.86
PRIOR_MALIGNANT = 0.28  # median prevalence of mediastinal metastasis in those reviews
DRAWN_AS_GROSS_TUMOR = 0.95  # a person contoured the node as gross tumor volume
# Without a calibrated model contact alone never asserts invasion, as TNM takes the lower category when in doubt: these
# ceilings, all reached at once, still leave the category of the size the likeliest (0.75 * 0.85 * 0.85 * 0.95 > 0.5).
INVASION_CEILING, PLEURA_CEILING, BRONCHUS_CEILING, COLLAPSE = 0.25, 0.15, 0.15, 0.05


@dataclass(frozen=True)
class Proposed:
    """How a proposed tumor's true length lies to the measured one: so much larger, with one standard deviation of
    `share` of its length."""

    larger_mm: float
    share: float


# By what a tumor stands out from; python -m models.training.proposed_size prints it for tuning patients: 0.9 mm, 0.03
# for 13 lungs (1.5 mm by the network before, which is kept until more are measured), 0.3 mm and 0.10 for 36 necks, 0.1
# mm and 0.03 for 22 esophagi, 0.5 mm and 0.04 for 11 pancreases; for the last two no bias and a share of 0.12 are kept,
# as single proposals are off by far more.
PROPOSED_IN_AIR, PROPOSED_IN_NECK, PROPOSED_IN_TISSUE = Proposed(1.5, 0.04), Proposed(0.3, 0.1), Proposed(0.0, 0.12)
# Contact over less than 3 cm with a kept fat plane is usually no invasion (Glazer 1989, Radiology 173).
CONTACT_HALF_MM2 = math.pi * 15.0**2


def known(key: str, value: Any, *evidence: Evidence) -> Fact:
    """A fact that is taken as it is."""
    return Fact(key, value, Status.KNOWN, evidence)


def doubtful(key: str, value: Any, *evidence: Evidence, reason: str = "") -> Fact:
    """A fact that carries probabilities."""
    return Fact(key, value, Status.DOUBTFUL, evidence, reason)


def unknown(key: str, reason: str) -> Fact:
    """A fact that nobody can tell yet, with the reason."""
    return Fact(key, None, Status.UNKNOWN, (), reason)


NOT_DELINEATED = "not delineated on CT and not told by the record"


def not_delineated(words: Iterable[str]) -> str:
    """Why words of the vocabulary are in doubt that no mask shows and nobody speaks of.

    >>> not_delineated(["chest_wall", "heart"])
    'not delineated on CT and not told by the record: chest wall, heart'
    """
    return f"{NOT_DELINEATED}: {', '.join(word.replace('_', ' ') for word in words)}"


def masks_are_told(findings: Findings) -> bool:
    """Whether it is told which structures had masks: some, or none as the step that draws them failed."""
    failed = any(verdict.code == "part-failed" and verdict.where == "anatomy" for verdict in findings.quality)
    return failed or bool(findings.structures_assessed)


def from_record(fact: RecordFact) -> Evidence:
    """Evidence that a record's statement gives."""
    stated = fact.resource.startswith(f"{REVIEW_RESOURCE}/")
    source = Source(SourceKind.PERSON if stated else SourceKind.RECORD, fact.resource)
    return Evidence(source, f"{fact.resource}#{fact.path}", record_words(fact), fact.date)


def record_words(fact: RecordFact) -> str:
    """A record's statement in a reader's words.

    >>> record_words(RecordFact("station_result", {"station": "7", "malignant": False, "method": "EBUS"}, "r", "p"))
    'EBUS of station 7: benign'
    """
    if fact.name == "station_result":
        finding = "malignant" if fact.value["malignant"] else "benign"
        place = " ".join(filter(None, (str(fact.value["station"]), fact.value.get("laterality"))))
        return f"{fact.value.get('method') or 'sample'} of station {place}: {finding}"
    if isinstance(fact.value, Mapping):
        told = (
            f"{name} {'yes' if item is True else 'no' if item is False else item}" for name, item in fact.value.items()
        )
        return f"{fact.name}: {', '.join(told)}".replace("_", " ")
    return f"{fact.name.replace('_', ' ')}: {str(fact.value).replace('_', ' ')}"


def from_tumor(tumor: Tumor, detail: str) -> Evidence:
    """Evidence that a measured tumor gives."""
    return Evidence(tumor.source, tumor.id, detail)


def from_node(node: Node) -> Evidence:
    """Evidence that a measured node gives."""
    uptake = f", SUVmax {node.suv_max:.1f}" if node.suv_max is not None else ""
    return Evidence(node.source, node.id, f"short axis {node.short_axis_mm:.1f} mm{uptake}")


def contact_probability(contact: Contact, ceiling: float) -> float:
    """How likely contact is invasion, from area alone, below the ceiling; a calibrated value given with it wins."""
    if contact.probability is not None:
        return contact.probability
    return round(ceiling * contact.contact_mm2 / (contact.contact_mm2 + CONTACT_HALF_MM2), 3)


def invasion_probabilities(contacts: Iterable[Contact]) -> dict[str, float]:
    """By structure: contacts of one tumor share one ceiling, so that many of them do not add up to an assertion."""
    found = [(contact, contact_probability(contact, INVASION_CEILING)) for contact in contacts]
    doubtful_sum = sum(share for contact, share in found if contact.probability is None)
    scale = min(1.0, INVASION_CEILING / doubtful_sum) if doubtful_sum else 1.0
    return {
        contact.structure: share if contact.probability is not None else round(share * scale, 3)
        for contact, share in found
    }


def malignancy_probability(node: Node) -> float:
    """Malignancy of a mediastinal node from size and uptake by Bayes' rule, signs taken as independent.

    A classifier's probability, when the node carries one, wins.
    """
    if node.p_malignant is not None:
        return node.p_malignant
    if node.drawn_as_involved:
        return DRAWN_AS_GROSS_TUMOR
    odds = PRIOR_MALIGNANT / (1 - PRIOR_MALIGNANT)
    odds *= _likelihood_ratio(node.short_axis_mm >= SHORT_AXIS_MM, SIZE_SENSITIVITY, SIZE_SPECIFICITY)
    if node.suv_max is not None:
        odds *= _likelihood_ratio(node.suv_max >= SUV_POSITIVE, PET_SENSITIVITY, PET_SPECIFICITY)
    return round(odds / (1 + odds), 3)


def _likelihood_ratio(positive: bool, sensitivity: float, specificity: float) -> float:
    return sensitivity / (1 - specificity) if positive else (1 - sensitivity) / specificity


def classify_nodes(findings: Findings) -> Findings:
    """The findings with a probability for every node that has none yet, by the signs of the cancer's region."""
    of_region = neck_malignancy if site_of(findings.cancer) in NECK_SITES else malignancy_probability
    nodes = tuple(replace(node, p_malignant=_chance(node, of_region)) for node in findings.nodes)
    return replace(findings, nodes=nodes)


def _chance(node: Node, of_region: Callable[[Node], float]) -> float:
    if node.p_malignant is not None:
        return node.p_malignant
    return DRAWN_AS_GROSS_TUMOR if node.drawn_as_involved else of_region(node)


def station_results(history: History) -> dict[str, RecordFact]:
    """Newest biopsy result of each station; any positive one wins over negatives."""
    results: dict[str, RecordFact] = {}
    for fact in reversed(history.named("station_result")):
        station = fact.value["station"]
        if not (station in results and results[station].value["malignant"]):
            results[station] = fact
    return results


def whole_mm(value: float) -> int:
    """A measured length as it meets a table: whole millimeters, halves up."""
    return math.floor(value + 0.5)


def longest_diameter(primary: Tumor, proposed: Proposed = PROPOSED_IN_TISSUE) -> Fact:
    """The greatest dimension in whole millimeters; doubtful where the scan ends in the tumor or a network drew it.

    Args:
        proposed: how far a network's length is off.
    """
    size = whole_mm(primary.greatest_dimension_mm)
    evidence = from_tumor(primary, f"longest diameter {primary.greatest_dimension_mm:.1f} mm")
    if primary.touches_border:
        return doubtful("greatest_dimension_mm", size, evidence, reason="the tumor reaches the edge of the scan")
    if primary.needs_confirmation:
        chances = {"p": size_chances(primary.greatest_dimension_mm + proposed.larger_mm, proposed.share)}
        reason = "a network drew the border: lengths may be off; confirm or correct it"
        if proposed.larger_mm:
            reason = f"a network drew the border, on average {proposed.larger_mm:.0f} mm short; confirm or correct it"
        return doubtful("greatest_dimension_mm", chances, evidence, reason=reason)
    return known("greatest_dimension_mm", size, evidence)


def size_chances(expected_mm: float, sd: float) -> dict[str, float]:
    """What a proposed tumor's length may be, in whole millimeters: a normal distribution cut at two deviations.

    Args:
        sd: one standard deviation as a share of the length.

    >>> chances = size_chances(20.0, 0.15)
    >>> chances["20"] > chances["17"] > chances["14"]
    True
    """
    steps = [place / 4.0 for place in range(-8, 9)]
    weights = [math.exp(-(step**2) / 2.0) for step in steps]
    found: dict[str, float] = {}
    for step, weight in zip(steps, weights, strict=True):
        size = str(max(1, whole_mm(expected_mm * (1.0 + sd * step))))
        found[size] = found.get(size, 0.0) + weight / sum(weights)
    return rounded_shares(found)


def rounded_shares(shares: Mapping[str, float]) -> dict[str, float]:
    """Rounded to 4 digits, adding up to 1, without what is next to nothing."""
    kept = {name: round(share, 4) for name, share in shares.items() if share >= 0.0005}
    likeliest = max(kept, key=lambda name: kept[name])
    kept[likeliest] = round(1.0 - sum(share for name, share in kept.items() if name != likeliest), 4)
    return kept
