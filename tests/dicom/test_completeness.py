"""Whether a study is all here, by what its objects declare."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

import dicom_factory as factory
from dicom.servers import studies
from mdt_dicom.completeness import judge
from mdt_dicom.completeness_note import ObjectNote, note_of


def notes(count: int = 4, series: str = "1.2.3", **declared: object) -> list[ObjectNote]:
    usual = ObjectNote("", "", "1.2.840.10008.5.1.4.1.1.2", "1.2", series, "CT")
    numbered = (replace(usual, sop_uid=f"{series}.{number}", instance_number=number) for number in range(1, count + 1))
    return [replace(note, **declared) for note in numbered]  # type: ignore[arg-type]


def test_a_series_with_its_declared_count_is_complete() -> None:
    judged = judge(notes(4, series_instances=4))
    assert judged.is_complete
    assert not judged.undeclared


def test_a_series_short_of_its_declared_count_is_named_with_both_numbers() -> None:
    judged = judge(notes(4, series_instances=6))
    assert judged.missing == ("4 of 6 objects of series 1.2.3 (declared for the series)",)


def test_an_object_that_came_twice_counts_once() -> None:
    twice = notes(2, series_instances=3) + notes(2, series_instances=3)
    assert not judge(twice).is_complete


def test_the_count_of_the_study_covers_all_series() -> None:
    one, other = notes(2, "1.1", study_instances=5), notes(3, "1.2")
    assert judge(one + other).closed
    assert "4 of 5 objects of the study" in judge(one + other[:2]).missing[0]


def test_a_whole_study_count_that_is_met_needs_no_further_waiting() -> None:
    assert judge(notes(4, study_instances=4)).closed
    assert not judge(notes(4, series_instances=4)).closed


def test_a_study_lacking_a_series_is_incomplete() -> None:
    assert "1 of 2 series" in judge(notes(4, study_series=2, series_instances=4)).missing[0]


def test_images_of_an_acquisition_are_counted_in_the_series_or_over_its_reconstructions() -> None:
    soft, lung = (notes(3, uid, acquisition="1", acquisition_images=6) for uid in ("1.1", "1.2"))
    assert judge(soft + lung).is_complete
    assert judge(notes(6, acquisition="1", acquisition_images=6)).is_complete
    assert "3 of 6 images of an acquisition" in judge(soft).missing[0]


def test_each_acquisition_of_a_series_is_held_against_its_own_count() -> None:
    first = notes(3, acquisition="1", acquisition_images=3)
    second = [replace(note, sop_uid=note.sop_uid + ".2") for note in notes(2, acquisition="2", acquisition_images=3)]
    assert judge(first + second).missing == ("2 of 3 images of an acquisition of series 1.2.3 (ImagesInAcquisition)",)


def test_parts_of_a_concatenation_are_counted() -> None:
    parts = notes(2, concatenation="9.9", concatenation_parts=3, frames=40)
    assert judge(parts).missing == ("2 of 3 parts of concatenation 9.9 (InConcatenationTotalNumber)",)


def test_objects_that_a_manifest_lists_are_missed_by_their_uid() -> None:
    listing = notes(2, manifest=("1.2.3.1", "1.2.3.2", "1.2.3.3"))
    assert judge(listing).missing[0] == "1 listed objects: 1.2.3.3"


def test_what_an_archive_lists_is_waited_for() -> None:
    assert not judge(notes(2), frozenset({"1.2.3.1", "1.2.3.2", "1.2.3.3"})).is_complete
    assert judge(notes(3), frozenset({"1.2.3.1", "1.2.3.2", "1.2.3.3"})).closed


def test_a_gap_in_the_numbers_of_an_undeclared_series_is_missed() -> None:
    gapped = [note for note in notes(6) if note.instance_number != 4]
    judged = judge(gapped)
    assert judged.undeclared == ("1.2.3",)
    assert "instance numbers 4 of series" in judged.missing[0]


def test_even_steps_between_numbers_are_no_gap() -> None:
    assert judge([note for note in notes(9) if (note.instance_number or 0) % 2]).is_complete


def test_multi_frame_objects_and_reports_need_no_declaration() -> None:
    assert judge(notes(1, frames=80)).undeclared == ()
    assert judge(notes(1, modality="SR")).undeclared == ()


def read(tmp_path: Path, item: Dataset, syntax: str = "explicit") -> ObjectNote:
    return note_of(factory.save_one(item, tmp_path / "one.dcm", syntax=syntax))


def test_a_pet_series_declares_its_images_by_slices_and_time_slices(tmp_path: Path) -> None:
    item = factory.pet_slices(NumberOfSlices=47, NumberOfTimeSlices=3)[0]
    assert read(tmp_path, item).series_instances == 141


def test_declarations_are_read_from_every_plain_syntax(tmp_path: Path) -> None:
    item = factory.pet_slices(NumberOfSlices=47, ImagesInAcquisition="47", NumberOfStudyRelatedInstances="300")[0]
    for syntax in ("explicit", "implicit", "big endian", "deflated"):
        note = read(tmp_path, item, syntax)
        assert (note.series_instances, note.acquisition_images, note.study_instances) == (47, 47, 300)


def test_counts_that_are_no_numbers_declare_nothing(tmp_path: Path) -> None:
    item = studies.slices("odd", NumberOfSeriesRelatedInstances=None, ImagesInAcquisition="")[0]
    item.add(DataElement("NumberOfSeriesRelatedInstances", "LO", "many"))
    note = read(tmp_path, item)
    assert (note.series_instances, note.acquisition_images) == (None, None)


def key_object(title: str) -> Dataset:
    item, evidence, series, image, name = (Dataset() for _ in range(5))
    item.SOPClassUID, item.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.88.59", factory.uid("key object")
    item.StudyInstanceUID = evidence.StudyInstanceUID = factory.uid("study")
    item.SeriesInstanceUID, item.Modality = factory.uid("key objects"), "KO"
    name.CodeValue, name.CodingSchemeDesignator, name.CodeMeaning = title, "DCM", "title"
    image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = factory.CT_CLASS, "1.2.3.4"
    series.SeriesInstanceUID, series.ReferencedSOPSequence = factory.uid("ct"), [image]
    evidence.ReferencedSeriesSequence = [series]
    item.ConceptNameCodeSequence, item.CurrentRequestedProcedureEvidenceSequence = [name], [evidence]
    return item


def test_only_a_key_object_document_that_lists_the_whole_is_a_manifest(tmp_path: Path) -> None:
    assert read(tmp_path, key_object("113030")).manifest == ("1.2.3.4",)
    assert read(tmp_path, key_object("113000")).manifest == ()  # "Of Interest"
