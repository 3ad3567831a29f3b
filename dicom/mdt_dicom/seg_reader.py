"""Segments of a DICOM Segmentation: BINARY, FRACTIONAL and LABELMAP, on the CT's grid or on another.

Source: DICOM PS3.3 A.51, C.8.20 (Segmentation), A.86 (Label Map Segmentation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import UID

from mdt_dicom.drawn import ContourFile, Drawing, Owner, Region, remark
from mdt_dicom.header import HEADER_FAULTS, text
from mdt_dicom.names import station_codes, structure_of_code
from mdt_dicom.roles import Meaning
from oncology.errors import ContourError
from oncology.findings import Laterality, Severity
from oncology.imaging.volume import Geometry, Volume, resample

SEG_CLASSES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
PIXEL_DATA = Tag(0x7FE0, 0x0010)
# A frame lies on the grid when no pixel is further than this from a voxel (voxels).
ON_GRID = 0.05
# Spacing of frames may vary by this part before a segmentation counts as unevenly spaced.
EVEN = 0.05
PRESENT = 0.5  # of MaximumFractionalValue
SIDE_CODES = {"7771000": Laterality.LEFT, "24028007": Laterality.RIGHT}
# Malignant primary, primary neoplasm, neoplasm, mass (SNOMED CT, DICOM CID 7159).
TUMOR_CODES = frozenset({"86049000", "372087000", "108369006", "4147007"})
LYMPH_NODE_CODE = "59441001"


@dataclass(frozen=True)
class Frame:
    """Where one frame lies: its first pixel, the steps to the next column and row, in world millimeters."""

    number: int
    segment: int | None
    position: np.ndarray
    column_step: np.ndarray
    row_step: np.ndarray
    thickness_mm: float


class SegPixels:
    """The stored frames, unpacked one by one."""

    def __init__(self, dataset: Dataset, where: str) -> None:
        self.dataset = dataset
        self.where = where
        self.rows, self.columns = int(dataset.Rows), int(dataset.Columns)
        self.count = int(dataset.get("NumberOfFrames") or 1)
        self.kind = text(dataset, "SegmentationType").upper()
        self.fraction = PRESENT * float(dataset.get("MaximumFractionalValue") or 255)

    def present(self, frame: Frame, segment: int) -> np.ndarray:
        """(rows, columns) bool: where a frame shows the segment."""
        if self._packed is not None:
            size = self.rows * self.columns
            start = frame.number * size
            bits = np.unpackbits(self._packed[start // 8 : (start + size + 7) // 8], bitorder="little")
            return bits[start % 8 : start % 8 + size].reshape(self.rows, self.columns).astype(bool)
        stored = self._decoded[frame.number]
        if self.kind == "LABELMAP":
            return stored == segment
        return stored >= self.fraction if self.kind == "FRACTIONAL" else stored > 0

    @cached_property
    def _packed(self) -> np.ndarray | None:
        """Bit-packed pixels of an uncompressed BINARY segmentation."""
        syntax = UID(self.dataset.file_meta.TransferSyntaxUID)
        if int(self.dataset.BitsAllocated) != 1 or syntax.is_compressed:
            return None
        packed = np.frombuffer(self.dataset.PixelData, np.uint8)
        if packed.size * 8 < self.count * self.rows * self.columns:
            raise ContourError(
                f"{self.where} holds {packed.size} bytes of pixels; expected {self.count} frames of {self.rows} x "
                f"{self.columns} bits; the file was cut off, copy it again"
            )
        return packed

    @cached_property
    def _decoded(self) -> np.ndarray:
        try:
            array: np.ndarray = self.dataset.pixel_array
        except (*HEADER_FAULTS, RuntimeError) as error:
            raise ContourError(
                f"{self.where} has pixels that cannot be decoded; expected an uncompressed or losslessly compressed SEG"
            ) from error
        return array.reshape(self.count, self.rows, self.columns)


def read_seg(dataset: Dataset, sha256: str, where: str) -> ContourFile:
    """The segments of a SEG object.

    Raises:
        ContourError: no segments, no pixels, no positions in the patient, or an unknown segmentation type.
    """
    kind = text(dataset, "SegmentationType").upper()
    if kind not in ("BINARY", "FRACTIONAL", "LABELMAP"):
        raise ContourError(f"{where} has SegmentationType `{kind}`; expected BINARY, FRACTIONAL or LABELMAP")
    segments = dataset.get("SegmentSequence") or ()
    if not segments or "PixelData" not in dataset:
        raise ContourError(f"{where} is a SEG without segments or pixels; expected both; export it again")
    frames, pixels = _frames(dataset, where), SegPixels(dataset, where)
    frame_uid = text(dataset, "FrameOfReferenceUID") or None
    regions = []
    for item in segments:
        number = int(item.get("SegmentNumber") or 0)
        if number == 0:
            continue  # the background of a label map
        own = [frame for frame in frames if frame.segment in (None, number)]
        name = text(item, "SegmentLabel")
        draw = partial(_draw, own, pixels, number, name or f"segment {number}")
        regions.append(Region(name, number, frame_uid, _hint(item), draw))
    return ContourFile(tuple(regions), _owner(dataset), sha256)


def _owner(dataset: Dataset) -> Owner:
    series = [text(item, "SeriesInstanceUID") for item in dataset.get("ReferencedSeriesSequence") or ()]
    study = text(dataset, "StudyInstanceUID")
    return Owner(
        text(dataset, "PatientID"),
        text(dataset, "IssuerOfPatientID"),
        (study,) if study else (),
        tuple(sorted(set(series) - {""})),
    )


def _frames(dataset: Dataset, where: str) -> list[Frame]:
    """Where each frame lies."""
    shared = next(iter(dataset.get("SharedFunctionalGroupsSequence") or ()), Dataset())
    own = list(dataset.get("PerFrameFunctionalGroupsSequence") or ())
    try:
        return [_frame(number, item, shared) for number, item in enumerate(own)]
    except (LookupError, AttributeError, TypeError, ValueError) as error:
        raise ContourError(
            f"{where} is a SEG whose frames have no position, orientation or pixel spacing in the patient; expected a "
            "segmentation of a CT or PET"
        ) from error


def _frame(number: int, item: Dataset, shared: Dataset) -> Frame:
    def group(name: str) -> Dataset:
        found: Dataset = (item.get(name) or shared[name].value)[0]
        return found

    measures = group("PixelMeasuresSequence")
    cosines = np.array(group("PlaneOrientationSequence").ImageOrientationPatient, float)
    row_mm, column_mm = (float(value) for value in measures.PixelSpacing)
    identification = item.get("SegmentIdentificationSequence") or shared.get("SegmentIdentificationSequence")
    return Frame(
        number,
        int(identification[0].ReferencedSegmentNumber) if identification else None,
        np.array(group("PlanePositionSequence").ImagePositionPatient, float),
        cosines[:3] * column_mm,
        cosines[3:] * row_mm,
        float(measures.get("SpacingBetweenSlices") or measures.get("SliceThickness") or 1.0),
    )


def _draw(frames: Sequence[Frame], pixels: SegPixels, segment: int, name: str, grid: Geometry) -> Drawing:
    """One segment on the grid: pixel by pixel where the frames lie on it, else by nearest neighbor."""
    mask = np.zeros(grid.shape, bool)
    verdicts = []
    if frames and not all(_put(mask, frame, pixels.present(frame, segment), grid) for frame in frames):
        mask = resample(_own_volume(frames, pixels, segment, name), grid, linear=False, fill=0).array
        message = f"`{name}` was drawn on another grid than the CT's; resampled by nearest neighbor"
        verdicts.append(remark("contour-resampled", message, Severity.INFO))
    if pixels.kind == "FRACTIONAL":
        message = f"`{name}` is fractional; voxels of at least {PRESENT:.0%} count as inside"
        verdicts.append(remark("contour-fractional", message, Severity.INFO))
    return Drawing(mask, tuple(verdicts))


def _put(mask: np.ndarray, frame: Frame, present: np.ndarray, grid: Geometry) -> bool:
    """Add a frame to the mask; False when its pixels are no voxels of the grid."""
    first = grid.to_index(frame.position)
    steps = [grid.to_index(frame.position + step) - first for step in (frame.row_step, frame.column_step)]
    axes = [int(np.abs(step).argmax()) for step in steps]
    whole = np.round(first)
    exact = [np.where(np.arange(3) == axis, np.sign(step[axis]), 0.0) for axis, step in zip(axes, steps, strict=True)]
    drift = [np.abs(step - unit).max() * size for step, unit, size in zip(steps, exact, present.shape, strict=True)]
    if axes[0] == axes[1] or np.abs(first - whole).max() > ON_GRID or max(drift) > ON_GRID:
        return False
    plane_axis = 3 - axes[0] - axes[1]
    place = int(whole[plane_axis])
    if not 0 <= place < grid.shape[plane_axis] or not present.any():
        return True
    (rows, from_rows), (columns, from_columns) = (
        _covered(int(whole[axis]), int(unit[axis]), size, grid.shape[axis])
        for axis, unit, size in zip(axes, exact, present.shape, strict=True)
    )
    plane = np.moveaxis(mask, plane_axis, 0)[place]
    plane = plane if axes[0] < axes[1] else plane.T
    plane[rows, columns] |= present[from_rows, from_columns]
    return True


def _covered(start: int, step: int, size: int, limit: int) -> tuple[slice, slice]:
    """The part of an axis of the grid that pixels cover (they run up for step 1, down for -1), and those pixels."""
    low = start if step > 0 else start - size + 1
    first, last = max(low, 0), min(low + size, limit)
    if first >= last:
        return slice(0, 0), slice(0, 0)
    if step > 0:
        return slice(first, last), slice(first - start, last - start)
    begin, end = start - (last - 1), start - first
    pixels = slice(end, begin - 1 if begin > 0 else None, -1)
    return slice(first, last), pixels


def _own_volume(frames: Sequence[Frame], pixels: SegPixels, segment: int, name: str) -> Volume:
    """The segment on its own grid, empty planes added where sparse frames leave them out."""
    first = frames[0]
    across = np.stack([first.column_step, first.row_step])
    lengths = np.linalg.norm(across, axis=1)
    normal = np.cross(first.column_step, first.row_step) / lengths.prod()
    depths = np.array([float(frame.position @ normal) for frame in frames])
    gaps = np.diff(np.unique(np.round(depths, 3)))
    spacing = float(gaps.min()) if gaps.size else first.thickness_mm
    places = (depths - depths.min()) / spacing
    turned = max(float(np.abs(frame.column_step - first.column_step).max()) for frame in frames)
    if np.abs(places - np.round(places)).max() > EVEN * max(1.0, places.max()) or turned > 1e-3:
        raise ContourError(
            f"`{name}` has frames that are unevenly spaced or turned against each other; expected one grid; "
            "export the segmentation again"
        )
    array = np.zeros((round(float(places.max())) + 1, pixels.rows, pixels.columns), bool)
    for frame, place in zip(frames, np.round(places).astype(int), strict=True):
        array[place] |= pixels.present(frame, segment)
    origin = frames[int(depths.argmin())].position
    direction = np.stack([first.column_step / lengths[0], first.row_step / lengths[1], normal], axis=1)
    geometry = Geometry(
        (array.shape[0], array.shape[1], array.shape[2]),
        (spacing, float(lengths[1]), float(lengths[0])),
        (float(origin[0]), float(origin[1]), float(origin[2])),
        tuple((float(row[0]), float(row[1]), float(row[2])) for row in direction),
    )
    return Volume(array, geometry)


def _hint(segment: Dataset) -> Meaning | None:
    """What a segment's codes say: the tumor, a node with the group it lies in, or a structure."""
    kinds = _codes(segment, "SegmentedPropertyTypeCodeSequence")
    regions = _codes(segment, "AnatomicRegionSequence")
    side = next((SIDE_CODES[code] for code in _modifiers(segment) if code in SIDE_CODES), None)
    if TUMOR_CODES & set(kinds):
        return Meaning("tumor", laterality=side, reason="by its code, not by its name")
    if LYMPH_NODE_CODE in kinds or {entry.code for entry in station_codes().values()} & set(kinds):
        return Meaning("node", laterality=side, reason="by its code, not by its name")
    for code in [*kinds, *regions]:
        structure = structure_of_code().get((code, side)) or structure_of_code().get((code, None))
        if structure is not None:
            return Meaning("structure", structure, laterality=side, reason="by its code, not by its name")
    return None


def _codes(item: Dataset, keyword: str) -> list[str]:
    return [text(code, "CodeValue") for code in item.get(keyword) or ()]


def _modifiers(segment: Dataset) -> list[str]:
    """Codes of the modifiers, which lie within the type and the region, or (older objects) beside them."""
    inner = [
        *(segment.get("SegmentedPropertyTypeCodeSequence") or ()),
        *(segment.get("AnatomicRegionSequence") or ()),
        segment,
    ]
    keywords = ("SegmentedPropertyTypeModifierCodeSequence", "AnatomicRegionModifierSequence")
    return [code for item in inner for keyword in keywords for code in _codes(item, keyword)]
