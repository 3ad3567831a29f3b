"""Pancreas: T by size and arteries, N and M by the part, resectability by vessels with its reasons."""

from __future__ import annotations

from typing import Any

import pytest

from oncology.errors import ScopeError
from oncology.findings import Contact
from trunk_cases import categories, fact, node, said, staged, tumor

VESSELS = (
    "celiac_trunk", "superior_mesenteric_artery", "common_hepatic_artery", "superior_mesenteric_vein", "portal_vein",
    "aorta", "inferior_vena_cava",
)  # fmt: skip
HEAD = {"location": "pancreas_head", "location_alternatives": {"pancreas_head": 1.0}}
TAIL = {"location": "pancreas_tail", "location_alternatives": {"pancreas_tail": 1.0}}


def meeting(vessel: str, angle: float, **changes: Any) -> Contact:
    return Contact(vessel, 2.0 * angle, 0.0, angle_deg=angle, **changes)


def resectability(
    *contacts: Contact, record: tuple[Any, ...] = (), where: dict[str, Any] | None = None
) -> dict[str, Any]:
    found = staged("pancreas", tumor(30, contacts=contacts, **(where or HEAD)), record=record, assessed=VESSELS)
    result: dict[str, Any] = found["resectability"]
    return result


@pytest.mark.parametrize(
    ("size_mm", "expected"),
    [(5.0, "T1a"), (9.4, "T1b"), (10.0, "T1c"), (20.4, "T1c"), (20.6, "T2"), (40.0, "T2"), (41.0, "T3")],
)
def test_t_follows_size_where_the_arteries_are_free(size_mm: float, expected: str) -> None:
    assert categories(staged("pancreas", tumor(size_mm, **HEAD), assessed=VESSELS))[0] == expected


@pytest.mark.parametrize("artery", ["celiac_trunk", "superior_mesenteric_artery", "common_hepatic_artery"])
@pytest.mark.parametrize("angle", [100.0, 220.0])
def test_contact_with_one_of_three_arteries_is_t4_abutment_included(artery: str, angle: float) -> None:
    case = staged("pancreas", tumor(25, contacts=(meeting(artery, angle),), **HEAD), assessed=VESSELS)
    assert categories(case)[0] == "T4"


def test_a_few_degrees_of_contact_leave_t4_possible_and_do_not_assert_it() -> None:
    case = staged(
        "pancreas", tumor(25, contacts=(meeting("superior_mesenteric_artery", 15.0),), **HEAD), assessed=VESSELS
    )
    t = case["editions"]["8"]["t"]
    assert (t["category"], "T4" in t["possible"]) == ("T2", True)


def test_a_kept_plane_of_fat_makes_t4_less_likely() -> None:
    def p(share: float) -> float:
        contact = meeting("celiac_trunk", 60.0, fat_plane_share=share)
        case = staged("pancreas", tumor(25, contacts=(contact,), **HEAD), assessed=VESSELS)
        return float(case["editions"]["8"]["t"]["probabilities"]["T4"])

    assert p(1.0) < 0.5 < p(0.0)


def test_veins_never_change_t() -> None:
    contacts = (meeting("portal_vein", 270.0), meeting("superior_mesenteric_vein", 200.0))
    assert categories(staged("pancreas", tumor(25, contacts=contacts, **HEAD), assessed=VESSELS))[0] == "T2"


def test_arteries_that_nobody_segmented_leave_t4_open_by_name() -> None:
    found = staged("pancreas", tumor(25, **HEAD), assessed=("aorta", "portal_vein"))
    assert "T4" in found["editions"]["8"]["t"]["possible"]
    assert any("celiac axis was not assessed" in line for line in found["resectability"]["open"])
    assert found["resectability"]["category"] is None


