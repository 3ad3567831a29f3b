"""Extranodal extension in the flow: a network answers or fails by name, and never overrules a person."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.card import Card, Head, write_card
from models.networks.build import build_network
from models.registry import add_model, content_sha256
from oncology.findings import CaseId, Ene, Findings, Node
from oncology.imaging.measure import measure_node
from oncology.imaging.survey import Scene
from oncology.imaging.volume import Geometry, Volume
from tasks.extension import judge_extension
from tasks.node_judgement import node_marks
from tasks.settings import settings

GRID = Geometry((40, 60, 60), (2.0, 1.0, 1.0), (0.0, 0.0, 0.0))
SHAPE = {"kind": "two_branch", "inputs": 4, "channels": [16, 16], "outputs": 2, "first_stride": 2}
CARD = Card(
    id="ours", role="node_ene", kind="two_branch", cancers=("larynx",), inputs=("ct_soft", "pet", "pet_flag", "mask"),
    heads=(Head("node", "sigmoid", ("ene", "malignant")),), network=SHAPE, weights="ours.pt", licence="Apache-2.0",
    settings={"calibration": {"ene": [0.0, 0.0]}, "unlikely": 0.1},
)  # fmt: skip


@pytest.fixture
def installed(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A network with random weights, whose calibration makes every answer one half, is all that there is."""
    folder = tmp_path / "given"
    folder.mkdir()
    torch.manual_seed(2)
    torch.save({name: value.half() for name, value in build_network(SHAPE).state_dict().items()}, folder / "ours.pt")
    write_card(replace(CARD, sha256=content_sha256(folder / "ours.pt")), folder / "card.toml")
    add_model(folder, home)
    monkeypatch.setenv("AIMDT_MODELS", "ours")
    settings.cache_clear()
    return home / "models" / "ours"


def ball(radius_mm: float) -> np.ndarray:
    z, y, x = np.meshgrid(*[np.arange(n) * s for n, s in zip(GRID.shape, GRID.spacing_mm, strict=True)], indexing="ij")
    return (z - 40.0) ** 2 + (y - 30.0) ** 2 + (x - 30.0) ** 2 <= radius_mm**2


def scene(mask: np.ndarray, *, pet: bool = True) -> Scene:
    ct = Volume(np.where(mask, 80, -100).astype(np.int16), GRID)
    suv = Volume(np.where(mask, 6.0, 1.0).astype(np.float32), GRID) if pet else None
    return Scene(ct, suv, {}, {}, lambda _mask, _point: {})


def case(node: Node, cancer: str = "larynx") -> Findings:
    return Findings(CaseId("case-1"), cancer, nodes=(node,))


@pytest.mark.parametrize("pet", [True, False])
def test_a_node_is_answered_with_and_without_pet(installed: Path, pet: bool) -> None:
    seen = scene(ball(8.0), pet=pet)
    found = judge_extension(case(measure_node(ball(8.0), seen.ct)), seen, {"node-1": ball(8.0)})
    assert found.nodes[0].ene is not None
    assert found.nodes[0].ene.p == 0.5
    assert found.models == ("ours",)


def test_altered_weights_leave_extension_unknown_with_a_verdict(installed: Path) -> None:
    (installed / "ours.pt").write_bytes(b"other")
    seen = scene(ball(8.0))
    found = judge_extension(case(measure_node(ball(8.0), seen.ct)), seen, {"node-1": ball(8.0)})
    assert found.nodes[0].ene is None
    assert [verdict.code for verdict in found.quality] == ["extension-model-failed"]
    assert "ours" in found.quality[0].message
    assert found.models == ()


def test_what_a_person_said_of_extension_stays(installed: Path) -> None:
    seen = scene(ball(8.0))
    told = replace(measure_node(ball(8.0), seen.ct), ene=Ene(1.0, 2))
    assert judge_extension(case(told), seen, {"node-1": ball(8.0)}).nodes[0].ene == Ene(1.0, 2)


def test_nodes_below_5_mm_and_other_cancers_are_not_asked(installed: Path) -> None:
    seen, small = scene(ball(8.0)), ball(2.2)
    assert judge_extension(case(measure_node(small, seen.ct)), seen, {"node-1": small}).nodes[0].ene is None
    lung = case(measure_node(ball(8.0), seen.ct), "lung")
    assert judge_extension(lung, seen, {"node-1": ball(8.0)}) == lung


def test_another_network_for_extension_makes_another_mark(installed: Path) -> None:
    assert node_marks("larynx")["node_ene"].startswith("ours:")
