"""A network as small as they come, and a scan for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models.card import Card
from models.inference.predict import Scan
from models.networks.build import build_network
from models.registry import content_sha256
from small_network import HEADS, SHAPE, SPACING


@pytest.fixture
def card(tmp_path: Path) -> Card:
    """A network with random weights, as small as they come."""
    torch.manual_seed(3)
    weights = tmp_path / "small.pt"
    torch.save({name: value.half() for name, value in build_network(SHAPE).state_dict().items()}, weights)
    return Card(
        id="small", role="anatomy", kind="unet", inputs=("ct_soft", "ct_wide"), spacing_mm=SPACING, heads=HEADS,
        network=SHAPE, weights=weights.name, sha256=content_sha256(weights), folder=tmp_path, licence="Apache-2.0",
    )  # fmt: skip


@pytest.fixture
def scan() -> Scan:
    """Smooth noise between fat and contrast medium."""
    random = np.random.default_rng(5)
    return Scan(random.normal(40.0, 120.0, (50, 70, 45)).astype(np.int16), SPACING)
