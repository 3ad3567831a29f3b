"""From files to stacks: what belongs together, and what is no volume of CT or PET at all.

A series is split where it holds two stacks (two orientations, image types, acquisitions, phases); a stack that cannot
be used carries the reason. Nothing is judged by the name of a file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from mdt_dicom.frames import Frame, frames_of
from mdt_dicom.geometry import Lattice, lattice
from mdt_dicom.header import integer, number, text, words
from mdt_dicom.lean import UNDEFINED_LENGTH, Instance
from oncology.errors import GeometryError, ImageError

# PS3.4 B.5: CT, Enhanced CT, Legacy Converted Enhanced CT; the same three of PET.
SOP_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.2.1": "CT",
    "1.2.840.10008.5.1.4.1.1.2.2": "CT",
    "1.2.840.10008.5.1.4.1.1.128": "PT",
    "1.2.840.10008.5.1.4.1.1.130": "PT",
    "1.2.840.10008.5.1.4.1.1.128.1": "PT",
}
# What other objects are, by the start of their SOP class.
OTHER_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.7": "secondary capture",
    "1.2.840.10008.5.1.4.1.1.88": "structured report",
    "1.2.840.10008.5.1.4.1.1.481.3": "contours (RTSTRUCT), not an image",
    "1.2.840.10008.5.1.4.1.1.481": "radiotherapy object, not an image",
    "1.2.840.10008.5.1.4.1.1.66": "segmentation or registration, not an image",
    "1.2.840.10008.5.1.4.1.1.11": "presentation state",
    "1.2.840.10008.5.1.4.1.1.104": "encapsulated document",
}
# Words of ImageType (0008,0008) that name a picture made from a volume (PS3.3 C.8.2.1.1.1, C.8.15, vendors' values).
LOCALIZER_WORDS = {"LOCALIZER", "SCOUT", "TOPOGRAM", "TOPO", "SURVIEW"}
PICTURE_WORDS = {
    "MIP",
    "MINIP",
    "MINMIP",
    "VRT",
    "SSD",
    "SCREEN",
    "SCREENSAVE",
    "SCREENSHOT",
    "FUSED",
    "FUSION",
    "PROJECTION",
    "REPROJECTION",
    "VOLREN",
    "RENDERED",
    "DOSE_INFO",
    "POSDISP",
    "CURVED",
    "PERFUSION",
    "SUBTRACTION",
    "ENDOSCOPY",
}
REFORMAT_WORDS = {"MPR", "REFORMATTED", "REFORMAT", "DMPR", "CSAMPR", "RESAMPLED", "AVERAGE"}
# Rescale types that are no attenuation (PS3.3 C.11.1.1.2).
HOUNSFIELD_TYPES = {"", "HU", "US", "HU_MOD", "UNSPECIFIED"}
# What can tell two stacks of one series apart, most telling first.
SPLITTING_TAGS = (
    "AcquisitionNumber",
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "StackID",
    "EchoNumbers",
    "NominalPercentageOfCardiacPhase",
    "TriggerTime",
    "FrameReferenceTime",
    "ConvolutionKernel",
)
# Direction cosines of one stack agree within this; what differs more is another stack.
SAME_DIRECTION = 0.05
# Fewer slices are a localizer, a monitoring scan or a remainder.
MIN_SLICES = 8


@dataclass(frozen=True, eq=False)
class Stack:
    """Planes that may make one volume.

    Attributes:
        modality: "CT", "PT", or what else was found.
        reason: why it is no candidate; empty for a candidate.
        defect: why a candidate's planes make no volume.
    """

    modality: str
    series_uid: str
    frames: tuple[Frame, ...] = field(repr=False)
    reason: str = ""
    defect: ImageError | None = None

    @property
    def first(self) -> Frame:
        """Some frame, for what is the same in all."""
        return self.frames[0]

    @property
    def study_uid(self) -> str:
        """StudyInstanceUID."""
        return text(self.first.header, "StudyInstanceUID")

    @property
    def frame_of_reference_uid(self) -> str:
        """FrameOfReferenceUID; empty when missing."""
        return text(self.first.header, "FrameOfReferenceUID")

    @cached_property
    def lattice(self) -> Lattice:
        """Where the planes lie; only of stacks without defect."""
        return lattice(self.frames)

    @property
    def is_reformat(self) -> bool:
        """True when the header says that the planes were computed from another volume."""
        found = _type_words(self.first)
        return "DERIVED" in found or bool(found & REFORMAT_WORDS)


def sort_stacks(instances: Sequence[Instance]) -> tuple[Stack, ...]:
    """Every stack in these files, candidates and others, in an order that does not depend on file names."""
    series: dict[tuple[str, str, str], list[Instance]] = defaultdict(list)
    for instance in sorted(instances, key=_identity):
        key = (modality_of(instance), text(instance.header, "StudyInstanceUID"), _series_uid(instance))
        series[key].append(instance)
    stacks = [stack for (modality, _, uid), members in series.items() for stack in _stacks(modality, uid, members)]
    return tuple(sorted(stacks, key=lambda stack: (stack.modality, stack.series_uid, -len(stack.frames))))


def _identity(instance: Instance) -> tuple[str, str]:
    """What a copy under another file name keeps."""
    return text(instance.header, "SOPInstanceUID"), text(instance.header, "ImagePositionPatient")


def modality_of(instance: Instance) -> str:
    """CT or PT by SOP class and modality; otherwise a word for the reason."""
    stated = text(instance.header, "Modality").upper()
    by_class = SOP_CLASSES.get(instance.sop_class)
    if by_class and stated in ("", by_class):
        return by_class
    if not instance.sop_class and stated in ("CT", "PT"):
        return stated
    return stated or "unknown"


def _series_uid(instance: Instance) -> str:
    return text(instance.header, "SeriesInstanceUID")


def _stacks(modality: str, series_uid: str, members: list[Instance]) -> list[Stack]:
    """The stacks of one series."""
    foreign = _foreign_reason(modality, members[0])
    if foreign:
        return [Stack(modality, series_uid, _placeholder(members), foreign)]
    try:
        frames = [frame for instance in members for frame in frames_of(instance)]
    except ImageError as error:
        return [Stack(modality, series_uid, _placeholder(members), defect=error)]
    kinds: dict[tuple[str, ...], list[Frame]] = defaultdict(list)
    for frame in frames:
        kinds[words(frame.header, "ImageType")].append(frame)
    parallel = [group for kind in kinds.values() for group in _by_orientation(kind)]
    parts = [part for group in parallel for part in _split(group)]
    return [_judged(Stack(modality, series_uid, tuple(part))) for part in parts]


def _placeholder(members: Iterable[Instance]) -> tuple[Frame, ...]:
    """Frames that are only counted."""
    return tuple(Frame(member, 0, member.header, 0, 0, None, None, None, None, None) for member in members)


def _foreign_reason(modality: str, instance: Instance) -> str:
    """Why this is neither a CT nor a PET; empty if it is."""
    by_class = SOP_CLASSES.get(instance.sop_class) if instance.sop_class else modality
    if modality in ("CT", "PT") and by_class == modality:
        return ""
    if by_class and instance.sop_class:
        return f"Modality says {modality[:16]}, SOPClassUID says {by_class}"
    for start, meaning in OTHER_CLASSES.items():
        if instance.sop_class == start or instance.sop_class.startswith(start + "."):
            return meaning
    if modality in ("CT", "PT"):
        return f"object of SOP class {instance.sop_class}, no {modality} image"
    return f"modality {modality[:16]}"


def _by_orientation(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Frames by direction; those without a readable one stay with the largest group, which then is refused for them."""
    groups: list[tuple[np.ndarray, list[Frame]]] = []
    lost: list[Frame] = []
    for frame in frames:
        cosines = np.array(frame.orientation or (np.nan,))
        if not np.isfinite(cosines).all():
            lost.append(frame)
            continue
        near = next((group for other, group in groups if np.abs(other - cosines).max() < SAME_DIRECTION), None)
        if near is None:
            groups.append((cosines, [frame]))
        else:
            near.append(frame)
    found = sorted((group for _, group in groups), key=len, reverse=True) or [[]]
    found[0].extend(lost)
    return found


