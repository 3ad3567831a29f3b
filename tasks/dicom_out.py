"""The result for the PACS: segmentation, structured report and the PDF as DICOM objects of the CT's study."""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from mdt_dicom.encapsulated_pdf import write_pdf
from mdt_dicom.result import Maker, SourceSeries, find_header
from mdt_dicom.seg import segments_of, write_seg
from mdt_dicom.sr import Verification, write_sr
from mdt_dicom.study import SeriesInfo
from tasks.case_files import CaseFiles, Outputs, sha256_of
from tasks.findings import FINDINGS, findings_from
from tasks.images import CT, IMAGES, identity
from tasks.masks import ANATOMY_MASKS, FINDING_MASKS, load_masks
from tasks.records import store
from tasks.report import PDF
from tasks.staging import STAGING
from tasks.step import step

SEG, SR, REPORT = "dicom/seg.dcm", "dicom/sr.dcm", "dicom/report.dcm"
# Containers that hide everything else in a viewer and that no measurement is shown on.
NOT_SENT = ("body", "chest_wall", "mediastinum")


@step("1")
def write_dicom(
    case_id: str, run: str, findings: Outputs, staging: Outputs, anatomy: Outputs | None, report: Outputs | None
) -> Outputs:
    """SEG of findings and anatomy, SR of measurements and TNM, and the report; nothing for a NIfTI case."""
    case = CaseFiles(case_id)
    created = datetime.fromisoformat(store().run_started(run))
    return write_objects(case, created, anatomy=anatomy is not None, pdf=report is not None)


def write_objects(
    case: CaseFiles, created: datetime, *, anatomy: bool, pdf: bool, verification: Verification | None = None
) -> Outputs:
    """The objects of what lies in the case's work folder; verified ones are final."""
    source = _source(case)
    if source.info.source_format != "dicom":
        return {}
    (case.work / "dicom").mkdir(exist_ok=True)
    found = findings_from(case.load_json(FINDINGS))
    maker = Maker(version("aimdt"))
    masks = load_masks(case, FINDING_MASKS, source.geometry)
    if anatomy:
        shown = load_masks(case, ANATOMY_MASKS, source.geometry)
        masks |= {name: mask for name, mask in shown.items() if name not in NOT_SENT}
    segments = segments_of(masks, found)
    seg = None
    if segments:
        seg = write_seg(segments, source, case.work / SEG, case_id=found.case_id, maker=maker, created=created)
    staging = case.load_json(STAGING)
    write_sr(found, staging, source, case.work / SR, maker=maker, created=created, seg=seg, verification=verification)
    if pdf:
        write_pdf(
            case.load_bytes(PDF),
            source,
            case.work / REPORT,
            case_id=found.case_id,
            maker=maker,
            created=created,
            is_final=verification is not None,
        )
    written = [SEG] * bool(segments) + [SR] + [REPORT] * pdf
    return {name: sha256_of(case.work / name) for name in written}


def _source(case: CaseFiles) -> SourceSeries:
    """The CT as it was read, with a header of its own that patient and study are copied from."""
    description = dict(case.load_json(IMAGES)["series"][0])
    for key in ("shape", "spacing_mm"):
        del description[key]
    info = SeriesInfo(**{**description, "sop_instance_uids": tuple(description["sop_instance_uids"])})
    ct = Path(case.read_private("request.json")["ct"])
    header = find_header(ct, info.series_uid) if info.source_format == "dicom" else None
    return SourceSeries(info, case.load_volume(CT).geometry, identity(case), header)
