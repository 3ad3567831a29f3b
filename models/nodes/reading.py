"""What the classifier's answer is worth on masks that a network drew: smaller and smoother than those of its training.

A line in log odds for each network, fitted to nodes that the network proposed on tuning patients and that truly are
nodes. It holds for those weights alone, which are named by their hash.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.card import Card
from models.nodes.classifier import LEAST, MOST
from models.training.logistic import logistic_line
from oncology.findings import Source

READINGS = "readings"  # setting of the card: network -> sha256, line [offset, slope], nodes, patients
KINDS = ("malignant", "benign")
FEWEST = 40  # nodes; with fewer no line is fitted


def read_on(card: Card, source: Source, p: float) -> float:
    """The chance that a node is malignant on a mask of that source.

    Args:
        p: the classifier's answer.
    """
    line = _line(card, source.id, source.sha256)
    return p if line is None else _expit(line[0] + line[1] * _logit(p))


def fit_readings(card: Card, files: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Lines by network of rows that `aimdt evaluate --mode images` wrote on tuning patients.

    Args:
        card: whose classifier judged them, with the lines that were applied then.
    """
    found: dict[tuple[str, str], list[tuple[str, float, bool]]] = {}
    for patient, node in _proposed(files):
        network, sha256 = node["source"]["id"], node["source"]["sha256"]
        line = _line(card, network, sha256) or (0.0, 1.0)
        answer = (_logit(node["p_malignant"] / node["certainty"]) - line[0]) / line[1]
        found.setdefault((network, sha256), []).append((patient, answer, node["truth"] == "malignant"))
    return {
        network: {
            "sha256": sha256,
            "line": logistic_line(np.array([[answer] for _, answer, _ in rows]), np.array([real for *_, real in rows])),
            "nodes": len(rows),
            "patients": len({patient for patient, *_ in rows}),
        }
        for (network, sha256), rows in sorted(found.items())
        if len(rows) >= FEWEST and len({real for *_, real in rows}) == len(KINDS)
    }


def _proposed(files: Iterable[Path]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Patient and node of every proposal that the classifier judged and that truly is a node."""
    for path in files:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            for node in row.get("nodes", ()) if row["mode"] == "images" else ():
                if node["truth"] in KINDS and node["malignancy_model"] and node["needs_confirmation"]:
                    yield row["patient"], node


def _line(card: Card, network: str, sha256: str | None) -> tuple[float, float] | None:
    found = card.settings.get(READINGS, {}).get(network)
    return (found["line"][0], found["line"][1]) if found and found["sha256"] == sha256 else None


def _logit(p: float) -> float:
    kept = min(max(p, LEAST), MOST)
    return math.log(kept / (1.0 - kept))


def _expit(odds: float) -> float:
    return min(max(1.0 / (1.0 + math.exp(-odds)), LEAST), MOST)
