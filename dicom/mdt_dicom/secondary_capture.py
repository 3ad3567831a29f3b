"""A key image as a secondary capture in the patient's study. Source: DICOM PS3.3 A.8.1, C.8.6 (SC Image)."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

import numpy as np
from highdicom.sc import SCImage
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from mdt_dicom.result import (
    RESEARCH_USE,
    SERIES_NUMBERS,
    Maker,
    SourceSeries,
    contributing,
    save,
    series_uid,
    stamp,
)
from mdt_dicom.uid import uid_from
from oncology.errors import ReportError
from oncology.findings import CaseId

SOURCE_PURPOSE = CodedConcept("121322", "DCM", "Source image for image processing operation")


def write_key_image(
    pixels: np.ndarray,
    source: SourceSeries,
    path: Path,
    *,
    case_id: CaseId,
    number: int,
    caption: str,
    maker: Maker,
    created: datetime,
    slice_index: int | None = None,
) -> str:
    """Write one picture; returns the SOP instance UID.

    Args:
        pixels: (rows, columns, 3) uint8, contours, scale bar and texts burned in, no patient data.
        number: of the picture within the case, from 1; `caption` says what it shows, without patient data.
        slice_index: the CT slice that it shows, where it shows one.
    Raises:
        ReportError: the pixels are no RGB picture, or the CT is no DICOM.
    """
    source.require_dicom()
    pixels = _checked(pixels, number)
    uid = uid_from(case_id, "KEY", str(number), hashlib.sha256(pixels.tobytes()).hexdigest())
    image = SCImage.from_ref_dataset(
        ref_dataset=source.image(slice_index or 0),
        pixel_array=pixels,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        series_instance_uid=series_uid(case_id, "KEY"),
        series_number=SERIES_NUMBERS["KEY"],
        sop_instance_uid=uid,
        instance_number=number,
        manufacturer=maker.manufacturer,
        patient_orientation=("L", "P"),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        contributing_equipment=[contributing(maker)],
    )
    _describe(image, caption, maker)
    if slice_index is not None and (shown := source.uid_of_slice(slice_index)) is not None:
        image.SourceImageSequence = [_reference(source, shown)]
    stamp(image, created)
    save(image, path)
    return uid


def _checked(pixels: np.ndarray, number: int) -> np.ndarray:
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise ReportError(
            f"key image {number} has shape {pixels.shape} of {pixels.dtype}; expected RGB, 8 bits; draw it again"
        )
    return np.ascontiguousarray(pixels)


def _describe(image: Dataset, caption: str, maker: Maker) -> None:
    """What it is, who made it; a picture with margins and insets has no single orientation or side (type 2C)."""
    image.PatientOrientation = image.Laterality = ""
    image.SeriesDescription = f"{maker.name} key images. {RESEARCH_USE}"
    image.ManufacturerModelName, image.SoftwareVersions = maker.name, maker.version
    image.ImageType = ["DERIVED", "SECONDARY"]
    image.ImageComments = f"{caption}. {RESEARCH_USE}"
    image.DerivationDescription = f"{caption}. {RESEARCH_USE}"[:1024]
    image.BurnedInAnnotation = "YES"


def _reference(source: SourceSeries, uid: str) -> Dataset:
    item = source.reference(uid)
    item.PurposeOfReferenceCodeSequence = [SOURCE_PURPOSE]
    return item
