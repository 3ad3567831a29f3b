"""Regions of an RT Structure Set.

Source: DICOM PS3.3 A.19, C.8.8.5 (Structure Set), C.8.8.6 (ROI Contour), C.8.8.8 (RT ROI Observations).
"""

from __future__ import annotations

from functools import partial

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from mdt_dicom.drawn import ContourFile, Drawing, Owner, Region, remark
from mdt_dicom.header import text
from mdt_dicom.rasterize import OFF_PLANE, Raster, rasterize
from mdt_dicom.roles import Meaning
from oncology.errors import ContourError
from oncology.findings import Severity, Verdict
from oncology.imaging.volume import Geometry

RTSTRUCT_CLASS = "1.2.840.10008.5.1.4.1.1.481.3"
CONTOUR_DATA = Tag(0x3006, 0x0050)
CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
# Self-crossings that leave out less than this part of the region change no measurement.
MINOR_CROSSING = 0.005
# RT ROI Interpreted Type: what the planning system was told about a region whose name says nothing.
INTERPRETED = {
    "GTV": Meaning("tumor", reason="by its interpreted type GTV, not by its name"),
    "CTV": Meaning("ignored", reason="a clinical target volume by its interpreted type"),
    "PTV": Meaning("ignored", reason="a planning target volume by its interpreted type"),
    "EXTERNAL": Meaning("structure", "body", reason="by its interpreted type EXTERNAL"),
    "SUPPORT": Meaning("ignored", reason="part of the table by its interpreted type"),
    "FIXATION": Meaning("ignored", reason="part of the table by its interpreted type"),
    "BOLUS": Meaning("ignored", reason="a bolus by its interpreted type"),
    "MARKER": Meaning("ignored", reason="a marker by its interpreted type"),
    "ISOCENTER": Meaning("ignored", reason="a point by its interpreted type"),
}


def read_rtstruct(dataset: Dataset, sha256: str, where: str) -> ContourFile:
    """The ROIs of a structure set.

    Args:
        where: "contour file 2 of 3", for messages.
    Raises:
        ContourError: the structure set names no ROI.
    """
    rois = dataset.get("StructureSetROISequence") or ()
    if not rois:
        raise ContourError(f"{where} is an RTSTRUCT without ROIs; expected at least one; export it again")
    frames = [text(item, "FrameOfReferenceUID") for item in dataset.get("ReferencedFrameOfReferenceSequence") or ()]
    fallback = next((uid for uid in [*frames, text(dataset, "FrameOfReferenceUID")] if uid), None)
    contours = {int(item.ReferencedROINumber): item for item in dataset.get("ROIContourSequence") or ()}
    types = {
        int(item.ReferencedROINumber): text(item, "RTROIInterpretedType").upper()
        for item in dataset.get("RTROIObservationsSequence") or ()
    }
    regions = []
    for roi in rois:
        number = int(roi.ROINumber)
        name = text(roi, "ROIName")
        draw = partial(_draw, contours.get(number, Dataset()), name or f"ROI {number}")
        frame = text(roi, "ReferencedFrameOfReferenceUID") or fallback
        regions.append(Region(name, number, frame, INTERPRETED.get(types.get(number, "")), draw))
    return ContourFile(tuple(regions), _owner(dataset), sha256)


def _owner(dataset: Dataset) -> Owner:
    studies, series = [text(dataset, "StudyInstanceUID")], []
    for frame in dataset.get("ReferencedFrameOfReferenceSequence") or ():
        for study in frame.get("RTReferencedStudySequence") or ():
            studies.append(text(study, "ReferencedSOPInstanceUID"))
            series += [text(item, "SeriesInstanceUID") for item in study.get("RTReferencedSeriesSequence") or ()]
    return Owner(
        text(dataset, "PatientID"),
        text(dataset, "IssuerOfPatientID"),
        tuple(sorted(set(studies) - {""})),
        tuple(sorted(set(series) - {""})),
    )


