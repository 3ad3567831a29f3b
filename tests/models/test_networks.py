"""Networks: shapes, what a second stream sees, and a training that goes on from its checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.networks.build import build_network
from models.networks.inputs import build_inputs, context_groups, uptake
from models.registry import find_card
from models.training.labels import ANATOMY
from models.training.measure import shown_pets
from models.training.recipe import CT_TWIN, RECIPES
from models.training.store import VERSION, StoredPatient, patient_path, save_patient
from models.training.trainer import (
    Plan,
    begin,
    checkpoint_path,
    curve_path,
    network_shape,
    save,
    start_from,
    train,
)
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


def test_a_lesion_network_begins_with_the_body_of_an_anatomy_network(tmp_path: Path) -> None:
    anatomy = build_network(network_shape(RECIPES["anatomy-thorax"]))
    torch.save(anatomy.state_dict(), tmp_path / "anatomy.pt")
    lesion = build_network(network_shape(RECIPES["lesion-thorax"]))
    theirs, own = RECIPES["anatomy-thorax"].inputs, RECIPES["lesion-thorax"].inputs
    taken = start_from(lesion, tmp_path / "anatomy.pt", own, theirs)
    assert taken > 20
    assert torch.equal(lesion.early.up[0].weight, anatomy.body.up[0].weight)
    first, their_first = lesion.early.down[0][0].weight, anatomy.body.down[0][0].weight
    for channel in ("ct_soft", "ct_wide"):
        assert torch.equal(first[:, own.index(channel)], their_first[:, theirs.index(channel)])
    assert not torch.equal(first[:, own.index("pet")], their_first[:, theirs.index("right_left")])


def test_a_network_for_the_ct_alone_begins_with_the_stream_that_sees_everything(tmp_path: Path) -> None:
    both, alone = RECIPES["lesion-thorax"], RECIPES["lesion-thorax-ct"]
    fusion, unet = build_network(network_shape(both)), build_network(network_shape(alone))
    torch.save(fusion.state_dict(), tmp_path / "fusion.pt")
    assert start_from(unet, tmp_path / "fusion.pt", alone.inputs, both.inputs) > 20
    assert torch.equal(unet.body.up[0].weight, fusion.early.up[0].weight)
    first, theirs = unet.body.down[0][0].weight, fusion.early.down[0][0].weight
    assert torch.equal(first, theirs[:, [both.inputs.index(name) for name in alone.inputs]])
    assert not {"pet", "pet_flag"} & set(alone.inputs)


def test_a_network_that_has_a_twin_for_the_ct_alone_hardly_learns_to_do_without_its_pet() -> None:
    with_twin = {name for name in RECIPES if f"{name}{CT_TWIN}" in RECIPES}
    assert with_twin == {"lesion-thorax", "lesion-neck"}
    assert all(RECIPES[name].without_pet < 0.2 < RECIPES["lesion-abdomen"].without_pet for name in with_twin)


def test_figures_are_of_what_the_flow_asks_a_network_for() -> None:
    asked = {
        name: shown_pets(find_card(name, None)) for name in ("lesion-thorax", "lesion-thorax-ct", "lesion-abdomen")
    }
    assert asked == {"lesion-thorax": (True,), "lesion-thorax-ct": (False,), "lesion-abdomen": (True, False)}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two patients of nothing but noise with one bright cube each."""
    random = np.random.default_rng(2)
    for index in range(2):
        shape = (70, 70, 70)
        labels = np.zeros(shape, np.uint8)
        labels[20:50, 20:50, 20:50] = 1
        hu = np.where(labels, 120, -80) + random.normal(0, 10, shape)
        patient = StoredPatient(
            ct=hu.astype(np.int16)[None], pet=np.zeros((1, 35, 35, 35), np.float16), anatomy=labels, stations={},
            lesions=np.zeros(shape, np.uint8), necrosis=np.zeros(shape, bool),
            about={"version": VERSION, "cancer": "pancreas", "spacing_mm": 2.5, "labels": list(ANATOMY["abdomen"]),
                   "lesions": [], "stations": {}},
        )  # fmt: skip
        save_patient(patient, patient_path(tmp_path / "store", "pancreas", 2, index))
    return tmp_path / "store"


@pytest.mark.slow
def test_a_training_goes_on_from_its_checkpoint(store: Path, tmp_path: Path) -> None:
    made = replace(RECIPES["anatomy-abdomen"], steps=3, crop=(32, 32, 32), channels=(16, 32), start="")
    first = train(Plan(made, store, tmp_path / "out"))
    second = train(Plan(replace(made, steps=5), store, tmp_path / "out"))
    assert (first.step, second.step) == (3, 5)
    assert second.spent_s > first.spent_s > 0.0


def test_a_broken_checkpoint_is_named(store: Path, tmp_path: Path) -> None:
    made = replace(RECIPES["anatomy-abdomen"], steps=3, channels=(16, 32), start="")
    checkpoint_path(Plan(made, store, tmp_path)).write_bytes(b"no checkpoint")
    with pytest.raises(ModelError, match="delete it to begin anew"):
        train(Plan(made, store, tmp_path))


def test_a_training_from_nothing_keeps_what_an_earlier_one_left(store: Path, tmp_path: Path) -> None:
    made = replace(RECIPES["anatomy-abdomen"], steps=3, channels=(16, 32))
    plan = Plan(made, store, tmp_path, fresh=True)
    checkpoint_path(plan).write_bytes(b"of an earlier training")
    assert begin(plan).step == 0
    assert not checkpoint_path(plan).exists()
    assert (tmp_path / f"earlier-{checkpoint_path(plan).name}").read_bytes() == b"of an earlier training"


def test_a_curve_tells_no_step_twice_after_a_killed_training(store: Path, tmp_path: Path) -> None:
    plan = Plan(replace(RECIPES["anatomy-abdomen"], steps=100, channels=(16, 32), start=""), store, tmp_path)
    save(replace(begin(plan), step=40), checkpoint_path(plan))
    rows = ["step,minutes,loss,done", *(f"{step},1.00,0.5000,0.1000" for step in (20, 40, 60, 80))]
    curve_path(plan).write_text("\n".join(rows) + "\n")
    assert begin(plan).step == 40
    assert curve_path(plan).read_text().splitlines() == rows[:3]


def test_a_gpu_that_is_not_there_is_named(store: Path, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ModelError, match="sees no CUDA device"):
        begin(Plan(RECIPES["anatomy-abdomen"], store, tmp_path, device="cuda"))
