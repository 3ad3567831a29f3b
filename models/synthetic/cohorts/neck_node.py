"""Nodes of the neck as malignant, extending and benign ones are: as hard to tell as reviews report.

Signs of extranodal extension on CT among malignant nodes (Park 2020, Eur Radiol 31: 22 studies): central necrosis 81%
sensitive and 65% specific, infiltrated fat planes 51% and 94%. Size of nodes: van den Brekel 1990, Radiology 177:379.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from models.synthetic.cohorts.chance import lognormal, pick
from models.synthetic.plan import NodePlan

# Chance of each sign by extranodal extension.
NECROSIS = {True: 0.845, False: 0.44}
INFILTRATED = {True: 0.51, False: 0.06}
ROUGHNESS = {True: (0.125, 0.033), False: (0.062, 0.028)}
SHORT_MM = {"benign": (6.8, 0.28), "malignant": (9.8, 0.38), "extending": (14.5, 0.38)}
SUV = {True: (4.4, 0.6), False: (1.6, 0.3)}
EXTENDS = 0.3
GRADES = {1: 0.4, 2: 0.35, 3: 0.25}
# Thresholds of N, and how far a planned length keeps off them: what is drawn is molded and rough, and came out at 0.78
# to 1.23 of the plan in 46 nodes.
LONG_MM = ((30.0, 8.0), (60.0, 5.0))
LEVELS: Mapping[str, Mapping[str, float]] = {
    "larynx": {"II": 0.42, "III": 0.36, "IV": 0.14, "VI": 0.08},
    "hypopharynx": {"II": 0.38, "III": 0.36, "IV": 0.14, "RP": 0.06, "VI": 0.06},
    "oropharynx": {"II": 0.6, "III": 0.22, "IV": 0.06, "RP": 0.08, "IB": 0.04},
    "oral_cavity": {"IB": 0.36, "II": 0.42, "III": 0.17, "IV": 0.05},
    "nasopharynx": {"II": 0.42, "RP": 0.3, "VA": 0.12, "III": 0.12, "IV": 0.04},
}
BENIGN_LEVELS = {"IB": 0.24, "II": 0.4, "III": 0.2, "VA": 0.12, "IV": 0.04}
INNER_PLACES = 0.74


def neck_node(level: str, side: str, kind: str, random: np.random.Generator) -> NodePlan:
    """A node; `kind` benign, malignant or extending (malignant with extranodal extension)."""
    extends, malignant = kind == "extending", kind != "benign"
    widest = 7.0 if level == "RP" and not malignant else 12.0 if level in ("RP", "VI") else 28.0
    short = lognormal(random, *SHORT_MM[kind], 4.5, widest)
    longer = float(random.uniform(1.05, 1.7) if malignant else random.uniform(1.2, 2.0))
    signs = malignant and short >= 7.0
    return NodePlan(
        level,
        short,
        _away(short * longer, short),
        malignant,
        lognormal(random, SUV[malignant][0] * (short / 12.0) ** 0.3, SUV[malignant][1], 0.9, 22.0),
        side=side,
        place=float(random.uniform(0.0, INNER_PLACES if malignant else 1.0)),
        necrosis=float(random.uniform(0.15, 0.55)) if signs and random.random() < NECROSIS[extends] else 0.0,
        hilum=bool(random.random() < (0.12 if malignant else 0.5)),
        ene=extends,
        ene_grade=int(pick(random, {str(grade): share for grade, share in GRADES.items()})) if extends else None,
        infiltrates=bool(malignant and random.random() < INFILTRATED[extends]),
        roughness=float(np.clip(random.normal(*ROUGHNESS[extends]), 0.02, 0.25))
        if malignant
        else float(np.clip(random.normal(0.052, 0.025), 0.015, 0.13)),
    )


def _away(length: float, short: float) -> float:
    """A length that keeps off the thresholds of N and is not below the short axis."""
    for bound, margin in LONG_MM:
        if abs(length - bound) < margin:
            return bound - margin if length < bound and short <= bound - margin else bound + margin
    return length


def neck_nodes(site: str, side: str, pattern: str, random: np.random.Generator) -> tuple[NodePlan, ...]:
    """The nodes of a patient: `pattern` none, single, several (one side) or bilateral, with benign ones beside them."""
    other = "right" if side == "left" else "left"
    levels = LEVELS[site]
    found: list[NodePlan] = []
    if pattern != "none":
        count = 1 if pattern == "single" else int(random.integers(2, 4))
        found += [_malignant(level, side, random) for level in _levels(levels, count, random)]
    if pattern == "bilateral":
        across = {name: share for name, share in levels.items() if name not in ("RP", "VI")}
        found += [_malignant(level, other, random) for level in _levels(across, int(random.integers(1, 3)), random)]
    taken = {(node.station, node.side) for node in found}
    for hand in ("left", "right"):
        for level in _levels(BENIGN_LEVELS, int(random.integers(1, 4)), random):
            if (level, hand) not in taken:
                found.append(neck_node(level, hand, "benign", random))
    return tuple(found)


def _malignant(level: str, side: str, random: np.random.Generator) -> NodePlan:
    extends = level not in ("RP", "VI") and random.random() < EXTENDS
    return neck_node(level, side, "extending" if extends else "malignant", random)


def _levels(shares: Mapping[str, float], count: int, random: np.random.Generator) -> Sequence[str]:
    weights = np.array(list(shares.values()))
    names = random.choice(list(shares), min(count, len(shares)), replace=False, p=weights / weights.sum())
    return [str(name) for name in names]
