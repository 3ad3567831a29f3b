"""The cases a clinician can read, tests/cases/tnm: every one is run, and together they hit every row of every table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oncology.errors import FactError
from oncology.tnm.engine import stage, stage_axis, stage_cell
from oncology.tnm.loader import tables
from oncology.tnm.vocabulary import vocabulary
from oncology.tnm.yaml_file import read_yaml

CASES = Path(__file__).parents[2] / "cases" / "tnm"
Case = dict[str, Any]


def axis_cases() -> list[Case]:
    return [
        {**content.get("defaults", {}), **case, "file": path.stem}
        for path in sorted(CASES.glob("*.yaml"))
        for content in [read_yaml(path)]
        for case in content["cases"]
    ]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def group_cells() -> list[tuple[str, Case, list[Any]]]:
    return list(read_cells())


def read_cells() -> Iterator[tuple[str, Case, list[Any]]]:
    for path in sorted((CASES / "groups").glob("*.yaml")):
        content = read_yaml(path)
        for classification in listed(content["classification"]):
            for cell in content["cells"]:
                yield path.stem, {**content, "classification": classification}, cell


def ident(case: Case) -> str:
    return f"{case['file']}: {case['name']}"


def answer_of(case: Case) -> Any:
    if case["axis"] == "group":
        return stage(
            case["site"],
            case["edition"],
            case["facts"],
            classification=case["classification"],
            subset=case.get("subset"),
            strict=case["reading"] == "strict",
        ).stage_group
    return stage_axis(
        case["axis"],
        case["site"],
        case["edition"],
        case["facts"],
        classification=case["classification"],
        subset=case.get("subset"),
        strict=case["reading"] == "strict",
    )


@pytest.mark.parametrize("case", axis_cases(), ids=ident)
def test_case_gets_the_expected_answer(case: Case) -> None:
    expected = case["expect"]
    if "error" in expected:
        with pytest.raises(FactError, match=str(expected["error"])):
            answer_of(case)
        return

    answer = answer_of(case)

    got = answer.category if answer.category or answer.possible else "undefined"
    assert got == expected["category"], answer
    if expected["category"] not in (None, "undefined", "TX", "NX") and "possible" not in expected:
        assert expected["category"] in answer.possible or answer.category in table_bare(case), answer
    if "possible" in expected:
        assert sorted(answer.possible) == sorted(expected["possible"]), answer
    if "rule" in expected:
        assert set(str(answer.rule).split(", ")) == set(map(str, listed(expected["rule"]))), answer
    if "open" in expected:
        assert set(expected["open"]) <= set(answer.open), answer


def table_bare(case: Case) -> set[str]:
    found = tables().find(
        vocabulary().site(case["site"]), int(case["edition"]), case["classification"], case["axis"], case.get("subset")
    )
    return {label for table in found for label in table.bare}


def group_ident(value: Any) -> str:
    return str(value) if isinstance(value, (str, list)) else ""


@pytest.mark.parametrize(("name", "head", "cell"), group_cells(), ids=group_ident)
def test_cell_gets_the_expected_group(name: str, head: Case, cell: list[Any]) -> None:
    t, n, m, expected = cell
    found = stage_cell(
        head["site"], head["edition"], t, n, m, classification=head["classification"], subset=head.get("subset")
    )

    if isinstance(expected, list):
        assert found.category is None
        assert sorted(found.possible) == sorted(expected)
    elif expected == "undefined":
        assert found.category is None
        assert found.reason
    else:
        assert found.category == expected


def test_there_are_enough_cases_to_trust_the_tables() -> None:
    cells = {
        (head["site"], head["edition"], head["classification"], head.get("subset"), *cell[:3])
        for _, head, cell in group_cells()
    }

    assert len(axis_cases()) >= 400
    assert len(cells) >= 600


def hit_rows() -> set[tuple[str, str]]:
    """(table, row) of every row that decides some case or cell alone."""
    hit = set()
    for case in axis_cases():
        if "error" in case["expect"]:
            continue
        rules = str(answer_of(case).rule).split(", ")
        found = tables().find(
            vocabulary().site(case["site"]),
            int(case["edition"]),
            case["classification"],
            case["axis"],
            case.get("subset"),
        )
        hit |= {(f"tnm{table.edition}/{table.id}", rule) for table in found for rule in rules if len(rules) == 1}
    for _, head, (t, n, m, _) in group_cells():
        found = tables().find(
            vocabulary().site(head["site"]), int(head["edition"]), head["classification"], "group", head.get("subset")
        )
        cell = stage_cell(
            head["site"], head["edition"], t, n, m, classification=head["classification"], subset=head.get("subset")
        )
        hit |= {(f"tnm{table.edition}/{table.id}", rule) for table in found for rule in cell.rule.split(", ")}
    return hit


def test_every_row_of_every_table_decides_a_case() -> None:
    rows = {(f"tnm{table.edition}/{table.id}", row.id) for table in tables().tables for row in table.rows}

    assert rows - hit_rows() == set()
