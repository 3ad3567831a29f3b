"""What computes a network: OpenVINO on the processor, torch where there is a GPU or no OpenVINO.

A network is converted for OpenVINO once and kept under its weights' hash, so that later runs need not import torch.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np

from models.inference.tiling import Window
from oncology.errors import ModelError

CUDA = "cuda"
Engine = Callable[[np.ndarray], np.ndarray]  # (1, C, Z, Y, X) float32 -> logits (1, K, Z, Y, X) or (1, K) float32


def load_network(shape: Mapping[str, Any], weights: Path) -> Any:
    """The trained network, in evaluation mode, float32.

    Args:
        shape: what `build_network` takes.
        weights: a state dict; read weights-only.

    Raises:
        ModelError: the file is no such state dict, or does not fit the shape.
    """
    import torch  # seconds; only where a network is really run

    from models.networks.build import build_network

    network = build_network(shape)
    try:
        kept = torch.load(weights, map_location="cpu", weights_only=True)
        network.load_state_dict({name: value.float() for name, value in kept.items()})
    except (RuntimeError, AttributeError, EOFError, OSError, ValueError) as error:
        message = f"{weights.name} does not hold the weights that its card describes; add the model anew"
        raise ModelError(message) from error
    except UnpicklingError as error:
        raise ModelError(f"{weights.name} holds more than weights and is not loaded") from error
    return network.eval()


def open_engine(
    shape: Mapping[str, Any],
    weights: Path,
    window: Window,
    cache: Path | None,
    device: str = "cpu",
    others: Sequence[Window] = (),
) -> Engine:
    """The fastest way to run a network here.

    Args:
        window: voxels (z, y, x) of every call.
        cache: folder for converted networks; None keeps nothing.
        device: `cpu` or `cuda`.
        others: windows for which a converted network may be kept that does as well, and spares converting it.
    """
    if device == "cpu" and importlib.util.find_spec("openvino") is not None:
        return _openvino(shape, weights, (window, *others), cache)
    return _torch(shape, weights, device)


def need_device(device: str) -> None:
    """Check that what is asked for is there.

    Raises:
        ModelError: torch sees no GPU, and one was asked for.
    """
    import torch

    if device == CUDA and not torch.cuda.is_available():
        raise ModelError("torch sees no CUDA device on this machine; leave out --device cuda to use the processor")


def needs_torch(shape: Mapping[str, Any], weights: Path, windows: Sequence[Window], cache: Path | None) -> bool:
    """Whether opening the network on the processor takes torch, as `open_engine` does where nothing is kept of it."""
    return importlib.util.find_spec("openvino") is None or _kept(shape, weights, windows, cache) is None


def channels_of(shape: Mapping[str, Any]) -> int:
    """Channels of what a network is called with; two branches take their channels one after the other."""
    return int(shape["inputs"]) * (2 if shape["kind"] == "two_branch" else 1)


def _torch(shape: Mapping[str, Any], weights: Path, device: str) -> Engine:
    import torch

    need_device(device)
    network = load_network(shape, weights).to(device)

    def run(block: np.ndarray) -> np.ndarray:
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16):
            answer = network(torch.from_numpy(block).to(device))
        return np.asarray(answer.float().cpu().numpy())

    return run


def _openvino(shape: Mapping[str, Any], weights: Path, windows: Sequence[Window], cache: Path | None) -> Engine:
    import openvino

    size = (1, channels_of(shape), *windows[0])
    kept = _kept(shape, weights, windows, cache)
    core = openvino.Core()
    if kept is not None:
        model = core.read_model(kept)
        if tuple(model.inputs[0].shape) != size:
            model.reshape({model.inputs[0]: list(size)})
    else:
        model = _converted(shape, weights, size)
        if cache is not None:
            _keep(model, _place(shape, weights, windows[0], cache))
    compiled = core.compile_model(model, "CPU", {"PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()

    def run(block: np.ndarray) -> np.ndarray:
        return np.asarray(request.infer([block])[compiled.output(0)], np.float32)

    return run


def _kept(shape: Mapping[str, Any], weights: Path, windows: Sequence[Window], cache: Path | None) -> Path | None:
    """The converted network for the first of the windows that one is kept for."""
    places = [] if cache is None else [_place(shape, weights, window, cache) for window in windows]
    return next((place for place in places if place.exists()), None)


def _place(shape: Mapping[str, Any], weights: Path, window: Window, cache: Path) -> Path:
    return cache / f"{weights.stem}-{_short_hash(weights, (1, channels_of(shape), *window))}.xml"


def _converted(shape: Mapping[str, Any], weights: Path, size: tuple[int, ...]) -> Any:
    import sys

    import openvino
    import torch

    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # converting reports to nobody
    network = load_network(shape, weights)
    with torch.no_grad():
        return openvino.convert_model(network, example_input=torch.zeros(size), input=[size])


def _keep(model: Any, path: Path) -> None:
    """Write the converted network; two processes that do so at once do not mix their files."""
    import openvino

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.stem}.{os.getpid()}.xml")
    openvino.save_model(model, partial, compress_to_fp16=True)
    partial.with_suffix(".bin").replace(path.with_suffix(".bin"))
    partial.replace(path)


def _short_hash(weights: Path, size: tuple[int, ...]) -> str:
    import hashlib

    return hashlib.sha256(weights.read_bytes() + repr(size).encode()).hexdigest()[:16]
