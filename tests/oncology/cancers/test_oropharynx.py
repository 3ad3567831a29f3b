"""Oropharynx: p16 chooses the tables and the editions; neighbors, nodes and what stays open without p16."""

from __future__ import annotations

from typing import Any

import pytest

from oncology.cancers.oropharynx import CANCER
from oncology.errors import ScopeError
from oncology.findings import Contact, Ene, Laterality
from trunk_cases import categories, fact, node, said, staged, tumor

POSITIVE, NEGATIVE = fact("p16", "positive"), fact("p16", "negative")
NEIGHBORS = ("epiglottis", "extrinsic_tongue_muscles", "medial_pterygoid_left", "mandible", "skull_base")


def case(*contacts: Contact, size_mm: float = 25.0, **changes: Any) -> dict[str, Any]:
    options: dict[str, Any] = {"assessed": NEIGHBORS, "editions": CANCER.editions, **changes}
    return staged("oropharynx", tumor(size_mm, contacts=contacts, laterality=Laterality.LEFT), **options)


def invaded(structure: str, p: float | None = 1.0) -> Contact:
    return Contact(structure, 200.0, 5.0, probability=p)


@pytest.mark.parametrize(
    ("structure", "without_p16", "with_p16"),
    [
        ("suprahyoid_epiglottis", "T3", "T3"),
        ("pre_epiglottic_space", "T4a", "T4"),
        ("hyoglossus_left", "T4a", "T4"),
        ("medial_pterygoid_left", "T4a", "T4"),
        ("hard_palate", "T4a", "T4"),
        ("mandible", "T4a", "T4"),
        ("lateral_pterygoid_left", "T4b", "T4"),
        ("pterygoid_plate_left", "T4b", "T4"),
        ("clivus", "T4b", "T4"),
        ("internal_carotid_artery_left", "T4b", "T4"),
        ("oral_tongue", "T2", "T2"),
    ],
)
def test_a_neighbor_that_is_surely_invaded_gives_its_category(structure: str, without_p16: str, with_p16: str) -> None:
    negative, positive = (case(invaded(structure), record=(p16,)) for p16 in (NEGATIVE, POSITIVE))
    assert categories(negative)[0] == without_p16
    assert categories(positive)[0] == categories(positive, "9")[0] == with_p16


def test_version_9_is_given_for_p16_positive_disease_alone() -> None:
    assert list(case(record=(POSITIVE,))["editions"]) == ["8", "9"]
    assert list(case(record=(NEGATIVE,))["editions"]) == ["8"]
    with pytest.raises(ScopeError, match="p16=positive alone"):
        case(record=(NEGATIVE,), editions=("9",))


def test_missing_p16_joins_both_tables_and_says_so() -> None:
    found = case(nodes=(node(1, "II", laterality=Laterality.LEFT, p_malignant=1.0),))
    group = found["editions"]["8"]["stage_group"]
    assert (group["category"], {"I", "III"} <= set(group["possible"])) == (None, True)
    assert any("p16: no clear result in the record" in gap["why"] for gap in found["missing"])
    assert any("p16 stain of the biopsy" in test for test in found["discussion"])


def test_p16_stated_in_review_wins_over_the_record() -> None:
    assert case(record=(NEGATIVE, said("p16", "positive")))["subset"] == "p16=positive"


def test_doubtful_extension_leaves_the_lower_n_of_version_9() -> None:
    doubtful = node(1, "II", laterality=Laterality.LEFT, p_malignant=1.0, ene=Ene(0.3, 1))
    n = case(record=(POSITIVE,), nodes=(doubtful,))["editions"]["9"]["n"]
    assert (n["category"], "N2" in n["possible"]) == ("N1", True)


def test_contact_alone_leaves_t4_possible_and_does_not_assert_it() -> None:
    t = case(Contact("medial_pterygoid_left", 200.0, 0.0), record=(NEGATIVE,))["editions"]["8"]["t"]
    assert (t["category"], "T4a" in t["possible"]) == ("T2", True)


def test_the_lumen_of_the_nasopharynx_is_not_its_lateral_wall() -> None:
    t = case(invaded("nasopharynx"), record=(NEGATIVE,))["editions"]["8"]["t"]
    assert (t["category"], "T4b" in t["possible"]) == ("T2", True)


def test_a_mandible_that_nobody_delineated_leaves_t4_open_by_name() -> None:
    found = case(record=(NEGATIVE,), assessed=("epiglottis", "extrinsic_tongue_muscles", "medial_pterygoid_left"))
    assert "T4a" in found["editions"]["8"]["t"]["possible"]
    assert any("mandible" in item["reason"] for item in found["facts"])


def test_endoscopy_settles_what_contact_leaves_open() -> None:
    seen = fact("endoscopy", {"epiglottis_lingual_surface": False})
    found = case(Contact("epiglottis", 150.0, 3.0), record=(NEGATIVE, seen))
    assert found["editions"]["8"]["t"]["possible"] == ["T2"]


def test_a_tumor_that_nobody_drew_is_asked_for() -> None:
    found = staged("oropharynx", record=(POSITIVE,), editions=CANCER.editions)
    assert {"greatest dimension mm", "primary identified"} <= {gap["what"] for gap in found["missing"]}
