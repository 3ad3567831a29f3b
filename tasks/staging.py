"""Staging: findings and history through the engine."""

from __future__ import annotations

from oncology.staging import stage_case
from tasks.case_files import CaseFiles, Outputs
from tasks.findings import FINDINGS, findings_from
from tasks.history import HISTORY, history_from
from tasks.images import IMAGES
from tasks.step import step

STAGING = "staging.json"


@step("1")
def stage_tnm(
    case_id: str,
    findings: Outputs,
    record: Outputs,
    editions: list[str],
    classification: str,
    subset: str | None,
    tables_version: str,
) -> Outputs:
    """Facts, categories, groups, gaps and what-ifs; the tables' version is part of the step's key."""
    return stage_files(CaseFiles(case_id), editions, classification, subset, tables_version)


def stage_files(
    case: CaseFiles, editions: list[str], classification: str, subset: str | None, tables_version: str
) -> Outputs:
    """Stage what lies in the case's work folder."""
    staged = stage_case(
        findings_from(case.load_json(FINDINGS)),
        history_from(case.load_json(HISTORY)),
        editions,
        classification=classification,
        subset=subset,
        imaging_date=case.load_json(IMAGES)["series"][0]["date"],
    )
    return case.save_json(STAGING, staged | {"tables_version": tables_version})
