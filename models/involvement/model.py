"""A gradient-boosted model of involvement per neck level, judged by leaving one institution out at a time.

A row is one level of one side of one patient; what is known of the other levels is an input, so the answer is the
chance of this level given the rest. Labels come from tissue where there is any, else from images (tables.py). Every
row is also learned from with parts of it hidden at random, so that what is not known is averaged over and what says
nothing is not mistaken for a sign. More advanced tumors and more involved levels never lower the chance.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from models.involvement.tables import LEVELS, SIDES, Status, TablePatient
from oncology.agreement import auc, bootstrap_figure, calibration_error

# Groups of ICD-O-3 topographies that spread alike.
SUBSITES: Mapping[str, tuple[str, ...]] = {
    "tonsil": ("C09",),
    "base_of_tongue": ("C01",),
    "soft_palate": ("C05.1", "C05.2"),
    "other_oropharynx": ("C10",),
    "oral_tongue": ("C02",),
    "floor_of_mouth": ("C04",),
    "other_mouth": ("C00", "C03", "C05.0", "C05.8", "C05.9", "C06", "C08"),
    "hypopharynx": ("C12", "C13"),
    "larynx": ("C32",),
}
OROPHARYNX = ("tonsil", "base_of_tongue", "soft_palate", "other_oropharynx")  # where p16 stands for HPV
PARAMETERS: Mapping[str, Any] = {
    "objective": "binary:logistic",
    "max_depth": 3,
    "eta": 0.08,
    "subsample": 0.8,
    "colsample_bytree": 0.8,
    "min_child_weight": 6,
    "lambda": 4.0,
    "nthread": 1,
    "seed": 20,
}
ROUNDS = 160
OTHERS = tuple(f"{place}_{level}" for place in ("same_side", "other_side") for level in LEVELS)
FEATURES = (
    "contra",
    *(f"level_{level}" for level in LEVELS),
    *(f"subsite_{name}" for name in SUBSITES),
    "t",
    "hpv",
    "midline",
    *OTHERS,
)
TUMOR = ("t", "hpv", "midline")
MONOTONE = {"t", "midline", *OTHERS}
# Shares of columns that are hidden in the copies of a row: none, all other levels, then either of them at random.
HIDDEN: tuple[tuple[float, float], ...] = ((0.0, 0.0), (1.0, 0.15), (0.5, 0.15), (0.25, 0.5))  # (other levels, tumor)


@dataclass(frozen=True)
class Judged:
    """Rows (N, F), labels (N,), and the patient each row belongs to."""

    rows: np.ndarray
    labels: np.ndarray
    patients: np.ndarray
    levels: list[tuple[str, str]]


def features(patient: TablePatient, side: str, level: str) -> list[float]:
    """One row in the order of FEATURES; what is not known is NaN."""
    other = SIDES[1 - SIDES.index(side)]
    around = [
        np.nan if place == side and name == level else _number(patient.involved.get((place, name)))
        for place in (side, other)
        for name in LEVELS
    ]
    return [
        float(side == "contra"),
        *(float(name == level) for name in LEVELS),
        *(float(patient.subsite.startswith(codes)) for codes in SUBSITES.values()),
        np.nan if patient.t is None else float(patient.t),
        _number(patient.hpv if is_oropharynx(patient.subsite) else None),
        _number(patient.midline),
        *around,
    ]


def is_oropharynx(subsite: str) -> bool:
    """Whether a topography lies where p16 stands for HPV; elsewhere the tables' entries are not used.

    >>> is_oropharynx("C09.9"), is_oropharynx("C02.1")
    (True, False)
    """
    return any(subsite.startswith(SUBSITES[name]) for name in OROPHARYNX)


def _number(status: Status) -> float:
    return np.nan if status is None else float(status)


def judged(patients: Sequence[TablePatient]) -> Judged:
    """Every level that was assessed."""
    found = [
        (features(patient, side, level), status, place, (side, level))
        for place, patient in enumerate(patients)
        for (side, level), status in patient.involved.items()
        if status is not None
    ]
    return Judged(
        np.array([item[0] for item in found], np.float32),
        np.array([item[1] for item in found], float),
        np.array([item[2] for item in found]),
        [item[3] for item in found],
    )


def train(patients: Sequence[TablePatient]) -> xgboost.Booster:
    """The model of all given patients; equal patients give equal models."""
    data, random = judged(patients), np.random.default_rng(PARAMETERS["seed"])
    rows = np.concatenate([hidden(data.rows, *shares, random) for shares in HIDDEN])
    matrix = xgboost.DMatrix(rows, label=np.tile(data.labels, len(HIDDEN)), feature_names=list(FEATURES))
    constraints = tuple(int(name in MONOTONE) for name in FEATURES)
    return xgboost.train({**PARAMETERS, "monotone_constraints": constraints}, matrix, num_boost_round=ROUNDS)


def hidden(rows: np.ndarray, others: float, tumor: float, random: np.random.Generator) -> np.ndarray:
    """The rows (N, F) with these shares of what is said of other levels, and of T, p16 and midline, made unknown."""
    shares = np.array([others if name in OTHERS else tumor * (name in TUMOR) for name in FEATURES])
    return np.where(random.random(rows.shape) < shares, np.nan, rows).astype(np.float32)


def predict(booster: xgboost.Booster, rows: np.ndarray) -> np.ndarray:
    """Chance of involvement, (N,)."""
    return np.asarray(booster.predict(xgboost.DMatrix(rows, feature_names=list(FEATURES))), float)


def leave_one_institution_out(patients: Sequence[TablePatient]) -> dict[str, Any]:
    """Per institution, trained on the others: area under the ROC curve and calibration, intervals over patients."""
    result: dict[str, Any] = {}
    for institution in sorted({patient.institution for patient in patients}):
        inside = [patient for patient in patients if patient.institution == institution]
        outside = [patient for patient in patients if patient.institution != institution]
        data = judged(inside)
        shares = level_shares(judged(outside))
        alone = auc(data.labels, np.array([shares.get(key, 0.0) for key in data.levels]))
        figures = _figures(data, train(outside))
        result[institution] = (
            {"patients": len(inside)} | figures | {"auc_of_level_and_side_alone": round(alone or 0, 4)}
        )
    return result


def level_shares(data: Judged) -> dict[tuple[str, str], float]:
    """How often each (side, level) is involved: what a model has to beat."""
    keys = set(data.levels)
    here = {key: np.array([found == key for found in data.levels]) for key in keys}
    return {key: float(data.labels[mask].mean()) for key, mask in here.items()}


def _figures(data: Judged, booster: xgboost.Booster) -> dict[str, Any]:
    """With all that the tables tell, with nothing of other levels, and level by level on the tumor's side."""
    everything = np.ones(len(data.labels), bool)
    p = predict(booster, data.rows)
    unknown = predict(booster, hidden(data.rows, 1.0, 0.0, np.random.default_rng(0)))
    by_level = {}
    for name in LEVELS:
        here = np.array([key == (SIDES[0], name) for key in data.levels])
        by_level[name] = _scores(data, p, here)["auc"]
    return {
        **_scores(data, p, everything),
        **{f"{key}_others_unknown": value for key, value in _scores(data, unknown, everything).items()},
        "auc_by_ipsilateral_level": by_level,
    }


def _scores(data: Judged, p: np.ndarray, here: np.ndarray) -> dict[str, Any]:
    """Area under the ROC curve and calibration over the chosen rows (N,) bool, intervals over patients."""
    groups = [np.flatnonzero((data.patients == place) & here) for place in np.unique(data.patients[here])]

    def over(measure: Any) -> Any:
        return bootstrap_figure(groups, lambda drawn: measure(np.concatenate(drawn)))

    return {
        "auc": over(lambda rows: auc(data.labels[rows], p[rows])),
        "calibration_error": over(lambda rows: calibration_error(p[rows], data.labels[rows])),
    }


def save(booster: xgboost.Booster, path: Path) -> None:
    """XGBoost's own JSON, keys sorted: equal models give equal bytes."""
    path.write_text(json.dumps(json.loads(booster.save_raw("json")), sort_keys=True, separators=(",", ":")))


def load(path: Path) -> xgboost.Booster:
    """A model that `save` wrote."""
    booster = xgboost.Booster()
    booster.load_model(bytearray(path.read_bytes()))
    return booster
