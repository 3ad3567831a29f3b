"""Scans and answers that a network cannot do anything with: each is named, and no mask is made up."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mdt_dicom.nifti import read_nifti
from models.card import Card, Head, write_card
from models.inference import run
from models.inference.memory import memory_mb
from models.inference.predict import Scan
from models.inference.sparing import SPARING, Way
from models.networks.build import build_network
from models.registry import add_model, content_sha256
from oncology.findings import Severity, to_json
from oncology.imaging.volume import Geometry, Volume
from tasks.case_files import CaseFiles
from tasks.eyes import assess, look, scene_for
from tasks.images import CT, IMAGES, PET
from tasks.masks import ANATOMY, segment
from tasks.networks import look_with_networks
from tasks.settings import settings
from templates.language import language

GRID = Geometry((40, 50, 50), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0))
BODY = np.ones(GRID.shape, bool)
LUNG = {"body": BODY, "lung_left": np.arange(GRID.shape[0])[:, None, None] < BODY * 20}
SHAPE = {"kind": "unet", "inputs": 2, "channels": [16, 32], "outputs": 3}
LESION = Card(
    id="ours", role="lesion", kind="unet", region="thorax", cancers=("lung",), modalities=("CT", "PT"),
    inputs=("ct_soft", "pet"), spacing_mm=(8.0, 8.0, 8.0), network=SHAPE, weights="ours.pt", licence="Apache-2.0",
    heads=(Head("lesion", "sigmoid", ("tumor", "node_small", "node_large")),),
)  # fmt: skip
ANATOMY_CARD = replace(
    LESION, role="anatomy", modalities=("CT",), inputs=("ct_soft", "ct_wide"),
    heads=(Head("anatomy", "softmax", ("aorta", "esophagus")),),
)  # fmt: skip
Install = Callable[[Card, list[float]], None]


@pytest.fixture
def install(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """A network that answers the same everywhere is all that this installation has."""

    def add(card: Card, answers: list[float]) -> None:
        folder = tmp_path / "given"
        folder.mkdir()
        weights = {name: torch.zeros_like(value).half() for name, value in build_network(SHAPE).state_dict().items()}
        weights["head.0.bias"] = torch.tensor(answers).half()
        torch.save(weights, folder / "ours.pt")
        write_card(replace(card, sha256=content_sha256(folder / "ours.pt")), folder / "card.toml")
        add_model(folder, home)
        monkeypatch.setenv("AIMDT_MODELS", "ours")
        settings.cache_clear()

    return add


@pytest.fixture
def ct() -> Volume:
    return Volume(np.full(GRID.shape, 40, np.int16), GRID)


def test_a_network_is_not_asked_about_a_scan_of_another_region(install: Install, ct: Volume) -> None:
    install(LESION, [9.0, -9.0, -9.0])
    seen = look_with_networks(ct, None, "lung", BODY, {"body": BODY})
    assert (seen.regions, seen.models, seen.looked_for_lesions) == ([], [], False)
    assert [(one.code, one.severity) for one in seen.verdicts] == [("scan-outside-region", Severity.ERROR)]
    assert "nothing of the thorax" in seen.verdicts[0].message


def nnunet_folder(place: Path, home: Path, monkeypatch: pytest.MonkeyPatch, name: str, region: str | None) -> None:
    """Add an nnU-Net folder, and a program in nnU-Net's place that dies as the system kills what takes all memory."""
    folder = place / "theirs"
    (folder / "fold_0").mkdir(parents=True)
    torch.save({}, folder / "fold_0" / "checkpoint_final.pth")
    plans = {"dataset_name": name, "configurations": {"3d_fullres": {"spacing": [2.0, 1.0, 1.0]}}}
    labels = {"background": 0, "cancer": 1}
    (folder / "plans.json").write_text(json.dumps(plans))
    (folder / "dataset.json").write_text(json.dumps({"channel_names": {"0": "CT"}, "labels": labels}))
    add_model(folder, home, "theirs", region)
    program = place / "nnUNetv2_predict_from_modelfolder"
    program.write_text("#!/bin/sh\nkill -9 $$\n")
    program.chmod(0o700)
    (place / "python").write_text("")
    monkeypatch.setenv("AIMDT_NNUNET_PYTHON", str(place / "python"))
    monkeypatch.setenv("AIMDT_MODELS", "theirs")
    settings.cache_clear()


@pytest.mark.parametrize(
    ("name", "region", "structures", "expected"),
    [
        ("Dataset006_Lung", None, {"body": BODY}, ["scan-outside-region"]),
        ("Dataset006_Lung", None, LUNG, ["network-out-of-memory"]),
        ("Dataset015_All", None, {"body": BODY}, ["region-of-model-unknown", "network-out-of-memory"]),
        ("Dataset015_All", "thorax", {"body": BODY}, ["scan-outside-region"]),
        ("Dataset015_All", "body", {"body": BODY}, ["network-out-of-memory"]),
    ],
)
def test_another_makers_model_is_asked_about_its_region_and_named_where_the_system_kills_it(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ct: Volume,
    name: str,
    region: str | None,
    structures: dict[str, np.ndarray],
    expected: list[str],
) -> None:
    nnunet_folder(tmp_path, home, monkeypatch, name, region)
    seen = look_with_networks(ct, None, "lung", BODY, structures)
    assert (seen.regions, seen.models) == ([], [])
    assert [one.code for one in seen.verdicts] == expected
    german = language("de")
    assert all(german(one.message) != one.message for one in seen.verdicts)
    assert german.unknown == set()


