"""Samples of single nodes: cut from stored patients, turned, with contours as a reader or a network would draw them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from models.networks.inputs import OUTSIDE_HU
from models.networks.node_inputs import BLOCK, NodeBlock, depth_of, node_crops
from models.training.node_store import is_node_file, load_nodes
from models.training.recipe import Recipe
from models.training.sample import IGNORED, Sample
from models.training.store import StoredPatient, load_patient, spread
from models.training.variation import varied_ct, varied_pet
from oncology.errors import ModelError

TURN_DEG, STRETCHED = 20.0, 0.07
# How far a contour is off, as a whole, and here and there (standard deviations in mm), and how much it is smoothed.
OFF_MM, WAVER_MM, WAVES_MM, SMOOTHED_MM = 0.5, 0.6, 5.0, 1.2
# Shares of the samples: nodes with extension, malignant ones without, benign ones.
SHARES: Mapping[str, float] = {"extending": 0.36, "malignant": 0.34, "benign": 0.3}


@dataclass(frozen=True)
class DrawnNode:
    """A drawn node with its surroundings, by scan, and what is true of it."""

    scans: tuple[NodeBlock, ...]
    truth: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Of SHARES."""
        return kind_of(malignant=bool(self.truth["malignant"]), ene=bool(self.truth["ene"]))


def kind_of(*, malignant: bool, ene: bool) -> str:
    """Extending (malignant with extranodal extension), malignant or benign."""
    return "extending" if ene else "malignant" if malignant else "benign"


def nodes_of(patient: StoredPatient) -> list[DrawnNode]:
    """The nodes of a stored patient that hold a voxel."""
    suv = [patient.suv(scan) for scan in range(len(patient.ct))]
    found = []
    for place, truth in enumerate(patient.about["lesions"], start=1):
        mask = patient.lesions == place
        if truth["kind"] == "node" and mask.any():
            scans = (around(mask, hu, pet, patient.spacing_mm) for hu, pet in zip(patient.ct, suv, strict=True))
            found.append(DrawnNode(tuple(scans), truth))
    return found


def around(mask: np.ndarray, hu: np.ndarray, suv: np.ndarray, spacing_mm: float) -> NodeBlock:
    """The block around a node; all (Z, Y, X) of the patient."""
    middle = np.rint(ndimage.center_of_mass(mask)).astype(int)
    depth = depth_of(_cut(mask, middle, False), spacing_mm)
    return NodeBlock(_cut(hu, middle, OUTSIDE_HU), _cut(suv, middle, 0.0), depth, spacing_mm)


def _cut(array: np.ndarray, middle: np.ndarray, outside: float) -> np.ndarray:
    """BLOCK voxels a side around a voxel."""
    first = middle - BLOCK // 2
    inside = tuple(slice(max(0, a), max(0, min(a + BLOCK, n))) for a, n in zip(first, array.shape, strict=True))
    part = array[inside]
    lead = [side.start - a for side, a in zip(inside, first, strict=True)]
    pad = [(before, BLOCK - before - count) for before, count in zip(lead, part.shape, strict=True)]
    return np.pad(part, pad, constant_values=outside)


def redrawn(block: NodeBlock, random: np.random.Generator) -> NodeBlock:
    """The node as somebody else would contour it: smoother, a little too large or too small, wavering."""
    smooth = ndimage.gaussian_filter(block.depth, random.uniform(0.0, SMOOTHED_MM) / block.spacing_mm, truncate=2.5)
    small = [count // 2 + 1 for count in block.depth.shape]
    waves = ndimage.gaussian_filter(
        random.standard_normal(small, np.float32), WAVES_MM / 2.355 / (2 * block.spacing_mm), mode="wrap", truncate=2.5
    )
    waves *= WAVER_MM / max(float(waves.std()), 1e-6)
    off = float(np.clip(random.normal(0.0, OFF_MM), -1.2, 1.2))
    depth = (smooth + spread(waves, block.depth.shape) + off) * (block.depth > -6.0) - 6.0 * (block.depth <= -6.0)
    return replace(block, depth=depth if (depth > 0).any() else block.depth)


def drawn_turn(random: np.random.Generator) -> np.ndarray:
    """From crop to block: turned by up to 20 degrees about each axis, stretched along each, axes flipped or not."""
    turn = np.diag(random.choice([-1.0, 1.0], 3) * np.exp(random.normal(0.0, STRETCHED, 3)))
    for axis, angle in enumerate(np.radians(random.uniform(-TURN_DEG, TURN_DEG, 3))):
        one, other = [n for n in range(3) if n != axis]
        part = np.eye(3)
        part[one, one] = part[other, other] = np.cos(angle)
        part[one, other], part[other, one] = -np.sin(angle), np.sin(angle)
        turn = part @ turn
    return turn


def draw_node(node: DrawnNode, recipe: Recipe, random: np.random.Generator) -> Sample:
    """One augmented sample: inputs (2 * C, 32, 32, 32), targets (T, 1) in the order of the recipe's labels."""
    block = node.scans[int(random.integers(len(node.scans)))]
    hears = block.suv is not None and random.random() >= recipe.without_pet
    suv = varied_pet(block.suv.astype(np.float32), random) if hears and block.suv is not None else None
    shown = replace(redrawn(block, random), hu=varied_ct(block.hu.astype(np.float32), random), suv=suv)
    return Sample(node_crops(recipe.inputs, shown, drawn_turn(random)), targets_of(node.truth, recipe))


def targets_of(truth: Mapping[str, Any], recipe: Recipe) -> np.ndarray:
    """(T, 1) uint8: 0, 1, or IGNORED where it is not known."""
    answers = [truth.get(label) for label in recipe.heads[0].labels]
    return np.array([[IGNORED if answer is None else int(bool(answer))] for answer in answers], np.uint8)


@lru_cache(maxsize=2048)
def nodes_in(path: Path) -> tuple[DrawnNode, ...]:
    """The nodes of a file of the store, kept: they are small, and reading a patient takes longer than cutting."""
    if is_node_file(path):
        return tuple(DrawnNode(blocks, truth) for blocks, truth in load_nodes(path))
    return tuple(nodes_of(load_patient(path)))


def node_stream(paths: Sequence[Path], recipe: Recipe, seed: int) -> Iterator[Sample]:
    """Samples without end, kinds of nodes by SHARES, so that the rare ones are seen often enough.

    Raises:
        ModelError: the patients have no node.
    """
    by_kind: dict[str, list[DrawnNode]] = {}
    for node in (node for path in paths for node in nodes_in(path)):
        by_kind.setdefault(node.kind, []).append(node)
    if not by_kind:
        raise ModelError("no patient of the training store has a node; let the maker make more of them")
    kinds = [kind for kind in SHARES if kind in by_kind]
    shares = np.array([SHARES[kind] for kind in kinds])
    random = np.random.default_rng(seed)
    while True:
        nodes = by_kind[str(random.choice(kinds, p=shares / shares.sum()))]
        yield draw_node(nodes[int(random.integers(len(nodes)))], recipe, random)
