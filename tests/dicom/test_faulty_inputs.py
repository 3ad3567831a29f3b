"""Every faulty input ends in an error that says what was found, names no patient and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dicom_factory as factory
from dicom_factory import PRIVATE_WORDS
from fault_table import Fault, faults, read_inputs
from mdt_dicom.intake import read_study
from oncology.errors import AimdtError

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


def damage(content: bytes, seed: int) -> bytes:
    """A few bytes of the first 4000 changed, removed or put in."""
    generator = np.random.default_rng(seed)
    spoiled = bytearray(content)
    at, count = int(generator.integers(min(4000, len(spoiled)))), int(generator.integers(1, 20))
    noise = generator.integers(0, 256, count, dtype=np.uint8).tobytes()
    spoiled[at : at + (0 if seed % 3 == 0 else count)] = b"" if seed % 3 == 1 else noise
    return bytes(spoiled)


def survive(paths: list[Path], target: Path, seeds: range) -> None:
    """Read with each damage to one file: an error of ours, or images."""
    sound, messages = target.read_bytes(), []
    for seed in seeds:
        target.write_bytes(damage(sound, seed))
        try:
            read_study(*paths)
        except AimdtError as error:
            messages.append(str(error))
    assert not any(word in message for word in PRIVATE_WORDS for message in messages)


@pytest.mark.parametrize("seeds", [range(25), pytest.param(range(25, 400), marks=pytest.mark.slow)])
@pytest.mark.parametrize("syntax", ["implicit", "explicit", "RLE", "deflated"])
def test_random_damage_to_a_ct_file_never_escapes_as_a_foreign_error(syntax: str, seeds: range, tmp_path: Path) -> None:
    folder = factory.save(factory.ct_slices(), tmp_path, syntax=syntax)
    survive([folder], folder / "0003", seeds)


@pytest.mark.parametrize("seeds", [range(25), pytest.param(range(25, 400), marks=pytest.mark.slow)])
@pytest.mark.parametrize("many_frames", [False, True])
def test_random_damage_to_a_pet_file_never_escapes_as_a_foreign_error(
    many_frames: bool, seeds: range, tmp_path: Path
) -> None:
    ct, pet = factory.save(factory.ct_slices(), tmp_path / "ct"), tmp_path / "pet"
    slices = factory.pet_slices()
    factory.save([factory.enhanced_pet(slices)] if many_frames else slices, pet)
    survive([ct, pet], pet / "0000", seeds)


@pytest.mark.parametrize("seeds", [range(50), pytest.param(range(50, 1000), marks=pytest.mark.slow)])
def test_random_damage_to_a_nifti_file_never_escapes_as_a_foreign_error(seeds: range, tmp_path: Path) -> None:
    path = factory.nifti(factory.torso(), tmp_path / "ct.nii")
    survive([path], path, seeds)
