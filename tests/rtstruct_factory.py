"""RT Structure Sets built in memory for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from oncology.imaging.volume import Geometry

RTSTRUCT_CLASS = "1.2.840.10008.5.1.4.1.1.481.3"
FRAME = "1.2.3.4"
Rings = Sequence[np.ndarray]


def rtstruct(
    rois: Mapping[str, Rings], *, frame: str | None = FRAME, kind: str = "CLOSED_PLANAR", patient_id: str = "P1"
) -> Dataset:
    """One ROI per name; contours (N, 3) in world millimeters."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.Modality = RTSTRUCT_CLASS, "RTSTRUCT"
    dataset.SOPInstanceUID = "1.2.3.4.5"
    dataset.PatientID, dataset.StudyInstanceUID = patient_id, "1.2.3"
    dataset.StructureSetROISequence, dataset.ROIContourSequence, dataset.RTROIObservationsSequence = [], [], []
    for number, (name, rings) in enumerate(rois.items(), start=1):
        _add(dataset, number, name, rings, frame, kind)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = RTSTRUCT_CLASS
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def _add(dataset: Dataset, number: int, name: str, rings: Rings, frame: str | None, kind: str) -> None:
    roi, contours = Dataset(), Dataset()
    roi.ROINumber, roi.ROIName = number, name
    if frame is not None:
        roi.ReferencedFrameOfReferenceUID = frame
    contours.ReferencedROINumber = number
    contours.ContourSequence = []
    for ring in rings:
        item = Dataset()
        item.ContourGeometricType, item.NumberOfContourPoints = kind, len(ring)
        item.ContourData = [f"{value:.5f}" for value in np.asarray(ring).ravel()]
        contours.ContourSequence.append(item)
    dataset.StructureSetROISequence.append(roi)
    dataset.ROIContourSequence.append(contours)


def save(dataset: Dataset, path: Path) -> Path:
    """Write it; returns the path."""
    dataset.save_as(path, enforce_file_format=True)
    return path


def ring(grid: Geometry, place: float, corners_yx: Sequence[tuple[float, float]]) -> np.ndarray:
    """A contour on slice `place` by corners in voxel coordinates, as world points."""
    return grid.to_lps(np.array([(place, y, x) for y, x in corners_yx], float))


def square(grid: Geometry, place: float, low: float, high: float) -> np.ndarray:
    """A square contour from voxel `low` to voxel `high`, both included, along voxel edges."""
    a, b = low - 0.5, high + 0.5
    return ring(grid, place, [(a, a), (a, b), (b, b), (b, a)])


def circle(
    center: Sequence[float], radius: float, across: np.ndarray, along: np.ndarray, count: int = 360
) -> np.ndarray:
    """A circular contour in the plane of two unit vectors, world millimeters."""
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)[:, None]
    return np.asarray(center) + radius * (np.cos(angles) * across + np.sin(angles) * along)
