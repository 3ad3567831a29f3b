"""Masks as a DICOM Segmentation that refers to the CT, coded with SNOMED, read back voxel for voxel.

BINARY by default, frames without a voxel left out; LABELMAP on request, which some receivers do not know yet.
highdicom makes the header from one plane; the frames are packed here one by one, so that many structures on a fine
grid do not have to fit into memory at once. Source: DICOM PS3.3 A.51, A.86, C.8.20.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import highdicom as hd
import numpy as np
from highdicom.seg import Segmentation, SegmentationTypeValues, SegmentDescription
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEGLSLossless

from mdt_dicom.names import structure_codes
from mdt_dicom.result import (
    RESEARCH_USE,
    SERIES_NUMBERS,
    SIDE_CONCEPTS,
    Maker,
    SourceSeries,
    contributing,
    decimal,
    orientation,
    position,
    save,
    series_uid,
    stamp,
    station_concepts,
    structure_concept,
    tracking_uid,
)
from mdt_dicom.uid import uid_from
from oncology.errors import ReportError
from oncology.findings import CaseId, Findings, Laterality, Severity, Source, SourceKind, Verdict

MOST_SEGMENTS = 65535
# Functional groups that every frame carries by itself; none may be among the shared ones as well.
PER_FRAME = (
    "FrameContentSequence",
    "PlanePositionSequence",
    "SegmentIdentificationSequence",
    "DerivationImageSequence",
)
AI_FAMILY = CodedConcept("123110", "DCM", "Artificial Intelligence")
RULES_FAMILY = CodedConcept("123104", "DCM", "Morphological Operations")
SOURCE_PURPOSE = CodedConcept("121322", "DCM", "Source image for image processing operation")
SEGMENTATION_CODE = CodedConcept("113076", "DCM", "Segmentation")


@dataclass(frozen=True)
class Segment:
    """One mask with its meaning.

    Attributes:
        id: finding id (`tumor-1`, `node-2`) or the structure's name; unique within a segmentation.
        mask: (Z, Y, X) bool on the CT's grid.
        structure: `tumor`, `node`, `metastasis_candidate`, or the structure's name; decides the code.
        source: who or what drew it.
    """

    id: str
    mask: np.ndarray = field(repr=False)
    structure: str
    label: str
    source: Source
    station: str | None = None
    laterality: Laterality | None = None


@dataclass(frozen=True)
class WrittenSeg:
    """What later results need to refer to the segmentation."""

    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str
    numbers: Mapping[str, int]  # segment id to number
    verdicts: tuple[Verdict, ...] = ()


def segments_of(
    masks: Mapping[str, np.ndarray], findings: Findings, sources: Mapping[str, Source] | None = None
) -> tuple[Segment, ...]:
    """Segments of masks by their keys: ids of findings, or names of structures. Empty masks are left out.

    Args:
        sources: origin of structures by name; those of findings are in the findings.
    """
    described: dict[str, Segment] = {}
    nothing = np.zeros((0, 0, 0), bool)
    for tumor in findings.tumors:
        described[tumor.id] = Segment(tumor.id, nothing, "tumor", tumor.id, tumor.source, None, tumor.laterality)
    for node in findings.nodes:
        label = f"{node.id} station {node.station}" if node.station else node.id
        described[node.id] = Segment(node.id, nothing, "node", label, node.source, node.station, node.laterality)
    for candidate in findings.metastasis_candidates:
        label = f"{candidate.id} {candidate.site}"
        described[candidate.id] = Segment(candidate.id, nothing, "metastasis_candidate", label, candidate.source)
    rules = Source(SourceKind.RULES, "anatomy")
    segments = []
    for key, mask in masks.items():
        entry = structure_codes().get(key)
        plain = Segment(key, mask, key, key, (sources or {}).get(key, rules), None, entry.laterality if entry else None)
        known = described.get(key)
        if mask.any():
            segments.append(
                plain
                if known is None
                else Segment(key, mask, known.structure, known.label, known.source, known.station, known.laterality)
            )
    return tuple(segments)


def write_seg(
    segments: Sequence[Segment],
    source: SourceSeries,
    path: Path,
    *,
    case_id: CaseId,
    maker: Maker,
    created: datetime,
    labelmap: bool = False,
) -> WrittenSeg:
    """Write the masks as one DICOM SEG.

    Args:
        source: the series whose grid the masks lie on.
        created: date of the content, as the case's manifest has it.
        labelmap: one label per voxel (SOP class ...66.7); where masks overlap, the segment given first keeps the voxel.
    Raises:
        ReportError: the CT is no DICOM, nothing is to be written, or a mask is empty or of another grid.
    """
    source.require_dicom()
    _check(segments, source)
    uid = uid_from(case_id, "LABELMAP" if labelmap else "SEG", _content(segments, source))
    verdicts: tuple[Verdict, ...] = ()
    if labelmap:
        dataset, verdicts = _label_map(segments, source, case_id, maker, uid)
    else:
        dataset = _binary(segments, source, case_id, maker, uid)
    _give_to_frames(dataset)
    _refer(dataset, source)
    dataset.DimensionOrganizationSequence[0].DimensionOrganizationUID = uid_from(uid, "dimensions")
    for index in dataset.DimensionIndexSequence:
        index.DimensionOrganizationUID = uid_from(uid, "dimensions")
    stamp(dataset, created)
    save(dataset, path)
    numbers = {segment.id: number for number, segment in enumerate(segments, start=1)}
    return WrittenSeg(str(dataset.SOPClassUID), uid, str(dataset.SeriesInstanceUID), numbers, verdicts)


def _check(segments: Sequence[Segment], source: SourceSeries) -> None:
    if not 0 < len(segments) <= MOST_SEGMENTS:
        raise ReportError(f"{len(segments)} segments are to be written; expected between 1 and {MOST_SEGMENTS}")
    if len({segment.id for segment in segments}) < len(segments):
        raise ReportError("two segments have the same id; expected a different one for each")
    for segment in segments:
        if segment.mask.shape != source.geometry.shape or not segment.mask.any():
            raise ReportError(
                f"segment {segment.id} has shape {segment.mask.shape} and {int(segment.mask.sum())} voxels; expected "
                f"{source.geometry.shape}, the grid of the CT, and at least one voxel"
            )


def _content(segments: Sequence[Segment], source: SourceSeries) -> str:
    """A hash of everything that the segmentation says."""
    digest = hashlib.sha256(source.info.series_uid.encode())
    for segment in segments:
        words = (segment.id, segment.structure, segment.label, segment.station or "", segment.laterality or "")
        digest.update("\x1f".join((*words, segment.source.kind, segment.source.id)).encode())
        digest.update(np.packbits(segment.mask).tobytes())
    return digest.hexdigest()


def _header(
    segments: Sequence[Segment],
    pixels: np.ndarray,
    places: Sequence[int],
    kind: SegmentationTypeValues,
    source: SourceSeries,
    case_id: CaseId,
    maker: Maker,
    uid: str,
) -> Segmentation:
    """What highdicom makes of the given planes."""
    geometry = source.geometry
    is_label_map = kind is SegmentationTypeValues.LABELMAP
    image = source.image(places[0])
    image.SOPClassUID = CTImageStorage  # stands for a frame of a multi-frame image too; `_refer` names the real one
    return Segmentation(
        source_images=[image],
        pixel_array=pixels,
        segmentation_type=kind,
        segment_descriptions=[_description(number, item, case_id) for number, item in enumerate(segments, start=1)],
        series_instance_uid=series_uid(case_id, "LABELMAP" if is_label_map else "SEG"),
        series_number=SERIES_NUMBERS["SEG"],
        sop_instance_uid=uid,
        instance_number=1,
        manufacturer=maker.manufacturer,
        manufacturer_model_name=maker.name,
        software_versions=maker.version,
        device_serial_number=maker.serial,
        content_description=RESEARCH_USE,
        content_label="FINDINGS",
        series_description=f"{maker.name} segmentation. {RESEARCH_USE}",
        transfer_syntax_uid=JPEGLSLossless if is_label_map else ExplicitVRLittleEndian,
        pixel_measures=hd.PixelMeasuresSequence(
            pixel_spacing=geometry.spacing_mm[1:],
            slice_thickness=float(decimal(geometry.spacing_mm[0])),
            spacing_between_slices=float(decimal(geometry.spacing_mm[0])),
        ),
        plane_orientation=hd.PlaneOrientationSequence("PATIENT", [float(text) for text in orientation(geometry)]),
        plane_positions=[hd.PlanePositionSequence("PATIENT", _point(source, place)) for place in places],
        omit_empty_frames=False,
        contributing_equipment=[contributing(maker)],
    )


def _point(source: SourceSeries, place: int) -> list[float]:
    return [float(text) for text in position(source.geometry, place)]


def _description(number: int, segment: Segment, case_id: CaseId) -> SegmentDescription:
    category, kind = structure_concept(segment.structure)
    made = segment.source.kind
    by_hand = made in (SourceKind.PERSON, SourceKind.CONTOUR, SourceKind.RECORD)
    station = station_concepts(segment.station)[1] if segment.station else None
    description = SegmentDescription(
        number,
        segment.label[:64],
        category,
        kind,
        "MANUAL" if by_hand else "AUTOMATIC",
        algorithm_identification=None
        if by_hand
        else hd.AlgorithmIdentificationSequence(
            name=segment.source.id[:64],
            version=(segment.source.sha256 or "1")[:16],
            family=AI_FAMILY if made is SourceKind.MODEL else RULES_FAMILY,
        ),
        tracking_uid=tracking_uid(case_id, segment.id),
        tracking_id=segment.id,
        anatomic_regions=[station] if station is not None else None,
    )
    if segment.laterality in SIDE_CONCEPTS:
        coded = description.SegmentedPropertyTypeCodeSequence[0]
        coded.SegmentedPropertyTypeModifierCodeSequence = [SIDE_CONCEPTS[segment.laterality]]
    return description


def _binary(segments: Sequence[Segment], source: SourceSeries, case_id: CaseId, maker: Maker, uid: str) -> Segmentation:
    """One frame per segment and slice, bits packed; the header is highdicom's for a single plane."""
    first = int(np.flatnonzero(segments[0].mask.any(axis=(1, 2)))[0])
    plane = np.stack([segment.mask[first] for segment in segments], axis=-1)[None].astype(np.uint8)
    dataset = _header(segments, plane, [first], SegmentationTypeValues.BINARY, source, case_id, maker, uid)
    filled = [np.flatnonzero(segment.mask.any(axis=(1, 2))).tolist() for segment in segments]
    order = {place: number for number, place in enumerate(sorted({place for places in filled for place in places}), 1)}
    frames = [(number, place) for number, places in enumerate(filled, start=1) for place in places]
    dataset.PerFrameFunctionalGroupsSequence = [_frame(number, order[place], place, source) for number, place in frames]
    dataset.NumberOfFrames = len(frames)
    dataset.PixelData = _packed(segments[number - 1].mask[place] for number, place in frames)
    dataset["PixelData"].VR = "OB"
    return dataset


