"""How good the network for nodes is on drawn nodes that it never saw, beside single signs on the same nodes.

Contours are redrawn as a reader or a network would draw them. Nodes of a kind of which only a part was drawn count for
as many as they stand for, so that figures are those of the cohort.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from models.card import Card, Figure
from models.inference.engine import Engine, open_engine
from models.inference.node_look import CALIBRATION, LEAST_P, calibrated
from models.inference.predict import Crops, predict_crops, window_of
from models.networks.node_inputs import NodeBlock, node_crops
from models.registry import weights_path
from models.training.logistic import logistic_line
from models.training.node_crops import nodes_in, redrawn
from models.training.node_maker import fill
from models.verification import Material
from oncology.agreement import bootstrap_figure
from oncology.errors import ModelError
from oncology.imaging.node_border import raggedness
from oncology.imaging.node_signs import node_signs
from oncology.imaging.volume import Geometry, Volume

HELD_OUT_SEED, TUNING_SEED = 5001, 1001
VISIBLE_MM, SMALL_MM = 5.0, 15.0  # short axes: smaller nodes are not asked for; below the second a node is small
BINS = 8
NECKS = 2  # of each cancer, where nobody says how many
NO_FAT_HU = -100.0  # where none lies around a node nothing is stranded
FOUND_SHARE = 0.95  # of extending nodes that lie above what is called unlikely
# Single signs, each by a measure of the same contours; higher speaks for extension.
CUES = ("necrosis", "border", "stranded_fat")


@dataclass(frozen=True)
class Row:
    """One node: what is true, what the network says with and without PET (before calibration), and single signs.

    Attributes:
        neck: whose node it is.
    """

    neck: int
    truth: Mapping[str, Any]
    with_pet: Mapping[str, float]
    without: Mapping[str, float]
    cues: Mapping[str, float]

    @property
    def weight(self) -> float:
        """How many nodes of the cohort it stands for."""
        return float(self.truth.get("weight", 1.0))


def judged(card: Card, paths: Iterable[Path], device: str = "cpu") -> list[Row]:
    """Every visible node of these files as the network sees it, with a contour that is a little off."""
    shape = (1, 1, *(32,) * 3)
    engine = open_engine(card.network, weights_path(card), window_of(Crops(np.zeros(shape, np.float32))), None, device)
    rows = []
    for number, path in enumerate(paths):
        random = np.random.default_rng((number, 3))
        for node in nodes_in(path):
            if float(node.truth["short_axis_mm"]) >= VISIBLE_MM:
                block = redrawn(node.scans[0], random)
                heard, silent = (_asked(card, engine, one) for one in (block, replace(block, suv=None)))
                rows.append(Row(number, node.truth, heard, silent, _cues(block)))
    return rows


def _asked(card: Card, engine: Engine, block: NodeBlock) -> dict[str, float]:
    head = card.heads[0]
    answer = predict_crops(card, engine, Crops(node_crops(card.inputs, block)[None]))[head.name][0]
    return {label: float(p) for label, p in zip(head.labels, answer, strict=True)}


def _cues(block: NodeBlock) -> dict[str, float]:
    grid = Geometry(_shape(block.depth), (block.spacing_mm,) * 3, (0.0, 0.0, 0.0))
    mask, ct = block.depth > 0, Volume(block.hu, grid)
    signs = node_signs(mask, ct)
    values = (signs["necrosis_share"], raggedness(mask, ct), signs.get("surround_hu", NO_FAT_HU))
    return dict(zip(CUES, values, strict=True))


def _shape(array: np.ndarray) -> tuple[int, int, int]:
    return array.shape[0], array.shape[1], array.shape[2]


def auc(score: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> float:
    """Area under the curve: how often a true one scores above a false one, ties half; all (N,).

    >>> auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True]), np.ones(4))
    0.875
    """
    ahead, behind = score[truth], score[~truth]
    won = (ahead[:, None] > behind[None]) + 0.5 * (ahead[:, None] == behind[None])
    both = weight[truth][:, None] * weight[~truth][None]
    return float((won * both).sum() / max(float(both.sum()), 1e-9))


def calibration_error(p: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> float:
    """Expected calibration error over bins that hold equally many nodes; all (N,)."""
    order = np.argsort(p, kind="stable")
    share = (np.cumsum(weight[order]) - weight[order] / 2) / weight.sum()
    bins = np.minimum((share * BINS).astype(int), BINS - 1)
    total = 0.0
    for number in range(BINS):
        own = order[bins == number]
        total += abs(float((weight[own] * (p[own] - truth[own])).sum()))
    return total / float(weight.sum())


def tuned(card: Card, store: Path, count: int) -> dict[str, Any]:
    """Calibration of both answers, the threshold that figures are given for, and below what extension is unlikely."""
    rows = judged(card, fill(store, card.cancers, count, TUNING_SEED))
    lines = {}
    for label in card.heads[0].labels:
        p = np.array([side[label] for row in rows for side in (row.with_pet, row.without)])
        times = np.array([round(row.weight) for row in rows for _ in range(2)])
        truth = np.array([bool(row.truth[label]) for row in rows for _ in range(2)])
        clipped = np.clip(p, LEAST_P, 1.0 - LEAST_P)
        logit = np.log(clipped / (1.0 - clipped))
        lines[label] = logistic_line(np.repeat(logit, times)[:, None], np.repeat(truth, times))
    settings = {**card.settings, CALIBRATION: lines}
    return {**settings, **_thresholds(replace(card, settings=settings), rows)}


def _thresholds(card: Card, rows: Sequence[Row]) -> dict[str, float]:
    """Where sensitivity and specificity together are best; below which a node in twenty with extension lies."""
    p, truth, weight = _told(card, rows, "ene", "with_pet"), _truth(rows, "ene"), _weight(rows)
    best = max(np.unique(p), key=lambda level: sum(_rates(p >= level, truth, weight)))
    low = float(np.quantile(p[truth], 1.0 - FOUND_SHARE)) if truth.any() else 0.0
    return {"threshold": round(float(best), 4), "unlikely": round(min(low, float(best)), 4)}


def _rates(called: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Sensitivity and specificity."""
    ahead, behind = weight * truth, weight * ~truth
    return (
        float((ahead * called).sum() / max(float(ahead.sum()), 1e-9)),
        float((behind * ~called).sum() / max(float(behind.sum()), 1e-9)),
    )


