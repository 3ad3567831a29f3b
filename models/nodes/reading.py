"""What the classifier's answer is worth on masks that a network drew: smaller and smoother than those of its training.

A line in log odds for each network, fitted to nodes that the network proposed on tuning patients and that truly are
nodes. It holds for those weights alone, which are named by their hash.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from models.card import Card
from models.nodes.classifier import LEAST, MOST, NodeModel, judge, load_model
from models.nodes.features import is_complete
from models.nodes.prior import priors_of
from models.nodes.rows import node_from, tumor_from
from models.training.image_rows import image_rows
from oncology.findings import CaseId, Findings, Source
from oncology.imaging.proposals import logit

READINGS = "readings"  # setting of the card: network -> sha256, line [offset, slope], nodes, patients
KINDS = ("malignant", "benign")
OFFSET_SD, SLOPE_SD = 0.5, 0.3  # how far a line is expected off the one that changes nothing
FEWEST = 40  # nodes; with fewer no line is fitted


def read_on(card: Card, source: Source, p: float) -> float:
    """The chance that a node is malignant on a mask of that source.

    Args:
        p: the classifier's answer.
    """
    found = card.settings.get(READINGS, {}).get(source.id)
    if not found or found["sha256"] != source.sha256:
        return p
    offset, slope = found["line"]
    return min(max(1.0 / (1.0 + math.exp(-offset - slope * logit(p))), LEAST), MOST)


def fit_readings(card: Card, prior: Card | None, files: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Lines by network of rows that `aimdt evaluate --mode images` wrote on tuning patients.

    Args:
        card: of the classifier, which is asked anew about the nodes of the rows.
        prior: of levels of the neck.
    """
    model = load_model(card)
    found: dict[Source, list[tuple[str, float, bool]]] = {}
    for row in image_rows(files):
        for source, patient, answer, malignant in _answers(row, model, prior):
            found.setdefault(source, []).append((patient, answer, malignant))
    return {
        source.id: {
            "sha256": source.sha256,
            "line": _line(np.array([answer for _, answer, _ in rows]), np.array([real for *_, real in rows], float)),
            "nodes": len(rows),
            "patients": len({patient for patient, *_ in rows}),
        }
        for source, rows in sorted(found.items(), key=lambda item: item[0].id)
        if len(rows) >= FEWEST and len({real for *_, real in rows}) == len(KINDS)
    }


def _answers(row: dict[str, Any], model: NodeModel, prior: Card | None) -> Iterator[tuple[Source, str, float, bool]]:
    """Source, patient, log odds and truth of every proposal in a row that truly is a node."""
    given = row.get("nodes", [])
    truths = {node["id"]: node.pop("truth") for node in given}
    tumor = {name: value for name, value in (row.get("tumor") or {}).items() if name != "truth"}
    nodes = tuple(map(node_from, given))
    tumors = (tumor_from(tumor),) if tumor else ()
    findings = Findings(CaseId(row["patient"]), row["cancer"], tumors, nodes)
    asked = [node for node in nodes if truths[node.id] in KINDS and node.needs_confirmation and is_complete(node)]
    usual = priors_of(prior, findings, asked) if prior else {}
    for node, answer in zip(asked, judge(model, findings, asked, usual), strict=True):
        yield node.source, row["patient"], logit(answer.p), truths[node.id] == "malignant"


def _line(answers: np.ndarray, malignant: np.ndarray) -> list[float]:
    """Offset and slope by likelihood, held near those that change nothing: nodes of some dozen patients say little."""

    def loss(line: np.ndarray) -> float:
        odds = line[0] + line[1] * answers
        off = (line[0] / OFFSET_SD) ** 2 + ((line[1] - 1.0) / SLOPE_SD) ** 2
        return float((np.logaddexp(0.0, odds) - malignant * odds).sum() + 0.5 * off)

    return [round(float(value), 4) for value in minimize(loss, np.array([0.0, 1.0]), method="L-BFGS-B").x]
