"""What a classifier's answer is worth on masks of a network: fitted to proposals of known truth, for these weights."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import node_scene
from models.card import Card
from models.nodes.classifier import judge, load_model
from models.nodes.reading import READINGS, fit_readings, read_on
from models.registry import find_card
from oncology.findings import Findings, Source, SourceKind, to_json

SEEN = Source(SourceKind.MODEL, "lesion-thorax", "a" * 64)
SHIFT = 0.9  # by which true odds are higher than the classifier's


def card(**settings: object) -> Card:
    return replace(find_card("node-malignancy", None), settings=settings)


@cache
def proposals() -> tuple[Findings, ...]:
    """Nodes of all sizes and uptakes, as if a network had drawn them."""
    cases = [(mm, hu, suv) for mm in (5.0, 8.0, 12.0) for hu in (72.0, 30.0) for suv in (1.0, 1.7, 2.6, 4.0)]
    found = [node_scene.findings(*case) for case in cases]
    return tuple(
        replace(one, nodes=(replace(one.nodes[0], source=SEEN, needs_confirmation=True, p_malignant=None),))
        for one in found
    )


def rows(folder: Path, times: int = 120) -> Path:
    random, model, path = np.random.default_rng(4), load_model(card()), folder / "rows.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for place, found in enumerate(proposals()):
            p = judge(model, found, found.nodes, {})[0].p
            true = 1.0 / (1.0 + math.exp(-math.log(p / (1.0 - p)) - SHIFT))
            for turn in range(times):
                node = to_json(found.nodes[0]) | {"truth": "malignant" if random.random() < true else "benign"}
                row = {"patient": f"lung-1010-{place}-{turn}", "cancer": "lung", "mode": "images", "nodes": [node]}
                file.write(json.dumps(row | {"tumor": to_json(found.tumors[0]) | {"truth": "tumor"}}) + "\n")
    return path


def test_answers_that_are_too_low_on_a_networks_masks_are_raised(tmp_path: Path) -> None:
    found = fit_readings(card(), None, [rows(tmp_path)])
    assert found["lesion-thorax"]["line"] == [pytest.approx(SHIFT, abs=0.25), pytest.approx(1.0, abs=0.2)]
    assert 0.35 < read_on(card(**{READINGS: found}), SEEN, 0.3) < 0.6


@pytest.mark.parametrize("source", [replace(SEEN, sha256="b" * 64), Source(SourceKind.PERSON, "contour")])
def test_other_weights_and_persons_masks_are_read_as_they_are(source: Source) -> None:
    lines = {SEEN.id: {"sha256": SEEN.sha256, "line": [SHIFT, 1.0]}}
    assert read_on(card(**{READINGS: lines}), source, 0.3) == 0.3


def test_of_few_nodes_no_line_is_made(tmp_path: Path) -> None:
    assert fit_readings(card(), None, [rows(tmp_path, times=1)]) == {}
