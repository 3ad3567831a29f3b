"""The page of figures says whose they are and what they are worth."""

from importlib.metadata import version

from tasks.evaluation_run import figures_of
from templates.evaluation import render_evaluation

AXES = ("t", "n", "m", "stage_group")


def patient(name, said, *, shift=None, cancer="lung"):
    answer = {"truth": "IB", "category": said, "probabilities": {said or "IB": 0.8}, "credible": ["IB"]}
    return {
        "patient": name,
        "cancer": cancer,
        "shift": shift,
        "mode": "truth",
        "editions": {"9": dict.fromkeys(AXES, answer)},
        "stations": [{"station": "7", "truth": True, "p": 0.9}, {"station": "10R", "truth": False, "p": 0.8}],
        "invasions": [],
        "metastasis": {"truth": False, "asserted": False, "candidate": False},
        "decisive": {"fact": "T4", "truth": False, "p": 0.1},
    }


def content(said):
    return figures_of([patient(f"p{place}", said) for place in range(4)])


def test_the_page_says_that_every_patient_is_synthetic_and_which_software_staged_them():
    page = render_evaluation(content("IB"))
    assert "Every patient on this page is synthetic" in page
    assert version("aimdt") in page
    assert "1.00 (1.00-1.00), n=4" in page


def test_nothing_to_average_is_said_and_not_drawn_as_zero():
    page = render_evaluation(content("IB"))
    assert "none / none / none" in page  # invasion facts


def test_abstentions_are_told_beside_the_agreement():
    page = render_evaluation(content(None))
    assert "0.00 (0.00-0.00), n=4</td><td>0.98</td><td>0.00 (0.00-0.00), n=4</td><td>1.00 (1.00-1.00), n=4" in page


def test_the_page_fetches_nothing():
    page = render_evaluation(content("IB")).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "http" not in page
    assert "<svg" in page


def test_what_is_to_be_reached_stands_beside_what_was_measured():
    page = render_evaluation(content("IIB"))
    assert '<td>0.00 (0.00-0.00), n=4</td><td>at least 0.98</td><td class="mark">not reached</td>' in page
    assert "nothing to measure" in page  # no patient with a metastasis


def test_a_shift_is_told_by_its_difference_in_points():
    rows = [patient(f"a{place}", "IB") for place in range(4)]
    rows += [patient(f"b{place}", "IB" if place else "IIB", shift="thick") for place in range(4)]
    assert "1.00 to 0.75: -25 (-75 to +0) points, n=4" in render_evaluation(figures_of(rows))


def test_reliability_is_drawn_for_every_axis_and_stations_are_told_one_by_one():
    page = render_evaluation(content("IB"))
    assert page.count("probability said") == 4
    assert page.index("<td>7</td>") < page.index("<td>10R</td>")


def test_every_dot_of_a_reliability_plot_carries_its_interval():
    page = render_evaluation(content("IB"))
    assert page.count('class="interval"') == page.count("<circle") == 4
    # 4 of 4 were right: the bar goes from 0.51 (Wilson) to 1, on a plot of 170 below a margin of 18
    assert 'd="M166.0 101.3 V18.0"' in page


def test_the_decision_on_t_is_told_of_each_site_with_whom_it_was_asked_of():
    rows = [patient("a", "IB", cancer="larynx"), patient("b", "IB", cancer="nasopharynx")]
    page = render_evaluation(figures_of(rows))
    assert "larynx (T4a or more, among true T3 and T4a)" in page
    assert "nasopharynx (T4, among true T3 and T4)" in page


def test_candidates_at_the_place_of_a_metastasis_are_told_apart_from_those_of_its_site():
    rows = [patient(f"p{place}", "IB") for place in range(2)]
    for row, at_place in zip(rows, (True, False), strict=True):
        row["metastasis"] = {"truth": True, "asserted": False, "candidate": True, "candidate_at_place": at_place}
    page = render_evaluation(figures_of(rows))
    assert "candidates of the right site counted</th><td>1.00 (1.00-1.00), n=2" in page
    assert "candidates within 10 mm of a metastasis counted</th><td>0.50 (0.00-1.00), n=2" in page


def test_what_was_said_in_place_of_the_truth_is_counted():
    assert "IIB for IB (4)" in render_evaluation(content("IIB"))
