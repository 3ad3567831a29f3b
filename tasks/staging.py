"""Staging: findings and history through the engine."""

from __future__ import annotations

from oncology.findings import to_json
from oncology.staging import stage_case
from oncology.tnm import tables_version
from tasks.case_files import CaseFiles, Outputs
from tasks.findings import FINDINGS, findings_from
from tasks.history import HISTORY, history_from
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
    tables: str = "",
) -> Outputs:
    """Facts, categories, groups, what is missing and what would change them; `tables` is part of the step's key."""
    case = CaseFiles(case_id)
    staged = stage_case(
        findings_from(case.load_json(FINDINGS)),
        history_from(case.load_json(HISTORY)),
        editions,
        classification=classification,
        subset=subset,
    )
    return case.save_json(STAGING, to_json(staged) | {"tables_version": tables or tables_version()})
