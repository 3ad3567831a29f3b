"""Every faulty input ends in an error that says what was found, names no patient and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicom_factory import PRIVATE_WORDS
from fault_table import Fault, faults, read_inputs

TABLE = faults()


def listing(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.parametrize("fault", TABLE, ids=[fault.name for fault in TABLE])
def test_faulty_input_is_refused_by_name(fault: Fault, tmp_path: Path) -> None:
    inputs = fault.make(tmp_path)
    before = listing(tmp_path)
    with pytest.raises(fault.error) as caught:
        read_inputs(inputs)
    message = str(caught.value)
    assert [word for word in fault.words if word not in message] == [], message
    assert not any(word in message for word in (*PRIVATE_WORDS, str(tmp_path)))
    assert listing(tmp_path) == before


def test_table_is_long_and_its_names_are_its_own() -> None:
    names = [fault.name for fault in TABLE]
    assert len(names) >= 40
    assert len(set(names)) == len(names)
