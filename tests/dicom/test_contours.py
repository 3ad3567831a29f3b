"""Contours in: structure sets, segmentations and label maps, named, drawn on the CT's grid, and refused by name."""

from __future__ import annotations

import dataclasses
import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pytest
import SimpleITK as sitk
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset

import dicom_factory as factory
from mdt_dicom.contours import Contour, ContourSet, read_contours
from mdt_dicom.study import PatientIdentity
from oncology.errors import ContourError, IdentityError
from oncology.findings import Laterality, Severity, SourceKind
from oncology.imaging.volume import Geometry, Volume, read_volume, write_volume
from rtstruct_factory import FRAME, ring, rtstruct, save, square

GRID = Geometry((12, 40, 44), (3.0, 1.25, 1.0), (-20.0, -25.0, -10.0))
SQUARES = [square(GRID, place, 10, 14) for place in (3, 4, 5)]
FAR = [square(GRID, place, 300, 304) for place in (3, 4)]


def cube(grid: Geometry = GRID) -> np.ndarray:
    """The mask of SQUARES."""
    mask = np.zeros(grid.shape, bool)
    mask[3:6, 10:15, 10:15] = True
    return mask


def read(path: Path, grid: Geometry = GRID, frame: str | None = FRAME, **more: Any) -> ContourSet:
    return read_contours([path], grid, frame, **more)


def codes(found: ContourSet) -> list[str]:
    return [verdict.code for verdict in found.verdicts]


def structure_set(path: Path, rois: Mapping[str, Any], **more: Any) -> Path:
    return save(rtstruct(rois, **more), path)


def test_rois_become_tumor_node_and_structure(tmp_path: Path) -> None:
    path = structure_set(tmp_path / "rt.dcm", {"GTVp": SQUARES, "GTVn_4R": SQUARES[:1], "Lung_L": SQUARES})
    tumor, node, lung = read(path).contours
    assert (tumor.role, tumor.name) == ("tumor", "GTVp")
    assert np.array_equal(tumor.mask, cube())
    assert (node.role, node.station, node.laterality) == ("node", "4R", Laterality.RIGHT)
    assert (lung.structure, lung.laterality) == ("lung_left", Laterality.LEFT)


def test_source_of_a_contour_is_its_name_and_the_files_hash(tmp_path: Path) -> None:
    source = read(structure_set(tmp_path / "rt.dcm", {"GTVp": SQUARES})).contours[0].source
    assert (source.kind, source.id) == (SourceKind.CONTOUR, "GTVp")
    assert source.sha256 is not None
    assert len(source.sha256) == 64


def test_contours_that_are_not_used_are_all_named(tmp_path: Path) -> None:
    rois = {"GTVp": SQUARES, "PTV_60": SQUARES, "Xyzzy": SQUARES}
    found = read(structure_set(tmp_path / "rt.dcm", rois))
    assert len(found.contours) == 1
    assert found.unmatched == ("Xyzzy",)
    assert found.ignored == ("PTV_60",)
    assert codes(found) == ["contour-ignored", "contour-unmatched"]


def test_mapping_file_names_odd_contours(tmp_path: Path) -> None:
    names = tmp_path / "names.yaml"
    names.write_text("Xyzzy: node II left\nGTVp: ignored\n")
    found = read(structure_set(tmp_path / "rt.dcm", {"GTVp": SQUARES, "Xyzzy": SQUARES}), mapping=names)
    assert [(contour.role, contour.station) for contour in found.contours] == [("node", "II")]


def test_interpreted_type_helps_where_the_name_says_nothing(tmp_path: Path) -> None:
    dataset = rtstruct({"ROI_1": SQUARES})
    item = Dataset()
    item.ReferencedROINumber, item.RTROIInterpretedType = 1, "GTV"
    dataset.RTROIObservationsSequence = [item]
    found = read(save(dataset, tmp_path / "rt.dcm"))
    assert found.contours[0].role == "tumor"
    assert codes(found) == ["contour-role-by-hint"]


def without_frame(dataset: Dataset) -> Dataset:
    del dataset.StructureSetROISequence[0].ReferencedFrameOfReferenceUID
    return dataset


def test_frame_of_reference_may_stand_in_the_sequence_alone(tmp_path: Path) -> None:
    dataset, item = without_frame(rtstruct({"GTVp": SQUARES})), Dataset()
    item.FrameOfReferenceUID = "9.9.9"
    dataset.ReferencedFrameOfReferenceSequence = [item]
    with pytest.raises(ContourError, match=r"another frame of reference \(9\.9\.9\)"):
        read(save(dataset, tmp_path / "rt.dcm"))