def _packed(planes: Iterator[np.ndarray]) -> bytes:
    """Bits of all frames, the first pixel in the lowest bit, frames following one another without padding."""
    parts, rest = [], np.zeros(0, bool)
    for plane in planes:
        bits = np.concatenate([rest, plane.ravel()])
        whole = bits.size // 8 * 8
        parts.append(np.packbits(bits[:whole], bitorder="little").tobytes())
        rest = bits[whole:]
    parts.append(np.packbits(rest, bitorder="little").tobytes())
    packed = b"".join(parts)
    return packed + b"\0" * (len(packed) % 2)


def _frame(number: int, order: int, place: int, source: SourceSeries) -> Dataset:
    """The functional groups of one frame."""
    item = Dataset()
    item.FrameContentSequence = [Dataset()]
    item.FrameContentSequence[0].DimensionIndexValues = [number, order]
    item.PlanePositionSequence = [Dataset()]
    item.PlanePositionSequence[0].ImagePositionPatient = position(source.geometry, place)
    item.SegmentIdentificationSequence = [Dataset()]
    item.SegmentIdentificationSequence[0].ReferencedSegmentNumber = number
    derivation = _derivation(place, source)
    if derivation is not None:
        item.DerivationImageSequence = [derivation]
    return item


def _derivation(place: int, source: SourceSeries) -> Dataset | None:
    """The image that a frame was drawn on; None when the grid is not that of the images."""
    uid = source.uid_of_slice(place)
    if uid is None:
        return None
    return _derived_from([_source_image(source, uid, "YES")])