def _told(card: Card, rows: Sequence[Row], label: str, side: str) -> np.ndarray:
    """Calibrated probability (N,) of every node."""
    return calibrated(card, label, np.array([getattr(row, side)[label] for row in rows]))


def _truth(rows: Sequence[Row], label: str) -> np.ndarray:
    return np.array([bool(row.truth[label]) for row in rows])


def _weight(rows: Sequence[Row]) -> np.ndarray:
    return np.array([row.weight for row in rows])


Measured = Callable[[np.ndarray, np.ndarray, np.ndarray], float]


def _figure(
    name: str, value: Measured, rows: Sequence[Row], label: str, score: np.ndarray, on: str
) -> Iterator[Figure]:
    """With a 95% interval from necks drawn anew, all nodes of one together; none where all nodes are of one kind.

    Args:
        score: (N,) of the rows, higher where the label is likelier.
    """
    truth, weight, necks = _truth(rows, label), _weight(rows), np.array([row.neck for row in rows])

    def over(drawn: Sequence[np.ndarray]) -> float | None:
        chosen = np.concatenate(drawn)
        mixed = truth[chosen].any() and not truth[chosen].all()
        return value(score[chosen], truth[chosen], weight[chosen]) if mixed else None

    found = bootstrap_figure([np.flatnonzero(necks == neck) for neck in np.unique(necks)], over)
    if found["value"] is not None:
        stated, low, high = (round(found[key], 3) for key in ("value", "low", "high"))
        yield Figure(name, stated, "", len(rows), low, high, on)


def figures_of(card: Card, store: Path, count: int, shift: str | None = None, device: str = "cpu") -> list[Figure]:
    """Figures on the nodes of `count` held-out necks of every cancer."""
    rows = judged(card, fill(store, card.cancers, count, HELD_OUT_SEED, shift=shift), device)
    on = f"nodes in {count * len(card.cancers)} held-out synthetic necks, cohort's own mix; seed {HELD_OUT_SEED}"
    malignant = [row for row in rows if row.truth["malignant"]]
    among = _figure("ene_auc_among_malignant", auc, malignant, "ene", _told(card, malignant, "ene", "with_pet"), on)
    return [*_of_network(card, rows, on), *_of_cues(rows, on), *among]


def _of_network(card: Card, rows: Sequence[Row], on: str) -> Iterator[Figure]:
    level = float(card.settings["threshold"])
    small, large = ([row for row in rows if _is_small(row) is wanted] for wanted in (True, False))
    measures: Mapping[str, Measured] = {
        "ene_sensitivity": lambda p, truth, weight: _rates(p >= level, truth, weight)[0],
        "ene_specificity": lambda p, truth, weight: _rates(p >= level, truth, weight)[1],
        "ene_ece": calibration_error,
    }
    for side, words in (("with_pet", "ct_pet"), ("without", "ct")):
        for chosen, size in ((rows, ""), (small, "_small"), (large, "_large")):
            yield from _figure(f"{words}_ene_auc{size}", auc, chosen, "ene", _told(card, chosen, "ene", side), on)
        for name, one in measures.items():
            yield from _figure(f"{words}_{name}", one, rows, "ene", _told(card, rows, "ene", side), on)
        told = _told(card, rows, "malignant", side)
        yield from _figure(f"{words}_malignant_auc", auc, rows, "malignant", told, on)
        yield from _figure(f"{words}_malignant_ece", calibration_error, rows, "malignant", told, on)


def _is_small(row: Row) -> bool:
    return float(row.truth["short_axis_mm"]) < SMALL_MM


def _of_cues(rows: Sequence[Row], on: str) -> Iterator[Figure]:
    """Single signs measured on the same contours, and the short axis."""
    scores = {cue: np.array([row.cues[cue] for row in rows]) for cue in CUES}
    scores["short_axis"] = np.array([float(row.truth["short_axis_mm"]) for row in rows])
    for cue, score in scores.items():
        yield from _figure(f"cue_{cue}_ene_auc", auc, rows, "ene", score, on)


def measure(card: Card, material: Material) -> list[Figure]:
    """The figures of the card, as `aimdt models verify` asks for them.

    Raises:
        ModelError: there is no folder for the nodes.
    """
    if material.store is None:
        raise ModelError(f"{card.id} is measured on synthetic nodes; name a folder for them by --store")
    return figures_of(card, material.store, material.patients or NECKS, material.shift, material.device)
