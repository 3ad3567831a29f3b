"""Scoring synthetic patients: what each way of staging is given, and what a row says."""

import json
from itertools import count

import numpy as np
import pytest

from models.synthetic.draw import draw_plan
from oncology.errors import InputError
from oncology.findings import Contact, Findings, History, MetastasisCandidate, RecordFact, Tumor
from oncology.imaging.volume import Geometry, Volume
from tasks.cohort import Given, ScoredPatient, Truth, make_scored, read_scored
from tasks.evaluation import _invasions, _metastasis, _narrowed, _stations, _told, score_patient
from tasks.evaluation_run import (
    FIGURES,
    PAGE,
    ROWS,
    Job,
    counts_by_cancer,
    figures_of,
    jobs_to_make,
    read_rows,
    still_open,
    write_figures,
)


def answer(truth, said):
    return {"truth": truth, "category": said, "probabilities": {said: 1.0}, "credible": [said]}


def finished_row(patient, said="IB"):
    axes = {"t": answer("T2a", "T2a"), "n": answer("N0", "N0"), "m": answer("M0", "M0")}
    return {
        "patient": patient,
        "cancer": "lung",
        "shift": None,
        "mode": "truth",
        "editions": {"9": axes | {"stage_group": answer("IB", said)}},
        "stations": [],
        "invasions": [],
        "metastasis": {"truth": False, "asserted": False, "candidate": False},
        "decisive": {"fact": "T4", "truth": False, "p": 0.0},
    }


def test_images_alone_hear_nothing_of_the_record_but_what_chooses_the_table():
    told = {
        "site": "lung",
        "subsite": "upper lobe",
        "histology": "squamous",
        "station_result": {"station": "7", "malignant": True},
    }
    history = History(tuple(RecordFact(name, value, "r", "p") for name, value in told.items()))
    assert [fact.name for fact in _narrowed(history, "lung").facts] == ["site", "histology"]
    assert [fact.name for fact in _narrowed(history, "larynx").facts] == ["site", "subsite", "histology"]


def test_two_doubtful_nodes_of_one_station_add_up_and_a_border_shares_them():
    nodes = [
        {"positive": {"p": 0.5}, "station": "7"},
        {"positive": {"p": 0.5}, "station": "7"},
        {"positive": True, "station": {"p": {"4R": 0.8, "10R": 0.2}}},
    ]
    truth = Truth({}, nodes=({"station": "7", "malignant": True}, {"station": "5", "malignant": False}))
    rows = _stations([{"key": "nodes", "value": nodes}], truth, "lung")
    found = {item["station"]: (item["truth"], item["p"]) for item in rows}
    assert found == {"7": (True, 0.75), "4R": (False, 0.8), "10R": (False, 0.2), "5": (False, 0.0)}


def test_a_station_drawn_without_a_side_is_met_by_either_side_of_it():
    nodes = [{"positive": True, "station": {"p": {"8R": 0.5, "8L": 0.5}}}]
    truth = Truth({}, nodes=({"station": "8", "malignant": True},))
    rows = _stations([{"key": "nodes", "value": nodes}], truth, "lung")
    assert rows == [{"station": "8", "truth": True, "p": 1.0}]


def test_invasion_is_asked_of_what_was_drawn_as_invaded_or_touched():
    contacts = (Contact("aorta", 100.0, 0.0, probability=0.9), Contact("trachea", 5.0, 0.0, probability=0.1))
    tumor = Tumor("tumor-1", 9.0, 30, 30, 30, 30, None, None, (0.0, 0.0, 0.0), contacts=contacts)
    findings = Findings("case", "lung", tumors=(tumor,))
    found = _invasions(findings, Truth({}, invaded=("aorta", "heart"), touched=("trachea",)))
    assert {item["structure"]: (item["truth"], item["p"]) for item in found} == {
        "aorta": (True, 0.9),
        "heart": (True, 0.0),
        "trachea": (False, 0.1),
    }


def test_a_structure_that_is_said_to_be_invaded_without_being_met_is_a_false_answer():
    contacts = (Contact("heart", 100.0, 0.0, probability=0.8), Contact("emphysema", 9.0, 0.0, probability=0.9))
    tumor = Tumor("tumor-1", 9.0, 30, 30, 30, 30, None, None, (0.0, 0.0, 0.0), contacts=contacts)
    found = _invasions(Findings("case", "lung", tumors=(tumor,)), Truth({}))
    assert found == [{"structure": "heart", "truth": False, "p": 0.8}]


