"""From probabilities to regions: what is proposed, and what is left out."""

from __future__ import annotations

import numpy as np
import pytest

from oncology.imaging.proposals import Proposal, propose
from oncology.imaging.volume import Geometry

GRID = Geometry((40, 40, 40), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0))
NOTHING = np.zeros(GRID.shape, np.float32)


def ball(center: tuple[int, int, int], radius_mm: float, p: float = 0.95) -> np.ndarray:
    z, y, x = np.indices(GRID.shape)
    apart = 2.0 * np.sqrt((z - center[0]) ** 2 + (y - center[1]) ** 2 + (x - center[2]) ** 2)
    return (p / (1.0 + np.exp((apart - radius_mm) / 0.8))).astype(np.float32)


def proposed(tumor: np.ndarray, node: np.ndarray = NOTHING, **settings: float) -> list[Proposal]:
    return propose(tumor, node, GRID, GRID, settings)


def test_the_larger_of_two_doubtful_regions_is_the_primary_and_the_other_is_left_out() -> None:
    found = proposed(np.maximum(ball((12, 12, 12), 12.0, 0.8), ball((30, 30, 30), 8.0, 0.8)))
    assert [one.role for one in found] == ["tumor"]
    assert found[0].mask[12, 12, 12]


def test_a_further_tumor_is_proposed_where_the_network_is_sure() -> None:
    found = proposed(np.maximum(ball((12, 12, 12), 12.0), ball((30, 30, 30), 8.0)))
    assert [one.role for one in found] == ["tumor", "tumor"]


def test_a_small_region_that_is_plain_is_the_primary_before_a_larger_doubtful_one() -> None:
    found = proposed(np.maximum(ball((12, 12, 12), 12.0, 0.95), ball((30, 30, 30), 8.0, 0.999)))
    assert [one.role for one in found] == ["tumor", "tumor"]
    assert found[0].mask[30, 30, 30]


def test_a_speck_that_is_no_more_than_sure_does_not_go_before_a_mass() -> None:
    """A network says 0.9995 of the mass and 1.0 of the speck: both are sure, and the mass is larger."""
    mass, speck = ball((12, 12, 12), 14.0) > 0.5, ball((30, 30, 30), 5.0) > 0.5
    found = proposed(np.where(mass, 0.9993, np.where(speck, 1.0, 0.0)).astype(np.float32))
    assert found[0].mask[12, 12, 12]


def test_what_the_network_hardly_believes_is_no_tumor() -> None:
    assert proposed(ball((20, 20, 20), 14.0, 0.6)) == []


def test_the_volume_of_a_proposed_ball_is_its_own() -> None:
    found = proposed(ball((20, 20, 20), 15.0, 1.0))
    volume = np.count_nonzero(found[0].mask) * GRID.voxel_ml
    assert volume == pytest.approx(4.0 / 3.0 * np.pi * 1.5**3, rel=0.08)


def test_nodes_come_by_certainty_and_specks_not_at_all() -> None:
    node = np.maximum(ball((10, 10, 10), 5.0, 0.8), ball((30, 30, 10), 6.0, 0.98))
    node[20, 20, 30] = 0.99
    found = proposed(NOTHING, node)
    assert [one.role for one in found] == ["node", "node"]
    assert found[0].p > found[1].p
    assert not any(one.mask[20, 20, 30] for one in found)


def test_a_tumor_is_not_proposed_as_a_node_too() -> None:
    found = proposed(ball((20, 20, 20), 14.0), ball((20, 20, 20), 10.0))
    assert [one.role for one in found] == ["tumor"]


@pytest.mark.parametrize(
    ("p", "share", "kept"), [(0.95, 0.5, True), (0.95, 0.2, False), (0.9999, 0.2, True), (0.9999, 0.02, False)]
)
def test_a_tumor_that_is_sure_may_have_outgrown_its_organ(p: float, share: float, kept: bool) -> None:
    tumor = ball((20, 20, 20), 12.0, p)
    filled, home = np.argwhere(tumor >= 0.5), np.zeros(tumor.shape, bool)
    home[tuple(filled[: int(share * len(filled))].T)] = True
    assert bool(propose(tumor, NOTHING, GRID, GRID, home=home)) is kept
