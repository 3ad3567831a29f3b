"""The FHIR record of a synthetic patient, read back as the flow reads it."""

from itertools import count

import pytest

from mdt_dicom.image_writer import Subject
from mdt_fhir.history import read_history
from mdt_fhir.record import record_of
from models.synthetic.draw import draw_plan
from tasks.synthetic_record import record_bundle

SUBJECT = Subject("SYN-1", "Hospital", "Doe^Jane", "19600101", "F", 70.0, 1.7, "20260504", "A1", "1")


@pytest.mark.parametrize("cancer", ["lung", "esophagus", "pancreas"])
def test_some_metastases_are_proven_in_the_record_and_most_are_not(cancer):
    spread = [plan for plan in (draw_plan(cancer, 31, n) for n in range(700)) if plan.metastases]
    assert 0.1 < sum(bool(plan.proven) for plan in spread) / len(spread) <= 0.35


def test_a_proven_metastasis_is_read_back_by_its_site():
    plan = next(plan for plan in (draw_plan("lung", 31, n) for n in count()) if plan.proven)
    history = read_history(record_of(record_bundle(plan, SUBJECT)), "lung")
    found = {fact.value["site"]: fact.value["malignant"] for fact in history.named("metastasis_result")}
    assert found == {one.site: True for one in plan.metastases}


def test_a_sampled_level_of_the_neck_is_read_back_with_the_side_of_the_node_that_was_met():
    plans = (draw_plan("larynx", 31, n) for n in count())
    plan = next(plan for plan in plans if plan.sampled and any(node.malignant for node in plan.nodes))
    (fact,) = read_history(record_of(record_bundle(plan, SUBJECT)), "larynx").named("station_result")
    met = (fact.value["station"], fact.value["laterality"], fact.value["malignant"])
    assert met in {(node.station, node.side, node.malignant) for node in plan.nodes}


@pytest.mark.parametrize(("depth", "least", "most"), [("T1b", 0.7, 0.92), ("T2", 0.7, 0.9), ("T3", 0.86, 0.96)])
def test_endosonography_errs_as_often_as_it_is_published_to(depth, least, most):
    plans = [plan for plan in (draw_plan("esophagus", 31, n) for n in range(700)) if depth == t_of(plan)]
    assert least < sum(plan.record["eus_t"] == depth for plan in plans) / len(plans) < most


def t_of(plan):
    return plan.categories["8"]["t"]