def test_sites_of_the_head_and_neck_are_also_told_together():
    rows = [finished_row("a") | {"cancer": "larynx"}, finished_row("b", "IIB") | {"cancer": "oropharynx"}]
    told = {item["cancer"]: item["figures"]["agreement"]["stage_group"] for item in figures_of(rows)["cohorts"]}
    assert set(told) == {"head_and_neck", "larynx", "oropharynx"}
    assert (told["head_and_neck"]["value"], told["head_and_neck"]["n"]) == (0.5, 2)


def with_bone_metastasis(*, drawn=True):
    grid = Geometry((20, 20, 20), (5.0, 5.0, 5.0), (0.0, 0.0, 0.0))
    mask = np.zeros(grid.shape, bool)
    mask[10:12, 10:12, 10:12] = True  # voxel edges from 47.5 to 57.5 mm
    lesions = (Given("metastasis-1", "metastasis", mask, malignant=True),) if drawn else ()
    ct = Volume(np.zeros(grid.shape, np.int16), grid)
    return ScoredPatient("p", "lung", None, Truth({}, metastases=("bone",)), {}, ct, None, lesions=lesions)


@pytest.mark.parametrize(
    ("centers", "candidate", "at_place"),
    [
        ((), False, False),
        (((52.0, 52.0, 52.0),), True, True),  # inside
        (((67.4, 52.0, 52.0),), True, True),  # 9.9 mm off
        (((67.6, 52.0, 52.0),), True, False),  # 10.1 mm off: another bone
        ((None,), True, False),  # at no place
    ],
)
def test_a_candidate_counts_by_its_site_and_where_it_lies_at_the_metastasis(centers, candidate, at_place):
    spots = tuple(MetastasisCandidate(f"c{place}", "bone", center) for place, center in enumerate(centers))
    findings = Findings("case", "lung", metastasis_candidates=spots)
    found = _metastasis({"m": answer("M1b", "M0")}, findings, with_bone_metastasis())
    told = {"candidate": candidate, "candidate_at_place": at_place}
    assert found == {"truth": True, "asserted": False} | told


def test_where_no_masks_are_at_hand_the_place_of_a_candidate_is_not_judged():
    spot = MetastasisCandidate("c1", "bone", (52.0, 52.0, 52.0))
    findings = Findings("case", "lung", metastasis_candidates=(spot,))
    found = _metastasis({"m": answer("M1b", "M0")}, findings, with_bone_metastasis(drawn=False))
    assert (found["candidate"], found["candidate_at_place"]) == (True, None)


def test_a_patient_is_scored_once_in_every_mode():
    jobs = jobs_to_make(["lung"], 5000, 2, [None], ["truth", "images"])
    left = still_open(jobs, [finished_row("lung-005000-0000")])
    assert [(job.patient, job.modes) for job in left] == [
        ("lung-005000-0000", ("images",)),
        ("lung-005000-0001", ("truth", "images")),
    ]


def test_sites_of_the_head_and_neck_share_one_cohort():
    counts = counts_by_cancer("head_and_neck", 12)
    assert sorted(counts.values()) == [2, 2, 2, 3, 3]
    assert counts_by_cancer("all", 60) == {"lung": 60, "esophagus": 60, "pancreas": 60} | dict.fromkeys(counts, 12)
    assert counts_by_cancer("larynx", 7) == {"larynx": 7}


def test_a_row_that_was_cut_off_is_scored_again(tmp_path):
    (tmp_path / ROWS).write_text(json.dumps(finished_row("a")) + "\n" + '{"patient": "b", "mo')
    rows = read_rows(tmp_path)
    assert [row["patient"] for row in rows] == ["a"]
    assert still_open([Job("b", ("truth",))], rows)


def test_reading_rows_leaves_a_run_that_is_writing_them_its_file(tmp_path):
    with (tmp_path / ROWS).open("a") as running:
        for name in ("a", "b"):
            running.write(json.dumps(finished_row(name)) + "\n")
            running.flush()
            read_rows(tmp_path)
    assert [row["patient"] for row in read_rows(tmp_path)] == ["a", "b"]