def test_a_celiac_node_is_distant_for_the_head_and_regional_for_the_tail() -> None:
    sample = fact("station_result", {"station": "celiac", "malignant": True, "method": "EUS"})
    head = categories(staged("pancreas", tumor(25, **HEAD), record=(sample,), assessed=VESSELS))
    tail = categories(staged("pancreas", tumor(25, **TAIL), record=(sample,), assessed=VESSELS))
    assert (head[1], head[2]) == ("N0", "M1")
    assert (tail[1], tail[2]) == ("N1", "M0")


@pytest.mark.parametrize(("count", "expected"), [(1, "N1"), (3, "N1"), (4, "N2")])
def test_n_counts_nodes(count: int, expected: str) -> None:
    nodes = tuple(node(number, "peripancreatic", p_malignant=1.0) for number in range(count))
    assert categories(staged("pancreas", tumor(25, **HEAD), nodes=nodes, assessed=VESSELS))[1] == expected


@pytest.mark.parametrize(
    ("contacts", "expected"),
    [
        ((), "resectable"),
        ((meeting("superior_mesenteric_vein", 120.0),), "resectable"),
        ((meeting("superior_mesenteric_vein", 230.0),), "borderline"),
        ((meeting("superior_mesenteric_artery", 100.0),), "borderline"),
        ((meeting("superior_mesenteric_artery", 220.0),), "locally_advanced"),
        ((meeting("common_hepatic_artery", 120.0),), "borderline"),
        ((meeting("common_hepatic_artery", 220.0), meeting("celiac_trunk", 60.0)), "locally_advanced"),
        ((meeting("celiac_trunk", 250.0),), "locally_advanced"),
        ((meeting("inferior_vena_cava", 60.0),), "borderline"),
        ((meeting("aorta", 60.0),), "locally_advanced"),
    ],
)
def test_resectability_follows_degrees_of_contact(contacts: tuple[Contact, ...], expected: str) -> None:
    assert resectability(*contacts)["category"] == expected


def test_resectability_says_why_and_names_an_angle_next_to_the_limit() -> None:
    found = resectability(meeting("superior_mesenteric_artery", 176.0))
    assert found["category"] == "borderline"
    assert found["possible"] == ["borderline", "locally_advanced"]
    assert "superior mesenteric artery: 176 degrees in contact (abutment)" in found["reasons"]
    assert any("next to the limit" in note for note in found["notes"])


def test_a_vein_entered_by_the_tumor_is_irregular_and_borderline() -> None:
    assert resectability(Contact("portal_vein", 200.0, 3.0, angle_deg=90.0))["category"] == "borderline"


def test_a_confirmed_metastasis_is_no_question_of_vessels() -> None:
    liver = fact("metastasis_result", {"site": "liver", "malignant": True})
    assert resectability(record=(liver,))["category"] == "metastatic"


def test_a_high_ca_19_9_is_noted_beside_the_class() -> None:
    marker = fact("ca_19_9", {"value": 1200.0, "unit": "U/mL"})
    found = resectability(record=(marker,))
    assert found["category"] == "resectable"
    assert any("CA 19-9 1200" in note for note in found["notes"])


def test_a_neuroendocrine_tumor_is_refused_by_name() -> None:
    with pytest.raises(ScopeError, match="neuroendocrine"):
        staged("pancreas", tumor(25, **HEAD), record=(fact("histology", "neuroendocrine"),))


def test_head_in_the_record_and_tail_on_the_images_is_a_conflict_and_the_images_count() -> None:
    found = staged("pancreas", tumor(25, **TAIL), record=(fact("subsite", "head"),), assessed=VESSELS)
    assert found["subset"] == "body_tail"
    assert any("part of the pancreas" in conflict["message"] for conflict in found["conflicts"])


def test_a_dilated_duct_is_reported() -> None:
    found = staged("pancreas", tumor(25, measures={"duct_mm": 6.5}, **HEAD), assessed=VESSELS)
    assert found["particulars"]["duct_dilated"] is True


def test_a_person_may_state_the_involved_vessels() -> None:
    stated = said("vessel_or_organ_involvement", ["celiac_axis"])
    assert categories(staged("pancreas", tumor(25, **HEAD), record=(stated,), assessed=VESSELS))[0] == "T4"
