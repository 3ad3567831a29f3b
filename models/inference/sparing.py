"""What is tried where memory is short: smaller windows first, then a coarser grid as well."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from models.card import Card
from models.inference.engine import Engine
from models.inference.predict import Scan, margin_of
from models.inference.tiling import WINDOW


@dataclass(frozen=True)
class Way:
    """How a scan is looked at.

    Attributes:
        window: voxels of the network's grid along each side of a window.
        coarser: how many times as wide the voxels are that scan and answer are held in; the network is shown each
            window at the voxel size that it learned on, so that organs keep their size and lose detail only.
    """

    window: int = WINDOW[0]
    coarser: float = 1.0

    @property
    def held(self) -> int:
        """Voxels of the scan as it is held along each side of a window."""
        return round(self.window / self.coarser)


USUAL = Way()
# 48 voxels leave a core of 24 beside margins of 12, and take 0.42 of the memory that 64 take; smaller ones would hold
# mostly margin. 1.5 times as wide voxels are 0.3 as many, and 48 of them are 32 as held.
SPARING = (Way(48), Way(48, 1.5))


def ways(card: Card) -> Iterator[Way]:
    """The usual way, then those that spend less memory and suit the network's strides and margin."""
    yield USUAL
    stride = 2 ** (len(card.network["channels"]) - 1)
    yield from (way for way in SPARING if way.window % stride == 0 and way.window > 2 * margin_of(card))


def words_of(way: Way, card: Card) -> str:
    """What differs from the usual way, for a report; millimeters are those of the widest side.

    >>> words_of(Way(48, 1.5), Card("a", "lesion", "unet", spacing_mm=(2.0, 2.0, 2.0)))
    'tiles of 48 voxels instead of 64 and a grid of 3.0 mm instead of 2.0 mm'
    """
    tiles = f"tiles of {way.window} voxels instead of {USUAL.window}"
    usual = max(card.spacing_mm)
    if way.coarser == 1.0:
        return tiles
    return f"{tiles} and a grid of {usual * way.coarser:.1f} mm instead of {usual:.1f} mm"


def on_coarser(engine: Engine, coarser: float) -> Engine:
    """The engine for windows of voxels that are wider than the network's."""

    def run(block: np.ndarray) -> np.ndarray:
        sides = tuple(round(count * coarser) for count in block.shape[2:])
        answer = engine(_channels(block[0], sides, 1.0 / coarser)[None])[0]
        return _channels(answer, block.shape[2:], coarser)[None]

    return run


def held_scan(scan: Scan, way: Way) -> Scan:
    """The scan as a way holds it; itself on the usual grid."""
    if way.coarser == 1.0:
        return scan
    shape = tuple(math.ceil(count / way.coarser) for count in scan.hu.shape)
    z, y, x = (size * way.coarser for size in scan.spacing_mm)
    return Scan(
        _stretched(scan.hu, shape, way.coarser),
        (z, y, x),
        None if scan.suv is None else _stretched(scan.suv, shape, way.coarser),
        {name: _nearest(labels, shape, way.coarser) for name, labels in scan.labels.items()},
        scan.names,
        None if scan.middle is None else (_held(scan.middle[0], way), _held(scan.middle[1], way)),
    )


def _held(place: float, way: Way) -> float:
    """Where an index of the usual grid lies on the one that is held; both begin at the same outer face."""
    return (place + 0.5) / way.coarser - 0.5


def given_answer(card: Card, answer: Mapping[str, np.ndarray], scan: Scan, way: Way) -> dict[str, np.ndarray]:
    """The answer on the scan's own grid, as `predict` gives it: labels by nearest neighbor, probabilities linear."""
    if way.coarser == 1.0:
        return dict(answer)
    shape, step = scan.hu.shape, 1.0 / way.coarser
    found = {}
    for head in card.heads:
        if head.activation == "softmax":
            found[head.name] = _nearest(answer[head.name], shape, step)
            found[f"{head.name}_p"] = _stretched(answer[f"{head.name}_p"], shape, step)
        else:
            found[head.name] = _channels(answer[head.name], shape, step)
    return found


def _channels(array: np.ndarray, shape: Sequence[int], step: float) -> np.ndarray:
    """`_stretched` for each channel of (C, Z, Y, X)."""
    return np.stack([_stretched(channel, shape, step) for channel in array])


def _stretched(array: np.ndarray, shape: Sequence[int], step: float) -> np.ndarray:
    """Linear on a grid of the same box whose voxels are `step` times as wide; its border is repeated beyond it."""
    image = array.astype(np.float32)
    found = ndimage.affine_transform(image, [step] * 3, _offset(step), tuple(shape), order=1, mode="nearest")
    return (np.rint(found) if array.dtype.kind in "iu" else found).astype(array.dtype)


def _nearest(labels: np.ndarray, shape: Sequence[int], step: float) -> np.ndarray:
    return np.asarray(
        ndimage.affine_transform(labels, [step] * 3, _offset(step), tuple(shape), order=0, mode="nearest")
    )


def _offset(step: float) -> float:
    """Index of the first voxel's middle, seen from the other grid."""
    return (step - 1.0) / 2.0
