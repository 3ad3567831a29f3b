"""Findings and stage as a Comprehensive 3D SR: TID 1500 (Measurement Report), preliminary until a person signs.

One group per tumor, node and candidate (TID 1411 where a segment shows it, else TID 1501), one per TNM edition.
Stages carry LOINC concept names and values under our own scheme: TNM values are no part of DICOM's free code sets.
Source: DICOM PS3.16 TID 1500, 1411, 1501; IHE RAD AIR (tracking identifiers tie SR, SEG and FHIR together).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from highdicom.sr import (
    CodedConcept,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    ReferencedSegment,
    SourceSeriesForSegmentation,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from mdt_dicom.names import structure_codes
from mdt_dicom.result import (
    RESEARCH_USE,
    SERIES_NUMBERS,
    SIDE_CONCEPTS,
    Maker,
    SourceSeries,
    contributing,
    own_concept,
    save,
    series_uid,
    stamp,
    station_concepts,
    structure_concept,
    tracking_uid,
)
from mdt_dicom.seg import WrittenSeg
from mdt_dicom.uid import uid_from
from oncology.errors import ReportError
from oncology.findings import Findings, Laterality, MetastasisCandidate, Node, Tumor, to_json

MILLIMETER = CodedConcept("mm", "UCUM", "millimeter")
MILLILITER = CodedConcept("ml", "UCUM", "milliliter")
SUV_UNIT = CodedConcept("g/ml{SUVbw}", "UCUM", "Standardized Uptake Value body weight")
RATIO = CodedConcept("1", "UCUM", "no units")
VOLUME = CodedConcept("118565006", "SCT", "Volume")
LONG_AXIS = CodedConcept("103339001", "SCT", "Long Axis")
SHORT_AXIS = CodedConcept("103340004", "SCT", "Short Axis")
GREATEST_DIMENSION = CodedConcept("33728-7", "LN", "Size.maximum dimension in Tumor")
DIAMETER_3D = CodedConcept("L0JK", "IBSI", "Maximum 3D Diameter of a Mesh")
SUV = CodedConcept("126401", "DCM", "SUVbw")
METABOLIC_VOLUME = CodedConcept("126032", "DCM", "Metabolic Volume")
PROBABILITY_MALIGNANT = CodedConcept("111047", "DCM", "Probability of cancer")
MAXIMUM = CodedConcept("56851009", "SCT", "Maximum")
MEAN = CodedConcept("373098007", "SCT", "Mean")
PEAK = CodedConcept("126031", "DCM", "Peak Value Within ROI")
REPORT_TITLE = CodedConcept("126000", "DCM", "Imaging Measurement Report")
CT_PROCEDURE = CodedConcept("77477000", "SCT", "Computed tomography")
FINDING = CodedConcept("404684003", "SCT", "Clinical finding")
CARINA_DISTANCE = own_concept("carina-distance", "Distance to the carina")
STATION = own_concept("node-station", "Lymph node station")
CONFIRMATION = own_concept("confirmation", "Confirmation by a person")
UNCONFIRMED = own_concept("unconfirmed", "Proposed by software, not confirmed by a person")
# LOINC names of the clinical categories (21905-5 ff.) and of the pathological ones (21899-0 ff.).
AXES = {
    ("clinical", "t"): CodedConcept("21905-5", "LN", "Primary tumor.clinical [Class] Cancer"),
    ("clinical", "n"): CodedConcept("21906-3", "LN", "Regional lymph nodes.clinical [Class] Cancer"),
    ("clinical", "m"): CodedConcept("21907-1", "LN", "Distant metastases.clinical [Class] Cancer"),
    ("clinical", "stage_group"): CodedConcept("21908-9", "LN", "Stage group.clinical Cancer"),
    ("pathological", "t"): CodedConcept("21899-0", "LN", "Primary tumor.pathology Cancer"),
    ("pathological", "n"): CodedConcept("21900-6", "LN", "Regional lymph nodes.pathology [Class] Cancer"),
    ("pathological", "m"): CodedConcept("21901-4", "LN", "Distant metastases.pathology [Class] Cancer"),
    ("pathological", "stage_group"): CodedConcept("21902-2", "LN", "Stage group.pathology Cancer"),
}
UNDETERMINED = own_concept("undetermined", "Not determined; more than one category is possible")


@dataclass(frozen=True)
class Verification:
    """Who verified a final report."""

    observer: str
    organization: str


def write_sr(
    findings: Findings,
    staging: Mapping[str, Any],
    source: SourceSeries,
    path: Path,
    *,
    maker: Maker,
    created: datetime,
    seg: WrittenSeg | None = None,
    verification: Verification | None = None,
) -> str:
    """Write the structured report; returns its SOP instance UID.

    Args:
        staging: the content of staging.json.
        seg: the segmentation that shows the findings, if one was written.
        verification: of a signed report; without it the report is PRELIMINARY and UNVERIFIED.
    Raises:
        ReportError: the CT is no DICOM, or there is nothing to report.
    """
    source.require_dicom()
    groups = [*_finding_groups(findings, source, seg), *_stage_groups(staging, str(findings.case_id))]
    if not groups:
        raise ReportError("there is no finding and no stage to report; expected at least one")
    content = json.dumps([to_json(findings), staging, seg and seg.sop_instance_uid], sort_keys=True, default=str)
    state = f"final {created.isoformat()}" if verification else "preliminary"  # each signature is another document
    uid = uid_from(str(findings.case_id), "SR", state, hashlib.sha256(content.encode()).hexdigest())
    dataset = _document(groups, uid, str(findings.case_id), _evidence(source, seg), maker, verification)
    _settle(dataset, created)
    save(dataset, path)
    return uid


def _document(
    groups: Sequence[Any],
    uid: str,
    case_id: str,
    evidence: Sequence[Dataset],
    maker: Maker,
    verification: Verification | None,
) -> Comprehensive3DSR:
    report = MeasurementReport(_observer(maker), CT_PROCEDURE, imaging_measurements=groups, title=REPORT_TITLE)
    return Comprehensive3DSR(
        evidence=evidence,
        content=report[0],
        series_instance_uid=series_uid(case_id, "SR"),
        series_number=SERIES_NUMBERS["SR"],
        sop_instance_uid=uid,
        instance_number=1,
        manufacturer=maker.manufacturer,
        is_complete=True,
        is_final=verification is not None,
        is_verified=verification is not None,
        verifying_observer_name=verification.observer if verification else None,
        verifying_organization=verification.organization if verification else None,
        series_description=f"{maker.name} findings and TNM. {RESEARCH_USE}",
        manufacturer_model_name=maker.name,
        software_versions=maker.version,
        device_serial_number=maker.serial,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        contributing_equipment=[contributing(maker)],
    )


def _settle(dataset: Dataset, created: datetime) -> None:
    """Dates that the library took from the clock."""
    stamp(dataset, created)
    for item in dataset.get("VerifyingObserverSequence") or ():
        item.VerificationDateTime = created.strftime("%Y%m%d%H%M%S")


def _observer(maker: Maker) -> ObservationContext:
    device = DeviceObserverIdentifyingAttributes(
        uid=maker.uid,
        name=f"{maker.name}. {RESEARCH_USE}",
        manufacturer_name=maker.manufacturer,
        model_name=maker.name,
        serial_number=maker.serial,
    )
    kind = CodedConcept("121007", "DCM", "Device")
    return ObservationContext(observer_device_context=ObserverContext(kind, device))


def _evidence(source: SourceSeries, seg: WrittenSeg | None) -> list[Dataset]:
    """What the report rests on: the images, and the segmentation."""
    count = len(source.info.sop_instance_uids)
    images = []
    for index, uid in enumerate(source.info.sop_instance_uids):
        image = source.image(index if count == source.geometry.shape[0] else 0)
        image.SOPInstanceUID = uid
        images.append(image)
    if seg is None:
        return images
    segmentation = source.image()
    segmentation.SOPClassUID, segmentation.SOPInstanceUID = seg.sop_class_uid, seg.sop_instance_uid
    segmentation.SeriesInstanceUID, segmentation.Modality = seg.series_uid, "SEG"
    return [*images, segmentation]


def _finding_groups(findings: Findings, source: SourceSeries, seg: WrittenSeg | None) -> Iterator[Any]:
    case_id = str(findings.case_id)
    for tumor in findings.tumors:
        yield _group(tumor.id, "tumor", case_id, _of_tumor(tumor), _tumor_sites(tumor), _remarks(tumor), source, seg)
    for node in findings.nodes:
        yield _group(node.id, "node", case_id, _of_node(node), _node_sites(node), _remarks(node), source, seg)
    for item in findings.metastasis_candidates:
        measured = _of_candidate(item)
        yield _group(item.id, "metastasis_candidate", case_id, measured, [], [_site(item)], source, seg)


def _group(
    finding_id: str,
    structure: str,
    case_id: str,
    measurements: Sequence[Measurement],
    sites: Sequence[FindingSite],
    remarks: Sequence[QualitativeEvaluation],
    source: SourceSeries,
    seg: WrittenSeg | None,
) -> Any:
    """One finding; tied to its segment where there is one."""
    category, kind = structure_concept(structure)
    common = {
        "tracking_identifier": TrackingIdentifier(uid=tracking_uid(case_id, finding_id), identifier=finding_id),
        "finding_type": kind,
        "finding_category": category,
        "finding_sites": list(sites) or None,
        "measurements": list(measurements) or None,
        "qualitative_evaluations": list(remarks) or None,
    }
    if seg is None or finding_id not in seg.numbers:
        return MeasurementsAndQualitativeEvaluations(**common)
    segment = ReferencedSegment(
        sop_class_uid=seg.sop_class_uid,
        sop_instance_uid=seg.sop_instance_uid,
        segment_number=seg.numbers[finding_id],
        source_series=SourceSeriesForSegmentation(source.info.series_uid),
    )
    return VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_segment=segment, **common)


def _measured(
    values: Sequence[tuple[CodedConcept, float | None, CodedConcept, CodedConcept | None]],
) -> list[Measurement]:
    """Measurements of those values that are known."""
    return [
        Measurement(name=name, value=round(float(value), 4), unit=unit, derivation=derivation)
        for name, value, unit, derivation in values
        if value is not None
    ]


def _of_tumor(tumor: Tumor) -> list[Measurement]:
    return _measured(
        [
            (GREATEST_DIMENSION, tumor.greatest_dimension_mm, MILLIMETER, None),
            (LONG_AXIS, tumor.axial_diameter_mm, MILLIMETER, None),
            (SHORT_AXIS, tumor.short_axis_mm, MILLIMETER, None),
            (DIAMETER_3D, tumor.diameter_3d_mm, MILLIMETER, None),
            (VOLUME, tumor.volume_ml, MILLILITER, None),
            (SUV, tumor.suv_max, SUV_UNIT, MAXIMUM),
            (SUV, tumor.suv_peak, SUV_UNIT, PEAK),
            (SUV, tumor.suv_mean, SUV_UNIT, MEAN),
            (METABOLIC_VOLUME, tumor.mtv_ml, MILLILITER, None),
            (CARINA_DISTANCE, tumor.distance_to_carina_mm, MILLIMETER, None),
        ]
    )


def _of_node(node: Node) -> list[Measurement]:
    return _measured(
        [
            (LONG_AXIS, node.long_axis_mm, MILLIMETER, None),
            (SHORT_AXIS, node.short_axis_mm, MILLIMETER, None),
            (VOLUME, node.volume_ml, MILLILITER, None),
            (SUV, node.suv_max, SUV_UNIT, MAXIMUM),
            (PROBABILITY_MALIGNANT, node.p_malignant, RATIO, None),
        ]
    )


def _of_candidate(candidate: MetastasisCandidate) -> list[Measurement]:
    return _measured(
        [
            (VOLUME, candidate.volume_ml, MILLILITER, None),
            (SUV, candidate.suv_max, SUV_UNIT, MAXIMUM),
            (PROBABILITY_MALIGNANT, candidate.p_malignant, RATIO, None),
        ]
    )


def _tumor_sites(tumor: Tumor) -> list[FindingSite]:
    entry = structure_codes().get(tumor.location or "")
    if entry is None:
        return []
    concept = CodedConcept(entry.code, entry.scheme, entry.meaning)
    return [_located(concept, entry.laterality or tumor.laterality)]


def _node_sites(node: Node) -> list[FindingSite]:
    concept = station_concepts(node.station)[1] if node.station else None
    return [_located(concept, node.laterality)] if concept is not None else []


def _located(concept: CodedConcept, side: Laterality | None) -> FindingSite:
    return FindingSite(concept, laterality=None if side is None else SIDE_CONCEPTS.get(side))


def _site(candidate: MetastasisCandidate) -> QualitativeEvaluation:
    where = own_concept("metastasis-site", "Site of the possible metastasis")
    return QualitativeEvaluation(where, own_concept(candidate.site, candidate.site.replace("_", " ")))


def _remarks(finding: Tumor | Node) -> list[QualitativeEvaluation]:
    remarks = []
    if isinstance(finding, Node) and finding.station:
        remarks.append(QualitativeEvaluation(STATION, station_concepts(finding.station)[0]))
    if finding.needs_confirmation:
        remarks.append(QualitativeEvaluation(CONFIRMATION, UNCONFIRMED))
    return remarks


def _stage_groups(staging: Mapping[str, Any], case_id: str) -> Iterator[MeasurementsAndQualitativeEvaluations]:
    """One group per edition: each axis with its category, and what else remains possible."""
    classification = str(staging.get("classification", "clinical"))
    if (classification, "t") not in AXES:
        raise ReportError(f"the stage is `{classification}`; expected clinical or pathological; stage the case again")
    for edition, answers in (staging.get("editions") or {}).items():
        evaluations = [
            evaluation
            for axis in ("t", "n", "m", "stage_group")
            if axis in answers
            for evaluation in _category(AXES[(classification, axis)], answers[axis], axis, str(edition))
        ]
        if evaluations:
            name = f"TNM edition {edition}, {classification}"
            yield MeasurementsAndQualitativeEvaluations(
                tracking_identifier=TrackingIdentifier(uid=tracking_uid(case_id, f"tnm-{edition}"), identifier=name),
                finding_type=own_concept(f"tnm-{edition}", f"TNM stage, edition {edition}"),
                finding_category=FINDING,
                qualitative_evaluations=evaluations,
            )


def _category(
    concept: CodedConcept, answer: Mapping[str, Any], axis: str, edition: str
) -> Iterator[QualitativeEvaluation]:
    category, possible = answer.get("category"), [str(item) for item in answer.get("possible") or ()]
    yield QualitativeEvaluation(concept, _value(str(category), edition) if category else UNDETERMINED)
    if len(possible) > 1 or (category is None and possible):
        still = own_concept(f"possible-{axis[:5]}", f"Category that remains possible: {axis.replace('_', ' ')}")
        for value in possible:
            yield QualitativeEvaluation(still, _value(value, edition))


def _value(category: str, edition: str) -> CodedConcept:
    return own_concept(category.replace(" ", "-"), f"{category} (TNM edition {edition})")
