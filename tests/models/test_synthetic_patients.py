"""A synthetic patient is what was planned: sizes, places, invasion, uptake, and the same for equal seeds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

import jsonschema
import numpy as np
import pytest
from scipy import ndimage

from models.synthetic.draw import COHORTS
from models.synthetic.lesion import Lesion
from models.synthetic.patient import (
    DEMOS,
    SyntheticPatient,
    draw_plan,
    make_patient,
    scan_on_model_grid,
    truth,
)
from models.synthetic.shifts import SHIFTS
from oncology.errors import ScopeError
from oncology.imaging.diameter import greatest_dimension_mm
from oncology.imaging.stations.finder import station_finder
from oncology.imaging.volume import Volume

COHORT = 813  # a seed of this test alone
EACH = 4


@cache
def demo(cancer: str) -> SyntheticPatient:
    return make_patient(DEMOS[cancer], images=False)


@pytest.fixture(scope="module", params=COHORTS)
def cohort(request: pytest.FixtureRequest) -> list[SyntheticPatient]:
    """Patients of one cancer, for all tests of theirs in a row: gigabytes, of one cancer at a time."""
    return [make_patient(draw_plan(request.param, COHORT, index), images=False) for index in range(EACH)]


@pytest.fixture(scope="module", autouse=True)
def forgotten_afterwards() -> Iterator[None]:
    """Patients are gigabytes: they go when this module is done."""
    yield
    demo.cache_clear()


def nodes(patient: SyntheticPatient) -> list[Lesion]:
    return [lesion for lesion in patient.lesions if lesion.kind == "node"]


def depth_mm(patient: SyntheticPatient, name: str) -> tuple[float, float]:
    """How deep the tumor reaches below a structure's surface, and how deep it could there."""
    inside = ndimage.distance_transform_edt(patient.masks[name], sampling=patient.canvas.geometry.spacing_mm)
    entered = patient.masks[name] & patient.lesions[0].mask
    return (float(inside[entered].max()) if entered.any() else 0.0), float(inside.max())


@pytest.mark.parametrize("cancer", DEMOS)
def test_a_demo_tumor_is_as_long_as_planned(cancer: str) -> None:
    patient = demo(cancer)
    mask = Volume(patient.lesions[0].mask, patient.canvas.geometry)
    assert greatest_dimension_mm(mask) == pytest.approx(patient.plan.tumor.greatest_mm, abs=1.0)


@pytest.mark.parametrize("cancer", DEMOS)
def test_every_planned_node_of_a_demo_is_drawn_in_its_station(cancer: str) -> None:
    patient = demo(cancer)
    finder = station_finder(patient.plan.cancer, patient.masks, patient.landmarks, patient.canvas.geometry)
    assert len(nodes(patient)) == len(patient.plan.nodes)
    for node in nodes(patient):
        found = finder.probabilities(node.mask)
        assert max(found, key=lambda name: found[name]).startswith(str(node.station))


def test_a_demo_scan_shows_tumor_node_and_their_uptake() -> None:
    patient = demo("lung")
    ct, pet = scan_on_model_grid(patient, np.random.default_rng(1))
    tumor, inner = patient.lesions[0], ndimage.binary_erosion(patient.lesions[0].mask)
    assert 20 < ct.array[inner].mean() < 120
    assert ct.array[patient.masks["lung_left"]].mean() < -700
    for lesion in patient.lesions:
        if lesion.malignant:
            assert pet.array[lesion.mask].max() == pytest.approx(lesion.suv, rel=0.3)
    assert pet.array[tumor.mask].max() > 2 * pet.array[patient.masks["liver"]].mean()


def test_without_contrast_medium_vessels_look_like_muscle() -> None:
    patient = demo("lung")
    bare = SyntheticPatient(
        SHIFTS["nocontrast"](patient.plan), patient.canvas, patient.masks, patient.lesions, patient.landmarks
    )
    aorta = ndimage.binary_erosion(patient.masks["aorta"], iterations=2)
    levels = [scan_on_model_grid(one, np.random.default_rng(2))[0].array[aorta].mean() for one in (patient, bare)]
    assert levels[0] > 120 > 70 > levels[1]


def test_equal_plans_give_equal_patients_and_equal_scans() -> None:
    plan = draw_plan("lung", COHORT, 1)
    first, again = (make_patient(plan, 4.0) for _ in range(2))
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(first.lesions, again.lesions, strict=True))
    assert first.ct is not None
    assert again.ct is not None
    assert np.array_equal(first.ct.array, again.ct.array)
    assert plan == draw_plan("lung", COHORT, 1)
    assert plan != draw_plan("lung", COHORT, 2)


