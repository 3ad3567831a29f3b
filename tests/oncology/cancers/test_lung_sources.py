"""Lung: organs by their names, the fissure, collapse, proposed nodules, and which source wins."""

from __future__ import annotations

from typing import Any

import pytest

from oncology.findings import Contact, Laterality, MetastasisCandidate, Source, SourceKind, Tumor
from trunk_cases import categories, fact, node, said, staged, tumor

UPPER = {"laterality": Laterality.RIGHT, "location": "lung_upper_lobe_right"}


def lesion(size_mm: float = 24.0, **changes: Any) -> Tumor:
    return tumor(size_mm, **{"solid_component_mm": size_mm, **UPPER, **changes})


def t_of(*tumors: Tumor, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = staged("lung", *tumors, editions=("9",), **more)["editions"]["9"]["t"]
    return answer


@pytest.mark.parametrize(
    ("structure", "expected"),
    [("rib_right_4", "T3"), ("azygos_vein", "T3"), ("pericardium", "T3"), ("heart_atrium_left", "T4"),
     ("vertebrae_T6", "T4"), ("subclavian_artery_right", "T4"), ("brachiocephalic_vein_left", "T4"), ("carina", "T4")],
)  # fmt: skip
def test_invaded_organs_are_told_by_the_names_of_their_masks(structure: str, expected: str) -> None:
    assert t_of(lesion(contacts=(Contact(structure, 400.0, 4.0, probability=0.97),)))["category"] == expected


def test_many_masks_of_one_chest_wall_do_not_add_up() -> None:
    one = t_of(lesion(contacts=(Contact("chest_wall", 900.0, 0.0),)))
    many = (Contact("chest_wall", 900.0, 0.0), Contact("rib_right_4", 300.0, 0.0), Contact("bones", 300.0, 0.0))
    assert t_of(lesion(contacts=many))["probabilities"]["T3"] == pytest.approx(one["probabilities"]["T3"], abs=0.01)


def test_a_tumor_that_lies_in_two_lobes_has_probably_crossed_the_fissure() -> None:
    shares = {"lung_upper_lobe_right": 0.7, "lung_middle_lobe_right": 0.3}
    contact = Contact("lung_middle_lobe_right", 400.0, 8.0)
    assert t_of(lesion(contacts=(contact,), location_alternatives=shares))["category"] == "T2a"


def test_a_tumor_against_the_fissure_leaves_t2a_possible() -> None:
    t = t_of(lesion(contacts=(Contact("lung_middle_lobe_right", 100.0, 0.0),)))
    assert t["category"] == "T1c"
    assert "T2a" in t["possible"]


@pytest.mark.parametrize(("gap_mm", "expected"), [(5.0, "T2a"), (60.0, "T1c")])
def test_collapse_counts_where_it_reaches_the_hilum(gap_mm: float, expected: str) -> None:
    assert t_of(lesion(measures={"collapsed_share": 0.3, "collapse_to_hilum_mm": gap_mm}))["category"] == expected


def test_a_nodule_that_only_a_network_proposes_never_decides_t() -> None:
    proposed = lesion(9.0, id="tumor-2", location="lung_lower_lobe_right", needs_confirmation=True)
    t = t_of(lesion(), proposed)
    assert t["category"] == "T1c"
    assert "T4" in t["possible"]


def test_bronchoscopy_wins_over_contact_on_ct() -> None:
    touching = lesion(contacts=(Contact("main_bronchus_right", 300.0, 2.0),))
    clear = fact("endoscopy", {"main_bronchus_involved": False})
    without = t_of(lesion())["probabilities"]["T2a"]  # collapse is never quite excluded on CT
    assert t_of(touching)["probabilities"]["T2a"] > without
    assert t_of(touching, record=(clear,))["probabilities"]["T2a"] == pytest.approx(without)


def test_left_in_the_record_and_right_on_the_images_is_a_conflict_and_the_images_are_staged() -> None:
    sample = fact("station_result", {"station": "4R", "malignant": True, "method": "EBUS"})
    found = staged("lung", lesion(), record=(fact("laterality", "left"), sample), editions=("9",))
    assert categories(found, "9")[1] == "N2a"
    assert "laterality: the record says left" in found["conflicts"][0]["message"]


def test_the_side_that_a_person_states_in_review_wins_without_conflict() -> None:
    sample = fact("station_result", {"station": "4R", "malignant": True, "method": "EBUS"})
    found = staged("lung", lesion(), record=(said("laterality", "left"), sample), editions=("9",))
    assert categories(found, "9")[1] == "N3"
    assert found["conflicts"] == []


def test_a_person_who_marks_a_node_benign_outweighs_ct_pet_and_a_positive_sample() -> None:
    marked = node(1, "4R", p_malignant=0.0, suv_max=9.0, source=Source(SourceKind.PERSON, "board"))
    sample = fact("station_result", {"station": "4R", "malignant": True, "method": "EBUS"})
    assert categories(staged("lung", lesion(), nodes=(marked,), record=(sample,), editions=("9",)), "9")[1] == "N0"


def test_a_lesion_that_candidate_and_record_both_name_counts_once() -> None:
    confirmed = MetastasisCandidate("candidate-1", "brain", (0.0, 0.0, 0.0), confirmed=True)
    sample = fact("metastasis_result", {"site": "brain", "malignant": True})
    found = staged("lung", lesion(), candidates=(confirmed,), record=(sample,), editions=("9",))
    assert categories(found, "9")[2] == "M1b"


def test_a_candidate_that_a_sample_called_benign_is_gone() -> None:
    waiting = MetastasisCandidate("candidate-1", "adrenal_left", (0.0, 0.0, 0.0))
    sample = fact("metastasis_result", {"site": "adrenal_left", "malignant": False})
    found = staged("lung", lesion(), candidates=(waiting,), record=(sample,), editions=("9",))
    assert found["editions"]["9"]["stage_if_candidates_confirmed"]["m"] == "M0"


def test_a_right_station_is_contralateral_to_a_left_tumor_even_where_its_node_lies_on_the_midline() -> None:
    left = {"laterality": Laterality.LEFT, "location": "lung_upper_lobe_left"}
    middle = node(1, "4R", p_malignant=1.0, laterality=Laterality.MIDLINE)
    assert categories(staged("lung", lesion(**left), nodes=(middle,), editions=("9",)), "9")[1] == "N3"


@pytest.mark.parametrize(
    ("side", "expected"), [(Laterality.RIGHT, "N2a"), (Laterality.LEFT, "N3"), (Laterality.MIDLINE, "N2a")]
)
def test_a_station_that_the_map_names_without_side_takes_the_side_of_its_node(side: Laterality, expected: str) -> None:
    beside = node(1, "8", p_malignant=1.0, laterality=side)
    assert categories(staged("lung", lesion(), nodes=(beside,), editions=("9",)), "9")[1] == expected


def test_a_node_on_the_midline_is_no_contralateral_one_even_where_it_may_lie_in_another_station() -> None:
    between = node(
        1, "8", p_malignant=1.0, laterality=Laterality.MIDLINE, station_alternatives={"8": 0.6, "9L": 0.25, "9R": 0.15}
    )
    assert categories(staged("lung", lesion(), nodes=(between,), editions=("9",)), "9")[1] == "N2a"


def test_a_station_that_nobody_knows_leaves_n_open_and_is_no_metastasis() -> None:
    found = staged("lung", lesion(), nodes=(node(1, "somewhere", p_malignant=1.0),), editions=("9",))
    assert categories(found, "9")[1:3] == (None, "M0")
