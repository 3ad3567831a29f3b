"""What all DICOM results share: the images they refer to, the software that made them, dates, how they are saved."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from mdt_dicom.header import HEADER_FAULTS, quietly, text
from mdt_dicom.names import StructureCode, station_codes, structure_codes
from mdt_dicom.study import PatientIdentity, SeriesInfo
from mdt_dicom.uid import uid_from
from oncology.errors import ReportError
from oncology.findings import Laterality
from oncology.imaging.volume import Geometry

RESEARCH_USE = "Research use only"
PRIVATE_SCHEME = "99AIMDT"
SIDE_CONCEPTS = {
    Laterality.LEFT: CodedConcept("7771000", "SCT", "Left"),
    Laterality.RIGHT: CodedConcept("24028007", "SCT", "Right"),
}
CATEGORIES = {
    "anatomy": CodedConcept("91723000", "SCT", "Anatomical Structure"),
    "abnormal": CodedConcept("49755003", "SCT", "Morphologically Abnormal Structure"),
    "tissue": CodedConcept("85756007", "SCT", "Tissue"),
    "substance": CodedConcept("91720002", "SCT", "Body Substance"),
}
SERIES_NUMBERS = {"SEG": 901, "SR": 902, "PDF": 903, "KEY": 904}
# Patient, patient study and study modules (PS3.3 C.7.1.1, C.7.2.1, C.7.2.2), as far as a result repeats them.
COPIED = (
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "StudyDescription",
    "AccessionNumber",
    "IssuerOfAccessionNumberSequence",
)
# Type 2 attributes of those modules: present in every result, empty where the source has none.
NEEDED = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
)
# Texts of the source that no one matches by; where the source exceeds what DICOM allows, the result does not.
SHORTENED = {"StudyID": 16, "StudyDescription": 64}


@dataclass(frozen=True)
class Maker:
    """The software that makes the results."""

    version: str
    name: str = "AI-MDT"
    manufacturer: str = "AI-MDT"
    serial: str = "0"

    @property
    def uid(self) -> str:
        """Of this software in this version, as a device."""
        return uid_from("device", self.manufacturer, self.name, self.version)


@dataclass(frozen=True)
class SourceSeries:
    """The series that results refer to.

    Attributes:
        header: header of any of its images, from which patient and study are copied (see `find_header`); without it
            they are filled from `identity` and `info`.
    """

    info: SeriesInfo
    geometry: Geometry
    identity: PatientIdentity = field(default_factory=PatientIdentity)
    header: Dataset | None = field(default=None, repr=False)

    def require_dicom(self) -> None:
        """Raise ReportError for images that results cannot refer to."""
        missing = [
            name for name in ("series_uid", "study_uid", "frame_of_reference_uid") if not getattr(self.info, name)
        ]
        if self.info.source_format != "dicom" or missing or not all(self.info.sop_instance_uids or ("",)):
            found = "a NIfTI file" if self.info.source_format != "dicom" else f"a series without {', '.join(missing)}"
            raise ReportError(
                f"DICOM results need DICOM images to refer to; the CT is {found}; stage the DICOM series to get them"
            )

    @property
    def sop_class_uid(self) -> str:
        """Of the images."""
        return self.info.sop_class_uid or CTImageStorage

    def reference(self, uid: str) -> Dataset:
        """An item that refers to one of its images."""
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = self.sop_class_uid, uid
        return item

    def uid_of_slice(self, index: int) -> str | None:
        """The image that slice `index` of the array came from; None when the array was resampled."""
        uids = self.info.sop_instance_uids
        if len(uids) == 1:
            return uids[0]
        return uids[index] if len(uids) == self.geometry.shape[0] else None

    def image(self, index: int = 0) -> Dataset:
        """A header that stands for one image: patient, study, series, place; no pixels."""
        image = self.patient_and_study()
        image.SOPClassUID = self.sop_class_uid
        image.SOPInstanceUID = self.uid_of_slice(index) or self.info.sop_instance_uids[0]
        image.Modality, image.SeriesInstanceUID = self.info.modality, self.info.series_uid
        image.SeriesNumber, image.InstanceNumber = 1, index + 1
        image.Manufacturer, image.ManufacturerModelName = self.info.manufacturer, self.info.model
        image.FrameOfReferenceUID, image.PositionReferenceIndicator = self.info.frame_of_reference_uid, ""
        _, image.Rows, image.Columns = self.geometry.shape
        image.ImageOrientationPatient = orientation(self.geometry)
        image.ImagePositionPatient = position(self.geometry, index)
        image.PixelSpacing = [decimal(value) for value in self.geometry.spacing_mm[1:]]
        image.SliceThickness = decimal(self.geometry.spacing_mm[0])
        return image

    def patient_and_study(self) -> Dataset:
        """The patient and study modules, as the source has them."""
        copy = Dataset()
        copy.SpecificCharacterSet = "ISO_IR 192"
        for keyword in COPIED:
            if self.header is not None and keyword in self.header:
                setattr(copy, keyword, self.header.get(keyword))
        known = {
            "PatientID": self.identity.patient_id,
            "PatientName": self.identity.name,
            "PatientBirthDate": self.identity.birth_date.replace("-", ""),
            "PatientSex": self.identity.sex,
            "AccessionNumber": self.identity.accession,
            "StudyDate": (self.info.date or "").replace("-", ""),
        }
        for keyword in NEEDED:
            if keyword not in copy:
                setattr(copy, keyword, known.get(keyword, ""))
        if self.identity.issuer and "IssuerOfPatientID" not in copy:
            copy.IssuerOfPatientID = self.identity.issuer
        for keyword, longest in SHORTENED.items():
            if len(str(copy.get(keyword) or "")) > longest:
                setattr(copy, keyword, str(copy.get(keyword))[:longest])
        copy.StudyInstanceUID = self.info.study_uid
        return copy


def orientation(geometry: Geometry) -> list[str]:
    """ImageOrientationPatient: the directions in which columns, then rows run."""
    direction = np.asarray(geometry.direction)
    return [decimal(value) for value in (*direction[:, 0], *direction[:, 1])]


def position(geometry: Geometry, index: int) -> list[str]:
    """ImagePositionPatient of a slice."""
    return [decimal(value) for value in geometry.to_lps(np.array([index, 0, 0]))]


def decimal(value: float) -> str:
    """A DICOM decimal string: as many digits as its 16 characters hold.

    >>> decimal(-0.0), decimal(1 / 3), decimal(-123.456)
    ('0', '0.33333333333333', '-123.456')
    """
    number = float(value) + 0.0
    for digits in range(15, 0, -1):
        text = f"{number:.{digits}g}"
        if len(text) <= 16:
            return text
    return "0"


def series_uid(case_id: str, kind: str) -> str:
    """Of a case's series of results; the same for every version of the result."""
    return uid_from(case_id, "series", kind)


