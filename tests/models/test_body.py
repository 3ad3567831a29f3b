"""A drawn body holds what a scan of its field shows, differs from patient to patient, and is quick to draw."""

from __future__ import annotations

import time

import numpy as np
import pytest

from models.synthetic.body import draw_body
from models.synthetic.frame import FIELDS, Build, Masks, make_canvas

MALE = Build(7, 1.0, 16.0, "male")
VERTEBRAE = {"thorax": "T7", "abdomen": "L2", "neck": "C5", "chest_and_upper_abdomen": "L1"}


@pytest.fixture(scope="module", params=list(VERTEBRAE))
def drawn(request: pytest.FixtureRequest) -> tuple[str, Masks]:
    field = str(request.param)
    return field, draw_body(make_canvas(4.0, MALE, field), MALE)


def test_every_field_shows_its_vertebrae_cord_and_body(drawn: tuple[str, Masks]) -> None:
    field, masks = drawn
    assert {f"vertebrae_{VERTEBRAE[field]}", "body", "spinal_canal", "esophagus"} <= set(masks)


def test_no_mask_is_empty_or_of_another_shape(drawn: tuple[str, Masks]) -> None:
    shape = make_canvas(4.0, MALE, drawn[0]).shape
    for name, mask in drawn[1].items():
        assert mask.shape == shape, name
        assert mask.dtype == bool, name
        assert mask.any(), name


def test_organs_and_bones_lie_inside_the_skin(drawn: tuple[str, Masks]) -> None:
    outside = ~drawn[1]["body"]
    for name, mask in drawn[1].items():
        assert np.count_nonzero(mask & outside) <= 0.02 * np.count_nonzero(mask), name


def test_the_whole_body_has_the_structures_that_staging_asks_for() -> None:
    masks = draw_body(make_canvas(5.0, MALE, "neck_to_pelvis"), MALE)
    assert len(masks) >= 80
    assert {"liver", "pancreas", "heart", "hyoid", "thyroid_cartilage", "portal_vein", "rib_left_5"} <= set(masks)


def test_equal_builds_give_equal_bodies_and_others_do_not() -> None:
    first, again, other = (
        draw_body(make_canvas(5.0, build), build) for build in (MALE, MALE, Build(8, 1.0, 16.0, "male"))
    )
    assert all(np.array_equal(first[name], again[name]) for name in first)
    for name in ("aorta", "heart", "trachea", "lung_upper_lobe_left"):
        overlap = 2 * np.count_nonzero(first[name] & other[name])
        assert overlap < 0.97 * (np.count_nonzero(first[name]) + np.count_nonzero(other[name])), name


def test_more_fat_grows_the_skin_and_not_the_chest() -> None:
    canvas = make_canvas(5.0, MALE)
    thin, fat = (draw_body(canvas, Build(7, 1.0, mm, "male")) for mm in (10.0, 30.0))
    assert np.count_nonzero(fat["body"]) > 1.15 * np.count_nonzero(thin["body"])
    assert np.array_equal(fat["ribs"] & fat["muscle"], thin["ribs"] & thin["muscle"])


@pytest.mark.slow
@pytest.mark.parametrize("field", [field for field in FIELDS if field != "neck_to_pelvis"])
def test_a_field_is_drawn(field: str) -> None:
    canvas = make_canvas(2.0, MALE, field)
    start = time.process_time()
    masks = draw_body(canvas, MALE)
    print(f"{field} at 2 mm: {time.process_time() - start:.2f} s of one core, {len(masks)} structures")  # noqa: T201
    assert len(masks) >= 80
