"""Plans of lung patients drawn at random, with the categories that the definitions give to each construction.

The categories are assigned here from what was drawn (size, stations, side), in plain steps of their own, never by the
staging engine: a cohort would otherwise only show that the engine agrees with itself.
Source of the steps: IASLC 8th (Goldstraw 2016) and 9th edition (Rami-Porta 2024) stage groups.
"""

from __future__ import annotations

import numpy as np

from models.synthetic.frame import Build
from models.synthetic.patient import LungPlan, NodePlan
from oncology.findings import Point

# Centers that keep a tumor of up to 45 mm inside its lobe on an average body, scaled with it.
LOBE_CENTERS: dict[str, Point] = {
    "lung_upper_lobe_right": (-66.0, -6.0, 196.0),
    "lung_lower_lobe_right": (-68.0, 34.0, 112.0),
    "lung_upper_lobe_left": (70.0, -8.0, 190.0),
    "lung_lower_lobe_left": (72.0, 36.0, 112.0),
}
HILAR = {"right": ("10R", "11R"), "left": ("10L", "11L")}
MEDIASTINAL = {"right": ("2R", "4R", "7"), "left": ("4L", "5", "6", "7")}
CONTRALATERAL = {"right": ("4L", "10L"), "left": ("4R", "10R")}
SIZES_T = ((10, "T1a"), (20, "T1b"), (30, "T1c"), (40, "T2a"), (50, "T2b"))
AWAY_FROM_THRESHOLD_MM = 2.0  # a synthetic border is known to a voxel; a plan this near a threshold has no sure truth
GROUPS_8 = {
    "N0": {"T1a": "IA1", "T1b": "IA2", "T1c": "IA3", "T2a": "IB", "T2b": "IIA"},
    "N1": dict.fromkeys(("T1a", "T1b", "T1c", "T2a", "T2b"), "IIB"),
    "N2": dict.fromkeys(("T1a", "T1b", "T1c", "T2a", "T2b"), "IIIA"),
    "N3": dict.fromkeys(("T1a", "T1b", "T1c", "T2a", "T2b"), "IIIB"),
}
GROUPS_9 = {
    "N0": GROUPS_8["N0"],
    "N1": {"T1a": "IIA", "T1b": "IIA", "T1c": "IIA", "T2a": "IIB", "T2b": "IIB"},
    "N2a": {"T1a": "IIB", "T1b": "IIB", "T1c": "IIB", "T2a": "IIIA", "T2b": "IIIA"},
    "N2b": {"T1a": "IIIA", "T1b": "IIIA", "T1c": "IIIA", "T2a": "IIIB", "T2b": "IIIB"},
    "N3": GROUPS_8["N3"],
}


def draw_plan(seed: int, index: int) -> LungPlan:
    """The patient `index` of the cohort `seed`."""
    random = np.random.default_rng((seed, index))
    lobe = str(random.choice(list(LOBE_CENTERS)))
    side = "left" if lobe.endswith("left") else "right"
    build = Build(
        seed=int(random.integers(1, 2**31)),
        scale=float(random.uniform(0.92, 1.08)),
        fat_mm=float(random.uniform(8.0, 30.0)),
        sex=str(random.choice(["female", "male"])),
    )
    size = _size(random)
    involved = _involved(side, random)
    nodes = tuple(
        _node(station, station in involved, random) for station in sorted({*involved, *_benign(side, random)})
    )
    biopsied = tuple(node.station for node in nodes if random.random() < 0.3)
    x, y, z = LOBE_CENTERS[lobe]
    return LungPlan(
        build=build,
        lobe=lobe,
        center_lps=(x * build.scale, y * build.scale, z * build.scale),
        greatest_mm=size,
        nodes=nodes,
        categories=_categories(size, side, involved),
        histology=str(random.choice(["adenocarcinoma", "squamous"])),
        tumor_suv=float(random.uniform(4.0, 15.0)),
        biopsied=biopsied,
    )


def _size(random: np.random.Generator) -> float:
    while True:
        size = float(random.uniform(12.0, 46.0))
        if all(abs(size - bound) >= AWAY_FROM_THRESHOLD_MM for bound, _ in SIZES_T):
            return size


def _involved(side: str, random: np.random.Generator) -> set[str]:
    """Stations with a malignant node: none, hilar, mediastinal or contralateral."""
    pattern = random.choice(["none", "hilar", "mediastinal", "contralateral"], p=[0.45, 0.2, 0.27, 0.08])
    if pattern == "none":
        return set()
    found = {str(random.choice(HILAR[side]))}
    if pattern in ("mediastinal", "contralateral"):
        count = int(random.integers(1, 3))
        found |= {str(name) for name in random.choice(MEDIASTINAL[side], count, replace=False)}
    if pattern == "contralateral":
        found.add(str(random.choice(CONTRALATERAL[side])))
    return found


def _benign(side: str, random: np.random.Generator) -> set[str]:
    count = int(random.integers(0, 3))
    return {str(name) for name in random.choice((*HILAR[side], *MEDIASTINAL[side]), count, replace=False)}


def _node(station: str, malignant: bool, random: np.random.Generator) -> NodePlan:
    short = float(np.clip(random.normal(11.5 if malignant else 7.5, 2.8), 5.0, 20.0))
    suv = float(np.clip(random.lognormal(np.log(5.0 if malignant else 1.7), 0.45), 0.8, 15.0))
    return NodePlan(station, short, short * float(random.uniform(1.2, 1.7)), malignant, suv)


def _categories(size: float, side: str, involved: set[str]) -> dict[str, dict[str, str]]:
    t = next(name for bound, name in SIZES_T if size <= bound)
    mediastinal = involved & set(MEDIASTINAL[side])
    if involved & set(CONTRALATERAL[side]):
        n8 = n9 = "N3"
    elif mediastinal:
        n8, n9 = "N2", "N2a" if len(mediastinal) == 1 else "N2b"
    else:
        n8 = n9 = "N1" if involved else "N0"
    return {
        "8": {"t": t, "n": n8, "m": "M0", "stage_group": GROUPS_8[n8][t]},
        "9": {"t": t, "n": n9, "m": "M0", "stage_group": GROUPS_9[n9][t]},
    }
