"""Logistic regression with a ridge, calibrated by Platt's method, in plain numpy.

The scores that Platt's line is fitted to come from folds that did not see their patient, as do the figures reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

RIDGE = 1.0
FOLDS = 5
STEPS, ENOUGH = 50, 1e-8
BINS = 10
# Fewer cases than this cannot be told from chance in ten features; a patient's rows are one case seen several times.
LEAST_ROWS, LEAST_PATIENTS = 40, 8


@dataclass(frozen=True)
class Logistic:
    """P(true) = sigmoid(slope * (weights . (x - mean) / scale + bias) + offset)."""

    features: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    slope: float = 1.0
    offset: float = 0.0

    def probability(self, x: np.ndarray) -> np.ndarray:
        """Probabilities (N,) of rows (N, F) in the order of `features`."""
        return sigmoid(self.slope * self.score(x) + self.offset)

    def score(self, x: np.ndarray) -> np.ndarray:
        """Uncalibrated log odds (N,) of rows (N, F); NaN counts as the mean."""
        standard = np.nan_to_num((np.atleast_2d(x) - np.array(self.mean)) / np.array(self.scale))
        return np.asarray(standard @ np.array(self.weights) + self.bias)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Logistic:
        """What to_json gave."""
        lists = {name: tuple(content[name]) for name in ("features", "mean", "scale", "weights")}
        return cls(**lists, bias=content["bias"], slope=content["slope"], offset=content["offset"])


@dataclass(frozen=True)
class HeldOut:
    """How well the model did on patients it was not fitted to; sensitivity and specificity at one half."""

    rows: int
    positives: int
    auc: float
    brier: float
    ece: float
    sensitivity: float
    specificity: float


def sigmoid(score: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-score)), without overflow."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(score, -60.0, 60.0))))


def fit_logistic(
    x: np.ndarray,
    y: np.ndarray,
    groups: Sequence[str],
    features: Sequence[str],
    *,
    ridge: float = RIDGE,
    signs: Mapping[str, int] | None = None,
) -> tuple[Logistic, HeldOut] | None:
    """Fit and calibrate; None where patients are too few or all alike.

    Args:
        x: (N, F); NaN where a feature was not measured.
        y: (N,) bool.
        groups: the patient of each row; one patient's rows stay in one fold.
        features: names of the columns.
        signs: by feature, the sign that its weight may have; a weight that would have the other one is 0.
    """
    y = np.asarray(y, bool)
    if len(y) < LEAST_ROWS or min(_patients(groups, y), _patients(groups, ~y)) < LEAST_PATIENTS:
        return None
    wanted = np.array([(signs or {}).get(name, 0) for name in features])
    folds = _folds(groups)
    scores = np.zeros(len(y))
    for fold in range(FOLDS):
        test = folds == fold
        scores[test] = _fit(x[~test], y[~test], features, ridge, wanted).score(x[test])
    held = np.zeros(len(y))
    for fold in range(FOLDS):  # Platt's line too is judged on patients that it did not see
        test = folds == fold
        slope, offset = _platt(scores[~test], y[~test])
        held[test] = sigmoid(slope * scores[test] + offset)
    slope, offset = _platt(scores, y)
    whole = _fit(x, y, features, ridge, wanted)
    return replace(whole, slope=slope, offset=offset), judge(held, y)


def _patients(groups: Sequence[str], chosen: np.ndarray) -> int:
    """How many patients have a chosen row (N,)."""
    return len({name for name, here in zip(groups, chosen, strict=True) if here})


def _folds(groups: Sequence[str]) -> np.ndarray:
    """A fold per row: patients in the order of their names, dealt out."""
    place = {name: number % FOLDS for number, name in enumerate(sorted(set(groups)))}
    return np.array([place[name] for name in groups])


def _fit(x: np.ndarray, y: np.ndarray, features: Sequence[str], ridge: float, signs: np.ndarray) -> Logistic:
    """Weights of the signs (F,) that are wanted (0: any); of the wrong ones the worst is taken out until none is."""
    seen = ~np.isnan(x)
    count = np.maximum(seen.sum(axis=0), 1)
    mean = np.where(seen, x, 0.0).sum(axis=0) / count
    scale = np.sqrt(np.where(seen, (x - mean) ** 2, 0.0).sum(axis=0) / count)
    scale = np.where(scale < 1e-9, 1.0, scale)
    columns = np.column_stack([np.nan_to_num((x - mean) / scale), np.ones(len(x))])
    used = np.ones(x.shape[1] + 1, bool)
    while True:
        weights = np.zeros(len(used))
        weights[used] = _newton(columns[:, used], y.astype(float), np.append(np.full(used.sum() - 1, ridge), 1e-6))
        wrong = -signs * weights[:-1]
        if wrong.max() <= 0.0:
            break
        used[int(np.argmax(wrong))] = False
    return Logistic(
        tuple(features), tuple(mean.tolist()), tuple(scale.tolist()), tuple(weights[:-1].tolist()), float(weights[-1])
    )


def _newton(columns: np.ndarray, target: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Weights of the least penalized logistic loss, by Newton's steps."""
    weights = np.zeros(columns.shape[1])
    for _ in range(STEPS):
        p = sigmoid(columns @ weights)
        slope = columns.T @ (p - target) + penalty * weights
        curve = (columns * (p * (1 - p))[:, None]).T @ columns + np.diag(penalty) + 1e-9 * np.eye(len(weights))
        step = np.linalg.solve(curve, slope)
        step *= min(1.0, 5.0 / (np.abs(step).max() + 1e-12))
        weights = weights - step
        if np.abs(step).max() < ENOUGH:
            break
    return weights


def _platt(scores: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope and offset, with targets drawn in from 0 and 1 as Platt (1999) has them; never a falling line."""
    positives, negatives = int(y.sum()), int((~y).sum())
    target = np.where(y, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    slope, offset = _newton(np.column_stack([scores, np.ones(len(scores))]), target, np.array([1e-3, 1e-6]))
    return max(float(slope), 1e-3), float(offset)


def judge(p: np.ndarray, y: np.ndarray) -> HeldOut:
    """Discrimination and calibration of probabilities (N,) against truth (N,)."""
    order = np.argsort(np.argsort(p, kind="stable"), kind="stable") + 1.0
    for value in np.unique(p):  # equal probabilities share their rank
        order[p == value] = order[p == value].mean()
    positives, negatives = int(y.sum()), int((~y).sum())
    auc = (order[y].sum() - positives * (positives + 1) / 2) / (positives * negatives)
    bins = np.minimum((p * BINS).astype(int), BINS - 1)
    gaps = [abs(p[bins == b].mean() - y[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    return HeldOut(
        rows=len(y),
        positives=positives,
        auc=round(float(auc), 4),
        brier=round(float(((p - y) ** 2).mean()), 4),
        ece=round(float(sum(gaps)), 4),
        sensitivity=round(float((p[y] >= 0.5).mean()), 4),
        specificity=round(float((p[~y] < 0.5).mean()), 4),
    )
