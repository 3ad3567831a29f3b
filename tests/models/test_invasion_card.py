"""The invasion model's card and the decisions of T that it is judged by."""

import json
from dataclasses import replace

import pytest

from models.registry import find_card, weights_path
from models.training.invasion_decision import DECISIONS, judge_decisions
from oncology.findings import Contact, Tumor
from oncology.invasion.model import PATH, InvasionRow, load_model

TUMOR = Tumor("tumor-1", 20.0, 35.0, 34.0, 36.0, 30.0, None, None, (0.0, 0.0, 0.0))
DECISIVE = ("lung T3 or more", "lung T4", "esophagus T4b", "pancreas T4", "larynx T3 or more", "larynx T4a")


def row(patient: str, structure: str, p: float, invaded: bool) -> InvasionRow:
    return InvasionRow(Contact(structure, 300.0, 1.0, probability=p), TUMOR, invaded, patient, "drawn")


def test_the_card_is_of_the_coefficients_that_are_installed() -> None:
    card = find_card("invasion", None)
    assert (card.role, card.kind) == ("invasion", "table")
    assert weights_path(card).read_bytes() == PATH.read_bytes()
    model = load_model()
    assert model is not None
    assert set(json.loads(PATH.read_text())["classes"]) == {str(kind) for kind in model.classes}


@pytest.mark.parametrize("decision", DECISIVE)
def test_every_decision_of_t_has_its_own_sensitivity_and_specificity(decision: str) -> None:
    figures = {
        figure.name: figure
        for figure in find_card("invasion", None).figures
        if figure.on.startswith(f"decision {decision},")
    }
    for name in ("sensitivity", "specificity"):
        assert figures[name].n > 0
        low, high = figures[name].low, figures[name].high
        assert low is not None
        assert high is not None
        assert low <= figures[name].value <= high


def test_structures_of_every_decision_are_named_by_its_table() -> None:
    named = {decision.name: decision.words() for decision in DECISIONS}
    assert {"heart", "esophagus"} <= named["lung T4"] < named["lung T3 or more"]
    assert "pleura" not in named["esophagus T4b"]
    assert "superior_mesenteric_artery" in named["pancreas T4"]


def test_a_decision_is_asserted_by_its_own_structures_only() -> None:
    rows = [
        row("lung-5000-1", "aorta", 0.9, True),
        row("lung-5000-2", "aorta", 0.2, False),
        row("lung-5000-2", "chest_wall", 0.9, True),
        row("lung-5000-3", "aorta", 0.2, True),
        row("lung-5000-4", "chest_wall", 0.1, False),
    ]
    judged = judge_decisions(rows, None)
    assert judged["lung T4"]["sensitivity"]["value"] == 0.5
    assert judged["lung T4"]["specificity"]["value"] == 1.0
    assert judged["lung T3 or more"]["sensitivity"]["value"] == pytest.approx(2 / 3, abs=1e-3)


def test_tumors_without_a_view_are_not_judged_as_one_tumor() -> None:
    rows = [replace(row(f"lung-5000-{place}", "aorta", 0.9, place == 1), view="") for place in (1, 2)]
    assert judge_decisions(rows, None) == {}
