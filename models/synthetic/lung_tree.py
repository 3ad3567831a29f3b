"""Arteries and veins inside the lungs: each grows from its hilum towards points spread through a lobe."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from models.synthetic.airway_tree import LOBAR, SEGMENTAL
from models.synthetic.canvas import Slices
from models.synthetic.frame import Masks
from models.synthetic.trunk_pen import TrunkPen, filled_box
from oncology.findings import Point

TWIGS = {"lung_middle_lobe_right": 45}  # ends of vessels in a lobe
TWIGS_ELSEWHERE = 85
# Where a lobe's vessels leave the hilum, frame mm.
ROOTS: dict[str, tuple[Point, ...]] = {
    "lung_upper_lobe_right": ((-58, -2, 168), (-58, -16, 148)),
    "lung_middle_lobe_right": ((-56, 16, 124), (-54, -12, 128)),
    "lung_lower_lobe_right": ((-57, 22, 122), (-54, 32, 103)),
    "lung_upper_lobe_left": ((54, 20, 160), (54, -14, 142)),
    "lung_lower_lobe_left": ((62, 40, 126), (58, 36, 104)),
}


def draw_lung_vessels(pen: TrunkPen, masks: Masks) -> None:
    """Adds `lung_vessels`: what branches beyond the hila, inside the lungs only."""
    random = np.random.default_rng([pen.build.seed, 31])
    drawn = pen.mask(masks, "lung_vessels")
    for lobe, roots in ROOTS.items():
        box = filled_box(masks[lobe])
        if all(side.stop > side.start for side in box):
            _grow(pen, drawn, masks[lobe], box, lobe, roots, random)
    drawn &= masks["lung_left"] | masks["lung_right"]


def _grow(
    pen: TrunkPen,
    drawn: np.ndarray,
    lobe_mask: np.ndarray,
    box: Slices,
    lobe: str,
    roots: tuple[Point, ...],
    random: np.random.Generator,
) -> None:
    """A tree along the bronchi first, then from its nearest node to each of many points of the lobe, inside first."""
    nodes, parents, start = _trunks(pen, lobe, roots)
    voxels = np.argwhere(lobe_mask[box][::2, ::2, ::2]) * 2 + np.array([side.start for side in box])
    if len(voxels) < 50:
        return
    ends = pen.canvas.geometry.to_lps(voxels[random.integers(0, len(voxels), TWIGS.get(lobe, TWIGS_ELSEWHERE))])
    ends += random.uniform(-1, 1, ends.shape)
    for end in ends[np.argsort(np.linalg.norm(ends - start, axis=1))]:
        known = np.array(nodes)
        inside = np.linalg.norm(known - start, axis=1) < np.linalg.norm(end - start)
        choice = np.flatnonzero(inside) if inside.any() else np.arange(len(nodes))
        nearest = int(choice[cKDTree(known[choice]).query(end)[1]])
        middle = (known[nearest] + end) / 2 + random.normal(0, 1.5, 3)
        for point in (middle, end):
            parents.append(nearest)
            nearest = len(nodes)
            nodes.append(point)
    _paint(pen, drawn, nodes, parents)


def _trunks(pen: TrunkPen, lobe: str, roots: tuple[Point, ...]) -> tuple[list[np.ndarray], list[int], np.ndarray]:
    """Nodes and parents of the vessels that run beside the segmental bronchi."""
    nodes = [np.array(pen.place(root)) for root in roots]
    parents = [-1] * len(nodes)
    beside = np.array([3.5, -2.0, 2.5])
    for begin, end in SEGMENTAL[lobe]:
        root = int(np.argmin([np.linalg.norm(node - np.array(pen.place(begin))) for node in nodes[: len(roots)]]))
        for share in (0.35, 0.7, 1.0):
            point = np.array(begin, float) + share * (np.array(end, float) - np.array(begin, float)) + beside
            parents.append(root if share == 0.35 else len(nodes) - 1)
            nodes.append(np.array(pen.place((float(point[0]), float(point[1]), float(point[2])))))
    last = LOBAR[lobe][0][0][-1]
    return nodes, parents, np.array(pen.place(last))


def _paint(pen: TrunkPen, drawn: np.ndarray, nodes: list[np.ndarray], parents: list[int]) -> None:
    """Calibers by Murray's law: the cube of a parent's radius is the sum of its children's."""
    load = np.zeros(len(nodes))
    leaves = set(range(len(nodes))) - set(parents)
    for index in range(len(nodes) - 1, -1, -1):
        load[index] += 1.0 if index in leaves else 0.0
        if parents[index] >= 0:
            load[parents[index]] += load[index]
    radii = 0.85 * pen.build.scale * np.cbrt(load)
    least = 0.5 * pen.canvas.geometry.spacing_mm[0]
    for index, parent in enumerate(parents):
        if parent >= 0:
            r1, r0 = max(float(radii[index]), least), max(min(float(radii[parent]), 3.4), least)
            a, b = nodes[parent], nodes[index]
            pen.capsule(drawn, (a[0], a[1], a[2]), (b[0], b[1], b[2]), r0, min(r1, 3.4))
