"""Loading proves the tables: every kind of fault is found, and all of them at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from oncology.errors import TableError
from oncology.tnm.loader import load, tables

T = """
id: pancreas_t
edition: tnm8
site: pancreas
axis: t
classification: [clinical]
source: {work: Example}
inputs:
  size: {fact: greatest_dimension_mm, cut: [20, 40]}
  artery: {fact: vessel_or_organ_involvement, any_of: [celiac_axis, superior_mesenteric_artery]}
unused:
  vessel_or_organ_involvement: [superior_mesenteric_artery_abutment, common_hepatic_artery, gastroduodenal_artery,
    splenic_artery, superior_mesenteric_vein, portal_vein, aorta, common_bile_duct, duodenum, stomach, spleen]
rows:
  - {id: t1, when: {artery: false, size: "<= 20"}, then: T1}
  - {id: t2, when: {artery: false, size: "> 20, <= 40"}, then: T2}
  - {id: t3, when: {artery: false, size: "> 40"}, then: T3}
  - {id: t4, when: {artery: true}, then: T4}
"""
N = """
id: pancreas_n
edition: tnm8
site: pancreas
axis: n
classification: [clinical]
source: {work: Example}
inputs:
  regional: {nodes: {}, reduce: count, cap: 1}
rows:
  - {id: n0, when: {regional: 0}, then: N0}
  - {id: n1, when: {regional: 1}, then: N1}
"""
M = """
id: pancreas_m
edition: tnm8
site: pancreas
axis: m
classification: [clinical]
source: {work: Example}
inputs:
  distant: {mets: {}, reduce: any}
rows:
  - {id: m0, when: {distant: false}, then: M0}
  - {id: m1, when: {distant: true}, then: M1}
"""
GROUP = """
id: pancreas_group
edition: tnm8
site: pancreas
axis: group
classification: [clinical]
source: {work: Example}
inputs:
  t: {axis: t}
  n: {axis: n}
  m: {axis: m}
rows:
  - {id: i, when: {t: not T4, n: N0, m: M0}, then: I}
  - {id: ii, when: {t: not T4, n: N1, m: M0}, then: II}
  - {id: iii, when: {t: T4, m: M0}, then: III}
  - {id: iv, when: {m: M1}, then: IV}
