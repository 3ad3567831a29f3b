"""DICOM and NIfTI files made in memory: CT and PET of a small torso, in any orientation, dialect and defect.

`ct_slices` and `pet_slices` turn a volume into data sets as a scanner would write them; a test changes what it wants
and `save` writes them. UIDs follow from words, so that two runs make the same files.
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import pydicom
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

from oncology.imaging.volume import Geometry, Volume

CT_CLASS, PET_CLASS = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.128"
ENHANCED = {CT_CLASS: "1.2.840.10008.5.1.4.1.1.2.1", PET_CLASS: "1.2.840.10008.5.1.4.1.1.130"}
WEIGHT_KG, DOSE_BQ, HALF_LIFE_S, UPTAKE_S = 70.0, 350e6, 6586.2, 3600.0
BQML_PER_SUV = DOSE_BQ * 2.0 ** (-UPTAKE_S / HALF_LIFE_S) / (WEIGHT_KG * 1000.0)
PATIENT_NAME, PATIENT_ID, BIRTH_DATE, ACCESSION = "Doe^Secret", "MRN-4711", "19500203", "ACC-0815"
PRIVATE_WORDS = ("Doe", "Secret", PATIENT_ID, BIRTH_DATE, ACCESSION)
MACRO_KEYWORDS = (
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "RescaleSlope",
    "RescaleIntercept",
)
SYNTAXES = {
    "implicit": ImplicitVRLittleEndian,
    "explicit": ExplicitVRLittleEndian,
    "big endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "RLE": RLELossless,
    "JPEG lossless": JPEGLosslessSV1,
    "JPEG-LS": JPEGLSLossless,
    "JPEG 2000": JPEG2000Lossless,
}


@dataclass(frozen=True)
class Vendor:
    """How one maker writes CT."""

    manufacturer: str
    kernel: str | list[str]
    intercept: int
    signed: bool
    bits_stored: int
    image_type: list[str] = field(default_factory=lambda: ["ORIGINAL", "PRIMARY", "AXIAL"])
    padding: int | None = None


VENDORS = {
    "siemens": Vendor("SIEMENS", ["Br38f", "3"], -1024, False, 12, ["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI"]),
    "ge": Vendor("GE MEDICAL SYSTEMS", "STANDARD", -1024, True, 16, padding=-2000),
    "philips": Vendor("Philips", "B", -1000, False, 12, ["ORIGINAL", "PRIMARY", "AXIAL", "HELIX"]),
    "canon": Vendor("CANON_MEC", "FC08", 0, True, 16),
}


def uid(*words: object) -> str:
    """A UID that follows from the words."""
    return generate_uid(prefix="1.2.826.0.1.3680043.10.999.", entropy_srcs=[str(word) for word in words])


def grid(
    shape: tuple[int, int, int] = (12, 40, 48),
    spacing_mm: tuple[float, float, float] = (5.0, 6.0, 5.0),
    origin_lps: tuple[float, float, float] = (-110.0, -130.0, -40.0),
    direction: np.ndarray | None = None,
) -> Geometry:
    """A coarse grid around a torso."""
    columns = np.eye(3) if direction is None else direction
    return Geometry(shape, spacing_mm, origin_lps, tuple(tuple(map(float, row)) for row in columns))


def torso(geometry: Geometry | None = None) -> Volume:
    """HU int16: air, an oval body and a lung on the patient's right; no two neighbors are alike."""
    geometry = geometry or grid()
    points = geometry.to_lps(np.stack(np.meshgrid(*map(np.arange, geometry.shape), indexing="ij"), axis=-1))
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    values = np.full(geometry.shape, -1000.0)
    values[(x / 100) ** 2 + ((y + 10) / 80) ** 2 < 1] = 40
    values[((x + 45) / 30) ** 2 + ((y + 10) / 40) ** 2 < 1] = -800
    marks = np.arange(values.size).reshape(geometry.shape) % 23
    return Volume(np.maximum(values + marks + np.round(z / 10), -1000).astype(np.int16), geometry)


