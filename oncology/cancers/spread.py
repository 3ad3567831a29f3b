"""Nodes and metastases of the trunk's cancers as facts: which source wins, and what waits for confirmation.

Order of sources: a person's statement in review, then pathology in the record, then a probability from the images.
A node at a station that is not regional is a metastasis. It counts once a person or the record confirms it; until
then it stands among the candidates.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from oncology.cancers.company import missed, together
from oncology.cancers.evidence import (
    doubtful,
    from_node,
    from_record,
    known,
    malignancy_probability,
    record_words,
    station_results,
    unknown,
    whole_mm,
)
from oncology.cancers.station_name import is_beyond, names_on_map
from oncology.findings import (
    REVIEW_RESOURCE,
    Conflict,
    Evidence,
    Fact,
    Findings,
    History,
    Laterality,
    MetastasisCandidate,
    Node,
    RecordFact,
    Source,
    SourceKind,
    Tumor,
)
from oncology.tnm.feature import FoldFeature
from oncology.tnm.loader import tables
from oncology.tnm.vocabulary import vocabulary

CERTAIN = (0.0, 1.0)  # only a person (or a truth) says so; no network does
# A candidate for a metastasis that nobody confirmed: it never decides, however many there are, as false ones are what
# spoils stages (88 of 306 lung cancers upstaged by 196 of them: autoPET III, EJNMMI 2025), and is never nothing (ours).
UNCONFIRMED, LEAST_M0 = 0.2, 0.6
SUSPECTED = 0.5  # from here on images contradict who says that there is no tumor
BESIDE_PROVEN = 0.8  # what looks like a metastasis where a person or the record proves another one (ours)
NON_REGIONAL = "non_regional_lymph_node"
OPEN_PLACE = 0.5  # a proven node of which the station's name does not tell whether it is regional (ours)
UNPLACED = "a proven node's station is not on this cancer's map: it may be regional or a distant metastasis"
MISSED = "a malignant node that no network found is possible: some are missed beside those that are found"
NOT_ASSESSED = "lymph nodes were not assessed: none contoured, no network, no biopsy that is positive"


def is_stated(fact: RecordFact) -> bool:
    """Whether a person said so in review."""
    return fact.resource.startswith(f"{REVIEW_RESOURCE}/")


def best(history: History, name: str) -> RecordFact | None:
    """The statement that counts: a person's in review, else the record's newest."""
    found = history.named(name)
    return next((fact for fact in found if is_stated(fact)), found[0] if found else None)


def decisive_results(history: History) -> dict[str, RecordFact]:
    """Result by station: a person's statement wins, then any positive sample, then the newest negative one."""
    results = station_results(history)
    for fact in reversed(history.named("station_result")):
        if is_stated(fact):
            results[fact.value["station"]] = fact
    return results


@cache
def distant_stations(site: str, subset: str | None = None) -> frozenset[str]:
    """Stations whose nodes make M1 by the tables, whatever the part of the organ where that is not told."""
    known_site = vocabulary().site(site)
    edition = max(tables().editions(site))
    found = tables().find(known_site, edition, "clinical", "m", subset)
    return frozenset.intersection(*(_node_stations(table.features.values()) for table in found))


def _node_stations(features: Iterable[Any]) -> frozenset[str]:
    return frozenset(
        station
        for feature in features
        if isinstance(feature, FoldFeature)
        for source in feature.sources
        if source.list_name == "nodes"
        for one in source.filters
        for station in one.station or ()
    )


