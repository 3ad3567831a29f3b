"""Patients with cancers of the head and neck, and the categories that the definitions give to each construction.

Source of the steps: AJCC 8 chapters 8 to 13; 9th version of p16-positive oropharynx and of nasopharynx. Extension that
a hand can feel (grade 3: into muscle, skin or vessels) is the overt one of N3b.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from models.synthetic.cohorts.chance import common_record, lognormal, pick, sampled_stations, some_build, some_scanner
from models.synthetic.cohorts.neck_group import group_of
from models.synthetic.cohorts.neck_growth import OPTIONS, Option
from models.synthetic.cohorts.neck_node import neck_nodes
from models.synthetic.neck_subsites import MIDLINE, SUBSITE_PLACES
from models.synthetic.plan import NodePlan, PatientPlan, TumorPlan, grouped

SIZES_T = ((20.0, "T1"), (40.0, "T2"), (999.0, "T3"))
OVERT_GRADE = 3
# Nodes by T: none, one, several of one side, both sides (after Lindberg 1972, Cancer 29:1446, and the sites' habits).
PATTERNS = {
    "low": {"none": 0.66, "single": 0.18, "several": 0.12, "bilateral": 0.04},
    "high": {"none": 0.3, "single": 0.24, "several": 0.28, "bilateral": 0.18},
}
EAGER = ("hypopharynx", "oropharynx", "nasopharynx")  # they spread early
BELOW_CRICOID = ("IV", "VB", "VII", "supraclavicular")
DEPTH = "depth_of_invasion_mm"
SUBSITE_WORDS = {
    "posterior_pharyngeal_wall": "posterior_wall", "postcricoid_area": "postcricoid",
    "posterior_superior_wall": "posterior_wall",
}  # fmt: skip


def head_neck_plan(site: str, random: np.random.Generator) -> PatientPlan:
    """One patient of a head and neck cohort."""
    options = OPTIONS[site]
    shares = np.array([option.share for option in options])
    option = options[int(random.choice(len(options), p=shares / shares.sum()))]
    subsite = SUBSITE_PLACES[site][option.subsite]
    side = "midline" if subsite.sides == MIDLINE else str(random.choice(["left", "right"]))
    hand = str(random.choice(["left", "right"])) if side == "midline" else side
    build = some_build(random, males=0.76)
    size = float(random.uniform(*option.size_mm))
    depth = None if option.depth_mm is None else round(float(random.uniform(*option.depth_mm)), 1)
    t = option.t or next(name for bound, name in SIZES_T if size <= bound)
    p16 = _p16(site, option, random)
    t = "T4" if p16 and t.startswith("T4") else t
    nodes = neck_nodes(site, hand, _pattern(site, t, p16, random), random)
    return PatientPlan(
        cancer=site,
        build=build,
        tumor=replace(
            _tumor(option, subsite.center(build, side), hand, size, random),
            depth_mm=None if "mandible" in option.into else depth,  # there T is by bone
        ),
        location=option.subsite,
        laterality=side,
        categories=categories_of(site, t, nodes, hand, p16),
        nodes=nodes,
        sampled=sampled_stations(random, nodes, [node.station for node in nodes if node.malignant]),
        record=_record(site, option, nodes, p16, random) | ({} if depth is None else {DEPTH: depth}),
        facts={"subsite": option.subsite, "p16": p16},
        question="Surgery or chemoradiotherapy?",
        scanner=some_scanner(random, (1.25, 0.8, 0.8), 12.0),
    )


def _tumor(
    option: Option, center: tuple[float, float, float], hand: str, size: float, random: np.random.Generator
) -> TumorPlan:
    def named(names: Sequence[str]) -> tuple[str, ...]:
        other = "right" if hand == "left" else "left"
        return tuple(name.format(side=hand, other=other) for name in names)

    return TumorPlan(
        home=named(option.home),
        center_lps=center,
        greatest_mm=size,
        invaded=named(option.into),
        along=named(option.along),
        suv=lognormal(random, 9.5, 0.4, 3.0, 26.0),
        necrosis=float(random.uniform(0.05, 0.2)) if size > 30.0 and random.random() < 0.4 else 0.0,
        hu=float(random.normal(28.0, 8.0)),
        roughness=float(random.uniform(0.1, 0.2)),
    )


def _p16(site: str, option: Option, random: np.random.Generator) -> bool | None:
    """p16 of an oropharyngeal cancer: tonsil and base of tongue mostly positive; None elsewhere."""
    if site != "oropharynx":
        return None
    return bool(random.random() < (0.68 if option.subsite in ("tonsil", "base_of_tongue") else 0.2))


def _pattern(site: str, t: str, p16: bool | None, random: np.random.Generator) -> str:
    high = p16 or site in EAGER or t[:2] in ("T3", "T4")
    if site == "larynx" and t in ("T1a", "T1b"):
        return "none" if random.random() < 0.93 else "single"
    return pick(random, PATTERNS["high" if high else "low"])


def categories_of(
    site: str, t: str, nodes: Sequence[NodePlan], side: str, p16: bool | None
) -> dict[str, dict[str, str]]:
    """N by number, size, side, level and extension of the involved nodes, and the groups."""
    involved = [node for node in nodes if node.malignant]
    if site == "nasopharynx":
        n8, n9 = _n_nasopharynx(involved)
        return {e: grouped(t, n, "M0", group_of(site, e, t, n)) for e, n in (("8", n8), ("9", n9))}
    if p16:
        n8, n9 = _n_p16(involved, side)
        return {e: grouped(t, n, "M0", group_of("p16", e, t, n)) for e, n in (("8", n8), ("9", n9))}
    n = _n_of(involved, side)
    return {"8": grouped(t, n, "M0", group_of(site, "8", t, n))}


def _n_of(involved: Sequence[NodePlan], side: str) -> str:
    if not involved:
        return "N0"
    if any(node.ene and node.ene_grade == OVERT_GRADE for node in involved):
        return "N3b"
    longest = max(node.long_mm for node in involved)
    if longest > 60.0:
        return "N3a"
    if any(node.side != side for node in involved):
        return "N2c"
    if len(involved) > 1:
        return "N2b"
    return "N2a" if longest > 30.0 else "N1"


def _n_p16(involved: Sequence[NodePlan], side: str) -> tuple[str, str]:
    if not involved:
        return "N0", "N0"
    if max(node.long_mm for node in involved) > 60.0:
        return "N3", "N3"
    across = any(node.side != side for node in involved)
    extends = any(node.ene for node in involved)
    return ("N2" if across else "N1"), ("N3" if across and extends else "N2" if across or extends else "N1")


def _n_nasopharynx(involved: Sequence[NodePlan]) -> tuple[str, str]:
    if not involved:
        return "N0", "N0"
    low = any(node.station in BELOW_CRICOID for node in involved)
    if low or max(node.long_mm for node in involved) > 60.0:
        return "N3", "N3"
    cervical = [node for node in involved if node.station != "RP"]
    n8 = "N2" if len({node.side for node in cervical}) == 2 else "N1"
    advanced = any(node.ene and node.ene_grade == OVERT_GRADE for node in cervical)
    return n8, "N3" if advanced else n8


def _record(
    site: str,
    option: Option,
    nodes: Sequence[NodePlan],
    p16: bool | None,
    random: np.random.Generator,
) -> dict[str, Any]:
    record = {
        **common_record(random),
        "histology": "undifferentiated" if site == "nasopharynx" and random.random() < 0.7 else "squamous",
        "subsite": _word(site, option.subsite),
    }
    if site in ("larynx", "hypopharynx"):
        record["vocal_cord_mobility"] = str(random.choice(option.mobility))
    if p16 is not None:
        record["p16"] = p16
    if site == "nasopharynx":
        record["ebv"] = bool(random.random() < 0.85)
    if any(node.ene and node.ene_grade == OVERT_GRADE for node in nodes):
        record["endoscopy"] = {"node_fixed": True}
    return record


def _word(site: str, subsite: str) -> str | None:
    """The subsite as the diagnosis codes it."""
    if site == "larynx":
        glottic = ("vocal_cord", "anterior_commissure", "posterior_commissure")
        return "glottis" if subsite in glottic else "subglottis" if subsite == "subglottis" else "supraglottis"
    return SUBSITE_WORDS.get(subsite, subsite)
