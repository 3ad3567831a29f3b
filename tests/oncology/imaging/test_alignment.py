"""PET against CT by body outlines: phantoms shifted by known millimeters."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from oncology.findings import Severity
from oncology.imaging.alignment import check_alignment, resample_pet
from oncology.imaging.volume import Geometry, Volume

CT_GRID = Geometry((60, 110, 130), (5.0, 3.0, 3.0), (-193.5, -163.5, -150.0))
PET_GRID = Geometry((75, 80, 90), (4.0, 4.0, 4.0), (-178.0, -158.0, -148.0))
SEED = 20240607


def torso(points_lps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Body and lungs at world points (..., 3): shoulders at the head end, a waist, two lungs."""
    x, y, z = np.moveaxis(points_lps, -1, 0)
    widening = 1.0 + 0.25 / (1 + np.exp(-(z - 80) / 12)) - 0.1 * np.exp(-(((z + 60) / 40) ** 2))
    body = (x / (140 * widening)) ** 2 + (y / 95) ** 2 < 1
    lungs = ((np.abs(x) - 65) / 40) ** 2 + (y / 60) ** 2 + ((z - 20) / 90) ** 2 < 1
    return body, lungs


def world(grid: Geometry) -> np.ndarray:
    return grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1))


def phantom_ct(grid: Geometry = CT_GRID) -> Volume:
    body, lungs = torso(world(grid))
    hu = np.where(lungs, -850.0, np.where(body, 40.0, -1000.0))
    hu[:, -6:-4, 30:-30] = -150.0  # the table, apart from the body
    noise = np.random.default_rng(SEED).normal(0, 20, grid.shape)
    return Volume((hu + noise).astype(np.float32), grid)


def phantom_pet(shift_lps: tuple[float, float, float] = (0, 0, 0), grid: Geometry = PET_GRID) -> Volume:
    body, lungs = torso(world(grid) - np.asarray(shift_lps))
    suv = np.where(lungs, 0.4, np.where(body, 0.8, 0.01))
    noise = np.random.default_rng(SEED).uniform(0.7, 1.3, grid.shape)
    return Volume((suv * noise).astype(np.float32), grid)


def cropped(volume: Volume, z: slice = slice(None), y: slice = slice(None), x: slice = slice(None)) -> Volume:
    array = volume.array[z, y, x]
    start = [part.indices(size)[0] for part, size in zip((z, y, x), volume.array.shape, strict=True)]
    origin = tuple(map(float, volume.geometry.to_lps(np.array(start))))
    return Volume(array, dataclasses.replace(volume.geometry, shape=array.shape, origin_lps=origin))


@pytest.fixture(scope="module")
def ct() -> Volume:
    return phantom_ct()


def test_pet_in_place_is_aligned(ct: Volume) -> None:
    alignment = check_alignment(ct, phantom_pet())
    assert alignment.verdict.code == "pet-aligned"
    assert alignment.verdict.severity is Severity.INFO
    assert alignment.distance_mm is not None
    assert alignment.distance_mm < 2
    assert alignment.overlap > 0.97


SHIFTS = [(12, 0, 0), (-20, 0, 0), (0, 15, 0), (0, -10, 0), (0, 0, 25), (0, 0, -12), (9, -14, 21), (40, 0, 0)]


@pytest.mark.parametrize("shift", SHIFTS, ids=str)
def test_shifted_pet_is_named_in_millimeters(ct: Volume, shift: tuple[float, float, float]) -> None:
    alignment = check_alignment(ct, phantom_pet(shift))
    assert alignment.offset_mm == pytest.approx(shift, abs=2.5)
    assert alignment.verdict.code == "pet-misaligned"
    assert f"{np.linalg.norm(shift):.0f}"[0] in alignment.verdict.message


@pytest.mark.parametrize("shift", [(3, 0, 0), (0, 4, 0), (2, 2, 2)], ids=str)
def test_shift_within_breathing_and_resolution_is_no_warning(ct: Volume, shift: tuple[float, float, float]) -> None:
    assert check_alignment(ct, phantom_pet(shift)).verdict.code == "pet-aligned"


def test_direction_is_named_as_the_patient_has_it(ct: Volume) -> None:
    message = check_alignment(ct, phantom_pet((20, 0, 0))).verdict.message
    assert "to the left" in message
    assert "to the feet" in check_alignment(ct, phantom_pet((0, 0, -20))).verdict.message


