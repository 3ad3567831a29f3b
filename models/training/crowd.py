"""Nodes of many patients in one body: a patient has a handful, few of them large, while drawing a body takes seconds.

In bodies with their own nodes alone a network met too few large nodes to find others (84 of 10 mm or more in 110
chests).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from models.synthetic.draw import draw_plan
from models.synthetic.places import node_center
from models.synthetic.plan import NodePlan, PatientPlan

APART_MM = 7.0  # of fat between two nodes at least
FIRST_PLAN = 20_000  # plans for nodes; patients of the store have lower indices
PLANS = 16  # patients of the cohort whose nodes are tried in one body or set
LARGE_MM = 9.0  # of a short axis


def crowded(plan: PatientPlan, seed: int, index: int) -> PatientPlan:
    """The plan with large nodes of its cohort first, then its own, then other malignant ones, where there is room."""
    others = [node for one in fellows(plan.cancer, seed, index, plan.shift) for node in one.nodes]
    large = [node for node in others if node.short_mm >= LARGE_MM]
    malignant = [node for node in others if node.malignant and node.short_mm < LARGE_MM]
    return replace(plan, nodes=tuple(apart(plan, [*large, *plan.nodes, *malignant])))


def fellows(cancer: str, seed: int, group: int, shift: str | None) -> list[PatientPlan]:
    """The plans of one group of patients that only lend their nodes."""
    first = FIRST_PLAN + group * PLANS
    return [draw_plan(cancer, seed, first + n, shift) for n in range(PLANS)]


def apart(plan: PatientPlan, nodes: Iterable[NodePlan]) -> Iterator[NodePlan]:
    """Nodes for which there is room beside those before them."""
    taken: list[tuple[np.ndarray, float]] = []
    for node in nodes:
        center = np.array(node_center(plan.cancer, plan.build, node))
        if all(np.linalg.norm(center - other) > reach + node.long_mm / 2 + APART_MM for other, reach in taken):
            taken.append((center, node.long_mm / 2))
            yield node
