"""From a network's probabilities to regions: one primary tumor, further tumors where they are plain, and nodes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from oncology.imaging.coarse import refine
from oncology.imaging.region import Box, components
from oncology.imaging.volume import Geometry

# What holds where a model's card sets nothing: probabilities from which a voxel belongs to a lesion, and the highest
# probability, its 90th percentile, that a region of them must reach.
DEFAULTS: Mapping[str, float] = {
    "tumor": 0.5, "tumor_sure": 0.7, "further_tumor_sure": 0.9, "node": 0.5, "node_sure": 0.6,
    "least_tumor_ml": 0.15, "least_node_ml": 0.05, "most_tumors": 4, "least_home_share": 0.4,
    "outgrown_share": 0.1, "outgrown_sure": 0.995,
}  # fmt: skip
SURE_PERCENTILE = 90.0
AS_SURE = 1.5  # in log odds: regions that the network is no less sure of than this are told apart by their size
SURE_ENOUGH = 0.998  # beyond it more sureness tells nothing: a speck at 1.0 had gone before a mass at 0.9995


@dataclass(frozen=True)
class Proposal:
    """One region that a network proposes.

    Attributes:
        mask: (Z, Y, X) bool on the CT's grid.
        p: how sure it is that there is a lesion, 0 to 1; see `certainty`.
    """

    role: Literal["tumor", "node"]
    mask: np.ndarray
    p: float


@dataclass(frozen=True)
class _Part:
    mask: np.ndarray
    box: Box
    p: float
    weight: float


def propose(
    tumor: np.ndarray,
    node: np.ndarray,
    grid: Geometry,
    ct: Geometry,
    settings: Mapping[str, Any] | None = None,
    home: np.ndarray | None = None,
) -> list[Proposal]:
    """The primary tumor first, further tumors, then nodes by falling certainty.

    Args:
        tumor, node: (Z, Y, X) probabilities on `grid`.
        settings: replace DEFAULTS by name.
        home: (Z, Y, X) bool on `grid`, where a primary can begin, see `home_of`; a tumor has a share in it.
    """
    chosen = {**DEFAULTS, **(settings or {})}
    found = _tumors(tumor, grid, chosen, home)
    free = node.copy()
    for part in found:
        free[part.box][part.mask] = 0.0
    proposals = [Proposal("tumor", _on_ct(tumor, part, grid, ct, chosen["tumor"]), part.p) for part in found]
    for part in _nodes(free, grid, chosen):
        p = certainty(part.p, len(np.flatnonzero(part.mask)) * grid.voxel_ml, chosen.get("node_certainty"))
        proposals.append(Proposal("node", _on_ct(free, part, grid, ct, chosen["node"]), p))
    return [proposal for proposal in proposals if proposal.mask.any()]


def certainty(highest: float, volume_ml: float, line: Sequence[float] | None) -> float:
    """Probability that a proposed node is one: by a line fitted on patients, else what the network says.

    Args:
        highest: the 90th percentile of the region's probabilities.
        line: intercept, slope of its logit, slope of the logarithm of the volume in mL.
    """
    if line is None:
        return highest
    odds = line[0] + line[1] * logit(highest) + line[2] * math.log(volume_ml)
    return 1.0 / (1.0 + math.exp(-odds))


def logit(p: float) -> float:
    """Logarithm of the odds, kept finite."""
    kept = min(max(p, 1e-4), 1.0 - 1e-4)
    return math.log(kept / (1.0 - kept))


def _tumors(p: np.ndarray, grid: Geometry, chosen: Mapping[str, Any], home: np.ndarray | None) -> list[_Part]:
    """Of the regions that the network is surest of the largest is the primary; others count only where it is sure."""
    found = _parts(p, chosen["tumor"], grid, chosen["least_tumor_ml"])
    parts = sorted((part for part in found if _is_at_home(part, chosen, home)), key=lambda part: -part.weight)
    surest = max((part.p for part in parts), default=0.0)
    if surest < chosen["tumor_sure"]:
        return []
    least = logit(min(surest, SURE_ENOUGH)) - AS_SURE
    first = next(part for part in parts if logit(part.p) >= least)
    others = [part for part in parts if part is not first and part.p >= chosen["further_tumor_sure"]]
    return [first, *others][: int(chosen["most_tumors"])]


def _is_at_home(part: _Part, chosen: Mapping[str, Any], home: np.ndarray | None) -> bool:
    """Whether a tumor has its share in its organ; less will do of one that is sure: it has outgrown the organ."""
    if home is None:
        return True
    least = "outgrown_share" if part.p >= chosen["outgrown_sure"] else "least_home_share"
    return bool(home[part.box][part.mask].mean() >= chosen[least])


def _nodes(p: np.ndarray, grid: Geometry, chosen: Mapping[str, Any]) -> list[_Part]:
    parts = _parts(p, chosen["node"], grid, chosen["least_node_ml"])
    return sorted((part for part in parts if part.p >= chosen["node_sure"]), key=lambda part: -part.p)


def _parts(p: np.ndarray, threshold: float, grid: Geometry, least_ml: float) -> Iterator[_Part]:
    above = p >= threshold
    if not above.any():
        return
    for mask, box in components(above):
        values = p[box][mask]
        if len(values) * grid.voxel_ml < least_ml:
            return  # components come largest first
        yield _Part(mask, box, float(np.percentile(values, SURE_PERCENTILE)), float(values.sum()))


def _on_ct(p: np.ndarray, part: _Part, grid: Geometry, ct: Geometry, threshold: float) -> np.ndarray:
    """The region on the CT's voxels: where the interpolated probability reaches the threshold.

    Probabilities are bent so that the threshold lies at a half, which is where `refine` draws the border.
    """
    soft = np.zeros(p.shape, np.float32)
    rim = tuple(slice(max(0, side.start - 1), side.stop + 1) for side in part.box)
    values = p[rim]
    bent = np.where(values < threshold, 0.5 * values / threshold, 0.5 + 0.5 * (values - threshold) / (1.0 - threshold))
    other = np.zeros(p.shape, bool)
    other[part.box] = part.mask
    soft[rim] = np.where(other[rim] | (values < threshold), np.clip(bent, 0.0, 1.0), 0.0)
    return refine(soft, grid, ct)
