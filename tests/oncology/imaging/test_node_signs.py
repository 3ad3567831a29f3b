"""Signs of a node on phantoms: what was put into it is found, and uptake is held against liver and blood."""

from __future__ import annotations

import numpy as np
import pytest

import phantoms
from oncology.imaging.node_signs import node_signs, reference_uptake
from oncology.imaging.volume import Volume

GRID = phantoms.make_grid((60, 80, 80), (1.0, 1.0, 1.0), center_lps=(0, 0, 0))
NODE = phantoms.sphere(GRID, (0, 0, 0), 16)
MIDDLE = phantoms.sphere(GRID, (0, 0, 0), 9)


def image(inside: float = 60.0, middle: float | None = None, around: float = -98.0) -> Volume:
    hu = np.where(NODE, inside, around)
    return Volume(np.where(MIDDLE, inside if middle is None else middle, hu).astype(np.int16), GRID)


def test_fat_in_the_middle_is_a_hilum_and_fluid_is_necrosis() -> None:
    plain, hilum, dead = (
        node_signs(NODE, image()),
        node_signs(NODE, image(middle=-40)),
        node_signs(NODE, image(middle=15)),
    )
    assert (plain["fat_share"], plain["necrosis_share"]) == (0.0, 0.0)
    assert hilum["fat_share"] > 0.2 > dead["fat_share"]
    assert dead["necrosis_share"] > 0.2 > plain["necrosis_share"]


def test_density_is_measured_away_from_the_blurred_rim() -> None:
    assert node_signs(NODE, image(70.0))["hu_mean"] == pytest.approx(70.0, abs=2.0)


def test_stranded_fat_around_a_node_is_denser_than_clean_fat() -> None:
    assert node_signs(NODE, image(around=-60))["surround_hu"] > node_signs(NODE, image())["surround_hu"] + 25


def test_axes_come_from_the_image_and_not_from_a_mask_that_is_off() -> None:
    node = phantoms.ellipsoid(GRID, (0, 0, 0), (12, 14, 20))
    ct = Volume(np.where(node, 60, -98).astype(np.int16), GRID)
    small, wide = phantoms.ellipsoid(GRID, (0, 0, 0), (10, 12, 18)), phantoms.ellipsoid(GRID, (0, 0, 0), (14, 16, 22))
    for mask in (small, node, wide):
        signs = node_signs(mask, ct)
        axes = [signs[f"ellipsoid_{name}_mm"] for name in ("short", "middle", "long")]
        assert axes == pytest.approx([12, 14, 20], abs=1.0)


def test_uptake_is_held_against_its_surroundings_liver_and_blood() -> None:
    liver, aorta = phantoms.box(GRID, (15, 15, -30), (40, 40, 30)), phantoms.box(GRID, (-40, -40, -30), (-20, -20, 30))
    suv = np.where(NODE, 6.0, np.where(liver, 2.4, np.where(aorta, 1.6, 0.5))).astype(np.float32)
    pet = Volume(suv, GRID)
    references = reference_uptake({"liver": liver, "aorta": aorta}, GRID, pet)
    signs = node_signs(NODE, image(), pet, references)
    assert (signs["liver_suv"], signs["blood_pool_suv"]) == pytest.approx((2.4, 1.6))
    assert signs["suv_ratio"] == pytest.approx(12.0, rel=0.05)


def test_without_pet_there_is_no_uptake() -> None:
    assert not any("suv" in name for name in node_signs(NODE, image()))
