"""Tumor figures by size and side: each drawn tumor counts in its own strata, found or not."""

from __future__ import annotations

import numpy as np

from models.training import strata
from models.training.store import StoredPatient
from oncology.imaging.proposals import Proposal

SHAPE = (50, 20, 40)
LEFT, RIGHT = np.s_[5:45, 8:12, 30:34], np.s_[5:9, 8:12, 5:9]  # 80 mm high on the left, 8 mm on the right


def drawn_patient(place: tuple[slice, ...], cancer: str = "lung") -> StoredPatient:
    lesions, anatomy = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    lesions[place], anatomy[:, 15:18, 19:21] = 1, 1
    tumor = {"kind": "tumor", "voxels": int(lesions.sum()), "short_axis_mm": 8.0}
    about = {
        "spacing_mm": 2.0,
        "origin_lps": (0.0, 0.0, 0.0),
        "lesions": [tumor],
        "cancer": cancer,
        "seed": 5001,
        "index": 0,
    }
    about["labels"] = ["spinal_canal"]
    half = np.zeros((1, 25, 10, 20), np.float16)
    return StoredPatient(np.zeros((1, *SHAPE), np.int16), half, anatomy, {}, lesions, anatomy > 1, about)


def test_a_tumor_has_a_size_and_in_the_lung_a_side() -> None:
    assert list(strata.strata(drawn_patient(LEFT), 1)) == ["large", "left"]
    assert list(strata.strata(drawn_patient(RIGHT), 1)) == ["small", "right"]
    assert list(strata.strata(drawn_patient(np.s_[5:20, 8:12, 5:9], "esophagus"), 1)) == ["middle"]


def test_a_missed_tumor_lowers_the_figure_of_its_strata_alone() -> None:
    seen = drawn_patient(RIGHT)
    looks = [(patient, "ct", [Proposal("tumor", seen.lesions > 0, 0.99)]) for patient in (seen, drawn_patient(LEFT))]
    values = {figure.name: figure.value for figure in strata.tumor_figures(looks, "drawn")}
    assert values["ct_tumor_dice_small"] == values["ct_tumor_dice_right"] == 1.0
    assert values["ct_tumor_dice_large"] == values["ct_tumor_found_left"] == 0.0
