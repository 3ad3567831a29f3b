"""Bodies for training hold large nodes of many patients; those for tuning and figures only their own."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from models.synthetic.draw import draw_plan
from models.synthetic.places import node_center
from models.training.crowd import APART_MM, LARGE_MM, crowded
from models.training.store import make_stored


@pytest.mark.parametrize("cancer", ["lung", "esophagus", "pancreas", "larynx"])
def test_a_crowded_body_has_more_large_nodes_and_none_lie_in_one_another(cancer: str) -> None:
    plans = [draw_plan(cancer, 5, index) for index in range(4)]
    crowds = [crowded(plan, 5, index) for index, plan in enumerate(plans)]
    large, own = (sum(node.short_mm >= LARGE_MM for one in them for node in one.nodes) for them in (crowds, plans))
    assert large >= own + 8
    for crowd in crowds:
        assert crowd.tumor == draw_plan(cancer, 5, crowds.index(crowd)).tumor
        for one, other in combinations(crowd.nodes, 2):
            apart = np.subtract(*(node_center(cancer, crowd.build, node) for node in (one, other)))
            assert np.linalg.norm(apart) > APART_MM + 0.5 * (one.long_mm + other.long_mm)


def test_only_patients_for_training_are_crowded() -> None:
    stations = [node.station for node in draw_plan("pancreas", 1004, 0).nodes]
    tuning = make_stored("pancreas", 1004, 0, scans=1)
    assert [lesion["station"] for lesion in tuning.about["lesions"] if lesion["kind"] == "node"] == stations
    training = make_stored("pancreas", 5, 0, scans=1)
    assert len([lesion for lesion in training.about["lesions"] if lesion["kind"] == "node"]) > len(
        draw_plan("pancreas", 5, 0).nodes
    )
