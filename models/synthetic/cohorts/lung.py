"""Lung patients drawn at random, with the categories that the definitions give to each construction.

Sources of the steps: IASLC 8th (Goldstraw 2016, JTO 11:39) and 9th edition (Rami-Porta 2024, JTO 19:1007) descriptors
and stage groups. Nodes are as hard to tell as life: short axis >= 10 mm and FDG each reach per patient what reviews
report (Silvestri 2013, Chest 143 suppl: 55% and 81%, 77% and 86%).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

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
from models.synthetic.frame import Build
from models.synthetic.plan import MetastasisPlan, NodePlan, PatientPlan, TumorPlan, grouped
from oncology.findings import Point


@dataclass(frozen=True)
class Growth:
    """What a tumor grows into, what it passes on the way, the T that this gives at least, and how large it is then."""

    into: tuple[str, ...] = ()
    along: tuple[str, ...] = ()
    least: str | None = None
    from_mm: float = 11.5


# Centers that keep a tumor of up to 45 mm inside its lobe on an average body, scaled with it.
LOBE_CENTERS: Mapping[str, Point] = {
    "lung_upper_lobe_right": (-66.0, -6.0, 196.0),
    "lung_lower_lobe_right": (-68.0, 34.0, 112.0),
    "lung_upper_lobe_left": (70.0, -8.0, 190.0),
    "lung_lower_lobe_left": (72.0, 36.0, 112.0),
}
LOBE_SHARES = dict(zip(LOBE_CENTERS, (0.35, 0.22, 0.25, 0.18), strict=True))
SIZES_T = ((10.0, "T1a"), (20.0, "T1b"), (30.0, "T1c"), (40.0, "T2a"), (50.0, "T2b"), (70.0, "T3"), (999.0, "T4"))
CHEST_WALL = Growth(("chest_wall",), ("parietal_pleura", "ribs", "rib_*"), "T3", 26.0)
MEDIASTINUM = Growth(("mediastinal_fat",), ("mediastinum",), "T4", 30.0)
DIAPHRAGM = Growth(("diaphragm",), ("parietal_pleura", "chest_wall", "mediastinum"), "T4", 36.0)


def _through_mediastinum(organ: str) -> Growth:
    return Growth(("mediastinal_fat", organ), ("mediastinum",), "T4", 44.0)


# What grows into what, by lobe.
INTO: Mapping[str, Sequence[Growth]] = {
    "lung_upper_lobe_right": (CHEST_WALL, CHEST_WALL, MEDIASTINUM, _through_mediastinum("superior_vena_cava")),
    "lung_lower_lobe_right": (CHEST_WALL, CHEST_WALL, DIAPHRAGM, _through_mediastinum("esophagus")),
    "lung_upper_lobe_left": (CHEST_WALL, CHEST_WALL, MEDIASTINUM, _through_mediastinum("aorta")),
    "lung_lower_lobe_left": (CHEST_WALL, CHEST_WALL, DIAPHRAGM, _through_mediastinum("aorta")),
}
INVASIVE = 0.3
HILAR = {"right": ("10R", "11R", "12R", "13R"), "left": ("10L", "11L", "12L", "13L")}
OWN_MEDIASTINAL = {"right": ("2R", "4R", "3a", "3p", "7", "8", "9R"), "left": ("2L", "4L", "5", "6", "7", "8", "9L")}
OFTEN = {"2R": 1.0, "4R": 3.0, "7": 2.5, "4L": 2.0, "5": 2.0, "6": 1.0, "2L": 0.6, "3a": 0.3, "3p": 0.3, "8": 0.6,
         "9R": 0.4, "9L": 0.4}  # fmt: skip
OTHER_SIDE = {"right": ("4L", "2L", "10L", "1R", "1L"), "left": ("4R", "2R", "10R", "1L", "1R")}
MEDIASTINAL = frozenset((*OWN_MEDIASTINAL["right"], *OWN_MEDIASTINAL["left"]))
PATTERNS = {"none": 0.46, "hilar": 0.16, "mediastinal": 0.29, "other_side": 0.09}
EDITION_M = {"M0": "M0", "M1a": "M1a", "M1b": "M1b", "M1c": "M1c1"}
GROUPS_8: Mapping[str, Mapping[str, str]] = {
    "N0": {"T1a": "IA1", "T1b": "IA2", "T1c": "IA3", "T2a": "IB", "T2b": "IIA", "T3": "IIB", "T4": "IIIA"},
    "N1": {**dict.fromkeys(("T1a", "T1b", "T1c", "T2a", "T2b"), "IIB"), "T3": "IIIA", "T4": "IIIA"},
    "N2": {**dict.fromkeys(("T1a", "T1b", "T1c", "T2a", "T2b"), "IIIA"), "T3": "IIIB", "T4": "IIIB"},
    "N3": {**dict.fromkeys(("T1a", "T1b", "T1c", "T2a", "T2b"), "IIIB"), "T3": "IIIC", "T4": "IIIC"},
}
T1, T2 = ("T1a", "T1b", "T1c"), ("T2a", "T2b")
GROUPS_9: Mapping[str, Mapping[str, str]] = {
    "N0": GROUPS_8["N0"],
    "N1": {**dict.fromkeys(T1, "IIA"), **dict.fromkeys(T2, "IIB"), "T3": "IIIA", "T4": "IIIA"},
    "N2a": {**dict.fromkeys(T1, "IIB"), **dict.fromkeys(T2, "IIIA"), "T3": "IIIA", "T4": "IIIB"},
    "N2b": {**dict.fromkeys(T1, "IIIA"), **dict.fromkeys(T2, "IIIB"), "T3": "IIIB", "T4": "IIIB"},
    "N3": GROUPS_8["N3"],
}


def lung_plan(random: np.random.Generator) -> PatientPlan:
    """One patient of the lung cohort."""
    lobe = pick(random, LOBE_SHARES)
    side = "left" if lobe.endswith("left") else "right"
    build = some_build(random)
    growth = _invasion(lobe, random)
    size = size_away_from(random, growth.from_mm, 78.0 if random.random() < 0.12 else 56.0, [b for b, _ in SIZES_T])
    involved = _involved(side, random)
    nodes = _nodes(side, involved, random)
    metastases, m = _metastases(side, random)
    categories = categories_of(size, growth.least, side, involved, m)
    return PatientPlan(
        cancer="lung",
        build=build,
        tumor=TumorPlan(
            home=(lobe,),
            center_lps=_center(lobe, build, random),
            greatest_mm=size,
            invaded=growth.into,
            along=growth.along,
            suv=lognormal(random, 9.0, 0.45, 1.8, 26.0),
            necrosis=float(random.choice([0.0, random.uniform(0.08, 0.35)])) if size > 30.0 else 0.0,
            hu=float(random.normal(16.0, 7.0)),
            roughness=float(random.uniform(0.1, 0.24)),
        ),
        location=lobe,
        laterality=side,
        categories=categories,
        nodes=nodes,
        metastases=metastases,
        sampled=sampled_stations(random, nodes, _decisive(side, involved)),
        record=_record(random),
        question="Resectable? Induction treatment?",
        scanner=some_scanner(random, (2.0, 0.9, 0.9), 14.0),
        pathology=_pathology(random),
    )


def _center(lobe: str, build: Build, random: np.random.Generator) -> Point:
    x, y, z = np.array(LOBE_CENTERS[lobe]) * build.scale + random.normal(0.0, 12.0, 3)
    return (float(x), float(y), float(z))


def _invasion(lobe: str, random: np.random.Generator) -> Growth:
    if random.random() >= INVASIVE:
        return Growth()
    choices = INTO[lobe]
    return choices[int(random.integers(len(choices)))]


def _involved(side: str, random: np.random.Generator) -> tuple[str, ...]:
    """Stations with a malignant node: none, hilar, mediastinal or beyond."""
    pattern = pick(random, PATTERNS)
    found: set[str] = set()
    if pattern == "hilar" or (pattern != "none" and random.random() < 0.55):
        found.add(str(random.choice(HILAR[side][: 2 if random.random() < 0.75 else 4])))
    if pattern == "mediastinal" or (pattern == "other_side" and random.random() < 0.8):
        count = int(random.choice([1, 2, 3], p=[0.62, 0.3, 0.08]))
        found |= set(_some(OWN_MEDIASTINAL[side], count, random))
    if pattern == "other_side":
        found.add(str(random.choice(OTHER_SIDE[side], p=[0.34, 0.12, 0.2, 0.22, 0.12])))
    return tuple(sorted(found))


def _some(stations: Sequence[str], count: int, random: np.random.Generator) -> list[str]:
    weights = np.array([OFTEN[name] for name in stations])
    return [str(name) for name in random.choice(stations, count, replace=False, p=weights / weights.sum())]


def _nodes(side: str, involved: Sequence[str], random: np.random.Generator) -> tuple[NodePlan, ...]:
    other = "right" if side == "left" else "left"
    found = [chest_node(station, True, random) for station in involved]
    free = [name for name in OWN_MEDIASTINAL[side] if name not in involved]
    benign = _some(free, int(random.integers(2, 5)), random)
    if random.random() < 0.6:
        benign.append("4L" if side == "right" else "4R")
    if random.random() < 0.5:
        benign.append(str(random.choice(HILAR[side][:2])))
    if random.random() < 0.25:
        benign.append(str(random.choice(HILAR[other][:2])))
    found += [chest_node(station, False, random) for station in dict.fromkeys(benign) if station not in involved]
    return tuple(found)


def _metastases(side: str, random: np.random.Generator) -> tuple[tuple[MetastasisPlan, ...], str]:
    if random.random() >= 0.12:
        return (), "M0"
    other = "right" if side == "left" else "left"
    kind = pick(random, {"lung": 0.35, "liver": 0.3, "bone": 0.2, "many": 0.15})
    if kind == "lung":
        organ = f"lung_lower_lobe_{other}"
        return (_metastasis("contralateral_lung_nodule", organ, random.uniform(6, 14), random),), "M1a"
    if kind == "bone":
        return (_metastasis("bone", f"vertebrae_T{random.integers(5, 11)}", random.uniform(10, 18), random),), "M1b"
    count = 1 if kind == "liver" else int(random.integers(2, 4))
    found = tuple(_metastasis("liver", "liver", random.uniform(10, 24), random) for _ in range(count))
    return found, "M1b" if count == 1 else "M1c"


def _metastasis(site: str, organ: str, diameter: float, random: np.random.Generator) -> MetastasisPlan:
    return MetastasisPlan(site, organ, float(diameter), lognormal(random, 6.5, 0.4, 2.0, 18.0))


def categories_of(
    size: float, least_t: str | None, side: str, involved: Sequence[str], m: str
) -> dict[str, dict[str, str]]:
    """T by size and what is invaded, N by the stations' place, M and group, step by step."""
    by_size = next(name for bound, name in SIZES_T if size <= bound)
    order = [name for _, name in SIZES_T]
    t = max(by_size, least_t or by_size, key=order.index)
    n8, n9 = _n_of(side, involved)
    m9 = EDITION_M[m]
    group8 = GROUPS_8[n8][t] if m == "M0" else "IVB" if m == "M1c" else "IVA"
    group9 = GROUPS_9[n9][t] if m == "M0" else "IVB" if m == "M1c" else "IVA"
    return {"8": grouped(t, n8, m, group8), "9": grouped(t, n9, m9, group9)}


