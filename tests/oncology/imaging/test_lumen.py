"""A tumor's mask that laps over a great vessel: what still shows blood was not grown into."""

import numpy as np
import pytest

from oncology.imaging.contact import contacts
from oncology.imaging.volume import Geometry, Volume

GRID = Geometry((40, 60, 60), (1.5, 1.5, 1.5), (0.0, 0.0, 0.0))
BLOOD_HU, TUMOR_HU, FAT_HU = 220.0, 60.0, -100.0


def phantom(*, grown_in_mm: float, blood_hu: float = BLOOD_HU) -> tuple[np.ndarray, np.ndarray, Volume]:
    """A vessel of 24 mm and a tumor whose mask reaches 6 mm into it; the image shows how far it really does."""
    _, y, x = np.indices(GRID.shape) * 1.5
    vessel = np.hypot(y - 45.0, x - 30.0) <= 12.0
    solid = np.hypot(y - 45.0, x - 62.0) <= 22.0
    hu = np.where(vessel, blood_hu, np.where(solid, TUMOR_HU, FAT_HU))
    inside = vessel & (x >= 42.0 - grown_in_mm) & (np.abs(y - 45.0) <= 8.0)
    hu[inside] = TUMOR_HU
    mask = solid | (vessel & (x >= 36.0) & (np.abs(y - 45.0) <= 8.0))
    noise = np.random.default_rng(1).normal(0.0, 12.0, GRID.shape)
    return mask, vessel, Volume((hu + noise).astype(np.float32), GRID)


def depth_mm(name: str, mask: np.ndarray, vessel: np.ndarray, ct: Volume) -> float:
    found = contacts(mask, {name: vessel}, GRID, ct=ct)
    return found[0].depth_mm


def test_a_mask_over_bright_blood_is_contact_and_not_depth() -> None:
    assert depth_mm("aorta", *phantom(grown_in_mm=0.0)) <= 1.6  # a voxel: the blurred wall


def test_a_tumor_that_took_the_place_of_blood_is_as_deep_as_it_is() -> None:
    assert depth_mm("aorta", *phantom(grown_in_mm=6.0)) == pytest.approx(6.0, abs=1.6)


def test_without_contrast_the_masks_alone_tell() -> None:
    assert depth_mm("aorta", *phantom(grown_in_mm=0.0, blood_hu=45.0)) == pytest.approx(6.0, abs=1.6)


def test_a_vessel_that_is_encased_counts_as_drawn() -> None:
    assert depth_mm("celiac_trunk", *phantom(grown_in_mm=0.0)) == pytest.approx(6.0, abs=1.6)
