"""SUV statistics of hot balls, on the PET's own grid and through masks drawn on the CT."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import phantoms
from oncology.imaging.uptake import PEAK_RADIUS_MM, coverage, measure_uptake
from oncology.imaging.volume import Volume, from_sitk, read_volume

PET = phantoms.make_grid((130, 130, 130), (3.3, 4.1, 4.1))
CT = phantoms.make_grid((120, 120, 120), (1.5, 1.0, 1.0))


def hot_ball(diameter: float = 40, suv: float = 8.0, background: float = 1.0) -> Volume:
    return Volume(np.where(phantoms.sphere(PET, (0, 0, 0), diameter), suv, background).astype(np.float32), PET)


def test_ct_mask_inside_a_hot_ball_reads_its_suv() -> None:
    found = measure_uptake(Volume(phantoms.sphere(CT, (0, 0, 0), 30), CT), hot_ball())

    assert found is not None
    assert (found.max, found.mean) == (8.0, 8.0)
    assert found.mtv_ml == pytest.approx(math.pi / 6 * 3.0**3, rel=0.06)


def test_peak_is_the_mean_of_one_milliliter() -> None:
    image = hot_ball(diameter=2, suv=90, background=0)  # one hot voxel
    inside = int((sum(offset**2 for offset in _offsets()) <= PEAK_RADIUS_MM**2).sum())

    found = measure_uptake(Volume(phantoms.sphere(PET, (0, 0, 0), 20), PET), image)

    assert found is not None
    assert math.isclose(4 / 3 * math.pi * PEAK_RADIUS_MM**3, 1000, rel_tol=1e-6)
    assert found.peak == pytest.approx(image.array.sum() / inside, rel=1e-5)


def _offsets() -> list[np.ndarray]:
    steps = [np.arange(-3, 4) * spacing for spacing in PET.spacing_mm]
    return list(np.meshgrid(*steps, indexing="ij"))


def test_metabolic_volume_keeps_voxels_from_41_percent_of_the_maximum() -> None:
    core = phantoms.sphere(PET, (0, 0, 0), 20)
    image = hot_ball(suv=4.0, background=1.0)
    image.array[core] = 10.0  # 41% of 10 is 4.1: the shell of 4.0 is left out

    found = measure_uptake(Volume(phantoms.sphere(PET, (0, 0, 0), 40), PET), image)

    assert found is not None
    assert found.mtv_ml == pytest.approx(core.sum() * PET.voxel_ml)


def test_hottest_voxel_is_given_in_the_world() -> None:
    image = hot_ball()
    index = (21, 14, 17)
    image.array[index] = 20.0

    found = measure_uptake(Volume(phantoms.sphere(CT, (0, 0, 0), 36), CT), image)

    assert found is not None
    assert found.max == 20.0
    assert found.hottest_lps == pytest.approx(tuple(PET.to_lps(np.array(index))))


def test_mask_smaller_than_a_pet_voxel_reads_the_voxel_it_lies_in() -> None:
    found = measure_uptake(Volume(phantoms.sphere(CT, (10, 0, 0), 3), CT), hot_ball())

    assert found is not None
    assert found.max == 8.0


def test_mask_outside_of_the_pet_has_no_uptake() -> None:
    far = phantoms.make_grid((20, 20, 20), center_lps=(0, 0, 900))

    assert measure_uptake(Volume(phantoms.sphere(far, (0, 0, 900), 10), far), hot_ball()) is None


@pytest.mark.parametrize("spacing", [(1.5, 1.0, 1.0), (7.0, 1.0, 1.0), (3.3, 4.1, 4.1)])
def test_coverage_keeps_the_masks_volume(spacing: tuple[float, float, float]) -> None:
    grid = phantoms.make_grid((60, 60, 60), spacing)
    mask = phantoms.sphere(grid, (0.5, 0, 0), 30)

    covered = coverage(Volume(mask, grid), PET)

    assert covered.sum() * PET.voxel_ml == pytest.approx(mask.sum() * grid.voxel_ml, rel=0.02)


@pytest.mark.parametrize(("order", "flips"), [((0, 1, 2), (0, 1)), ((2, 0, 1), (1,))])
def test_orientation_of_mask_and_pet_changes_nothing(order: tuple[int, ...], flips: tuple[int, ...]) -> None:
    image = hot_ball()
    image.array[:] += np.random.default_rng(3).random(PET.shape, np.float32)
    mask = Volume(phantoms.ellipsoid(CT, (3, 2, 1), (30, 40, 25)), CT)
    expected = measure_uptake(mask, image)

    found = measure_uptake(phantoms.reoriented(mask, order, flips), phantoms.reoriented(image, order, flips))

    assert expected is not None
    assert found is not None
    assert (found.max, found.mean, found.peak, found.mtv_ml) == pytest.approx(
        (expected.max, expected.mean, expected.peak, expected.mtv_ml)
    )


@pytest.mark.parametrize(("patient", "mean", "maximum"), [("STS_002", 7.37, 21.68), ("STS_008", 3.08, 6.50)])
def test_real_lesions_have_the_published_suv(shared_data: Path, patient: str, mean: float, maximum: float) -> None:
    """Values of the data set's own description; its PET is stored as SUV."""
    folder = shared_data / "pet_suv" / f"{patient}_pet_ct" / "pet"
    image, mask = read_pet(folder), read_volume(folder / "gtv_mask.nii.gz")

    found = measure_uptake(Volume(mask.array > 0, mask.geometry), image)

    assert found is not None
    assert found.mean == pytest.approx(mean, abs=0.006)
    assert found.max == pytest.approx(maximum, abs=0.006)
    assert found.mean < found.peak < found.max


@pytest.mark.parametrize(("patient", "mean", "maximum"), [("STS_002", 7.37, 21.68), ("STS_008", 3.08, 6.50)])
def test_contour_on_the_ct_reads_nearly_the_same_uptake(
    shared_data: Path, patient: str, mean: float, maximum: float
) -> None:
    folder = shared_data / "pet_suv" / f"{patient}_pet_ct"
    mask = read_volume(folder / "ct" / "gtv_mask.nii.gz")

    found = measure_uptake(Volume(mask.array > 0, mask.geometry), read_pet(folder / "pet"))

    assert found is not None
    assert found.mean == pytest.approx(mean, rel=0.05)
    assert found.max == pytest.approx(maximum, rel=0.05)


def read_pet(folder: Path) -> Volume:
    """The PET slices in order of their position, by SimpleITK."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder / "dicom")))
    return from_sitk(reader.Execute())


def test_peak_on_the_ibsi_lung_ct_is_the_reference_value(shared_data: Path) -> None:
    """IBSI 1 reference manual, global intensity peak 0F91, configuration A: 189 +- 5 HU."""
    folder = shared_data / "ibsi_lung_ct" / "nifti"
    ct, mask = read_volume(folder / "image.nii.gz"), read_volume(folder / "mask.nii.gz")
    resegmented = (mask.array > 0) & (ct.array >= -500) & (ct.array <= 400)

    found = measure_uptake(Volume(resegmented, ct.geometry), ct)

    assert found is not None
    assert found.peak == pytest.approx(189, abs=5)
