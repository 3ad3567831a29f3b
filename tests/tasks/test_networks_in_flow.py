"""Networks beside the rules: what stands when they agree, fail or may not be used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.card import Card, Figure, Head, write_card
from models.inference.look import SeenAnatomy, joined, see_lesions
from models.inference.predict import Scan
from models.networks.build import build_network
from models.registry import add_model, content_sha256
from oncology.edit import Draft, Edit, EditKind, apply_edits
from oncology.findings import CaseId, Findings, Laterality, Node, to_json
from oncology.imaging.volume import Geometry, Volume
from oncology.probabilities import tumor_probabilities
from tasks.eyes import assess, discounted, scene_for
from tasks.findings import findings_from, findings_json
from tasks.known_models import known_models
from tasks.networks import chosen_models, look_with_networks, model_marks
from tasks.settings import settings

GRID = Geometry((40, 50, 50), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0))
SHAPE = {"kind": "unet", "inputs": 2, "channels": [16, 32], "outputs": 3}
CARD = Card(
    id="ours", role="anatomy", kind="unet", cancers=("lung",), inputs=("ct_soft", "ct_wide"),
    spacing_mm=(8.0, 8.0, 8.0),
    heads=(Head("anatomy", "softmax", ("aorta", "esophagus")),), network=SHAPE, weights="ours.pt", licence="Apache-2.0",
)  # fmt: skip


@pytest.fixture
def installed(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A network that calls everything aorta is all that this installation has."""
    return install(CARD, (0.0, 9.0, 0.0), tmp_path / "given", home, monkeypatch)