@dataclass
class _Entries:
    """The list of nodes as the engine takes it, and why."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)

    def add_missed(self, site: str, regional: Sequence[str]) -> None:
        """The chance of one more malignant node, which no network found, at any of the regional stations."""
        found = [entry["positive"] for entry in self.nodes]
        chance = missed([one["p"] if isinstance(one, Mapping) else float(one) for one in found], site)
        if chance:
            self.nodes.append({"positive": {"p": chance}, "count": 1, "station": anywhere_of(regional)})
            self.evidence.append(Evidence(Source(SourceKind.RULES, "company"), "nodes", MISSED))


def nodes_fact(
    findings: Findings, history: History, site: str, subset: str | None = None, tumor_side: Any = None
) -> Fact:
    """The regional nodes with what is known of each, and what biopsies found where no node was measured.

    Args:
        tumor_side: left or right where it is known: a node on the midline counts to that side.
    """
    spelled = vocabulary().site(site).stations
    results = _on_sides(decisive_results(history), findings.nodes, site)
    distant = distant_stations(site, subset)
    into = _Entries(evidence=[from_record(result) for result in results.values()])
    sampled = _sampled(findings.nodes, results)
    judged = [(node, _positive(node, results, sampled)) for node in findings.nodes]
    judged = [(node, positive) for node, positive in judged if node.station not in distant or positive is True]
    for node, positive in in_company(judged, results, site):
        into.nodes.append(_entry(node, positive, site, distant, results, tumor_side))
        into.evidence.append(from_node(node))
    seen = {node.station for node in findings.nodes}
    regional = [station for station in spelled if station not in distant]
    into.nodes += [
        {"positive": True, "station": anywhere_of(names), "count": 1}
        for station, result in results.items()
        if result.value["malignant"] and station not in seen and (names := sampled_places(station, site, regional))
    ]
    if any(node.malignancy_model for node in findings.nodes):
        into.add_missed(site, regional)
    if not into.nodes and not (findings.nodes_assessed or findings.nodes):
        return unknown("nodes", NOT_ASSESSED)
    certain = all(entry["positive"] in (True, False) for entry in into.nodes)
    return (known if certain else doubtful)("nodes", into.nodes, *into.evidence)


def in_company(
    judged: Sequence[tuple[Node, Any]], results: Mapping[str, RecordFact], site: str
) -> Iterator[tuple[Node, Any]]:
    """Regional nodes with what is known of each, those that a model rated as the others make it likely."""
    spread = any(positive is True for _, positive in judged) or any(one.value["malignant"] for one in results.values())
    rated = {
        node.id: one["p"]
        for node, one in judged
        if isinstance(one, Mapping) and node.malignancy_model and one["p"] not in CERTAIN
    }
    shares = dict(zip(rated, together(list(rated.values()), site, spread=spread), strict=True))
    for node, positive in judged:
        yield node, {"p": round(shares[node.id], 4)} if node.id in shares else positive


def sampled_places(station: str, site: str, regional: Sequence[str]) -> Sequence[str]:
    """Where a proven node lies by its station's name: any regional one where the map has no such name, and none where
    it lies beyond the map."""
    return names_on_map(station, None, site) or (regional if is_beyond(station, site) is None else ())


def _on_sides(results: Mapping[str, RecordFact], nodes: Iterable[Node], site: str) -> dict[str, RecordFact]:
    """Results by station; one told without its side (4 for 4R or 4L) is that of the one side that has nodes there."""
    seen = {node.station for node in nodes if node.station is not None}
    placed = dict[str, RecordFact]()
    for station, result in results.items():
        there = seen.intersection(names_on_map(station, None, site)) - results.keys()
        placed[there.pop() if station not in seen and len(there) == 1 else station] = result
    return placed


def anywhere_of(names: Sequence[str]) -> Any:
    """A station, or any of several with equal chances, as the engine takes it."""
    return names[0] if len(names) == 1 else {"p": dict.fromkeys(names, 1 / len(names))}


def _sampled(nodes: Iterable[Node], results: Mapping[str, RecordFact]) -> set[str]:
    """The node of each positive station that the needle most likely met: the most suspicious, then the largest."""
    chosen: dict[str, Node] = {}
    for node in nodes:
        station = node.station or ""
        if station in results and results[station].value["malignant"]:
            other = chosen.get(station)
            if other is None or suspicion(node) > suspicion(other):
                chosen[station] = node
    return {node.id for node in chosen.values()}


def is_decided(node: Node) -> bool:
    """Whether a person said of the node itself what it is."""
    return node.source.kind is SourceKind.PERSON and node.p_malignant in CERTAIN


def suspicion(node: Node) -> tuple[float, float]:
    """By which the node is chosen that a needle most likely met: how likely it is malignant, then its size."""
    return malignancy_probability(node), node.short_axis_mm


def _positive(node: Node, results: Mapping[str, RecordFact], sampled: set[str]) -> Any:
    """true, false, or {"p": ...} as the engine takes it."""
    result = results.get(node.station or "")
    p = malignancy_probability(node)
    if is_decided(node) and not (result and is_stated(result)):
        return p == 1.0
    if result is not None and not result.value["malignant"]:
        return False
    if node.id in sampled or p == 1.0:
        return True
    return {"p": p}


def _entry(
    node: Node,
    positive: Any,
    site: str,
    distant: frozenset[str],
    results: Mapping[str, RecordFact],
    tumor_side: Any,
) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": node.id,
        "positive": positive,
        "count": 1,
        "greatest_dimension_mm": whole_mm(node.long_axis_mm),
        "station": _station(node, site, distant, results, tumor_side),
    }
    if node.laterality is not None and vocabulary().site(site).stations.get(node.station or "") is None:
        entry["laterality"] = str(node.laterality)  # where the station has a side, that counts: 4R crosses the midline
    return entry


def _station(
    node: Node,
    site: str,
    distant: frozenset[str],
    results: Mapping[str, RecordFact],
    tumor_side: Any,
) -> Any:
    """One station, {"p": ...} over regional ones, or None where no name of the vocabulary is left."""
    if node.station is None or node.station in results or node.station in distant:
        return node.station if node.station in vocabulary().site(site).stations else None
    side = tumor_side if node.laterality is Laterality.MIDLINE else node.laterality
    shares: dict[str, float] = {}
    for name, p in (node.station_alternatives or {node.station: 1.0}).items():
        names = names_on_map(name, side, site)
        for known_name in names:
            if known_name not in distant and p > 0:
                shares[known_name] = shares.get(known_name, 0.0) + p / len(names)
    total = sum(shares.values())
    if len(shares) > 1:
        return {"p": {name: p / total for name, p in shares.items()}}
    return next(iter(shares), None)


def mets_fact(findings: Findings, history: History) -> Fact:
    """Metastases that a person or the record confirms, each once; candidates that a sample ruled out are gone.

    Candidates that nobody confirmed leave a doubt, and M0 likelier than not.
    """
    results = _site_results(history, findings.cancer)
    benign = {site for site, fact in results.items() if not fact.value["malignant"]}
    settled = settled_as_nodes(findings, history)
    candidates = [item for item in findings.metastasis_candidates if item.id not in settled]
    confirmed = [
        candidate
        for candidate in candidates
        if candidate.confirmed and (candidate.site not in benign or candidate.source.kind is SourceKind.PERSON)
    ]
    sites = {candidate.site for candidate in confirmed}
    recorded = [fact for site, fact in results.items() if fact.value["malignant"]]
    mets = [_met(site, count, True) for site, count in _counted(confirmed)]
    mets += [_met_of(fact) for fact in recorded if fact.value["site"] not in sites]
    evidence = [from_record(fact) for fact in recorded]
    evidence += [Evidence(item.source, item.id, f"{item.site.replace('_', ' ')}: confirmed") for item in confirmed]
    if not mets and findings.tumors:
        detail = "no metastasis confirmed by a person or the record"
        evidence.append(Evidence(findings.tumors[0].source, findings.tumors[0].id, detail))
    pending = [item for item in candidates if item.confirmed is None]
    doubted = _counted(item for item in pending if item.site not in {*results, *sites})
    beside = _beside_proven(pending, sites, recorded)
    unplaced = _unplaced(history, findings.cancer)
    mets += [_met(NON_REGIONAL, 1, {"p": OPEN_PLACE}) for _ in unplaced]
    evidence += [from_record(fact) for fact in unplaced]
    if not doubted and not beside:
        return doubtful("mets", mets, *evidence, reason=UNPLACED) if unplaced else known("mets", mets, *evidence)
    mets += [_met(site, count, {"p": _unconfirmed(len(doubted))}) for site, count in doubted]
    mets += [_met(site, count, {"p": BESIDE_PROVEN}) for site, count in beside]
    words = ", ".join(site.replace("_", " ") for site, _ in (*doubted, *beside))
    return doubtful(
        "mets", mets, *evidence, reason=f"candidates that neither a person nor the record confirms: {words}"
    )


def settled_as_nodes(findings: Findings, history: History) -> frozenset[str]:
    """Candidates that are nodes of which a sample or a person told what they are: those count as nodes, if at all."""
    results = _on_sides(decisive_results(history), findings.nodes, findings.cancer)
    proven = _sampled(findings.nodes, results)
    benign = {station for station, result in results.items() if not result.value["malignant"]}
    told = [node for node in findings.nodes if node.id in proven or node.station in benign or is_decided(node)]
    return frozenset(
        item.id
        for item in findings.metastasis_candidates
        if item.site == NON_REGIONAL and any(node.centroid_lps == item.centroid_lps for node in told)
    )


def _unconfirmed(sites: int) -> float:
    """Chance that the candidates of one of so many sites are metastases."""
    return round(min(UNCONFIRMED, 1.0 - LEAST_M0 ** (1.0 / sites)), 4)


def _beside_proven(
    pending: Iterable[MetastasisCandidate], confirmed: Collection[str], recorded: Iterable[RecordFact]
) -> list[tuple[str, int]]:
    """Candidates by site beyond the proven ones there: all where a person confirmed one, else one needle meets one."""
    met = {fact.value["site"]: fact.value.get("count", 1) for fact in recorded} | dict.fromkeys(confirmed, 0)
    left = ((site, count - met[site]) for site, count in _counted(pending) if site in met)
    return [(site, count) for site, count in left if count > 0]


def _met(site: str, count: int, malignant: Any) -> dict[str, Any]:
    """An entry as the engine takes it."""
    spelled = vocabulary().site("lung").mets["site"].values
    return {"site": site if site in spelled else "other", "count": count, "malignant": malignant}


def _met_of(recorded: RecordFact) -> dict[str, Any]:
    """The record's own word for the site."""
    return {"site": recorded.value["site"], "count": recorded.value.get("count", 1), "malignant": True}


