"""What lies around the lungs, where a tumor hides its border."""

from __future__ import annotations

import pytest

import phantoms
from oncology.imaging.contact import contacts
from oncology.imaging.thorax import mediastinum_under

GRID = phantoms.make_grid((140, 140, 140), (2.0, 2.0, 2.0))
OWN = phantoms.box(GRID, (-25, -70, -70), (25, 70, 70))


@pytest.mark.parametrize(
    ("deep_mm", "least_mm", "most_mm"),
    [(0.0, 0.0, 2.0), (8.0, 2.0, 8.0), (16.0, 8.0, 16.0)],
    ids=["beside it", "8 mm into it", "16 mm into it"],
)
def test_a_tumor_that_rules_took_for_mediastinum_is_inside_it_no_deeper_than_it_bites(
    deep_mm: float, least_mm: float, most_mm: float
) -> None:
    tumor = phantoms.sphere(GRID, (40.0 - deep_mm, 0, 0), 30)
    seen = OWN | tumor  # between the lungs all soft tissue looks alike

    spared = mediastinum_under(tumor, seen, GRID.spacing_mm)

    assert not (OWN & ~tumor & ~spared).any()
    depths = [contact.depth_mm for contact in contacts(tumor, {"mediastinum": spared}, GRID)]
    assert least_mm <= max(depths, default=0.0) <= most_mm
    (before,) = contacts(tumor, {"mediastinum": seen}, GRID)
    assert before.depth_mm >= 13.0


def test_a_mediastinum_far_from_the_tumor_stays_as_it_is() -> None:
    assert (mediastinum_under(phantoms.sphere(GRID, (45, 0, 0), 12), OWN, GRID.spacing_mm) == OWN).all()
