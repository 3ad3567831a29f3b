"""The FHIR record of a synthetic patient: what a hospital knows beside the images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mdt_dicom.image_writer import Subject
from mdt_fhir import record_writer
from models.synthetic.plan import FIELD_OF, PatientPlan
from oncology.findings import NECK_SITES

WHO = "patient-1"
DIAGNOSED, BIOPSIED, TESTED, SCANNED = "2026-04-20", "2026-04-22", "2026-04-28", "2026-05-04"
REQUESTED, SAMPLED = "2026-05-05", "2026-05-06"
MARKERS = ("ca_19_9", "cea", "scc_antigen")
NUMBERS = ("fev1_percent", "dlco_percent", "depth_of_invasion_mm")


def record_bundle(plan: PatientPlan, subject: Subject) -> dict[str, Any]:
    """A FHIR bundle: patient, diagnosis, biopsy, tests, endoscopy, samples of nodes and metastases, request, study."""
    known = plan.record
    family, given = subject.name.split("^")
    birth = f"{subject.birth_date[:4]}-{subject.birth_date[4:6]}-{subject.birth_date[6:]}"
    who = {"family": family, "given": given, "sex": plan.build.sex, "birth_date": birth}
    histology = known.get("histology")
    return record_writer.bundle(
        [
            record_writer.patient(WHO, mrn=subject.patient_id, issuer=subject.issuer, **who),
            record_writer.primary_cancer(
                "primary", WHO, plan.cancer, date=DIAGNOSED, subsite=known.get("subsite"),
                laterality=_laterality(plan), histology=histology,
            ),
            record_writer.biopsy("biopsy", WHO, True, BIOPSIED, histology=histology),
            record_writer.ecog("ecog", WHO, known.get("ecog", 1), TESTED),
            record_writer.smoking("smoking", WHO, known.get("smoking", "former"), TESTED),
            *_tests(plan),
            record_writer.service_request("request", WHO, plan.question, REQUESTED, accession=subject.accession),
            record_writer.imaging_study("study", WHO, subject.study_uid, ["CT", "PT"], SCANNED),
            *_samples(plan),
        ]
    )  # fmt: skip


def _laterality(plan: PatientPlan) -> str | None:
    return plan.laterality if plan.laterality in ("left", "right") else None


def _tests(plan: PatientPlan) -> Iterator[dict[str, Any]]:
    """Markers, lung function, p16, EBV, endoscopy, endoscopic ultrasound: what the plan's record names."""
    known = plan.record
    for name in NUMBERS:
        if name in known:
            yield record_writer.number(name.replace("_", "-"), WHO, name, known[name], TESTED)
    for name in MARKERS:
        if name in known:
            yield record_writer.marker(name.replace("_", "-"), WHO, name, known[name], TESTED)
    if "p16" in known:
        yield record_writer.p16("p16", WHO, known["p16"], BIOPSIED)
    if "ebv" in known:
        yield record_writer.ebv("ebv", WHO, known["ebv"], BIOPSIED)
    if "vocal_cord_mobility" in known:
        yield record_writer.cord_mobility("cords", WHO, known["vocal_cord_mobility"], BIOPSIED)
    if "endoscopy" in known:
        yield record_writer.endoscopy("endoscopy", WHO, known["endoscopy"], BIOPSIED)
    if "eus_t" in known:
        yield record_writer.eus_t("eus", WHO, known["eus_t"], TESTED)


def _samples(plan: PatientPlan) -> Iterator[dict[str, Any]]:
    """Of a sampled station the needle met the largest malignant node, else the largest; in the neck with its side."""
    method = {"thorax": "EBUS", "neck": "biopsy"}.get(FIELD_OF[plan.cancer], "EUS")
    for station in plan.sampled:
        there = [node for node in plan.nodes if node.station == station]
        met = max(there, key=lambda node: (node.malignant, node.short_mm), default=None)
        name, malignant = f"sample-{station.replace('_', '-')}", met is not None and met.malignant
        side = met.side if met is not None and plan.cancer in NECK_SITES else None
        yield record_writer.station_biopsy(name, WHO, station, malignant, method, SAMPLED, laterality=side)
    for number, site in enumerate(plan.proven, start=1):
        yield record_writer.metastasis_biopsy(f"metastasis-sample-{number}", WHO, site, True, SAMPLED)
