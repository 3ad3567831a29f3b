"""A network of one region is not asked about a scan that shows another."""

from __future__ import annotations

import numpy as np
import pytest

import phantoms
from oncology.imaging.field import shows
from oncology.imaging.volume import Geometry, Volume

GRID = phantoms.make_grid((320, 260, 440), (4.0, 4.0, 4.0), center_lps=(0, 0, 0))


def cylinder(diameter_mm: float, low_mm: float, high_mm: float) -> np.ndarray:
    """Along the body, between two heights."""
    z = phantoms.world(GRID)[..., 2]
    return phantoms.cylinder(GRID, (0, 0, 0), (0, 0, 1), diameter_mm) & (z >= low_mm) & (z <= high_mm)


def scan(*parts: str) -> dict[str, np.ndarray]:
    """Neck above 80 mm, chest in the middle, abdomen below -80 mm; air around."""
    nothing = np.zeros(GRID.shape, bool)
    neck = cylinder(130, 80, 160) if "neck" in parts else nothing
    chest = cylinder(250, -80, 80) if "chest" in parts else nothing
    belly = cylinder(250, -160, -80) if "abdomen" in parts else nothing
    lung = chest & (np.abs(phantoms.world(GRID)[..., 0]) > 30)
    trachea = phantoms.sphere(GRID, (0, 0, 120), 60) & neck
    return {"body": neck | chest | belly, "lung_left": lung, "trachea": trachea}


@pytest.mark.parametrize("part", ["neck", "chest", "abdomen"])
def test_a_scan_shows_its_own_region_only(part: str) -> None:
    found = {region for region in ("neck", "thorax", "abdomen") if shows(region, scan(part), GRID)}
    assert found == {"thorax" if part == "chest" else part}


def test_a_scan_of_the_trunk_shows_thorax_and_abdomen() -> None:
    structures = scan("chest", "abdomen")
    assert [shows(region, structures, GRID) for region in ("neck", "thorax", "abdomen")] == [False, True, True]


def test_bases_of_the_lungs_are_no_thorax() -> None:
    structures = scan("abdomen") | {"lung_left": cylinder(100, -80, -60)}
    assert not shows("thorax", structures, GRID)


def test_a_scan_that_is_cut_at_its_sides_passes_for_what_it_may_show() -> None:
    inside = np.s_[:, 20:40, 40:70]
    structures = {name: mask[inside] for name, mask in scan("abdomen").items()}
    shape = structures["body"].shape
    grid = Geometry((shape[0], shape[1], shape[2]), GRID.spacing_mm, GRID.origin_lps)
    assert shows("abdomen", structures, grid)


@pytest.mark.parametrize(("order", "flips"), [((2, 0, 1), (0,)), ((1, 2, 0), (1, 2))])
def test_the_order_of_axes_does_not_matter(order: tuple[int, ...], flips: tuple[int, ...]) -> None:
    turned = {name: phantoms.reoriented(Volume(mask, GRID), order, flips) for name, mask in scan("neck").items()}
    structures = {name: volume.array for name, volume in turned.items()}
    grid = turned["body"].geometry
    assert [shows(region, structures, grid) for region in ("neck", "thorax", "abdomen")] == [True, False, False]


def test_a_model_of_no_region_is_asked_about_every_scan() -> None:
    assert shows("", scan("neck"), GRID)
