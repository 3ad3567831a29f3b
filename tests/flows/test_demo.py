"""`aimdt demo`: a synthetic patient of a cancer other than the lung's, made and staged through the real flow."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from flow_bench import Call
from tasks.schemas import check

AXES = ("t", "n", "m", "stage_group")


def test_a_cancer_without_a_demo_patient_is_refused(aimdt: Callable[..., Call], tmp_path: Path) -> None:
    answer = aimdt("demo", "--cancer", "hypopharynx", "--out", tmp_path / "demo")
    assert (answer.status, "lung, larynx, esophagus, pancreas" in answer.stderr) == (2, True), answer
    assert not (tmp_path / "demo").exists()


@pytest.mark.slow
@pytest.mark.parametrize("cancer", ["larynx", "esophagus", "pancreas"])
def test_the_demo_patient_is_staged_as_it_was_built(aimdt: Callable[..., Call], tmp_path: Path, cancer: str) -> None:
    out = tmp_path / "demo"
    answer = aimdt("demo", "--cancer", cancer, "--out", out, "--json")
    assert answer.status == 0, answer
    outcome = json.loads(answer.stdout)
    assert outcome["failures"] == []
    found = {
        edition: {axis: result[axis]["category"] for axis in AXES} for edition, result in outcome["editions"].items()
    }
    assert found == outcome["truth"]
    check(out / cancer)
    assert (out / cancer / "report.pdf").read_bytes().startswith(b"%PDF")
    assert json.loads((out / cancer / "staging.json").read_bytes())["site"] == cancer
