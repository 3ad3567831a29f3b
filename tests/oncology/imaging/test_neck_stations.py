"""Neck levels by rules: on synthetic necks, whose nodes are placed by the definitions."""

import numpy as np
import pytest

import neck_phantom
from models.synthetic.neck_places import NODE_PLACES, all_node_places, neck_landmarks
from oncology.findings import Laterality
from oncology.imaging.stations.neck import LEVELS, find_neck_stations


@pytest.fixture(scope="module")
def neck():
    build = neck_phantom.BUILDS[0]
    canvas, masks = neck_phantom.neck(build)
    return canvas, masks, neck_landmarks(build)


def node_at(canvas, point):
    return canvas.ellipsoid(point, (4.0, 4.0, 5.0))


def first(probabilities):
    return next(iter(probabilities), None)


@pytest.mark.slow
@pytest.mark.parametrize("build", neck_phantom.BUILDS, ids=lambda build: f"seed{build.seed}")
def test_nodes_get_the_level_in_which_they_were_placed(build):
    canvas, masks = neck_phantom.neck(build)
    finder = find_neck_stations(masks, neck_landmarks(build), canvas.geometry)
    right = {True: [], False: []}  # near a border or not
    for place in all_node_places(build):
        mask = node_at(canvas, place.center)
        found = first(finder.probabilities(mask)) == place.level
        right[place.neighbor is not None].append(found)
        if place.level not in ("IA", "VI", "VII"):
            assert finder.laterality(mask) == Laterality(place.side)
    assert np.mean(right[False]) == 1.0
    assert np.mean(right[True]) >= 0.95


def test_every_level_of_the_vocabulary_has_places():
    assert set(NODE_PLACES) == set(LEVELS)


def test_a_node_at_the_hyoids_border_is_shared_by_ii_and_iii(neck):
    canvas, masks, marks = neck
    finder = find_neck_stations(masks, marks, canvas.geometry)
    shares = finder.probabilities_at((40.0, 27.0, marks["hyoid_bottom"][2]))
    assert shares["II"] == pytest.approx(0.5, abs=0.01)
    assert shares["III"] == pytest.approx(0.5, abs=0.01)
    one_sigma = finder.probabilities_at((40.0, 27.0, marks["hyoid_bottom"][2] + 3.0))
    assert one_sigma["II"] == pytest.approx(0.841, abs=0.01)  # normal distribution, one deviation


def test_probabilities_add_up_to_one(neck):
    canvas, masks, marks = neck
    finder = find_neck_stations(masks, marks, canvas.geometry)
    for place in all_node_places(neck_phantom.BUILDS[0]):
        assert sum(finder.probabilities(node_at(canvas, place.center)).values()) == pytest.approx(1.0, abs=0.05)


def test_borders_come_from_organs_when_no_landmark_is_given(neck):
    canvas, masks, marks = neck
    finder = find_neck_stations(masks, {"sternal_notch": marks["sternal_notch"]}, canvas.geometry)
    assert finder.borders.hyoid_z == pytest.approx(marks["hyoid_bottom"][2], abs=1.5)
    assert finder.borders.cricoid_z == pytest.approx(marks["cricoid_bottom"][2], abs=1.5)


@pytest.mark.parametrize(
    ("organ", "lost", "kept"),
    [
        ("sternocleidomastoid_left", "II", "VI"),
        ("internal_carotid_artery_left", "II", "IV"),
        ("digastric_left", "IB", "III"),
    ],
)
def test_a_missing_organ_is_named_and_only_its_levels_are_refused(neck, organ, lost, kept):
    canvas, masks, marks = neck
    finder = find_neck_stations({n: m for n, m in masks.items() if n != organ}, marks, canvas.geometry)
    build = neck_phantom.BUILDS[0]
    places = [place for place in all_node_places(build) if place.side == "left" and place.neighbor is None]
    center = {place.level: place.center for place in reversed(places)}
    assert organ in finder.lacking
    assert finder.probabilities_at(center[lost]) == {}
    assert first(finder.probabilities_at(center[kept])) == kept


def test_a_skull_base_out_of_sight_costs_the_levels_near_it_alone(neck):
    canvas, masks, marks = neck
    kept = {name: mask for name, mask in masks.items() if name not in ("skull_base", "clivus")}
    finder = find_neck_stations(kept, {n: p for n, p in marks.items() if n != "skull_base"}, canvas.geometry)
    places = [place for place in all_node_places(neck_phantom.BUILDS[0]) if place.neighbor is None]
    hyoid = marks["hyoid_bottom"][2]
    assert "skull_base" in finder.lacking
    assert all(
        first(finder.probabilities_at(place.center)) == place.level for place in places if place.center[2] < hyoid
    )
    assert finder.probabilities_at((20.0, 10.0, hyoid + 60.0)) == {}


def test_a_removed_gland_is_replaced_by_the_other_side(neck):
    canvas, masks, marks = neck
    kept = {name: mask for name, mask in masks.items() if name != "submandibular_gland_left"}
    finder = find_neck_stations(kept, marks, canvas.geometry)
    assert first(finder.probabilities_at((40.0, 32.0, 386.0))) == "II"


def test_nothing_known_means_no_answer(neck):
    canvas, _, _ = neck
    finder = find_neck_stations({}, {}, canvas.geometry)
    assert finder.probabilities(node_at(canvas, (40.0, 30.0, 345.0))) == {}
    assert "hyoid_bottom" in finder.lacking


@pytest.mark.parametrize("point", [(40.0, 30.0, 466.0), (10.0, 95.0, 340.0), (20.0, 0.0, 233.0 - 20.0)])
def test_places_outside_the_levels_have_none(neck, point):
    canvas, masks, marks = neck
    assert find_neck_stations(masks, marks, canvas.geometry).probabilities_at(point) == {}


def test_an_empty_mask_has_no_level(neck):
    canvas, masks, marks = neck
    finder = find_neck_stations(masks, marks, canvas.geometry)
    assert finder.probabilities(canvas.empty()) == {}
    assert finder.laterality(canvas.empty()) is None


def test_the_map_agrees_with_the_probabilities(neck):
    canvas, masks, marks = neck
    finder = find_neck_stations(masks, marks, canvas.geometry)
    drawn = finder.map(["II", "III_left"])
    assert set(drawn) == {"II_left", "II_right", "III_left"}
    points = canvas.geometry.to_lps(np.argwhere(drawn["II_left"]))[::200]
    same = [first(finder.probabilities_at(tuple(point))) == "II" for point in points]
    assert np.mean(same) >= 0.9  # where three levels meet, shared answers and hard borders differ