def _split(frames: list[Frame]) -> list[list[Frame]]:
    """Frames that do not make one even stack, by the first tag that makes even stacks of them; else as they are."""
    if _is_even(frames):
        return [frames]
    for tag in SPLITTING_TAGS:
        groups: dict[str, list[Frame]] = defaultdict(list)
        for frame in frames:
            groups[text(frame.header, tag)].append(frame)
        if len(groups) > 1 and all(len(group) >= MIN_SLICES and _is_even(group) for group in groups.values()):
            return list(groups.values())
    return [frames]


def _is_even(frames: Sequence[Frame]) -> bool:
    try:
        return not lattice(frames).spares
    except GeometryError:
        return False


def _judged(stack: Stack) -> Stack:
    """The stack with the reason against it, or with the defect of its planes."""
    reason = _reject_reason(stack)
    if reason:
        return replace(stack, reason=reason)
    try:
        _check_frame_of_reference(stack)
        _check_complete(stack.frames)
        _check_pixels(stack.frames)
        lattice(stack.frames)
    except ImageError as error:
        return replace(stack, defect=error)
    return stack


def _reject_reason(stack: Stack) -> str:
    """Why a stack of CT or PET planes is no volume to stage on."""
    header, found = stack.first.header, _type_words(stack.first)
    picture = sorted(found & PICTURE_WORDS)
    checks = (
        (bool(found & LOCALIZER_WORDS), "localizer"),
        (bool(picture), f"derived picture ({', '.join(picture)})"),
        (integer(header, "SamplesPerPixel", 1) != 1, "color picture"),
        (text(header, "PhotometricInterpretation").upper() == "MONOCHROME1", "inverted gray values (MONOCHROME1)"),
        (text(header, "BurnedInAnnotation").upper() == "YES", "annotations burned into the pixels"),
        (len(stack.frames) < MIN_SLICES, f"{len(stack.frames)} slices, at least {MIN_SLICES} make a volume"),
    )
    return next((reason for applies, reason in checks if applies), "") or _modality_reason(stack)


