"""A step is computed once, again when its answer no longer holds, and tried again only where that can help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prefect import flow

from oncology.errors import ImageError, StepError, StoreError
from tasks.case_files import CaseFiles, Outputs
from tasks.step import step

CASE = "0123456789abcdef"
calls: list[Any] = []


@step("1")
def compute(case_id: str, value: int) -> Outputs:
    calls.append(value)
    return CaseFiles(case_id).save_json("value.json", value)


@step("1", final=lambda case: case.load_json("value.json") > 7)
def compute_short(case_id: str, value: int) -> Outputs:
    calls.append(value)
    return CaseFiles(case_id).save_json("value.json", value)


@step("1", io=True)
def read_broken(case_id: str) -> Outputs:
    calls.append("broken")
    raise ImageError("slices are missing")


@step("1", io=True)
def read_busy(case_id: str) -> Outputs:
    calls.append("busy")
    if calls.count("busy") < 2:
        raise StoreError("the disk is busy")
    return CaseFiles(case_id).save_json("value.json", 1)


@step("1")
def compute_broken(case_id: str) -> Outputs:
    calls.append("bug")
    raise ValueError("a bug")


@flow(persist_result=False)
def run(function: Any, *arguments: Any) -> Any:
    return function(*arguments)


@pytest.fixture(autouse=True)
def case(prefect_home: Path) -> CaseFiles:
    calls.clear()
    files = CaseFiles(CASE)
    files.create()
    return files


def test_a_finished_step_is_not_repeated_by_a_later_run(case: CaseFiles) -> None:
    first = run(compute, CASE, 7)
    assert run(compute, CASE, 7) == first
    assert calls == [7]


def test_other_arguments_compute_anew() -> None:
    run(compute, CASE, 7)
    run(compute, CASE, 8)
    assert calls == [7, 8]


@pytest.mark.parametrize("harm", ["delete the file", "change the file", "cut off the stored answer"])
def test_an_answer_that_no_longer_holds_is_computed_anew(case: CaseFiles, harm: str) -> None:
    first = run(compute, CASE, 7)
    if harm == "delete the file":
        (case.work / "value.json").unlink()
    elif harm == "change the file":
        (case.work / "value.json").write_text("8")
    else:
        (stored,) = (case.root / "results").iterdir()
        stored.write_bytes(stored.read_bytes()[:40])
    assert run(compute, CASE, 7) == first
    assert calls == [7, 7]
    assert case.load_json("value.json") == 7


def test_an_answer_that_another_run_may_better_is_computed_anew(case: CaseFiles) -> None:
    assert run(compute_short, CASE, 7) == run(compute_short, CASE, 7)
    run(compute_short, CASE, 8)
    run(compute_short, CASE, 8)
    assert calls == [7, 7, 8]


def test_erasing_the_case_erases_what_prefect_kept(case: CaseFiles) -> None:
    run(compute, CASE, 7)
    case.erase()
    assert not list(case.root.parent.rglob("*"))


def test_bad_input_is_not_tried_again() -> None:
    with pytest.raises(ImageError, match="slices are missing"):
        run(read_broken, CASE)
    assert calls == ["broken"]


def test_a_busy_disk_is_tried_again() -> None:
    assert run(read_busy, CASE) == {"value.json": CaseFiles(CASE).save_json("value.json", 1)["value.json"]}
    assert calls == ["busy", "busy"]


def test_computing_is_never_retried() -> None:
    with pytest.raises(StepError, match="ValueError at test_step"):
        run(compute_broken, CASE)
    assert calls == ["bug"]