def tracking_uid(case_id: str, finding_id: str) -> str:
    """Ties the segment, the measurements and the FHIR resources of one finding together."""
    return uid_from(case_id, "tracking", finding_id)


def structure_concept(structure: str) -> tuple[CodedConcept, CodedConcept]:
    """Category and type of a structure, the tumor (`tumor`) or a node (`node`)."""
    entry = structure_codes().get(structure) or _own_code(structure)
    return CATEGORIES[entry.category], CodedConcept(entry.code, entry.scheme, entry.meaning)


def _own_code(structure: str) -> StructureCode:
    """A structure outside the table keeps its name under our own scheme."""
    meaning = structure.replace("_", " ")[:64]
    return StructureCode(structure, "anatomy", PRIVATE_SCHEME, short_code(structure), meaning, None)


def station_concepts(station: str) -> tuple[CodedConcept, CodedConcept | None]:
    """A station under our own scheme, and the SNOMED lymph node group that it belongs to."""
    entry = station_codes().get(station)
    own = own_concept(station, f"Lymph node station {station}")
    return own, CodedConcept(entry.code, "SCT", entry.meaning) if entry else None


def own_concept(code: str, meaning: str) -> CodedConcept:
    """A concept under our own scheme."""
    return CodedConcept(short_code(code), PRIVATE_SCHEME, meaning[:64])


def short_code(name: str) -> str:
    """A name as a code value of at most 16 characters, still different for different names.

    >>> short_code("celiac"), len(short_code("supraclavicular_left"))
    ('celiac', 16)
    """
    return name if len(name) <= 16 else f"{name[:9]}-{uid_from(name)[-6:]}"


def contributing(maker: Maker) -> hd.ContributingEquipment:
    """The software as equipment that contributed to a result."""
    item = hd.ContributingEquipment(
        manufacturer=maker.manufacturer,
        purpose_of_reference=CodedConcept("109102", "DCM", "Processing Equipment"),
        manufacturer_model_name=maker.name,
        software_versions=maker.version,
        contribution_description=f"Made this result. {RESEARCH_USE}.",
    )
    item.DeviceUID = maker.uid
    return item


def stamp(dataset: Dataset, created: datetime) -> None:
    """Set every date that a library took from the clock, so that the same content gives the same file."""
    day, clock = created.strftime("%Y%m%d"), created.strftime("%H%M%S")
    for keyword, value in (
        ("InstanceCreationDate", day),
        ("InstanceCreationTime", clock),
        ("SeriesDate", day),
        ("SeriesTime", clock),
        ("ContentDate", day),
        ("ContentTime", clock),
    ):
        setattr(dataset, keyword, value)
    for item in dataset.get("ContributingEquipmentSequence") or ():
        if "ContributionDateTime" in item:
            item.ContributionDateTime = day + clock


def save(dataset: Dataset, path: Path) -> None:
    """Write the file; it appears under its name only when complete.

    Raises:
        ReportError: the file could not be written.
    """
    partial = path.with_name(f".partial-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        dataset.save_as(partial, enforce_file_format=True)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ReportError(f"{path.name} could not be written ({error.strerror}); free space or check access") from error


def find_header(path: Path, wanted_series_uid: str) -> Dataset | None:
    """The header of one image of a series, from its folder or file; None when it is not there."""
    files = sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]
    for item in files:
        try:
            with quietly():
                header = pydicom.dcmread(item, stop_before_pixels=True)
        except HEADER_FAULTS:
            continue
        if text(header, "SeriesInstanceUID") == wanted_series_uid:
            return header
    return None
