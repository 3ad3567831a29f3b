"""Oral cavity: size by depth, where depth comes from, bone and neighbors, what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from oncology.cancers.oral_cavity import depth_chances, thickness_mm
from oncology.errors import ScopeError
from oncology.findings import Contact, Laterality, RecordFact
from trunk_cases import categories, fact, said, staged, tumor

NEIGHBORS = ("mandible", "masseter_left", "upper_alveolar_ridge")


def case(*contacts: Contact, size_mm: float = 25.0, depth: float | None = 4.0, **changes: Any) -> dict[str, Any]:
    told = (fact("depth_of_invasion_mm", depth),) if depth is not None else ()
    made = tumor(size_mm, contacts=contacts, laterality=Laterality.LEFT, **changes.pop("shape", {}))
    record = (*told, *changes.pop("record", ()))
    return staged("oral_cavity", made, record=record, **{"assessed": NEIGHBORS, **changes})


def invaded(structure: str) -> Contact:
    return Contact(structure, 200.0, 5.0, probability=1.0)


@pytest.mark.parametrize(
    ("size_mm", "depth", "expected"),
    [
        (20.0, 5.0, "T1"), (20.0, 5.1, "T2"), (20.0, 11.0, "T2"), (21.0, 4.0, "T2"), (40.0, 10.0, "T2"),
        (40.0, 10.1, "T3"), (41.0, 10.0, "T3"), (41.0, 10.1, "T4a"),
    ],
)  # fmt: skip
def test_t_is_a_grid_of_size_and_depth(size_mm: float, depth: float, expected: str) -> None:
    assert categories(case(size_mm=size_mm, depth=depth))[0] == expected


@pytest.mark.parametrize(
    ("structure", "expected"),
    [
        ("mandible", "T4a"), ("upper_alveolar_ridge", "T4a"), ("maxillary_sinus_left", "T4a"), ("skin", "T4a"),
        ("masseter_left", "T4b"), ("pterygoid_plate_left", "T4b"), ("skull_base", "T4b"),
        ("internal_carotid_artery_left", "T4b"), ("extrinsic_tongue_muscles", "T2"), ("teeth", "T2"),
        ("common_carotid_artery_left", "T2"),
    ],
)  # fmt: skip
def test_a_neighbor_that_is_surely_invaded_gives_its_category(structure: str, expected: str) -> None:
    assert categories(case(invaded(structure)))[0] == expected


def test_contact_with_the_mandible_leaves_t4a_possible_and_does_not_assert_it() -> None:
    t = case(Contact("mandible", 300.0, 0.0))["editions"]["8"]["t"]
    assert (t["category"], "T4a" in t["possible"]) == ("T2", True)


def test_a_tumor_through_the_cortex_has_eroded_its_surface() -> None:
    found = {item["key"]: item["value"] for item in case(Contact("mandible", 300.0, 4.0))["facts"]}[
        "invaded_structures"
    ]
    assert found["superficial_bone_or_tooth_socket_erosion"] == found["mandible_cortical_bone_through"]


def test_depth_from_ct_is_doubtful_and_named_as_such() -> None:
    found = case(depth=None, size_mm=16.0, shape={"short_axis_mm": 8.0, "volume_ml": 0.6})
    depth = next(item for item in found["facts"] if item["key"] == "depth_of_invasion_mm")
    assert depth["status"] == "doubtful"
    assert "thickness on CT" in depth["reason"]
    assert set(found["editions"]["8"]["t"]["possible"]) == {"T1", "T2"}


def test_a_measured_depth_wins_over_ct_and_a_person_over_the_record() -> None:
    thick = {"short_axis_mm": 20.0, "volume_ml": 4.0}
    assert categories(case(depth=4.0, size_mm=18.0, shape=thick))[0] == "T1"
    assert categories(case(depth=4.0, size_mm=18.0, record=(said("depth_of_invasion_mm", 8.0),)))[0] == "T2"


def test_depth_by_endoscopy_counts_where_no_report_has_it() -> None:
    seen = fact("endoscopy", {"depth_of_invasion_mm": 12.0})
    assert categories(case(depth=None, record=(seen,)))[0] == "T3"


def test_thickness_is_the_least_axis_of_the_ellipsoid() -> None:
    flat = replace(tumor(30.0), short_axis_mm=20.0, volume_ml=3.1416)
    assert thickness_mm(flat) == pytest.approx(10.0, abs=0.01)
    assert thickness_mm(replace(flat, volume_ml=20.0)) == 20.0


def test_thickness_measured_on_the_mask_goes_before_that_of_the_ellipsoid() -> None:
    flat = replace(tumor(30.0), short_axis_mm=20.0, volume_ml=3.1416)
    assert thickness_mm(replace(flat, measures={"thickness_mm": 7.0})) == 7.0


def test_depth_of_a_proposed_tumor_is_less_than_its_mask_is_thick() -> None:
    shape = {"measures": {"thickness_mm": 7.0}}
    drawn, proposed = (
        case(depth=None, size_mm=14.0, shape={**shape, "needs_confirmation": open_}) for open_ in (False, True)
    )
    chances = [made["editions"]["8"]["t"]["probabilities"] for made in (drawn, proposed)]
    assert chances[0]["T1"] < 0.5 < chances[1]["T1"]
    assert "a network's border allowed for" in str(proposed["facts"])
    assert "a network's border allowed for" not in str(drawn["facts"])


def test_chances_of_depth_add_up_and_follow_the_thickness() -> None:
    assert sum(depth_chances(9.0).values()) == pytest.approx(1.0)
    assert max(depth_chances(2.0), key=depth_chances(2.0).__getitem__) == "3"
    assert max(depth_chances(18.0), key=depth_chances(18.0).__getitem__) == "15"


@pytest.mark.parametrize(("code", "refused"), [("C00.1", True), ("C00.3", False), ("C00.6", True)])
def test_the_outer_lip_is_staged_as_skin_and_refused(code: str, refused: bool) -> None:
    lip = RecordFact("subsite", "lip", "Condition/1", "code", "2026-05-01", f"http://hl7.org/fhir/sid/icd-10|{code}")
    if refused:
        with pytest.raises(ScopeError, match="outer lip"):
            case(record=(lip,))
    else:
        assert case(record=(lip,))["particulars"]["subsite"] == "lip"


def test_a_mandible_that_nobody_delineated_leaves_t4a_open_by_name() -> None:
    found = case(assessed=("masseter_left",))
    assert "T4a" in found["editions"]["8"]["t"]["possible"]
    assert any("mandible" in item["reason"] for item in found["facts"])