def test_figures_name_the_agreement_and_what_is_to_be_reached(tmp_path):
    rows = [finished_row("a"), finished_row("b", said="IIB")]
    (tmp_path / ROWS).write_text("".join(json.dumps(row) + "\n" for row in rows))
    cohort = write_figures(tmp_path)["cohorts"][0]
    assert cohort["figures"]["agreement"]["stage_group"]["value"] == 0.5
    assert cohort["reach"] == 0.98
    assert json.loads((tmp_path / FIGURES).read_text())["cohorts"][0]["edition"] == "9"
    assert "Stage agreement" in (tmp_path / PAGE).read_text()


def test_a_folder_that_is_no_patient_is_told_what_it_lacks(tmp_path):
    (tmp_path / "ct").mkdir()
    with pytest.raises(InputError, match=r"lacks record\.json, truth\.json"):
        read_scored(tmp_path)


@pytest.mark.slow
def test_a_patient_of_whom_all_is_known_is_staged_as_drawn():
    row = score_patient(make_scored("lung", 5000, 0, None, images=False), ["truth"])[0]
    for axes in row["editions"].values():
        assert {axis: item["category"] for axis, item in axes.items()} == {
            axis: item["truth"] for axis, item in axes.items()
        }
    assert all(item["truth"] == (item["p"] >= 0.5) for item in row["stations"])


def test_what_an_endosonographer_misjudged_misleads_the_record_but_not_the_truth():
    plans = ((n, draw_plan("esophagus", 5000, n)) for n in count())
    index, plan = next((n, one) for n, one in plans if one.record["eus_t"] not in ("T4a", one.categories["8"]["t"]))
    (row,) = score_patient(make_scored("esophagus", 5000, index, None, images=False), ["truth"])
    assert row["editions"]["8"]["t"]["category"] == plan.categories["8"]["t"]
    grid = Geometry((2, 2, 2), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    patient = ScoredPatient(
        "a", "esophagus", None, Truth(plan.categories), {}, Volume(np.zeros(grid.shape), grid), None
    )
    told = History((RecordFact("eus_t", plan.record["eus_t"], "Observation/1", "value"),))
    assert _told("record", told, patient) == told
    assert not _told("images", told, patient).facts


@pytest.mark.parametrize("cancer", ["larynx", "esophagus", "pancreas"])
def test_a_patient_of_whom_all_is_known_has_stations_invasion_and_metastases_as_drawn(cancer):
    (row,) = score_patient(make_scored(cancer, 5000, 0, None, images=False), ["truth"])
    for axes in row["editions"].values():
        assert {axis: item["category"] for axis, item in axes.items()} == {
            axis: item["truth"] for axis, item in axes.items()
        }
    for item in (*row["stations"], *row["invasions"]):
        assert item["truth"] == (item["p"] >= 0.5), item
    assert row["metastasis"]["asserted"] == row["metastasis"]["truth"]
    assert row["refused"] is None


@pytest.mark.slow
def test_a_patient_seen_by_the_shipped_networks_gives_whole_rows_and_a_page(all_models, tmp_path):
    rows = score_patient(make_scored("pancreas", 8600, 22, None, images=True), ["images", "record"])
    (tmp_path / ROWS).write_text("".join(json.dumps(row) + "\n" for row in rows))
    rows = read_rows(tmp_path)
    assert [(row["mode"], row["refused"]) for row in rows] == [("images", None), ("record", None)]
    for row in rows:
        for axes in row["editions"].values():
            assert axes.keys() == {"t", "n", "m", "stage_group"}
            for item in axes.values():
                assert 0.5 < sum(item["probabilities"].values()) < 1.01  # TX, NX: what they open has no group
                assert set(item["credible"]) <= item["probabilities"].keys()
        assert row["tumor"]["source"]["id"] == "lesion-abdomen"  # a network looked, not rules alone
        assert row["tumor"]["truth"] == "tumor"
        assert {node["truth"] for node in row["nodes"]} <= {"malignant", "benign", "tumor", "metastasis", None}
        assert row["metastasis"].keys() == {"truth", "asserted", "candidate", "candidate_at_place"}
        assert row["metastasis"]["truth"] is True  # drawn into the liver
        assert isinstance(row["metastasis"]["candidate_at_place"], bool)
    images, record = rows
    assert (images["tumor"], images["nodes"]) == (record["tumor"], record["nodes"])  # one look serves both
    cohorts = write_figures(tmp_path)["cohorts"]
    assert {cohort["mode"] for cohort in cohorts} == {"images", "record"}
    assert "pancreas (T4, among all)" in (tmp_path / PAGE).read_text()
