"""One image plane, whether it fills a file of its own or is one frame of many.

Everything behind this module (sorting, geometry, voxels) sees planes only. The planes of a multi-frame object get
headers in the words of a classic one: the functional groups' macros, shared first, then per frame, laid flat.
Source: DICOM PS3.3 C.7.6.2 (Image Plane), C.7.6.16 (Multi-frame Functional Groups).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pydicom.dataset import Dataset
from pydicom.tag import Tag

from mdt_dicom.header import HEADER_FAULTS, integer, number, numbers, text
from mdt_dicom.lean import Instance
from oncology.errors import ImageError

SHARED = "SharedFunctionalGroupsSequence"
PER_FRAME = "PerFrameFunctionalGroupsSequence"
_GROUPS = {Tag(SHARED), Tag(PER_FRAME)}
# Macro attributes under another name than their classic counterpart.
_RENAMED = {"FrameType": "ImageType", "FrameAcquisitionNumber": "AcquisitionNumber"}


@dataclass(frozen=True, eq=False)
class Frame:
    """One plane of a series.

    Attributes:
        instance: the file that holds it.
        index: its number in that file, from 0.
        header: classic attributes of this plane.
        position: (x, y, z) LPS mm of the center of the first pixel; None when the tag is missing.
        orientation: direction cosines along a row (3), then down a column (3).
        spacing_mm: distance between rows, then between columns.
        slope, intercept: from stored to modality values; None when missing.
    """

    instance: Instance
    index: int
    header: Dataset = field(repr=False)
    rows: int
    columns: int
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    spacing_mm: tuple[float, ...] | None
    slope: float | None
    intercept: float | None

    @property
    def where(self) -> str:
        """File and frame, for messages."""
        return self.instance.where if not is_multiframe(self.instance) else f"frame {self.index + 1}"


def is_multiframe(instance: Instance) -> bool:
    """True for enhanced objects, whose planes are described in functional groups."""
    return PER_FRAME in instance.header


def frames_of(instance: Instance) -> tuple[Frame, ...]:
    """The planes of one file.

    Raises:
        ImageError: the functional groups do not fit the number of frames, or there are several frames without any.
    """
    header = instance.header
    count = integer(header, "NumberOfFrames", 1)
    if not is_multiframe(instance):
        if count > 1:
            raise ImageError(
                f"{instance.where} holds {count} frames without functional groups; expected one plane per file or an "
                "enhanced object; convert it to enhanced CT or PET"
            )
        return (_frame(instance, 0, header),)
    try:
        headers = _frame_headers(header)
    except HEADER_FAULTS:
        # Not chained: such an error may quote a value.
        raise ImageError(f"{instance.where} has damaged functional groups; expected readable ones; copy it") from None
    if len(headers) != count:
        raise ImageError(
            f"{instance.where} says {count} frames and describes {len(headers)}; expected the same number; re-export it"
        )
    return tuple(_frame(instance, index, item) for index, item in enumerate(headers))


def _frame_headers(header: Dataset) -> list[Dataset]:
    """One classic header per frame."""
    shared = _flat(header, list(header.get(SHARED) or []))
    return [_flat(shared, [group]) for group in header.get(PER_FRAME) or []]


def _flat(header: Dataset, groups: list[Dataset]) -> Dataset:
    """A header with the attributes of all macros in these functional groups at its top level."""
    flat = Dataset()
    for tag in header.keys() - _GROUPS:
        flat[tag] = header.get_item(tag)  # as it stands in the file: most of it is never needed
    macros = [item for group in groups for element in group if element.VR == "SQ" for item in element.value]
    for macro in macros:
        for element in macro:
            flat.add(element)
            if element.keyword in _RENAMED:
                setattr(flat, _RENAMED[element.keyword], element.value)
    return flat


def _frame(instance: Instance, index: int, header: Dataset) -> Frame:
    slope, intercept = _rescale(header)
    return Frame(
        instance,
        index,
        header,
        integer(header, "Rows"),
        integer(header, "Columns"),
        numbers(header, "ImagePositionPatient", 3),
        numbers(header, "ImageOrientationPatient", 6),
        numbers(header, "PixelSpacing", 2),
        slope,
        intercept,
    )


def _rescale(header: Dataset) -> tuple[float | None, float | None]:
    """Slope and intercept; in enhanced PET the real-world mapping, whose unit the SUV rules read (C.7.6.16.2.11)."""
    slope = number(header, "RealWorldValueSlope")
    if slope is not None and text(header, "Modality") == "PT":
        return slope, number(header, "RealWorldValueIntercept")
    return number(header, "RescaleSlope"), number(header, "RescaleIntercept")
