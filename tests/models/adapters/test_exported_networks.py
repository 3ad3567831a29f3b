"""TorchScript and ONNX networks answer as the torch module that they were exported from."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.adapters.exported import segment
from models.card import Card, Head
from models.registry import content_sha256
from oncology.errors import ModelError
from oncology.imaging.volume import Geometry, Volume

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
SHAPE, WINDOW = (20, 24, 28), (16, 16, 16)


def network(outputs: int, reach: int) -> Any:
    """Weights wide enough for every output to win somewhere."""
    torch.manual_seed(39)
    first, last = torch.nn.Conv3d(1, 8, reach, padding=reach // 2), torch.nn.Conv3d(8, outputs, 1)
    for layer in (first, last):
        torch.nn.init.normal_(layer.weight)
        torch.nn.init.normal_(layer.bias, std=0.3)
    return torch.nn.Sequential(first, torch.nn.ReLU(), last).eval()


def exported(module: Any, kind: str, folder: Path, window: tuple[int, ...] = WINDOW) -> str:
    sample, name = torch.zeros(1, 1, *window), "network.ts" if kind == "torchscript" else "network.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch would like other formats better
        if kind == "torchscript":
            torch.jit.trace(module, sample).save(folder / name)
        else:
            torch.onnx.export(module, (sample,), folder / name, dynamo=False)
    return name


def card_of(folder: Path, kind: str, name: str, head: Head, **settings: object) -> Card:
    scaling = {"window": [*WINDOW], "overlap": 0.5, "clip_hu": [-160.0, 240.0], "mean": 40.0, "std": 100.0}
    return Card(
        id="tried", role="lesion", kind=kind, spacing_mm=(2.0, 1.0, 1.0), heads=(head,), weights=name, licence="MIT",
        sha256=content_sha256(folder / name), folder=folder, source="added", settings=scaling | settings,
    )  # fmt: skip


def noise_ct(shape: tuple[int, int, int] = SHAPE) -> Volume:
    array = np.random.default_rng(9).normal(40, 150, shape).astype(np.int16)
    return Volume(array, Geometry(shape, (2.0, 1.0, 1.0), (-10.0, 5.0, 30.0)))


def direct(module: Any, array: np.ndarray) -> np.ndarray:
    """The torch module on the whole scan at once, in its own scaling."""
    scaled = (array.clip(-160, 240).astype(np.float32) - 40.0) / 100.0
    with torch.inference_mode():
        return np.asarray(module(torch.from_numpy(scaled)[None, None])[0].numpy())


@pytest.mark.parametrize("kind", ["torchscript", "onnx"])
def test_voxelwise_network_in_windows_answers_as_the_module_on_the_whole_scan(tmp_path: Path, kind: str) -> None:
    module, ct = network(3, reach=1), noise_ct()
    card = card_of(tmp_path, kind, exported(module, kind, tmp_path), Head("lesion", "softmax", ("tumor", "node")))
    masks, best = segment(card, ct, tmp_path), direct(module, ct.array).argmax(axis=0)
    assert set(np.unique(best)) == {0, 1, 2}
    assert np.array_equal(masks["tumor"], best == 1)
    assert np.array_equal(masks["node"], best == 2)


@pytest.mark.parametrize("kind", ["torchscript", "onnx"])
def test_one_window_answers_as_the_module(tmp_path: Path, kind: str) -> None:
    module, ct = network(1, reach=5), noise_ct(WINDOW)
    card = card_of(tmp_path, kind, exported(module, kind, tmp_path), Head("lesion", "sigmoid", ("tumor",)))
    logits = direct(module, ct.array)[0]
    sure = np.abs(logits) > 1e-4  # two engines add up in different orders
    assert np.array_equal(segment(card, ct, tmp_path)["tumor"][sure], logits[sure] >= 0)
    assert sure.mean() > 0.99


def test_scan_stored_the_other_way_round_gets_the_same_answer_in_the_body(tmp_path: Path) -> None:
    module, ct = network(1, reach=3), noise_ct()
    card = card_of(tmp_path, "onnx", exported(module, "onnx", tmp_path), Head("lesion", "sigmoid", ("tumor",)))
    x, y, z = ct.geometry.to_lps(np.array([19.0, 0.0, 27.0]))
    direction = ((-1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0))
    turned = Volume(
        ct.array[::-1, :, ::-1], Geometry(SHAPE, (2.0, 1.0, 1.0), (float(x), float(y), float(z)), direction)
    )
    found = segment(card, turned, tmp_path)["tumor"][::-1, :, ::-1]
    assert np.array_equal(found, segment(card, ct, tmp_path)["tumor"])


def test_coarser_network_answers_on_the_cts_own_voxels(tmp_path: Path) -> None:
    ball = np.linalg.norm(np.indices((40, 40, 40)) - 19.5, axis=0) < 12
    ct = Volume(np.where(ball, 100, -100).astype(np.int16), Geometry(ball.shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)))
    module = torch.nn.Identity()
    name, head = exported(module, "torchscript", tmp_path), Head("lesion", "sigmoid", ("tumor",))
    card = replace(card_of(tmp_path, "torchscript", name, head, mean=0.0, std=1.0), spacing_mm=(2.0, 2.0, 2.0))
    found = segment(card, ct, tmp_path)["tumor"]
    assert found.shape == ball.shape
    assert 2 * (found & ball).sum() / (found.sum() + ball.sum()) > 0.95


@pytest.mark.parametrize(
    ("head", "settings", "said"),
    [
        (Head("lesion", "sigmoid", ("tumor", "node")), {}, "has 1 outputs; its card's heads need 2"),
        (Head("lesion", "sigmoid", ("tumor",)), {"window": [16, 16]}, r"settings\.window of tried"),
        (Head("lesion", "sigmoid", ("tumor",)), {"clip_hu": None}, "expected 2 numbers"),
        (Head("lesion", "sigmoid", ("tumor",)), {"overlap": 1.0}, "overlap from 0"),
    ],
)
def test_card_that_does_not_fit_its_network_is_refused(
    tmp_path: Path, head: Head, settings: dict[str, object], said: str
) -> None:
    card = card_of(tmp_path, "onnx", exported(network(1, 1), "onnx", tmp_path), head)
    changed = {key: value for key, value in (dict(card.settings) | settings).items() if value is not None}
    with pytest.raises(ModelError, match=said):
        segment(replace(card, settings=changed), noise_ct(), tmp_path)


@pytest.mark.parametrize(("kind", "name"), [("torchscript", "network.ts"), ("onnx", "network.onnx")])
def test_file_that_is_no_network_is_refused_without_its_path(tmp_path: Path, kind: str, name: str) -> None:
    folder = tmp_path / "Doe_Jane"
    folder.mkdir()
    (folder / name).write_bytes(b"not a network")
    with pytest.raises(ModelError, match=f"is no {kind} network") as error:
        segment(card_of(folder, kind, name, Head("lesion", "sigmoid", ("tumor",))), noise_ct(), tmp_path)
    assert "Doe" not in str(error.value)


def test_weights_that_were_altered_are_refused(tmp_path: Path) -> None:
    card = card_of(tmp_path, "onnx", exported(network(1, 1), "onnx", tmp_path), Head("lesion", "sigmoid", ("tumor",)))
    (tmp_path / "network.onnx").write_bytes(b"other")
    with pytest.raises(ModelError, match="were altered"):
        segment(card, noise_ct(), tmp_path)
