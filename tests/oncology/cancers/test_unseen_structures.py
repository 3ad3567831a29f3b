"""Lung and esophagus: what no mask shows is unknown and T says so; what is usually drawn changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from models.training.labels import THORAX as BY_NETWORK
from models.training.labels import WHOLES
from oncology.cancers.lung import LOBES
from oncology.findings import CaseId, Contact, Findings, History, Laterality, Severity, Verdict
from oncology.staging import stage_case
from trunk_cases import fact, said, staged, tumor

# What imaging.anatomy finds without a network on a CT of the chest.
BY_RULES = ("body", "bones", "chest_wall", "diaphragm", "lung_left", "lung_right", "main_bronchus_left",
            "main_bronchus_right", "mediastinum", "spinal_canal", "spine", "trachea")  # fmt: skip
USUAL = (*BY_RULES, *BY_NETWORK, *WHOLES)


def t_of(cancer: str, assessed: tuple[str, ...], *record: Any, **changes: Any) -> dict[str, Any]:
    made = tumor(24.0, solid_component_mm=24.0, laterality=Laterality.LEFT, measures={"wall_mm": 12.0}, **changes)
    result = staged(cancer, made, assessed=assessed, record=record)
    lacking = {item["what"]: item["why"] for item in result["missing"]}
    return result["editions"]["8"]["t"] | {"lacking": lacking}


@pytest.mark.parametrize("cancer", ["lung", "esophagus"])
def test_what_rules_and_networks_usually_draw_leaves_t_as_it_is(cancer: str) -> None:
    seen, told_nothing = t_of(cancer, USUAL), t_of(cancer, ())
    assert seen["probabilities"] == told_nothing["probabilities"]
    assert "invaded structures" not in seen["lacking"]


def test_lungs_alone_show_no_neighbor_of_the_esophagus_and_t_cannot_be_told() -> None:
    t = t_of("esophagus", ("body", "lung_left", "lung_right"))
    assert t["category"] is None
    assert any(category.startswith("T4") for category in t["possible"])
    assert "aorta" in t["lacking"]["invaded structures"]


def test_lungs_alone_leave_a_lung_tumor_its_size_and_every_neighbor_in_doubt() -> None:
    t = t_of("lung", ("body", "lung_left", "lung_right"))
    assert t["category"] == "T1c"
    assert t["possible"][-1] == "T4"
    assert "T4" in t["credible"]
    assert "mediastinum" in t["lacking"]["invaded structures"]
    assert {"main bronchus involved", "visceral pleura invasion"} <= t["lacking"].keys()


def test_a_lung_case_whose_anatomy_failed_doubts_every_neighbor() -> None:
    t = failed_anatomy("lung")
    assert t["category"] == "T1c"
    assert "T4" in t["credible"]
    assert "invaded structures" in t["lacking"]


@pytest.mark.parametrize("cancer", ["esophagus", "larynx"])
def test_a_case_whose_anatomy_failed_says_nothing_of_neighbors(cancer: str) -> None:
    t = failed_anatomy(cancer)
    assert t["category"] is None
    assert "invaded structures" in t["lacking"]


def failed_anatomy(cancer: str) -> dict[str, Any]:
    failed = Verdict("part-failed", Severity.ERROR, "anatomy failed", "anatomy")
    findings = Findings(CaseId("c"), cancer, tumors=(tumor(24.0, solid_component_mm=24.0),), quality=(failed,))
    result = stage_case(findings, History(), ("8",), imaging_date="2026-05-04")
    return result["editions"]["8"]["t"] | {"lacking": {item["what"]: item["why"] for item in result["missing"]}}


def test_a_neighbor_that_one_mask_would_show_is_named() -> None:
    t = t_of("esophagus", tuple(name for name in USUAL if name != "azygos_vein"))
    assert t["category"] is None
    assert t["lacking"]["invaded structures"].endswith(": azygos vein")


def test_what_a_person_states_needs_no_mask() -> None:
    t = t_of("lung", ("body", "lung_left", "lung_right"), said("invaded_structures", []),
             said("main_bronchus_involved", False), said("visceral_pleura_invasion", False))  # fmt: skip
    assert t["category"] == "T1c"


def test_invasion_that_is_proven_decides_whatever_else_was_not_seen() -> None:
    met = Contact("vertebrae_T5", 300.0, 4.0, probability=1.0)
    assert t_of("lung", ("body", "lung_left", "lung_right"), contacts=(met,))["category"] == "T4"


def test_rules_alone_stage_a_lung_by_its_size_and_leave_the_fissure_open() -> None:
    t = t_of("lung", BY_RULES)
    assert t["category"] == "T1c"
    assert "invaded_structures.adjacent_lobe_across_fissure" in t["open"]
    assert "invaded_structures.adjacent_lobe_across_fissure" not in t_of("lung", (*BY_RULES, *LOBES))["open"]


def test_a_mediastinum_without_a_mask_is_shown_by_the_organs_that_fill_it() -> None:
    without = tuple(name for name in USUAL if name != "mediastinum")
    assert t_of("lung", without)["category"] == "T1c"
    still_less = tuple(name for name in without if name != "esophagus")
    assert "mediastinum, esophagus" in t_of("lung", still_less)["lacking"]["invaded structures"]


def test_the_main_bronchus_of_the_tumors_side_is_the_one_that_counts() -> None:
    other = tuple(name for name in USUAL if name != "main_bronchus_left")
    assert "main bronchus involved" in t_of("lung", other)["lacking"]
    seen = fact("endoscopy", {"main_bronchus_involved": False})
    assert t_of("lung", other, seen)["category"] == "T1c"


def test_eus_that_says_t4_and_not_of_what_is_told_as_lacking() -> None:
    t = t_of("esophagus", USUAL, fact("eus_t", "T4"))
    assert "does not say which" in t["lacking"]["invaded structures"]
