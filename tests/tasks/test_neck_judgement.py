"""Nodes of the neck: the prior of their level is weighed in once, in a stated order, and tissue wins over it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.involvement.situation import t_chances
from oncology.findings import CaseId, Findings, History, Laterality, Node, RecordFact, Tumor
from oncology.staging import stage_case
from tasks.node_judgement import judge_nodes, record_for_nodes

RIGHT, LEFT = Laterality.RIGHT, Laterality.LEFT
TUMOR = Tumor("tumor-1", 14.0, 45.0, 45.0, 45.0, 40.0, RIGHT, None, (-30.0, 0.0, 0.0))
SIGNS = {
    "hu_mean": 70.0, "hu_sd": 14.0, "hu_low": 40.0, "fat_share": 0.0, "necrosis_share": 0.02, "hu_drop": 8.0,
    "edge_hu_per_mm": 40.0, "ellipsoid_short_mm": 9.0, "ellipsoid_middle_mm": 10.0, "ellipsoid_long_mm": 13.0,
    "surround_hu": -60.0, "surround_fat_share": 0.7,
}  # fmt: skip
BORDERLINE = Node("node-1", "II", RIGHT, 9.0, 12.0, 0.6, (-55.0, 0.0, 0.0), measures=SIGNS)


def found(cancer: str, *nodes: Node) -> Findings:
    return Findings(CaseId("a"), cancer, (TUMOR,), nodes, regions_imaged=("neck", "thorax"), nodes_assessed=True)


def record(p16: str | None = None, *samples: tuple[str, bool]) -> History:
    told = [RecordFact("p16", p16, "Observation/1", "value", "2026-01-05")] if p16 else []
    values = [{"station": level, "malignant": bad, "laterality": "right", "method": "FNA"} for level, bad in samples]
    taken = (
        RecordFact("station_result", one, f"Observation/{k}", "value", "2026-01-05") for k, one in enumerate(values, 2)
    )
    return History((*told, *taken))


def judged(findings: Findings, history: History | None = None) -> Node:
    return judge_nodes(findings, history).nodes[0]


@pytest.fixture(autouse=True)
def _models(all_models: None) -> None:
    """Embedded models are in use."""


def test_p16_and_a_proven_level_iii_lift_a_borderline_node_and_unknown_p16_lies_between() -> None:
    said = [
        judged(found("oropharynx", BORDERLINE), record(p16, ("III", True))).p_malignant or 0.0
        for p16 in ("negative", None, "positive")
    ]
    assert said == sorted(said)
    assert said[0] < said[1] < said[2]
    assert said[2] > (judged(found("oropharynx", BORDERLINE)).p_malignant or 1.0)


def test_the_same_node_across_from_a_larynx_cancer_is_not_lifted() -> None:
    across = replace(BORDERLINE, laterality=LEFT, centroid_lps=(55.0, 0.0, 0.0))
    there = judged(found("larynx", across))
    lifted = judged(found("oropharynx", BORDERLINE), record("positive", ("III", True)))
    assert (there.p_malignant or 1.0) < 0.5 * (lifted.p_malignant or 0.0)
    assert any(reason.startswith("against: prior") for reason in there.reasons)


def test_the_reasons_of_the_look_and_of_the_prior_stand_side_by_side() -> None:
    reasons = judged(found("oropharynx", BORDERLINE), record("positive", ("III", True))).reasons
    assert len(reasons) > 1
    assert reasons[-1].startswith("for: prior ")
    for part in ("level II right", "oropharynx", "p16 positive", "level III right involved", "lyDATA n = 1255"):
        assert part in reasons[-1]


def test_a_nodes_prior_never_hears_of_its_own_look() -> None:
    other = replace(BORDERLINE, id="node-2", station="III", short_axis_mm=10.5)
    bright = replace(BORDERLINE, short_axis_mm=25.0, measures={**SIGNS, "necrosis_share": 0.6})
    priors = {
        judged(found("oropharynx", one, other), record("positive")).reasons[-1].split(": ")[1]
        for one in (BORDERLINE, bright)
    }
    assert len(priors) == 1


def test_judging_in_another_order_gives_the_same_answers() -> None:
    other = replace(BORDERLINE, id="node-2", station="III", short_axis_mm=22.0)
    forth = judge_nodes(found("oropharynx", BORDERLINE, other), record("positive")).nodes
    back = judge_nodes(found("oropharynx", other, BORDERLINE), record("positive")).nodes
    assert {node.id: node.p_malignant for node in forth} == {node.id: node.p_malignant for node in back}


@pytest.mark.parametrize("malignant", [True, False])
def test_a_sample_of_the_node_wins_over_any_prior(malignant: bool) -> None:
    history = record("positive", ("II", malignant))
    staging = stage_case(judge_nodes(found("oropharynx", BORDERLINE), history), history, ["8"])
    (nodes,) = (fact["value"] for fact in staging["facts"] if fact["key"] == "nodes")
    assert [entry["positive"] for entry in nodes] == [malignant]


def test_what_a_person_said_of_a_node_is_left_alone() -> None:
    stated = replace(BORDERLINE, p_malignant=0.0)
    assert judged(found("oropharynx", stated), record("positive", ("III", True))) == stated


def test_a_site_without_tables_is_judged_by_look_alone() -> None:
    findings = judge_nodes(found("nasopharynx", BORDERLINE))
    assert findings.models == ("node-malignancy",)
    assert not any("prior" in reason for reason in findings.nodes[0].reasons)


def test_a_case_whose_t_is_not_told_is_judged_all_the_same() -> None:
    nothing = replace(found("oropharynx", BORDERLINE), tumors=())
    assert t_chances(nothing, History()) == {} or max(t_chances(nothing, History()).values()) <= 1.0
    assert judged(nothing).p_malignant is not None


def test_a_changed_record_measures_anew_in_the_neck_only() -> None:
    read = {"record_facts.json": "ab"}
    assert record_for_nodes("larynx", read) == read
    assert record_for_nodes("lung", read) is None