def test_pet_shorter_than_the_ct_is_compared_where_both_exist(ct: Volume) -> None:
    short = cropped(phantom_pet((0, 16, 0)), z=slice(25, 65))
    alignment = check_alignment(ct, short)
    assert alignment.offset_mm == pytest.approx((0, 16, 0), abs=3)
    assert 0.4 < alignment.coverage < 0.7


def test_ct_that_is_a_crop_with_one_edge_of_the_body_still_shows_the_shift(ct: Volume) -> None:
    crop = cropped(ct, z=slice(10, 50), y=slice(0, 70), x=slice(60, 130))
    alignment = check_alignment(crop, phantom_pet((0, -14, 0)))
    assert alignment.offset_mm is not None
    assert alignment.offset_mm[1] == pytest.approx(-14, abs=3)


def test_shift_along_a_body_that_looks_the_same_everywhere_is_not_claimed() -> None:
    tall = np.abs(world(CT_GRID)[..., 2]) < 1e9
    x, y, _ = np.moveaxis(world(CT_GRID), -1, 0)
    tube = ((x / 140) ** 2 + (y / 95) ** 2 < 1) & tall
    same = Volume(np.where(tube, 40.0, -1000.0).astype(np.float32), CT_GRID)
    alignment = check_alignment(same, Volume(tube.astype(np.float32), CT_GRID))
    assert alignment.judged == (True, True, False)
    assert "head-feet" in alignment.verdict.message


def test_crop_inside_the_body_cannot_be_judged_and_says_so(ct: Volume) -> None:
    inside = cropped(ct, z=slice(0, 15), y=slice(45, 65), x=slice(55, 75))
    alignment = check_alignment(inside, phantom_pet())
    assert alignment.verdict.code == "pet-alignment-unknown"
    assert alignment.offset_mm is None


def test_pet_elsewhere_shares_no_field_of_view(ct: Volume) -> None:
    far = dataclasses.replace(PET_GRID, origin_lps=(-178.0, -158.0, 2000.0))
    alignment = check_alignment(ct, Volume(phantom_pet().array, far))
    assert alignment.verdict.code == "pet-off-ct"
    assert alignment.verdict.severity is Severity.ERROR
    assert alignment.coverage == 0


def test_pet_of_a_different_body_does_not_match(ct: Volume) -> None:
    x, y, z = np.moveaxis(world(PET_GRID), -1, 0)
    ball = x**2 + y**2 + (z - 20) ** 2 < 55**2
    alignment = check_alignment(ct, Volume(np.where(ball, 1.0, 0.0).astype(np.float32), PET_GRID))
    assert alignment.verdict.code == "pet-outline-differs"


def test_another_frame_of_reference_is_a_warning_even_when_outlines_agree(ct: Volume) -> None:
    verdict = check_alignment(ct, phantom_pet(), same_frame_of_reference=False).verdict
    assert verdict.code == "pet-other-frame"
    assert verdict.severity is Severity.WARNING


def test_offset_does_not_depend_on_the_order_of_axes(ct: Volume) -> None:
    turned = dataclasses.replace(
        ct.geometry,
        shape=(60, 130, 110),
        spacing_mm=(5.0, 3.0, 3.0),
        direction=((0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    )
    other = Volume(np.ascontiguousarray(ct.array.transpose(0, 2, 1)), turned)
    assert check_alignment(other, phantom_pet((12, 0, 0))).offset_mm == pytest.approx((12, 0, 0), abs=2.5)


def test_resampled_pet_keeps_its_place_and_is_unknown_outside() -> None:
    pet = phantom_pet()
    pet.array[:] = 1.0
    wide = dataclasses.replace(CT_GRID, shape=(60, 110, 150))
    onto = resample_pet(pet, wide)
    inside = np.all(
        (world(wide) > np.array(PET_GRID.origin_lps) + 2)
        & (world(wide) < np.array(PET_GRID.origin_lps) + 4.0 * (np.array(PET_GRID.shape[::-1]) - 1) - 2),
        axis=-1,
    )
    assert np.allclose(onto.array[inside], 1.0)
    assert np.isnan(onto.array[:, :, -1]).all()
