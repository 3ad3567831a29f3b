"""Staging: findings and history through the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oncology.probabilities import tumor_probabilities
from oncology.staging import stage_case
from tasks.case_files import CaseFiles, Outputs
from tasks.findings import FINDINGS, findings_from, history_from
from tasks.history import HISTORY
from tasks.images import IMAGES
from tasks.known_models import known_models
from tasks.prior import PRIOR, compared
from tasks.step import step

STAGING, PROBABILITIES = "staging.json", "Tumor_probabilities.json"


@step("3")
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
    findings = case.load_json(FINDINGS)
    content = staged(findings, case.load_json(HISTORY), asked, date, earlier)
    return save_staging(case, findings, content)


def save_staging(case: CaseFiles, findings: Mapping[str, Any], content: Mapping[str, Any]) -> Outputs:
    """Keep a staging, and the probabilities by organ that it and its findings give."""
    measured = findings_from(findings)
    chances = tumor_probabilities(measured, content, known_models(measured))
    return case.save_json(STAGING, content) | case.save_json(PROBABILITIES, chances)


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
