"""CT and PET series as single-frame DICOM, for synthetic patients. Never used for a real patient's images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, PositronEmissionTomographyImageStorage

from mdt_dicom.uid import uid_from
from oncology.imaging.volume import Geometry, Volume

# FDG: half-life of fluorine-18 in seconds (NIST), positron fraction.
F18_HALF_LIFE_S = 6586.2
F18_POSITRON_FRACTION = 0.97
INJECTED_BQ = 3.0e8
UPTAKE_SECONDS = 3600
SYNTHETIC = "SYNTHETIC - research use only"


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


def write_ct(ct: Volume, subject: Subject, folder: Path, *, contrast: bool = True) -> list[str]:
    """One file per slice; returns the SOP instance UIDs in z order.

    Args:
        ct: HU, int16, axial axes.
    """
    common = _series(ct, subject, "CT", CTImageStorage) | {
        "SeriesDescription": f"{subject.body_part.title()} 2.0 Br36 {SYNTHETIC}",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "KVP": 120.0,
        "ConvolutionKernel": "Br36",
        "RescaleIntercept": -1024.0,
        "RescaleSlope": 1.0,
        "RescaleType": "HU",
        "WindowCenter": 40.0,
        "WindowWidth": 400.0,
    }
    if contrast:
        common["ContrastBolusAgent"] = "iodinated contrast"
    stored = (ct.array.astype(np.int32) + 1024).clip(0, 4095).astype(np.uint16)
    return [_write_slice(ct, stored[index], index, common, folder, "CT") for index in range(len(stored))]


def write_pet(suv: Volume, subject: Subject, folder: Path) -> list[str]:
    """PET in BQML, decay-corrected to the start, from body-weight SUV; returns the SOP instance UIDs in z order."""
    decayed = INJECTED_BQ * 2.0 ** (-UPTAKE_SECONDS / F18_HALF_LIFE_S)
    activity = suv.array * decayed / (subject.weight_kg * 1000.0)
    isotope = Dataset()
    isotope.Radiopharmaceutical = "FDG"
    isotope.RadionuclideTotalDose = INJECTED_BQ
    isotope.RadionuclideHalfLife = F18_HALF_LIFE_S
    isotope.RadionuclidePositronFraction = F18_POSITRON_FRACTION
    isotope.RadiopharmaceuticalStartTime = "090000"
    isotope.RadiopharmaceuticalStartDateTime = subject.study_date + "090000"
    common = _series(suv, subject, "PT", PositronEmissionTomographyImageStorage) | {
        "SeriesDescription": "FDG PET AC " + SYNTHETIC,
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "Units": "BQML",
        "DecayCorrection": "START",
        "CorrectedImage": ["DECY", "ATTN", "SCAT", "RADL", "RAN"],
        "CountsSource": "EMISSION",
        "SeriesType": ["WHOLE BODY", "IMAGE"],
        "AttenuationCorrectionMethod": "CT-AC",
        "RandomsCorrectionMethod": "DLYD",
        "CollimatorType": "NONE",
        "ActualFrameDuration": 120000,
        "FrameReferenceTime": 0.0,
        "NumberOfSlices": len(activity),
        "RescaleIntercept": 0.0,
        "RadiopharmaceuticalInformationSequence": [isotope],
    }
    uids = []
    for index, plane in enumerate(activity):
        slope = max(float(plane.max()), 1.0) / 32767.0
        stored = np.round(plane / slope).astype(np.int16)
        fields = common | {"RescaleSlope": float(f"{slope:.10g}"), "ImageIndex": index + 1}
        uids.append(_write_slice(suv, stored, index, fields, folder, "PT"))
    return uids


def _series(volume: Volume, subject: Subject, modality: str, sop_class: str) -> dict[str, Any]:
    time = "100000" if modality == "PT" else "095500"
    return {
        "SOPClassUID": sop_class,
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
        "StudyTime": "095000",
        "SeriesDate": subject.study_date,
        "SeriesTime": time,
        "AcquisitionDate": subject.study_date,
        "AcquisitionTime": time,
        "ContentDate": subject.study_date,
        "ContentTime": time,
        "AccessionNumber": subject.accession,
        "ReferringPhysicianName": "",
        "StudyDescription": f"PET/CT {subject.body_part.lower()} {SYNTHETIC}",
        "SeriesInstanceUID": uid_from(subject.seed, modality),
        "SeriesNumber": 2 if modality == "PT" else 1,
        "FrameOfReferenceUID": subject.frame_of_reference_uid,
        "PositionReferenceIndicator": "",
        "PatientPosition": "HFS",
        "Manufacturer": "AI-MDT synthetic",
        "ManufacturerModelName": "parametric patient",
        "BodyPartExamined": subject.body_part,
        **_pixel_fields(volume.geometry, modality),
    }


def _pixel_fields(geometry: Geometry, modality: str) -> dict[str, Any]:
    return {
        "ImageOrientationPatient": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        "PixelSpacing": [geometry.spacing_mm[1], geometry.spacing_mm[2]],
        "SliceThickness": geometry.spacing_mm[0],
        "Rows": geometry.shape[1],
        "Columns": geometry.shape[2],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16 if modality == "PT" else 12,
        "HighBit": 15 if modality == "PT" else 11,
        "PixelRepresentation": 1 if modality == "PT" else 0,
    }


def _write_slice(
    volume: Volume, stored: np.ndarray, index: int, fields: Mapping[str, Any], folder: Path, modality: str
) -> str:
    dataset = Dataset()
    for keyword, value in fields.items():
        setattr(dataset, keyword, value)
    dataset.SOPInstanceUID = uid_from(fields["SeriesInstanceUID"], str(index))
    dataset.InstanceNumber = index + 1
    corner = volume.geometry.to_lps(np.array([index, 0, 0]))
    dataset.ImagePositionPatient = [round(float(value), 4) for value in corner]
    dataset.AcquisitionNumber = 1
    dataset.PixelData = np.ascontiguousarray(stored).tobytes()
    dataset["PixelData"].VR = "OW"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = fields["SOPClassUID"]
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    folder.mkdir(parents=True, exist_ok=True)
    dataset.save_as(folder / f"{modality}{index + 1:04d}.dcm", enforce_file_format=True)
    return str(dataset.SOPInstanceUID)
