"""Probabilities by organ say what findings and staging say, and Bayes' rule holds."""

from __future__ import annotations

import json
from fractions import Fraction
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from board_cases import IMAGING_DATE, board_cases, findings_of, history_of
from oncology.cancers.evidence import classify_nodes
from oncology.errors import FactError
from oncology.findings import (
    CaseId,
    Ene,
    Findings,
    History,
    Laterality,
    MetastasisCandidate,
    Node,
    Severity,
    Source,
    SourceKind,
    Tumor,
    Verdict,
)
from oncology.presence import Figure, KnownModel
from oncology.probabilities import node_cues, post_test_probability, prevalence, tumor_probabilities
from oncology.staging import stage_case
from trunk_cases import fact, tumor

NETWORK = Source(SourceKind.MODEL, "lesion-thorax")
LOOKED = {"lesion-thorax": KnownModel("lesion", {"ct_tumor_found": Figure(0.8, 12, 0.6, 1.0, "synthetic patients")})}
JUDGE = {
    "nodes-lung": KnownModel(
        "node_malignancy",
        {
            "sensitivity, nodal malignancy on CT alone": Figure(0.6, 40, None, None, "synthetic patients"),
            "specificity, nodal malignancy on CT alone": Figure(0.9, 40, None, None, "synthetic patients"),
        },
    )
}


def node(**changes: Any) -> Node:
    given: dict[str, Any] = {"id": "node-1", "station": "7", "laterality": Laterality.MIDLINE, "short_axis_mm": 14.0}
    given |= {"long_axis_mm": 20.0, "volume_ml": 2.0, "centroid_lps": (0.0, 0.0, 0.0)}
    return Node(**(given | changes))


def probabilities(*nodes: Node, facts: tuple[dict[str, Any], ...] = (), **more: Any) -> dict[str, Any]:
    findings = Findings(CaseId("0123456789abcdef"), "lung", nodes=nodes, **more)
    return tumor_probabilities(findings, {"facts": facts, "tables_version": "t"})


@pytest.mark.parametrize("positive", [True, False])
def test_post_test_probability_is_the_count_in_a_population(positive: bool) -> None:
    """1000 people, 280 ill: what share of those with this answer is ill, counted in whole people."""
    ill_with = 280 * Fraction(77, 100) if positive else 280 * Fraction(23, 100)
    well_with = 720 * Fraction(14, 100) if positive else 720 * Fraction(86, 100)
    expected = float(ill_with / (ill_with + well_with))
    assert post_test_probability(0.77, 0.86, 0.28, positive) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("values", [(77, 0.86, 0.28), (0.77, -0.1, 0.28), (0.77, 0.86, 1.01), (float("nan"), 0.5, 0.5)])
def test_a_share_out_of_range_is_refused(values: tuple[float, float, float]) -> None:
    with pytest.raises(FactError, match="from 0 to 1"):
        post_test_probability(*values)


def test_an_answer_that_cannot_come_is_refused() -> None:
    with pytest.raises(FactError, match="impossible"):
        post_test_probability(0.9, 1.0, 0.0, positive=True)


@pytest.mark.parametrize("cancer", ["lung", "larynx"])
@pytest.mark.parametrize(
    ("short_axis_mm", "suv_max", "necrosis"), [(14.0, 6.0, True), (8.0, 6.0, False), (8.0, None, None)]
)
def test_the_cues_of_a_node_give_the_probability_that_it_has(
    cancer: str, short_axis_mm: float, suv_max: float | None, necrosis: bool | None
) -> None:
    given = node(short_axis_mm=short_axis_mm, suv_max=suv_max, necrosis=necrosis)
    (found,) = classify_nodes(Findings(CaseId("0123456789abcdef"), cancer, nodes=(given,))).nodes
    chance, _ = prevalence(cancer)
    for cue in node_cues(found, cancer):
        chance = post_test_probability(cue.sensitivity, cue.specificity, chance, cue.positive)
    assert node_cues(found, cancer)
    assert chance == pytest.approx(found.p_malignant, abs=0.0006)


def test_a_probability_from_elsewhere_has_no_cues() -> None:
    assert node_cues(node(p_malignant=0.42), "lung") == ()
    assert node_cues(node(drawn_as_involved=True), "lung") == ()
    assert node_cues(node(malignancy_model="nodes-lung"), "lung") == ()