def _draw(roi: Dataset, name: str, grid: Geometry) -> Drawing:
    """One ROI on the grid."""
    items = roi.get("ContourSequence") or ()
    kinds = [text(item, "ContourGeometricType").upper() for item in items]
    closed = [item for item, kind in zip(items, kinds, strict=True) if kind in CLOSED]
    rings = [_points(item, name) for item in closed]
    raster = rasterize(rings, grid, exclusive="CLOSEDPLANAR_XOR" in kinds)
    verdicts = _remarks(raster, name, grid)
    unclosed = sum(kind not in CLOSED for kind in kinds)
    if unclosed:
        message = (
            f"`{name}` has {unclosed} open contours or points beside {len(closed)} closed ones; they were left out"
        )
        verdicts.append(remark("contour-open", message))
    thin = sum(len(ring) < 3 for ring in rings)
    if thin:
        verdicts.append(remark("contour-degenerate", f"`{name}` has {thin} contours of fewer than 3 points; left out"))
    return Drawing(raster.mask, tuple(verdicts))


def _points(item: Dataset, name: str) -> np.ndarray:
    """(N, 3) world millimeters of one contour."""
    try:
        values = _coordinates(item)
    except (TypeError, ValueError) as error:
        raise ContourError(f"`{name}` has a contour whose points are no numbers; export the ROI again") from error
    if values.size % 3 or not np.isfinite(values).all():
        raise ContourError(
            f"`{name}` has a contour of {values.size} coordinates, or some that are not finite; expected x, y, z for "
            "each point; export the ROI again"
        )
    return values.reshape(-1, 3)


def _coordinates(item: Dataset) -> np.ndarray:
    """The numbers of one contour; from the file's text, since a library's decimal objects take minutes for many."""
    stored = item.get_item(CONTOUR_DATA) if CONTOUR_DATA in item else None
    if isinstance(stored, RawDataElement):
        text_values = bytes(stored.value or b"").decode("ascii").strip(" \0")
        return np.array(text_values.split("\\"), float) if text_values else np.zeros(0)
    values = item.get("ContourData")
    return np.array([float(value) for value in ([values] if isinstance(values, float) else values or ())])


def _remarks(raster: Raster, name: str, grid: Geometry) -> list[Verdict]:
    """What had to be decided, in words."""
    found = []
    if raster.repeated:
        found.append(remark("contour-repeated", f"`{name}` has {raster.repeated} contours twice; used once"))
    if raster.crossing:
        message = (
            f"`{name}`: {raster.crossing} of {raster.rings} contours cross themselves; {raster.crossed_voxels} voxels "
            "that they wind around twice were read as holes"
        )
        minor = raster.crossed_voxels < MINOR_CROSSING * raster.mask.sum()
        found.append(remark("contour-crosses-itself", message, Severity.INFO if minor else Severity.WARNING))
    if raster.overlapping:
        message = f"`{name}`: contours overlap on {raster.overlapping} planes without one holding the other; united"
        found.append(remark("contour-overlap", message))
    if raster.off_plane_mm > OFF_PLANE * min(grid.spacing_mm):
        message = f"`{name}` was drawn up to {raster.off_plane_mm:.2f} mm off the CT slices; put on the nearest slice"
        found.append(remark("contour-off-plane", message, Severity.INFO))
    if raster.oblique:
        message = f"`{name}` was drawn on planes oblique to the CT; each voxel follows the nearest plane"
        found.append(remark("contour-oblique", message, Severity.INFO))
    if raster.interpolated:
        message = f"`{name}` was drawn on every second slice or fewer; {raster.interpolated} slices between were filled"
        found.append(remark("contour-interpolated", message))
    if raster.gaps:
        message = f"`{name}` has no contour on {raster.gaps} slices between others; they were left empty"
        found.append(remark("contour-gap", message))
    if 0 < raster.outside < 1:
        message = f"`{name}` reaches beyond the CT with {raster.outside:.0%} of its points; cut off there"
        found.append(remark("contour-outside", message))
    return found
