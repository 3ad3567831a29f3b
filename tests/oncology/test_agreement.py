"""Figures of agreement on rows small enough to count by hand."""

import numpy as np
import pytest

from oncology.agreement import (
    auc,
    calibration_error,
    chance_error,
    difference_figure,
    group_rank,
    mean_figure,
    pooled_figure,
    reliability,
    summarize,
)

GROUPS = ("IA", "IB", "IIA", "IIB", "III", "IV")


def row(truth, said, *, cancer="lung", p=0.9, credible=None, met=False, asserted=False, candidate=False, stations=()):
    answer = {"truth": truth, "category": said, "probabilities": {said or truth: p}, "credible": credible or [truth]}
    other = {"truth": "T1", "category": "T1", "probabilities": {"T1": 1.0}, "credible": ["T1"]}
    return {
        "cancer": cancer,
        "editions": {"8": {"t": other, "n": other, "m": other, "stage_group": answer}},
        "stations": list(stations),
        "invasions": [],
        "metastasis": {"truth": met, "asserted": asserted, "candidate": candidate},
        "decisive": None,
    }


def test_abstention_counts_as_wrong_and_is_told_beside():
    figures = summarize([row("IA", "IA"), row("IA", "IA"), row("IB", "IB"), row("IIA", None)], "8")
    assert figures["agreement"]["stage_group"]["value"] == 0.75
    assert figures["abstained"]["stage_group"]["value"] == 0.25


def test_a_group_too_high_is_upstaged_and_too_low_is_downstaged():
    rows = [row("IA", "IB"), row("IA", "IV"), row("IV", "III"), *(row(group, group) for group in GROUPS)]
    figures = summarize(rows, "8")
    assert figures["upstaged"]["value"] == pytest.approx(2 / 9, abs=1e-4)
    assert figures["downstaged"]["value"] == pytest.approx(1 / 9, abs=1e-4)
    assert figures["within_one_group"]["value"] == pytest.approx(8 / 9, abs=1e-4)


def test_m1_wrongly_asserted_and_candidates_are_told_apart():
    rows = [row("IA", "IV", asserted=True), row("IV", "IA", met=True, candidate=True), row("IV", "IA", met=True)]
    figures = summarize(rows, "8")
    assert figures["m1_wrongly_asserted"]["value"] == pytest.approx(1 / 3, abs=1e-4)
    assert figures["m1_sensitivity_with_candidates"] == {"value": 0.5, "low": 0.0, "high": 1.0, "n": 2}


def test_a_candidate_elsewhere_in_the_same_organ_is_no_metastasis_found():
    rows = [row("IV", "IA", met=True, candidate=True) for _ in range(4)]
    for one, at_place in zip(rows, (True, True, False, None), strict=True):
        one["metastasis"]["candidate_at_place"] = at_place
    older = row("IV", "IA", met=True, candidate=True)  # told nothing of places
    figures = summarize([*rows, older], "8")
    assert figures["m1_sensitivity_with_candidates"]["value"] == 1.0
    at_place = figures["m1_sensitivity_with_candidates_at_place"]
    assert (at_place["value"], at_place["n"]) == (pytest.approx(2 / 3, abs=1e-4), 3)
    assert summarize([older], "8")["m1_sensitivity_with_candidates_at_place"]["value"] is None


def with_t(cancer, truth, probabilities):
    one = row("IA", "IA", cancer=cancer)
    said = max(probabilities, key=probabilities.get) if probabilities else None
    one["editions"]["8"]["t"] = {"truth": truth, "category": said, "probabilities": probabilities, "credible": []}
    return one


def test_the_decision_of_the_larynx_is_asked_of_patients_with_a_true_t3_or_t4a():
    rows = [
        with_t("larynx", "T4a", {"T4a": 0.3, "T4b": 0.3, "T3": 0.4}),  # 0.6 beyond: found
        with_t("larynx", "T4a", {"T3": 0.9, "T4a": 0.1}),
        with_t("larynx", "T3", {"T4a": 0.8, "T3": 0.2}),
        with_t("larynx", "T3", {"T3": 1.0}),
        with_t("larynx", "T3", {"T2": 1.0}),
        *[with_t("larynx", "T1a", {"T1a": 1.0})] * 9,  # nobody asks it of these
    ]
    (decided,) = summarize(rows, "8")["decisive_t"]
    assert (decided["site"], decided["decision"]) == ("larynx", "T4a or more, among true T3 and T4a")
    assert (decided["sensitivity"]["value"], decided["sensitivity"]["n"]) == (0.5, 2)
    assert (decided["specificity"]["value"], decided["specificity"]["n"]) == (pytest.approx(2 / 3, abs=1e-4), 3)


def test_sites_that_are_told_together_keep_their_own_decisions():
    rows = [with_t("larynx", "T4a", {"T4a": 1.0}), with_t("nasopharynx", "T4", {"T3": 1.0})]
    found = {item["site"]: item["sensitivity"]["value"] for item in summarize(rows, "8")["decisive_t"]}
    assert found == {"larynx": 1.0, "nasopharynx": 0.0}


def test_the_decision_of_the_esophagus_is_asked_of_everybody_and_no_answer_is_a_wrong_one():
    rows = [
        with_t("esophagus", "T4b", {"T4b": 1.0}),
        with_t("esophagus", "T1b", {"T1b": 1.0}),
        with_t("esophagus", "T4a", {"T4b": 0.7, "T4a": 0.3}),
        with_t("esophagus", "T2", {}),
        with_t("esophagus", "T2", {"T1b": 0.2, "T2": 0.2, "T3": 0.2, "T4a": 0.2, "T4b": 0.2}),
    ]
    rows[-1]["editions"]["8"]["t"]["category"] = "TX"
    (decided,) = summarize(rows, "8")["decisive_t"]
    assert (decided["decision"], decided["sensitivity"]["value"]) == ("T4b, among all", 1.0)
    assert (decided["specificity"]["value"], decided["specificity"]["n"]) == (0.25, 4)


