"""CT and PET series as single-frame DICOM, for synthetic patients. Never used for a real patient's images.

Headers follow a maker's dialect; that the data are made up stands in the model's name, the institution and every
description.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    PositronEmissionTomographyImageStorage,
)

from mdt_dicom.decay import mean_count_time_s
from mdt_dicom.dialect import DIALECTS, Dialect, PetDialect, PrivateField, activity_factors, scan_start
from mdt_dicom.uid import uid_from
from oncology.imaging.volume import Geometry, Volume

F18_POSITRON_FRACTION = 0.97  # NIST
INJECTED_BQ = 3.0e8
INJECTION_TIME, UPTAKE_SECONDS, SAVING_SECONDS = "090000", 3600, 1800
BED_MM, BED_SECONDS = 150.0, 120  # of the PET, taken bed after bed from the feet
BQML_PER_COUNT = 1.7  # of a maker that stores counts
STORED_MAX = 32767
SYNTHETIC = "SYNTHETIC - research use only"
MADE_BY = "AI-MDT synthetic"


@dataclass(frozen=True)
class Subject:
    """The made-up patient and study that images belong to; dates as YYYYMMDD, body part by DICOM PS3.16 CID 4031."""

    patient_id: str
    issuer: str
    name: str
    birth_date: str
    sex: str  # M, F
    weight_kg: float
    height_m: float
    study_date: str
    accession: str
    seed: str
    body_part: str = "CHEST"

    @property
    def study_uid(self) -> str:
        """The study's UID."""
        return uid_from(self.seed, "study")

    @property
    def frame_of_reference_uid(self) -> str:
        """CT and PET share one frame of reference."""
        return uid_from(self.seed, "frame")


@dataclass(frozen=True)
class CtLook:
    """How a CT was taken, as far as its header tells.

    Attributes:
        maker: one of DIALECTS.
        sharpness: of the kernel, 0.4 (coarse grain) to 1.2 (fine).
        contrast: a contrast medium was given.
        phase: when after it; the description tells any but the portal one, which is the rule.
    """

    maker: str = "siemens"
    sharpness: float = 0.7
    contrast: bool = True
    phase: str = "portal"


def write_ct(ct: Volume, subject: Subject, folder: Path, look: CtLook | None = None) -> list[str]:
    """One file per slice; returns the SOP instance UIDs in z order.

    Args:
        ct: HU, int16, axial axes.
    """
    look = look or CtLook()
    dialect = DIALECTS[look.maker]
    own, kernel = dialect.ct, dialect.ct.kernel_at(look.sharpness)
    thickness = ct.geometry.spacing_mm[0]
    title = own.description.format(part=subject.body_part.title(), thickness=thickness, kernel=kernel[0])
    if look.contrast and look.phase != "portal":
        title = f"{title} {look.phase}"
    common = _series(ct, subject, "CT", dialect) | {
        "SeriesDescription": f"{title} {SYNTHETIC}",
        "ImageType": list(own.image_type),
        "PatientPosition": "HFS",
        "KVP": 120.0,
        "ConvolutionKernel": list(kernel),
        "BitsStored": own.bits_stored,
        "HighBit": own.bits_stored - 1,
        "PixelRepresentation": int(own.signed),
        "RescaleIntercept": float(own.intercept),
        "RescaleSlope": 1.0,
        "RescaleType": "HU",
        "WindowCenter": 40.0,
        "WindowWidth": 400.0,
    }
    if look.contrast:
        common["ContrastBolusAgent"] = "iodinated contrast"
    if own.padding is not None:
        common["PixelPaddingValue"] = own.padding
    stored = ct.array.clip(-1024, 3071).astype(np.int32) - own.intercept
    stored = stored.astype(np.int16 if own.signed else np.uint16)
    series = _Series(ct, folder, "CT", dialect, own.private)
    return [series.write(stored[index], index, common) for index in range(len(stored))]


