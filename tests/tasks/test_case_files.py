"""A case's files are whole or absent, private where they name a patient, and equal for equal content."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from oncology.errors import StoreError
from oncology.imaging.volume import Geometry, Volume
from tasks.case_files import CaseFiles, canonical_json, fingerprint, make_case_id, write_bytes
from tasks.masks import load_masks, save_masks

CASE = "0123456789abcdef"


@pytest.fixture
def case(home: Path) -> CaseFiles:
    files = CaseFiles(CASE)
    files.create()
    return files


def test_private_files_are_readable_by_their_owner_only(case: CaseFiles) -> None:
    case.write_private("identity.json", {"name": "x"})
    assert case.private.stat().st_mode & 0o777 == 0o700
    assert (case.private / "identity.json").stat().st_mode & 0o777 == 0o600
    assert case.read_private("identity.json") == {"name": "x"}


def test_a_case_id_is_stable_and_depends_on_every_part(home: Path) -> None:
    first = make_case_id("issuer", "patient", "study")
    assert first == make_case_id("issuer", "patient", "study")
    assert len({first, make_case_id("issuer", "patient", "other"), make_case_id("other", "patient", "study")}) == 3
    assert len(first) == 16
    assert set(first) <= set("0123456789abcdef")


def test_another_key_gives_other_case_ids(home: Path) -> None:
    first = make_case_id("patient")
    (home / "pseudonym.key").write_bytes(b"another key")
    assert make_case_id("patient") != first


def test_processes_that_start_at_once_share_one_key(home: Path) -> None:
    home.mkdir()
    program = "from tasks.case_files import make_case_id; print(make_case_id('patient'))"
    started = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) for _ in range(4)]
    assert len({process.communicate(timeout=60)[0] for process in started}) == 1


def test_an_output_that_was_altered_no_longer_holds(case: CaseFiles) -> None:
    outputs = case.save_json("a.json", {"x": 1})
    assert case.holds(outputs)
    (case.work / "a.json").write_text("{}")
    assert not case.holds(outputs)


def test_a_file_that_cannot_be_written_leaves_nothing(case: CaseFiles) -> None:
    (case.work / "taken").mkdir()
    (case.work / "taken" / "x").touch()
    with pytest.raises(StoreError, match="taken could not be written"):
        write_bytes(case.work / "taken", b"content")
    assert not (case.work / ".partial-taken").exists()


def test_a_missing_output_is_a_clear_error(case: CaseFiles) -> None:
    with pytest.raises(StoreError, match=r"lacks ct\.mha"):
        case.load_volume("ct.mha")


def test_numbers_are_rounded_so_that_equal_findings_give_equal_bytes() -> None:
    assert canonical_json({"a": 0.1 + 0.2, "b": -0.0001}) == canonical_json({"a": 0.3, "b": 0.0})


def test_a_fingerprint_ignores_names_and_order_and_sees_content(tmp_path: Path) -> None:
    for folder, names in (("one", ("a", "b")), ("two", ("z", "y"))):
        (tmp_path / folder).mkdir()
        for name, content in zip(names, ("1", "2"), strict=True):
            (tmp_path / folder / name).write_text(content)
    same = fingerprint(tmp_path / "one")
    assert same == fingerprint(tmp_path / "two")
    (tmp_path / "two" / "y").write_text("3")
    assert fingerprint(tmp_path / "two") != same


def test_masks_and_volumes_come_back_as_they_were(case: CaseFiles) -> None:
    grid = Geometry((3, 4, 5), (2.0, 1.0, 0.5), (1.0, 2.0, 3.0))
    masks = {"lung_left": np.arange(60).reshape(grid.shape) % 3 == 0, "body": np.ones(grid.shape, bool)}
    save_masks(case, "masks.npz", masks, grid)
    ct = Volume(np.arange(60, dtype=np.int16).reshape(grid.shape) - 30, grid)
    case.save_volume("ct.mha", ct)
    again = load_masks(case, "masks.npz", grid)
    assert again.keys() == masks.keys()
    assert all(np.array_equal(again[name], masks[name]) for name in masks)
    assert np.array_equal(case.load_volume("ct.mha").array, ct.array)
    assert case.load_volume("ct.mha").geometry.same_grid(grid)
