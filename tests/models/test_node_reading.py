"""What a classifier's answer is worth on masks of a network: fitted to proposals of known truth, for these weights."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.card import Card
from models.nodes.reading import READINGS, fit_readings, read_on
from models.registry import find_card
from oncology.findings import Source, SourceKind

SEEN = Source(SourceKind.MODEL, "lesion-thorax", "a" * 64)


def card(**settings: object) -> Card:
    return replace(find_card("node-malignancy", None), settings=settings)


def rows(folder: Path, shift: float, count: int = 4000, used: Card | None = None) -> Path:
    """Proposed nodes whose true odds are higher than the classifier's by `shift`."""
    random = np.random.default_rng(4)
    path, given = folder / "rows.jsonl", used or card()
    with path.open("w", encoding="utf-8") as file:
        for patient in range(count // 10):
            nodes = []
            for odds in random.normal(-1.0, 1.5, 10):
                malignant = random.random() < 1.0 / (1.0 + math.exp(-odds - shift))
                answer = read_on(given, SEEN, 1.0 / (1.0 + math.exp(-odds)))
                nodes.append(
                    {
                        "p_malignant": 0.8 * answer, "certainty": 0.8, "truth": "malignant" if malignant else "benign",
                        "malignancy_model": "node-malignancy", "needs_confirmation": True,
                        "source": {"kind": "model", "id": SEEN.id, "sha256": SEEN.sha256},
                    }
                )  # fmt: skip
            file.write(json.dumps({"patient": f"lung-1010-{patient}", "mode": "images", "nodes": nodes}) + "\n")
    return path


def test_answers_that_were_too_low_on_a_networks_masks_are_raised(tmp_path: Path) -> None:
    found = fit_readings(card(), [rows(tmp_path, 0.9)])
    assert found["lesion-thorax"]["line"] == [pytest.approx(0.9, abs=0.15), pytest.approx(1.0, abs=0.1)]
    assert 0.3 < read_on(card(**{READINGS: found}), SEEN, 0.3) < 0.6


def test_fitting_anew_to_answers_that_were_read_gives_the_same_line(tmp_path: Path) -> None:
    first = fit_readings(card(), [rows(tmp_path, 0.9)])
    read = card(**{READINGS: first})
    again = fit_readings(read, [rows(tmp_path, 0.9, used=read)])
    assert again["lesion-thorax"]["line"] == pytest.approx(first["lesion-thorax"]["line"], abs=0.01)


@pytest.mark.parametrize("source", [replace(SEEN, sha256="b" * 64), Source(SourceKind.PERSON, "contour")])
def test_other_weights_and_persons_masks_are_read_as_they_are(tmp_path: Path, source: Source) -> None:
    found = fit_readings(card(), [rows(tmp_path, 0.9)])
    assert read_on(card(**{READINGS: found}), source, 0.3) == 0.3


def test_of_few_nodes_no_line_is_made(tmp_path: Path) -> None:
    assert fit_readings(card(), [rows(tmp_path, 0.9, count=30)]) == {}
