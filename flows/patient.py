"""One patient's way to the board, as the board's agenda would have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from prefect import flow

from tasks import artifacts
from tasks.bundle import write_bundle
from tasks.case_files import Outputs
from tasks.delivery import deliver
from tasks.dicom_out import write_dicom
from tasks.findings import measure
from tasks.history import hold_against_images, take_in_record
from tasks.images import take_in_images
from tasks.masks import segment, take_in_contours, write_masks
from tasks.node_judgement import record_for_nodes
from tasks.parts import Parts
from tasks.pictures import draw_key_images
from tasks.prior import take_in_prior
from tasks.records import close_run, failed_part_names, mark_failed, open_run
from tasks.report import write_report
from tasks.request import analysis_parameters
from tasks.staging import stage_tnm
from tasks.step import AT_END


@flow(name="patient", flow_run_name="case-{case_id}", persist_result=False, **AT_END)
def stage_patient(case_id: str) -> dict[str, Any]:
    """Stage one case that was taken in; ends with the case awaiting review.

    Returns:
        {"state": ..., "failures": [verdict, ...]}; the results lie in the case's `out` folder.
    """
    asked = analysis_parameters(case_id)
    run = open_run(case_id, asked["cancer"], asked)
    try:
        failures = _analyze(case_id, run, asked)
    except Exception:
        mark_failed(case_id, run)
        raise
    state = close_run(case_id, run, failed_part_names(failures))
    return {"state": state, "failures": failures}


def _analyze(case_id: str, run: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    parts = Parts()

    # What came in
    images = take_in_images(case_id, asked["images"])
    artifacts.show_images(case_id)
    record = take_in_record(case_id, asked["cancer"], asked["record"], images)
    contours = take_in_contours(case_id, images, asked["contours"])
    prior = take_in_prior(case_id, asked["cancer"], asked["prior"], images)

    # What is seen
    anatomy = parts.run("anatomy", segment, case_id, asked["cancer"], images, asked["models"])
    findings = measure(
        case_id,
        asked["cancer"],
        images,
        contours,
        anatomy,
        parts.failures,
        asked["node_models"],
        record_for_nodes(asked["cancer"], record),
    )
    artifacts.show_findings(case_id)

    # What it means
    history = hold_against_images(case_id, record)
    staging = stage_tnm(
        case_id,
        findings,
        history,
        asked["editions"],
        asked["classification"],
        asked["subset"],
        asked["tables"],
        prior,
    )
    artifacts.show_staging(case_id)

    _hand_over(case_id, run, asked, Known(images, anatomy, findings, history, staging), parts)
    return parts.failures


@dataclass(frozen=True)
class Known:
    """What is known of a case before anything is written for others; anatomy is None where it failed."""

    images: Outputs
    anatomy: Outputs | None
    findings: Outputs
    history: Outputs
    staging: Outputs


def _hand_over(case_id: str, run: str, asked: dict[str, Any], known: Known, parts: Parts) -> None:
    """What the board, the EHR and the PACS get."""
    findings, staging, history = known.findings, known.staging, known.history
    language, told = asked["language"], -1
    pictures = parts.run("key images", draw_key_images, case_id, findings, staging, known.images, language)
    artifacts.show_pictures(case_id, pictures)
    masks = parts.run("masks", write_masks, case_id, findings, known.anatomy) if asked["nifti"] else None
    while told != len(parts.failures):  # what fails after the report was written is named in it as well
        told = len(parts.failures)
        report = parts.run(
            "report", write_report, case_id, findings, staging, history, pictures, language, parts.failures
        )
        bundle = parts.run("FHIR bundle", write_bundle, case_id, run, findings, staging, history, report, language)
        dicom = parts.run("DICOM", write_dicom, case_id, run, findings, staging, known.anatomy, report, pictures)
    deliver(case_id, [findings, staging, pictures, masks, report, bundle, dicom], parts.failures)