def test_a_stage_that_is_printed_in_case_candidates_are_confirmed_is_no_credible_one_but_told():
    rows = [row("IV", "IA", credible=["IA", "IB"], met=True, candidate=True) for _ in range(2)]
    rows[0]["editions"]["8"]["stage_group"]["if_confirmed"] = "IV"
    figures = summarize(rows, "8")
    assert figures["credible_holds_truth"]["stage_group"]["value"] == 0.0
    assert figures["printed_holds_truth"]["stage_group"]["value"] == 0.5


def test_stations_give_sensitivity_and_false_positives_per_patient():
    found = [{"station": "7", "truth": True, "p": 0.8}, {"station": "4R", "truth": False, "p": 0.6}]
    missed = [{"station": "7", "truth": True, "p": 0.2}, {"station": "4R", "truth": False, "p": 0.1}]
    figures = summarize([row("IA", "IA", stations=found), row("IA", "IA", stations=missed)], "8")
    assert figures["stations"]["sensitivity"]["value"] == 0.5
    assert figures["station_false_positives_per_patient"]["value"] == 0.5


def test_an_interval_shrinks_with_the_number_of_patients():
    few, many = mean_figure([0, 1] * 10), mean_figure([0, 1] * 1000)
    assert few["high"] - few["low"] > 5 * (many["high"] - many["low"])
    assert many["low"] < 0.5 < many["high"]


def test_nodes_of_one_patient_that_are_alike_tell_less_than_nodes_of_many():
    alike = [[1.0] * 10] * 6 + [[0.0] * 10] * 4
    spread = [[1.0]] * 60 + [[0.0]] * 40
    one, other = pooled_figure(alike), pooled_figure(spread)
    assert (one["value"], one["n"]) == (other["value"], other["n"]) == (0.6, 100)
    assert one["high"] - one["low"] > 2.5 * (other["high"] - other["low"])


def test_an_even_forecaster_is_calibrated_and_a_boaster_is_not():
    random = np.random.default_rng(1)
    p = random.uniform(0.5, 1.0, 20000)
    right = random.uniform(size=p.size) < p
    assert calibration_error(p, right) < 0.02
    assert calibration_error(np.full(1000, 0.99), np.arange(1000) % 2) == pytest.approx(0.49)


def test_a_bin_that_was_right_in_all_of_few_patients_keeps_a_wide_interval():
    few = reliability(np.full(4, 0.9), np.ones(4))[0]
    many = reliability(np.full(400, 0.9), np.ones(400))[0]
    assert (few["was"], few["low"], few["high"]) == (1.0, pytest.approx(0.5101, abs=1e-4), 1.0)  # Wilson, 4 of 4
    assert many["low"] > 0.99


def test_auc_is_the_share_of_pairs_in_the_right_order():
    truth, p = np.array([0, 0, 1, 1.0]), np.array([0.1, 0.4, 0.35, 0.8])
    assert auc(truth, p) == 0.75
    assert auc(truth, np.full(4, 0.5)) == 0.5
    assert auc(np.ones(3), p[:3]) is None


def test_groups_are_ordered_as_survival_is():
    names = ["0", "IA1", "IA2", "IA3", "IB", "IIA", "IIB", "IIIA", "IIIB", "IIIC", "IVA", "IVB"]
    assert sorted(set(names), key=group_rank) == names


def test_one_group_off_is_counted_on_the_ladder_of_the_table_where_it_is_told():
    near = row("IA", "IIA")
    near["editions"]["8"]["stage_group"]["ladder"] = list(GROUPS)
    assert summarize([near], "8")["within_one_group"]["value"] == 0.0
    assert summarize([row("IA", "IIA")], "8")["within_one_group"]["value"] == 1.0


def test_each_station_has_its_own_sensitivity_and_false_positives():
    found = [{"station": "7", "truth": True, "p": 0.8}, {"station": "4R", "truth": False, "p": 0.6}]
    missed = [{"station": "7", "truth": True, "p": 0.2}]
    places = summarize([row("IA", "IA", stations=found), row("IA", "IA", stations=missed)], "8")["by_station"]
    assert places["7"]["sensitivity"]["value"] == 0.5
    assert places["4R"]["sensitivity"]["value"] is None
    assert places["4R"]["false_positives_per_patient"]["value"] == 0.5
    assert list(places) == ["4R", "7"]


def test_a_difference_between_cohorts_is_in_points_and_its_interval_holds_it():
    found = difference_figure([1, 0] * 10, [1] * 60)
    assert found["value"] == -50.0
    assert found["low"] < -50.0 < found["high"] < 0.0


def test_a_credible_sets_median_size_has_an_interval():
    rows = [row("IA", "IA", credible=["IA"]), *[row("IA", "IA", credible=["IA", "IB", "IIA"])] * 2]
    size = summarize(rows, "8")["credible_median_size"]["stage_group"]
    assert (size["value"], size["low"], size["high"], size["n"]) == (3.0, 1.0, 3.0, 3)


def test_chance_alone_shows_a_calibration_error_that_shrinks_with_the_number_of_answers():
    assert chance_error(np.full(40, 0.7)) > 4 * chance_error(np.full(4000, 0.7)) > 0
    assert chance_error(np.ones(40)) == 0.0