def _counted(candidates: Iterable[MetastasisCandidate]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for candidate in candidates:
        counts[candidate.site] = counts.get(candidate.site, 0) + 1
    return list(counts.items())


def _site_results(history: History, cancer: str) -> dict[str, RecordFact]:
    """Result by site, chosen as decisive_results chooses; proven nodes beyond the cancer's map are among them."""
    results: dict[str, RecordFact] = {}
    found = history.named("metastasis_result")
    for fact in reversed(found):
        site = fact.value["site"]
        if not (site in results and results[site].value["malignant"]):
            results[site] = fact
    results |= {fact.value["site"]: fact for fact in reversed(found) if is_stated(fact)}
    beyond = [fact for fact in _proven_nodes(history) if is_beyond(fact.value["station"], cancer)]
    if beyond:
        other = results.get(NON_REGIONAL)
        already = other.value.get("count", 1) if other is not None and other.value["malignant"] else 0
        told = {"site": NON_REGIONAL, "malignant": True, "count": max(len(beyond), already)}
        results[NON_REGIONAL] = replace(beyond[0], value={**beyond[0].value, **told})
    return results


def _proven_nodes(history: History) -> list[RecordFact]:
    """One fact for each station with a malignant sample that counts."""
    return [fact for fact in decisive_results(history).values() if fact.value["malignant"]]


def _unplaced(history: History, cancer: str) -> list[RecordFact]:
    """Proven nodes of stations of which nobody can tell whether they are regional for this cancer."""
    return [fact for fact in _proven_nodes(history) if is_beyond(fact.value["station"], cancer) is None]


def unplaced_conflicts(history: History, cancer: str) -> Iterator[Conflict]:
    """Proven nodes of such stations: N takes them for regional, M stays open."""
    for fact in _unplaced(history, cancer):
        message = (
            f"nodes: {record_words(fact)}; this cancer's map has no such station: it may be a regional node or a "
            "distant metastasis; a person must decide"
        )
        yield Conflict("mets", ("regional", "distant"), (fact.resource,), message)


def stated_fact(history: History, key: str) -> Fact | None:
    """A fact that the record or a person gives in the vocabulary's own words; None when nobody did."""
    fact = best(history, key)
    return known(key, fact.value, from_record(fact)) if fact else None


def laterality_conflict(primary: Tumor | None, history: History) -> tuple[Conflict, ...]:
    """The record names one side, the tumor lies on the other: shown; the images' side is staged."""
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


def sample_conflicts(findings: Findings, history: History) -> tuple[Conflict, ...]:
    """Benign samples where images speak for tumor: shown; the samples count, as needles do, and miss at times.

    A positive sample of what looks benign is no contradiction: to find that is what needles are for.
    """
    return (*_node_conflicts(findings, history), *_candidate_conflicts(findings, history))


def _node_conflicts(findings: Findings, history: History) -> Iterator[Conflict]:
    for result in decisive_results(history).values():
        side, station = result.value.get("laterality"), result.value["station"]
        suspected = [
            node
            for node in findings.nodes
            if node.station == station and (side is None or node.laterality in (side, None)) and _suspected(node)
        ]
        if suspected and _is_benign_sample(result):
            node = max(suspected, key=suspicion)
            share = f"{100 * malignancy_probability(node):.0f} %"
            message = (
                f"nodes: {record_words(result)}; {node.id} there is malignant with {share} by the images; staged by "
                "the sample, which may have missed it; a person must decide"
            )
            yield Conflict("nodes", ("benign", share), (result.resource, node.id), message)


def _suspected(node: Node) -> bool:
    """Whether images call it malignant; what a person says of it is decided."""
    return malignancy_probability(node) >= SUSPECTED and not is_decided(node)


def _is_benign_sample(result: RecordFact) -> bool:
    return not result.value["malignant"] and not is_stated(result)


def _candidate_conflicts(findings: Findings, history: History) -> Iterator[Conflict]:
    """Per site: candidates that are likely, that PET shows, or that are more than one needle met."""
    for site, result in _site_results(history, findings.cancer).items():
        pending = [item for item in findings.metastasis_candidates if item.site == site and item.confirmed is None]
        likely = [item for item in pending if _is_likely(item)]
        if _is_benign_sample(result) and (likely or len(pending) > 1):
            names = ", ".join(item.id for item in likely or pending)
            message = (
                f"metastasis: a sample of {site.replace('_', ' ')} is benign; the images propose {names} there; staged "
                "by the sample, which may have missed it; a person must decide"
            )
            yield Conflict("mets", ("benign", site), (result.resource, *(item.id for item in pending)), message)


def _is_likely(candidate: MetastasisCandidate) -> bool:
    return candidate.suv_max is not None if candidate.p_malignant is None else candidate.p_malignant >= SUSPECTED


def not_imaged(findings: Findings, regions: Iterable[str]) -> Fact:
    """The regions that M rests on and nobody imaged."""
    return known("regions_not_imaged", [region for region in regions if region not in findings.regions_imaged])
