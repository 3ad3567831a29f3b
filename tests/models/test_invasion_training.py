"""Rows for the invasion model: which patients may be seen, and what a drawn tumor gives."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.synthetic.patient import draw_plan
from models.training.invasion_rows import DrawnTumor, drawn_rows, patients, read_rows, wavered
from models.training.splits import Split, split_of
from oncology.errors import InputError
from oncology.imaging.volume import Geometry, Volume

GRID = Geometry((40, 60, 60), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0))


def ball(center: tuple[float, float, float], radius_mm: float) -> np.ndarray:
    places = np.moveaxis(np.indices(GRID.shape), 0, -1) * 2.0
    return np.asarray(np.linalg.norm(places - np.array(center) * 2.0, axis=-1) <= radius_mm)


def test_patients_that_figures_are_reported_on_are_never_trained_on() -> None:
    assert {split_of(seed) for seed in (5000, 9999)} == {Split.HELD_OUT}
    assert {split_of(seed) for seed in (1, 999)} == {Split.TRAINING}


def test_only_tumors_that_grow_into_what_is_asked_for_are_drawn() -> None:
    found = list(patients("esophagus", 7, 2, ["trachea", "aorta"]))
    assert len(found) == 2
    grown = {name for place in found for name in draw_plan("esophagus", *place).tumor.invaded}
    assert grown <= {"trachea", "aorta"}
    assert list(patients("esophagus", 7, 2)) == [(7, 0), (7, 1)]


def test_rows_of_held_out_patients_are_refused_for_fitting(tmp_path: Path) -> None:
    row = {
        "patient": "lung-5000-3",
        "invaded": True,
        "contact": {"structure": "aorta", "contact_mm2": 9, "depth_mm": 0},
    }
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row | {"volume_ml": 1.0, "greatest_dimension_mm": 12.0}) + "\n")
    with pytest.raises(InputError, match="lung-5000-3; expected patients whose seed is for training"):
        read_rows(path, Split.TRAINING)


def test_every_contact_of_a_drawn_tumor_is_told_invaded_or_not() -> None:
    tumor = ball((20, 30, 20), 16.0)
    aorta, spine = np.zeros(GRID.shape, bool), np.zeros(GRID.shape, bool)
    aorta[:, 25:35, 26:34] = True  # the tumor reaches into it
    spine[:, 39:50, 10:30] = True  # and touches this
    ct = Volume(np.full(GRID.shape, 40, np.int16), GRID)
    masks = {"aorta": aorta, "spine": spine, "fat": ~tumor}
    drawn = DrawnTumor("p", "esophagus", tumor, {"aorta"}, {"aorta", "spine"}, ct, masks, {})
    rows = list(drawn_rows(drawn, np.random.default_rng(1)))
    assert {(row.contact.structure, row.invaded) for row in rows} == {("aorta", True), ("spine", False)}
    depths = [row.contact.depth_mm for row in rows if row.invaded]
    assert min(depths) == 0.0
    assert max(depths) > 2.0


def test_invasion_that_shows_no_contact_is_kept_as_a_miss() -> None:
    tumor, far = ball((20, 30, 14), 8.0), ball((20, 30, 46), 8.0)
    ct = Volume(np.full(GRID.shape, 40, np.int16), GRID)
    drawn = DrawnTumor("p", "esophagus", tumor, {"aorta"}, {"aorta"}, ct, {"aorta": far}, {})
    rows = list(drawn_rows(drawn, np.random.default_rng(1)))
    assert {(row.contact.contact_mm2, row.invaded) for row in rows} == {(0.0, True)}
    assert len({row.view for row in rows}) == 4


def test_a_wavering_border_keeps_the_size_and_moves_the_edge() -> None:
    mask = ball((20, 30, 30), 20.0)
    moved = wavered(mask, GRID, np.random.default_rng(2))
    assert moved.sum() == pytest.approx(mask.sum(), rel=0.1)
    assert 0.01 < (moved ^ mask).sum() / mask.sum() < 0.4