def _n_of(side: str, involved: Sequence[str]) -> tuple[str, str]:
    mediastinal = set(involved) & set(OWN_MEDIASTINAL[side])
    if set(involved) & set(OTHER_SIDE[side]):
        return "N3", "N3"
    if mediastinal:
        return "N2", "N2a" if len(mediastinal) == 1 else "N2b"
    return ("N1", "N1") if involved else ("N0", "N0")


def _decisive(side: str, involved: Sequence[str]) -> list[str]:
    """The involved stations of the highest category, when there is one."""
    for group in (OTHER_SIDE[side], OWN_MEDIASTINAL[side], HILAR[side]):
        found = [name for name in involved if name in group]
        if found:
            return found
    return []


def _record(random: np.random.Generator) -> dict[str, Any]:
    return {
        **common_record(random),
        "histology": pick(random, {"adenocarcinoma": 0.6, "squamous": 0.4}),
        "fev1_percent": float(np.clip(random.normal(78, 16), 35, 115).round()),
        "dlco_percent": float(np.clip(random.normal(70, 16), 30, 110).round()),
    }


def _pathology(random: np.random.Generator) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if random.random() < 0.35:
        found["emphysema_share"] = float(random.uniform(0.02, 0.12))
    if random.random() < 0.5:
        found["calcium"] = float(random.uniform(0.1, 0.8))
    return found
