"""Synthetic CT and PET in the dialects of four makers: read back as they were, valid, and marked as made up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

import dicom_factory as factory
from dicom_results import dciodvfy_errors
from mdt_dicom.dialect import DIALECTS
from mdt_dicom.image_writer import CtLook, Subject, write_ct, write_pet
from mdt_dicom.intake import read_study
from mdt_dicom.kernel import Sharpness, sharpness
from oncology.imaging.volume import Geometry, Volume

SUBJECT = Subject(
    "SYN-1", "urn:oid:2.25.1", "Synthetica^Ada", "19600101", "F", 67.0, 1.7, "20260504", "SYNACC1", "seed", "NECK"
)
PET_GRID = factory.grid((60, 32, 36), (5.0, 7.5, 6.5))  # two beds
MAKERS = tuple(DIALECTS)


@dataclass(frozen=True)
class Written:
    """One maker's files, the UIDs of the CT in z order, and the headers by slice number."""

    folder: Path
    ct_uids: list[str]
    ct: list[Dataset]
    pet: list[Dataset]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Written]:
    made = {}
    for maker in MAKERS:
        folder = tmp_path_factory.mktemp(maker)
        uids = write_ct(factory.torso(), SUBJECT, folder / "ct", CtLook(maker))
        write_pet(factory.uptake(PET_GRID), SUBJECT, folder / "pet", maker)
        ct, pet = ([pydicom.dcmread(path) for path in sorted((folder / name).iterdir())] for name in ("ct", "pet"))
        made[maker] = Written(folder, uids, ct, pet)
    return made


def same_place(one: Geometry, other: Geometry) -> bool:
    return one.shape == other.shape and np.allclose(one.to_lps(np.zeros(3)), other.to_lps(np.zeros(3)), atol=1e-3)


@pytest.mark.parametrize("maker", MAKERS)
def test_every_makers_images_are_read_back_as_they_were(maker: str, written: dict[str, Written]) -> None:
    study = read_study(written[maker].folder / "ct", written[maker].folder / "pet")
    assert study.pet is not None
    assert np.array_equal(study.ct.volume.array, factory.torso().array)
    assert same_place(study.ct.volume.geometry, factory.torso().geometry)
    assert list(study.ct.info.sop_instance_uids) == written[maker].ct_uids
    suv = factory.uptake(PET_GRID)
    assert np.abs(study.pet.volume.array - suv.array).max() <= suv.array.max() / 32767
    assert same_place(study.pet.volume.geometry, PET_GRID)
    assert [*study.ct.verdicts, *study.pet.verdicts] == []


@pytest.mark.parametrize("maker", MAKERS)
def test_dciodvfy_finds_no_error_in_any_makers_images(maker: str, written: dict[str, Written]) -> None:
    files = [next((written[maker].folder / name).iterdir()) for name in ("ct", "pet")]
    assert [error for path in files for error in dciodvfy_errors(path)] == []


@pytest.mark.parametrize("maker", MAKERS)
def test_a_header_names_its_maker_and_that_it_is_made_up(maker: str, written: dict[str, Written]) -> None:
    for header, own in ((written[maker].ct[0], DIALECTS[maker].ct), (written[maker].pet[0], DIALECTS[maker].pet)):
        assert header.Manufacturer == own.manufacturer
        assert header.ManufacturerModelName == header.InstitutionName == "AI-MDT synthetic"
        assert "SYNTHETIC" in header.SeriesDescription
        assert "SYNTHETIC" in header.StudyDescription
    assert " 5.0" in written[maker].ct[0].SeriesDescription  # the slices' thickness


@pytest.mark.parametrize("maker", MAKERS)
def test_finer_noise_is_told_by_a_sharper_kernel_of_the_maker_for_soft_tissue(maker: str) -> None:
    kernels = [DIALECTS[maker].ct.kernel_at(grain)[0] for grain in (0.5, 0.7, 1.15)]
    assert len(set(kernels)) == 3
    assert {sharpness(kernel) for kernel in kernels} == {Sharpness.SOFT}


def test_values_beyond_the_scale_of_a_ct_are_cut_off(tmp_path: Path) -> None:
    extreme = factory.torso()
    extreme.array[0, 0, :2] = (-3000, 9000)
    for maker in MAKERS:
        write_ct(extreme, SUBJECT, tmp_path / maker, CtLook(maker))
        assert read_study(tmp_path / maker).ct.volume.array[0, 0, :2].tolist() == [-1024, 3071]


def test_units_and_private_factors_are_the_makers(written: dict[str, Written]) -> None:
    assert {maker: written[maker].pet[0].Units for maker in MAKERS} == {
        "siemens": "BQML", "ge": "BQML", "philips": "CNTS", "canon": "BQML",
    }  # fmt: skip
    factors = written["philips"].pet[0].private_block(0x7053, "Philips PET Private Group")
    assert float(factors[0x00].value) > float(factors[0x09].value) * 1e-5 > 0
    start = written["ge"].pet[0].private_block(0x0009, "GEMS_PETD_01")[0x0D].value
    assert (start[:14], written["ge"].pet[0].SeriesTime) == ("20260504100000", "103000")


def test_the_injection_is_told_in_the_makers_fields(written: dict[str, Written]) -> None:
    items = {maker: written[maker].pet[0].RadiopharmaceuticalInformationSequence[0] for maker in MAKERS}
    told = {
        maker: (item.get("RadiopharmaceuticalStartTime"), item.get("RadiopharmaceuticalStartDateTime"))
        for maker, item in items.items()
    }
    assert told == {
        "siemens": ("090000.000000", "20260504090000.000000"),
        "ge": ("090000", "20260504090000"),
        "philips": ("090000", None),
        "canon": (None, "20260504090000.000"),
    }


def test_beds_are_taken_one_after_the_other_from_the_feet(written: dict[str, Written]) -> None:
    slices = sorted(written["siemens"].pet, key=lambda header: float(header.ImagePositionPatient[2]))
    assert (slices[0].AcquisitionTime, slices[-1].AcquisitionTime) == ("100000.000000", "100200.000000")
    assert slices[0].DecayFactor < slices[-1].DecayFactor


def test_transfer_syntaxes_and_directions_differ(written: dict[str, Written]) -> None:
    assert len({written[maker].ct[0].file_meta.TransferSyntaxUID for maker in MAKERS}) == 3
    rising = {
        maker: bool(written[maker].ct[0].ImagePositionPatient[2] < written[maker].ct[-1].ImagePositionPatient[2])
        for maker in MAKERS
    }
    assert set(rising.values()) == {True, False}


def test_a_phase_other_than_the_portal_one_is_told_in_the_description(tmp_path: Path) -> None:
    told = {}
    for phase in ("arterial", "portal"):
        write_ct(factory.torso(), SUBJECT, tmp_path / phase, CtLook(phase=phase))
        told[phase] = pydicom.dcmread(next((tmp_path / phase).iterdir()))
    assert "arterial" in told["arterial"].SeriesDescription
    assert "portal" not in told["portal"].SeriesDescription
    assert told["arterial"].ContrastBolusAgent == told["portal"].ContrastBolusAgent


def test_a_scan_without_contrast_medium_names_none(tmp_path: Path) -> None:
    plain = Volume(factory.torso().array, factory.torso().geometry)
    write_ct(plain, SUBJECT, tmp_path, CtLook(contrast=False))
    assert not read_study(tmp_path).ct.info.contrast
