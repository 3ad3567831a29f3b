"""Every board case gives the stage that the definitions give; see tests/board_cases.py for the form of a case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from board_cases import IMAGING_DATE, board_cases, findings_of, history_of
from oncology.errors import InputError
from oncology.staging import stage_case

CASES = list(board_cases())
AXES = ("t", "n", "m", "stage_group")
LEAST_CASES = 30


def staged(case: Mapping[str, Any]) -> dict[str, Any]:
    editions = [key for key in case["expect"] if key in ("8", "9")] or ["8"]
    return stage_case(
        findings_of(case), history_of(case), editions, subset=case.get("subset"), imaging_date=IMAGING_DATE
    )


def names(cases: list[dict[str, Any]]) -> list[str]:
    return [f"{case['cancer']}: {case['name']}" for case in cases]


STAGED = [case for case in CASES if "error" not in case["expect"]]
REFUSED = [case for case in CASES if "error" in case["expect"]]


@pytest.mark.parametrize("case", STAGED, ids=names(STAGED))
def test_a_case_gets_its_stage(case: dict[str, Any]) -> None:
    result, expected = staged(case), case["expect"]
    for edition, answers in result["editions"].items():
        found = [answers[axis]["category"] for axis in AXES]
        assert found[: len(expected[edition])] == expected[edition]
        for axis, categories in expected.get("possible", {}).items():
            assert set(categories) <= set(answers[axis]["possible"])
        in_doubt = " ".join(item for axis in AXES for item in answers[axis]["open"])
        assert all(fact in in_doubt for fact in expected.get("open", ()))
    for edition, categories in expected.get("if_confirmed", {}).items():
        confirmed = result["editions"][edition]["stage_if_candidates_confirmed"]
        assert [confirmed[axis] for axis in AXES] == categories


@pytest.mark.parametrize("case", STAGED, ids=names(STAGED))
def test_a_case_says_what_is_lacking_and_what_contradicts(case: dict[str, Any]) -> None:
    result, expected = staged(case), case["expect"]
    assert {item["name"] for item in result["conflicts"]} == set(expected.get("conflicts", ()))
    assert set(expected.get("missing", ())) <= {item["what"] for item in result["missing"]}
    if "resectability" in expected:
        assert result["resectability"]["category"] == expected["resectability"]
    if "subset" in expected:
        assert result["subset"] == expected["subset"]


@pytest.mark.parametrize("case", REFUSED, ids=names(REFUSED))
def test_a_case_out_of_scope_is_refused_by_name(case: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=case["expect"]["error"]):
        staged(case)


def test_every_group_has_thirty_cases_with_names_of_their_own_and_sources() -> None:
    assert all(count >= LEAST_CASES for count in Counter(case["group"] for case in CASES).values())
    assert len(set(names(CASES))) == len(CASES)
    assert all(case["source"] for case in CASES)
