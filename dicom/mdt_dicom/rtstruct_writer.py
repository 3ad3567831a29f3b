"""Masks as RT Structure Set contours along pixel edges: rasterized at pixel centers they give the mask back exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, RTStructureSetStorage

from mdt_dicom.image_writer import SYNTHETIC, Subject
from mdt_dicom.uid import uid_from
from oncology.imaging.volume import Geometry

Edge = tuple[tuple[int, int], tuple[int, int]]
DETACHED_STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"  # retired, and what RTSTRUCTs refer to a study by (PS3.3 C.8.8.5)


def write_rtstruct(
    masks: Mapping[str, np.ndarray], grid: Geometry, subject: Subject, ct_uids: Sequence[str], path: Path
) -> None:
    """One ROI per mask on the CT's slices.

    Args:
        masks: ROI name to (Z, Y, X) bool on the CT's grid.
        ct_uids: SOP instance UIDs of the CT in z order.
    """
    dataset = _header(subject, path)
    dataset.StructureSetROISequence = []
    dataset.ROIContourSequence = []
    dataset.RTROIObservationsSequence = []
    dataset.ReferencedFrameOfReferenceSequence = [_frame(subject, ct_uids)]
    for number, (name, mask) in enumerate(masks.items(), start=1):
        _add_roi(dataset, number, name, mask, grid, subject, ct_uids)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)


def _header(subject: Subject, path: Path) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = RTStructureSetStorage
    dataset.SOPInstanceUID = uid_from(subject.seed, "rtstruct", path.name)
    dataset.Modality = "RTSTRUCT"
    dataset.PatientID, dataset.IssuerOfPatientID = subject.patient_id, subject.issuer
    dataset.PatientName, dataset.PatientBirthDate = subject.name, subject.birth_date
    dataset.PatientSex = subject.sex
    dataset.StudyInstanceUID, dataset.StudyID = subject.study_uid, "1"
    dataset.StudyDate, dataset.StudyTime = subject.study_date, "095000"
    dataset.AccessionNumber, dataset.ReferringPhysicianName = subject.accession, ""
    dataset.SeriesInstanceUID, dataset.SeriesNumber = uid_from(subject.seed, "rtstruct-series"), 3
    dataset.SeriesDescription = "Contours " + SYNTHETIC
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = subject.frame_of_reference_uid, ""
    dataset.Manufacturer, dataset.OperatorsName = "AI-MDT synthetic", ""
    dataset.StructureSetLabel = "SYNTHETIC"
    dataset.StructureSetDate, dataset.StructureSetTime = subject.study_date, "110000"
    dataset.ApprovalStatus = "UNAPPROVED"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = RTStructureSetStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def _frame(subject: Subject, ct_uids: Sequence[str]) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = uid_from(subject.seed, "CT")
    series.ContourImageSequence = [_image(uid) for uid in ct_uids]
    study = Dataset()
    study.ReferencedSOPClassUID = DETACHED_STUDY_CLASS
    study.ReferencedSOPInstanceUID = subject.study_uid
    study.RTReferencedSeriesSequence = [series]
    frame = Dataset()
    frame.FrameOfReferenceUID = subject.frame_of_reference_uid
    frame.RTReferencedStudySequence = [study]
    return frame


def _image(uid: str) -> Dataset:
    image = Dataset()
    image.ReferencedSOPClassUID = CTImageStorage
    image.ReferencedSOPInstanceUID = uid
    return image


def _add_roi(
    dataset: Dataset,
    number: int,
    name: str,
    mask: np.ndarray,
    grid: Geometry,
    subject: Subject,
    ct_uids: Sequence[str],
) -> None:
    roi = Dataset()
    roi.ROINumber, roi.ROIName = number, name
    roi.ReferencedFrameOfReferenceUID = subject.frame_of_reference_uid
    roi.ROIGenerationAlgorithm = "MANUAL"
    observation = Dataset()
    observation.ObservationNumber = observation.ReferencedROINumber = number
    observation.RTROIInterpretedType = "GTV" if name.upper().startswith("GTV") else ""
    observation.ROIInterpreter = ""
    contours = Dataset()
    contours.ReferencedROINumber = number
    contours.ROIDisplayColor = [255, 60 * number % 256, 0]
    contours.ContourSequence = [
        _contour(loop, index, grid, ct_uids[index])
        for index in np.flatnonzero(mask.any(axis=(1, 2))).tolist()
        for loop in edge_loops(mask[index])
    ]
    dataset.StructureSetROISequence.append(roi)
    dataset.RTROIObservationsSequence.append(observation)
    dataset.ROIContourSequence.append(contours)


def _contour(loop: np.ndarray, index: int, grid: Geometry, uid: str) -> Dataset:
    corners = np.column_stack([np.full(len(loop), index), loop - 0.5])
    contour = Dataset()
    contour.ContourImageSequence = [_image(uid)]
    contour.ContourGeometricType = "CLOSED_PLANAR"
    contour.NumberOfContourPoints = len(loop)
    contour.ContourData = [f"{value:.4f}" for value in grid.to_lps(corners).ravel()]
    return contour


def edge_loops(mask: np.ndarray) -> list[np.ndarray]:
    """Closed loops of corner points (row, column) along the pixel edges of a (Y, X) mask.

    Pixel (r, c) covers corners r..r+1, c..c+1. Outer borders and holes are separate loops; even-odd filling of all of
    them gives the mask.

    >>> edge_loops(np.array([[True]]))[0].tolist()
    [[0, 0], [0, 1], [1, 1], [1, 0]]
    """
    following = _edges(mask)
    loops = []
    while following:
        start = next(iter(following))
        loop, place = [], start
        while place in following:
            loop.append(place)
            ends = following[place]
            place_next = ends.pop()
            if not ends:
                del following[place]
            place = place_next
        loops.append(np.array(_without_straight_points(loop)))
    return loops


def _edges(mask: np.ndarray) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Directed edges between a set and an unset pixel, the set one on the right hand, by their first corner."""
    padded = np.pad(mask, 1)
    edges: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for row, column in np.argwhere(mask).tolist():
        sides: list[tuple[bool, Edge]] = [
            (padded[row, column + 1], ((row, column), (row, column + 1))),
            (padded[row + 1, column + 2], ((row, column + 1), (row + 1, column + 1))),
            (padded[row + 2, column + 1], ((row + 1, column + 1), (row + 1, column))),
            (padded[row + 1, column], ((row + 1, column), (row, column))),
        ]
        for neighbor_is_set, (first, last) in sides:
            if not neighbor_is_set:
                edges.setdefault(first, []).append(last)
    return edges


def _without_straight_points(loop: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Only the corners where the loop turns."""
    count = len(loop)
    return [
        point
        for index, point in enumerate(loop)
        if (loop[index - 1][0] != loop[(index + 1) % count][0]) and (loop[index - 1][1] != loop[(index + 1) % count][1])
    ]
