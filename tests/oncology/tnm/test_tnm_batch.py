"""CSV in, CSV out: columns kept, answers appended, a bad row spoils only itself."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path
from typing import Any

import pytest

from oncology.errors import FactError, InputError
from oncology.tnm.batch import run_axis, run_groups

HEAD = ["site", "edition", "classification", "subset", "T", "N", "M"]


def write(path: Path, header: list[str], rows: list[list[Any]], **how: Any) -> Path:
    with path.open("w", newline="", encoding=how.get("encoding", "utf-8")) as target:
        writer = csv.writer(target, lineterminator=how.get("end", "\n"))
        writer.writerow(header)
        writer.writerows(rows)
    return path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as source:
        return list(csv.DictReader(source))


def groups(folder: Path, rows: list[list[Any]], **how: Any) -> tuple[int, list[dict[str, str]]]:
    failed = run_groups(write(folder / "in.csv", HEAD, rows, **how), folder / "out.csv", False)
    return failed, read(folder / "out.csv")


def axis(
    folder: Path, which: str, facts: list[Any], strict: bool = False, **how: Any
) -> tuple[int, list[dict[str, str]]]:
    rows = [
        [f"c{i}", how.get("site", "lung"), how.get("edition", "9"), "clinical", how.get("subset", ""), one]
        for i, one in enumerate(one if isinstance(one, str) else json.dumps(one) for one in facts)
    ]
    source = write(folder / "in.csv", ["case_id", "site", "edition", "classification", "subset", "facts"], rows)
    failed = run_axis(which, source, folder / "out.csv", strict)
    return failed, read(folder / "out.csv")


def test_a_group_is_appended_to_the_row(tmp_path: Path) -> None:
    failed, (row,) = groups(tmp_path, [["lung", "9", "clinical", "", "T1a", "N1", "M0"]])

    assert failed == 0
    assert list(row) == [*HEAD, "stage_group", "possible", "rule", "error"]
    assert (row["stage_group"], json.loads(row["possible"]), row["error"]) == ("IIA", ["IIA"], "")
    assert row["rule"]


def test_undefined_is_an_answer_and_no_error(tmp_path: Path) -> None:
    failed, rows = groups(
        tmp_path, [["pancreas", 8, "clinical", "", "TX", "N0", "M0"], ["lung", 9, "clinical", "", "T1a", "N2", "M0"]]
    )

    assert failed == 0
    assert [row["stage_group"] for row in rows] == ["undefined", "undefined"]
    assert json.loads(rows[1]["possible"]) == ["IIB", "IIIA"]


def test_a_bad_row_gets_its_error_and_the_others_are_answered(tmp_path: Path) -> None:
    failed, rows = groups(
        tmp_path,
        [
            ["lung", "9", "clinical", "", "T1a", "N0", "M0"],
            ["lung", "9", "clinical", "", "T7", "N0", "M0"],
            ["lnug", "9", "clinical", "", "T1a", "N0", "M0"],
            ["larynx", "9", "clinical", "", "T1a", "N0", "M0"],
            ["lung", "8", "clinical", "", "T1a", "N0", "M0"],
        ],
    )

    assert failed == 3
    assert [row["stage_group"] for row in rows] == ["IA1", "", "", "", "IA1"]
    assert "T7" in rows[1]["error"]
    assert "did you mean 'lung'" in rows[2]["error"]
    assert "available: 8" in rows[3]["error"]


@pytest.mark.parametrize("subset", ["p16=positive", "P16=Positive", " p16 = positive "])
def test_a_subset_is_read_in_any_case(tmp_path: Path, subset: str) -> None:
    failed, (row,) = groups(tmp_path, [["Oropharynx", "8", "Clinical", subset, "T1", "N1", "M0"]])

    assert (failed, row["stage_group"]) == (0, "I")


def test_other_columns_keep_their_place_and_content(tmp_path: Path) -> None:
    source = write(
        tmp_path / "in.csv", ["note", *HEAD, "x"], [['a, "b"\nc', "lung", "9", "clinical", "", "T1a", "N0", "M0", "é"]]
    )

    run_groups(source, tmp_path / "out.csv", False)

    (row,) = read(tmp_path / "out.csv")
    assert list(row) == ["note", *HEAD, "x", "stage_group", "possible", "rule", "error"]
    assert (row["note"], row["x"]) == ('a, "b"\nc', "é")


def test_byte_order_mark_carriage_returns_and_empty_lines_are_read(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["lung", "9", "clinical", "", "T1a", "N0", "M0"],
        [],
        ["lung", "9", "", "", "T1b", "N0", "M0"],
    ]

    failed, found = groups(tmp_path, rows, encoding="utf-8-sig", end="\r\n")

    assert failed == 0
    assert [row["stage_group"] for row in found] == ["IA1", "IA2"]


def test_answering_an_answered_file_again_changes_nothing(tmp_path: Path) -> None:
    groups(tmp_path, [["lung", "9", "clinical", "", "T1a", "N0", "M0"]])

    run_groups(tmp_path / "out.csv", tmp_path / "out.csv", False)

    (row,) = read(tmp_path / "out.csv")
    assert list(row) == [*HEAD, "stage_group", "possible", "rule", "error"]


def test_closed_reading_takes_what_is_not_mentioned_as_not_present(tmp_path: Path) -> None:
    failed, (row,) = axis(tmp_path, "t", [{"greatest_dimension_mm": 32}])
    _, (strict,) = axis(tmp_path, "t", [{"greatest_dimension_mm": 32}], strict=True)

    assert (failed, row["category"], json.loads(row["possible"])) == (0, "T2a", ["T2a"])
    assert strict["category"] == ""
    assert "T4" in json.loads(strict["possible"])


def test_no_nodes_and_no_metastases_mentioned_are_n0_and_m0_in_the_closed_reading(tmp_path: Path) -> None:
    assert axis(tmp_path, "n", [{}])[1][0]["category"] == "N0"
    assert axis(tmp_path, "m", [{}])[1][0]["category"] == "M0"
    assert axis(tmp_path, "n", [{}], strict=True)[1][0]["category"] == "NX"


@pytest.mark.parametrize(
    ("facts", "part"),
    [
        ("null", "expected a JSON object"),
        ("", "no JSON"),
        ("[]", "expected a JSON object"),
        ('{"greatest_dimension_mm": 3', "no JSON"),
        ('{"greatest_dimension_mm": NaN}', "NaN"),
        ('{"density": "solid", "density": "part_solid"}', "'density' twice"),
        ('{"sise": 3}', "unknown fact 'sise'"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_facts_that_cannot_be_read_are_an_error_of_their_row(tmp_path: Path, facts: str, part: str) -> None:
    failed, rows = axis(tmp_path, "t", [facts, {"greatest_dimension_mm": 32}])

    assert failed == 1
    assert part in rows[0]["error"]
    assert rows[1]["category"] == "T2a"


def test_case_ids_may_repeat(tmp_path: Path) -> None:
    header = ["case_id", "site", "edition", "classification", "subset", "facts"]
    row = ["same", "lung", "9", "clinical", "", '{"greatest_dimension_mm": 15}']

    run_axis("t", write(tmp_path / "in.csv", header, [row, row]), tmp_path / "out.csv", False)

    assert [one["category"] for one in read(tmp_path / "out.csv")] == ["T1b", "T1b"]


def test_a_row_with_too_many_cells_is_an_error(tmp_path: Path) -> None:
    failed, rows = groups(tmp_path, [["lung", "9", "clinical", "", "T1a", "N0", "M0", "extra"]])

    assert failed == 1
    assert "8 cells; expected 7" in rows[0]["error"]


def test_missing_columns_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", HEAD[:-1], [])

    with pytest.raises(InputError, match="lacks the columns M"):
        run_groups(source, tmp_path / "out.csv", False)

    assert not (tmp_path / "out.csv").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_semicolons_are_recognized(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(";".join(HEAD) + "\n", encoding="utf-8")

    with pytest.raises(InputError, match="semicolons"):
        run_groups(tmp_path / "in.csv", tmp_path / "out.csv", False)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00bad"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "in.csv").write_bytes(content)

    with pytest.raises(InputError, match=r"in\.csv"):
        run_groups(tmp_path / "in.csv", tmp_path / "out.csv", False)


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", HEAD, [])

    with pytest.raises(InputError, match=r"out\.csv cannot be written"):
        run_groups(source, tmp_path / "missing" / "out.csv", False)


def test_an_unknown_axis_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FactError, match="unknown axis 'x'"):
        run_axis("x", tmp_path / "in.csv", tmp_path / "out.csv", False)


@pytest.mark.slow
def test_a_hundred_thousand_groups_take_seconds(tmp_path: Path) -> None:
    rows = [["lung", "9", "clinical", "", f"T{1 + i % 4}", f"N{i % 4}", f"M{i % 2}"] for i in range(100_000)]
    source = write(tmp_path / "in.csv", HEAD, rows)

    started = time.process_time()
    run_groups(source, tmp_path / "out.csv", False)

    assert time.process_time() - started < 10.0