def test_a_model_that_judged_a_node_is_named_with_its_reasons() -> None:
    found = probabilities(node(p_malignant=0.7, malignancy_model="nodes-lung", reasons=("short axis 14 mm",)))
    assert found["models"] == [{"id": "nodes-lung", "sha256": None}]
    assert found["nodes"][0] | {"basis": "model", "reasons": ["short axis 14 mm"]} == found["nodes"][0]


def test_two_nodes_of_a_station_raise_its_probability_as_independent_ones() -> None:
    found = probabilities(node(p_malignant=0.5), node(id="node-2", p_malignant=0.4))
    assert found["organs"]["lymph_nodes"]["7"]["malignant"] == pytest.approx(0.7)


def test_a_node_at_a_border_counts_for_both_stations() -> None:
    found = probabilities(node(p_malignant=0.5, ene=Ene(0.2), station_alternatives={"7": 0.8, "8": 0.2}))
    assert found["organs"]["lymph_nodes"]["8"] == {"malignant": pytest.approx(0.1), "ene": pytest.approx(0.04)}


def test_a_sample_wins_over_the_images() -> None:
    sampled = {"key": "nodes", "value": [{"id": "node-1", "positive": False, "station": "7"}]}
    found = probabilities(node(p_malignant=0.9), facts=(sampled,))
    assert found["organs"]["lymph_nodes"]["7"]["malignant"] == 0.0
    assert found["nodes"][0]["basis"] == "sample or person"


def test_a_candidate_without_a_probability_is_null_and_never_zero() -> None:
    spots = (MetastasisCandidate("c1", "liver", None), MetastasisCandidate("c2", "adrenal_left", None, p_malignant=0.3))
    organs = probabilities(metastasis_candidates=spots)["organs"]
    assert organs["liver"] == {"metastasis": None}
    assert organs["adrenal_gland_left"] == {"metastasis": 0.3}


def proposed(number: int, certainty: float | None, source: Source = NETWORK) -> Tumor:
    return tumor(20.0, id=f"tumor-{number}", needs_confirmation=True, certainty=certainty, source=source)


def test_a_proposed_tumor_carries_what_its_network_says_and_that_this_is_not_calibrated() -> None:
    found = probabilities(tumors=(proposed(1, 0.94), proposed(2, 0.8)))
    assert found["organs"]["lung"]["tumor"] == found["tumor"]["tumor"] == 0.94
    assert (found["tumor"]["basis"], found["tumor"]["calibrated"]) == ("network", False)
    assert "nobody has calibrated it" in found["tumor"]["reason"]
    assert [(row["tumor"], row["model"]) for row in found["tumors"]] == [
        (0.94, "lesion-thorax"),
        (0.8, "lesion-thorax"),
    ]


def test_a_drawn_tumor_is_certain_and_one_by_rules_has_no_number() -> None:
    airless = proposed(1, None, Source(SourceKind.RULES, "airless-lung"))
    assert probabilities(tumors=(tumor(20.0),))["tumor"]["tumor"] == 1.0
    found = probabilities(tumors=(airless,))["tumor"]
    assert (found["tumor"], found["basis"], found["calibrated"]) == (None, "none", None)
    assert "by rules" in found["reason"]


def test_networks_that_saw_no_tumor_leave_null_with_the_reason_and_how_many_they_find() -> None:
    none = Verdict("no-tumor-seen", Severity.WARNING, "m", "networks")
    case = Findings(CaseId("0123456789abcdef"), "lung", models=("lesion-thorax",), quality=(none,), pet=False)
    found = tumor_probabilities(case, {"facts": (), "tables_version": "t"}, LOOKED)["tumor"]
    assert found["tumor"] is None
    assert "proposed no tumor" in found["reason"]
    assert found["looked"] == [
        {"model": "lesion-thorax", "recall": vars(LOOKED["lesion-thorax"].figures["ct_tumor_found"])}
    ]


def test_a_tumor_that_a_person_rejected_is_not_called_unseen() -> None:
    case = Findings(CaseId("0123456789abcdef"), "lung", models=("lesion-thorax",), pet=True)
    found = tumor_probabilities(case, {"facts": (), "tables_version": "t"}, LOOKED)["tumor"]
    assert "left out, by a person" in found["reason"]
    assert found["looked"][0]["recall"] is None  # its card tells of the CT alone


