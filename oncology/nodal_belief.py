"""What the staging believes of each lymph node and of each station that was sampled, and what told it.

Report and map of stations show this and not what images alone say: a node whose station a sample found benign is none.
Nothing is estimated here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oncology.cancers.node_sample import LevelSample, decisive_samples
from oncology.cancers.spread import CERTAIN, decisive_results, is_stated
from oncology.findings import NECK_SITES, History, RecordFact, SourceKind

PERSON, IMAGES, SAMPLE = "person", "images", "sample"


@dataclass(frozen=True)
class Belief:
    """Malignant or not where a sample or a person says so, else the probability; None where nobody could tell.

    `told_by`: the method of the sample (EBUS, biopsy, ...), person, or images.
    """

    malignant: bool | float | None
    told_by: str


@dataclass(frozen=True)
class Sample:
    """The result that counts at a station, or at a level and `side` of the neck; `met`: ids of nodes there."""

    station: str
    side: str | None
    malignant: bool
    told_by: str
    met: frozenset[str] = frozenset()

    def meets(self, node: Mapping[str, Any]) -> bool:
        """Whether it speaks of the place of a node of findings.json."""
        return node["id"] in self.met


def samples(history: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]], site: str) -> list[Sample]:
    """The result that counts at every station that was sampled, or that a person spoke of, by station.

    Args:
        history: the content of history.json.
        nodes: of findings.json.
        site: in the neck, samples speak of a side.
    """
    facts = [RecordFact(**fact) for fact in history.get("facts", ()) if fact["name"] == "station_result"]
    told = History(tuple(facts))
    if site not in NECK_SITES:
        return [_sample(fact, nodes) for _, fact in sorted(decisive_results(told).items())]
    of_levels = decisive_samples(told, [(node["station"], node["laterality"]) for node in nodes])
    found = [_of_level(sample, nodes) for sample in of_levels]
    return sorted(found, key=lambda sample: (sample.station, sample.side or ""))


def _sample(fact: RecordFact, nodes: Sequence[Mapping[str, Any]]) -> Sample:
    station = fact.value["station"]
    met = frozenset(node["id"] for node in nodes if node["station"] == station)
    return Sample(station, None, bool(fact.value["malignant"]), _told_by(fact), met)


def _of_level(sample: LevelSample, nodes: Sequence[Mapping[str, Any]]) -> Sample:
    there = [node for node in nodes if node["station"] in sample.levels]
    sides = sample.sides_met([node["laterality"] for node in there])
    met = frozenset(node["id"] for node in there if node["laterality"] in sides)
    name = sample.levels[0] if len(sample.levels) == 1 else sample.fact.value["station"]
    return Sample(name, sample.side, sample.malignant, _told_by(sample.fact), met)


def _told_by(fact: RecordFact) -> str:
    return PERSON if is_stated(fact) else fact.value.get("method") or SAMPLE


def node_beliefs(
    nodes: Sequence[Mapping[str, Any]], staging: Mapping[str, Any], found: Sequence[Sample]
) -> dict[str, Belief]:
    """Belief of every node by its id.

    Args:
        nodes: of findings.json.
        staging: the content of staging.json; it leaves out nodes out of the region that nobody proved.
        found: what `samples` gives.
    """
    entries = {entry["id"]: entry["positive"] for entry in nodal_entries(staging) if entry.get("id")}
    return {node["id"]: _belief(node, entries.get(node["id"]), found) for node in nodes}


def nodal_entries(staging: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The nodes that N and M were told by; none where they are unknown."""
    return next((fact["value"] for fact in staging.get("facts", ()) if fact["key"] == "nodes"), None) or ()


def _belief(node: Mapping[str, Any], positive: Any, found: Sequence[Sample]) -> Belief:
    here = [sample for sample in found if sample.meets(node)]
    if positive is None:
        return _of_no_entry(node, here)
    if isinstance(positive, Mapping):
        return Belief(positive["p"], IMAGES)
    sampled = next((sample.told_by for sample in here if sample.malignant is bool(positive)), None)
    return Belief(bool(positive), sampled or (PERSON if _is_by_person(node) else IMAGES))


def _of_no_entry(node: Mapping[str, Any], here: Sequence[Sample]) -> Belief:
    """A node that the staging does not count: as its own probability says, unless a sample or a person ruled it out."""
    benign = next((sample.told_by for sample in here if not sample.malignant), None)
    if benign:
        return Belief(False, benign)
    if _is_by_person(node) and node["p_malignant"] in CERTAIN:
        return Belief(bool(node["p_malignant"]), PERSON)
    return Belief(node["p_malignant"], IMAGES)


def _is_by_person(node: Mapping[str, Any]) -> bool:
    return bool(node["source"]["kind"] == SourceKind.PERSON)
