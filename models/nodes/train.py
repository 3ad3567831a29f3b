"""Training and judging of the classifier of nodes: trees on synthetic patients, calibration on patients apart.

Probabilities are calibrated on answers about patients that the answering trees never saw (five folds by patient); the
trees that are kept are fitted to all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from scipy.optimize import minimize

from models.card import Card, Figure
from models.nodes.classifier import NodeModel
from models.nodes.features import FEATURES, MONOTONE, rows_of
from models.nodes.prior import priors_of
from models.nodes.redraw import redrawn_rows
from models.nodes.rows import NodeRow, patient_rows, read_rows, with_others, write_rows
from models.training.splits import Split, split_of
from models.training.store import load_patient, stored
from oncology.agreement import auc, bootstrap_figure, calibration_error

FOLDS = 5
PARAMETERS: Mapping[str, Any] = {
    "objective": "binary:logistic",
    "max_depth": 4,
    "eta": 0.05,
    "subsample": 0.6,
    "colsample_bytree": 0.5,
    "min_child_weight": 10,
    "lambda": 10.0,
    "nthread": 1,
    "seed": 20,
    "monotone_constraints": tuple(MONOTONE.get(name, 0) for name in FEATURES),
}
ROUNDS = 300
MASKS = 2  # imperfect masks of each node on each scan, for training
SIZE_MM, SUV = 10.0, 2.5  # what the single signs call positive
CALLED = 0.5


def gather(store: Path, cancers: tuple[str, ...], passes: int, kept: Path | None = None) -> list[NodeRow]:
    """Rows of every stored patient for training: of its own nodes, and of others drawn in their places.

    Args:
        passes: how often other nodes are drawn.
        kept: folder of what was measured before, one file a pass; what is measured now is added to it.
    """
    return with_others([row for turn in range(passes + 1) for row in _one_pass(store, cancers, turn, kept)])


def _one_pass(store: Path, cancers: tuple[str, ...], turn: int, kept: Path | None) -> list[NodeRow]:
    """Pass 0 are the patient's own nodes."""
    file = None if kept is None else kept / f"pass-{turn}.jsonl.gz"
    rows = read_rows(file) if file else []
    there = {row.patient for row in rows}
    for path in stored(store, cancers):
        seed, index, shift = _named(path)
        name = f"{path.parent.name}-{seed}-{index}"
        if split_of(seed) is not Split.TRAINING or shift or name in there:
            continue
        patient, random = load_patient(path), np.random.default_rng((seed, index, turn))
        found = list(redrawn_rows(patient, random, turn) if turn else patient_rows(patient, random, MASKS))
        rows += found
        if file:
            write_rows(found, file)
    return rows


def _named(path: Path) -> tuple[int, int, str]:
    """Seed, index and shift of a stored patient by its file's name."""
    seed, index, *shift = path.stem.split("-")
    return int(seed), int(index), "-".join(shift)


def features_of(rows: Sequence[NodeRow], prior: Card | None) -> np.ndarray:
    """Features (N, F) of rows, with the prior of a card where there is one."""
    found = []
    for row in rows:
        findings = row.findings()
        priors = priors_of(prior, findings, findings.nodes[:1]) if prior else {}
        found.append(rows_of(findings, findings.nodes[:1], priors)[0])
    return np.array(found, np.float32)


def both_ways(rows: Sequence[NodeRow]) -> list[NodeRow]:
    """Each row with its PET and without."""
    return [*rows, *(row.without_pet() for row in rows)]


def train(rows: Sequence[NodeRow], prior: Card | None) -> tuple[NodeModel, list[Figure]]:
    """The calibrated model of all rows, and the area under the curve over them by trees that saw other patients.

    Equal rows give equal models.
    """
    both = both_ways(rows)
    data, truth = features_of(both, prior), np.array([row.malignant for row in both], float)
    weights = _weights(both)
    margins = _margins_by_others(data, truth, weights, [row.patient for row in both])
    with_pet = np.arange(len(both)) < len(rows)
    lines = [_platt(margins[here], truth[here], weights[here]) for here in (with_pet, ~with_pet)]
    names = np.array([row.patient for row in both])
    told = [
        figure
        for mode, here in (("with PET", with_pet), ("on CT alone", ~with_pet))
        for figure in _figure(
            f"AUC {mode}", partial(_auc_at, truth, margins), _groups(names, here), "training patients, by folds"
        )
    ]
    return NodeModel(_fit(data, truth, weights), lines[0], lines[1]), told


def _auc_at(truth: np.ndarray, p: np.ndarray, here: np.ndarray) -> float | None:
    return auc(truth[here], p[here])


