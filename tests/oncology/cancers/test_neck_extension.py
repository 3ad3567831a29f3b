"""Grades of extranodal extension: each by its own sign, and none where the image does not show which."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from oncology.cancers.neck_extension import Reading, Signs, grade, is_neighbor, signs_of
from oncology.imaging.measure import measure_node
from oncology.imaging.volume import Geometry, Volume

GRID = Geometry((40, 60, 60), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
READING = Reading(likely=0.5, unlikely=0.1)


@pytest.mark.parametrize(
    ("p", "signs", "expected"),
    [
        (0.9, Signs(entered=True, matted=True, stranded=True), 3),
        (0.9, Signs(matted=True, stranded=True), 2),
        (0.9, Signs(stranded=True, fat_seen=True), 1),
        (0.9, Signs(stranded=False, fat_seen=True), None),  # likely, but no sign tells how far
        (0.9, Signs(), None),
        (0.3, Signs(entered=True, matted=True, stranded=True), None),  # signs without a likely extension
        (0.05, Signs(stranded=False, fat_seen=True), 0),
        (0.05, Signs(stranded=True, fat_seen=True), None),
        (0.05, Signs(fat_seen=False), None),  # no fat to see it in
        (None, Signs(entered=True), None),
    ],
)
def test_a_grade_needs_probability_and_its_own_sign(p: float | None, signs: Signs, expected: int | None) -> None:
    assert grade(p, signs, READING) == expected


def ball(x: float, radius: float) -> np.ndarray:
    z, y, at = np.indices(GRID.shape)
    return (z - 20.0) ** 2 + (y - 30.0) ** 2 + (at - x) ** 2 <= radius**2


def test_a_neighbor_is_entered_only_when_no_fat_is_left_between() -> None:
    node, muscle = ball(28.0, 9.0), np.zeros(GRID.shape, bool)
    muscle[:, :, 33:] = True
    ct = Volume(np.where(node | muscle, 70, -100).astype(np.int16), GRID)
    found = measure_node(node, ct)
    assert signs_of(found, {"node-1": node}, (), ct, {"sternocleidomastoid_left": muscle}).entered
    apart = np.roll(muscle, 12, axis=2)
    apart[:, :, :45] = False
    assert not signs_of(found, {"node-1": node}, (), ct, {"sternocleidomastoid_left": apart}).entered


def test_nodes_are_matted_when_both_are_likely_malignant_and_touch() -> None:
    one, other = ball(20.0, 8.0), ball(35.5, 8.0)
    ct = Volume(np.where(one | other, 70, -100).astype(np.int16), GRID)
    nodes = [measure_node(mask, ct, id=name) for name, mask in (("node-1", one), ("node-2", other))]
    masks = {"node-1": one, "node-2": other}
    sick = replace(nodes[1], p_malignant=0.9)
    assert signs_of(nodes[0], masks, [sick], ct, {}).matted
    assert not signs_of(nodes[0], masks, [nodes[1]], ct, {}).matted


def test_glands_and_fat_are_no_neighbors_that_a_node_grows_into() -> None:
    assert is_neighbor("sternocleidomastoid_left")
    assert not is_neighbor("submandibular_gland_left")
    assert not is_neighbor("body")
