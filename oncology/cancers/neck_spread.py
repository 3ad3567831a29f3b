"""Nodes of the neck as a fact: samples by level and side, and extranodal extension by examination or imaging."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from oncology.cancers.endoscopy import distinct, seen
from oncology.cancers.evidence import DRAWN_AS_GROSS_TUMOR, from_record
from oncology.cancers.neck_node import neck_malignancy
from oncology.cancers.spread import CERTAIN, decisive_results, is_stated, nodes_fact
from oncology.findings import Ene, Fact, Findings, History, Node, RecordFact, SourceKind, Status

# What an examination of the neck reports when extension beyond a node is overt (AJCC 8, ch. 5 to 13: skin, deep
# fixation to muscle or neighbors, nerve signs), as components of an endoscopy or examination.
OVERT = ("node_fixed", "node_in_skin", "node_in_muscle", "node_nerve_palsy")
# HNCIG grade 3, into muscle, skin, vessel or nerve (Henson 2024, Lancet Oncol 25:e297): what a hand would often feel.
# Imaging alone does not make it overt, so the share stays below one half (ours; no study gives it).
INVADING_GRADE, OVERT_IF_INVADING = 3, 0.45
FELT = {"positive": True, "ene": True, "ene_evidence": "clinical"}


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