def test_a_network_short_of_memory_answers_from_smaller_tiles_and_the_report_says_so(
    install: Install, ct: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(ANATOMY_CARD, [-9.0, 9.0, -9.0])
    scan = Scan(np.zeros((20, 25, 25), np.int16), ANATOMY_CARD.spacing_mm)
    monkeypatch.setattr(run, "free_mb", lambda: memory_mb(ANATOMY_CARD, scan, SPARING[0], torch=True) + 1)
    seen = look_with_networks(ct, None, "lung", BODY, LUNG)
    assert seen.structures["aorta"].mean() > 0.9
    assert [(one.code, one.severity) for one in seen.verdicts] == [("network-short-of-memory", Severity.WARNING)]
    assert "ours, which looked with tiles of 48 voxels instead of 64: what it" in seen.verdicts[0].message
    german = language("de")
    assert "ours war der Speicher zu knapp" in german(seen.verdicts[0].message)
    assert "Kacheln von 48 Voxeln statt 64" in german(seen.verdicts[0].message)
    assert german.unknown == set()


@pytest.mark.parametrize(("way", "counts"), [(SPARING[0], True), (SPARING[1], False)], ids=["tiles", "grid"])
def test_that_a_coarser_grid_shows_no_node_is_no_answer(
    install: Install, ct: Volume, monkeypatch: pytest.MonkeyPatch, way: Way, counts: bool
) -> None:
    install(LESION, [9.0, -9.0, -9.0])
    scan = Scan(np.zeros((20, 25, 25), np.int16), LESION.spacing_mm)
    monkeypatch.setattr(run, "free_mb", lambda: memory_mb(LESION, scan, way, torch=True) + 0.01)
    seen = look_with_networks(ct, None, "lung", BODY, LUNG)
    assert [one.role for one in seen.regions] == ["tumor"]
    assert ("a grid of 12.0 mm instead of 8.0 mm" in seen.verdicts[0].message) is not counts
    assert seen.looked_for_lesions is counts


def test_no_tumor_is_an_answer_that_is_named(install: Install, ct: Volume) -> None:
    install(LESION, [-9.0, -9.0, -9.0])
    seen = look_with_networks(ct, None, "lung", BODY, LUNG)
    assert (seen.regions, seen.models) == ([], ["ours"])
    assert [one.code for one in seen.verdicts] == ["no-tumor-seen", "network-without-pet"]


def test_no_structure_is_an_answer_that_is_named(install: Install, ct: Volume) -> None:
    install(ANATOMY_CARD, [9.0, -9.0, -9.0])
    seen = look_with_networks(ct, None, "lung", BODY, LUNG)
    assert seen.structures == {}
    assert [one.code for one in seen.verdicts] == ["no-structure-seen"]


@pytest.mark.parametrize("card", [LESION, ANATOMY_CARD], ids=["lesion", "anatomy"])
def test_an_answer_that_is_no_number_is_refused(install: Install, ct: Volume, card: Card) -> None:
    install(card, [float("nan"), 0.0, 0.0])
    seen = look_with_networks(ct, None, "lung", BODY, LUNG)
    assert (seen.structures, seen.regions, seen.models) == ({}, [], [])
    assert [one.code for one in seen.verdicts] == ["network-failed"]
    assert "no numbers" in seen.verdicts[0].message


def test_a_proposed_tumor_at_the_scans_border_says_that_it_is_cut(install: Install, ct: Volume) -> None:
    install(LESION, [9.0, -9.0, -9.0])
    seen = look_with_networks(ct, ct, "lung", BODY, LUNG)
    scene = scene_for(ct, None, LUNG, {})
    found, _ = assess("0" * 16, "lung", scene, seen.regions, seen.verdicts)
    assert found.tumors[0].touches_border
    assert "tumor-at-border" in [one["code"] for one in to_json(found)["quality"]]


@pytest.mark.parametrize(("code", "shown"), [("pet-aligned", True), ("pet-misaligned", False)])
def test_networks_are_not_shown_a_pet_that_lies_off_the_ct(
    install: Install, ct: Volume, home: Path, code: str, shown: bool
) -> None:
    install(replace(LESION, region=""), [-9.0, -9.0, -9.0])
    case = CaseFiles("0" * 16)
    case.create()
    hu = np.full(GRID.shape, -1000, np.int16)
    hu[:, 10:40, 8:42] = 40
    images = case.save_volume(CT, Volume(hu, GRID)) | case.save_volume(PET, Volume(ct.array.astype(np.float32), GRID))
    verdict = {"code": code, "severity": "warning", "message": "", "where": "pet"}
    images |= case.save_json(IMAGES, {"verdicts": [verdict]})
    segment.fn("0" * 16, "lung", images, [])
    codes = {one["code"] for one in case.load_json(ANATOMY)["verdicts"]}
    assert ("pet-not-shown" not in codes) is shown
    assert ("network-without-pet" not in codes) is shown


def test_a_scan_of_the_abdomen_gives_a_lung_case_no_finding_and_says_why(all_models: None, shared_data: Path) -> None:
    scan, _ = read_nifti(shared_data / "totalsegmentator_example" / "example_ct_sm.nii.gz")
    sight = look(scan, None, "lung")
    assert (sight.regions, sight.models, sight.nodes_looked_for) == ((), (), False)
    scene = scene_for(scan, None, sight.structures, sight.landmarks, sight.verdicts)
    found, _ = assess("0" * 16, "lung", scene, sight.regions, sight.verdicts)
    assert (found.tumors, found.nodes, found.nodes_assessed) == ((), (), False)
    assert "thorax" not in found.regions_imaged
    assert "scan-outside-region" in [one["code"] for one in to_json(found)["quality"]]