def _derivation_of_all(source: SourceSeries) -> Dataset:
    """All images, for the frames of a grid that was resampled from them."""
    return _derived_from([_source_image(source, uid, "NO") for uid in source.info.sop_instance_uids])


def _source_image(source: SourceSeries, uid: str, locations_preserved: str) -> Dataset:
    image = source.reference(uid)
    image.SpatialLocationsPreserved = locations_preserved
    image.PurposeOfReferenceCodeSequence = [deepcopy(SOURCE_PURPOSE)]
    return image


def _derived_from(images: list[Dataset]) -> Dataset:
    derivation = Dataset()
    derivation.SourceImageSequence = images
    derivation.DerivationCodeSequence = [deepcopy(SEGMENTATION_CODE)]
    return derivation


def _refer(dataset: Dataset, source: SourceSeries) -> None:
    """All images of the series, at the top of the segmentation."""
    series = Dataset()
    series.SeriesInstanceUID = source.info.series_uid
    series.ReferencedInstanceSequence = [source.reference(uid) for uid in source.info.sop_instance_uids]
    dataset.ReferencedSeriesSequence = [series]
    if source.uid_of_slice(0) is None:
        dataset.SharedFunctionalGroupsSequence[0].DerivationImageSequence = [_derivation_of_all(source)]
    for keyword in ("SourceImageSequence", "StudiesContainingOtherReferencedInstancesSequence"):
        if keyword in dataset:
            delattr(dataset, keyword)


