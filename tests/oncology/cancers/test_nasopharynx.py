"""Nasopharynx: neighbors, cranial nerves, low and extending nodes, EBV, both editions."""

from __future__ import annotations

from typing import Any

import pytest

from oncology.cancers.nasopharynx import CANCER
from oncology.findings import CaseId, Contact, Ene, Findings, History, Laterality, Node
from oncology.staging import stage_case
from trunk_cases import categories, fact, node, said, staged, tumor

NEIGHBORS = (
    "parapharyngeal_space_left", "medial_pterygoid_left", "lateral_pterygoid_left", "prevertebral_left", "skull_base",
    "vertebrae_C1",
)  # fmt: skip
EXAMINED = fact("endoscopy", {"cranial_nerve_palsy": False})


def case(*contacts: Contact, **changes: Any) -> dict[str, Any]:
    options: dict[str, Any] = {"assessed": NEIGHBORS, "editions": CANCER.editions, "record": (EXAMINED,), **changes}
    return staged("nasopharynx", tumor(22.0, contacts=contacts, laterality=Laterality.LEFT), **options)


def invaded(structure: str) -> Contact:
    return Contact(structure, 200.0, 5.0, probability=1.0)


def involved(number: int, level: str, side: Laterality = Laterality.LEFT, **changes: Any) -> Node:
    return node(number, level, laterality=side, p_malignant=1.0, **{"ene": Ene(0.0, 0), **changes})


@pytest.mark.parametrize(
    ("structure", "expected"),
    [
        ("soft_palate", "T1"), ("nasal_cavity_left", "T1"), ("parapharyngeal_space_left", "T2"),
        ("medial_pterygoid_left", "T2"), ("lateral_pterygoid_left", "T2"), ("prevertebral_left", "T2"),
        ("clivus", "T3"), ("skull_base", "T3"), ("vertebrae_C1", "T3"), ("pterygoid_plate_left", "T3"),
        ("sphenoid_sinus", "T3"), ("maxillary_sinus_left", "T3"), ("brain", "T4"), ("cavernous_sinus_left", "T4"),
        ("hypopharynx", "T4"), ("orbit_left", "T4"), ("parotid_gland_left", "T4"), ("temporalis_left", "T4"),
        ("retropharyngeal_space", "T1"),
    ],
)  # fmt: skip
def test_a_neighbor_that_is_surely_involved_gives_its_category(structure: str, expected: str) -> None:
    found = case(invaded(structure))
    assert categories(found)[0] == categories(found, "9")[0] == expected


def test_a_palsy_by_examination_is_t4_and_none_leaves_it_out() -> None:
    assert categories(case(record=(fact("endoscopy", {"cranial_nerve_palsy": True}),)))[0] == "T4"
    assert case()["editions"]["8"]["t"]["possible"] == ["T1"]


def test_nerves_that_nobody_examined_are_named_and_likelier_lost_at_the_skull_base() -> None:
    def p_t4(*contacts: Contact) -> float:
        return float(case(*contacts, record=())["editions"]["8"]["t"]["probabilities"]["T4"])

    assert 0.0 < p_t4() < p_t4(invaded("clivus")) < 0.5
    assert any("cranial nerves: no examination" in item["reason"] for item in case(record=())["facts"])


def test_the_whole_skull_counts_as_its_base_only_where_nothing_shows_the_base() -> None:
    others = tuple(name for name in NEIGHBORS if name != "skull_base")
    assert categories(case(invaded("skull")))[0] == "T1"
    assert categories(case(invaded("skull"), assessed=(*others, "skull")))[0] == "T3"


def test_contact_with_the_clivus_leaves_t3_possible_and_does_not_assert_it() -> None:
    t = case(Contact("clivus", 300.0, 0.0))["editions"]["9"]["t"]
    assert (t["category"], "T3" in t["possible"]) == ("T1", True)


@pytest.mark.parametrize(
    ("nodes", "of_8", "of_9"),
    [
        ((involved(1, "II"),), "N1", "N1"),
        ((involved(1, "II", Laterality.RIGHT),), "N1", "N1"),
        ((involved(1, "RP"), involved(2, "RP", Laterality.RIGHT)), "N1", "N1"),
        ((involved(1, "II"), involved(2, "RP", Laterality.RIGHT)), "N1", "N1"),
        ((involved(1, "II"), involved(2, "II", Laterality.RIGHT)), "N2", "N2"),
        ((involved(1, "VB"),), "N3", "N3"),
        ((involved(1, "supraclavicular"),), "N3", "N3"),
        ((involved(1, "II", long_axis_mm=60.4),), "N1", "N1"),
        ((involved(1, "II", long_axis_mm=61.0),), "N3", "N3"),
        ((involved(1, "II", ene=Ene(1.0, 3)),), "N1", "N3"),
        ((involved(1, "II", ene=Ene(1.0, 1)),), "N1", "N1"),
        ((involved(1, "RP", ene=Ene(1.0, 3)),), "N1", "N1"),
    ],
)
def test_n_by_side_level_size_and_advanced_extension(nodes: tuple[Node, ...], of_8: str, of_9: str) -> None:
    found = case(nodes=nodes)
    assert (categories(found)[1], categories(found, "9")[1]) == (of_8, of_9)


def test_extension_that_nobody_looked_for_leaves_n3_of_version_9_open() -> None:
    found = case(nodes=(involved(1, "II", ene=None),))
    assert categories(found)[1] == "N1"
    assert (categories(found, "9")[1], found["editions"]["9"]["n"]["possible"]) == (None, ["N1", "N3"])
    assert any("was not looked for" in item["reason"] for item in found["facts"] if item["key"] == "nodes")


@pytest.mark.parametrize(("height_mm", "expected"), [(-12.0, "N3"), (12.0, "N1")])
def test_a_node_of_level_vi_is_low_when_it_lies_below_the_cricoid(height_mm: float, expected: str) -> None:
    findings = Findings(
        CaseId("0123456789abcdef"),
        "nasopharynx",
        tumors=(tumor(22.0),),
        nodes=(involved(1, "VI", centroid_lps=(5.0, 0.0, height_mm)),),
        nodes_assessed=True,
        landmarks={"cricoid_bottom": (0.0, 0.0, 0.0)},
    )
    assert categories(stage_case(findings, History((EXAMINED,)), ("8",)))[1] == expected


def test_an_ebv_positive_node_without_a_primary_is_t0_by_a_persons_word() -> None:
    record = (fact("ebv", "positive"), said("primary_identified", False))
    found = staged("nasopharynx", nodes=(involved(1, "II"),), record=record, editions=CANCER.editions)
    assert (categories(found)[:2], categories(found, "9")[3]) == (("T0", "N1"), "IB")


def test_undifferentiated_carcinoma_is_one_of_its_own_kinds() -> None:
    kind = fact("histology", "undifferentiated")
    assert categories(case(record=(EXAMINED, kind)))[0] == "T1"
