"""Samples of single nodes: one crop that does not know the size, one that does, and contours that are a little off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.card import Card
from models.inference.node_look import node_block
from models.inference.predict import Crops
from models.inference.run import ask
from models.networks.build import build_network
from models.networks.node_inputs import BLOCK, NodeBlock, depth_of, node_crops, size_mm
from models.registry import content_sha256
from models.training.node_crops import DrawnNode, draw_node, node_stream, redrawn, targets_of
from models.training.node_store import node_path, save_nodes
from models.training.recipe import RECIPES
from models.training.trainer import network_shape
from oncology.errors import ModelError
from oncology.imaging.volume import Geometry, Volume

RECIPE = RECIPES["node-ene"]
CT, PET, FLAG, MASK = range(4)


def ball(radius_mm: float, *, pet: bool = True, dead: float = 0.5) -> NodeBlock:
    """A node in fat whose middle is dead, and whose uptake is 6."""
    line = (np.arange(BLOCK) - (BLOCK - 1) / 2) * 1.5
    away = np.sqrt(line[:, None, None] ** 2 + line[None, :, None] ** 2 + line[None, None, :] ** 2)
    hu = np.where(away < dead * radius_mm, 15.0, np.where(away < radius_mm, 90.0, -95.0))
    suv = np.where(away < radius_mm, 6.0, 0.8) if pet else None
    return NodeBlock(hu, suv, (radius_mm - away).astype(np.float32))


def node(ene: bool | None, malignant: bool, radius_mm: float = 8.0) -> DrawnNode:
    return DrawnNode((ball(radius_mm),), {"ene": ene, "malignant": malignant})


def test_a_node_twice_as_large_looks_the_same_in_the_first_crop_only() -> None:
    small, large = (node_crops(RECIPE.inputs, ball(radius)) for radius in (7.0, 14.0))
    scaled, fixed = np.abs(small[:4] - large[:4]), np.abs(small[4:] - large[4:])
    assert scaled.mean() < 0.04  # what is left is the edge of voxels
    assert fixed[CT].mean() > 0.25


def test_a_block_of_larger_voxels_gives_the_very_same_first_crop() -> None:
    small = ball(7.0)
    stretched = replace(small, depth=2.0 * small.depth, spacing_mm=3.0)
    first, second = (node_crops(RECIPE.inputs, block)[:4] for block in (small, stretched))
    assert np.allclose(first, second, atol=1e-5)


def test_the_second_crop_is_in_millimeters() -> None:
    mask = node_crops(RECIPE.inputs, ball(10.0))[4 + MASK]
    assert np.count_nonzero(mask) == pytest.approx(4 / 3 * np.pi * 10.0**3, rel=0.06)


def test_without_pet_the_flag_says_so() -> None:
    crops = node_crops(RECIPE.inputs, ball(8.0, pet=False))
    assert (crops[[PET, FLAG, 4 + PET, 4 + FLAG]] == 0.0).all()
    assert (node_crops(RECIPE.inputs, ball(8.0))[[FLAG, 4 + FLAG]] == 1.0).all()


def test_an_empty_node_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match="too small for its network"):
        node_crops(RECIPE.inputs, replace(ball(8.0), depth=np.full((BLOCK,) * 3, -5.0, np.float32)))


def test_depth_is_millimeters_to_the_border() -> None:
    mask = np.zeros((21, 21, 21), bool)
    mask[5:16, 5:16, 5:16] = True
    depth = depth_of(mask, 1.5)
    assert depth[10, 10, 10] == pytest.approx(5.5 * 1.5)
    assert depth[10, 10, 3] == pytest.approx(-1.5 * 1.5)


def test_a_redrawn_contour_is_off_by_a_little() -> None:
    random, block = np.random.default_rng(4), ball(8.0)
    sizes = [size_mm(redrawn(block, random)) for _ in range(30)]
    shared = [np.count_nonzero((redrawn(block, random).depth > 0) & (block.depth > 0)) for _ in range(5)]
    assert 0.4 < np.std(sizes) < 2.0
    assert np.mean(sizes) == pytest.approx(16.0, abs=1.0)
    assert min(shared) > 0.6 * np.count_nonzero(block.depth > 0)


def test_targets_follow_the_recipe_and_leave_out_what_is_not_known() -> None:
    assert targets_of({"ene": True, "malignant": True}, RECIPE).ravel().tolist() == [1, 1]
    assert targets_of({"ene": None, "malignant": False}, RECIPE).ravel().tolist() == [255, 0]


def test_rare_nodes_with_extension_are_seen_often(tmp_path: Path) -> None:
    truths = [{"ene": False, "malignant": False}] * 8 + [{"ene": True, "malignant": True}]
    path = node_path(tmp_path, "larynx", 2, 0)
    save_nodes([((ball(6.0),), truth) for truth in truths], path)
    stream = node_stream([path], RECIPE, 1)
    drawn = [next(stream) for _ in range(40)]
    assert 12 <= sum(int(sample.targets[0, 0]) for sample in drawn) <= 32
    assert drawn[0].inputs.shape == (8, 32, 32, 32)


def test_the_network_answers_both_questions() -> None:
    torch.manual_seed(1)
    network = build_network(network_shape(RECIPE)).eval()
    sample = draw_node(node(True, True), RECIPE, np.random.default_rng(2))
    with torch.no_grad():
        assert network(torch.from_numpy(sample.inputs)[None]).shape == (1, 2)


def test_crops_go_through_the_process_that_can_be_killed(tmp_path: Path) -> None:
    shape = {"kind": "two_branch", "inputs": 4, "channels": [16, 16], "outputs": 2, "first_stride": 2}
    torch.manual_seed(3)
    network = build_network(shape).eval()
    torch.save(network.state_dict(), tmp_path / "small.pt")
    card = Card(
        id="small", role="node_ene", kind="two_branch", inputs=RECIPE.inputs, heads=RECIPE.heads, network=shape,
        weights="small.pt", sha256=content_sha256(tmp_path / "small.pt"), folder=tmp_path,
        licence="Apache-2.0",
    )  # fmt: skip
    crops = np.stack([node_crops(RECIPE.inputs, ball(radius, pet=radius < 9.0)) for radius in (6.0, 8.0, 11.0)])
    with torch.inference_mode():
        expected = torch.sigmoid(network(torch.from_numpy(crops))).numpy()
    assert np.abs(ask(card, Crops(crops))["node"] - expected).max() < 0.05  # half precision


@pytest.mark.parametrize("thick", [False, True])
def test_a_scan_of_any_grid_gives_the_block_that_training_has(thick: bool) -> None:
    spacing = (3.0, 0.8, 0.8) if thick else (1.0, 0.7, 0.7)
    grid = Geometry((int(96 / spacing[0]), 120, 120), spacing, (-48.0, -42.0, 10.0))
    points = grid.to_lps(np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), -1))
    away = np.linalg.norm(points - np.array([0.0, 0.0, 57.0]), axis=-1)
    ct = Volume(np.where(away < 5.0, 15, np.where(away < 10.0, 90, -95)).astype(np.int16), grid)
    found, wanted = (
        node_crops(RECIPE.inputs, node_block(away < 10.0, ct, None)),
        node_crops(RECIPE.inputs, ball(10.0, pet=False)),
    )
    assert np.abs(found - wanted)[[CT, 4 + CT]].mean() < (0.16 if thick else 0.1)
    assert np.abs(found - wanted)[4 + MASK].mean() < (0.05 if thick else 0.02)


def test_a_pet_that_ends_before_the_node_is_none() -> None:
    grid = Geometry((40, 40, 40), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0))
    mask = np.zeros(grid.shape, bool)
    mask[18:23, 18:23, 18:23] = True
    ct = Volume(np.zeros(grid.shape, np.int16), grid)
    far = Geometry((10, 10, 10), (4.0, 4.0, 4.0), (300.0, 0.0, 0.0))
    assert node_block(mask, ct, Volume(np.ones(far.shape, np.float32), far)).suv is None
    near = Geometry((20, 20, 20), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0))
    assert node_block(mask, ct, Volume(np.ones(near.shape, np.float32), near)).suv is not None
