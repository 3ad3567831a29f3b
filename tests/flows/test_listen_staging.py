"""Which earlier results a received study is compared with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.commands.listen_staging import StagingPlan, earlier_results


@pytest.fixture
def plan(tmp_path: Path) -> StagingPlan:
    """Two earlier studies of the patient were staged here: the newer for lung, the older for larynx."""
    for name, cancer in (("newer", "lung"), ("older", "larynx")):
        (tmp_path / "results" / name).mkdir(parents=True)
        (tmp_path / "results" / name / "findings.json").write_text(json.dumps({"cancer": cancer}))
    return StagingPlan({}, tmp_path / "results", tmp_path / "incoming")


def priors(*names: str) -> list[str]:
    return [f"/home/priors/{name}/objects" for name in names]


@pytest.mark.parametrize(("cancer", "found"), [("lung", ["newer"]), ("larynx", ["older"]), ("esophagus", [])], ids=str)
def test_the_newest_prior_with_results_of_the_same_cancer_is_taken(
    plan: StagingPlan, cancer: str, found: list[str]
) -> None:
    taken = earlier_results(plan, priors("never staged", "newer", "older"), cancer)
    assert [Path(folder).name for folder in taken] == found


def test_a_patient_without_priors_is_compared_with_nothing(plan: StagingPlan) -> None:
    assert earlier_results(plan, [], "lung") == []
