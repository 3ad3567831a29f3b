"""`aimdt evaluate` on the command line."""

import json

import pytest

from flows.cli import BAD_INPUT, STAGED, main


def test_a_cancer_without_synthetic_patients_is_refused(tmp_path, capsys):
    assert main(["evaluate", "--cancer", "breast", "--out", str(tmp_path)]) == BAD_INPUT
    assert "lung" in capsys.readouterr().err


def test_a_folder_without_patients_is_refused(tmp_path, capsys):
    asked = ["evaluate", "--cohort", str(tmp_path), "--out", str(tmp_path / "out"), "--json"]
    assert main(asked) == BAD_INPUT
    assert "aimdt synth" in json.loads(capsys.readouterr().out)["error"]["message"]


@pytest.mark.slow
def test_a_second_run_scores_nobody_twice(tmp_path, capsys):
    asked = ["evaluate", "--cancer", "lung", "--count", "1", "--mode", "truth", "--out", str(tmp_path), "--json"]
    assert main(asked) == STAGED
    first = json.loads(capsys.readouterr().out)
    rows = (tmp_path / "rows.jsonl").read_bytes()
    assert main(asked) == STAGED
    assert json.loads(capsys.readouterr().out) == first
    assert (tmp_path / "rows.jsonl").read_bytes() == rows
    assert first["cohorts"][0]["figures"]["patients"] == 1
    assert (tmp_path / "evaluation.html").exists()
