"""The report's PDF as a DICOM object of the patient's study. Source: DICOM PS3.3 A.45.1, C.24."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

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

# LOINC 18748-4, as the FHIR DiagnosticReport carries it.
CONCEPT = CodedConcept("18748-4", "LN", "Diagnostic imaging study")


def write_pdf(
    pdf: bytes,
    source: SourceSeries,
    path: Path,
    *,
    case_id: CaseId,
    maker: Maker,
    created: datetime,
    title: str = "Tumor board report",
    is_final: bool = False,
) -> str:
    """Wrap a PDF; returns the SOP instance UID.

    Args:
        is_final: signed; else the title says that it is preliminary.
    Raises:
        ReportError: the bytes are no PDF, or the CT is no DICOM.
    """
    source.require_dicom()
    if not pdf.startswith(b"%PDF-"):
        raise ReportError("the report is no PDF; expected bytes that start with %PDF-; render it again")
    dataset = _equipment_and_series(source, case_id, maker, title)
    dataset.SOPInstanceUID = uid_from(case_id, "PDF", hashlib.sha256(pdf).hexdigest())
    dataset.ConversionType = "WSD"
    dataset.AcquisitionDateTime = created.strftime("%Y%m%d%H%M%S")
    dataset.BurnedInAnnotation = "YES"
    dataset.DocumentTitle = f"{title}, {'final' if is_final else 'preliminary'}. {RESEARCH_USE}"
    dataset.VerificationFlag = "VERIFIED" if is_final else "UNVERIFIED"
    dataset.ConceptNameCodeSequence = [CONCEPT]
    dataset.SourceInstanceSequence = [source.reference(uid) for uid in source.info.sop_instance_uids]
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    dataset.EncapsulatedDocumentLength = len(pdf)
    stamp(dataset, created)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    save(dataset, path)
    return str(dataset.SOPInstanceUID)


def _equipment_and_series(source: SourceSeries, case_id: CaseId, maker: Maker, title: str) -> Dataset:
    """Patient and study as in the source, a series of documents, and the software."""
    dataset = source.patient_and_study()
    dataset.SOPClassUID, dataset.Modality = EncapsulatedPDFStorage, "DOC"
    dataset.SeriesInstanceUID = series_uid(case_id, "PDF")
    dataset.SeriesNumber, dataset.InstanceNumber = SERIES_NUMBERS["PDF"], 1
    dataset.SeriesDescription = f"{title}. {RESEARCH_USE}"[:64]
    dataset.Manufacturer, dataset.ManufacturerModelName = maker.manufacturer, maker.name
    dataset.SoftwareVersions, dataset.DeviceSerialNumber = maker.version, maker.serial
    dataset.ContributingEquipmentSequence = [contributing(maker)]
    return dataset
