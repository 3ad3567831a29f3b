"""A shipped network answers the same bytes to the same scan, whatever the processor's load and threads."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from models.inference.predict import Scan
from models.inference.run import ask
from models.registry import find_card

LESION = "lesion-thorax"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_shipped_network_answers_the_same_bytes_twice_and_on_one_thread(tmp_path: Path) -> None:
    random, card = np.random.default_rng(7), find_card(LESION, None)
    shape = (56, 64, 72)
    labels = random.integers(0, 4, shape).astype(np.uint8)
    scan = Scan(
        random.normal(40.0, 150.0, shape).astype(np.int16),
        card.spacing_mm,
        np.abs(random.normal(1.0, 2.0, shape)).astype(np.float32),
        {"anatomy": labels},
        {"anatomy": ("aorta", "esophagus", "trachea")},
    )
    converting, kept = (ask(card, scan, tmp_path) for _ in range(2))
    there = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(there)})  # a worker sees one processor and takes one thread
        alone = ask(card, scan, tmp_path)
    finally:
        os.sched_setaffinity(0, there)
    assert len(np.unique(converting["lesion"])) > 100
    assert converting["lesion"].tobytes() == kept["lesion"].tobytes() == alone["lesion"].tobytes()
