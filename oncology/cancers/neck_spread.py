"""Nodes of the neck as a fact: samples by level and side, and extranodal extension by examination or imaging."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from oncology.cancers.endoscopy import distinct, seen
from oncology.cancers.evidence import DRAWN_AS_GROSS_TUMOR, from_record, whole_mm
from oncology.cancers.neck_node import neck_malignancy
from oncology.cancers.node_sample import ANY_NECK, LevelSample, decisive_samples
from oncology.cancers.spread import (
    CERTAIN,
    anywhere_of,
    is_decided,
    is_stated,
    nodes_fact,
    sample_conflicts,
    sampled_places,
    suspicion,
)
from oncology.findings import (
    Conflict,
    Ene,
    Evidence,
    Fact,
    Findings,
    History,
    Node,
    RecordFact,
    Status,
)

# What an examination of the neck reports when extension beyond a node is overt (AJCC 8, ch. 5 to 13: skin, deep
# fixation to muscle or neighbors, nerve signs), as components of an endoscopy or examination.
OVERT = ("node_fixed", "node_in_skin", "node_in_muscle", "node_nerve_palsy")
# HNCIG grade 3, into muscle, skin, vessel or nerve (Henson 2024, Lancet Oncol 25:e297): what a hand would often feel.
# Imaging alone does not make it overt, so the share stays below one half (ours; no study gives it).
INVADING_GRADE, OVERT_IF_INVADING = 3, 0.45
FELT = {"positive": True, "ene": True, "ene_evidence": "clinical"}
# A node above this is not overlooked where somebody or something looked for nodes of the neck (ours).
LARGEST_UNSEEN_MM = 40
# Where a proven node may lie whose station's name tells no more than that it may be regional.
REGIONAL_LEVELS = ("II", "III", "IV", "VI", "VII", "supraclavicular")
# Why a sample leaves N open, or is not used.
OPEN_SIDE = "the side of a malignant sample of level {level} is not recorded: N stays open between the sides"
MAYBE_PROVEN = "the side of a malignant sample of level {level} is not recorded: it counts as the node proven there"
CLEARS_NONE = "the side of a benign sample of level {level} is not recorded: it clears no node"
NO_LEVEL = "station {level} is no level of the neck: its sample says nothing of N"


def neck_nodes_fact(findings: Findings, history: History, subset: str | None = None) -> Fact:
    """The nodes as spread.nodes_fact gives them, by level and side, with extranodal extension.

    A sample speaks of the most suspicious node of its level and side. One whose side is open adds a node of unknown
    side: it is one of the measured nodes there, in place of the most suspicious one, or a node that was not measured.
    """
    measured = with_neck_chances(findings).nodes
    samples = _samples(measured, history)
    told = _Told.by(samples, measured)
    nodes = tuple(replace(node, p_malignant=told.chances.get(node.id, node.p_malignant)) for node in measured)
    others = tuple(fact for fact in history.facts if fact.name != "station_result")
    fact = nodes_fact(replace(findings, nodes=nodes), replace(history, facts=others), findings.cancer, subset)
    if fact.value is None and not told.unmeasured:
        return fact
    looked = findings.nodes_assessed and "neck" in findings.regions_imaged
    size = {"greatest_dimension_mm": {"max": LARGEST_UNSEEN_MM}} if looked else {}
    listed = (*(fact.value or ()), *(entry | size for entry in told.unmeasured))
    entries = [told.placed(entry) for entry in _with_extension(listed, measured, history)]
    evidence = [from_record(one) for one in (*(sample.fact for sample in samples), *_overt(history))]
    certain = not told.reasons and all(_is_certain(entry) for entry in entries)
    status = Status.KNOWN if certain else Status.DOUBTFUL
    return Fact(fact.key, entries, status, (*evidence, *told.reasons, *fact.evidence))


def _is_certain(entry: Mapping[str, Any]) -> bool:
    return entry["positive"] is False or not any(isinstance(entry[key], Mapping) for key in ("positive", "ene"))


def with_neck_chances(findings: Findings) -> Findings:
    """The findings with a probability for every node, by the signs of the neck where no classifier gave one."""
    return replace(findings, nodes=tuple(map(_with_chance, findings.nodes)))


def _with_chance(node: Node) -> Node:
    if node.p_malignant is not None:
        return node
    return replace(node, p_malignant=DRAWN_AS_GROSS_TUMOR if node.drawn_as_involved else neck_malignancy(node))


def neck_sample_conflicts(findings: Findings, history: History) -> Iterator[Conflict]:
    """As spread.sample_conflicts, with the nodes of each sample's level and side."""
    judged = with_neck_chances(findings)
    for sample in _samples(judged.nodes, history):
        met = replace(judged, nodes=tuple(_met(sample, judged.nodes)), metastasis_candidates=())
        yield from sample_conflicts(met, replace(history, facts=(sample.fact,)))
    yield from sample_conflicts(replace(judged, nodes=()), history)


