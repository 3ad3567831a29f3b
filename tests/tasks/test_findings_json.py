"""Findings and stagings of every board case survive JSON and meet their schemas."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from board_cases import IMAGING_DATE, board_cases, findings_of, history_of
from oncology.staging import stage_case
from tasks.findings import findings_from, findings_json


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    folder = files("oncology") / "schemas"
    return {name: json.loads((folder / f"{name}.schema.json").read_text("utf-8")) for name in ("findings", "staging")}


def test_findings_come_back_from_json_as_they_were(schemas: dict[str, Any]) -> None:
    for case in board_cases():
        findings = findings_of(case)
        content = json.loads(json.dumps(findings_json(findings)))
        jsonschema.validate(content, schemas["findings"])
        assert findings_from(content) == findings, case["name"]


@pytest.mark.parametrize("group", ["lung", "esophagus", "pancreas"])
def test_stagings_meet_their_schema(group: str, schemas: dict[str, Any]) -> None:
    for case in board_cases():
        if case["group"] == group and "error" not in case["expect"]:
            staging = stage_case(findings_of(case), history_of(case), ["8"], imaging_date=IMAGING_DATE)
            content = json.loads(json.dumps({**staging, "tables_version": "test"}))
            jsonschema.validate(content, schemas["staging"])