def _give_to_frames(dataset: Dataset) -> None:
    """Groups that all frames happen to share go to the frames, which is where the others stand."""
    for keyword in PER_FRAME:
        shared = dataset.SharedFunctionalGroupsSequence[0].pop(keyword, None)
        for frame in dataset.PerFrameFunctionalGroupsSequence if shared is not None else ():
            if keyword not in frame:
                setattr(frame, keyword, deepcopy(shared.value))


def _label_map(
    segments: Sequence[Segment], source: SourceSeries, case_id: CaseId, maker: Maker, uid: str
) -> tuple[Segmentation, tuple[Verdict, ...]]:
    """One label per voxel, JPEG-LS compressed; slices without any label left out."""
    labels = np.zeros(source.geometry.shape, np.uint8 if len(segments) < 256 else np.uint16)
    lost = []
    for number, segment in enumerate(segments, start=1):
        free = segment.mask & (labels == 0)
        labels[free] = number
        if int(free.sum()) < int(segment.mask.sum()):
            lost.append(segment.id)
    places = np.flatnonzero(labels.any(axis=(1, 2))).tolist()
    dataset = _header(segments, labels[places], places, SegmentationTypeValues.LABELMAP, source, case_id, maker, uid)
    for item, place in zip(dataset.PerFrameFunctionalGroupsSequence, places, strict=True):
        derivation = _derivation(place, source)
        if derivation is not None:
            item.DerivationImageSequence = [derivation]
        elif "DerivationImageSequence" in item:
            del item.DerivationImageSequence
    if not lost:
        return dataset, ()
    message = f"a label map holds one label per voxel: {', '.join(lost)} gave voxels to segments before them"
    return dataset, (Verdict("seg-labelmap-overlap", Severity.WARNING, message, "dicom"),)
