"""A whole scan, or crops of it, through one network: labels of softmax heads, probabilities of sigmoid heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from models.card import Card, Head
from models.inference.engine import Engine
from models.inference.tiling import WINDOW, Tile, Window, cut, tiles
from models.networks.inputs import OUTSIDE_HU, build_inputs, context_groups
from oncology.errors import ModelError

MARGIN = 12  # voxels of a window's rim that are not kept, where a card's settings name no other
AIR_HU = -600  # a core in which nothing is denser holds no tissue and no lesion


@dataclass(frozen=True)
class Scan:
    """What a network is shown, on its grid (axes z, y, x of the patient).

    Attributes:
        hu: (Z, Y, X).
        spacing_mm: (z, y, x).
        suv: (Z, Y, X), None without PET.
        labels: map name -> (Z, Y, X) uint8: `anatomy`, or `stations`, for networks that are told of them.
        names: map name -> what its labels 1, 2, ... are called.
        middle: index (y, x) of the body's middle, where the scan is a part of it; None: the scan's own middle.
    """

    hu: np.ndarray
    spacing_mm: tuple[float, float, float]
    suv: np.ndarray | None = None
    labels: Mapping[str, np.ndarray] = field(default_factory=dict)
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    middle: tuple[float, float] | None = None


@dataclass(frozen=True)
class Crops:
    """What a network that answers once a crop is shown: (N, C, Z, Y, X) float32, in its channels."""

    inputs: np.ndarray


Job = Scan | Crops


def window_of(job: Job) -> Window:
    """Voxels (z, y, x) of every call of the network, where memory is not short."""
    if isinstance(job, Scan):
        return WINDOW
    z, y, x = job.inputs.shape[2:]
    return z, y, x


def margin_of(card: Card) -> int:
    """Voxels of a window's rim that are not kept."""
    return int(card.settings.get("margin", MARGIN))


def predict_crops(card: Card, engine: Engine, crops: Crops) -> dict[str, np.ndarray]:
    """Probabilities (N, K) float32 of each sigmoid head; a softmax head gives its label (N, 1)."""
    logits = np.concatenate([np.asarray(engine(crop[None])[:1], np.float32) for crop in crops.inputs])
    _check_finite(card, logits)
    found, first = {}, 0
    for head in card.heads:
        own = logits[:, first : first + head.outputs]
        first += head.outputs
        sigmoid = head.activation == "sigmoid"
        found[head.name] = 1.0 / (1.0 + np.exp(-np.clip(own, -30.0, 30.0))) if sigmoid else own.argmax(1)[:, None]
    return found


def predict(
    card: Card, engine: Engine, scan: Scan, window: Window = WINDOW, margin: int | None = None
) -> dict[str, np.ndarray]:
    """Answers by head: (Z, Y, X) uint8 labels (0: none) for softmax, (K, Z, Y, X) float16 for sigmoid.

    A softmax head's certainty comes beside it as `<head>_p`, (Z, Y, X) uint8, in 255ths.

    Args:
        window: voxels (z, y, x) of the scan that the engine is called with.
        margin: voxels of a window's rim that are not kept; None: as the card says.

    Raises:
        ModelError: the network answers with what is no number.
    """
    found = {name: array for head in card.heads for name, array in _empty(head, scan.hu.shape).items()}
    for tile in tiles(scan.hu.shape, window, margin_of(card) if margin is None else margin):
        if scan.hu[tile.core].max() < AIR_HU:
            continue
        logits = engine(_inputs(card, scan, tile, window)[None])[0][(slice(None), *tile.core_place)]
        _check_finite(card, logits)
        first = 0
        for head in card.heads:
            _answer(head, logits[first : first + head.outputs], tile, found)
            first += head.outputs
    return found


def _check_finite(card: Card, logits: np.ndarray) -> None:
    """Refuse an answer that is no number: a label would be made up from it."""
    if not np.isfinite(logits).all():
        raise ModelError(f"{card.id} answered with values that are no numbers; its weights are not to be used")


def _empty(head: Head, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    if head.activation == "softmax":
        return {head.name: np.zeros(shape, np.uint8), f"{head.name}_p": np.zeros(shape, np.uint8)}
    return {head.name: np.zeros((len(head.labels), *shape), np.float16)}


def _answer(head: Head, logits: np.ndarray, tile: Tile, found: Mapping[str, np.ndarray]) -> None:
    if head.activation == "sigmoid":
        found[head.name][(slice(None), *tile.core)] = 1.0 / (1.0 + np.exp(-np.clip(logits, -30.0, 30.0)))
        return
    best = logits.argmax(axis=0)
    highest = logits.max(axis=0)
    share = 1.0 / np.exp(logits - highest[None]).sum(axis=0)
    found[head.name][tile.core] = best
    found[f"{head.name}_p"][tile.core] = np.rint(share * 255.0)


def _inputs(card: Card, scan: Scan, tile: Tile, window: Window) -> np.ndarray:
    """A window's channels (C, Z, Y, X) float32."""
    hu = cut(scan.hu, tile, window, OUTSIDE_HU).astype(np.float32)
    suv = None if scan.suv is None else cut(scan.suv, tile, window, 0.0).astype(np.float32)
    return build_inputs(card.inputs, hu, suv, _places(scan, tile, window), _context(card, scan, tile, window))


def _places(scan: Scan, tile: Tile, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Millimeters (y and x) from the middle of the body, to which a whole scan is cut."""
    middle = scan.middle or ((scan.hu.shape[1] - 1) / 2, (scan.hu.shape[2] - 1) / 2)
    lines = []
    for axis in (1, 2):
        first = tile.seen[axis].start - tile.place[axis].start
        index = np.arange(window[axis], dtype=np.float32) + first - middle[axis - 1]
        lines.append(index * scan.spacing_mm[axis])
    return lines[0][None, :, None], lines[1][None, None, :]


def _context(card: Card, scan: Scan, tile: Tile, window: Window) -> dict[str, np.ndarray] | None:
    found: dict[str, np.ndarray] = {}
    for source, groups in (("anatomy", card.context), ("stations", card.maps)):
        if source in scan.labels and groups:
            found |= context_groups(cut(scan.labels[source], tile, window, 0), scan.names[source], groups)
    return found or None
