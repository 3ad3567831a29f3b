"""The result for the PACS: segmentation, structured report, PDF and key images as DICOM objects of the CT's study."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mdt_dicom.encapsulated_pdf import write_pdf
from mdt_dicom.result import Maker, SourceSeries, find_header
from mdt_dicom.secondary_capture import write_key_image
from mdt_dicom.seg import WrittenSeg, segments_of, write_seg
from mdt_dicom.sr import Verification, write_sr
from mdt_dicom.study import SeriesInfo
from oncology.errors import InputError
from oncology.findings import Findings
from tasks.case_files import CaseFiles, Outputs, sha256_of
from tasks.findings import FINDINGS, findings_from
from tasks.images import CT, IMAGES, identity
from tasks.masks import ANATOMY_MASKS, FINDING_MASKS, load_masks
from tasks.pictures import PICTURES
from tasks.records import store
from tasks.report import PDF
from tasks.settings import settings
from tasks.staging import STAGING
from tasks.step import step

SEG, SR, REPORT, KEYS = "dicom/seg.dcm", "dicom/sr.dcm", "dicom/report.dcm", "dicom/key-*.dcm"
# Containers that hide everything else in a viewer and that no measurement is shown on.
NOT_SENT = ("body", "chest_wall", "mediastinum")
BINARY, LABELMAP = "binary", "labelmap"


@dataclass(frozen=True)
class Contents:
    """What besides the measurements goes into the objects.

    Attributes:
        anatomy: the segmentation shows structures, too.
        pdf: the report as an object.
        pictures: key images as secondary captures.
        verification: who verified the result; with it the objects are final.
        labelmap: one label per voxel in place of a bit per segment (SOP class ...66.7).
    """

    anatomy: bool
    pdf: bool
    pictures: bool
    verification: Verification | None = None
    labelmap: bool = False


@step("3")
def write_dicom(
    case_id: str,
    run: str,
    findings: Outputs,
    staging: Outputs,
    anatomy: Outputs | None,
    report: Outputs | None,
    pictures: Outputs | None,
) -> Outputs:
    """SEG of findings and anatomy, SR of measurements and TNM, report and key images; nothing for a NIfTI case."""
    created = datetime.fromisoformat(store().run_started(run))
    contents = Contents(anatomy is not None, report is not None, pictures is not None)
    return write_objects(CaseFiles(case_id), created, contents)


def labelmap_is_asked_for() -> bool:
    """Whether signed segmentations are label maps.

    Raises:
        InputError: the setting has no meaning.
    """
    asked = settings().segmentation
    if asked not in (BINARY, LABELMAP):
        raise InputError(f"AIMDT_SEGMENTATION names no kind of segmentation; expected {BINARY} or {LABELMAP}")
    return asked == LABELMAP


def write_objects(case: CaseFiles, created: datetime, contents: Contents) -> Outputs:
    """The objects of what lies in the case's work folder."""
    source = _source(case)
    if source.info.source_format != "dicom":
        return {}
    shutil.rmtree(case.work / "dicom", ignore_errors=True)  # an earlier run may have had more key images
    (case.work / "dicom").mkdir()
    found = findings_from(case.load_json(FINDINGS))
    maker = Maker(version("aimdt"))
    made: dict[str, Any] = {"maker": maker, "created": created}
    common = made | {"case_id": found.case_id}
    seg = _write_seg(case, found, source, contents, common)
    verification = contents.verification
    write_sr(found, case.load_json(STAGING), source, case.work / SR, seg=seg, verification=verification, **made)
    if contents.pdf:
        is_final = verification is not None
        write_pdf(case.load_bytes(PDF), source, case.work / REPORT, is_final=is_final, **common)
    if contents.pictures:
        _write_pictures(case, source, common)
    return {f"dicom/{path.name}": sha256_of(path) for path in sorted((case.work / "dicom").iterdir())}


def _write_seg(
    case: CaseFiles, found: Findings, source: SourceSeries, contents: Contents, common: Mapping[str, Any]
) -> WrittenSeg | None:
    """The segmentation; None when there is nothing to show."""
    masks = load_masks(case, FINDING_MASKS, source.geometry)
    if contents.anatomy:
        shown = load_masks(case, ANATOMY_MASKS, source.geometry)
        masks |= {name: mask for name, mask in shown.items() if name not in NOT_SENT}
    segments = segments_of(masks, found)
    if not segments:
        return None
    return write_seg(segments, source, case.work / SEG, labelmap=contents.labelmap, **common)


def _write_pictures(case: CaseFiles, source: SourceSeries, common: Mapping[str, Any]) -> None:
    for number, picture in enumerate(case.load_json(PICTURES)["pictures"], start=1):
        pixels = np.asarray(Image.open(BytesIO(case.load_bytes(picture["name"]))).convert("RGB"))
        path = case.work / KEYS.replace("*", str(number))
        shown = picture.get("slice_index")
        write_key_image(pixels, source, path, number=number, caption=picture["caption"], slice_index=shown, **common)


def _source(case: CaseFiles) -> SourceSeries:
    """The CT as it was read, with a header of its own that patient and study are copied from."""
    description = dict(case.load_json(IMAGES)["series"][0])
    for key in ("shape", "spacing_mm"):
        del description[key]
    info = SeriesInfo(**{**description, "sop_instance_uids": tuple(description["sop_instance_uids"])})
    ct = Path(case.read_private("request.json")["ct"])
    header = find_header(ct, info.series_uid) if info.source_format == "dicom" else None
    return SourceSeries(info, case.load_volume(CT).geometry, identity(case), header)
