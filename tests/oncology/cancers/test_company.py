"""Nodes of one patient: doubtful ones alone are benign together, beside a proven one they are rather malignant."""

from __future__ import annotations

import math
from typing import Any

import pytest

from oncology.cancers.company import COMPANY, missed, together
from oncology.findings import NECK_SITES
from trunk_cases import node, staged, tumor

MODEL = "node-malignancy"
HEAD = {"location": "pancreas_head", "location_alternatives": {"pancreas_head": 1.0}}


def none(chances: list[float]) -> float:
    return math.prod(1.0 - p for p in chances)


@pytest.mark.parametrize("site", sorted(COMPANY))
def test_three_doubtful_nodes_leave_a_patient_without_spread_likelier_than_by_themselves(site: str) -> None:
    assert none(together([0.3, 0.3, 0.3], site, spread=False)) > 0.36  # 0.34 if they were independent


@pytest.mark.parametrize("site", sorted(COMPANY))
def test_beside_a_proven_node_a_doubtful_one_is_likelier(site: str) -> None:
    (alone,), (beside,) = (together([0.4], site, spread=spread) for spread in (False, True))
    assert beside >= 0.4
    assert beside > alone or site == "pancreas"  # there one doubtful node alone is hardly ever benign


def test_a_hot_large_node_pulls_the_doubtful_ones_with_it() -> None:
    hot, doubtful = together([0.98, 0.3], "esophagus", spread=False)
    assert hot > 0.9
    assert doubtful > together([0.3], "esophagus", spread=False)[0]


@pytest.mark.parametrize("site", [*sorted(NECK_SITES)[:1], "lung", "esophagus", "pancreas"])
def test_a_more_suspicious_node_never_becomes_less_so_than_another(site: str) -> None:
    chances = [0.0, 0.02, 0.2, 0.5, 0.8, 0.97, 1.0]
    for spread in (True, False):
        found = together(chances, site, spread=spread)
        assert found == sorted(found)
        assert all(0.0 <= p <= 1.0 for p in found)


def test_a_site_that_was_not_measured_keeps_its_chances() -> None:
    assert together([0.3, 0.7], "thymus", spread=True) == [0.3, 0.7]
    assert missed([1.0, 1.0], "thymus") == 0.0


def of_pancreas(*nodes: dict[str, Any]) -> dict[str, float]:
    found = staged("pancreas", tumor(25, **HEAD), nodes=tuple(node(n, **one) for n, one in enumerate(nodes, start=1)))
    chances: dict[str, float] = found["editions"]["8"]["n"]["probabilities"]
    return chances


def test_with_three_nodes_that_a_network_found_a_fourth_that_it_missed_is_possible() -> None:
    seen = [{"station": "peripancreatic", "p_malignant": 0.97, "malignancy_model": MODEL} for _ in range(3)]
    assert 0.2 < of_pancreas(*seen).get("N2", 0.0) < 0.5
    by_a_person = [{"station": "peripancreatic", "p_malignant": 0.97} for _ in range(3)]
    assert of_pancreas(*by_a_person).get("N2", 0.0) == 0.0
