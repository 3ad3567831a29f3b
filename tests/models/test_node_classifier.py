"""The classifier of nodes: what it reads, what it refuses, and that its card's figures can be measured anew."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xgboost

from models.card import Card
from models.nodes.classifier import NodeModel, read_model, save_model
from models.nodes.features import FEATURES, feature_row, is_complete, rows_of, station_group
from models.nodes.measurement import figures_of, held_out
from models.nodes.prior import priors_of
from models.nodes.rows import jittered
from models.registry import find_card
from oncology.errors import ModelError
from oncology.findings import CaseId, Findings, Laterality, Node, Tumor
from phantoms import make_grid, sphere

TUMOR = Tumor("tumor-1", 14.0, 30.0, 30.0, 30.0, 28.0, Laterality.RIGHT, None, (-60.0, 0.0, 0.0), suv_max=8.0)
NODE = Node(
    "node-1", "4R", Laterality.RIGHT, 12.0, 15.0, 1.2, (-20.0, 0.0, 0.0), suv_max=5.0,
    measures={"hu_mean": 60.0, "fat_share": 0.0, "edge_hu_per_mm": 40.0, "liver_suv": 2.5, "suv_near": 5.0},
)  # fmt: skip


def read(node: Node, tumor: Tumor | None = TUMOR, cancer: str = "lung") -> dict[str, float]:
    return dict(zip(FEATURES, feature_row(node, tumor, cancer), strict=True))


def test_a_node_is_described_by_its_place_to_the_tumor() -> None:
    found = read(NODE)
    assert found["distance_mm"] == pytest.approx(25.0)
    assert (found["same_side"], found["station_upper_mediastinum"], found["station_hilum"]) == (1.0, 1.0, 0.0)
    assert found["suv_to_liver"] == pytest.approx(2.0)


def test_where_one_node_is_hot_the_others_are_told() -> None:
    cold = replace(NODE, id="node-2", short_axis_mm=6.0, suv_max=1.2)
    findings = Findings(CaseId("a"), "lung", (TUMOR,), (NODE, cold))
    row = dict(zip(FEATURES, rows_of(findings, [cold], {})[0], strict=True))
    assert (row["others_short_mm"], row["others_suv"]) == (12.0, 5.0)


def test_what_is_not_known_stays_open() -> None:
    found = read(replace(NODE, suv_max=None, station=None), None)
    open_ones = ("suv_max", "suv_to_liver", "distance_mm", "station_hilum", "prior")
    assert all(math.isnan(found[name]) for name in open_ones)


def test_a_node_that_nobody_measured_on_images_is_left_to_the_rules() -> None:
    assert is_complete(NODE)
    assert not is_complete(replace(NODE, measures={}))


@pytest.mark.parametrize(
    ("cancer", "station", "group"),
    [("lung", "11L", "hilum"), ("lung", "1R", "supraclavicular"), ("esophagus", "17", "abdomen"),
     ("oropharynx", "IIB", "neck_ii"), ("larynx", "III", "neck_other"), ("lung", None, None)],
)  # fmt: skip
def test_stations_fall_into_groups(cancer: str, station: str | None, group: str | None) -> None:
    assert station_group(cancer, station) == group


def test_real_tables_say_the_tumors_side_is_likelier_in_the_neck() -> None:
    same = replace(NODE, station="II")
    nodes = (same, replace(same, id="node-2", laterality=Laterality.LEFT), replace(same, id="node-3", station="VI"))
    found = priors_of(find_card("neck-involvement", None), Findings(CaseId("a"), "oropharynx", (TUMOR,), nodes), nodes)
    assert found["node-1"] > 2 * found["node-2"]
    assert "node-3" not in found


def test_a_models_answers_survive_its_file_and_other_features_are_refused(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    rows = random.random((80, len(FEATURES)), np.float32)
    matrix = xgboost.DMatrix(rows, label=rows[:, 0] > 0.5, feature_names=list(FEATURES))
    model = NodeModel(xgboost.train({"objective": "binary:logistic"}, matrix, 5), (0.9, 0.1), (0.8, -0.1))
    save_model(model, tmp_path / "a.json")
    assert np.allclose(read_model(tmp_path / "a.json").probabilities(rows), model.probabilities(rows))
    other = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(rows[:, :3], label=rows[:, 0] > 0.5), 2)
    (tmp_path / "b.json").write_bytes(bytes(other.save_raw("json")))
    (tmp_path / "c.json").write_text("not a model")
    for name in ("b.json", "c.json"):
        with pytest.raises(ModelError, match=name):
            read_model(tmp_path / name)


def test_masks_for_training_are_off_by_a_little_and_not_by_much() -> None:
    grid = make_grid((30, 30, 30), (1.0, 1.0, 1.0), center_lps=(0, 0, 0))
    drawn = sphere(grid, (0, 0, 0), 14)
    other = jittered(drawn, grid, np.random.default_rng(3))
    overlap = 2 * np.count_nonzero(drawn & other) / (np.count_nonzero(drawn) + np.count_nonzero(other))
    assert 0.75 < overlap < 1.0


@pytest.mark.slow
def test_the_cards_figures_can_be_measured_on_patients_that_are_made_for_it(tmp_path: Path) -> None:
    card: Card = find_card("node-malignancy", None)
    rows = held_out(tmp_path, 1, ("lung", "larynx"))
    found = {figure.name: figure for figure in figures_of(card, rows)}
    assert {row.cancer for row in rows} == {"lung", "larynx"}
    assert {"AUC, nodal malignancy with PET", "AUC, nodal malignancy on CT alone"} <= set(found)
    assert all(0.0 <= figure.value <= 1.0 for figure in found.values())
