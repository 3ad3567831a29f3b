"""What is known of a neck before one of its nodes is judged: the tumor, p16, and the levels that are sure.

Order, once and never back: T is staged without any node; every node is judged by its own look alone; for each node the
other levels that are sure by that, or proven, are gathered. The node itself is left out of all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from models.involvement.tables import LEVELS
from oncology.cancers.evidence import DRAWN_AS_GROSS_TUMOR
from oncology.cancers.head_and_neck import ENTERED_MM, polarity, side_fact
from oncology.cancers.node_sample import sampled_side
from oncology.cancers.protocol import cancer
from oncology.cancers.spread import best, decisive_results
from oncology.errors import AimdtError
from oncology.findings import Findings, History, Laterality, Node, RecordFact, Tumor
from oncology.tnm.engine import stage_axis

# From here on a level counts as involved or clear by images alone (ours: one in ten may be wrong; between, it is open).
INVOLVED, CLEAR = 0.9, 0.1
LEAST_SHARE = 0.1  # of a node on the border of two levels
EDITION = "8"  # describes every site here, with p16 and without; the tables' T are of the 7th and 8th edition
SIDED = (Laterality.RIGHT, Laterality.LEFT)
Place = tuple[Laterality, str]


@dataclass(frozen=True)
class Situation:
    """What bears on a level's chance to be involved; what is not known is None or absent.

    Attributes:
        t: chance by T as a whole number (T4a is 4), empty where it is open.
        midline: whether the tumor lies in or grows over the midline.
        levels: the levels that are sure, True for involved.
    """

    site: str
    subsite: str | None = None
    t: Mapping[int, float] = field(default_factory=dict)
    p16: bool | None = None
    midline: bool | None = None
    tumor_side: Laterality | None = None
    levels: Mapping[Place, bool] = field(default_factory=dict)


def level_of(station: str | None) -> str | None:
    """The tables' level of a station: IB is I, RP is VII; None where they have none.

    >>> level_of("IIA"), level_of("RP"), level_of("VI")
    ('II', 'VII', None)
    """
    name = {"RP": "VII"}.get(station or "", (station or "").upper().rstrip("AB"))
    return name if name in LEVELS else None


def tumor_situation(findings: Findings, history: History) -> Situation:
    """What record and images say of the tumor; no node is looked at."""
    bare = replace(findings, nodes=(), metastasis_candidates=())
    subsite, side = best(history, "subsite"), side_fact(bare, history).value
    return Situation(
        site=findings.cancer,
        subsite=str(subsite.value) if subsite else None,
        t=t_chances(bare, history),
        p16=polarity(history, "p16"),
        midline=over_midline(findings.primary),
        tumor_side=Laterality(side) if side else None,
    )


def t_chances(findings: Findings, history: History) -> dict[int, float]:
    """Chance by T as a whole number; empty where T is not told or the case is not staged."""
    try:
        facts = cancer(findings.cancer).derive(findings, history)
        given = {fact.key: fact.value for fact in facts.t}
        found = stage_axis("t", facts.site, EDITION, given, subset=facts.subset, explain=False).probabilities
    except AimdtError:
        return {}
    chances: dict[int, float] = {}
    for name, p in found.items():
        digits = "".join(letter for letter in name if letter.isdigit())
        if digits and p > 0:
            chances[int(digits)] = chances.get(int(digits), 0.0) + p
    total = sum(chances.values())
    return {name: p / total for name, p in sorted(chances.items())}


def over_midline(tumor: Tumor | None) -> bool | None:
    """Whether the tumor lies in the midline or reaches into paired structures of both sides."""
    if tumor is None or tumor.laterality is None:
        return None
    entered = [contact.structure for contact in tumor.contacts if contact.depth_mm >= ENTERED_MM]
    both = all(any(name.endswith(f"_{side}") for name in entered) for side in SIDED)
    return tumor.laterality is Laterality.MIDLINE or both


def sure_levels(
    findings: Findings, history: History, alone: Mapping[str, float], asked: Node | None = None
) -> dict[Place, bool]:
    """The levels whose status is sure: proven by tissue, else by every node in them; no node seen is clear.

    Args:
        alone: chance of malignancy by id of the node, each by its own look alone.
        asked: the node that is about to be judged, which says nothing here.
    """
    others = [node for node in findings.nodes if asked is None or node.id != asked.id]
    return {**_by_images(others, alone, looked=_looked(findings)), **proven(history, findings.nodes)}


def _looked(findings: Findings) -> bool:
    return findings.nodes_assessed and "neck" in findings.regions_imaged


def _by_images(nodes: Sequence[Node], alone: Mapping[str, float], *, looked: bool) -> dict[Place, bool]:
    chances: dict[Place, list[float | None]] = {
        (side, level): [0.0] if looked else [] for side in SIDED for level in LEVELS
    }
    for node in nodes:
        for place, share in _places(node).items():
            p = _seen(node, alone)
            chances[place].append(p * share if p is not None else None)
    return {place: status for place, found in chances.items() if (status := _status(found)) is not None}


def _status(found: Sequence[float | None]) -> bool | None:
    known = [p for p in found if p is not None]
    if any(p >= INVOLVED for p in known):
        return True
    return False if found and len(known) == len(found) and max(known) <= CLEAR else None


def _places(node: Node) -> dict[Place, float]:
    """The levels that a node may lie in; on either side where its own is not told."""
    sides = (node.laterality,) if node.laterality in SIDED else SIDED
    shares: dict[Place, float] = {}
    for station, share in (node.station_alternatives or {node.station or "": 1.0}).items():
        level = level_of(station)
        for side in sides if level and share >= LEAST_SHARE else ():
            shares[side, str(level)] = shares.get((side, str(level)), 0.0) + share / len(sides)
    return shares


def _seen(node: Node, alone: Mapping[str, float]) -> float | None:
    if node.id in alone:
        return alone[node.id]
    return DRAWN_AS_GROSS_TUMOR if node.drawn_as_involved else node.p_malignant


def proven(history: History, nodes: Sequence[Node]) -> dict[Place, bool]:
    """Status by tissue or a person's word; a sample that names no side counts where nodes lie on one side alone."""
    by_place: dict[Place, list[RecordFact]] = {}
    for fact in history.named("station_result"):
        level = level_of(fact.value["station"])
        side = sampled_side(fact, [node.laterality for node in nodes if level_of(node.station) == level])
        if level and side in SIDED:
            by_place.setdefault((Laterality(side), level), []).append(fact)
    return {place: _any_malignant(facts) for place, facts in by_place.items()}


def _any_malignant(facts: Sequence[RecordFact]) -> bool:
    return any(result.value["malignant"] for result in decisive_results(History(tuple(facts))).values())
