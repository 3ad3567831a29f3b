"""Findings from masks: phantoms, every orientation, real contours, and speed."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import phantoms
from oncology.errors import ContourError
from oncology.findings import Contact, Laterality, Source, SourceKind, Tumor, to_json
from oncology.imaging.measure import measure_node, measure_tumor, split_components, volume_ml
from oncology.imaging.volume import Geometry, Volume, read_volume, to_sitk

GRID = phantoms.make_grid((90, 90, 110), (2.0, 1.0, 1.0), center_lps=(15, -20, 300))
DRAWN = Source(SourceKind.CONTOUR, "GTV-1")
TUMOR = phantoms.ellipsoid(GRID, (35, -20, 300), (42, 30, 34))


def scene(mask: np.ndarray = TUMOR) -> tuple[np.ndarray, Volume, Volume, dict[str, np.ndarray]]:
    """A tumor in the left upper lobe that leans on the aorta, with a PET on its own grid."""
    pet = phantoms.make_grid((120, 120, 140), (3.3, 4.1, 4.1), center_lps=(15, -20, 300))
    hot = np.where(phantoms.ellipsoid(pet, (35, -20, 300), (42, 30, 34)), 9.0, 1.0).astype(np.float32)
    structures = {
        "spine": phantoms.cylinder(GRID, (0, 10, 300), (0, 0, 1), 20),
        "aorta": phantoms.cylinder(GRID, (4, -20, 300), (0, 0, 1), 22) & ~TUMOR,
        "lung_upper_lobe_left": phantoms.box(GRID, (14, -60, 290), (68, 20, 345)),
        "lung_lower_lobe_left": phantoms.box(GRID, (14, -60, 255), (68, 20, 290)),
    }
    ct = Volume(np.where(TUMOR, 40, -850).astype(np.int16), GRID)
    return mask, ct, Volume(hot, pet), structures


def measured() -> Tumor:
    mask, ct, suv, structures = scene()
    return measure_tumor(mask, ct, suv, structures, {"carina": (0.0, -20.0, 300.0)}, id="tumor-7", source=DRAWN)


def test_every_field_of_a_tumor_is_measured() -> None:
    tumor = measured()

    assert (tumor.id, tumor.source, tumor.touches_border) == ("tumor-7", DRAWN, False)
    assert tumor.volume_ml == pytest.approx(math.pi / 6 * 4.2 * 3.0 * 3.4, rel=0.02)
    assert tumor.greatest_dimension_mm == pytest.approx(42, abs=1.2)
    assert tumor.axial_diameter_mm == pytest.approx(42, abs=1)
    assert tumor.short_axis_mm == pytest.approx(30, abs=1)
    assert tumor.centroid_lps == pytest.approx((35, -20, 300), abs=0.3)
    assert tumor.laterality is Laterality.LEFT
    assert tumor.location == "lung_upper_lobe_left"
    assert tumor.suv_max == 9.0
    assert tumor.distance_to_carina_mm == pytest.approx(14, abs=1)
    assert tumor.solid_component_mm == tumor.greatest_dimension_mm
    assert {contact.structure for contact in tumor.contacts} >= {"aorta", "lung_upper_lobe_left"}


@pytest.mark.parametrize(
    ("order", "flips"),
    [((0, 1, 2), (0,)), ((0, 1, 2), (1, 2)), ((2, 1, 0), ()), ((1, 0, 2), (0, 2)), ((2, 0, 1), (0, 1, 2))],
)
def test_storing_the_scan_with_other_axes_changes_nothing(order: tuple[int, ...], flips: tuple[int, ...]) -> None:
    mask, ct, suv, structures = scene()
    stored = phantoms.reoriented(ct, order, flips)
    turned = {name: phantoms.reoriented(Volume(each, GRID), order, flips).array for name, each in structures.items()}
    turned_mask = phantoms.reoriented(Volume(mask, GRID), order, flips).array

    found = measure_tumor(turned_mask, stored, suv, turned, {"carina": (0.0, -20.0, 300.0)}, id="tumor-7", source=DRAWN)

    assert flat(found) == pytest.approx(flat(measured()), rel=1e-4)
    assert words(found) == words(measured())


def test_moving_the_origin_moves_the_centroid_and_nothing_else() -> None:
    mask, ct, suv, structures = scene()
    moved = [
        Volume(each.array, replace(each.geometry, origin_lps=tuple(value + 500 for value in each.geometry.origin_lps)))
        for each in (ct, suv)
    ]

    found = measure_tumor(
        mask, moved[0], moved[1], structures, {"carina": (500.0, 480.0, 800.0)}, id="tumor-7", source=DRAWN
    )

    expected = measured()
    assert found.centroid_lps == pytest.approx([value + 500 for value in expected.centroid_lps])
    same = replace(found, centroid_lps=expected.centroid_lps)
    assert flat(same) == pytest.approx(flat(expected), rel=1e-4)


def flat(tumor: Tumor) -> list[float]:
    """All numbers of a tumor in order."""
    numbers: list[float] = []

    def collect(value: object) -> None:
        if isinstance(value, dict):
            for item in value.values():
                collect(item)
        elif isinstance(value, list):
            for item in value:
                collect(item)
        elif isinstance(value, int | float):
            numbers.append(float(value))

    collect(to_json(tumor))
    return numbers


def words(tumor: Tumor) -> tuple[object, ...]:
    structures = tuple(contact.structure for contact in tumor.contacts)
    return tumor.laterality, tumor.location, tuple(tumor.location_alternatives), structures


def test_volume_equals_simpleitks() -> None:
    judge = sitk.LabelShapeStatisticsImageFilter()
    judge.Execute(to_sitk(Volume(TUMOR, GRID)))

    assert volume_ml(TUMOR, GRID) == pytest.approx(judge.GetPhysicalSize(1) / 1000)


def test_tumor_in_two_parts_is_measured_by_the_larger_and_names_both() -> None:
    mask, ct, _, _ = scene()
    far = phantoms.sphere(GRID, (-20, -20, 300), 12)

    tumor = measure_tumor(mask | far, ct)

    assert tumor.greatest_dimension_mm == pytest.approx(42, abs=1.2)
    assert tumor.volume_ml == pytest.approx(sum(tumor.parts_ml))
    assert tumor.parts_ml[1] == pytest.approx(math.pi / 6 * 1.2**3, rel=0.1)


def test_probabilities_of_lobes_given_from_elsewhere_are_used_without_lobe_masks() -> None:
    mask, ct, _, _ = scene()
    given = {"lung_upper_lobe_left": 0.3, "lung_lower_lobe_left": 0.7}

    tumor = measure_tumor(mask, ct, locations=given)

    assert tumor.location == "lung_lower_lobe_left"
    assert tumor.location_alternatives == given


def test_what_was_not_given_stays_unknown() -> None:
    mask, ct, _, _ = scene()

    tumor = measure_tumor(mask, ct)

    assert (tumor.laterality, tumor.location, tumor.suv_max, tumor.distance_to_carina_mm) == (None, None, None, None)
    assert tumor.contacts == ()


def test_pet_that_does_not_reach_the_tumor_gives_no_uptake() -> None:
    mask, ct, _, _ = scene()
    elsewhere = phantoms.make_grid((40, 40, 40), (4.0, 4.0, 4.0), center_lps=(15, -20, 900))

    tumor = measure_tumor(mask, ct, Volume(np.full(elsewhere.shape, 5.0, np.float32), elsewhere))

    assert tumor.suv_max is None


def test_node_has_the_recist_short_axis_and_the_longest_of_three_planes() -> None:
    grid = phantoms.make_grid((60, 40, 40))
    node = phantoms.ellipsoid(grid, (0.3, 0.2, 0.1), (16, 9, 30))

    found = measure_node(node, Volume(np.zeros(grid.shape, np.int16), grid), station="4R")

    assert found.short_axis_mm == pytest.approx(9, abs=0.8)
    assert found.long_axis_mm == pytest.approx(30, abs=0.9)
    assert found.station == "4R"


def test_nodes_drawn_in_one_contour_are_told_apart() -> None:
    first, second = phantoms.sphere(GRID, (0, 0, 300), 14), phantoms.sphere(GRID, (30, 0, 300), 9)
    speck = phantoms.sphere(GRID, (-25, 0, 300), 2)

    parts = list(split_components(first | second | speck, GRID, least_ml=0.1))

    assert len(parts) == 2
    assert np.array_equal(parts[0], first)
    assert np.array_equal(parts[1], second)


@pytest.mark.parametrize("mask", [np.zeros(GRID.shape, bool), np.ones((4, 4, 4), bool)])
def test_empty_or_misplaced_mask_is_a_contour_error(mask: np.ndarray) -> None:
    ct = Volume(np.zeros(GRID.shape, np.int16), GRID)

    for measure in (measure_tumor, measure_node):
        with pytest.raises(ContourError):
            measure(mask, ct)


def test_larger_tumor_never_measures_smaller() -> None:
    grid = phantoms.make_grid((70, 70, 70), (2.0, 0.9, 0.9))
    ct = Volume(np.zeros(grid.shape, np.int16), grid)
    sizes = [measure_tumor(phantoms.sphere(grid, (0.3, 0.2, 0.1), size), ct) for size in range(10, 50, 2)]

    for field in ("volume_ml", "greatest_dimension_mm", "axial_diameter_mm", "diameter_3d_mm"):
        values = [getattr(tumor, field) for tumor in sizes]
        assert values == sorted(values)


def read_ibsi(shared_data: Path) -> tuple[np.ndarray, Volume]:
    folder = shared_data / "ibsi_lung_ct" / "nifti"
    return read_volume(folder / "mask.nii.gz").array > 0, read_volume(folder / "image.nii.gz")


def test_ibsi_lung_tumor_has_the_reference_volume_and_diameter(shared_data: Path) -> None:
    """IBSI 1 reference manual, configuration A: YEKZ 3.59e5 +- 5e3 mm3, L0JK 125 +- 1 mm (from a mesh)."""
    mask, ct = read_ibsi(shared_data)

    tumor = measure_tumor(mask, ct)

    assert mask.sum() == 125256
    assert tumor.volume_ml == pytest.approx(359, abs=5)
    assert tumor.diameter_3d_mm == pytest.approx(125, abs=1)
    assert 70 < tumor.greatest_dimension_mm <= tumor.diameter_3d_mm


def test_ibsi_tumor_is_measured_alike_from_a_flipped_copy(shared_data: Path) -> None:
    mask, ct = read_ibsi(shared_data)
    stored = phantoms.reoriented(ct, (1, 2, 0), (0, 2))

    found = measure_tumor(phantoms.reoriented(Volume(mask, ct.geometry), (1, 2, 0), (0, 2)).array, stored)

    assert flat(found) == pytest.approx(flat(measure_tumor(mask, ct)), rel=1e-4)


@pytest.mark.parametrize("target", [70, 50, 40, 30])
def test_shrunken_contour_measures_what_it_was_shrunk_to(shared_data: Path, target: float) -> None:
    mask, ct = read_ibsi(shared_data)

    small = phantoms.shrink_to_diameter(Volume(mask, ct.geometry), target)

    assert target - 2.5 < measure_tumor(small.array, ct).greatest_dimension_mm <= target


@pytest.mark.slow
def test_large_tumor_in_a_large_scan_takes_seconds() -> None:
    grid = Geometry((300, 512, 512), (1.0, 0.75, 0.75), (-192.0, -192.0, -150.0))
    z, y, x = np.ogrid[-150:150, -192:192:0.75, -192:192:0.75]
    tumor = (x - 60) ** 2 + y**2 + z**2 <= 45.7**2
    tubes = {"aorta": (5, 30, 28), "esophagus": (0, 20, 16), "trachea": (0, 0, 30), "superior_vena_cava": (12, -10, 18)}
    masks = {name: (x - a) ** 2 + (y - b) ** 2 + 0 * z <= d * d / 4 for name, (a, b, d) in tubes.items()}
    lung = (x - 80) ** 2 / 70**2 + y**2 / 100**2 + z**2 / 130**2 <= 1
    masks |= {"lung_left": lung, "lung_upper_lobe_left": lung & (z > 0), "lung_lower_lobe_left": lung & (z <= 0)}
    masks |= {
        "heart": (x - 10) ** 2 + (y + 20) ** 2 + (z + 60) ** 2 <= 2500,
        "spine": x**2 + (y - 80) ** 2 + 0 * z < 300,
    }
    masks["body"] = np.broadcast_to((x / 180) ** 2 + (y / 130) ** 2 <= 1, grid.shape)
    ct = Volume(np.where(tumor, 40, -850).astype(np.int16), grid)
    started = time.process_time()

    found = measure_tumor(tumor, ct, structures=masks, landmarks={"carina": (0.0, 0.0, 10.0)})

    assert found.volume_ml == pytest.approx(400, rel=0.01)
    assert isinstance(found.contacts[0], Contact)
    assert time.process_time() - started < 6  # about 2.5 on an idle machine