def write_pet(suv: Volume, subject: Subject, folder: Path, maker: str = "siemens") -> list[str]:
    """PET from body-weight SUV, decay corrected to the start of the scan; returns the SOP instance UIDs in z order."""
    dialect = DIALECTS[maker]
    own = dialect.pet
    left = INJECTED_BQ * 2.0 ** (-UPTAKE_SECONDS / own.half_life_s)
    suv_per_value = subject.weight_kg * 1000.0 / left
    private: tuple[PrivateField, ...] = scan_start(_stamp(subject, 0.0, ".00")) if own.saved_later else ()
    if own.units == "CNTS":
        private = activity_factors(BQML_PER_COUNT, BQML_PER_COUNT * suv_per_value)
        suv_per_value = float(private[0].value)
    values = suv.array / suv_per_value
    common = _series(suv, subject, "PT", dialect) | _pet_fields(own, len(values)) | {
        "RadiopharmaceuticalInformationSequence": [_injection(subject, dialect)],
    }  # fmt: skip
    largest = np.full(len(values), values.max()) if not own.slope_by_slice else values.max(axis=(1, 2))
    series = _Series(suv, folder, "PT", dialect, private)
    uids = []
    for index, plane in enumerate(values):
        slope = float(f"{max(float(largest[index]), 1.0) / STORED_MAX:.9g}")
        stored = np.round(plane / slope).clip(0, STORED_MAX).astype(np.int16)
        bed = int(index * suv.geometry.spacing_mm[0] // BED_MM)
        fields = common | _bed_fields(subject, dialect, bed * BED_SECONDS) | {"RescaleSlope": slope}
        uids.append(series.write(stored, index, fields))
    return uids


def _pet_fields(own: PetDialect, count: int) -> dict[str, Any]:
    position = _coded(codes.SCT.Recumbent)
    position.PatientOrientationModifierCodeSequence = [_coded(codes.SCT.Supine)]
    return {
        "SeriesDescription": f"{own.description} {SYNTHETIC}",
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "Units": own.units,
        "DecayCorrection": "START",
        "CorrectedImage": list(own.corrected),
        "CountsSource": "EMISSION",
        "SeriesType": ["WHOLE BODY", "IMAGE"],
        "AttenuationCorrectionMethod": "CT-AC",
        "RandomsCorrectionMethod": "DLYD",
        "CollimatorType": "NONE",
        "ActualFrameDuration": BED_SECONDS * 1000,
        "NumberOfSlices": count,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 1,
        "RescaleIntercept": 0.0,
        "PatientOrientationCodeSequence": [position],
        "PatientGantryRelationshipCodeSequence": [_coded(codes.SCT.Headfirst)],
    }


def _bed_fields(subject: Subject, dialect: Dialect, seconds: float) -> dict[str, Any]:
    """When a bed was taken, `seconds` after the start of the scan, and by how much its decay was corrected."""
    half_life_s = dialect.pet.half_life_s
    reference_s = seconds + mean_count_time_s(BED_SECONDS, half_life_s)
    clock = _stamp(subject, seconds, dialect.fraction)[8:]
    return {
        "AcquisitionTime": clock,
        "ContentTime": clock,
        "FrameReferenceTime": round(reference_s * 1000.0, 3),
        "DecayFactor": round(2.0 ** (reference_s / half_life_s), 6),
    }


def _injection(subject: Subject, dialect: Dialect) -> Dataset:
    own, item = dialect.pet, Dataset()
    item.Radiopharmaceutical = "FDG"
    item.RadionuclideCodeSequence = [_coded(codes.SCT._18Fluorine)]
    item.RadionuclideTotalDose = INJECTED_BQ
    item.RadionuclideHalfLife = own.half_life_s
    item.RadionuclidePositronFraction = F18_POSITRON_FRACTION
    clock = INJECTION_TIME + dialect.fraction
    if own.clock:
        item.RadiopharmaceuticalStartTime = clock
    if own.dated:
        item.RadiopharmaceuticalStartDateTime = subject.study_date + clock
    return item


def _coded(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item


def _stamp(subject: Subject, seconds: float, fraction: str) -> str:
    """YYYYMMDDHHMMSS, `seconds` after the start of the PET."""
    injected = datetime.strptime(subject.study_date + INJECTION_TIME, "%Y%m%d%H%M%S")
    return (injected + timedelta(seconds=UPTAKE_SECONDS + seconds)).strftime("%Y%m%d%H%M%S") + fraction


def _series(volume: Volume, subject: Subject, modality: str, dialect: Dialect) -> dict[str, Any]:
    pet = modality == "PT"
    own = dialect.pet if pet else dialect.ct
    taken = _stamp(subject, 0.0 if pet else -300.0, dialect.fraction)[8:]
    saved = _stamp(subject, SAVING_SECONDS, dialect.fraction)[8:] if pet and dialect.pet.saved_later else taken
    return {
        "SOPClassUID": PositronEmissionTomographyImageStorage if pet else CTImageStorage,
        "Modality": modality,
        "PatientID": subject.patient_id,
        "IssuerOfPatientID": subject.issuer,
        "PatientName": subject.name,
        "PatientBirthDate": subject.birth_date,
        "PatientSex": subject.sex,
        "PatientWeight": subject.weight_kg,
        "PatientSize": subject.height_m,
        "StudyInstanceUID": subject.study_uid,
        "StudyID": "1",
        "StudyDate": subject.study_date,
        "StudyTime": "095000" + dialect.fraction,
        "SeriesDate": subject.study_date,
        "SeriesTime": saved,
        "AcquisitionDate": subject.study_date,
        "AcquisitionTime": taken,
        "ContentDate": subject.study_date,
        "ContentTime": taken,
        "AccessionNumber": subject.accession,
        "ReferringPhysicianName": "",
        "StudyDescription": f"PET/CT {subject.body_part.lower()} {SYNTHETIC}",
        "SeriesInstanceUID": uid_from(subject.seed, modality),
        "SeriesNumber": 2 if pet else 1,
        "FrameOfReferenceUID": subject.frame_of_reference_uid,
        "PositionReferenceIndicator": "",
        "Manufacturer": own.manufacturer,
        "ManufacturerModelName": MADE_BY,
        "InstitutionName": MADE_BY,
        "BodyPartExamined": subject.body_part,
        **_pixel_fields(volume.geometry),
    }


def _pixel_fields(geometry: Geometry) -> dict[str, Any]:
    return {
        "ImageOrientationPatient": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        "PixelSpacing": [geometry.spacing_mm[1], geometry.spacing_mm[2]],
        "SliceThickness": geometry.spacing_mm[0],
        "Rows": geometry.shape[1],
        "Columns": geometry.shape[2],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
    }


@dataclass(frozen=True)
class _Series:
    """Where the slices of one series go, and what their maker does to each."""

    volume: Volume
    folder: Path
    modality: str
    dialect: Dialect
    private: tuple[PrivateField, ...]

    def write(self, stored: np.ndarray, index: int, fields: Mapping[str, Any]) -> str:
        """Write the slice `index` in z order; its SOP instance UID."""
        number = len(self.volume.array) - index if self.dialect.head_first else index + 1
        dataset = Dataset()
        for keyword, value in fields.items():
            setattr(dataset, keyword, value)
        dataset.SOPInstanceUID = uid_from(fields["SeriesInstanceUID"], str(index))
        dataset.InstanceNumber = number
        if self.modality == "PT":
            dataset.ImageIndex = number
        corner = self.volume.geometry.to_lps(np.array([index, 0, 0]))
        dataset.ImagePositionPatient = [round(float(value), 4) for value in corner]
        dataset.AcquisitionNumber = 1
        _add_private(dataset, self.private)
        dataset.PixelData = np.ascontiguousarray(stored).tobytes()
        dataset["PixelData"].VR = "OW"
        _save(dataset, self.folder / f"{self.modality}{number:04d}.dcm", UID(self.dialect.transfer_syntax))
        return str(dataset.SOPInstanceUID)


def _add_private(dataset: Dataset, fields: Iterable[PrivateField]) -> None:
    for field in fields:
        dataset.private_block(field.group, field.creator, create=True).add_new(field.element, field.vr, field.value)


def _save(dataset: Dataset, path: Path, syntax: UID) -> None:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax.is_compressed else syntax
    if syntax.is_compressed:
        dataset.compress(syntax, generate_instance_uid=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
