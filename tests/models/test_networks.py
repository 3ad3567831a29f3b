"""Networks: shapes, what a second stream sees, and a training that goes on from its checkpoint."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.networks.build import build_network
from models.networks.inputs import build_inputs, context_groups, uptake
from models.training.recipe import RECIPES
from models.training.trainer import network_shape
from oncology.errors import ModelError

CUBE = (16, 16, 16)


@pytest.mark.parametrize("model", [key for key, recipe in RECIPES.items() if recipe.kind != "node"])
def test_a_network_answers_every_label_at_every_voxel(model: str) -> None:
    recipe = RECIPES[model]
    network = build_network(network_shape(recipe)).eval()
    with torch.no_grad():
        logits = network(torch.zeros(1, len(recipe.inputs), *CUBE))
    assert logits.shape == (1, recipe.outputs, *CUBE)


def test_without_pet_the_second_stream_is_silent() -> None:
    recipe = RECIPES["lesion-thorax"]
    network = build_network(network_shape(recipe)).eval()
    suv = np.full(CUBE, 9.0, np.float32)
    with_pet = build_inputs(recipe.inputs, np.zeros(CUBE, np.float32), suv)
    flagged = with_pet.copy()
    flagged[recipe.inputs.index("pet_flag")] = 0.0
    with torch.no_grad():
        heard = network.features(torch.from_numpy(with_pet)[None])[:, 16:]
        silent = network.features(torch.from_numpy(flagged)[None])[:, 16:]
    assert float(heard.abs().max()) > 0.0
    assert float(silent.abs().max()) == 0.0


def test_uptake_keeps_order_and_is_bounded() -> None:
    shown = uptake(np.array([-1.0, 0.0, 2.5, 5.0, 25.0, 400.0]))
    assert (np.diff(shown) >= 0).all()
    assert shown[-1] == shown[-2]


def test_a_channel_without_its_image_is_refused() -> None:
    with pytest.raises(ModelError, match="right_left"):
        build_inputs(("ct_soft", "right_left"), np.zeros(CUBE, np.float32), None)


def test_groups_gather_their_structures() -> None:
    labels = np.array([[[0, 1, 2, 3]]], np.uint8)
    found = context_groups(labels, ("aorta", "esophagus", "trachea"), {"airway": ("trachea",), "artery": ("aorta",)})
    assert found["airway"].tolist() == [[[False, False, False, True]]]
    assert found["artery"].tolist() == [[[False, True, False, False]]]


def test_an_unknown_kind_of_network_is_named() -> None:
    with pytest.raises(ModelError, match="transformer"):
        build_network({"kind": "transformer"})
