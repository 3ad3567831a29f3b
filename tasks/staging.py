"""Staging: findings and history through the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from oncology.staging import stage_case
from tasks.case_files import CaseFiles, Outputs
from tasks.findings import FINDINGS, findings_from
from tasks.history import HISTORY, history_from
from tasks.images import IMAGES
from tasks.prior import PRIOR, compared
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
    prior: Outputs,
) -> Outputs:
    """Facts, categories, groups, gaps and what-ifs; the tables' version is part of the step's key."""
    case = CaseFiles(case_id)
    asked = Asked(tuple(editions), classification, subset, tables_version)
    date = case.load_json(IMAGES)["series"][0]["date"]
    earlier = case.load_json(PRIOR) if prior else None
    return case.save_json(STAGING, staged(case.load_json(FINDINGS), case.load_json(HISTORY), asked, date, earlier))


@dataclass(frozen=True)
class Asked:
    """How a case is to be staged."""

    editions: tuple[str, ...]
    classification: str
    subset: str | None
    tables_version: str


def staged(
    findings: dict[str, Any],
    history: dict[str, Any],
    asked: Asked,
    imaging_date: str | None,
    prior: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The content of staging.json from those of findings.json, history.json and, where there is one, prior.json."""
    content = stage_case(
        findings_from(findings),
        history_from(history),
        asked.editions,
        classification=asked.classification,
        subset=asked.subset,
        imaging_date=imaging_date,
    )
    if prior is not None:
        content["comparison"] = compared(prior, findings, content)
    return content | {"tables_version": asked.tables_version}
