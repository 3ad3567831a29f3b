"""Taking results back in an archive: the key object selection that rejects them. Source: PS3.3 A.35.4, IHE IOCM."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import highdicom as hd
import pydicom
from highdicom.sr import CodedConcept
from pydicom.uid import ExplicitVRLittleEndian

from mdt_dicom.header import quietly
from mdt_dicom.result import RESEARCH_USE, Maker, contributing, save, series_uid, stamp
from mdt_dicom.uid import uid_from
from oncology.errors import ReportError
from oncology.findings import CaseId

# A withdrawn result must not be acted upon, a superseded one is no longer the best: notes of IHE IOCM (CID 7011).
WITHDRAWN = CodedConcept("113037", "DCM", "Rejected for Patient Safety Reasons")
SUPERSEDED = CodedConcept("113001", "DCM", "Rejected for Quality Reasons")
SERIES_NUMBER = 905


def write_rejection(
    objects: Sequence[Path], path: Path, *, case_id: CaseId, maker: Maker, created: datetime, superseded: bool = False
) -> str:
    """Write the note that rejects these objects of one study; returns its SOP instance UID.

    Args:
        superseded: newer objects take their place; else the result is withdrawn.
    Raises:
        ReportError: there is nothing to reject.
    """
    if not objects:
        raise ReportError("there is no DICOM object to reject; expected at least one that was sent")
    with quietly():
        rejected = [pydicom.dcmread(item) for item in objects]
    why = "Superseded by a newer result" if superseded else "Withdrawn: entered in error"
    content = hd.ko.KeyObjectSelection(
        document_title=SUPERSEDED if superseded else WITHDRAWN,
        referenced_objects=rejected,
        description=f"{why}. {RESEARCH_USE}.",
    )
    note = hd.ko.KeyObjectSelectionDocument(
        evidence=rejected,
        content=content,
        series_instance_uid=series_uid(case_id, "KO"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=uid_from(case_id, "KO", *(str(item.SOPInstanceUID) for item in rejected)),
        instance_number=1,
        manufacturer=maker.manufacturer,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        contributing_equipment=[contributing(maker)],
        manufacturer_model_name=maker.name,
        software_versions=maker.version,
        device_serial_number=maker.serial,
    )
    stamp(note, created)
    save(note, path)
    return str(note.SOPInstanceUID)