def uptake(geometry: Geometry | None = None) -> Volume:
    """SUV float32: 1 in the body, a hot spot of 8."""
    geometry = geometry or grid((12, 32, 36), (5.0, 7.5, 6.5))
    body = torso(geometry).array > -900
    values = np.where(body, 1.0 + 0.1 * np.arange(geometry.shape[0])[:, None, None], 0.0)
    middle = tuple(count // 2 for count in geometry.shape)
    values[middle] = 8.0
    return Volume(values.astype(np.float32), geometry)


def ct_slices(
    volume: Volume | None = None, vendor: str = "siemens", series: str = "ct", **changes: Any
) -> list[Dataset]:
    """One data set per slice, in array order. `changes`: keyword to value in every slice; None removes the tag."""
    volume, maker = volume or torso(), VENDORS[vendor]
    slices = []
    for index, plane in enumerate(volume.array):
        header = _plane(volume.geometry, index, CT_CLASS, "CT", series)
        header.ImageType = maker.image_type
        header.Manufacturer, header.ConvolutionKernel = maker.manufacturer, maker.kernel
        header.KVP, header.ContrastBolusAgent = "120", "APPLIED"
        header.RescaleSlope, header.RescaleIntercept, header.RescaleType = "1", str(maker.intercept), "HU"
        stored = plane.astype(np.int32) - maker.intercept
        if maker.padding is not None:
            header.add_new("PixelPaddingValue", "SS", maker.padding)
        _set_pixels(header, stored.astype(np.int16 if maker.signed else np.uint16), maker.bits_stored)
        slices.append(header)
    return changed(slices, **changes)


def pet_slices(volume_suv: Volume | None = None, series: str = "pet", **changes: Any) -> list[Dataset]:
    """GE-like BQML, decay corrected to the start, with its own slope in every slice."""
    volume = volume_suv or uptake()
    slices = []
    for index, plane in enumerate(volume.array):
        header = _plane(volume.geometry, index, PET_CLASS, "PT", series)
        header.ImageType = ["ORIGINAL", "PRIMARY"]
        header.Manufacturer = "GE MEDICAL SYSTEMS"
        header.SeriesType, header.Units, header.DecayCorrection = ["WHOLE BODY", "IMAGE"], "BQML", "START"
        header.CorrectedImage = ["DECY", "ATTN", "SCAT", "DTIM", "RAN"]
        header.PatientWeight = WEIGHT_KG
        header.SeriesDate = header.AcquisitionDate = "20240301"
        header.SeriesTime = header.AcquisitionTime = "110000"
        header.RadiopharmaceuticalInformationSequence = [_injection()]
        activity = plane.astype(float) * BQML_PER_SUV
        slope = max(float(activity.max()), 1.0) / 30000.0
        header.RescaleSlope, header.RescaleIntercept = f"{slope:.10g}", "0"
        _set_pixels(header, np.rint(activity / float(header.RescaleSlope)).astype(np.int16), 16)
        slices.append(header)
    return changed(slices, **changes)


def injection(slices: Sequence[Dataset], **changes: Any) -> list[Dataset]:
    """The same slices with fields of the radiopharmaceutical item changed; None removes the tag."""
    for item in slices:
        changed(list(item.RadiopharmaceuticalInformationSequence), **changes)
    return list(slices)


def changed(slices: Sequence[Dataset], **changes: Any) -> list[Dataset]:
    """The same slices with tags set, or removed where the value is None."""
    with disable_value_validation():  # wrong values are what this is for
        for item in slices:
            for keyword, value in changes.items():
                if keyword in item:
                    delattr(item, keyword)
                if value is not None:
                    setattr(item, keyword, value)
    return list(slices)


def _plane(geometry: Geometry, index: int, sop_class: str, modality: str, series: str) -> Dataset:
    header = Dataset()
    header.SOPClassUID, header.SOPInstanceUID = sop_class, uid(series, index)
    header.StudyInstanceUID, header.SeriesInstanceUID = uid("study"), uid(series)
    header.FrameOfReferenceUID, header.Modality = uid("frame of reference"), modality
    header.PatientID, header.PatientName, header.PatientSex = PATIENT_ID, PATIENT_NAME, "F"
    header.PatientBirthDate, header.AccessionNumber, header.StudyDate = BIRTH_DATE, ACCESSION, "20240301"
    header.SeriesNumber, header.AcquisitionNumber, header.InstanceNumber = 2, 1, index + 1
    direction = np.asarray(geometry.direction)
    header.ImagePositionPatient = [_number(value) for value in geometry.to_lps(np.array([index, 0, 0]))]
    header.ImageOrientationPatient = [_number(value) for value in (*direction[:, 0], *direction[:, 1])]
    header.PixelSpacing = [_number(value) for value in geometry.spacing_mm[1:]]
    header.SliceThickness = _number(geometry.spacing_mm[0])
    return header


def _number(value: float) -> str:
    """A decimal string of at most 16 characters."""
    return f"{value + 0.0:.10g}"[:16]


def _injection() -> Dataset:
    item = Dataset()
    item.RadionuclideTotalDose, item.RadionuclideHalfLife = DOSE_BQ, HALF_LIFE_S
    item.RadiopharmaceuticalStartTime, item.Radiopharmaceutical = "100000", "F-18 FDG"
    return item


def _set_pixels(header: Dataset, stored: np.ndarray, bits_stored: int) -> None:
    header.Rows, header.Columns = stored.shape
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated, header.BitsStored, header.HighBit = 16, bits_stored, bits_stored - 1
    header.PixelRepresentation = int(stored.dtype.kind == "i")
    header.PixelData = stored.astype(stored.dtype.newbyteorder("<")).tobytes()
    header["PixelData"].VR = "OW"


def save(slices: Sequence[Dataset], folder: Path, *, syntax: str = "explicit", names: Sequence[str] = ()) -> Path:
    """Write one file per data set, `0000` upwards unless named; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, header in enumerate(slices):
        save_one(header, folder / (names[index] if names else f"{index:04d}"), syntax=syntax)
    return folder


def save_one(header: Dataset, path: Path, *, syntax: str = "explicit") -> Path:
    """Write one file in a transfer syntax."""
    item = deepcopy(header)
    item.file_meta = FileMetaDataset()
    item.file_meta.MediaStorageSOPClassUID = item.get("SOPClassUID") or CT_CLASS
    item.file_meta.MediaStorageSOPInstanceUID = item.get("SOPInstanceUID") or uid("unnamed")
    wanted = SYNTAXES[syntax]
    item.file_meta.TransferSyntaxUID = wanted if not wanted.is_encapsulated else ExplicitVRLittleEndian
    if wanted == ExplicitVRBigEndian and "PixelData" in item:
        item.PixelData = np.frombuffer(item.PixelData, "<u2").astype(">u2").tobytes()
    if wanted in (RLELossless, JPEGLSLossless, JPEG2000Lossless):
        item.compress(wanted, generate_instance_uid=False)
    with disable_value_validation():
        item.save_as(path, enforce_file_format=True)
    if wanted == JPEGLosslessSV1:
        _to_jpeg_lossless(path)
    return path


def _to_jpeg_lossless(path: Path) -> None:
    """pydicom writes no JPEG; GDCM does."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


def enhanced(slices: Sequence[Dataset]) -> Dataset:
    """One multi-frame object of these slices, geometry per frame, the rest shared (PS3.3 A.38, A.56)."""
    first = slices[0]
    whole = deepcopy(first)
    whole.SOPClassUID, whole.SOPInstanceUID = ENHANCED[first.SOPClassUID], uid("enhanced", first.SeriesInstanceUID)
    for keyword in MACRO_KEYWORDS:
        delattr(whole, keyword)
    whole.NumberOfFrames = len(slices)
    whole.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    whole.PixelData = b"".join(item.PixelData for item in slices)
    measures, orientation = Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = first.PixelSpacing, first.SliceThickness
    orientation.ImageOrientationPatient = first.ImageOrientationPatient
    shared = Dataset()
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    whole.SharedFunctionalGroupsSequence = [shared]
    whole.PerFrameFunctionalGroupsSequence = [_frame_groups(item) for item in slices]
    return whole


def _frame_groups(item: Dataset) -> Dataset:
    position, values, groups = Dataset(), Dataset(), Dataset()
    position.ImagePositionPatient = item.ImagePositionPatient
    values.RescaleSlope, values.RescaleIntercept = item.RescaleSlope, item.RescaleIntercept
    groups.PlanePositionSequence, groups.PixelValueTransformationSequence = [position], [values]
    return groups


def enhanced_pet(slices: Sequence[Dataset]) -> Dataset:
    """Enhanced PET in Bq/mL: decay and units in its own fields (PS3.3 C.8.22)."""
    whole = enhanced(slices)
    for keyword in ("Units", "DecayCorrection", "CorrectedImage", "SeriesType"):
        delattr(whole, keyword)
    whole.AttenuationCorrected = whole.DecayCorrected = "YES"
    whole.DecayCorrectionDateTime = "20240301110000"
    whole.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartDateTime = "20240301100000"
    for groups, item in zip(whole.PerFrameFunctionalGroupsSequence, slices, strict=True):
        mapping, unit = Dataset(), Dataset()
        unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "Bq/ml", "UCUM", "Becquerels/milliliter"
        mapping.MeasurementUnitsCodeSequence = [unit]
        mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = float(item.RescaleSlope), 0.0
        groups.RealWorldValueMappingSequence = [mapping]
    return whole


def tilted(volume: Volume, tilt_deg: float) -> list[Dataset]:
    """CT slices of a tilted gantry: planes turned about x, the table moving along z."""
    slices = ct_slices(volume)
    angle = np.radians(tilt_deg)
    for item in slices:
        item.ImageOrientationPatient = ["1", "0", "0", "0", _number(np.cos(angle)), _number(np.sin(angle))]
        item.GantryDetectorTilt = _number(tilt_deg)
    return slices


def localizer(count: int = 2) -> list[Dataset]:
    """Scouts from the front."""
    coronal = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, -1.0, 0]])
    volume = torso(grid((count, 40, 48), (5.0, 6.0, 5.0), (-110.0, 0.0, 100.0), coronal))
    return ct_slices(volume, series="scout", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])


