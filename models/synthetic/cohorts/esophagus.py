"""Patients with cancer of the esophagus, and the categories that the definitions give to each construction.

Source of the steps: AJCC 8 (Rice 2017, J Thorac Oncol 12:36): depth of the wall, number of regional nodes, clinical
stage groups by histology.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.synthetic.cohorts.chance import common_record, lognormal, pick, sampled_stations, some_build, some_scanner
from models.synthetic.cohorts.chest_node import chest_node
from models.synthetic.frame import Build, middle_line
from models.synthetic.plan import MetastasisPlan, NodePlan, PatientPlan, TumorPlan, grouped
from oncology.findings import Point

FAT = ("mediastinal_fat", "torso_fat", "abdominal_cavity")
# Parts: heights of the frame between which the tumor's middle lies, and the stations that drain it most.
PARTS: Mapping[str, tuple[float, float]] = {"upper": (214.0, 250.0), "middle": (140.0, 196.0), "lower": (52.0, 118.0)}
STATIONS: Mapping[str, Sequence[str]] = {
    "upper": ("1R", "1L", "2R", "2L", "4R", "4L", "8U", "7", "8M"),
    "middle": ("2R", "4R", "4L", "7", "8U", "8M", "8Lo", "9R", "9L", "17"),
    "lower": ("7", "8M", "8Lo", "9R", "9L", "15", "16", "17", "18", "20"),
}
FEW = ("18", "19", "20", "10R", "10L", "2L")


@dataclass(frozen=True)
class Depth:
    """A depth of the wall: T, chance, how far it reaches out of the wall (mm), and the share of the circumference."""

    t: str
    share: float
    cuff_mm: tuple[float, float]
    ring: tuple[float, float]
    length_mm: tuple[float, float]
    layer: str


DEPTHS: Sequence[Depth] = (
    Depth("T1b", 0.12, (0.0, 0.0), (0.22, 0.4), (14.0, 30.0), "submucosa"),
    Depth("T2", 0.2, (0.0, 0.0), (0.5, 0.8), (24.0, 48.0), "muscularis_propria"),
    Depth("T3", 0.46, (2.5, 6.5), (0.75, 1.0), (34.0, 78.0), "adventitia"),
    Depth("T4", 0.22, (4.0, 7.5), (0.8, 1.0), (42.0, 85.0), "adventitia"),
)
# What a T4 grows into, by part: masks to enter, those on the way, and the letter.
NEIGHBORS: Mapping[str, Sequence[tuple[tuple[str, ...], tuple[str, ...], str]]] = {
    "upper": ((("trachea",), ("airway_wall",), "T4b"), (("aorta",), (), "T4b")),
    "middle": (
        (("aorta",), (), "T4b"), (("main_bronchus_left",), ("airway_wall",), "T4b"), (("azygos_vein",), (), "T4a"),
        (("spine",), ("vertebrae_*",), "T4b"),
    ),
    "lower": (
        (("aorta",), (), "T4b"), (("pericardium",), (), "T4a"), (("lung_left",), ("parietal_pleura",), "T4a"),
        (("diaphragm",), (), "T4a"),
    ),
}  # fmt: skip
SCC_GROUPS: Mapping[str, Mapping[str, str]] = {
    "N0": {"T1b": "I", "T2": "II", "T3": "II", "T4a": "IVA", "T4b": "IVA"},
    "N1": {"T1b": "I", "T2": "II", "T3": "III", "T4a": "IVA", "T4b": "IVA"},
    "N2": {"T1b": "III", "T2": "III", "T3": "III", "T4a": "IVA", "T4b": "IVA"},
    "N3": dict.fromkeys(("T1b", "T2", "T3", "T4a", "T4b"), "IVA"),
}
ADENO_GROUPS: Mapping[str, Mapping[str, str]] = {
    "N0": {"T1b": "I", "T2": "IIB", "T3": "III", "T4a": "III", "T4b": "IVA"},
    "N1": {"T1b": "IIA", "T2": "III", "T3": "III", "T4a": "III", "T4b": "IVA"},
    "N2": dict.fromkeys(("T1b", "T2", "T3", "T4a", "T4b"), "IVA"),
    "N3": dict.fromkeys(("T1b", "T2", "T3", "T4a", "T4b"), "IVA"),
}
# What endosonography calls a tumor of each depth: sensitivities of 0.82, 0.81, 0.91 and 0.92, no tumor short of T4
# called so in more than 2.6% (Puli 2008, World J Gastroenterol 14:1479); where the errors lie is ours.
EUS: Mapping[str, Mapping[str, float]] = {
    "T1b": {"T1b": 0.82, "T2": 0.18},
    "T2": {"T1b": 0.07, "T2": 0.81, "T3": 0.12},
    "T3": {"T2": 0.064, "T3": 0.91, "T4a": 0.026},
    "T4a": {"T3": 0.08, "T4a": 0.92},
    "T4b": {"T3": 0.08, "T4b": 0.92},
}
EUS_SEED = 23
INVOLVED = {"T1b": 0.25, "T2": 0.45, "T3": 0.68, "T4": 0.75}
NUMBERS = {"1-2": 0.52, "3-6": 0.4, "7-": 0.08}
INCISORS_TO_CRICOID_MM = 150.0  # AJCC 8, ch. 16


def esophagus_plan(random: np.random.Generator) -> PatientPlan:
    """One patient of the esophageal cohort."""
    part = pick(random, {"upper": 0.14, "middle": 0.34, "lower": 0.52})
    histology = _histology(part, random)
    depth = DEPTHS[int(random.choice(len(DEPTHS), p=[one.share for one in DEPTHS]))]
    into, along, t = _growth(depth, part, random)
    build = some_build(random, males=0.75)
    length = float(random.uniform(*depth.length_mm))
    center = _center(build, part, length, random)
    nodes = _nodes(part, depth.t, random)
    metastases = _metastases(random)
    tumor = TumorPlan(
        home=("esophagus", *(FAT if depth.cuff_mm[1] else ())),
        center_lps=center,
        greatest_mm=length,
        invaded=into,
        along=along,
        suv=lognormal(random, {"T1b": 4.0, "T2": 8.0}.get(depth.t, 12.0), 0.4, 2.0, 30.0),
        hu=float(random.normal(20.0, 7.0)),
        roughness=float(random.uniform(0.1, 0.2)),
        cuff_mm=float(random.uniform(*depth.cuff_mm)),
        ring=float(random.uniform(*depth.ring)),
    )
    record = _record(histology, part, t, length, center, build, random)
    return PatientPlan(
        cancer="esophagus",
        build=build,
        tumor=tumor,
        location=part,
        laterality=None,
        categories={"8": categories_of(t, nodes, bool(metastases), histology)},
        nodes=nodes,
        metastases=metastases,
        sampled=sampled_stations(random, nodes, [node.station for node in nodes if node.malignant]),
        record=record,
        facts={"deepest_layer": depth.layer},
        question="Surgery first, or chemoradiotherapy before it?",
        scanner=some_scanner(random, (2.0, 0.9, 0.9), 14.0),
    )


def _histology(part: str, random: np.random.Generator) -> str:
    share = {"upper": 0.04, "middle": 0.2, "lower": 0.62}[part]
    return "adenocarcinoma" if random.random() < share else "squamous"


def _growth(depth: Depth, part: str, random: np.random.Generator) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    if depth.t != "T4":
        return (), (), depth.t
    choices = NEIGHBORS[part]
    return choices[int(random.integers(len(choices)))]


def _center(build: Build, part: str, length: float, random: np.random.Generator) -> Point:
    """On the middle line of the esophagus; the lower end stays above the junction."""
    low, high = PARTS[part]
    height = max(float(random.uniform(low, high)), 34.0 + 0.5 * length) * build.scale
    line = middle_line(build, "esophagus")
    return min(line, key=lambda point: abs(point[2] - height))


def _nodes(part: str, depth: str, random: np.random.Generator) -> tuple[NodePlan, ...]:
    count = 0
    if random.random() < INVOLVED[depth]:
        kind = pick(random, NUMBERS)
        count = {"1-2": int(random.integers(1, 3)), "3-6": int(random.integers(3, 6)), "7-": 7}[kind]
    stations = STATIONS[part]
    chosen = [str(name) for name in random.choice(stations, count, replace=count > len(stations))] if count else []
    found = [chest_node(name, True, random) for name in chosen]
    benign = random.choice([name for name in stations if name not in FEW], int(random.integers(2, 5)), replace=False)
    found += [chest_node(str(name), False, random) for name in benign if name not in chosen]
    return _spread_out(found)


def _spread_out(nodes: Sequence[NodePlan]) -> tuple[NodePlan, ...]:
    """Nodes of one station at different places of it."""
    seen: dict[str, int] = {}
    placed = []
    for node in nodes:
        seen[node.station] = seen.get(node.station, 0) + 1
        placed.append(replace(node, place=(0.74 * node.place + 0.37 * (seen[node.station] - 1)) % 0.74))
    return tuple(placed)


def _metastases(random: np.random.Generator) -> tuple[MetastasisPlan, ...]:
    if random.random() >= 0.1:
        return ()
    site, organ = (("liver", "liver"), ("other", "lung_lower_lobe_right"))[int(random.random() < 0.25)]
    count = int(random.integers(1, 4))
    return tuple(
        MetastasisPlan(site, organ, float(random.uniform(9, 24)), lognormal(random, 6.0, 0.4, 2.5, 16.0))
        for _ in range(count)
    )


def categories_of(t: str, nodes: Sequence[NodePlan], spread: bool, histology: str) -> dict[str, str]:
    """N by the number of involved regional nodes, the group by histology."""
    count = sum(node.malignant for node in nodes)
    n = "N0" if count == 0 else "N1" if count <= 2 else "N2" if count <= 6 else "N3"
    groups = ADENO_GROUPS if histology == "adenocarcinoma" else SCC_GROUPS
    return grouped(t, n, "M1" if spread else "M0", "IVB" if spread else groups[n][t])


def _record(
    histology: str,
    part: str,
    t: str,
    length: float,
    center: Point,
    build: Build,
    random: np.random.Generator,
) -> dict[str, Any]:
    top = center[2] + 0.5 * length
    from_incisors = INCISORS_TO_CRICOID_MM + max(308.0 * build.scale - top, 0.0) * 0.89
    return {
        **common_record(random),
        "histology": histology,
        "subsite": part,
        "eus_t": pick(np.random.default_rng((EUS_SEED, build.seed)), EUS[t]),
        "endoscopy": {
            "distance_from_incisors_mm": float(round(from_incisors / 5.0) * 5.0),
            "tumor_length_mm": float(round(length / 5.0) * 5.0),
        },
    }