@pytest.mark.parametrize(("cancer", "station"), [("larynx", "III"), ("lung", "4R")])
def test_a_sample_without_a_measured_node_makes_its_station_malignant(cancer: str, station: str) -> None:
    case = Findings(CaseId("0123456789abcdef"), cancer, tumors=(tumor(25.0),), nodes_assessed=True)
    record = History((fact("station_result", {"station": station, "malignant": True, "method": "FNA"}),))
    staged = stage_case(case, record, ["8"], imaging_date=IMAGING_DATE) | {"tables_version": "t"}
    assert tumor_probabilities(case, staged)["organs"]["lymph_nodes"] == {station: {"malignant": 1.0, "ene": None}}


def test_a_candidate_that_a_sample_ruled_out_is_none_and_an_open_one_says_why_it_has_no_number() -> None:
    spots = (MetastasisCandidate("c1", "liver", None, p_malignant=0.3), MetastasisCandidate("c2", "bone", None))
    case = Findings(CaseId("0123456789abcdef"), "lung", tumors=(tumor(25.0),), metastasis_candidates=spots)
    record = History((fact("metastasis_result", {"site": "liver", "malignant": False}),))
    staged = stage_case(case, record, ["8"], imaging_date=IMAGING_DATE) | {"tables_version": "t"}
    found = tumor_probabilities(case, staged)
    assert found["organs"]["liver"]["metastasis"] == 0.0
    assert found["organs"]["bone"]["metastasis"] is None
    liver, bone = found["candidates"]
    assert (liver["basis"], liver["reason"]) == ("sample or person", "")
    assert (bone["basis"], bone["assumed"]) == ("none", 0.2)
    assert "nobody has measured" in bone["reason"]


@pytest.mark.parametrize(("p", "positive"), [(0.7, True), (0.3, False)])
def test_a_models_answer_is_read_as_a_test_at_the_stated_prevalence(p: float, positive: bool) -> None:
    judged = node(p_malignant=p, malignancy_model="nodes-lung")
    case = Findings(CaseId("0123456789abcdef"), "lung", nodes=(judged,))
    (found,) = tumor_probabilities(case, {"facts": (), "tables_version": "t"}, JUDGE)["nodes"]
    expected = post_test_probability(0.6, 0.9, prevalence("lung")[0], positive)
    assert found["malignant"] == p
    assert found["as_test"]["positive"] is positive
    assert found["as_test"]["post_test"] == pytest.approx(expected, abs=1e-4)


def test_a_proposed_node_is_called_by_what_the_model_says_of_a_node() -> None:
    judged = node(p_malignant=0.35, certainty=0.5, needs_confirmation=True, malignancy_model="nodes-lung")
    case = Findings(CaseId("0123456789abcdef"), "lung", nodes=(judged,))
    (found,) = tumor_probabilities(case, {"facts": (), "tables_version": "t"}, JUDGE)["nodes"]
    assert (found["as_test"]["positive"], found["as_test"]["if_a_node"]) == (True, True)


@pytest.mark.parametrize("judge", [{}, {"nodes-lung": KnownModel("node_malignancy")}])
def test_a_model_whose_card_lacks_the_figures_is_no_test(judge: dict[str, KnownModel]) -> None:
    case = Findings(CaseId("0123456789abcdef"), "lung", nodes=(node(p_malignant=0.7, malignancy_model="nodes-lung"),))
    (found,) = tumor_probabilities(case, {"facts": (), "tables_version": "t"}, judge)["nodes"]
    assert found["as_test"] is None


def test_every_board_case_meets_the_schema() -> None:
    schema = json.loads((files("oncology") / "schemas" / "Tumor_probabilities.schema.json").read_text("utf-8"))
    for case in list(board_cases())[::4]:
        if "error" not in case["expect"]:
            findings = classify_nodes(findings_of(case))
            staging = stage_case(findings, history_of(case), ["8"], imaging_date=IMAGING_DATE)
            content = tumor_probabilities(findings, {**staging, "tables_version": "t"})
            jsonschema.validate(json.loads(json.dumps(content)), schema)