def test_ct_without_frame_of_reference_takes_contours_as_they_lie(tmp_path: Path) -> None:
    assert len(read(structure_set(tmp_path / "rt.dcm", {"GTVp": SQUARES}), frame=None).contours) == 1


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "empty": ({"GTVp": []}, {}, "`GTVp` is empty"),
    "outside": ({"GTVp": FAR}, {}, "outside the field of view"),
    "other frame": ({"GTVp": SQUARES}, {"frame": "9.9"}, "another frame of reference"),
    "open": ({"GTVp": SQUARES}, {"kind": "OPEN_PLANAR"}, "`GTVp` is empty"),
    "point": ({"GTVp": SQUARES}, {"kind": "POINT"}, "`GTVp` is empty"),
    "unknown name": ({"Xyzzy": SQUARES}, {}, "`Xyzzy`.*mapping file"),
    "only margins": ({"PTV": SQUARES}, {}, "no tumor, node or structure"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_file_without_a_usable_contour_is_refused_by_name(fault: str, tmp_path: Path) -> None:
    rois, more, words = REFUSED[fault]
    with pytest.raises(ContourError, match=words):
        read(structure_set(tmp_path / "rt.dcm", rois, **more))


def test_lost_tumor_is_an_error_verdict_when_other_contours_remain(tmp_path: Path) -> None:
    found = read(structure_set(tmp_path / "rt.dcm", {"GTVp": [], "Lung_L": SQUARES}))
    assert [(verdict.code, verdict.severity) for verdict in found.verdicts] == [("contour-empty", Severity.ERROR)]


def test_open_contours_beside_closed_ones_are_left_out_and_reported(tmp_path: Path) -> None:
    dataset = rtstruct({"GTVp": [*SQUARES, SQUARES[0]]})
    dataset.ROIContourSequence[0].ContourSequence[3].ContourGeometricType = "OPEN_PLANAR"
    found = read(save(dataset, tmp_path / "rt.dcm"))
    assert np.array_equal(found.contours[0].mask, cube())
    assert codes(found) == ["contour-open"]


DRAWN_WITH_DOUBT: dict[str, tuple[list[np.ndarray], str]] = {
    "gap": ([square(GRID, place, 10, 14) for place in (2, 3, 4, 6, 7)], "contour-gap"),
    "sparse": ([square(GRID, place, 10, 14) for place in (2, 4, 6)], "contour-interpolated"),
    "off the slices": ([square(GRID, place + 0.2, 10, 14) for place in (2, 3)], "contour-off-plane"),
    "twice": ([*SQUARES, SQUARES[0]], "contour-repeated"),
    "overlap": ([square(GRID, 2, 10, 14), square(GRID, 2, 13, 18)], "contour-overlap"),
    "bow tie": ([ring(GRID, 2, [(5, 5), (15, 15), (5, 15), (15, 5)])], "contour-crosses-itself"),
    "beyond the CT": ([square(GRID, 2, -4, 4)], "contour-outside"),
    "two points": ([*SQUARES, SQUARES[0][:2]], "contour-degenerate"),
}


@pytest.mark.parametrize("doubt", DRAWN_WITH_DOUBT)
def test_doubt_in_drawing_is_a_verdict(doubt: str, tmp_path: Path) -> None:
    rings, code = DRAWN_WITH_DOUBT[doubt]
    assert code in codes(read(structure_set(tmp_path / "rt.dcm", {"GTVp": rings})))


def test_contours_of_another_patient_stop_the_case(tmp_path: Path) -> None:
    path = structure_set(tmp_path / "rt.dcm", {"GTVp": SQUARES}, patient_id="OTHER")
    with pytest.raises(IdentityError, match="another patient") as raised:
        read(path, identity=PatientIdentity("P1"))
    assert "OTHER" not in str(raised.value)
    assert read(path, identity=PatientIdentity("OTHER")).owners[0].patient_id == "OTHER"


def test_patient_of_a_contour_file_does_not_show_in_its_repr(tmp_path: Path) -> None:
    found = read(structure_set(tmp_path / "rt.dcm", {"GTVp": SQUARES}, patient_id="OTHER"))
    assert "OTHER" not in repr(found)


def test_lesion_drawn_twice_counts_once(tmp_path: Path) -> None:
    smaller = [square(GRID, place, 11, 14) for place in (3, 4, 5)]
    found = read(structure_set(tmp_path / "rt.dcm", {"GTV_Mass_CT": SQUARES, "GTV_Mass_PET": smaller}))
    assert [contour.name for contour in found.contours] == ["GTV_Mass_CT"]
    assert codes(found) == ["contour-drawn-twice"]


def test_counted_nodes_are_not_taken_for_stations(tmp_path: Path) -> None:
    rois = {f"LN{number}": [square(GRID, 4, 3 * number, 3 * number + 1)] for number in (1, 2, 7)}
    found = read(structure_set(tmp_path / "rt.dcm", rois))
    assert [contour.station for contour in found.contours] == [None, None, None]
    assert codes(found) == ["contour-station-unclear"]


def test_several_files_and_folders_are_read_together(tmp_path: Path) -> None:
    folder = tmp_path / "drawn"
    folder.mkdir()
    structure_set(folder / "a", {"GTVp": SQUARES})
    structure_set(folder / "b", {"Lung_R": SQUARES})
    found = read_contours([folder], GRID, FRAME)
    assert [contour.name for contour in found.contours] == ["GTVp", "Lung_R"]
    assert read_contours([], GRID, FRAME) == ContourSet()


def garbage(path: Path) -> Path:
    path.write_bytes(b"\0" * 200)
    return path


def cut_off(path: Path) -> Path:
    return factory.truncate(structure_set(path, {"GTVp": SQUARES}), 0.7)


def an_image(path: Path) -> Path:
    return factory.save_one(factory.ct_slices()[0], path)


@pytest.mark.parametrize("make", [garbage, cut_off, an_image], ids=["garbage", "cut off", "a CT slice"])
def test_file_that_is_no_contour_file_is_refused_without_its_name(make: Any, tmp_path: Path) -> None:
    with pytest.raises(ContourError, match="contour file 1 of 1") as raised:
        read(make(tmp_path / "Doe_John.dcm"))
    assert "Doe" not in str(raised.value)


def image_of(grid: Geometry, place: int) -> Dataset:
    """The header of one slice of a grid, for highdicom."""
    item = factory.ct_slices(Volume(np.zeros(grid.shape, np.int16), grid))[place]
    item.FrameOfReferenceUID = FRAME
    item.StudyID = item.StudyTime = item.ReferringPhysicianName = ""
    return item


def foreign_seg(path: Path, grid: Geometry, mask: np.ndarray, label: str, **more: Any) -> Path:
    """A segmentation as another program writes it, on its own grid."""
    kind = more.pop("kind", "BINARY")
    concept = more.pop("concept", CodedConcept("181414000", "SCT", "Muscle"))
    description = hd.seg.SegmentDescription(
        1, label, CodedConcept("49755003", "SCT", "Morphologically Abnormal Structure"), concept, "MANUAL"
    )
    values = mask.astype(np.uint8) if kind != "FRACTIONAL" else mask.astype(np.float32)
    made = hd.seg.Segmentation(
        [image_of(grid, place) for place in range(grid.shape[0])],
        values,
        kind,
        [description],
        series_instance_uid="1.2.3.7",
        series_number=5,
        sop_instance_uid="1.2.3.8",
        instance_number=1,
        manufacturer="x",
        manufacturer_model_name="x",
        software_versions="1",
        device_serial_number="1",
        **more,
    )
    made.save_as(path)
    return path


def test_segmentation_of_another_program_on_the_same_grid_is_exact(tmp_path: Path) -> None:
    path = foreign_seg(tmp_path / "seg.dcm", GRID, cube(), "Tumor")
    found = read(path)
    assert np.array_equal(found.contours[0].mask, cube())
    assert found.verdicts == ()


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80"], ids=["RLE", "JPEG-LS"])
def test_compressed_label_map_is_read(syntax: str, tmp_path: Path) -> None:
    path = foreign_seg(tmp_path / "seg.dcm", GRID, cube(), "Tumor", kind="LABELMAP", transfer_syntax_uid=syntax)
    assert np.array_equal(read(path).contours[0].mask, cube())


def test_fractional_segmentation_is_cut_at_one_half(tmp_path: Path) -> None:
    fractions = cube() * 0.8
    fractions[3] *= 0.5
    path = foreign_seg(tmp_path / "seg.dcm", GRID, fractions, "Tumor", kind="FRACTIONAL")
    expected = cube()
    expected[3] = False
    found = read(path)
    assert np.array_equal(found.contours[0].mask, expected)
    assert codes(found) == ["contour-fractional"]


def test_segmentation_on_another_grid_is_resampled_and_reported(tmp_path: Path) -> None:
    fine = Geometry((30, 60, 60), (1.2, 0.9, 0.8), (-21.0, -26.0, -9.0))
    points = fine.to_lps(np.moveaxis(np.indices(fine.shape), 0, -1))
    ball = np.linalg.norm(points - np.array([2.0, 1.0, 8.0]), axis=-1) < 9
    found = read(foreign_seg(tmp_path / "seg.dcm", fine, ball, "GTVp"))
    assert codes(found) == ["contour-resampled"]
    volume = found.contours[0].mask.sum() * GRID.voxel_ml
    assert volume == pytest.approx(4 / 3 * np.pi * 9**3 / 1000, rel=0.06)


def test_segmentation_larger_than_the_ct_is_cut(tmp_path: Path) -> None:
    wide = dataclasses.replace(GRID, shape=(20, 60, 64), origin_lps=(-25.0, -31.25, -19.0))
    mask = np.zeros(wide.shape, bool)
    mask[6:9, 15:20, 15:20] = True
    assert np.array_equal(read(foreign_seg(tmp_path / "seg.dcm", wide, mask, "Tumor")).contours[0].mask, cube())


def test_code_of_a_segment_counts_where_its_label_says_nothing(tmp_path: Path) -> None:
    node = CodedConcept("59441001", "SCT", "Lymph node")
    found = read(foreign_seg(tmp_path / "seg.dcm", GRID, cube(), "Segment_1", concept=node))
    assert found.contours[0].role == "node"
    assert codes(found) == ["contour-role-by-hint"]


def test_label_and_code_that_contradict_each_other_are_reported(tmp_path: Path) -> None:
    node = CodedConcept("59441001", "SCT", "Lymph node")
    found = read(foreign_seg(tmp_path / "seg.dcm", GRID, cube(), "Tumor", concept=node))
    assert found.contours[0].role == "tumor"
    assert codes(found) == ["contour-role-contradicts"]


def test_segmentation_of_another_series_of_the_same_frame_is_reported(tmp_path: Path) -> None:
    path = foreign_seg(tmp_path / "seg.dcm", GRID, cube(), "Tumor")
    assert codes(read(path, series_uid="1.9.9")) == ["contour-other-series"]
    assert codes(read(path, series_uid=str(image_of(GRID, 0).SeriesInstanceUID))) == []


def label_map(path: Path, labels: np.ndarray, grid: Geometry = GRID) -> Path:
    write_volume(Volume(labels.astype(np.uint8), grid), path)
    return path


def two_labels() -> np.ndarray:
    labels = np.zeros(GRID.shape, np.uint8)
    labels[cube()] = 1
    labels[8, 20:30, 20:30] = 2
    return labels


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".mha", ".nrrd"])
def test_one_label_without_a_name_is_the_tumor_with_a_verdict(suffix: str, tmp_path: Path) -> None:
    found = read(label_map(tmp_path / f"case{suffix}", cube()), frame=None)
    assert found.contours[0].role == "tumor"
    assert np.array_equal(found.contours[0].mask, cube())
    assert codes(found) == ["contour-role-by-hint"]


