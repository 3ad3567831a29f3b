"""Patients with cancer of the pancreas, and the categories that the definitions give to each construction.

Source of the steps: AJCC 8, ch. 28 (Kamarajah 2017, Ann Surg Oncol 24:2023): size, the three arteries, number of
regional nodes. Density and uptake: ductal cancer enhances less than the gland (Lu 1996, J Comput Assist Tomogr 20:651).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from models.synthetic.abdomen_places import TUMOR_PLACES, TumorPlace
from models.synthetic.cohorts.chance import (
    common_record,
    lognormal,
    pick,
    sampled_stations,
    size_away_from,
    some_build,
    some_scanner,
)
from models.synthetic.cohorts.chest_node import chest_node
from models.synthetic.plan import MetastasisPlan, NodePlan, PatientPlan, TumorPlan, grouped

SIZES_T = ((5.0, "T1a"), (9.5, "T1b"), (20.0, "T1c"), (40.0, "T2"), (999.0, "T3"))
ARTERIES = ("celiac_trunk", "superior_mesenteric_artery", "common_hepatic_artery")
REGIONAL: Mapping[str, Sequence[str]] = {
    "head": (
        "anterior_pancreaticoduodenal", "posterior_pancreaticoduodenal", "peripancreatic", "pyloric",
        "common_bile_duct", "common_hepatic_artery", "portal_vein", "superior_mesenteric_vein",
        "sma_right_lateral_wall",
    ),
    "body": ("peripancreatic", "common_hepatic_artery", "celiac", "splenic_artery", "splenic_hilum"),
}  # fmt: skip
# What a tumor may take in on its way, by part; none of it changes T.
WITHIN: Mapping[str, tuple[str, ...]] = {
    "head": ("common_bile_duct", "gastroduodenal_artery"),
    "body": ("splenic_vein", "splenic_artery", "portal_vein_and_splenic_vein"),
    "tail": ("splenic_vein", "splenic_artery", "portal_vein_and_splenic_vein"),
}
NEIGHBORS: Mapping[str, Sequence[str]] = {
    "head": ("duodenum", "superior_mesenteric_vein", "portal_vein"),
    "body": ("portal_vein", "stomach"),
    "tail": ("spleen", "stomach"),
}
ARTERIES_NEAR: Mapping[str, Sequence[str]] = {
    "head": ("superior_mesenteric_artery", "common_hepatic_artery"),
    "body": ("celiac_trunk", "superior_mesenteric_artery", "common_hepatic_artery"),
}
LOCALLY_ADVANCED, NEIGHBOR = 0.26, 0.4
GROUPS: Mapping[str, Mapping[str, str]] = {
    "N0": {"T1c": "IA", "T2": "IB", "T3": "IIA", "T4": "III"},
    "N1": {"T1c": "IIB", "T2": "IIB", "T3": "IIB", "T4": "III"},
    "N2": dict.fromkeys(("T1c", "T2", "T3", "T4"), "III"),
}


def pancreas_plan(random: np.random.Generator) -> PatientPlan:
    """One patient of the pancreatic cohort."""
    part = pick(random, {"head": 0.68, "body": 0.17, "tail": 0.15})
    build = some_build(random, males=0.53)
    artery = _artery(part, random)
    place = _place(part, artery, random)
    size = size_away_from(random, 22.0 if artery else 13.0, 58.0 if part != "head" else 52.0, [b for b, _ in SIZES_T])
    nodes = _nodes(part, random)
    metastases = _metastases(random)
    t = "T4" if artery else next(name for bound, name in SIZES_T if size <= bound)
    return PatientPlan(
        cancer="pancreas",
        build=build,
        tumor=_tumor(part, place, place.center(build), size, artery, random),
        location=place.part,
        laterality=None,
        categories={"8": categories_of(t, nodes, bool(metastases))},
        nodes=nodes,
        metastases=metastases,
        sampled=sampled_stations(random, nodes, [node.station for node in nodes if node.malignant]),
        record=_record(part, t, bool(metastases), random),
        question="Resectable, borderline or locally advanced?",
        scanner=some_scanner(random, (1.25, 0.75, 0.75), 13.0),
        pathology=_duct(part, random),
    )


def _duct(part: str, random: np.random.Generator) -> dict[str, float]:
    """A tumor of the head narrows the main duct, which widens behind it, in most patients."""
    if part != "head" or random.random() >= 0.65:
        return {}
    return {"duct_wider_mm": float(random.uniform(1.0, 2.5))}


def _artery(part: str, random: np.random.Generator) -> str | None:
    if part not in ARTERIES_NEAR or random.random() >= LOCALLY_ADVANCED:
        return None
    return str(random.choice(ARTERIES_NEAR[part]))


def _place(part: str, artery: str | None, random: np.random.Generator) -> TumorPlace:
    fitting = [place for place in TUMOR_PLACES[part] if artery is None or artery in place.towards]
    return fitting[int(random.integers(len(fitting)))]


def _tumor(
    part: str,
    place: TumorPlace,
    center: tuple[float, float, float],
    size: float,
    artery: str | None,
    random: np.random.Generator,
) -> TumorPlan:
    neighbors = (str(random.choice(NEIGHBORS[part])),) if random.random() < NEIGHBOR and size > 20.0 else ()
    return TumorPlan(
        home=(place.part, "pancreas", "torso_fat"),
        center_lps=center,
        greatest_mm=size,
        invaded=neighbors,
        along=(*WITHIN[part], *(("portal_vein_and_splenic_vein",) if "portal_vein" in neighbors else ())),
        encased=(artery,) if artery else (),
        wrapped=float(random.choice([0.5, 1.0])),
        avoided=() if artery else ARTERIES,
        suv=lognormal(random, 5.6, 0.4, 1.9, 16.0),
        necrosis=float(random.uniform(0.06, 0.25)) if size > 35.0 and random.random() < 0.4 else 0.0,
        hu=float(random.normal(4.0, 7.0)),
        roughness=float(random.uniform(0.1, 0.2)),
    )


def _nodes(part: str, random: np.random.Generator) -> tuple[NodePlan, ...]:
    stations = REGIONAL["head" if part == "head" else "body"]
    count = int(random.choice([0, 1, 2, 3, 4, 5], p=[0.4, 0.17, 0.14, 0.1, 0.11, 0.08]))
    count = min(count, len(stations))
    chosen = [str(name) for name in random.choice(stations, count, replace=False)]
    benign = [str(name) for name in random.choice(stations, int(random.integers(1, 4)), replace=False)]
    found = [chest_node(name, True, random) for name in chosen]
    found += [chest_node(name, False, random) for name in benign if name not in chosen]
    return tuple(replace(node, place=0.7 * node.place) for node in found)


def _metastases(random: np.random.Generator) -> tuple[MetastasisPlan, ...]:
    if random.random() >= 0.14:
        return ()
    count = int(random.integers(1, 4))
    return tuple(
        MetastasisPlan("liver", "liver", float(random.uniform(8, 22)), lognormal(random, 5.0, 0.4, 2.4, 14.0))
        for _ in range(count)
    )


def categories_of(t: str, nodes: Sequence[NodePlan], spread: bool) -> dict[str, str]:
    """N by the number of involved regional nodes."""
    count = sum(node.malignant for node in nodes)
    n = "N0" if count == 0 else "N1" if count <= 3 else "N2"
    return grouped(t, n, "M1" if spread else "M0", "IV" if spread else GROUPS[n][t])


def _record(part: str, t: str, spread: bool, random: np.random.Generator) -> dict[str, Any]:
    level = 30.0 if random.random() < 0.1 else {"T1c": 90.0, "T2": 220.0, "T3": 420.0, "T4": 600.0}[t]
    level *= 4.0 if spread else 1.0
    return {
        **common_record(random),
        "histology": "adenocarcinoma",
        "subsite": part,
        "ca_19_9": float(round(lognormal(random, level, 0.8, 3.0, 20000.0), 1)),
    }
