"""What `stage` and `would_change` answer: category, reasons, doubt, open questions."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from oncology.errors import FactError
from oncology.findings import to_json
from oncology.tnm import stage, would_change
from oncology.tnm.engine import stage_axis, stage_cell
from oncology.tnm.loader import tables
from oncology.tnm.vocabulary import vocabulary

LUNG: dict[str, Any] = {
    "greatest_dimension_mm": 32,
    "visceral_pleura_invasion": True,
    "tumor_side": "right",
    "nodes": [
        {"id": "n1", "positive": True, "station": "4R", "count": 1},
        {"id": "n2", "positive": True, "station": "7", "count": 2},
    ],
    "mets": [],
}
LARYNX: dict[str, Any] = {
    "subsites_involved": ["left_vocal_cord"],
    "vocal_cord_mobility": "fixed",
    "tumor_side": "left",
    "nodes": [],
    "mets": [],
}


def test_known_facts_give_one_certain_stage() -> None:
    found = stage("lung", 9, LUNG, strict=False)

    assert (found.t.category, found.n.category, found.m.category) == ("T2a", "N2b", "M0")
    assert found.stage_group.category == "IIIB"
    assert found.stage_group.probabilities == {"IIIB": 1.0}
    assert found.stage_group.credible == ("IIIB",)
    assert found.stage_group.open == ()


def test_the_same_facts_are_staged_by_the_edition_asked_for() -> None:
    eighth, ninth = stage("lung", 8, LUNG, strict=False), stage("lung", "9", LUNG, strict=False)

    assert (eighth.n.category, eighth.stage_group.category) == ("N2", "IIIA")
    assert (ninth.n.category, ninth.stage_group.category) == ("N2b", "IIIB")


def test_the_trace_leads_from_facts_to_the_cited_row() -> None:
    found = stage("lung", 9, LUNG, strict=False)

    sizes = [step for step in found.t.trace if step.fact == "greatest_dimension_mm"]
    assert sizes[0].value == 32
    assert sizes[0].row == found.t.rule
    assert "Lung" in sizes[0].citation
    nodes = [step for step in found.n.trace if step.fact == "nodes" and step.feature.startswith("n2")]
    assert nodes[0].value == ["n1 4R", "n2 7"]


def test_the_group_is_traced_to_t_n_and_m() -> None:
    found = stage("lung", 9, LUNG, strict=False)

    assert [(step.fact, step.value) for step in found.stage_group.trace] == [("T", "T2a"), ("N", "N2b"), ("M", "M0")]


def test_an_answer_is_plain_json() -> None:
    found = to_json(stage("lung", 9, LUNG, strict=False))

    assert json.loads(json.dumps(found))["stage_group"]["category"] == "IIIB"
    assert found["tables_version"] == tables().version


def test_a_missing_fact_widens_the_answer_and_is_named() -> None:
    found = stage("larynx", 8, {**LARYNX, "vocal_cord_mobility": None}, subset="glottis", strict=False)

    assert found.t.category is None
    assert found.t.possible == ("T1a", "T2", "T3")
    assert found.t.open == ("vocal_cord_mobility",)
    assert found.stage_group.possible == ("I", "II", "III")
    assert found.stage_group.open == ("vocal_cord_mobility",)


def test_an_absent_fact_is_unknown_when_strict_and_not_present_otherwise() -> None:
    strict = stage("larynx", 8, LARYNX, subset="glottis")
    closed = stage("larynx", 8, LARYNX, subset="glottis", strict=False)

    assert strict.t.possible == ("T3", "T4a", "T4b")
    assert strict.t.open == ("invaded_structures",)
    assert closed.t.category == "T3"


def test_an_unknown_fact_that_decides_nothing_is_not_open() -> None:
    found = stage(
        "larynx", 8, {**LARYNX, "invaded_structures": ["trachea"], "vocal_cord_mobility": None}, subset="glottis"
    )

    assert found.t.category == "T4a"
    assert found.t.open == ()


def test_nodes_that_could_not_be_told_are_nx_with_what_is_possible() -> None:
    found = stage("lung", 9, {**LUNG, "nodes": None}, strict=False)

    assert found.n.category == "NX"
    assert found.n.possible == ("N0", "N1", "N2a", "N2b", "N3")
    assert found.n.open == ("nodes",)


def test_the_only_category_of_a_doubtful_fact_is_named_by_half_of_the_probability() -> None:
    found = stage(
        "larynx", 8, {**LARYNX, "invaded_structures": {"trachea": {"p": 0.3}, "others": False}}, subset="glottis"
    )

    assert found.t.category == "T3"
    assert found.t.probabilities == pytest.approx({"T3": 0.7, "T4a": 0.3})
    assert found.t.credible == ("T3", "T4a")
    assert found.t.open == ("invaded_structures.trachea",)


def test_exactly_one_half_goes_to_the_less_advanced_category() -> None:
    found = stage(
        "larynx", 8, {**LARYNX, "invaded_structures": {"trachea": {"p": 0.5}, "others": False}}, subset="glottis"
    )

    assert found.t.category == "T3"


def test_an_even_split_of_an_unknown_is_never_a_category() -> None:
    found = stage("larynx", 8, {**LARYNX, "invaded_structures": {"trachea": None, "others": False}}, subset="glottis")

    assert found.t.category is None
    assert found.t.probabilities == {"T3": 0.5, "T4a": 0.5}


def test_credible_leaves_out_what_is_below_three_percent() -> None:
    found = stage(
        "larynx", 8, {**LARYNX, "invaded_structures": {"trachea": {"p": 0.02}, "others": False}}, subset="glottis"
    )

    assert found.t.possible == ("T3", "T4a")
    assert found.t.credible == ("T3",)


def test_m_is_m0_without_evidence_and_names_what_was_not_looked_at() -> None:
    facts = {key: value for key, value in LUNG.items() if key != "mets"}

    found = stage("lung", 9, {**facts, "regions_not_imaged": ["brain"]})

    assert found.m.category == "M0"
    assert found.m.possible == ("M0", "M1a", "M1b", "M1c1", "M1c2")
    assert found.m.probabilities == {"M0": 1.0}
    assert found.m.open == ("separate_nodules", "mets", "regions_not_imaged.brain")


def test_a_fact_whose_other_values_only_contradict_is_not_open() -> None:
    facts = {**LUNG, "density": "solid", "greatest_dimension_mm": 115, "nodes": None}

    found = stage("lung", 9, facts, strict=False)

    assert found.t.category == "T4"
    assert found.stage_group.open == ("nodes",)


def test_an_effusion_of_unknown_cytology_leaves_m_open() -> None:
    found = stage(
        "lung", 9, {**LUNG, "mets": [{"site": "pleural_effusion", "count": 1, "malignant": None}]}, strict=False
    )

    assert found.m.category is None
    assert found.m.possible == ("M0", "M1a")
    assert found.m.open == ("mets[0].malignant",)


def test_a_node_of_unknown_station_does_not_speak_for_m1() -> None:
    found = stage("lung", 9, {**LUNG, "nodes": [{"positive": True, "count": 1, "station": None}]}, strict=False)

    assert found.m.category == "M0"
    assert found.n.category is None


def test_a_subset_that_is_not_given_joins_the_answers_of_all_subsets() -> None:
    facts = {"deepest_layer": "muscularis_propria", "nodes": [], "mets": []}

    joined = stage("esophagus", 8, facts, strict=False)
    parts = [stage("esophagus", 8, facts, subset=subset, strict=False) for subset in ("scc", "adenocarcinoma")]

    assert joined.t.category == "T2"
    assert set(joined.stage_group.possible) == {part.stage_group.category for part in parts}
    assert joined.stage_group.open == ("subset",)


def test_unspecified_mediastinal_nodes_leave_n2a_and_n2b_open() -> None:
    node = {"positive": True, "count": 1, "station": "mediastinal_ipsilateral_unspecified"}

    ninth = stage("lung", 9, {**LUNG, "nodes": [node]}, strict=False)
    eighth = stage("lung", 8, {**LUNG, "nodes": [node]}, strict=False)

    assert (ninth.n.category, ninth.n.possible) == (None, ("N2a", "N2b"))
    assert eighth.n.category == "N2"


def test_a_bare_n2_is_both_groups_in_the_ninth_edition() -> None:
    found = stage_cell("lung", 9, "T1a", "N2", "M0")

    assert found.category is None
    assert found.possible == ("IIB", "IIIA")


def test_a_bare_category_is_answered_when_all_its_parts_agree() -> None:
    assert stage_cell("lung", 9, "cT4", "cN2", "cM0").category == "IIIB"


def test_tx_n0_m0_is_occult_carcinoma_in_the_lung_and_undefined_elsewhere() -> None:
    assert stage_cell("lung", 8, "TX", "N0", "M0").category == "Occult carcinoma"
    found = stage_cell("pancreas", 8, "TX", "N0", "M0")
    assert found.category is None
    assert found.reason


def test_would_change_names_single_findings_with_the_new_stage() -> None:
    found = would_change("larynx", 8, {**LARYNX, "invaded_structures": []}, subset="glottis", strict=False)

    by_finding = {(change.finding, change.condition): change.then for change in found}
    assert by_finding["vocal_cord_mobility", "impaired"] == {"t": "T2", "n": "N0", "m": "M0", "stage_group": "II"}
    assert any(change.finding == "nodes" and change.then["n"] == "N1" for change in found)
    assert any("trachea" in change.condition and change.then["t"] == "T4a" for change in found)
    assert set(found[0].to_json()) == {"finding", "if", "then"}


def test_would_change_tells_what_a_subset_that_is_not_given_would_do() -> None:
    facts = {"deepest_layer": "muscularis_propria", "nodes": [], "mets": []}

    found = [change for change in would_change("esophagus", 8, facts, strict=False) if change.finding == "subset"]

    assert {change.condition for change in found} == {"scc", "adenocarcinoma"}


def test_doubtful_findings_come_before_known_ones() -> None:
    facts = {**LUNG, "visceral_pleura_invasion": {"p": 0.4}, "greatest_dimension_mm": 28}

    found = would_change("lung", 9, facts, strict=False)

    assert found[0].finding == "visceral_pleura_invasion"


def test_would_change_names_the_node_whose_malignancy_decides() -> None:
    found = would_change("lung", 9, LUNG, strict=False)

    benign = next(change for change in found if change.finding == "nodes[0].positive")
    assert benign.condition == "n1 4R is benign"
    assert benign.then["n"] == "N2a"


def test_every_single_change_is_what_staging_the_changed_facts_gives() -> None:
    changes = would_change("lung", 9, LUNG, strict=False)

    size = next(change for change in changes if change.finding == "greatest_dimension_mm" and ">" in change.condition)
    changed = stage("lung", 9, {**LUNG, "greatest_dimension_mm": 45}, strict=False)
    assert size.then == {"t": changed.t.category, "n": "N2b", "m": "M0", "stage_group": changed.stage_group.category}


@pytest.mark.parametrize(
    ("site", "edition"), [(site, edition) for site in vocabulary().sites for edition in tables().editions(site)]
)
def test_nothing_known_takes_bounded_work(site: str, edition: int) -> None:
    facts = dict.fromkeys(vocabulary().sites[site].keys)

    started = time.process_time()
    found = stage(site, edition, facts)
    would_change(site, edition, facts)

    assert time.process_time() - started < 5.0  # half a second here; the bound guards against explosion
    assert len(found.t.possible) > 1
    assert found.m.category == "M0"


def test_thirty_doubtful_nodes_take_bounded_work() -> None:
    stations = ["4R", "7", "10R", "11R", "2R", "4L"]
    nodes = [
        {
            "positive": {"p": 0.1 + 0.02 * i},
            "count": 1,
            "ene": False,
            "station": {"p": {stations[i % 6]: 0.8, "8R": 0.2}},
        }
        for i in range(30)
    ]

    started = time.process_time()
    found = stage("lung", 9, {**LUNG, "nodes": nodes}, strict=False)

    assert time.process_time() - started < 5.0
    assert sum(found.n.probabilities.values()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "nodes",
    [
        [{"positive": {"p": 0.5}}] * 12,
        [{"positive": {"p": 0.1 + 0.05 * i}} for i in range(12)],
        [{"positive": True, "level": None, "count": None}] * 8,
        [dict.fromkeys(("positive", "level", "laterality", "greatest_dimension_mm", "ene", "count"))] * 3,
    ],
    ids=["equal", "different", "unknown-level", "unknown"],
)
def test_nodes_with_many_open_fields_take_bounded_work(nodes: list[dict[str, Any]]) -> None:
    started = time.process_time()
    found = stage("larynx", 8, {"nodes": nodes, "mets": []}, subset="glottis")

    assert time.process_time() - started < 5.0
    assert found.n.open


def test_an_edition_without_tables_names_those_that_exist() -> None:
    with pytest.raises(FactError, match=r"no tables of edition 9 for larynx; available: 8"):
        stage("larynx", 9, {})


def test_an_unknown_classification_is_refused_by_name() -> None:
    with pytest.raises(FactError, match="unknown classification 'surgical'"):
        stage("lung", 9, {}, classification="surgical")


def test_an_unknown_axis_or_edition_is_refused() -> None:
    with pytest.raises(FactError, match="unknown edition '7'"):
        stage("lung", "7", {})
    with pytest.raises(FactError, match="unknown axis 'group'"):
        stage_axis("group", "lung", 9, {})
