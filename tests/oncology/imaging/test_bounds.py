"""A proposal is cut to what intensities allow: known phantoms in HU and mm."""

import numpy as np
import pytest

from oncology.imaging.bounds import blood_hu, within_tissue
from oncology.imaging.volume import Geometry, Volume

SHAPE, SPACING = (60, 60, 60), (1.0, 1.0, 1.0)
GRID = Geometry(SHAPE, SPACING, (0.0, 0.0, 0.0))
PLACES = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"))


def ball(radius, center=(30, 30, 30)):
    return sum((PLACES[axis] - center[axis]) ** 2 for axis in range(3)) <= radius**2


def scan(background, **balls):
    hu = np.full(SHAPE, background, np.float32)
    noise = np.random.default_rng(3).normal(0.0, 12.0, SHAPE)
    for value, mask in balls.values():
        hu[mask] = value
    return Volume(hu + noise, GRID)


def dice(one, other):
    return 2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other))


@pytest.mark.parametrize("density", [40.0, -600.0])
def test_a_spilling_lung_tumor_loses_the_air_around_it_whether_solid_or_ground_glass(density):
    ct = scan(-850.0, tumor=(density, ball(10)))
    found = within_tissue(ball(13), "tumor", "lung", ct, {"lung_left": ~ball(10)})
    assert dice(found.mask, ball(10)) > 0.95 > dice(ball(13), ball(10))


def test_the_part_of_a_proposal_that_lies_in_bone_is_cut_and_calcium_inside_is_kept():
    bone = PLACES[2] > 34
    ct = scan(40.0, bone=(900.0, bone), calcium=(900.0, ball(1, (30, 30, 26))))
    found = within_tissue(ball(10), "tumor", "esophagus", ct, {})
    assert not found.mask[PLACES[2] > 36].any()
    assert found.mask[30, 30, 26]


def test_a_node_keeps_its_fatty_hilum_and_loses_the_fat_around_it():
    ct = scan(-100.0, node=(40.0, ball(6)), hilum=(-90.0, ball(1)))
    found = within_tissue(ball(9), "node", "lung", ct, {})
    assert found.mask[30, 30, 30]
    assert dice(found.mask, ball(6)) > 0.9


def test_a_proposed_node_as_bright_as_contrast_medium_is_a_vessel_and_one_beside_it_keeps_its_own_part():
    vein = scan(-100.0, vein=(220.0, ball(5)))
    assert not within_tissue(ball(5), "node", "lung", vein, {}).mask.any()
    node = ball(6, (30, 30, 24))
    beside = scan(-100.0, node=(60.0, node), vein=(220.0, ball(4, (30, 30, 34))))
    found = within_tissue(node | ball(4, (30, 30, 34)), "node", "lung", beside, {})
    assert dice(found.mask, node) > 0.9


def test_a_proposed_node_as_bright_as_the_blood_is_a_vessel_and_without_enhancement_a_node():
    proposal = scan(-100.0, one=(140.0, ball(6)))
    aorta = ball(9, (30, 30, 14))
    assert blood_hu(scan(0.0, aorta=(155.0, aorta)), {"aorta": aorta}) == pytest.approx(155.0, abs=3.0)
    assert not within_tissue(ball(6), "node", "lung", proposal, {}, 155.0).mask.any()
    assert not within_tissue(ball(6), "node", "lung", proposal, {}, 195.0).mask.any()
    assert within_tissue(ball(6), "node", "lung", scan(-100.0, one=(105.0, ball(6))), {}, 130.0).mask.any()
    assert within_tissue(ball(6), "node", "lung", proposal, {}, 260.0).mask.any()
    assert within_tissue(ball(6), "node", "lung", proposal, {}, 45.0).mask.any()


@pytest.mark.parametrize("cancer", ["lung", "pancreas"])
def test_a_proposal_of_nothing_but_air_is_refused(cancer):
    found = within_tissue(ball(8), "tumor", cancer, scan(-1000.0), {})
    assert not found.mask.any()
    assert found.share < 0.01


def test_a_lung_tumor_far_from_both_lungs_is_refused():
    ct = scan(40.0)
    lung = ball(5, (3, 3, 3))
    assert not within_tissue(ball(6, (50, 50, 50)), "tumor", "lung", ct, {"lung_right": lung}).mask.any()
    assert within_tissue(ball(6, (50, 50, 50)), "tumor", "pancreas", ct, {"lung_right": lung}).mask.any()
