"""The invasion model: fitted to generated contacts, calibrated, applied, and silent where it was not trained."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from oncology.errors import ModelError
from oncology.findings import CaseId, Contact, Findings, Tumor
from oncology.invasion.logistic import fit_logistic, judge, sigmoid
from oncology.invasion.model import (
    InvasionRow,
    estimate_invasion,
    fit_invasion,
    load_model,
    row_json,
    rows_of,
    save_model,
)
from oncology.invasion.structure_class import StructureClass

TUMOR = Tumor("tumor-1", 20.0, 35.0, 34.0, 36.0, 30.0, None, None, (0.0, 0.0, 0.0))
MADE = {"rows": "generated contacts"}


def generated(count: int, structure: str = "aorta", seed: int = 1) -> list[InvasionRow]:
    """Contacts whose true odds of invasion rise with depth and angle and fall with fat; two per patient."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        area, depth, angle, fat = (
            random.uniform(20, 900),
            random.uniform(0, 6),
            random.uniform(0, 200),
            random.uniform(),
        )
        chance = sigmoid(np.array(0.9 * depth + 0.02 * angle - 4.0 * fat - 2.0))
        contact = Contact(
            structure, area, depth, angle, fat_plane_share=fat, length_mm=np.sqrt(area), edge_hu_per_mm=40.0
        )
        rows.append(InvasionRow(contact, TUMOR, bool(random.uniform() < chance), f"patient-{number // 2}"))
    return rows


def test_held_out_probabilities_are_calibrated_and_tell_invasion_apart() -> None:
    model = fit_invasion(generated(1500), MADE)
    figures = model.held_out[StructureClass.VESSEL]
    assert figures.auc > 0.85
    assert figures.ece < 0.05
    assert figures.sensitivity > 0.7


def test_a_deep_contact_without_fat_is_more_likely_invasion_than_one_behind_fat() -> None:
    model = fit_invasion(generated(600), MADE)
    deep = Contact("aorta", 500.0, 5.0, 150.0, fat_plane_share=0.0)
    kept = Contact("aorta", 500.0, 0.0, 40.0, fat_plane_share=0.9)
    high, low = model.probability(deep, TUMOR), model.probability(kept, TUMOR)
    assert high is not None
    assert low is not None
    assert high > 0.9
    assert low < 0.1


def test_a_class_without_enough_contacts_is_not_trained_and_says_nothing() -> None:
    model = fit_invasion([*generated(300), *generated(12, "vertebrae_T5")], MADE)
    assert set(model.classes) == {StructureClass.VESSEL}
    assert model.probability(Contact("vertebrae_T5", 300.0, 2.0), TUMOR) is None


def test_the_model_survives_its_file_and_fills_only_what_nobody_estimated(tmp_path: Path) -> None:
    path = tmp_path / "coefficients.json"
    save_model(fit_invasion(generated(300), MADE), path)
    model = load_model(path)
    contacts = (Contact("aorta", 400.0, 3.0, 120.0), Contact("portal_vein", 90.0, 0.0, probability=0.42))
    findings = Findings(CaseId("0123456789abcdef"), "esophagus", tumors=(replace(TUMOR, contacts=contacts),))
    found = estimate_invasion(findings, model).tumors[0].contacts
    assert found[0].probability is not None
    assert found[1].probability == 0.42
    assert model is not None
    assert model.provenance == MADE


def test_without_a_trained_model_the_findings_stay_as_they_are(tmp_path: Path) -> None:
    assert load_model(tmp_path / "absent.json") is None


def test_a_damaged_file_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "coefficients.json"
    path.write_text('{"classes": {}}', encoding="utf-8")
    with pytest.raises(ModelError, match=r"coefficients\.json"):
        load_model(path)


def test_one_patient_never_lies_in_two_folds() -> None:
    """A feature that only names the patient predicts nothing on patients that were not seen."""
    random = np.random.default_rng(3)
    groups = [f"patient-{number // 4}" for number in range(400)]
    truth = np.repeat(random.uniform(size=100) < 0.5, 4)
    names = np.repeat(random.normal(size=(100, 8)), 4, axis=0)
    fitted = fit_logistic(names, truth, groups, [f"f{n}" for n in range(8)])
    assert fitted is not None
    assert fitted[1].auc == pytest.approx(0.5, abs=0.12)


def test_auc_and_calibration_error_of_known_probabilities() -> None:
    figures = judge(np.array([0.1, 0.1, 0.9, 0.9]), np.array([False, False, True, True]))
    assert (figures.auc, figures.ece, figures.sensitivity) == (1.0, 0.1, 1.0)


def test_the_command_fits_rows_of_a_file_and_keeps_where_they_came_from(tmp_path: Path) -> None:
    rows, out = tmp_path / "rows.jsonl", tmp_path / "coefficients.json"
    rows.write_text("\n".join(json.dumps(row_json(row)) for row in generated(300)), encoding="utf-8")
    command = [sys.executable, "-m", "oncology.invasion", str(rows), "--note", "generated contacts", "--out", str(out)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    model = load_model(out)
    assert "vessel: 300 contacts" in printed
    assert model is not None
    assert model.provenance["patients"] == "150"


def test_contacts_of_a_tumor_become_rows_by_what_it_truly_invades() -> None:
    tumor = replace(TUMOR, contacts=(Contact("aorta", 100.0, 0.0), Contact("trachea", 100.0, 0.0)))
    rows = rows_of(tumor, {"trachea"}, "patient-1")
    assert [(row.contact.structure, row.invaded) for row in rows] == [("aorta", False), ("trachea", True)]
