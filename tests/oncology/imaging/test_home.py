"""A primary tumor is looked for in its organ: phantoms in mm."""

import numpy as np

from oncology.cancers.protocol import MODULES
from oncology.imaging.home import HOMES, home_of
from oncology.imaging.proposals import propose
from oncology.imaging.volume import Geometry

SHAPE, SPACING = (40, 40, 40), (2.0, 2.0, 2.0)
GRID = Geometry(SHAPE, SPACING, (0.0, 0.0, 0.0))
LUNG, NODULE, MUSCLE = np.s_[5:35, 5:20, 5:35], np.s_[18:22, 10:14, 18:22], np.s_[10:20, 30:38, 10:20]


def drawn(*boxes):
    mask = np.zeros(SHAPE, bool)
    for box in boxes:
        mask[box] = True
    return mask


def test_a_larger_bright_region_in_muscle_does_not_pass_for_the_lung_tumor():
    p = np.zeros(SHAPE, np.float32)
    p[NODULE], p[MUSCLE] = 0.99, 0.99
    nothing = np.zeros(SHAPE, np.float32)
    home = home_of("lung", {"lung_left": drawn(LUNG)}, SPACING)
    (found,) = propose(p, nothing, GRID, GRID, {}, home)
    assert np.array_equal(np.argwhere(found.mask).mean(axis=0).round(), [20, 12, 20])
    assert len(propose(p, nothing, GRID, GRID)) == 2


def test_a_nodule_that_was_not_taken_for_lung_lies_at_home_all_the_same():
    lung = drawn(LUNG) & ~drawn(NODULE)
    home = home_of("lung", {"lung_left": lung}, SPACING)
    assert home is not None
    assert home[NODULE].all()
    assert not home[MUSCLE].any()


def test_the_heart_beside_the_lung_is_no_home_of_a_lung_tumor():
    heart = np.s_[10:30, 19:30, 10:30]
    home = home_of("lung", {"lung_left": drawn(LUNG), "heart": drawn(heart)}, SPACING)
    assert home is not None
    assert not (home & drawn(heart)).any()  # not even where a mask of the lung reaches into it
    assert (home | drawn(heart))[LUNG].all()


def test_where_the_organ_was_not_seen_nothing_is_said_of_its_place():
    assert home_of("pancreas", {"liver": drawn(MUSCLE)}, SPACING) is None
    assert home_of("pancreas", {"pancreas": np.zeros(SHAPE, bool)}, SPACING) is None
    assert home_of("thymus", {"lung_left": drawn(LUNG)}, SPACING) is None


def test_every_cancer_of_ours_has_an_organ():
    assert set(HOMES) == set(MODULES)
