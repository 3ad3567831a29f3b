"""Esophagus: depth by EUS before CT, the aorta by its angle, histology for the group, nodes by number."""

from __future__ import annotations

import pytest

from oncology.errors import ScopeError
from oncology.findings import Contact, MetastasisCandidate
from trunk_cases import categories, fact, node, said, staged, tumor

SCC = fact("histology", "squamous")
WALL = {"wall_mm": 14.0, "length_along_mm": 52.0}
AORTA_110 = Contact("aorta", 800.0, 0.0, angle_deg=110.0)


@pytest.mark.parametrize(("eus", "expected"), [("T1a", "T1a"), ("T1b", "T1b"), ("T2", "T2"), ("T3", "T3")])
def test_endoscopic_ultrasound_gives_the_depth(eus: str, expected: str) -> None:
    assert categories(staged("esophagus", tumor(50, measures=WALL), record=(SCC, fact("eus_t", eus))))[0] == expected


def test_eus_t2_wins_over_a_ct_that_suggests_t4_and_the_conflict_is_shown() -> None:
    found = staged("esophagus", tumor(50, measures=WALL, contacts=(AORTA_110,)), record=(SCC, fact("eus_t", "T2")))
    assert categories(found)[0] == "T2"
    assert any("endoscopic ultrasound says T2" in conflict["message"] for conflict in found["conflicts"])


def test_a_thick_wall_without_eus_is_probably_t3_and_asks_for_eus() -> None:
    found = staged("esophagus", tumor(50, measures=WALL), record=(SCC,))
    t = found["editions"]["8"]["t"]
    assert t["category"] == "T3"
    assert "T2" in t["possible"]
    assert any("ultrasound" in line for line in found["discussion"])


@pytest.mark.parametrize(("angle", "expected"), [(40.0, "T3"), (70.0, "T3"), (110.0, "T4b")])
def test_the_aorta_counts_as_invaded_above_ninety_degrees(angle: float, expected: str) -> None:
    contact = Contact("aorta", 600.0, 0.0, angle_deg=angle)
    assert categories(staged("esophagus", tumor(50, measures=WALL, contacts=(contact,)), record=(SCC,)))[0] == expected


def test_eus_t4b_takes_the_neighbor_that_ct_suspects() -> None:
    contacts = (Contact("trachea", 300.0, 0.0), Contact("azygos_vein", 100.0, 0.0))
    found = staged("esophagus", tumor(50, measures=WALL, contacts=contacts), record=(SCC, fact("eus_t", "T4b")))
    assert categories(found)[0] == "T4b"


def test_many_touching_neighbors_alone_never_assert_t4() -> None:
    names = ("trachea", "main_bronchus_left", "heart_atrium_left", "vertebrae_T6", "azygos_vein", "lung_left")
    contacts = tuple(Contact(name, 900.0, 0.0) for name in names)
    assert categories(staged("esophagus", tumor(50, measures=WALL, contacts=contacts), record=(SCC,)))[0] == "T3"


def test_histology_decides_the_group() -> None:
    case = {"nodes": (node(1, "7", p_malignant=0.97),)}
    squamous = staged("esophagus", tumor(40), record=(SCC, fact("eus_t", "T2")), **case)
    adeno = staged("esophagus", tumor(40), record=(fact("histology", "adenocarcinoma"), fact("eus_t", "T2")), **case)
    assert categories(squamous) == ("T2", "N1", "M0", "II")
    assert categories(adeno) == ("T2", "N1", "M0", "III")


def test_an_unknown_histology_gives_both_groups_and_guesses_neither() -> None:
    group = staged("esophagus", tumor(40), nodes=(node(1, "7", p_malignant=0.97),), record=(fact("eus_t", "T2"),))
    found = group["editions"]["8"]["stage_group"]
    assert found["category"] is None
    assert {"II", "III"} <= set(found["possible"])


@pytest.mark.parametrize(("count", "expected"), [(0, "N0"), (1, "N1"), (2, "N1"), (3, "N2"), (6, "N2"), (7, "N3")])
def test_n_counts_positive_regional_nodes(count: int, expected: str) -> None:
    stations = ("7", "8U", "8M", "8Lo", "15", "16", "17")
    nodes = tuple(node(number, stations[number], p_malignant=1.0) for number in range(count))
    assert categories(staged("esophagus", tumor(40), nodes=nodes, record=(SCC,)))[1] == expected


def test_one_positive_sample_of_a_station_makes_one_node_positive_and_not_all_there() -> None:
    nodes = tuple(node(number, "7", p_malignant=0.2, short_axis_mm=6.0 + number) for number in range(3))
    sample = fact("station_result", {"station": "7", "malignant": True, "method": "EUS"})
    n = staged("esophagus", tumor(40), nodes=nodes, record=(SCC, sample))["editions"]["8"]["n"]
    assert n["category"] == "N1"


def test_a_supraclavicular_node_waits_for_confirmation_and_is_m1_once_sampled() -> None:
    far = node(1, "supraclavicular_left", p_malignant=0.9)
    waiting = MetastasisCandidate("candidate-1", "non_regional_lymph_node", (0.0, 0.0, 0.0))
    open_case = staged("esophagus", tumor(40), nodes=(far,), candidates=(waiting,), record=(SCC,))
    assert categories(open_case)[1:3] == ("N0", "M0")
    assert open_case["editions"]["8"]["stage_if_candidates_confirmed"]["m"] == "M1"
    sample = fact("station_result", {"station": "supraclavicular_left", "malignant": True, "method": "FNA"})
    assert categories(staged("esophagus", tumor(40), nodes=(far,), record=(SCC, sample)))[2] == "M1"


def test_a_tumor_centered_in_the_stomach_is_refused_as_gastric() -> None:
    with pytest.raises(ScopeError, match="gastric"):
        staged("esophagus", tumor(40, measures={"center_above_egj_mm": -31.0}))


@pytest.mark.parametrize(("above", "expected"), [(60.0, None), (30.0, "I"), (5.0, "II"), (-15.0, "II")])
def test_siewert_type_follows_the_distance_from_the_junction(above: float, expected: str | None) -> None:
    found = staged("esophagus", tumor(40, measures={"center_above_egj_mm": above}), record=(SCC,))
    assert found["particulars"]["siewert"] == expected


def test_endoscopy_tells_length_and_distance_before_ct() -> None:
    seen = fact("endoscopy", {"distance_from_incisors_mm": 270.0, "tumor_length_mm": 40.0})
    found = staged("esophagus", tumor(60, measures={"length_along_mm": 61.0}), record=(SCC, seen))["particulars"]
    assert (found["length_mm"], found["distance_from_incisors_mm"], found["location"]) == (40.0, 270.0, "middle")


def test_neuroendocrine_histology_is_refused_by_name() -> None:
    with pytest.raises(ScopeError, match="neuroendocrine"):
        staged("esophagus", tumor(40), record=(fact("histology", "neuroendocrine"),))


def test_a_person_in_review_outweighs_a_positive_sample_of_the_record() -> None:
    sample = fact("station_result", {"station": "7", "malignant": True, "method": "EUS"})
    overruled = said("station_result", {"station": "7", "malignant": False, "method": None})
    nodes = (node(1, "7", p_malignant=0.9),)
    assert categories(staged("esophagus", tumor(40), nodes=nodes, record=(SCC, sample)))[1] == "N1"
    assert categories(staged("esophagus", tumor(40), nodes=nodes, record=(SCC, sample, overruled)))[1] == "N0"