def _groups(names: np.ndarray, kept: np.ndarray) -> list[np.ndarray]:
    """Places of each patient's rows, of those that are kept."""
    return [np.flatnonzero((names == name) & kept) for name in np.unique(names)]


def _weights(rows: Sequence[NodeRow]) -> np.ndarray:
    """Every place of a node counts the same, however often one was drawn and measured there."""
    keys = [f"{row.patient} {row.place}" for row in rows]
    _, place, counts = np.unique(np.array(keys), return_inverse=True, return_counts=True)
    return np.asarray(1.0 / counts[place] * counts.mean())


def _fit(data: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> xgboost.Booster:
    matrix = xgboost.DMatrix(data, label=truth, weight=weights, feature_names=list(FEATURES), nthread=1)
    return xgboost.train(dict(PARAMETERS), matrix, num_boost_round=ROUNDS)


def _margins_by_others(data: np.ndarray, truth: np.ndarray, weights: np.ndarray, patients: Sequence[str]) -> np.ndarray:
    """Log odds (N,) of every row by trees that did not see its patient."""
    names = np.array(patients)
    fold_of = {name: place % FOLDS for place, name in enumerate(np.random.default_rng(3).permutation(np.unique(names)))}
    folds = np.array([fold_of[name] for name in names])
    margins = np.zeros(len(truth))
    for fold in range(FOLDS):
        here = folds == fold
        booster = _fit(data[~here], truth[~here], weights[~here])
        asked = xgboost.DMatrix(data[here], feature_names=list(FEATURES), nthread=1)
        margins[here] = booster.predict(asked, output_margin=True)
    return margins


def _platt(margins: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Slope and offset of log odds that make them probabilities, by weighted likelihood."""

    def loss(line: np.ndarray) -> float:
        odds = line[0] * margins + line[1]
        return float((weights * (np.logaddexp(0.0, odds) - truth * odds)).sum() + 0.5 * (line[0] - 1.0) ** 2)

    found = minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[(0.05, 5.0), (-5.0, 5.0)])
    return float(found.x[0]), float(found.x[1])


def judge_rows(model: NodeModel, rows: Sequence[NodeRow], prior: Card | None, on: str) -> list[Figure]:
    """Figures with 95% intervals over patients: with PET, without, and single signs on the same nodes."""
    truth = np.array([row.malignant for row in rows], float)
    groups = _groups(np.array([row.patient for row in rows]), np.ones(len(rows), bool))
    figures = []
    for mode, seen in (("with PET", rows), ("on CT alone", [row.without_pet() for row in rows])):
        p = model.probabilities(features_of(seen, prior))
        figures += _scores(f"nodal malignancy {mode}", p, p >= CALLED, truth, groups, on)
        figures += _calibration(mode, p, truth, groups, on)
    short = np.array([row.node.short_axis_mm for row in rows])
    uptake = np.array([row.node.suv_max if row.node.suv_max is not None else 0.0 for row in rows])
    figures += _scores(f"short axis >= {SIZE_MM:g} mm alone", short, short >= SIZE_MM, truth, groups, on)
    figures += _scores(f"SUVmax >= {SUV:g} alone", uptake, uptake >= SUV, truth, groups, on)
    return figures


def _scores(
    name: str, p: np.ndarray, called: np.ndarray, truth: np.ndarray, groups: Sequence[np.ndarray], on: str
) -> list[Figure]:
    return [
        *_figure(f"AUC, {name}", partial(_auc_at, truth, p), groups, on),
        *_figure(f"sensitivity, {name}", lambda here: _share(called[here], truth[here] > 0), groups, on),
        *_figure(f"specificity, {name}", lambda here: _share(~called[here], truth[here] == 0), groups, on),
    ]


def _calibration(mode: str, p: np.ndarray, truth: np.ndarray, groups: Sequence[np.ndarray], on: str) -> list[Figure]:
    name = f"expected calibration error {mode}"
    return _figure(name, lambda here: calibration_error(p[here], truth[here]), groups, on)


def _share(called: np.ndarray, asked: np.ndarray) -> float | None:
    return float(called[asked].mean()) if asked.any() else None


def _figure(
    name: str, measure: Callable[[np.ndarray], float | None], groups: Sequence[np.ndarray], on: str
) -> list[Figure]:
    found = bootstrap_figure(groups, lambda drawn: measure(np.concatenate(drawn)))
    if found["value"] is None:
        return []
    return [Figure(name, found["value"], "", found["n"], found["low"], found["high"], on)]
