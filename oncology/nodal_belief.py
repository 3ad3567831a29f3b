"""What the staging believes of each lymph node and of each station that was sampled, and what told it.

Report and map of stations show this and not what images alone say: a node whose station a sample found benign is none.
Nothing is estimated here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oncology.cancers.spread import CERTAIN, decisive_results, is_stated
from oncology.findings import History, RecordFact, SourceKind

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
    """The result that counts at a station; `side` where it names one."""

    station: str
    side: str | None
    malignant: bool
    told_by: str

    def meets(self, node: Mapping[str, Any]) -> bool:
        """Whether it speaks of the place of a node of findings.json."""
        return node["station"] == self.station and (self.side is None or node["laterality"] in (self.side, None))


def samples(history: Mapping[str, Any]) -> list[Sample]:
    """The result that counts at every station that was sampled, or that a person spoke of, by station.

    Args:
        history: the content of history.json.
    """
    facts = [RecordFact(**fact) for fact in history.get("facts", ()) if fact["name"] == "station_result"]
    return [_sample(fact) for _, fact in sorted(decisive_results(History(tuple(facts))).items())]


def _sample(fact: RecordFact) -> Sample:
    told_by = PERSON if is_stated(fact) else fact.value.get("method") or SAMPLE
    return Sample(fact.value["station"], fact.value.get("laterality"), bool(fact.value["malignant"]), told_by)


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