def test_file_named_for_a_structure_is_that_structure_not_the_tumor(tmp_path: Path) -> None:
    found = read(label_map(tmp_path / "liver.nii.gz", cube()))
    assert (found.contours[0].role, found.contours[0].structure) == ("structure", "liver")
    assert codes(found) == ["contour-named-by-file"]


def test_several_labels_without_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ContourError, match=r"`label 1`, `label 2`.*mapping file"):
        read(label_map(tmp_path / "case.nii.gz", two_labels()))


SIDECARS = {
    "case.csv": "id,name,ml\n1,GTVp,3\n2,LN 7,1\n",
    "labels.csv": "id,name\n1,GTVp\n2,LN 7\n",
    "case.json": '{"1": "GTVp", "2": "LN 7"}',
    "labels.json": '{"GTVp": 1, "LN 7": 2}',
    "dataset.json": '{"labels": {"background": 0, "GTVp": 1, "LN 7": 2}, "numTraining": 3}',
}


@pytest.mark.parametrize("name", SIDECARS)
def test_names_come_from_a_table_beside_the_file(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(SIDECARS[name])
    found = read(label_map(tmp_path / "case.nii.gz", two_labels()))
    assert [(contour.role, contour.station) for contour in found.contours] == [("tumor", None), ("node", "7")]


def test_names_come_from_the_mapping_by_label_number(tmp_path: Path) -> None:
    names = tmp_path / "names.json"
    names.write_text('{"1": "node 4R", "2": "aorta"}')
    found = read(label_map(tmp_path / "case.nii.gz", two_labels()), mapping=names)
    assert [(contour.role, contour.station or contour.structure) for contour in found.contours] == [
        ("node", "4R"),
        ("structure", "aorta"),
    ]


def test_names_come_from_the_header_of_a_slicer_segmentation(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(two_labels())
    image.SetSpacing((1.0, 1.25, 3.0))
    image.SetOrigin(GRID.origin_lps)
    for number, name in ((0, "primary"), (1, "Level IIA L")):
        image.SetMetaData(f"Segment{number}_Name", name)
        image.SetMetaData(f"Segment{number}_LabelValue", str(number + 1))
    sitk.WriteImage(image, str(tmp_path / "case.seg.nrrd"))
    found = read(tmp_path / "case.seg.nrrd")
    assert [(contour.role, contour.station) for contour in found.contours] == [("tumor", None), ("node", "II")]


def test_label_map_on_another_grid_is_resampled(tmp_path: Path) -> None:
    coarse = Geometry((6, 20, 22), (6.0, 2.5, 2.0), (-19.5, -24.375, -8.5))
    found = read(label_map(tmp_path / "case.mha", np.ones(coarse.shape, bool), coarse))
    assert found.contours[0].mask.mean() > 0.9
    assert "contour-resampled" in codes(found)


def broken_gzip(path: Path) -> Path:
    return factory.truncate(label_map(path, cube()), 0.6)


def fractions(path: Path) -> Path:
    write_volume(Volume(np.linspace(0, 1, GRID.shape[0] * 1760).reshape(GRID.shape).astype(np.float32), GRID), path)
    return path


def hounsfield(path: Path) -> Path:
    write_volume(Volume(np.full(GRID.shape, -1000, np.int16), GRID), path)
    return path


@pytest.mark.parametrize("make", [broken_gzip, fractions, hounsfield])
def test_file_that_is_no_label_map_is_refused(make: Any, tmp_path: Path) -> None:
    with pytest.raises(ContourError, match="contour file 1 of 1"):
        read(make(tmp_path / "Doe.nii.gz"))


def test_broken_table_of_names_is_refused(tmp_path: Path) -> None:
    (tmp_path / "case.csv").write_text("number,text\n1,GTVp\n")
    with pytest.raises(ContourError, match="columns id and name"):
        read(label_map(tmp_path / "case.nii.gz", two_labels()))


def flat(found: ContourSet) -> list[Contour]:
    return [contour for contour in found.contours if contour.structure is not None]


def test_real_network_label_map_is_named_by_its_own_header(shared_data: Path) -> None:
    folder = shared_data / "totalsegmentator_example"
    found = read_contours(
        [folder / "example_seg_full.nii.gz"], read_volume(folder / "example_ct.nii.gz").geometry, None
    )
    assert len(flat(found)) == 61
    assert found.unmatched == ()
    assert {"liver", "vertebrae_L1", "rib_left_10"} <= {contour.structure for contour in found.contours}


def test_real_neck_organs_are_named_by_the_table_beside_them(shared_data: Path) -> None:
    path = shared_data / "neck_organs" / "0522c0017.nii.gz"
    found = read_contours([path], read_volume(path).geometry, None)
    assert found.unmatched == ()
    assert {"mandible", "parotid_gland_left", "spinal_cord"} <= {contour.structure for contour in found.contours}


def test_real_lung_tumor_contour_is_the_reference_mask_voxel_for_voxel(shared_data: Path) -> None:
    folder = shared_data / "ibsi_lung_ct"
    reference = read_volume(folder / "nifti" / "mask.nii.gz")
    found = read_contours([folder / "dicom" / "rtstruct" / "rtstruct.dcm"], reference.geometry, None)
    assert np.array_equal(found.contours[0].mask, reference.array > 0)
    assert int(found.contours[0].mask.sum()) == 125256


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("patient", ["STS_002", "STS_008"])
@pytest.mark.parametrize("modality", ["ct", "pet"])
def test_real_sarcoma_contours_are_the_reference_masks_on_both_grids(
    patient: str, modality: str, shared_data: Path
) -> None:
    folder = shared_data / "pet_suv" / f"{patient}_pet_ct" / modality
    reference = read_volume(folder / "gtv_mask.nii.gz")
    found = read_contours([folder / "rtstruct.dcm"], reference.geometry, None)
    assert np.array_equal(found.contours[0].mask, reference.array > 0)


def test_gzip_of_a_label_map_may_be_missing_its_end(tmp_path: Path) -> None:
    path = tmp_path / "case.nii.gz"
    path.write_bytes(gzip.compress(b"too short"))
    with pytest.raises(ContourError, match="contour file 1 of 1"):
        read(path)
