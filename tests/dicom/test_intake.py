"""What is read, what is chosen, and what is said about it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

import dicom_factory as factory
from mdt_dicom.intake import read_study
from mdt_dicom.kernel import Sharpness, sharpness
from mdt_dicom.study import ReadSeries, StudyImages
from oncology.errors import IdentityError, ImageError, SuvError
from oncology.findings import Severity, Verdict
from oncology.imaging.volume import Volume, read_volume


def codes(series: ReadSeries | StudyImages) -> list[str]:
    verdicts = all_verdicts(series) if isinstance(series, StudyImages) else series.verdicts
    return [verdict.code for verdict in verdicts]


def all_verdicts(study: StudyImages) -> tuple[Verdict, ...]:
    return study.verdicts + study.ct.verdicts + (study.pet.verdicts if study.pet else ())


def reasons(study: StudyImages) -> str:
    return " | ".join(item.reason for item in study.rejected)


@pytest.mark.parametrize("vendor", sorted(factory.VENDORS))
def test_every_dialect_gives_the_same_hounsfield_units(vendor: str, tmp_path: Path) -> None:
    study = read_study(factory.save(factory.ct_slices(vendor=vendor), tmp_path))
    assert study.ct.volume.array.dtype == np.int16
    assert np.array_equal(study.ct.volume.array, factory.torso().array)
    assert study.ct.verdicts == ()


@pytest.mark.parametrize("syntax", sorted(factory.SYNTAXES))
@pytest.mark.parametrize("vendor", ["siemens", "ge"])
def test_every_transfer_syntax_gives_the_same_values_and_hash(syntax: str, vendor: str, tmp_path: Path) -> None:
    slices = factory.ct_slices(vendor=vendor)
    plain = read_study(factory.save(slices, tmp_path / "plain")).ct
    coded = read_study(factory.save(slices, tmp_path / "coded", syntax=syntax)).ct
    assert np.array_equal(coded.volume.array, plain.volume.array)
    assert coded.info.content_sha256 == plain.info.content_sha256
    assert coded.info.transfer_syntax == factory.SYNTAXES[syntax]


@pytest.mark.parametrize("syntax", ["explicit", "JPEG 2000", "RLE"])
def test_enhanced_ct_equals_its_single_slices(syntax: str, tmp_path: Path) -> None:
    path = factory.save_one(factory.enhanced(factory.ct_slices()), tmp_path / "frames", syntax=syntax)
    volume = read_study(path).ct.volume
    assert np.array_equal(volume.array, factory.torso().array)
    assert volume.geometry.same_grid(factory.grid())


def test_enhanced_pet_equals_its_single_slices(tmp_path: Path) -> None:
    ct = factory.save(factory.ct_slices(), tmp_path / "ct")
    frames = tmp_path / "pet"
    factory.save_one(factory.enhanced_pet(factory.pet_slices()), frames)
    pet = read_study(ct, frames).pet
    assert pet is not None
    assert np.allclose(pet.volume.array, factory.uptake().array, rtol=1e-3)


def test_legacy_converted_ct_of_another_library_equals_its_source(tmp_path: Path) -> None:
    legacy = pytest.importorskip("highdicom.legacy")
    slices = factory.ct_slices(StudyTime="100000", SeriesTime="100000", ContentTime="100000", ContentDate="20240301")
    for item in slices:
        item.file_meta = pydicom.dataset.FileMetaDataset()
        item.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        item.StudyID, item.AcquisitionDate, item.AcquisitionTime = "1", "20240301", "100000"
        item.PositionReferenceIndicator, item.BurnedInAnnotation = "", "NO"
    converted = legacy.LegacyConvertedEnhancedCTImage(slices, factory.uid("series"), 3, factory.uid("object"), 1)
    converted.save_as(tmp_path / "frames", enforce_file_format=True)
    assert np.array_equal(read_study(tmp_path / "frames").ct.volume.array, factory.torso().array)


def test_pet_becomes_suv_with_the_slope_of_every_slice(tmp_path: Path) -> None:
    factory.save([*factory.ct_slices(), *factory.pet_slices()], tmp_path)
    pet = read_study(tmp_path).pet
    assert pet is not None
    assert pet.volume.array.dtype == np.float32
    assert np.allclose(pet.volume.array, factory.uptake().array, rtol=1e-3)


def plain_loop(folder: Path) -> np.ndarray:
    """What everybody writes: read all, sort by z, stack, rescale."""
    slices = sorted(map(pydicom.dcmread, folder.iterdir()), key=lambda item: float(item.ImagePositionPatient[2]))
    return np.stack([s.pixel_array * float(s.RescaleSlope) + float(s.RescaleIntercept) for s in slices])


@pytest.mark.parametrize("slope", [1.0, 0.5, 2.0, 0.37])
@pytest.mark.parametrize("vendor", sorted(factory.VENDORS))
def test_values_are_those_of_a_plain_pydicom_loop(vendor: str, slope: float, tmp_path: Path) -> None:
    slices = factory.ct_slices(vendor=vendor, RescaleSlope=str(slope))
    for item in slices:
        item.PixelData = np.rint(np.frombuffer(item.PixelData, "<i2") / slope).astype("<i2").tobytes()
    factory.save(slices, tmp_path)
    expected = plain_loop(tmp_path)
    found = read_study(tmp_path).ct.volume.array
    assert np.array_equal(found, expected.astype(found.dtype))
    assert found.dtype == (np.float32 if slope != int(slope) else np.int16)


def test_bits_above_bits_stored_are_ignored(tmp_path: Path) -> None:
    slices = factory.ct_slices()
    for item in slices:
        item.PixelData = (np.frombuffer(item.PixelData, "<u2") | 0xF000).astype("<u2").tobytes()
    assert np.array_equal(read_study(factory.save(slices, tmp_path)).ct.volume.array, factory.torso().array)


def test_values_beyond_16_bits_become_float(tmp_path: Path) -> None:
    slices = factory.ct_slices(RescaleSlope="1", RescaleIntercept="-1024", BitsStored=16, HighBit=15)
    pixels = np.frombuffer(slices[0].PixelData, "<u2").copy()
    pixels[0] = 60000
    slices[0].PixelData = pixels.tobytes()
    volume = read_study(factory.save(slices, tmp_path)).ct.volume
    assert volume.array.dtype == np.float32
    assert volume.array.max() == 60000 - 1024


def test_declared_padding_becomes_air(tmp_path: Path) -> None:
    slices = factory.ct_slices(vendor="ge")
    for item in slices:
        pixels = np.frombuffer(item.PixelData, "<i2").copy()
        pixels[:50] = -2000
        item.PixelData = pixels.tobytes()
    volume = read_study(factory.save(slices, tmp_path)).ct.volume
    assert (volume.array.reshape(12, -1)[:, :50] == -1024).all()


def test_undeclared_padding_becomes_air_and_is_reported(tmp_path: Path) -> None:
    slices = factory.ct_slices(vendor="canon")
    pixels = np.frombuffer(slices[3].PixelData, "<i2").copy()
    pixels[:50] = -3024
    slices[3].PixelData = pixels.tobytes()
    study = read_study(factory.save(slices, tmp_path))
    assert study.ct.volume.array.min() == -1024
    assert codes(study.ct) == ["ct-padding"]


def test_padding_among_tissue_values_is_not_applied(tmp_path: Path) -> None:
    slices = factory.ct_slices(vendor="canon", PixelPaddingValue=40)
    study = read_study(factory.save(slices, tmp_path))
    assert np.array_equal(study.ct.volume.array, factory.torso().array)
    assert codes(study.ct) == ["ct-padding-not-applied"]


def test_mixed_folder_yields_ct_and_pet_and_names_the_rest(tmp_path: Path) -> None:
    factory.save(factory.ct_slices(), tmp_path / "a" / "deep")
    factory.save(factory.pet_slices(), tmp_path / "b")
    factory.save(factory.localizer(), tmp_path / "c")
    factory.save(factory.ct_slices(series="mip", ImageType=["DERIVED", "SECONDARY", "MIP"]), tmp_path / "d")
    factory.save(factory.ct_slices(series="z", RescaleType="Z_EFF"), tmp_path / "e")
    report = Dataset()
    report.SOPClassUID, report.Modality = "1.2.840.10008.5.1.4.1.1.88.67", "SR"
    report.PatientID, report.SeriesInstanceUID = factory.PATIENT_ID, factory.uid("dose")
    factory.save_one(report, tmp_path / "dose")
    (tmp_path / "readme.txt").write_text("not an image")
    study = read_study(tmp_path)
    assert study.ct.info.series_uid == factory.uid("ct")
    assert study.pet is not None
    assert study.pet.info.series_uid == factory.uid("pet")
    for word in ("localizer", "MIP", "Z_EFF", "structured report"):
        assert word in reasons(study)
    assert codes(study) == ["foreign-files"]


def test_dicomdir_is_followed_and_missing_files_are_counted(tmp_path: Path) -> None:
    factory.save(factory.ct_slices(), tmp_path / "IMAGES")
    named = [f"IMAGES/{index:04d}" for index in range(12)]
    study = read_study(factory.directory(tmp_path, [*named, "IMAGES/GONE"]))
    assert study.ct.volume.array.shape == (12, 40, 48)
    assert codes(study) == ["dicomdir-files-missing"]
    assert codes(read_study(tmp_path)) == ["dicomdir-files-missing"]


def test_file_without_preamble_is_read(tmp_path: Path) -> None:
    factory.save(factory.ct_slices(), tmp_path)
    for path in tmp_path.iterdir():
        dataset = pydicom.dcmread(path)
        del dataset.file_meta
        dataset.save_as(path, implicit_vr=True, little_endian=True, enforce_file_format=False)
    assert np.array_equal(read_study(tmp_path).ct.volume.array, factory.torso().array)


def test_series_without_any_uid_is_read_and_listed(tmp_path: Path) -> None:
    blank = dict.fromkeys(("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "SOPClassUID"), "")
    study = read_study(factory.save(factory.ct_slices(**blank), tmp_path))
    assert np.array_equal(study.ct.volume.array, factory.torso().array)
    assert study.ct.info.sop_instance_uids == ("",) * 12


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"ConvolutionKernel": "B70f"}, "a soft-tissue kernel"),
        ({"ImageType": ["DERIVED", "PRIMARY", "AXIAL"]}, "original rather than reformatted"),
        ({"ContrastBolusAgent": None}, "contrast"),
    ],
)
def test_better_ct_is_taken_and_the_reason_given(other: dict[str, object], why: str, tmp_path: Path) -> None:
    factory.save(factory.ct_slices(), tmp_path / "z")
    factory.save(factory.ct_slices(series="other", **other), tmp_path / "a")
    study = read_study(tmp_path)
    assert study.ct.info.series_uid == factory.uid("ct")
    assert why in study.choices[0]
    assert [item.series_uid for item in study.rejected] == [factory.uid("other")]


def test_thin_slices_are_preferred_but_not_to_a_detail(tmp_path: Path) -> None:
    thin = factory.torso(factory.grid((24, 40, 48), (2.5, 6.0, 5.0)))
    detail = factory.torso(factory.grid((15, 40, 48), (1.0, 6.0, 5.0)))
    factory.save(factory.ct_slices(series="thick"), tmp_path / "a")
    factory.save(factory.ct_slices(thin, series="thin"), tmp_path / "b")
    factory.save(factory.ct_slices(detail, series="detail"), tmp_path / "c")
    assert read_study(tmp_path).ct.info.series_uid == factory.uid("thin")


def test_equally_good_series_are_reported(tmp_path: Path) -> None:
    factory.save(factory.ct_slices(SeriesNumber=4), tmp_path / "a")
    factory.save(factory.ct_slices(series="other", SeriesNumber=3), tmp_path / "b")
    study = read_study(tmp_path)
    assert study.ct.info.series_uid == factory.uid("other")
    assert codes(study) == ["ct-choice-ambiguous"]


def test_one_series_with_two_acquisitions_is_split(tmp_path: Path) -> None:
    other = factory.torso()
    first, second = factory.ct_slices(), factory.ct_slices(Volume(other.array + 1, other.geometry), AcquisitionNumber=2)
    for index, item in enumerate(second):
        item.SOPInstanceUID = factory.uid("second", index)
    factory.save([*first, *second], tmp_path)
    study = read_study(tmp_path)
    assert study.ct.volume.array.shape == other.array.shape
    assert len(study.rejected) == 1
    assert "ct-choice-ambiguous" in codes(study)


def test_localizer_inside_the_series_is_taken_out(tmp_path: Path) -> None:
    scout = factory.localizer()
    kind = factory.VENDORS["siemens"].image_type
    factory.changed(scout, SeriesInstanceUID=factory.uid("ct"), ImageType=kind)
    factory.save([*factory.ct_slices(), *scout], tmp_path)
    study = read_study(tmp_path)
    assert np.array_equal(study.ct.volume.array, factory.torso().array)
    assert "2 slices" in reasons(study)


def test_copies_of_the_same_slices_are_dropped(tmp_path: Path) -> None:
    factory.save(factory.ct_slices(), tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    study = read_study(tmp_path)
    assert np.array_equal(study.ct.volume.array, factory.torso().array)
    assert codes(study.ct) == ["ct-duplicate-slices"]


def test_newest_of_two_studies_is_taken_with_a_warning(tmp_path: Path) -> None:
    old = {"StudyInstanceUID": factory.uid("old"), "StudyDate": "20230101", "FrameOfReferenceUID": factory.uid("old f")}
    factory.save(factory.ct_slices(series="old", **old), tmp_path / "a")
    factory.save(factory.ct_slices(), tmp_path / "b")
    study = read_study(tmp_path)
    assert study.ct.info.series_uid == factory.uid("ct")
    assert codes(study) == ["several-studies"]
    assert "another study (2023-01-01)" in reasons(study)


def test_ct_that_shares_the_frame_of_reference_with_the_pet_is_taken(tmp_path: Path) -> None:
    thin = factory.torso(factory.grid((30, 40, 48), (2.0, 6.0, 5.0)))
    factory.save(factory.ct_slices(thin, series="thin", FrameOfReferenceUID=factory.uid("elsewhere")), tmp_path / "a")
    factory.save(factory.ct_slices(), tmp_path / "b")
    factory.save(factory.pet_slices(), tmp_path / "c")
    study = read_study(tmp_path)
    assert study.ct.info.series_uid == factory.uid("ct")
    assert "frame of reference" in study.choices[0]


def test_attenuation_corrected_pet_is_taken(tmp_path: Path) -> None:
    uncorrected = {"CorrectedImage": ["DECY", "SCAT", "DTIM", "RAN"]}
    factory.save(factory.pet_slices(series="nac", **uncorrected), tmp_path / "a")
    factory.save(factory.pet_slices(), tmp_path / "b")
    factory.save(factory.ct_slices(), tmp_path / "c")
    study = read_study(tmp_path)
    assert study.pet is not None
    assert study.pet.info.series_uid == factory.uid("pet")
    assert "without attenuation correction" in reasons(study)


def test_unusable_pet_beside_the_ct_is_left_out_by_name(tmp_path: Path) -> None:
    factory.save(factory.ct_slices(), tmp_path / "ct")
    factory.save(factory.pet_slices(PatientWeight=None), tmp_path / "pet")
    study = read_study(tmp_path)
    assert study.pet is None
    (verdict,) = all_verdicts(study)
    assert verdict.severity is Severity.ERROR
    assert "PatientWeight" in verdict.message


def test_unusable_pet_that_was_asked_for_stops_the_case(tmp_path: Path) -> None:
    ct = factory.save(factory.ct_slices(), tmp_path / "ct")
    pet = factory.save(factory.pet_slices(PatientWeight=None), tmp_path / "pet")
    with pytest.raises(SuvError, match="PatientWeight"):
        read_study(ct, pet)
    assert read_study(ct, pet, with_pet=False).pet is None


def test_pet_of_the_same_study_in_another_frame_of_reference_is_marked(tmp_path: Path) -> None:
    ct = factory.save(factory.ct_slices(), tmp_path / "ct")
    pet = factory.save(factory.pet_slices(FrameOfReferenceUID=factory.uid("other")), tmp_path / "pet")
    study = read_study(ct, pet)
    assert study.pet is not None
    assert codes(study.pet) == ["frame-of-reference-differs"]


def test_defective_series_is_passed_over_for_a_sound_one_with_a_warning(tmp_path: Path) -> None:
    broken = factory.ct_slices()
    del broken[4]
    factory.save(broken, tmp_path / "a")
    factory.save(factory.ct_slices(series="sharp", ConvolutionKernel="B70f"), tmp_path / "b")
    study = read_study(tmp_path)
    assert study.ct.info.series_uid == factory.uid("sharp")
    assert codes(study) == ["ct-series-defective"]


def test_identity_is_read_and_never_shown(tmp_path: Path) -> None:
    folder = tmp_path / "Doe_Secret"
    study = read_study(factory.save(factory.ct_slices(), folder))
    assert study.identity.patient_id == factory.PATIENT_ID
    assert study.identity.birth_date == "1950-02-03"
    shown = repr(study.identity) + repr(study.ct.info) + repr(all_verdicts(study)) + repr(study.choices)
    assert not any(word in shown for word in factory.PRIVATE_WORDS)


def test_two_patients_are_never_mixed(tmp_path: Path) -> None:
    ct = factory.save(factory.ct_slices(), tmp_path / "ct")
    pet = factory.save(factory.pet_slices(PatientID="OTHER-9"), tmp_path / "pet")
    with pytest.raises(IdentityError, match="2 PatientIDs") as caught:
        read_study(ct, pet)
    assert "OTHER-9" not in str(caught.value)


def test_header_facts_of_the_series_are_kept(tmp_path: Path) -> None:
    info = read_study(factory.save(factory.ct_slices(), tmp_path)).ct.info
    assert (info.kernel, info.contrast, info.kvp, info.date) == ("Br38f/3", True, 120.0, "2024-03-01")
    assert info.sop_instance_uids == tuple(factory.uid("ct", index) for index in range(12))


def test_hash_changes_with_one_voxel(tmp_path: Path) -> None:
    slices = factory.ct_slices()
    before = read_study(factory.save(slices, tmp_path / "a")).ct.info.content_sha256
    pixels = np.frombuffer(slices[7].PixelData, "<u2").copy()
    pixels[100] += 1
    slices[7].PixelData = pixels.tobytes()
    assert read_study(factory.save(slices, tmp_path / "b")).ct.info.content_sha256 != before


@pytest.mark.parametrize("name", ["image.nii", "image.nii.gz"])
def test_nifti_lies_where_its_dicom_lies(name: str, tmp_path: Path) -> None:
    study = read_study(factory.nifti(factory.torso(), tmp_path / name))
    assert np.array_equal(study.ct.volume.array, factory.torso().array)
    assert study.ct.volume.geometry.same_grid(factory.grid())
    assert study.ct.info.source_format == "nifti"


def test_nifti_by_qform_alone_lies_at_the_same_place(tmp_path: Path) -> None:
    path = factory.nifti(factory.torso(), tmp_path / "image.nii", sform_code=0, qform_code=1)
    assert read_study(path).ct.volume.geometry.same_grid(factory.grid())
    assert read_volume(path).geometry.same_grid(factory.grid())


def test_pet_in_nifti_is_taken_as_suv_with_a_warning(tmp_path: Path) -> None:
    ct = factory.nifti(factory.torso(), tmp_path / "ct.nii.gz")
    pet = factory.nifti(factory.uptake(), tmp_path / "pet.nii.gz")
    study = read_study(ct, pet)
    assert study.pet is not None
    assert study.pet.volume.array.max() == 8.0
    assert codes(study.pet) == ["pet-nifti-units-unverified", "frame-of-reference-unstated"]


KERNELS = {
    Sharpness.SOFT: ["B31f", "Qr40", "FC08", "YB", "STANDARD"],
    Sharpness.SHARP: ["I70f\\3", "Bl57d", "BONEPLUS", "FC52"],
    Sharpness.UNKNOWN: ["", "?"],
}


@pytest.mark.parametrize(("expected", "kernel"), [(kind, name) for kind, names in KERNELS.items() for name in names])
def test_kernels_of_the_vendors_are_known(expected: Sharpness, kernel: str) -> None:
    assert sharpness(kernel) is expected


def test_kernel_is_guessed_from_the_description_when_unnamed() -> None:
    assert sharpness("", "Thorax LUNG 1mm") is Sharpness.SHARP
    assert sharpness("", "Chest mediastinum") is Sharpness.SOFT


def test_real_ct_in_dicom_equals_its_nifti_voxel_for_voxel(shared_data: Path) -> None:
    dicom = read_study(shared_data / "ibsi_lung_ct/dicom").ct.volume
    other = read_study(shared_data / "ibsi_lung_ct/nifti/image.nii.gz").ct.volume
    assert np.array_equal(dicom.array, other.array)
    assert dicom.geometry.same_grid(other.geometry)
    assert dicom.array.shape == (60, 201, 204)


@pytest.mark.parametrize(
    "name",
    ["chest_ct/R01-001_1x1x2mm", "totalsegmentator_example/example_ct", "totalsegmentator_example/great_vessels/ct"],
)
def test_real_nifti_is_read_as_itk_reads_it(name: str, shared_data: Path) -> None:
    ours, itk = read_study(shared_data / f"{name}.nii.gz").ct.volume, read_volume(shared_data / f"{name}.nii.gz")
    assert np.array_equal(ours.array, itk.array)
    assert ours.geometry.same_grid(itk.geometry)


def test_real_jpeg2000_series_equals_a_plain_loop(shared_data: Path) -> None:
    folder = shared_data / "totalsegmentator_example/dicom"
    ct = read_study(folder).ct
    assert np.array_equal(ct.volume.array, plain_loop(folder))
    assert ct.volume.geometry.spacing_mm == pytest.approx((2.0, 0.9765625, 0.9765625))
    assert ct.info.contrast is True


@pytest.mark.parametrize(("case", "suv_max"), [("STS_002", 21.68), ("STS_008", 6.50)])
def test_real_pet_ct_pairs_by_frame_of_reference(case: str, suv_max: float, shared_data: Path) -> None:
    study = read_study(shared_data / f"pet_suv/{case}_pet_ct")
    assert study.pet is not None
    assert study.pet.info.frame_of_reference_uid == study.ct.info.frame_of_reference_uid
    mask = read_volume(shared_data / f"pet_suv/{case}_pet_ct/pet/gtv_mask.nii.gz")
    assert mask.geometry.same_grid(study.pet.volume.geometry)
    assert study.pet.volume.array[mask.array > 0].max() == pytest.approx(suv_max, abs=0.005)


def test_real_pet_without_ct_is_named_as_what_it_is(shared_data: Path) -> None:
    with pytest.raises(ImageError, match=r"no usable CT.*25 x PT"):
        read_study(shared_data / "pet_suv/ge_bqml_start_25_slices")


def test_philips_counts_read_from_files_take_the_private_factor(tmp_path: Path) -> None:
    ct = factory.save(factory.ct_slices(), tmp_path / "ct")
    slices = factory.pet_slices(Units="CNTS", Manufacturer="Philips")
    for item in slices:
        block = item.private_block(0x7053, "Philips PET Private Group", create=True)
        block.add_new(0x00, "DS", str(1.0 / factory.BQML_PER_SUV)[:16])
    pet = read_study(ct, factory.save(slices, tmp_path / "pet")).pet
    assert pet is not None
    assert np.allclose(pet.volume.array, factory.uptake().array, rtol=1e-3)


def test_pet_without_its_last_slices_is_marked_incomplete(tmp_path: Path) -> None:
    ct = factory.save(factory.ct_slices(), tmp_path / "ct")
    pet = read_study(ct, factory.save(factory.pet_slices(NumberOfSlices=12)[:10], tmp_path / "pet")).pet
    assert pet is not None
    assert codes(pet) == ["pet-incomplete"]


def test_two_phases_in_one_multiframe_object_are_split(tmp_path: Path) -> None:
    whole = factory.enhanced([*factory.ct_slices(), *factory.ct_slices()])
    for index, groups in enumerate(whole.PerFrameFunctionalGroupsSequence):
        content = Dataset()
        content.TemporalPositionIndex = index // 12
        groups.FrameContentSequence = [content]
    study = read_study(factory.save_one(whole, tmp_path / "frames"))
    assert np.array_equal(study.ct.volume.array, factory.torso().array)
    assert codes(study) == ["ct-choice-ambiguous"]


def test_lossy_compression_is_reported(tmp_path: Path) -> None:
    study = read_study(factory.save(factory.ct_slices(LossyImageCompression="01"), tmp_path))
    assert codes(study.ct) == ["lossy-compression"]


def test_one_axial_reformat_is_used_with_a_warning(tmp_path: Path) -> None:
    slices = factory.ct_slices(ImageType=["DERIVED", "SECONDARY", "AXIAL", "CT_SOM5 MPR"])
    assert codes(read_study(factory.save(slices, tmp_path)).ct) == ["ct-reformatted"]


def test_damaged_file_beside_the_series_is_counted(tmp_path: Path) -> None:
    factory.save(factory.ct_slices(), tmp_path)
    (tmp_path / "broken").write_bytes(b"\0" * 128 + b"DICM" + b"\x02\x00\x00\x00UL\x04\x00\x01")
    study = read_study(tmp_path)
    assert study.ct.volume.array.shape[0] == 12
    assert set(codes(study)) <= {"damaged-files", "foreign-files"}


@pytest.mark.parametrize(
    ("gap_mm", "thickness", "expected"),
    [(5.0, "5", []), (8.0, "8", ["ct-thick-slices"]), (5.0, "1", ["ct-slices-apart"]), (2.0, "5", [])],
)
def test_thick_and_spread_slices_are_reported(
    gap_mm: float, thickness: str, expected: list[str], tmp_path: Path
) -> None:
    volume = factory.torso(factory.grid(spacing_mm=(gap_mm, 6.0, 5.0)))
    study = read_study(factory.save(factory.ct_slices(volume, SliceThickness=thickness), tmp_path))
    assert codes(study.ct) == expected


@pytest.mark.parametrize(
    ("size", "weight", "expected"),
    [(1.71, 68.0, (1.71, 68.0)), (171, 0, (None, None)), (None, None, (None, None))],
)
def test_size_and_weight_are_taken_where_a_body_can_have_them(
    size: float | None, weight: float | None, expected: tuple[float | None, ...], tmp_path: Path
) -> None:
    slices = factory.ct_slices()
    for item in slices:
        item.PatientSize, item.PatientWeight = size, weight
    identity = read_study(factory.save(slices, tmp_path)).identity
    assert (identity.height_m, identity.weight_kg) == expected
    assert "68" not in repr(identity)