def install(card: Card, answer: tuple[float, ...], folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Add a network that gives every voxel the same logits, beside those there are."""
    folder.mkdir()
    weights = {name: torch.zeros_like(value).half() for name, value in build_network(card.network).state_dict().items()}
    weights["head.0.bias"] = torch.tensor(answer).half()
    torch.save(weights, folder / card.weights)
    write_card(replace(card, sha256=content_sha256(folder / card.weights)), folder / "card.toml")
    add_model(folder, home)
    monkeypatch.setenv("AIMDT_MODELS", ",".join(path.name for path in (home / "models").iterdir()))
    settings.cache_clear()
    return home / "models" / card.id


@pytest.fixture
def ct() -> Volume:
    return Volume(np.full(GRID.shape, 40, np.int16), GRID)


def test_a_networks_structures_come_on_the_scans_voxels(installed: Path, ct: Volume) -> None:
    seen = look_with_networks(ct, None, "lung", np.ones(GRID.shape, bool))
    assert seen.models == ["ours"]
    assert seen.structures["aorta"].mean() > 0.9
    assert "esophagus" not in seen.structures


def test_a_network_whose_weights_were_altered_is_named_and_the_rest_goes_on(installed: Path, ct: Volume) -> None:
    (installed / "ours.pt").write_bytes(b"other")
    seen = look_with_networks(ct, None, "lung", np.ones(GRID.shape, bool))
    assert (seen.structures, seen.models) == ({}, [])
    assert [verdict.code for verdict in seen.verdicts] == ["network-failed"]
    assert "ours" in seen.verdicts[0].message


def test_a_finer_look_goes_around_what_the_first_saw_and_adds_to_what_the_hospital_trusts(
    installed: Path, ct: Volume, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine = replace(
        CARD, id="fine", role="anatomy_fine", weights="fine.pt", spacing_mm=(4.0, 4.0, 4.0),
        heads=(Head("anatomy", "softmax", ("esophagus", "trachea")),), settings={"around": ["aorta"]},
    )  # fmt: skip
    install(fine, (0.0, 9.0, 0.0), tmp_path / "finer", home, monkeypatch)
    seen = look_with_networks(ct, None, "lung", np.ones(GRID.shape, bool))
    assert seen.models == ["ours", "fine"]
    assert {"aorta", "esophagus"} <= seen.structures.keys()
    assert seen.structures["esophagus"].mean() > 0.9
    assert "trachea" not in seen.structures


def test_a_lesion_network_is_told_of_organs_as_the_finer_look_saw_them() -> None:
    """The first look calls the left half aorta; the finer one moves it by a voxel and knows the esophagus, too."""
    grid = Geometry((4, 4, 8), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0))
    coarse, fine = np.zeros(grid.shape, np.uint8), np.zeros(grid.shape, np.uint8)
    coarse[..., :4], coarse[..., 7] = 2, 1
    fine[..., :3], fine[..., 5] = 1, 2
    finer = SeenAnatomy(grid, fine, ("aorta", "esophagus"))
    anatomy = SeenAnatomy(grid, coarse, ("spine", "aorta"), finer=finer)
    shown: list[Scan] = []

    def ask(card: Card, scan: Scan) -> dict[str, np.ndarray]:
        shown.append(scan)
        return {"lesion": np.zeros((3, *scan.hu.shape), np.float32)}

    heads = (Head("lesion", "sigmoid", ("tumor", "node_small", "node_large")),)
    card = replace(CARD, role="lesion", heads=heads, spacing_mm=grid.spacing_mm)
    ct = Volume(np.full(grid.shape, 40, np.int16), grid)
    see_lesions(card, "lung", ct, None, np.ones(grid.shape, bool), anatomy, ask)
    labels, names = shown[0].labels["anatomy"], list(shown[0].names["anatomy"])
    row = [["", *names][label] for label in labels[2, 2]]
    assert row == ["aorta", "aorta", "aorta", "", "", "esophagus", "", "spine"]


def test_a_ct_without_pet_is_looked_at_by_the_network_that_was_trained_on_such(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMDT_MODELS", "all")
    settings.cache_clear()

    def asked(cancer: str, *, with_pet: bool) -> str:
        return chosen_models(cancer, with_pet=with_pet)[-1].id

    assert (asked("lung", with_pet=True), asked("lung", with_pet=False)) == ("lesion-thorax", "lesion-thorax-ct")
    assert asked("larynx", with_pet=False) == "lesion-neck-ct"
    assert {asked("pancreas", with_pet=with_pet) for with_pet in (True, False)} == {"lesion-abdomen"}
    assert {"lesion-thorax", "lesion-thorax-ct"} <= {mark.split(":")[0] for mark in model_marks("esophagus")}


def test_how_sure_a_network_is_of_a_tumor_reaches_the_probabilities(
    ct: Volume, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = (Head("lesion", "sigmoid", ("tumor", "node_small", "node_large")),)
    card = replace(CARD, role="lesion", heads=heads, figures=(Figure("ct_tumor_found", 0.8, n=12, on="drawn ones"),))
    install(card, (2.0, -9.0, -9.0), tmp_path / "given", home, monkeypatch)
    seen = look_with_networks(ct, None, "lung", np.ones(GRID.shape, bool))
    scene = scene_for(ct, None, {}, {})
    found, _ = assess("0" * 16, "lung", scene, seen.regions, seen.verdicts, nodes_looked_for=True)
    found = findings_from(findings_json(replace(found, models=tuple(seen.models))))
    told = tumor_probabilities(found, {"facts": (), "tables_version": "t"}, known_models(found))
    assert told["organs"]["lung"]["tumor"] == pytest.approx(0.88, abs=0.01)  # of a logit of 2
    assert told["tumor"]["calibrated"] is False
    (looker,) = told["tumor"]["looked"]
    assert (looker["model"], looker["recall"]["value"]) == ("ours", 0.8)


def test_a_hospitals_own_network_for_lesions_comes_first_with_pet_and_without(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = (Head("lesion", "sigmoid", ("tumor", "node_small", "node_large")),)
    card = replace(CARD, role="lesion", heads=heads, modalities=("CT",), network={**SHAPE, "outputs": 3})
    install(card, (0.0, 0.0, 0.0), tmp_path / "given", home, monkeypatch)
    monkeypatch.setenv("AIMDT_MODELS", "all")
    settings.cache_clear()
    for with_pet in (True, False):
        assert chosen_models("lung", with_pet=with_pet)[-1].id == "ours"


def test_another_makers_network_that_needs_a_pet_leaves_a_ct_alone_to_the_next_one(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = (Head("lesion", "sigmoid", ("tumor", "node_small", "node_large")),)
    card = replace(CARD, role="lesion", heads=heads, kind="onnx", modalities=("CT", "PT"))
    install(card, (0.0, 0.0, 0.0), tmp_path / "given", home, monkeypatch)
    monkeypatch.setenv("AIMDT_MODELS", "all")
    settings.cache_clear()
    asked = [chosen_models("lung", with_pet=with_pet)[-1].id for with_pet in (True, False)]
    assert asked == ["ours", "lesion-thorax-ct"]


def test_another_network_makes_another_mark(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [mark.split(":")[0] for mark in model_marks("lung")] == ["ours"]
    assert model_marks("pancreas") == []
    monkeypatch.setenv("AIMDT_MODELS", "none")
    settings.cache_clear()
    assert model_marks("lung") == []


def test_rules_stand_where_they_found_something_and_lobes_end_with_their_lung() -> None:
    lung, lobe, aorta = (np.zeros((4, 4, 4), bool) for _ in range(3))
    lung[:2], lobe[:3], aorta[3] = True, True, True
    found = joined({"lung_left": lung}, {"lung_left": ~lung, "lung_upper_lobe_left": lobe, "aorta": aorta})
    assert np.array_equal(found["lung_left"], lung)
    assert np.array_equal(found["lung_upper_lobe_left"], lung & lobe)
    assert np.array_equal(found["aorta"], aorta)


def test_a_proposed_node_counts_for_as_much_as_it_is_sure_and_wholly_once_confirmed() -> None:
    sure = Node("node-1", "4R", Laterality.RIGHT, 14.0, 20.0, 2.0, (0.0, 0.0, 0.0), p_malignant=0.8)
    proposed = replace(sure, id="node-2", certainty=0.5, needs_confirmation=True)
    found = discounted(Findings(CaseId("c"), "lung", nodes=(sure, proposed)))
    assert [node.p_malignant for node in found.nodes] == [0.8, 0.4]
    draft = Draft.of(to_json(found), {"facts": []})
    edited, _ = apply_edits(draft, [Edit(EditKind.ACCEPT, "node-2")])
    assert edited.findings["nodes"][1]["p_malignant"] == pytest.approx(0.8)