@pytest.mark.parametrize("shift", SHIFTS)
def test_a_shift_keeps_the_patient_and_the_truth(shift: str) -> None:
    plain, shifted = draw_plan("pancreas", COHORT, 3), draw_plan("pancreas", COHORT, 3, shift)
    assert shifted.shift == shift
    assert shifted != plain
    assert (shifted.tumor, shifted.nodes, shifted.categories) == (plain.tumor, plain.nodes, plain.categories)


def test_an_unknown_cancer_or_shift_is_refused() -> None:
    with pytest.raises(ScopeError, match="expected one of: lung"):
        draw_plan("breast", 1, 1)
    with pytest.raises(ScopeError, match="expected one of: thick"):
        draw_plan("lung", 1, 1, "tilted")


def test_truth_tells_sizes_nodes_and_what_is_invaded() -> None:
    content = truth(demo("larynx"))
    assert content["synthetic"] is True
    assert content["measurements"]["greatest_dimension_mm"] == pytest.approx(24.0, abs=0.5)
    assert "paraglottic_space_right" in content["facts"]["invaded"]
    assert not {"cricoid_cartilage", "thyroid_cartilage_outer_cortex"} & set(content["facts"]["invaded"])
    assert {node["station"]: node["malignant"] for node in content["nodes"]} == {"III": True, "II": False, "IB": False}


@pytest.mark.slow
def test_truth_meets_its_schema(cohort: list[SyntheticPatient]) -> None:
    schema = json.loads((files("oncology") / "schemas" / "truth.schema.json").read_text("utf-8"))
    for patient in cohort:
        content = json.loads(json.dumps(truth(patient)))
        jsonschema.validate(content, schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(content | {"categories": {"8": {"t": "T2"}}}, schema)


def test_drawn_sizes_are_the_planned_ones_to_a_third_of_a_voxel(cohort: list[SyntheticPatient]) -> None:
    for patient in cohort:
        drawn = truth(patient)["measurements"]["greatest_dimension_mm"]
        voxel = patient.canvas.geometry.spacing_mm[0]
        assert drawn == pytest.approx(patient.plan.tumor.greatest_mm, abs=voxel / 3 + 0.05), patient.plan.tumor


def test_a_tumor_that_is_planned_far_from_what_it_invades_is_drawn_there() -> None:
    patient = make_patient(draw_plan("lung", 7200, 3), images=False)  # planned 42 mm from the chest wall
    assert patient.plan.tumor.invaded == ("chest_wall",)
    assert "chest_wall" in truth(patient)["facts"]["invaded"]


@pytest.mark.parametrize("index", [2, 7])
def test_a_tumor_of_the_tongue_is_as_deep_as_its_record_says(index: int) -> None:
    patient = make_patient(draw_plan("oral_cavity", COHORT, index), images=False)
    mask, grid = patient.lesions[0].mask, patient.canvas.geometry
    tongue = patient.masks["oral_tongue"] | patient.masks["extrinsic_tongue_muscles"]
    deepest = ndimage.distance_transform_edt(tongue, sampling=grid.spacing_mm)[mask].max()
    assert deepest == pytest.approx(patient.plan.record["depth_of_invasion_mm"], abs=grid.spacing_mm[0])


@pytest.mark.slow
def test_what_is_to_be_invaded_is_entered_and_what_is_touched_is_not(cohort: list[SyntheticPatient]) -> None:
    for patient in cohort:
        facts = truth(patient)["facts"]
        for name in patient.plan.tumor.invaded:
            deep, thick = depth_mm(patient, name)
            half_voxel = 0.5 * patient.canvas.geometry.spacing_mm[0]  # to which depths on a grid are known
            assert deep >= min(4.0, 0.5 * thick) - half_voxel, (name, deep, thick)
        assert set(patient.plan.tumor.invaded) <= set(facts["invaded"])
        for name in facts["touched"]:
            assert depth_mm(patient, name)[0] == 0.0, name


@pytest.mark.slow
def test_nodes_lie_in_their_stations(cohort: list[SyntheticPatient]) -> None:
    right = total = 0
    for patient in cohort:
        finder = station_finder(patient.plan.cancer, patient.masks, patient.landmarks, patient.canvas.geometry)
        for node in nodes(patient):
            found = finder.probabilities(node.mask)
            total += 1
            right += bool(found) and max(found, key=lambda name: found[name]).startswith(str(node.station))
    assert right >= 0.9 * total
