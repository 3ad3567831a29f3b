"""Which of several tumors is the primary: the one that T is told of."""

from dataclasses import replace

from oncology.findings import CaseId, Findings, Laterality, Tumor, primary_in, to_json

MASS = Tumor(
    "tumor-1", 1.2, 15.6, 15.6, 16.0, 12.0, Laterality.RIGHT, None, (-80.0, 31.0, 109.0), suv_max=6.7,
    needs_confirmation=True,
)  # fmt: skip
STREAK = Tumor(
    "tumor-2", 1.0, 32.5, 32.5, 36.0, 7.8, Laterality.LEFT, None, (32.0, 55.0, 290.0), suv_max=0.9,
    needs_confirmation=True,
)  # fmt: skip


def primary(*tumors: Tumor) -> str | None:
    found = Findings(CaseId("0" * 16), "lung", tumors).primary
    return found.id if found else None


def test_a_long_cold_streak_that_was_proposed_after_the_mass_is_no_primary() -> None:
    assert primary(MASS, STREAK) == "tumor-1"


def test_what_a_person_confirmed_or_drew_comes_before_larger_proposals() -> None:
    assert primary(STREAK, replace(MASS, needs_confirmation=False)) == "tumor-1"


def test_of_confirmed_tumors_the_largest_is_the_primary() -> None:
    drawn = [replace(one, needs_confirmation=False) for one in (MASS, STREAK)]
    assert primary(*drawn) == "tumor-2"


def test_without_a_tumor_there_is_no_primary() -> None:
    assert primary() is None


def test_findings_as_json_name_the_same_primary() -> None:
    drawn = replace(STREAK, needs_confirmation=False)
    for tumors in ((MASS, STREAK), (MASS, drawn), ()):
        found = primary_in([to_json(tumor) for tumor in tumors])
        assert (found["id"] if found else None) == primary(*tumors)
