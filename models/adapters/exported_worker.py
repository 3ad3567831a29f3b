"""The process that runs an exported network: `python -m models.adapters.exported_worker WEIGHTS PLACE`.

PLACE holds card.toml, ct.mha and maybe pet.mha; answer.npz is written there, masks by name on the CT's voxels.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from models.adapters.exported import Recipe, read_recipe
from models.adapters.grid import AIR_HU, back_on, grid_of, image_on, masks_by_name, oriented
from models.adapters.windows import Run, slide
from models.card import Card, Head, read_card
from models.networks.inputs import build_inputs
from oncology.errors import AimdtError, ModelError
from oncology.imaging.volume import Geometry, Volume, read_volume, resample


def open_network(weights: Path, kind: str, window: tuple[int, int, int], inputs: int) -> Run:
    """The network as a function of windows, in full precision on the processor.

    Raises:
        ModelError: the file is no such network, or does not take the window.
    """
    try:
        return _torchscript(weights) if kind == "torchscript" else _onnx(weights, (1, inputs, *window))
    except RuntimeError as error:
        raise ModelError(
            f"the file is no {kind} network that takes windows of {window} voxels: {str(error)[:200]}; export it anew"
        ) from error


def _torchscript(weights: Path) -> Run:
    import torch  # seconds; an ONNX network does without

    network = torch.jit.load(weights, map_location="cpu").eval()

    def run(block: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            answer = network(torch.from_numpy(block))
        return np.asarray(_first(answer).float().numpy())

    return run


def _first(answer: Any) -> Any:
    """The full-size output, where deep supervision left smaller ones behind it."""
    return answer[0] if isinstance(answer, list | tuple) else answer


def _onnx(weights: Path, size: tuple[int, ...]) -> Run:
    os.environ.setdefault("OPENVINO_TELEMETRY_ENABLED", "0")
    import openvino

    core = openvino.Core()
    model = core.read_model(weights)
    model.reshape({model.inputs[0]: list(size)})
    precise = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    request = core.compile_model(model, "CPU", precise).create_infer_request()

    def run(block: np.ndarray) -> np.ndarray:
        request.infer([block])
        return np.array(request.get_output_tensor(0).data, np.float32)

    return run


def answer_scan(card: Card, weights: Path, ct: Volume, pet: Volume | None) -> dict[str, np.ndarray]:
    """Masks (Z, Y, X) bool on the CT's voxels by name."""
    recipe = read_recipe(card)
    shown = oriented(ct, card.orientation)
    grid = grid_of(shown.geometry, card.spacing_mm)
    block = channels(card, recipe, shown, pet, grid)
    logits = slide(open_network(weights, card.kind, recipe.window, len(block)), block, recipe.window, recipe.overlap)
    wanted = sum(head.outputs for head in card.heads)
    if len(logits) != wanted:
        raise ModelError(f"the network has {len(logits)} outputs; its card's heads need {wanted}")
    masks: dict[str, np.ndarray] = {}
    for head in card.heads:
        part, logits = logits[: head.outputs], logits[head.outputs :]
        masks |= _masks(head, part, recipe.threshold, grid, shown.geometry)
    on_ct = {label: back_on(mask.astype(np.uint8), shown.geometry, ct.geometry) > 0 for label, mask in masks.items()}
    return masks_by_name(card, on_ct)


def channels(card: Card, recipe: Recipe, ct: Volume, pet: Volume | None, grid: Geometry) -> np.ndarray:
    """What the network sees (C, Z, Y, X) float32."""
    hu = image_on(ct, grid, AIR_HU)
    suv = None if pet is None else image_on(pet, grid, 0.0)
    if recipe.clip_hu is None:
        return build_inputs(card.inputs, hu, suv)
    return ((hu.clip(*recipe.clip_hu) - recipe.mean) / recipe.std)[None].astype(np.float32)


def _masks(head: Head, logits: np.ndarray, threshold: float, grid: Geometry, ct: Geometry) -> dict[str, np.ndarray]:
    """Masks on the oriented CT: labels by nearest neighbor, probabilities linear and then cut."""
    if head.activation == "softmax":
        best = logits.argmax(axis=0).astype(np.uint8)
        best = best if grid.same_grid(ct) else resample(Volume(best, grid), ct, linear=False, fill=0).array
        return {label: best == number for number, label in enumerate(head.labels, start=1)}
    found = {}
    for label, channel in zip(head.labels, logits, strict=True):
        share = (1.0 / (1.0 + np.exp(-np.clip(channel, -30.0, 30.0)))).astype(np.float32)
        found[label] = image_on(Volume(share, grid), ct, 0.0) >= threshold
    return found


def main() -> int:
    """Run one network over one scan."""
    reader = argparse.ArgumentParser(prog="python -m models.adapters.exported_worker", description=__doc__)
    reader.add_argument("weights", type=Path)
    reader.add_argument("place", type=Path)
    asked = reader.parse_args()
    try:
        card, pet = read_card(asked.place / "card.toml"), asked.place / "pet.mha"
        suv = read_volume(pet) if pet.is_file() else None
        masks = answer_scan(card, asked.weights, read_volume(asked.place / "ct.mha"), suv)
        np.savez(
            asked.place / "answer.npz", names=np.array(list(masks), str), masks=np.array(list(masks.values()), bool)
        )
    except AimdtError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
