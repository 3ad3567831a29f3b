"""Structured reports, documents and key images: what they say, whom they belong to, and that they are valid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from dicom_results import CASE, CREATED, MAKER, ct_study, dciodvfy_errors, random_mask, source_of
from mdt_dicom.encapsulated_pdf import write_pdf
from mdt_dicom.result import SourceSeries, find_header, short_code, tracking_uid
from mdt_dicom.secondary_capture import write_key_image
from mdt_dicom.seg import Segment, WrittenSeg, write_seg
from mdt_dicom.sr import Verification, write_sr
from mdt_dicom.uid import uid_from
from oncology.errors import ReportError
from oncology.findings import Findings, Laterality, MetastasisCandidate, Node, Source, SourceKind, Tumor

TUMOR = Tumor(
    "tumor-1",
    358.68,
    97.1,
    90.2,
    99.9,
    70.0,
    Laterality.LEFT,
    "lung_upper_lobe_left",
    (1.0, 2.0, 3.0),
    suv_max=12.3,
    suv_peak=10.1,
    mtv_ml=200.0,
)
NODE = Node(
    "node-1", "4R", Laterality.RIGHT, 12.1, 15.0, 1.2, (0.0, 0.0, 0.0), p_malignant=0.7, needs_confirmation=True
)
CANDIDATE = MetastasisCandidate("met-1", "adrenal_left", None, volume_ml=2.0)
FINDINGS = Findings(CASE, "lung", (TUMOR,), (NODE,), (CANDIDATE,))
OPEN_N = {"category": None, "possible": ["N2", "N3"]}
STAGING: dict[str, Any] = {
    "classification": "clinical",
    "editions": {
        "8": {
            "t": {"category": "T4", "possible": ["T4"]},
            "n": OPEN_N,
            "m": {"category": "M0", "possible": ["M0"]},
            "stage_group": {"category": None, "possible": ["IIIB", "IIIC"]},
        },
        "9": {"t": {"category": "T4", "possible": ["T4"]}},
    },
}
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> SourceSeries:
    folder = tmp_path_factory.mktemp("ct")
    return source_of(ct_study(folder), folder)


@pytest.fixture(scope="module")
def seg(source: SourceSeries, tmp_path_factory: pytest.TempPathFactory) -> WrittenSeg:
    shape, drawn = source.geometry.shape, Source(SourceKind.CONTOUR, "GTVp")
    made = [
        Segment("tumor-1", random_mask(shape, 1), "tumor", "tumor-1", drawn),
        Segment("node-1", random_mask(shape, 2), "node", "node-1", drawn, "4R"),
    ]
    path = tmp_path_factory.mktemp("seg") / "seg.dcm"
    return write_seg(made, source, path, case_id=CASE, maker=MAKER, created=CREATED)


def report(source: SourceSeries, path: Path, seg: WrittenSeg | None = None, **more: Any) -> Dataset:
    write_sr(FINDINGS, STAGING, source, path, maker=MAKER, created=CREATED, seg=seg, **more)
    return pydicom.dcmread(path)


def items(dataset: Dataset) -> list[Dataset]:
    """All content items, depth first."""
    return [found for item in dataset.get("ContentSequence", []) for found in (item, *items(item))]


def named(dataset: Dataset, meaning: str) -> list[Dataset]:
    found = [item for item in items(dataset) if "ConceptNameCodeSequence" in item]
    return [item for item in found if item.ConceptNameCodeSequence[0].CodeMeaning == meaning]


def test_report_is_preliminary_and_unverified_until_signed(source: SourceSeries, tmp_path: Path) -> None:
    dataset = report(source, tmp_path / "sr.dcm")
    assert (dataset.PreliminaryFlag, dataset.VerificationFlag) == ("PRELIMINARY", "UNVERIFIED")
    assert "Research use only" in dataset.SeriesDescription


def test_signed_report_names_who_verified_it(source: SourceSeries, tmp_path: Path) -> None:
    dataset = report(source, tmp_path / "sr.dcm", verification=Verification("Board^Chair", "Hospital"))
    assert (dataset.PreliminaryFlag, dataset.VerificationFlag) == ("FINAL", "VERIFIED")
    assert dataset.VerifyingObserverSequence[0].VerifyingObserverName == "Board^Chair"


def test_measurements_carry_value_and_unit(source: SourceSeries, tmp_path: Path) -> None:
    dataset = report(source, tmp_path / "sr.dcm")
    values = {
        meaning: [float(item.MeasuredValueSequence[0].NumericValue) for item in named(dataset, meaning)]
        for meaning in ("Size.maximum dimension in Tumor", "Volume", "Short Axis", "SUVbw", "Probability of cancer")
    }
    assert values == {
        "Size.maximum dimension in Tumor": [97.1],
        "Volume": [358.68, 1.2, 2.0],
        "Short Axis": [70.0, 12.1],
        "SUVbw": [12.3, 10.1],
        "Probability of cancer": [0.7],
    }
    unit = named(dataset, "Volume")[0].MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0]
    assert unit.CodeValue == "ml"


def test_unknown_measurements_are_left_out(source: SourceSeries, tmp_path: Path) -> None:
    assert named(report(source, tmp_path / "sr.dcm"), "Distance to the carina") == []


def test_station_is_coded_by_name_and_by_lymph_node_group(source: SourceSeries, tmp_path: Path) -> None:
    dataset = report(source, tmp_path / "sr.dcm")
    station = named(dataset, "Lymph node station")[0].ConceptCodeSequence[0]
    assert (station.CodeValue, station.CodingSchemeDesignator) == ("4R", "99AIMDT")
    sites = [item.ConceptCodeSequence[0].CodeMeaning for item in named(dataset, "Finding Site")]
    assert sites == ["Upper lobe of lung", "Lower paratracheal lymph node"]


def test_stage_that_is_open_lists_what_remains_possible(source: SourceSeries, tmp_path: Path) -> None:
    dataset = report(source, tmp_path / "sr.dcm")
    n = named(dataset, "Regional lymph nodes.clinical [Class] Cancer")
    assert n[0].ConceptCodeSequence[0].CodeValue == "undetermined"
    possible = named(dataset, "Category that remains possible: n")
    assert [item.ConceptCodeSequence[0].CodeValue for item in possible] == ["N2", "N3"]
    t = named(dataset, "Primary tumor.clinical [Class] Cancer")
    assert [item.ConceptCodeSequence[0].CodeMeaning for item in t] == ["T4 (TNM edition 8)", "T4 (TNM edition 9)"]


def test_findings_point_to_their_segments_and_share_their_tracking_uid(
    source: SourceSeries, seg: WrittenSeg, tmp_path: Path
) -> None:
    dataset = report(source, tmp_path / "sr.dcm", seg)
    segments = [item.ReferencedSOPSequence[0] for item in named(dataset, "Referenced Segment")]
    assert [item.ReferencedSegmentNumber for item in segments] == [1, 2]
    assert {item.ReferencedSOPInstanceUID for item in segments} == {seg.sop_instance_uid}
    tracked = [item.UID for item in named(dataset, "Tracking Unique Identifier")]
    assert tracking_uid(CASE, "tumor-1") in tracked


def test_evidence_lists_images_and_segmentation(source: SourceSeries, seg: WrittenSeg, tmp_path: Path) -> None:
    dataset = report(source, tmp_path / "sr.dcm", seg)
    evidence = [
        item.ReferencedSOPInstanceUID
        for keyword in ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence")
        for study in dataset.get(keyword, [])
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    ]
    assert seg.sop_instance_uid in evidence
    assert set(source.info.sop_instance_uids) <= set(evidence)


def test_another_library_finds_the_measurement_groups(source: SourceSeries, seg: WrittenSeg, tmp_path: Path) -> None:
    report(source, tmp_path / "sr.dcm", seg)
    content = hd.sr.srread(tmp_path / "sr.dcm").content
    groups = content.get_volumetric_roi_measurement_groups()
    assert [group.tracking_identifier for group in groups] == ["tumor-1", "node-1"]
    assert groups[0].finding_type.meaning == "Malignant neoplasm, primary"


@pytest.mark.parametrize("with_seg", [True, False], ids=["with segments", "without segments"])
def test_dciodvfy_finds_no_error_in_the_report(
    with_seg: bool, source: SourceSeries, seg: WrittenSeg, tmp_path: Path
) -> None:
    report(source, tmp_path / "sr.dcm", seg if with_seg else None)
    assert dciodvfy_errors(tmp_path / "sr.dcm") == []


def test_dciodvfy_finds_no_error_in_a_signed_report(source: SourceSeries, tmp_path: Path) -> None:
    report(source, tmp_path / "sr.dcm", verification=Verification("Board^Chair", "Hospital"))
    assert dciodvfy_errors(tmp_path / "sr.dcm") == []


def test_same_findings_give_the_same_report(source: SourceSeries, tmp_path: Path) -> None:
    report(source, tmp_path / "one.dcm")
    report(source, tmp_path / "two.dcm")
    assert (tmp_path / "one.dcm").read_bytes() == (tmp_path / "two.dcm").read_bytes()


def test_nothing_to_report_is_an_error(source: SourceSeries, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="no finding and no stage"):
        write_sr(Findings(CASE, "lung"), {}, source, tmp_path / "sr.dcm", maker=MAKER, created=CREATED)


def test_pdf_comes_back_byte_for_byte_and_belongs_to_the_study(source: SourceSeries, tmp_path: Path) -> None:
    write_pdf(PDF + b"x", source, tmp_path / "report.dcm", case_id=CASE, maker=MAKER, created=CREATED)
    dataset = pydicom.dcmread(tmp_path / "report.dcm")
    assert dataset.EncapsulatedDocument[: dataset.EncapsulatedDocumentLength] == PDF + b"x"
    assert dataset.StudyInstanceUID == source.info.study_uid
    assert "preliminary" in dataset.DocumentTitle
    assert "Research use only" in dataset.DocumentTitle
    assert len(dataset.SourceInstanceSequence) == len(source.info.sop_instance_uids)


def test_dciodvfy_finds_no_error_in_the_pdf(source: SourceSeries, tmp_path: Path) -> None:
    write_pdf(PDF, source, tmp_path / "report.dcm", case_id=CASE, maker=MAKER, created=CREATED)
    assert dciodvfy_errors(tmp_path / "report.dcm") == []


def test_something_else_than_a_pdf_is_refused(source: SourceSeries, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="no PDF"):
        write_pdf(b"<html>", source, tmp_path / "report.dcm", case_id=CASE, maker=MAKER, created=CREATED)


def key_image(source: SourceSeries, path: Path, slice_index: int | None) -> np.ndarray:
    pixels = np.random.default_rng(5).integers(0, 255, (61, 83, 3), np.uint8)
    write_key_image(
        pixels,
        source,
        path,
        case_id=CASE,
        number=2,
        caption="tumor-1, axial",
        maker=MAKER,
        created=CREATED,
        slice_index=slice_index,
    )
    return pixels


@pytest.mark.parametrize("slice_index", [4, None])
def test_key_image_keeps_its_pixels_and_names_its_slice(
    slice_index: int | None, source: SourceSeries, tmp_path: Path
) -> None:
    pixels = key_image(source, tmp_path / "key.dcm", slice_index)
    dataset = pydicom.dcmread(tmp_path / "key.dcm")
    assert np.array_equal(dataset.pixel_array, pixels)
    named_slices = [item.ReferencedSOPInstanceUID for item in dataset.get("SourceImageSequence", [])]
    assert named_slices == ([] if slice_index is None else [source.info.sop_instance_uids[slice_index]])
    assert dciodvfy_errors(tmp_path / "key.dcm") == []


def test_gray_key_image_is_refused(source: SourceSeries, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="expected RGB"):
        write_key_image(
            np.zeros((5, 5), np.uint8),
            source,
            tmp_path / "key.dcm",
            case_id=CASE,
            number=1,
            caption="x",
            maker=MAKER,
            created=CREATED,
        )


def test_uids_follow_from_their_parts_and_nothing_else() -> None:
    assert uid_from("a", "b") == uid_from("a", "b")
    assert len({uid_from("a", "b"), uid_from("ab"), uid_from("b", "a"), uid_from("a", "b", "")}) == 4
    assert all(pydicom.uid.UID(uid_from(str(number))).is_valid for number in range(200))


def test_codes_of_ours_stay_different_when_shortened() -> None:
    sides = {short_code("supraclavicular_left"), short_code("supraclavicular_right")}
    assert len(sides) == 2
    assert all(len(code) <= 16 for code in sides)


def test_header_is_found_among_other_files_and_none_is_made_up(tmp_path: Path) -> None:
    study = ct_study(tmp_path / "ct")
    (tmp_path / "ct" / "notes.txt").write_text("no DICOM")
    found = find_header(tmp_path, study.ct.info.series_uid)
    assert found is not None
    assert found.SeriesInstanceUID == study.ct.info.series_uid
    assert find_header(tmp_path, "1.2.3") is None
