"""What one received object says about itself and about what should come with it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from mdt_dicom.header import HEADER_FAULTS
from oncology.errors import ImageError

KEY_OBJECT_SELECTION = "1.2.840.10008.5.1.4.1.1.88.59"
# Titles of key object documents that list all that belongs to a study or acquisition (PS3.16 CID 7010).
COMPLETE_TITLES = frozenset({"113030", "113031", "113032", "113033", "113034", "113035"})
_TEXTS = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "AcquisitionNumber",
    "ConcatenationUID",
    "Manufacturer",
)
_INTEGER_STRINGS = (
    "InstanceNumber",
    "NumberOfFrames",
    "ImagesInAcquisition",
    "NumberOfStudyRelatedSeries",
    "NumberOfStudyRelatedInstances",
    "NumberOfSeriesRelatedInstances",
)
# NumberOfSlices and its factors: PS3.3 C.8.9.1, PET Series module.
_SHORTS = (
    "NumberOfSlices",
    "NumberOfTimeSlices",
    "NumberOfRRIntervals",
    "NumberOfTimeSlots",
    "InConcatenationTotalNumber",
)


def _tag(keyword: str) -> BaseTag:
    number = tag_for_keyword(keyword)
    assert number is not None
    return Tag(number)


_TAGS: dict[str, BaseTag] = {keyword: _tag(keyword) for keyword in (*_TEXTS, *_INTEGER_STRINGS, *_SHORTS)}


@dataclass(frozen=True)
class ObjectNote:
    """One object of a study, without anything that names the patient.

    Attributes:
        name: of its file.
        frames: 0 for an object that is no multi-frame object.
        series_instances, acquisition_images, study_series, study_instances, concatenation_parts: as declared by the
            object; None where it declares nothing.
        manifest: SOPInstanceUIDs that a key object document lists as the whole.
        called: AE title that it was sent to, "" when it came another way.
    """

    name: str
    sop_uid: str
    sop_class: str
    study_uid: str
    series_uid: str
    modality: str = ""
    manufacturer: str = ""
    instance_number: int | None = None
    acquisition: str = ""
    concatenation: str = ""
    frames: int = 0
    series_instances: int | None = None
    acquisition_images: int | None = None
    study_series: int | None = None
    study_instances: int | None = None
    concatenation_parts: int | None = None
    manifest: tuple[str, ...] = ()
    called: str = ""


def note_of(path: Path) -> ObjectNote:
    """Read the header of one DICOM file; values are taken as bytes, so that no odd value can raise or be quoted.

    Raises:
        ImageError: the file is damaged, or lacks the UID of its class, object, study or series.
    """
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS.values()))
        texts = {keyword: _text(header, keyword) for keyword in _TEXTS}
        numbers = {keyword: _whole(_text(header, keyword)) for keyword in _INTEGER_STRINGS}
        shorts = {keyword: _short(header, keyword) for keyword in _SHORTS}
        called = str(header.file_meta.get("ReceivingApplicationEntityTitle", "")).strip()
        manifest = _manifest(path) if texts["SOPClassUID"] == KEY_OBJECT_SELECTION else ()
    except HEADER_FAULTS:
        raise ImageError("an object cannot be read as DICOM; expected a whole data set; send it again") from None
    for keyword in _TEXTS[:4]:
        if not texts[keyword]:
            raise ImageError(f"an object lacks {keyword}; expected a data set with its UIDs; correct it at its source")
    return _assembled(path.name, texts, numbers, shorts, manifest, called)


def _assembled(
    name: str,
    texts: dict[str, str],
    numbers: dict[str, int | None],
    shorts: dict[str, int | None],
    manifest: tuple[str, ...],
    called: str,
) -> ObjectNote:
    return ObjectNote(
        name=name,
        sop_uid=texts["SOPInstanceUID"],
        sop_class=texts["SOPClassUID"],
        study_uid=texts["StudyInstanceUID"],
        series_uid=texts["SeriesInstanceUID"],
        modality=texts["Modality"].upper(),
        manufacturer=texts["Manufacturer"],
        instance_number=numbers["InstanceNumber"],
        acquisition=texts["AcquisitionNumber"],
        concatenation=texts["ConcatenationUID"],
        frames=numbers["NumberOfFrames"] or 0,
        series_instances=_largest(numbers["NumberOfSeriesRelatedInstances"], _pet_images(shorts)),
        acquisition_images=numbers["ImagesInAcquisition"],
        study_series=numbers["NumberOfStudyRelatedSeries"],
        study_instances=numbers["NumberOfStudyRelatedInstances"],
        concatenation_parts=shorts["InConcatenationTotalNumber"],
        manifest=manifest,
        called=called,
    )


def _pet_images(shorts: dict[str, int | None]) -> int | None:
    """Images of a PET series: slices, times the time slices of a dynamic or the intervals and slots of a gated one."""
    slices = shorts["NumberOfSlices"]
    if not slices:
        return None
    factors = (shorts[keyword] or 1 for keyword in ("NumberOfTimeSlices", "NumberOfRRIntervals", "NumberOfTimeSlots"))
    for factor in factors:
        slices *= factor
    return slices


def _largest(*counts: int | None) -> int | None:
    return max((count for count in counts if count), default=None)


def _manifest(path: Path) -> tuple[str, ...]:
    """What a key object document lists as evidence, when its title says that this is all there is."""
    document = pydicom.dcmread(path)
    title = document.get("ConceptNameCodeSequence") or []
    if not title or str(title[0].get("CodeValue", "")) not in COMPLETE_TITLES:
        return ()
    return tuple(
        str(item.ReferencedSOPInstanceUID)
        for study in document.get("CurrentRequestedProcedureEvidenceSequence") or []
        if study.get("StudyInstanceUID") == document.get("StudyInstanceUID")
        for series in study.get("ReferencedSeriesSequence") or []
        for item in series.get("ReferencedSOPSequence") or []
    )


def _bytes(header: Dataset, keyword: str) -> bytes:
    if _TAGS[keyword] not in header:
        return b""
    value = header.get_item(_TAGS[keyword]).value
    if isinstance(value, bytes):
        return value
    return b"" if value is None else str(value).encode("ascii", "replace")


def _text(header: Dataset, keyword: str) -> str:
    return _bytes(header, keyword).decode("ascii", "replace").strip(" \0")


def _whole(text: str) -> int | None:
    return int(text) if text.lstrip("+-").isdecimal() and len(text) <= 12 else None


def _short(header: Dataset, keyword: str) -> int | None:
    value = _bytes(header, keyword)
    if len(value) != 2:
        return None
    (number,) = struct.unpack("<H" if header.original_encoding[1] is not False else ">H", value)
    return int(number) or None