def rtstruct(rois: dict[str, Sequence[np.ndarray]], **changes: Any) -> Dataset:
    """Structures of the CT: name to closed planar contours, each (n, 3) LPS mm. `changes` as in `ct_slices`."""
    item = Dataset()
    item.SOPClassUID, item.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.481.3", uid("structures")
    item.Modality, item.PatientID, item.PatientName = "RTSTRUCT", PATIENT_ID, PATIENT_NAME
    item.StudyInstanceUID, item.SeriesInstanceUID = uid("study"), uid("structures series")
    item.StructureSetROISequence, item.ROIContourSequence = [], []
    for number, (name, contours) in enumerate(rois.items(), start=1):
        roi, drawn = Dataset(), Dataset()
        roi.ROINumber, roi.ROIName = number, name
        roi.ReferencedFrameOfReferenceUID = uid("frame of reference")
        drawn.ReferencedROINumber, drawn.ContourSequence = number, [_contour(points) for points in contours]
        item.StructureSetROISequence.append(roi)
        item.ROIContourSequence.append(drawn)
    return changed([item], **changes)[0]


def _contour(points_lps: np.ndarray) -> Dataset:
    item = Dataset()
    item.ContourGeometricType, item.NumberOfContourPoints = "CLOSED_PLANAR", len(points_lps)
    item.ContourData = [_number(value) for value in np.ravel(points_lps)]
    return item


