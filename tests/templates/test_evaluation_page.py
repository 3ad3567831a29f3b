"""The page of figures says whose they are and what they are worth."""

from oncology.agreement import summarize
from templates.evaluation import render_evaluation


def content(said, reach=0.98):
    answer = {"truth": "IB", "category": said, "probabilities": {said or "IB": 0.8}, "credible": ["IB"]}
    row = {
        "editions": {"9": dict.fromkeys(("t", "n", "m", "stage_group"), answer)},
        "stations": [{"station": "7", "truth": True, "p": 0.9}],
        "invasions": [],
        "metastasis": {"truth": False, "asserted": False, "candidate": False},
        "decisive": None,
    }
    cohort = {"cancer": "lung", "mode": "truth", "shift": None, "edition": "9", "reach": reach}
    return {"software": "1.2.3", "cohorts": [cohort | {"figures": summarize([row] * 4, "9")}]}


def test_the_page_says_that_every_patient_is_synthetic_and_which_software_staged_them():
    page = render_evaluation(content("IB"))
    assert "Every patient on this page is synthetic" in page
    assert "1.2.3" in page
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
