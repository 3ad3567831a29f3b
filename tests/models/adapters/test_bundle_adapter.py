"""MONAI bundles: checked before anything runs, and answering voxel for voxel as MONAI's own run."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.adapters.bundle_rules import check_expression, inference_config
from models.adapters.detect import detect
from models.adapters.monai_bundle import segment
from oncology.errors import ModelError
from oncology.imaging.volume import Geometry, Volume, write_volume

ORIGINAL = Path(__file__).with_name("bundle_original.py")
METADATA = {
    "name": "Box CT segmentation",
    "version": "0.1.0",
    "monai_version": "1.6.1",
    "pytorch_version": "2.13.0",
    "numpy_version": "2.0.0",
    "network_data_format": {
        "inputs": {"image": {"modality": "CT", "num_channels": 1}},
        "outputs": {"pred": {"channel_def": {"0": "background", "1": "liver", "2": "liver tumor"}}},
    },
}
NETWORK = {
    "_target_": "UNet", "spatial_dims": 3, "in_channels": 1, "out_channels": 3, "channels": [4, 8, 16],
    "strides": [2, 2], "num_res_units": 1, "norm": "instance",
}  # fmt: skip
SCALED = {"a_min": -160, "a_max": 240, "b_min": 0.0, "b_max": 1.0, "clip": True}
CONFIG: dict[str, Any] = {
    "imports": ["$import glob"],
    "bundle_root": ".",
    "image_key": "image",
    "datalist": "$list(glob.glob(@bundle_root + '/*.nii.gz'))",
    "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
    "network_def": NETWORK,
    "network": "$@network_def.to(@device)",
    "preprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "LoadImaged", "keys": "@image_key"},
            {"_target_": "EnsureChannelFirstd", "keys": "@image_key"},
            {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS", "labels": None},
            {"_target_": "Spacingd", "keys": "image", "pixdim": [1.5, 1.5, 2.0], "mode": "bilinear"},
            {"_target_": "ScaleIntensityRanged", "keys": "image", **SCALED},
            {"_target_": "EnsureTyped", "keys": "image", "device": "@device"},
        ],
    },
    "dataset": {"_target_": "Dataset", "data": "$[{'image': i} for i in @datalist]", "transform": "@preprocessing"},
    "dataloader": {"_target_": "DataLoader", "dataset": "@dataset", "batch_size": 1, "num_workers": 0},
    "inferer": {"_target_": "SlidingWindowInferer", "roi_size": "$[16] * 3", "sw_batch_size": 2, "overlap": 0.5},
    "postprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "Activationsd", "keys": "pred", "softmax": True},
            {
                "_target_": "Invertd", "keys": "pred", "transform": "@preprocessing", "orig_keys": "image",
                "nearest_interp": False, "to_tensor": True,
            },
            {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
        ],
    },
    "checkpointloader": {
        "_target_": "CheckpointLoader", "load_path": "$@bundle_root + '/models/model.pt'",
        "load_dict": {"model": "@network"},
    },
    "evaluator": {
        "_target_": "SupervisedEvaluator", "device": "@device", "val_data_loader": "@dataloader", "network": "@network",
        "inferer": "@inferer", "postprocessing": "@postprocessing", "val_handlers": ["@checkpointloader"], "amp": False,
    },
    "initialize": [],
    "run": ["$@evaluator.run()"],
}  # fmt: skip


def bundle(place: Path, config: dict[str, Any] = CONFIG, metadata: dict[str, Any] = METADATA) -> Path:
    folder = place / "box_ct"
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "models" / "model.pt").write_bytes(b"")
    (folder / "configs" / "inference.json").write_text(json.dumps(config))
    (folder / "configs" / "metadata.json").write_text(json.dumps(metadata))
    return folder


def changed(section: str, transform: dict[str, Any]) -> dict[str, Any]:
    config = copy.deepcopy(CONFIG)
    config[section]["transforms"].append(transform)
    return config


def test_card_says_what_the_bundle_says(tmp_path: Path) -> None:
    card = detect(bundle(tmp_path))
    assert (card.kind, card.id, card.role) == ("monai_bundle", "box-ct-segmentation", "lesion")
    assert card.names == {"liver": "liver", "liver tumor": "tumor"}
    assert card.uses == ("research",)


def test_only_what_inference_needs_is_taken() -> None:
    config = inference_config(CONFIG, scripted=False)
    sections = {"preprocessing", "network_def", "inferer", "postprocessing"}
    assert set(config) == sections | {"device", "image_key"}
    assert config["device"] == "cpu"
    assert "LoadImaged" not in str(config)


@pytest.mark.parametrize(
    "transform",
    [
        {"_target_": "subprocess.run", "args": ["id"]},
        {"_target_": "os.system", "command": "id"},
        {"_target_": "torch.load", "f": "x.pt"},
        {"_target_": "torch.hub.load", "repo_or_dir": "a/b"},
        {"_target_": "monai.apps.download_url", "url": "http://127.0.0.1"},
        {"_target_": "monai.transforms.Lambdad", "keys": "image", "func": "$print"},
        {"_target_": "$print"},
        {"_target_": "Spacingd", "keys": "$__import__('os').listdir('.')"},
        {"_target_": "Spacingd", "keys": "$import os"},
        {"_target_": "Spacingd", "keys": "@datalist"},
        {"_target_": "Spacingd", "keys": "%other.json::x"},
        {"_target_": "Spacingd", "keys": "image", "_mode_": "debug"},
    ],
)
def test_bundle_that_would_run_other_code_is_refused(tmp_path: Path, transform: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="MONAI bundle"):
        detect(bundle(tmp_path, changed("preprocessing", transform)))


@pytest.mark.parametrize(
    "text",
    [
        "().__class__.__bases__[0]",
        "[x for x in (1, 2)]",
        "@network.to('cpu')",
        "torch.load('x')",
        "lambda x: x",
        "open('x')",
    ],
)
def test_expression_that_does_more_than_sums_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match="runs code"):
        check_expression(text, "here")


@pytest.mark.parametrize("text", ["[96] * 3", "not @flag", "@size // 2 + 1", "torch.device('cpu')", "(1.5, 1.5, 2)"])
def test_sums_choices_and_devices_are_let_through(text: str) -> None:
    check_expression(text, "here")


def test_bundle_for_other_images_is_refused(tmp_path: Path) -> None:
    metadata = copy.deepcopy(METADATA)
    metadata["network_data_format"]["inputs"]["image"] = {"modality": "MR", "num_channels": 4}  # type: ignore[index]
    with pytest.raises(ModelError, match="takes 4 channels of 'MR'; expected one CT"):
        detect(bundle(tmp_path, metadata=metadata))


def test_bundle_without_weights_is_refused(tmp_path: Path) -> None:
    folder = bundle(tmp_path)
    (folder / "models" / "model.pt").unlink()
    with pytest.raises(ModelError, match="fetch its weights first"):
        detect(folder)


def make_weights(folder: Path) -> None:
    torch, nets = pytest.importorskip("torch"), pytest.importorskip("monai.networks.nets")
    torch.manual_seed(12)
    network = nets.UNet(**{key: value for key, value in NETWORK.items() if key != "_target_"})
    for name, value in network.named_parameters():
        if name.endswith("weight") and value.ndim > 1:
            torch.nn.init.normal_(value, std=0.3)
    torch.save(network.state_dict(), folder / "models" / "model.pt")


def noise_ct() -> Volume:
    array = np.random.default_rng(21).normal(40, 120, (18, 30, 34)).astype(np.float32)
    return Volume(array, Geometry(array.shape, (2.5, 1.2, 1.1), (-20.0, 15.0, -100.0)))


@pytest.mark.slow
def test_labels_are_those_of_monais_own_run(tmp_path: Path) -> None:
    pytest.importorskip("ignite")
    pytest.importorskip("nibabel")
    folder, ct = bundle(tmp_path), noise_ct()
    make_weights(folder)
    write_volume(ct, tmp_path / "scan.nii.gz")
    command = [sys.executable, str(ORIGINAL), str(folder), str(tmp_path / "scan.nii.gz"), str(tmp_path / "own.npy")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    own = np.load(tmp_path / "own.npy").transpose(2, 1, 0)
    masks = segment(detect(folder), ct, tmp_path)
    assert set(np.unique(own)) == {0, 1, 2}
    assert np.array_equal(masks["liver"], own == 1)
    assert np.array_equal(masks["tumor"], own == 2)


@pytest.mark.slow
def test_bundle_with_torchscript_answers_as_the_one_with_weights(tmp_path: Path) -> None:
    torch, nets = pytest.importorskip("torch"), pytest.importorskip("monai.networks.nets")
    folder, ct = bundle(tmp_path), noise_ct()
    make_weights(folder)
    masks = segment(detect(folder), ct, tmp_path)
    network = nets.UNet(**{key: value for key, value in NETWORK.items() if key != "_target_"})
    network.load_state_dict(torch.load(folder / "models" / "model.pt", weights_only=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch would like other formats better
        torch.jit.script(network.eval()).save(folder / "models" / "model.ts")
    (folder / "models" / "model.pt").unlink()
    scripted = segment(detect(folder), ct, tmp_path)
    assert {name: mask.sum() for name, mask in scripted.items()} == {name: mask.sum() for name, mask in masks.items()}
    assert all(np.array_equal(scripted[name], mask) for name, mask in masks.items())


@pytest.mark.slow
def test_scan_stored_the_other_way_round_gets_the_same_answer_in_the_body(tmp_path: Path) -> None:
    folder, ct = bundle(tmp_path), noise_ct()
    make_weights(folder)
    x, y, z = ct.geometry.to_lps(np.array([17.0, 0.0, 33.0]))
    direction = ((-1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0))
    geometry = Geometry(ct.array.shape, ct.geometry.spacing_mm, (float(x), float(y), float(z)), direction)
    found = segment(detect(folder), Volume(ct.array[::-1, :, ::-1], geometry), tmp_path)
    straight = segment(detect(folder), ct, tmp_path)
    same = found["liver"][::-1, :, ::-1] == straight["liver"]
    assert same.mean() > 0.999  # MONAI resamples from the other end: rounding
