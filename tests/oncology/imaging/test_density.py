"""Solid, part-solid and ground-glass balls in a lung."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

import phantoms
from oncology.imaging.density import DensityKind, measure_density
from oncology.imaging.volume import Volume

GRID = phantoms.make_grid((50, 50, 50), (1.0, 0.8, 0.8))


def nodule(outer_mm: float, outer_hu: float, core_mm: float = 0.0, core_hu: float = 30.0) -> tuple[np.ndarray, Volume]:
    """A ball with a core, blurred as by a scanner, and its mask drawn a millimeter outside."""
    image = np.full(GRID.shape, -860.0)
    image[phantoms.sphere(GRID, (0, 0, 0), outer_mm)] = outer_hu
    image[phantoms.sphere(GRID, (2, 0, 0), core_mm)] = core_hu
    noise = np.random.default_rng(0).normal(0, 40, GRID.shape)
    blurred = ndimage.gaussian_filter(image, (0.7, 0.9, 0.9)) + noise
    return phantoms.sphere(GRID, (0, 0, 0), outer_mm + 2), Volume(blurred.astype(np.float32), GRID)


@pytest.mark.parametrize("diameter", [10, 20, 34])
def test_solid_nodule_is_solid_and_its_whole_size_counts(diameter: float) -> None:
    found = measure_density(*nodule(diameter, 30))

    assert found.kind is DensityKind.SOLID
    assert found.solid_component_mm is None


@pytest.mark.parametrize("core_mm", [8, 12, 16])
def test_solid_part_of_a_part_solid_nodule_is_measured(core_mm: float) -> None:
    found = measure_density(*nodule(28, -600, core_mm))

    assert found.kind is DensityKind.PART_SOLID
    assert found.solid_component_mm == pytest.approx(core_mm, abs=1.5)


def test_pure_ground_glass_has_no_solid_part() -> None:
    found = measure_density(*nodule(24, -600))

    assert found.kind is DensityKind.PURE_GROUND_GLASS
    assert found.solid_component_mm == 0


def test_cavity_does_not_make_a_solid_tumor_part_solid() -> None:
    found = measure_density(*nodule(34, 30, core_mm=18, core_hu=-990))

    assert found.kind is DensityKind.SOLID


def test_loosely_drawn_contour_does_not_make_a_solid_nodule_part_solid() -> None:
    _, ct = nodule(20, 30)

    found = measure_density(phantoms.sphere(GRID, (0, 0, 0), 24), ct)

    assert found.kind is DensityKind.SOLID
