"""The classifier of nodes as a file, its calibrated probabilities, and the reasons for each of them in words.

Boosted trees (Chen 2016, KDD) with a Platt line (Platt 1999) of their own with and without PET; reasons are exact
Shapley values of trees (Lundberg 2020, Nat Mach Intell 2:56), summed over features that say the same thing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import xgboost

from models.card import Card
from models.nodes.features import FEATURES, STATION_GROUPS, rows_of
from models.registry import weights_path
from oncology.errors import ModelError
from oncology.findings import Findings, Node

CALIBRATION = "calibration"  # attribute of the booster: {"with_pet": [slope, offset], "without_pet": [...]}
LEAST, MOST = 0.005, 0.995  # no image makes certain
TOP, LEAST_PUSH = 3, 0.15  # reasons that are named; a smaller push (log odds) is none
WITH_PET = FEATURES.index("suv_max")
GROUPS: Mapping[str, tuple[str, ...]] = {
    "size": (
        "short_axis_mm",
        "long_axis_mm",
        "volume_ml",
        "ellipsoid_short_mm",
        "ellipsoid_middle_mm",
        "ellipsoid_long_mm",
    ),
    "shape": ("roundness", "ellipsoid_roundness"),
    "density": ("hu_mean", "hu_sd", "hu_drop", "necrosis_share"),
    "hilum": ("fat_share", "hu_low"),
    "border": ("edge_hu_per_mm", "surround_hu", "surround_fat_share"),
    "uptake": ("suv_max", "suv_mean", "suv_ratio", "hotter_beside", "suv_to_liver", "suv_to_blood_pool"),
    "place": (*(f"station_{name}" for name in STATION_GROUPS), "distance_mm", "same_side", "hilum_side"),
    "others": ("others_short_mm", "others_suv"),
    "prior": ("prior",),
}


@dataclass(frozen=True)
class Judged:
    """The chance that a node is malignant, and what moved it most, the strongest first."""

    p: float
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class NodeModel:
    """Trees and the lines (slope, offset) that turn their log odds into probabilities."""

    booster: xgboost.Booster
    with_pet: tuple[float, float]
    without_pet: tuple[float, float]

    def probabilities(self, rows: np.ndarray) -> np.ndarray:
        """Calibrated chance of malignancy (N,) of features (N, F)."""
        margin = self.booster.predict(_matrix(rows), output_margin=True)
        lines = np.where(np.isnan(rows[:, [WITH_PET]]), self.without_pet, self.with_pet)
        return np.asarray(np.clip(1.0 / (1.0 + np.exp(-(lines[:, 0] * margin + lines[:, 1]))), LEAST, MOST), float)

    def pushes(self, rows: np.ndarray) -> np.ndarray:
        """Shapley values (N, F) in log odds."""
        return np.asarray(self.booster.predict(_matrix(rows), pred_contribs=True), float)[:, :-1]


def _matrix(rows: np.ndarray) -> xgboost.DMatrix:
    return xgboost.DMatrix(rows, feature_names=list(FEATURES), nthread=1)


def judge(model: NodeModel, findings: Findings, nodes: Sequence[Node], priors: Mapping[str, float]) -> list[Judged]:
    """Chance and reasons of each node; see `features.rows_of`."""
    if not nodes:
        return []
    rows = rows_of(findings, nodes, priors)
    found = zip(nodes, rows, model.probabilities(rows), model.pushes(rows), strict=True)
    return [Judged(round(float(p), 4), reasons(node, row, pushes)) for node, row, p, pushes in found]


def reasons(node: Node, row: np.ndarray, pushes: np.ndarray) -> tuple[str, ...]:
    """The groups of features that moved the answer most, each for or against malignancy, with what was measured."""
    by_name = dict(zip(FEATURES, map(float, pushes), strict=True))
    sums = {group: sum(by_name[name] for name in names) for group, names in GROUPS.items()}
    values = dict(zip(FEATURES, map(float, row), strict=True))
    told = []
    for group in sorted(sums, key=lambda name: -abs(sums[name])):
        words = WORDS[group](node, values)
        if words and abs(sums[group]) >= LEAST_PUSH:
            told.append(f"{'for' if sums[group] > 0 else 'against'}: {words}")
    return tuple(told[:TOP])


def _size(node: Node, _values: Mapping[str, float]) -> str:
    return f"short axis {node.short_axis_mm:.1f} mm, long axis {node.long_axis_mm:.1f} mm"


def _shape(_node: Node, values: Mapping[str, float]) -> str:
    return f"short to long axis {values['roundness']:.2f}"


def _density(_node: Node, values: Mapping[str, float]) -> str:
    return f"density {values['hu_mean']:.0f} HU, necrosis in {100 * values['necrosis_share']:.0f} % of its inside"


def _hilum(_node: Node, values: Mapping[str, float]) -> str:
    return f"fat in {100 * values['fat_share']:.0f} % of its inside"


def _border(_node: Node, values: Mapping[str, float]) -> str:
    return f"border {values['edge_hu_per_mm']:.0f} HU/mm"


def _uptake(node: Node, values: Mapping[str, float]) -> str:
    if node.suv_max is None:
        return ""
    ratio = values["suv_to_liver"]
    return f"SUVmax {node.suv_max:.1f}" + ("" if math.isnan(ratio) else f", {ratio:.1f} times the liver's")


def _place(node: Node, values: Mapping[str, float]) -> str:
    apart = "" if math.isnan(values["distance_mm"]) else f"{values['distance_mm']:.0f} mm from the tumor"
    side = {1.0: "on its side", 0.0: "on the other side"}.get(values["same_side"], "")
    return ", ".join(filter(None, (f"station {node.station}" if node.station else "", apart, side)))


def _others(_node: Node, values: Mapping[str, float]) -> str:
    if math.isnan(values["others_short_mm"]):
        return ""
    uptake = "" if math.isnan(values["others_suv"]) else f", their highest SUVmax {values['others_suv']:.1f}"
    return f"other nodes up to {values['others_short_mm']:.1f} mm{uptake}"


def _prior(_node: Node, values: Mapping[str, float]) -> str:
    p = values["prior"]
    return "" if math.isnan(p) else f"level involved in {100 * p:.0f} % of such tumors with all others clear"


WORDS: Mapping[str, Callable[[Node, Mapping[str, float]], str]] = {
    "size": _size, "shape": _shape, "density": _density, "hilum": _hilum, "border": _border, "uptake": _uptake,
    "place": _place, "others": _others, "prior": _prior,
}  # fmt: skip


def save_model(model: NodeModel, path: Path) -> None:
    """XGBoost's own JSON with the calibration inside, keys sorted: equal models give equal bytes."""
    lines = {"with_pet": list(model.with_pet), "without_pet": list(model.without_pet)}
    model.booster.set_attr(**{CALIBRATION: json.dumps(lines, sort_keys=True)})
    content = json.loads(model.booster.save_raw("json"))
    path.write_text(json.dumps(content, sort_keys=True, separators=(",", ":")), encoding="utf-8")


def load_model(card: Card) -> NodeModel:
    """The model of a card.

    Raises:
        ModelError: the weights are not whole, of another kind, or made for other features.
    """
    if card.kind != "xgboost":
        raise ModelError(f"model {card.id} is of kind {card.kind}; nodes are judged by xgboost models only")
    return read_model(weights_path(card), card.sha256)


@lru_cache(maxsize=4)
def read_model(path: Path, sha256: str = "") -> NodeModel:
    """A model that `save_model` wrote; `sha256` keeps what is remembered apart.

    Raises:
        ModelError: it is none, or made for other features.
    """
    booster = xgboost.Booster()
    try:
        booster.load_model(bytearray(path.read_bytes()))
        lines = json.loads(booster.attr(CALIBRATION) or "null")
    except (xgboost.core.XGBoostError, ValueError) as error:
        raise ModelError(f"{path.name} is no XGBoost model in JSON; add the model anew") from error
    if not isinstance(lines, dict) or booster.feature_names != list(FEATURES):
        raise ModelError(f"{path.name} was made for other features, or is not calibrated; train it anew")
    (a, b), (c, d) = lines["with_pet"], lines["without_pet"]
    return NodeModel(booster, (float(a), float(b)), (float(c), float(d)))
