"""nnU-Net folders: read, checked, and run by nnU-Net itself with the labels that its own predictor gives."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.adapters import nnunet
from models.adapters.detect import detect
from oncology.errors import ModelError
from oncology.imaging.volume import Geometry, Volume, write_volume

ORIGINAL = Path(__file__).with_name("nnunet_original.py")
PLANS = {
    "dataset_name": "Dataset007_Pancreas",
    "transpose_backward": [0, 1, 2],
    "original_median_spacing_after_transp": [2.5, 0.8, 0.8],
    "configurations": {"3d_fullres": {"spacing": [2.5, 0.8, 0.8]}, "2d": {"spacing": [0.8, 0.8]}},
}
DATASET = {
    "channel_names": {"0": "CT"},
    "labels": {"background": 0, "pancreas": 1, "cancer": 2},
    "file_ending": ".nii.gz",
}


def results_folder(place: Path, plans: object = PLANS, dataset: object = DATASET) -> Path:
    folder = place / "nnUNetTrainer__nnUNetPlans__3d_fullres"
    (folder / "fold_0").mkdir(parents=True)
    (folder / "fold_0" / "checkpoint_final.pth").write_bytes(b"")
    (folder / "plans.json").write_text(json.dumps(plans))
    (folder / "dataset.json").write_text(json.dumps(dataset))
    return folder


def test_card_says_what_the_folder_says(tmp_path: Path) -> None:
    card = detect(results_folder(tmp_path))
    assert (card.kind, card.role, card.id) == ("nnunet", "lesion", "dataset007_pancreas-3d_fullres")
    assert card.spacing_mm == (2.5, 0.8, 0.8)
    assert card.names == {"pancreas": "pancreas", "cancer": "tumor"}
    assert card.cancers == ("pancreas",)
    assert card.settings["folds"] == ["0"]


@pytest.mark.parametrize(
    ("name", "labels", "region"),
    [
        ("Dataset007_Pancreas", ["pancreas", "cancer"], "abdomen"),
        ("Dataset006_Lung", ["cancer"], "thorax"),
        ("Dataset501_HECKTOR", ["GTVp", "GTVn"], "neck"),
        ("Dataset011_Chest", ["lung_upper_lobe_left", "aorta"], "thorax"),
        ("Dataset012_Esophagus", ["tumor"], "thorax"),
        ("Dataset013_Organs", ["esophagus"], ""),  # runs through all of them
        ("Dataset014_Organs", ["lung", "liver"], ""),
        ("Dataset015_All", ["lesion"], ""),
    ],
)
def test_the_region_is_what_name_and_labels_speak_of(tmp_path: Path, name: str, labels: list[str], region: str) -> None:
    dataset = DATASET | {"labels": {label: place for place, label in enumerate(["background", *labels])}}
    card = detect(results_folder(tmp_path, PLANS | {"dataset_name": name}, dataset))
    assert card.region == region
    assert ("Nothing in the folder says which part of the body" in card.limits) is (region == "")


def test_pet_channel_makes_it_a_model_for_pet_and_ct(tmp_path: Path) -> None:
    dataset = DATASET | {"channel_names": {"0": "CT", "1": "FDG-PET"}}
    assert detect(results_folder(tmp_path, dataset=dataset)).modalities == ("CT", "PT")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"channel_names": {"0": "T2w"}}, "asks for an image 'T2w'"),
        ({"labels": []}, "no labels"),
        ({"labels": {"0": "background", "1": "liver"}}, "labels of format 1"),
        ({"file_ending": ".tif"}, "expected one of"),
    ],
)
def test_folder_that_cannot_be_used_is_refused(tmp_path: Path, change: dict[str, object], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        detect(results_folder(tmp_path, dataset=DATASET | change))


def test_plans_that_import_other_code_are_refused(tmp_path: Path) -> None:
    architecture = {"network_class_name": "subprocess.run", "arch_kwargs": {}, "_kw_requires_import": []}
    plans = PLANS | {"configurations": {"3d_fullres": {"spacing": [1, 1, 1], "architecture": architecture}}}
    with pytest.raises(ModelError, match=r"asks to import 'subprocess\.run'"):
        detect(results_folder(tmp_path, plans=plans))


def test_region_is_all_labels_that_it_spans() -> None:
    labels = {"background": 0, "organ": [1, 2], "cancer": 2, "ignore": 3}
    assert nnunet.label_values({"labels": labels}) == {"organ": (1, 2), "cancer": (2,)}


def test_without_an_environment_the_message_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(nnunet.PYTHON, raising=False)
    ct = Volume(np.zeros((4, 4, 4), np.int16), Geometry((4, 4, 4), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)))
    with pytest.raises(ModelError, match="set AIMDT_NNUNET_PYTHON"):
        nnunet.segment(detect(results_folder(tmp_path)), ct, tmp_path)


class RunsCode:
    """What opening its pickle would do."""

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return os.mkdir, ("opened",)


def test_checkpoint_that_runs_code_is_refused_before_nnunet_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = results_folder(tmp_path)
    (folder / "fold_0" / "checkpoint_final.pth").write_bytes(pickle.dumps({"network_weights": RunsCode()}))
    monkeypatch.setenv(nnunet.PYTHON, sys.executable)
    with pytest.raises(ModelError, match=r"asks to run '\w+\.mkdir'"):
        nnunet.segment(detect(folder), noise_ct(), tmp_path)


def original(*arguments: str | Path) -> None:
    words = {"OMP_NUM_THREADS": "1"} | os.environ
    command = [os.environ[nnunet.PYTHON], str(ORIGINAL), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False, env=words)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder by nnU-Net's own planner and trainer, with weights as they are before training."""
    if not os.environ.get(nnunet.PYTHON):
        pytest.skip(f"{nnunet.PYTHON} names no environment with nnunetv2")
    place = tmp_path_factory.mktemp("nnunet")
    original("make", place)
    return next((place / "nnUNet_results").glob("*/*__3d_fullres"))


def noise_ct() -> Volume:
    """Another spacing than the plan's, so that resampling takes part."""
    array = np.random.default_rng(11).normal(40, 120, (26, 40, 44)).astype(np.float32)
    return Volume(array, Geometry((26, 40, 44), (2.4, 1.3, 1.2), (-20.0, 15.0, -300.0)))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_labels_are_those_of_nnunets_own_predictor(trained: Path, tmp_path: Path) -> None:
    ct = noise_ct()
    write_volume(ct, tmp_path / "scan.nii.gz")
    original("predict", trained, tmp_path / "scan.nii.gz", tmp_path / "own.npy")
    own = np.load(tmp_path / "own.npy")
    masks = nnunet.segment(detect(trained), ct, tmp_path)
    assert set(np.unique(own)) == {0, 1, 2}
    assert np.array_equal(masks["pancreas"], own == 1)
    assert np.array_equal(masks["tumor"], own == 2)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_scan_stored_the_other_way_round_gets_the_same_answer_in_the_body(trained: Path, tmp_path: Path) -> None:
    ct, card = noise_ct(), detect(trained)
    far = ct.geometry.to_lps(np.array([25.0, 39.0, 0.0]))
    direction = ((1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0))
    origin = (float(far[0]), float(far[1]), float(far[2]))
    turned = Volume(ct.array[::-1, ::-1], Geometry(ct.array.shape, ct.geometry.spacing_mm, origin, direction))
    straight, found = nnunet.segment(card, ct, tmp_path), nnunet.segment(card, turned, tmp_path)
    assert np.array_equal(found["tumor"][::-1, ::-1], straight["tumor"])