def squares(side_mm: float = 40.0, geometry: Geometry | None = None) -> list[np.ndarray]:
    """A square around the middle of three slices of the CT."""
    geometry = geometry or grid()
    half = side_mm / 2
    corners = np.array([(-half, -half, 0), (half, -half, 0), (half, half, 0), (-half, half, 0)])
    middle = np.array(geometry.shape[1:]) / 2
    return [geometry.to_lps(np.array([z, *middle])) + corners for z in (4, 5, 6)]


def truncate(path: Path, part: float = 0.5) -> Path:
    """Cut a file off."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    return path


def nifti(volume: Volume, path: Path, **changes: Any) -> Path:
    """Write NIfTI-1 by hand, so that every field can be wrong. `changes`: fields of nifti1.h.

    Fields: dim, pixdim, datatype, units, qform_code, sform_code, sform (4 x 4, RAS), slope, intercept, magic.
    """
    geometry, array = volume.geometry, volume.array
    turn = np.diag([-1.0, -1.0, 1.0])
    ras = np.eye(4)
    ras[:3, :3] = turn @ np.asarray(geometry.direction) * np.array(geometry.spacing_mm[::-1])
    ras[:3, 3] = turn @ np.asarray(geometry.origin_lps)
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, *changes.get("dim", (3, *array.shape[::-1], 1, 1, 1, 1)))
    code = {"int16": 4, "float32": 16, "uint8": 2, "float64": 64}[array.dtype.name]
    struct.pack_into("<2h", header, 70, changes.get("datatype", code), array.itemsize * 8)
    pixdim = changes.get("pixdim", (1.0, *geometry.spacing_mm[::-1], 0, 0, 0, 0))
    struct.pack_into("<8f", header, 76, *pixdim)
    struct.pack_into("<3f", header, 108, 352.0, changes.get("slope", 1.0), changes.get("intercept", 0.0))
    header[123] = changes.get("units", 2)
    struct.pack_into("<2h", header, 252, changes.get("qform_code", 0), changes.get("sform_code", 1))
    struct.pack_into("<6f", header, 256, *changes.get("quaternion", (0.0, 0.0, 1.0, *ras[:3, 3])))
    struct.pack_into("<12f", header, 280, *np.asarray(changes.get("sform", ras))[:3].ravel())
    header[344:348] = changes.get("magic", b"n+1\0")
    content = bytes(header) + np.ascontiguousarray(array).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, 1) if path.name.endswith(".gz") else content)
    return path


def directory(folder: Path, files: Sequence[str]) -> Path:
    """A DICOMDIR that names these files of the folder."""
    item = Dataset()
    item.file_meta = FileMetaDataset()
    item.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    item.file_meta.MediaStorageSOPInstanceUID = uid("directory")
    item.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    records = []
    for name in files:
        record = Dataset()
        record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", name.split("/")
        records.append(record)
    item.FileSetID = "SET"
    item.DirectoryRecordSequence = records
    path = folder / "DICOMDIR"
    pydicom.dcmwrite(path, item, enforce_file_format=True)
    return path
