"""Large parts of the lung without air: found, and proposed only where nothing explains them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import phantoms
from oncology.imaging.airless import airless_parts, unexplained
from oncology.imaging.anatomy import segment_anatomy
from oncology.imaging.volume import Volume, read_volume

GRID = phantoms.make_grid((180, 160, 160), (2.0, 2.0, 2.0))
LUNG = phantoms.ellipsoid(GRID, (0, 0, 0), (140, 140, 160))
MASS = phantoms.sphere(GRID, (20, 0, 0), 60)  # 113 mL
NOTHING = np.zeros(GRID.shape, bool)


def ct(*solid: np.ndarray) -> np.ndarray:
    hu = np.where(LUNG, -850.0, 30.0)
    for mask in solid:
        hu[mask] = 40.0
    return hu


def test_a_mass_is_found_and_vessels_and_a_nodule_are_not() -> None:
    vessel = phantoms.cylinder(GRID, (-30, 0, 0), (0, 0, 1), 9, 120)
    nodule = phantoms.sphere(GRID, (-20, 40, 30), 30)
    found = airless_parts(ct(MASS, vessel, nodule), LUNG, GRID.spacing_mm)
    assert 0.9 * MASS.sum() < found.sum() < 1.05 * MASS.sum()
    assert not found[vessel | nodule].any()


@pytest.mark.parametrize(
    ("tumor", "proposed"),
    [
        (NOTHING, True),
        (phantoms.sphere(GRID, (20, 0, 40), 12), True),  # a speck beside it
        (phantoms.sphere(GRID, (30, 0, 0), 36), False),  # a tumor that holds a fifth of it
        (phantoms.sphere(GRID, (-35, 0, 0), 64), False),  # a larger tumor elsewhere
    ],
)
def test_a_mass_is_proposed_unless_a_tumor_explains_it_or_is_larger(tumor: np.ndarray, proposed: bool) -> None:
    assert len(list(unexplained(MASS, [tumor], GRID, None))) == int(proposed)


def test_with_a_pet_only_what_takes_up_fdg_is_proposed_though_its_middle_be_dead() -> None:
    def suv(value: float) -> Volume:
        rim = MASS & ~phantoms.sphere(GRID, (20, 0, 0), 44)
        return Volume(np.where(rim, value, 0.8), GRID)

    assert len(list(unexplained(MASS, [], GRID, suv(8.0)))) == 1
    assert not list(unexplained(MASS, [], GRID, suv(1.6)))


def test_a_real_mass_that_fills_most_of_the_scan_is_found_by_rules(shared_data: Path) -> None:
    folder = shared_data / "ibsi_lung_ct" / "nifti"
    drawn = read_volume(folder / "mask.nii.gz").array > 0
    found = segment_anatomy(read_volume(folder / "image.nii.gz")).airless
    assert found is not None
    assert (found & drawn).sum() > 0.95 * found.sum()
    assert 2 * (found & drawn).sum() > 0.6 * (found.sum() + drawn.sum())


def test_the_rim_of_a_heart_that_a_network_saw_is_no_mass_but_a_mass_beside_it_is() -> None:
    beside = phantoms.sphere(GRID, (50, 0, 0), 60)
    assert not list(unexplained(MASS, [], GRID, None, heart=phantoms.sphere(GRID, (24, 0, 0), 70)))
    assert len(list(unexplained(MASS, [], GRID, None, heart=beside & ~phantoms.sphere(GRID, (20, 0, 0), 50)))) == 1