def _samples(nodes: Iterable[Node], history: History) -> list[LevelSample]:
    return decisive_samples(history, [(node.station, node.laterality) for node in nodes])


def _at_level(sample: LevelSample, nodes: Iterable[Node]) -> list[Node]:
    return [node for node in nodes if node.station in sample.levels]


def _met(sample: LevelSample, nodes: Iterable[Node]) -> list[Node]:
    there = _at_level(sample, nodes)
    sides = sample.sides_met([node.laterality for node in there])
    return [node for node in there if node.laterality in sides]


@dataclass
class _Told:
    """What samples make of the nodes.

    Attributes:
        chances: 1 or 0 by id of a node that was sampled.
        sides: by id of such a node whose own side is unknown or in the midline, the side that its sample leaves.
        open_sides: by id of the node that stands for a sample of open side, the lengths (mm) that node may have.
        unmeasured: entries of nodes that samples proved and nobody measured.
    """

    chances: dict[str, float] = field(default_factory=dict)
    sides: dict[str, str | None] = field(default_factory=dict)
    open_sides: dict[str, Any] = field(default_factory=dict)
    unmeasured: list[dict[str, Any]] = field(default_factory=list)
    reasons: list[Evidence] = field(default_factory=list)

    @classmethod
    def by(cls, samples: Iterable[LevelSample], nodes: Sequence[Node]) -> _Told:
        """Samples of a known side first, then those that found tumor."""
        told = cls()
        for sample in sorted(samples, key=lambda one: (one.side is None, not one.malignant)):
            told._read(sample, nodes)
        return told

    def _read(self, sample: LevelSample, nodes: Sequence[Node]) -> None:
        there = _at_level(sample, nodes)
        if not sample.levels:
            self._read_off_map(sample)
        elif sample.malignant and sample.side is None and self._proves(sample, there):
            self._explain(MAYBE_PROVEN, sample)
        elif met := [node for node in _met(sample, nodes) if node.id not in self.chances]:
            self._settle(sample, max(met, key=suspicion))
        elif sample.malignant:
            self._add(sample, [node for node in there if node.id not in self.chances and not is_decided(node)])
        elif sample.side is None and there:
            self._explain(CLEARS_NONE, sample)

    def _read_off_map(self, sample: LevelSample) -> None:
        """A proven node that may be regional is one of any level; one beyond the neck is a metastasis, see `mets`."""
        station = sample.fact.value["station"]
        levels = sampled_places(station, ANY_NECK, REGIONAL_LEVELS) if sample.malignant else ()
        if levels:
            self.unmeasured.append({"positive": True, "station": anywhere_of(levels), "count": 1})
        else:
            self._explain(NO_LEVEL, sample)

    def _proves(self, sample: LevelSample, there: Iterable[Node]) -> bool:
        """Whether a node of the sample's level is proven already."""
        proven = {entry["station"] for entry in self.unmeasured if isinstance(entry["station"], str)}
        return bool(proven & {*sample.levels}) or any(
            self.chances.get(node.id, node.p_malignant) == 1.0 for node in there
        )

    def _settle(self, sample: LevelSample, node: Node) -> None:
        """A node as its sample found it, unless a person said so of the node itself."""
        if is_decided(node) and not is_stated(sample.fact):
            return
        self.chances[node.id] = float(sample.malignant)
        if sample.side is not None and node.laterality != sample.side:
            self.sides[node.id] = sample.side if node.laterality is None else None

    def _add(self, sample: LevelSample, there: Sequence[Node]) -> None:
        """A node that a sample proved at its side; of open side, one of those there."""
        if sample.side is None:
            self._explain(OPEN_SIDE, sample)
        if sample.side is None and there:
            lengths = [whole_mm(node.long_axis_mm) for node in there]
            likeliest = max(there, key=suspicion)
            self.chances[likeliest.id] = 1.0
            shortest, longest = min(lengths), max(lengths)
            self.open_sides[likeliest.id] = longest if longest == shortest else {"min": shortest, "max": longest}
            return
        lies = {} if sample.side is None else {"laterality": str(sample.side)}
        self.unmeasured.append({"positive": True, "station": anywhere_of(sample.levels), "count": 1, **lies})

    def _explain(self, why: str, sample: LevelSample) -> None:
        of_record = from_record(sample.fact)
        self.reasons.append(replace(of_record, detail=why.format(level=sample.fact.value["station"])))

    def placed(self, entry: dict[str, Any]) -> dict[str, Any]:
        """A node's entry with what its sample tells of its side; without its name where it stands for another."""
        name = entry.get("id", "")
        if name not in self.open_sides and name not in self.sides:
            return entry
        side = self.sides.get(name)
        kept = {key: value for key, value in entry.items() if key != "laterality"}
        if name in self.sides:
            return kept | ({"laterality": str(side)} if side else {})
        del kept["id"]
        return {**kept, "greatest_dimension_mm": self.open_sides[name]}


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
