"""Segmentations out: coded, referring to their images, and equal to the masks when read back."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest

import dicom_factory as factory
from dicom_results import CASE, CREATED, MAKER, ct_study, dciodvfy_errors, random_mask, source_of
from mdt_dicom.contours import read_contours
from mdt_dicom.intake import read_study
from mdt_dicom.result import SourceSeries, structure_concept, tracking_uid
from mdt_dicom.seg import Segment, WrittenSeg, segments_of, write_seg
from mdt_dicom.study import SeriesInfo
from oncology.errors import ReportError
from oncology.findings import Findings, Laterality, Node, Source, SourceKind
from oncology.imaging.volume import Geometry

DRAWN = Source(SourceKind.CONTOUR, "GTVp")
NETWORK = Source(SourceKind.MODEL, "lung-tumor-1", "ab" * 32)
RULES = Source(SourceKind.RULES, "anatomy")
ANGLE = np.radians(20)
DIRECTIONS = {
    "axial": np.eye(3),
    "feet first": np.diag([-1.0, 1.0, -1.0]),
    "rows reversed": np.diag([1.0, -1.0, -1.0]),
    "columns reversed": np.diag([-1.0, -1.0, 1.0]),
    "coronal": np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], float),
    "sagittal": np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], float),
    "oblique": np.array([[1, 0, 0], [0, np.cos(ANGLE), -np.sin(ANGLE)], [0, np.sin(ANGLE), np.cos(ANGLE)]]),
}


def lying(name: str) -> Geometry:
    """A grid in that direction, the torso in its middle."""
    shape, spacing = (12, 21, 27), (5.0, 6.0, 5.0)
    half = np.array([(count - 1) * size / 2 for count, size in zip(shape[::-1], spacing[::-1], strict=True)])
    x, y, z = np.array([0.0, -10.0, 0.0]) - DIRECTIONS[name] @ half
    return factory.grid(shape, spacing, (float(x), float(y), float(z)), DIRECTIONS[name])


def segments(shape: tuple[int, int, int]) -> list[Segment]:
    """A tumor, a node, a side of the lung, and a structure without a public code; they overlap."""
    return [
        Segment("tumor-1", random_mask(shape, 1), "tumor", "tumor-1", DRAWN, None, Laterality.LEFT),
        Segment("node-2", random_mask(shape, 2), "node", "node-2 station 4R", NETWORK, "4R", Laterality.RIGHT),
        Segment("lung_left", random_mask(shape, 3, 0.6), "lung_left", "lung_left", RULES, None, Laterality.LEFT),
        Segment("azygos_vein", random_mask(shape, 4, 0.1), "azygos_vein", "azygos_vein", RULES),
    ]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> SourceSeries:
    folder = tmp_path_factory.mktemp("ct")
    return source_of(ct_study(folder), folder)


def write(source: SourceSeries, path: Path, *, labelmap: bool = False) -> tuple[WrittenSeg, list[Segment]]:
    made = segments(source.geometry.shape)
    written = write_seg(made, source, path, case_id=CASE, maker=MAKER, created=CREATED, labelmap=labelmap)
    return written, made


@pytest.mark.parametrize("name", DIRECTIONS)
def test_masks_come_back_voxel_for_voxel_however_the_source_lies(name: str, tmp_path: Path) -> None:
    study = ct_study(tmp_path / "ct", lying(name))
    source = source_of(study, tmp_path / "ct")
    _, made = write(source, tmp_path / "seg.dcm")
    found = read_contours([tmp_path / "seg.dcm"], source.geometry, study.ct.info.frame_of_reference_uid)
    assert [contour.name for contour in found.contours] == [segment.label for segment in made]
    for contour, segment in zip(found.contours, made, strict=True):
        assert np.array_equal(contour.mask, segment.mask)
    assert found.verdicts == ()


def turned(geometry: Geometry, order: tuple[int, int, int], flips: tuple[int, ...], cut: int) -> Geometry:
    """The same lattice with index axes in another order, some reversed, and `cut` voxels less at both ends."""
    direction = np.asarray(geometry.direction)[:, ::-1].copy()  # columns z, y, x
    corner = np.full(3, cut)
    for axis in flips:
        direction[:, axis] *= -1
        corner[axis] = geometry.shape[axis] - 1 - cut
    shape = [geometry.shape[axis] - 2 * cut for axis in order]
    spacing = [geometry.spacing_mm[axis] for axis in order]
    columns = direction[:, list(order)][:, ::-1]
    origin = geometry.to_lps(corner)
    return Geometry(
        (shape[0], shape[1], shape[2]),
        (spacing[0], spacing[1], spacing[2]),
        (float(origin[0]), float(origin[1]), float(origin[2])),
        tuple((float(row[0]), float(row[1]), float(row[2])) for row in columns),
    )


@pytest.mark.parametrize("cut", [0, 3])
@pytest.mark.parametrize("flips", [(), (0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)], ids=str)
@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (2, 1, 0)], ids=str)
def test_segmentation_is_exact_on_any_grid_of_the_same_voxels(
    order: tuple[int, int, int], flips: tuple[int, ...], cut: int, source: SourceSeries, tmp_path: Path
) -> None:
    _, made = write(source, tmp_path / "seg.dcm")
    found = read_contours([tmp_path / "seg.dcm"], turned(source.geometry, order, flips, cut), None)
    for contour, segment in zip(found.contours, made, strict=True):
        inner = segment.mask[tuple(slice(cut, size - cut) for size in segment.mask.shape)]
        assert np.array_equal(contour.mask, np.flip(inner, flips).transpose(order))
    assert found.verdicts == ()


@pytest.mark.parametrize("name", ["axial", "columns reversed", "coronal"])
def test_another_library_reads_the_same_masks_by_source_image(name: str, tmp_path: Path) -> None:
    source = source_of(ct_study(tmp_path / "ct", lying(name)), tmp_path / "ct")
    _, made = write(source, tmp_path / "seg.dcm")
    pixels = hd.seg.segread(tmp_path / "seg.dcm").get_pixels_by_source_instance(
        source_sop_instance_uids=list(source.info.sop_instance_uids),
        ignore_spatial_locations=True,
        assert_missing_frames_are_empty=True,
    )
    for number, segment in enumerate(made):
        assert np.array_equal(pixels[..., number] > 0, segment.mask)


def test_label_map_comes_back_where_masks_do_not_overlap(source: SourceSeries, tmp_path: Path) -> None:
    first, second = random_mask(source.geometry.shape, 1), random_mask(source.geometry.shape, 3)
    made = [
        Segment("tumor-1", first, "tumor", "tumor-1", DRAWN),
        Segment("heart", second & ~first, "heart", "heart", RULES),
    ]
    written = write_seg(made, source, tmp_path / "map.dcm", case_id=CASE, maker=MAKER, created=CREATED, labelmap=True)
    found = read_contours([tmp_path / "map.dcm"], source.geometry, source.info.frame_of_reference_uid)
    assert written.sop_class_uid == "1.2.840.10008.5.1.4.1.1.66.7"
    assert written.verdicts == ()
    for contour, segment in zip(found.contours, made, strict=True):
        assert np.array_equal(contour.mask, segment.mask)


def test_label_map_gives_an_overlap_to_the_first_segment_and_says_so(source: SourceSeries, tmp_path: Path) -> None:
    written, made = write(source, tmp_path / "map.dcm", labelmap=True)
    found = read_contours([tmp_path / "map.dcm"], source.geometry, source.info.frame_of_reference_uid)
    assert np.array_equal(found.contours[0].mask, made[0].mask)
    assert np.array_equal(found.contours[1].mask, made[1].mask & ~made[0].mask)
    assert [verdict.code for verdict in written.verdicts] == ["seg-labelmap-overlap"]


def test_dciodvfy_finds_no_error(source: SourceSeries, tmp_path: Path) -> None:
    write(source, tmp_path / "seg.dcm")
    assert dciodvfy_errors(tmp_path / "seg.dcm") == []


def test_dciodvfy_finds_no_error_with_a_single_segment_on_a_single_slice(source: SourceSeries, tmp_path: Path) -> None:
    mask = np.zeros(source.geometry.shape, bool)
    mask[4, 10:12, 10:13] = True
    only = [Segment("tumor-1", mask, "tumor", "tumor-1", DRAWN)]
    write_seg(only, source, tmp_path / "seg.dcm", case_id=CASE, maker=MAKER, created=CREATED)
    assert dciodvfy_errors(tmp_path / "seg.dcm") == []


def test_segments_are_coded_and_tracked(source: SourceSeries, tmp_path: Path) -> None:
    write(source, tmp_path / "seg.dcm")
    tumor, node, lung, azygos = pydicom.dcmread(tmp_path / "seg.dcm").SegmentSequence
    assert tumor.SegmentedPropertyTypeCodeSequence[0].CodeValue == "86049000"
    assert tumor.SegmentAlgorithmType == "MANUAL"
    assert tumor.TrackingUID == tracking_uid(CASE, "tumor-1")
    assert node.AnatomicRegionSequence[0].CodeMeaning == "Lower paratracheal lymph node"
    assert node.SegmentationAlgorithmIdentificationSequence[0].AlgorithmName == "lung-tumor-1"
    side = lung.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence[0]
    assert (side.CodeValue, side.CodeMeaning) == ("7771000", "Left")
    assert azygos.SegmentedPropertyTypeCodeSequence[0].CodingSchemeDesignator == "99AIMDT"


def test_patient_study_and_images_are_those_of_the_source(source: SourceSeries, tmp_path: Path) -> None:
    write(source, tmp_path / "seg.dcm")
    dataset = pydicom.dcmread(tmp_path / "seg.dcm")
    assert source.header is not None
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "StudyInstanceUID", "StudyDate", "AccessionNumber"):
        assert dataset.get(keyword) == source.header.get(keyword, "")
    assert dataset.FrameOfReferenceUID == source.info.frame_of_reference_uid
    references = dataset.ReferencedSeriesSequence[0]
    assert references.SeriesInstanceUID == source.info.series_uid
    uids = [item.ReferencedSOPInstanceUID for item in references.ReferencedInstanceSequence]
    assert tuple(uids) == source.info.sop_instance_uids
    assert "Research use only" in dataset.SeriesDescription
    assert "Research use only" in dataset.ContentDescription


def test_each_frame_names_the_slice_it_was_drawn_on(source: SourceSeries, tmp_path: Path) -> None:
    _, made = write(source, tmp_path / "seg.dcm")
    frames = pydicom.dcmread(tmp_path / "seg.dcm").PerFrameFunctionalGroupsSequence
    slices = np.flatnonzero(made[0].mask.any(axis=(1, 2)))
    for frame, place in zip(frames, slices, strict=False):
        image = frame.DerivationImageSequence[0].SourceImageSequence[0]
        assert image.ReferencedSOPInstanceUID == source.info.sop_instance_uids[place]
    assert len(frames) == sum(int(segment.mask.any(axis=(1, 2)).sum()) for segment in made)


def test_same_content_gives_the_same_file_and_other_content_another_uid(source: SourceSeries, tmp_path: Path) -> None:
    first, made = write(source, tmp_path / "one.dcm")
    write(source, tmp_path / "two.dcm")
    assert (tmp_path / "one.dcm").read_bytes() == (tmp_path / "two.dcm").read_bytes()
    made[0].mask[:] = True
    other = write_seg(made, source, tmp_path / "three.dcm", case_id=CASE, maker=MAKER, created=CREATED)
    assert other.sop_instance_uid != first.sop_instance_uid
    assert other.series_uid == first.series_uid


@pytest.mark.parametrize("labelmap", [False, True], ids=["binary", "label map"])
def test_multi_frame_source_is_referred_to_as_one_object(labelmap: bool, tmp_path: Path) -> None:
    factory.save([factory.enhanced(factory.ct_slices())], tmp_path / "ct")
    study = read_study(tmp_path / "ct")
    source = source_of(study, tmp_path / "ct")
    _, made = write(source, tmp_path / "seg.dcm", labelmap=labelmap)
    dataset = pydicom.dcmread(tmp_path / "seg.dcm")
    (reference,) = dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert reference.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.2.1"
    found = read_contours([tmp_path / "seg.dcm"], source.geometry, source.info.frame_of_reference_uid)
    assert np.array_equal(found.contours[0].mask, made[0].mask)


def test_frames_of_a_resampled_grid_refer_to_all_images(source: SourceSeries, tmp_path: Path) -> None:
    info = dataclasses.replace(source.info, sop_instance_uids=source.info.sop_instance_uids[:-2])
    write(dataclasses.replace(source, info=info), tmp_path / "seg.dcm")
    shared = pydicom.dcmread(tmp_path / "seg.dcm").SharedFunctionalGroupsSequence[0]
    assert len(shared.DerivationImageSequence[0].SourceImageSequence) == len(info.sop_instance_uids)
    assert dciodvfy_errors(tmp_path / "seg.dcm") == []


def test_many_structures_on_a_fine_grid_need_no_memory_for_all_at_once(tmp_path: Path) -> None:
    geometry = Geometry((40, 256, 256), (2.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    info = SeriesInfo("CT", "1.2.3", "1.2", "1.2.4", "", tuple(f"1.2.5.{n}" for n in range(40)))
    mask = np.zeros(geometry.shape, bool)
    mask[5:35, 40:200, 40:200] = True
    made = [Segment(f"structure_{n}", mask, f"structure_{n}", f"structure_{n}", RULES) for n in range(30)]
    write_seg(made, SourceSeries(info, geometry), tmp_path / "seg.dcm", case_id=CASE, maker=MAKER, created=CREATED)
    assert (tmp_path / "seg.dcm").stat().st_size == pytest.approx(30 * 30 * 256 * 256 / 8, rel=0.2)


def test_nifti_source_is_refused_by_name(source: SourceSeries, tmp_path: Path) -> None:
    nifti = dataclasses.replace(source, info=SeriesInfo("CT", source_format="nifti"))
    with pytest.raises(ReportError, match="NIfTI"):
        write(nifti, tmp_path / "seg.dcm")
    assert list(tmp_path.iterdir()) == []


def test_empty_or_foreign_mask_is_refused(source: SourceSeries, tmp_path: Path) -> None:
    empty = Segment("tumor-1", np.zeros(source.geometry.shape, bool), "tumor", "tumor-1", DRAWN)
    foreign = Segment("tumor-1", np.ones((2, 2, 2), bool), "tumor", "tumor-1", DRAWN)
    for segment in (empty, foreign):
        with pytest.raises(ReportError, match="tumor-1"):
            write_seg([segment], source, tmp_path / "seg.dcm", case_id=CASE, maker=MAKER, created=CREATED)


def test_segments_of_findings_take_station_side_and_origin_from_them() -> None:
    node = Node("node-1", "4R", Laterality.RIGHT, 9.0, 12.0, 0.5, (0.0, 0.0, 0.0), source=NETWORK)
    masks = {
        "node-1": np.ones((2, 2, 2), bool),
        "lung_left": np.ones((2, 2, 2), bool),
        "heart": np.zeros((2, 2, 2), bool),
    }
    made = segments_of(masks, Findings(CASE, "lung", nodes=(node,)))
    assert [(item.id, item.structure, item.station) for item in made] == [
        ("node-1", "node", "4R"),
        ("lung_left", "lung_left", None),
    ]
    assert made[0].source == NETWORK
    assert made[1].laterality is Laterality.LEFT


def test_structure_outside_the_table_keeps_its_name_under_our_scheme() -> None:
    _, kind = structure_concept("left_ventricular_outflow_tract")
    assert kind.scheme_designator == "99AIMDT"
    assert kind.meaning == "left ventricular outflow tract"