"""


def folder_with(tmp_path: Path, **changed: str) -> Path:
    (tmp_path / "tnm8").mkdir()
    for name, text in {"t": T, "n": N, "m": M, "group": GROUP, **changed}.items():
        (tmp_path / "tnm8" / f"pancreas_{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def faults(tmp_path: Path, **changed: str) -> str:
    with pytest.raises(TableError) as caught:
        load(folder_with(tmp_path, **changed))
    return str(caught.value)


def test_sound_tables_load(tmp_path: Path) -> None:
    assert len(load(folder_with(tmp_path)).tables) == 4


def test_the_tables_that_come_with_the_engine_are_sound() -> None:
    assert len(tables().tables) > 40


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ('size: "> 40"}', 'size: "> 20"}', "t2 and t3 both match"),
        ('  - {id: t3, when: {artery: false, size: "> 40"}, then: T3}\n', "", "meet no row, e.g. {size: > 40"),
        ("cut: [20, 40]", "cut: [40, 20]", "must be increasing"),
        ('size: "<= 20"', 'size: "< 20"', "a boundary belongs to the smaller interval"),
        ('size: "<= 20"', 'size: "<= 30"', "bound 30 is none of the cuts"),
        ("greatest_dimension_mm", "greatest_dimension", "did you mean 'greatest_dimension_mm'"),
        ("any_of: [celiac_axis", "any_of: [celiac", "did you mean 'celiac_axis'"),
        ("gastroduodenal_artery,", "", "'gastroduodenal_artery'] is neither used nor listed"),
        ("[superior_mesenteric_artery_abutment,", "[celiac_axis, superior_mesenteric_artery_abutment,", "is used"),
        ("{artery: true}, then: T4", "{arteries: true}, then: T4", "'arteries' is no input"),
        ("{artery: true}, then: T4", "{artery: maybe}, then: T4", "'maybe' is none of"),
        ("{artery: true}, then: T4", "{artery: true}, then: T9", "'T9' is no T category"),
        ("id: t4", "id: t3", "the id stands twice"),
        ("axis: t\n", "axis: x\n", "axis is 'x'"),
        ("site: pancreas", "site: pancraes", "did you mean 'pancreas'"),
        ("edition: tnm8", "edition: tnm9", "expected 'tnm8', the folder"),
        ("id: pancreas_t", "id: other", "expected the file's name"),
        ("classification: [clinical]", "classification: [clinic]", "classification 'clinic'"),
        ("source: {work: Example}\n", "", "source is missing"),
        ("inputs:\n", "inputs:\n  spare: {fact: lesion}\n", "input spare: no row uses it"),
        ("then: T4}", "then: T4, undefined: why}", "expected exactly one of then"),
        ("rows:\n", "rows:\n  - {id: x, when: {artery: true}, undefined: ''}\n", "undefined needs a reason"),
        ("unused:", "unassessable: {category: TX, when_unknown: [sizes]}\nunused:", "'sizes' is no fact of pancreas"),
        ("unused:", "colour: red\nunused:", "unknown key 'colour'"),
        ("axis: t\n", "axis: t\naxis: t\n", "the key 'axis' stands twice"),
        ("rows:", "rows", "pancreas_t.yaml line"),
    ],
)
def test_a_fault_is_found_and_named(tmp_path: Path, old: str, new: str, part: str) -> None:
    assert old in T

    assert part in faults(tmp_path, t=T.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("nodes: {}", "nodes: {station: [celiak]}", "did you mean 'celiac'"),
        ("nodes: {}", "nodes: {station: [celiac]}", "is neither used nor listed under unused"),
        ("reduce: count", "reduce: counted", "did you mean 'count'"),
        (", cap: 1", "", "cap must be a whole number"),
        ("nodes: {}", "nodes: {side: left}", "expected ipsilateral or contralateral"),
        ("nodes: {}", "nodes: {colour: red}", "unknown key 'colour'"),
        ("nodes: {}", "lymph: {}", "unknown key 'lymph'"),
    ],
)
def test_a_fault_in_a_fold_is_found_and_named(tmp_path: Path, old: str, new: str, part: str) -> None:
    assert part in faults(tmp_path, n=N.replace(old, new, 1))


def test_a_category_without_group_cells_is_found(tmp_path: Path) -> None:
    table = N.replace("cap: 1", "cap: 2") + "  - {id: n2, when: {regional: 2}, then: N2}\n"

    assert "combinations meet no row" in faults(tmp_path, n=table)


def test_a_group_cell_for_a_category_that_nothing_gives_is_found(tmp_path: Path) -> None:
    assert "'N3'" in faults(tmp_path, group=GROUP.replace("n: N1", "n: [N1, N3]"))


def test_m_without_m0_is_found(tmp_path: Path) -> None:
    assert "no row gives M0" in faults(tmp_path, m=M.replace("then: M0", "then: M1"))


def test_two_tables_for_the_same_cases_are_found(tmp_path: Path) -> None:
    assert "serves pancreas" in faults(tmp_path, n2=N.replace("id: pancreas_n", "id: pancreas_n2"))


def test_a_line_that_is_never_reached_is_found(tmp_path: Path) -> None:
    derived = (
        "derived:\n  big:\n    first:\n      - {if: {size: '> 20'}, is: b}\n      - {if: {size: '> 40'}, is: c}\n"
        "      - {else: a}\nunused:"
    )
    assert "line 2 of `first` is never reached" in faults(tmp_path, t=T.replace("unused:", derived))


def test_all_faults_of_all_files_are_reported_at_once(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        t=T.replace("then: T4", "then: T9").replace("cut: [20, 40]", "cut: [40, 20]"),
        n=N.replace("reduce: count", "reduce: counted"),
        m=M.replace("then: M0", "then: M1"),
    )

    for part in ("pancreas_t.yaml row t4", "pancreas_t.yaml input size", "pancreas_n.yaml", "pancreas_m.yaml"):
        assert part in found


def test_the_version_follows_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    first = load(folder_with(tmp_path / "a"))
    second = load(folder_with(tmp_path / "b", n=N + "# a comment\n"))

    assert first.version != second.version