def _modality_reason(stack: Stack) -> str:
    header = stack.first.header
    if stack.modality == "CT":
        kind = text(header, "RescaleType").upper()
        if kind not in HOUNSFIELD_TYPES:
            return f"values are {kind[:16]}, not Hounsfield units"
        return "reformat in another plane" if stack.is_reformat and not _looks_axial(stack.first) else ""
    series_type = words(header, "SeriesType")
    corrected = words(header, "CorrectedImage")
    if series_type[:1] in (("DYNAMIC",), ("GATED",)):
        return f"{series_type[0].lower()} PET"
    if (corrected and "ATTN" not in corrected) or text(header, "AttenuationCorrected").upper() == "NO":
        return "PET without attenuation correction"
    return ""


def _looks_axial(frame: Frame) -> bool:
    """True unless the slice normal is nearer to another patient axis."""
    if frame.orientation is None:
        return True  # judged later, by name
    normal = np.cross(frame.orientation[:3], frame.orientation[3:])
    return int(np.abs(normal).argmax()) == 2


def _type_words(frame: Frame) -> set[str]:
    """The words of ImageType; vendors put several into one value (`CT_SOM5 MPR`)."""
    return {word for value in words(frame.header, "ImageType") for word in value.replace("/", " ").split()}


def _check_frame_of_reference(stack: Stack) -> None:
    uids = {text(frame.header, "FrameOfReferenceUID") for frame in stack.frames}
    if len(uids) > 1:
        raise GeometryError(
            f"the slices of one series name {len(uids)} frames of reference (0020,0052); expected one: positions of "
            "different frames cannot be compared; re-export the series"
        )


def _check_complete(frames: Sequence[Frame]) -> None:
    """Every file must hold the pixels that its header promises."""
    for frame in frames:
        instance = frame.instance
        if instance.pixel_offset is None:
            if instance.syntax_is_addressable:
                raise ImageError(
                    f"{instance.where} has no pixels after its header; expected a complete image; it was cut off: copy "
                    "or export it again"
                )
            continue  # deflated or big endian: found when decoded
        bytes_each = frame.rows * frame.columns * integer(frame.header, "BitsAllocated") // 8
        expected = bytes_each * integer(instance.header, "NumberOfFrames", 1)
        if instance.pixel_length == UNDEFINED_LENGTH:
            continue
        found = min(instance.pixel_length, instance.available_bytes)
        if found < expected:
            raise ImageError(
                f"{instance.where} holds {found} of {expected} bytes of pixels; expected a complete file; it was cut "
                "off: copy or export it again"
            )


def _check_pixels(frames: Sequence[Frame]) -> None:
    odd = {integer(frame.header, "BitsAllocated") for frame in frames} - {8, 16, 32}
    if odd:
        raise ImageError(f"BitsAllocated (0028,0100) is {odd.pop()}; expected 8, 16 or 32; re-export the series")
    if {number(frame.header, "PixelRepresentation") for frame in frames} - {0.0, 1.0}:
        raise ImageError(
            "PixelRepresentation (0028,0103) is missing; expected 0 (unsigned) or 1 (signed): without it negative "
            "values cannot be told from large ones; re-export the series"
        )
