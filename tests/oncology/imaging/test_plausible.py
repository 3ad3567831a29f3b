"""What a network calls an organ is refused where it cannot be it: density, volume and side, in HU, mL and place."""

from __future__ import annotations

import numpy as np
import pytest

from oncology.imaging.plausible import implausible
from oncology.imaging.volume import Geometry

GRID = Geometry((40, 60, 80), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0))  # 160 x 240 x 320 mm
NAMES = ("liver", "kidney_left", "kidney_right", "pancreas_head", "pancreas_tail", "spine", "colon")
WHOLES = {"pancreas": ("pancreas_head", "pancreas_tail")}


class Scan:
    """Boxes of organs (first voxel, size in voxels, HU) in fat."""

    def __init__(self) -> None:
        self.labels = np.zeros(GRID.shape, np.uint8)
        self.hu = np.full(GRID.shape, -100, np.int16)

    def put(self, name: str, at: tuple[int, int, int], size: tuple[int, int, int], hu: int) -> Scan:
        box = tuple(slice(first, first + count) for first, count in zip(at, size, strict=True))
        self.labels[box], self.hu[box] = NAMES.index(name) + 1, hu
        return self

    def refused(self, *, volumes: bool = True) -> dict[str, str]:
        return implausible(self.labels, NAMES, self.hu, GRID, WHOLES, volumes)


def abdomen() -> Scan:
    scan = Scan().put("liver", (4, 10, 4), (26, 26, 24), 60).put("spine", (0, 44, 36), (40, 8, 8), 180)
    return scan.put("kidney_right", (6, 40, 16), (14, 9, 9), 35).put("kidney_left", (6, 40, 56), (14, 9, 9), 200)


def test_organs_without_and_with_contrast_medium_pass() -> None:
    assert abdomen().refused() == {}


@pytest.mark.parametrize("hu", [-90, 408])
def test_a_kidney_of_fat_or_bone_is_refused_with_what_was_found(hu: int) -> None:
    found = abdomen().put("kidney_left", (6, 40, 56), (14, 9, 9), hu).refused()
    assert list(found) == ["kidney_left"]
    assert f"{hu} HU" in found["kidney_left"]


def test_gas_in_the_bowel_is_no_fault() -> None:
    assert abdomen().put("colon", (6, 10, 40), (10, 10, 10), -800).refused() == {}


def test_an_organ_that_is_far_too_small_is_refused_with_all_its_parts() -> None:
    small = (
        abdomen().put("pancreas_head", (12, 30, 34), (4, 4, 4), 60).put("pancreas_tail", (12, 30, 40), (3, 3, 3), 60)
    )
    assert set(small.refused()) == {"pancreas_head", "pancreas_tail"}
    assert "5.8 mL, expected at least 15" in small.refused()["pancreas_head"]
    whole = (
        abdomen().put("pancreas_head", (12, 30, 34), (6, 6, 7), 60).put("pancreas_tail", (12, 30, 42), (5, 5, 8), 60)
    )
    assert whole.refused() == {}


def test_what_the_scan_cuts_and_a_box_around_a_part_may_be_small() -> None:
    cut = abdomen().put("pancreas_head", (0, 30, 34), (4, 4, 4), 60)
    assert cut.refused() == {}
    inside = abdomen().put("pancreas_head", (12, 30, 34), (4, 4, 4), 60)
    assert inside.refused(volumes=False) == {}


def test_both_of_a_pair_on_the_wrong_sides_are_refused() -> None:
    swapped = Scan().put("kidney_left", (6, 40, 16), (14, 9, 9), 35).put("kidney_right", (6, 40, 56), (14, 9, 9), 35)
    assert set(swapped.refused()) == {"kidney_left", "kidney_right"}
    assert Scan().put("kidney_left", (6, 40, 16), (14, 9, 9), 35).refused() == {}  # one alone proves nothing
