"""Figures of the network for nodes: what they are by definition, and that thinned-out kinds count in full."""

from __future__ import annotations

import numpy as np
import pytest

from models.networks.node_inputs import NodeBlock
from models.training.logistic import logistic_line
from models.training.node_crops import kind_of
from models.training.node_maker import KEPT
from models.training.node_measure import auc, calibration_error
from models.training.node_store import is_node_file, load_nodes, node_path, save_nodes

BLOCK = NodeBlock(np.full((8, 8, 8), 40, np.int16), np.ones((8, 8, 8), np.float16), np.ones((8, 8, 8), np.float32))


def test_scores_that_separate_have_an_area_of_one_and_equal_ones_a_half() -> None:
    truth, weight = np.array([False, False, True, True]), np.ones(4)
    assert auc(np.array([0.1, 0.2, 0.7, 0.9]), truth, weight) == 1.0
    assert auc(np.full(4, 0.5), truth, weight) == 0.5


def test_a_node_that_stands_for_three_counts_three_times() -> None:
    score, truth = np.array([0.6, 0.2, 0.8, 0.5]), np.array([False, False, True, True])
    weight = np.array([3.0, 1.0, 1.0, 1.0])
    repeated = [0, 0, 0, 1, 2, 3]
    assert auc(score, truth, weight) == pytest.approx(auc(score[repeated], truth[repeated], np.ones(6)))


def test_true_probabilities_have_no_calibration_error_and_bold_ones_have() -> None:
    random = np.random.default_rng(1)
    p = random.uniform(0.05, 0.95, 40_000)
    truth, weight = random.random(p.size) < p, np.ones(p.size)
    assert calibration_error(p, truth, weight) < 0.01
    assert calibration_error(np.where(p > 0.5, 0.99, 0.01), truth, weight) > 0.15


def test_platts_line_brings_bold_answers_back() -> None:
    random = np.random.default_rng(2)
    logit = random.normal(0.0, 2.0, 20_000)
    truth = random.random(logit.size) < 1.0 / (1.0 + np.exp(-(0.5 * logit - 1.0)))
    assert logistic_line(logit[:, None], truth) == pytest.approx([-1.0, 0.5], abs=0.06)


def test_every_kind_of_node_is_drawn_in_some_share() -> None:
    kinds = {kind_of(malignant=malignant, ene=ene) for malignant, ene in ((0, 0), (1, 0), (1, 1))}
    assert kinds == set(KEPT)
    assert all(0.0 < share <= 1.0 for share in KEPT.values())


def test_nodes_come_back_from_the_store_as_they_were(tmp_path) -> None:
    path = node_path(tmp_path, "larynx", 2, 3)
    save_nodes([((BLOCK,), {"ene": True, "weight": 1.0})], path)
    (((block,), truth),) = load_nodes(path)
    assert np.array_equal(block.hu, BLOCK.hu)
    assert np.array_equal(block.depth, BLOCK.depth)
    assert truth == {"ene": True, "weight": 1.0}
    assert is_node_file(path)
    assert not is_node_file(tmp_path / "larynx" / "0002-00003.npz")
