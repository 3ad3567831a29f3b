"""A model's figures measured anew beside its card: within the interval, outside and on which side."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from flows.cli import PART_FAILED, ROWS_FAILED, STAGED, main
from models.card import Card, Figure
from models.registry import all_cards
from models.verification import MEASURES, Comparison, Outcome, compare

STATED = Figure("AUC", 0.80, "", 100, 0.77, 0.83)
ERROR = Figure("expected calibration error", 0.05, "", 100, 0.03, 0.07)


@pytest.mark.parametrize(
    ("stated", "value", "outcome"),
    [
        (STATED, 0.77, Outcome.WITHIN),
        (STATED, 0.76, Outcome.WORSE),
        (STATED, 0.84, Outcome.BETTER),
        (ERROR, 0.08, Outcome.WORSE),
        (ERROR, 0.02, Outcome.BETTER),
    ],
)
def test_a_figure_outside_its_cards_interval_is_worse_or_better(stated: Figure, value: float, outcome: Outcome) -> None:
    now = replace(stated, value=value, low=value - 0.01, high=value + 0.01)
    assert Comparison(stated, now).outcome is outcome


def test_few_patients_are_no_proof_that_a_model_got_worse() -> None:
    few = replace(STATED, value=0.70, n=8, low=0.55, high=0.90)
    assert Comparison(STATED, few).outcome is Outcome.TOO_FEW
    assert Comparison(STATED, replace(few, n=100)).outcome is Outcome.WORSE
    assert Comparison(STATED, replace(few, value=0.60, high=0.75)).outcome is Outcome.WORSE


def test_the_narrow_interval_of_two_patients_is_not_taken_at_its_word() -> None:
    two = replace(STATED, value=0.72, n=2, low=0.72, high=0.72)
    assert Comparison(STATED, two).outcome is Outcome.TOO_FEW


def test_patients_of_a_shift_are_held_against_the_figures_of_that_shift() -> None:
    thick = replace(STATED, value=0.70, low=0.66, high=0.74, on="held out; shift thick")
    card = Card(id="ours", role="lesion", kind="unet", figures=(replace(STATED, on="held out"), thick))
    found = compare(card, [replace(thick, value=0.71)])
    assert [(one.stated, one.outcome) for one in found] == [(thick, Outcome.WITHIN)]
    unshifted = compare(card, [replace(STATED, on="held out")])
    assert [one.outcome for one in unshifted] == [Outcome.WITHIN]
    unknown = compare(replace(card, figures=card.figures[:1]), [replace(thick, value=0.71)])
    assert [one.outcome for one in unknown] == [Outcome.WORSE]


def test_a_figure_that_nothing_measured_is_named() -> None:
    card = Card(id="ours", role="lesion", kind="unet", figures=(STATED, ERROR))
    assert [one.outcome for one in compare(card, [STATED])] == [Outcome.WITHIN, Outcome.NOT_MEASURED]


@pytest.mark.parametrize("card", all_cards(None).values(), ids=lambda card: card.id)
def test_every_embedded_card_says_how_its_figures_came_about(card: Card) -> None:
    assert card.role in MEASURES
    assert card.command.startswith(f"aimdt models verify {card.id}")
    assert re.search(r"seeds? \d|real patients", card.training_data)
    for figure in card.figures:
        assert figure.n > 0
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low <= figure.value <= figure.high
        assert re.search(r"seeds? \d|trained on the other institutions", figure.on)


def lowered(cards: Path, value: float) -> None:
    """The installed card, as if its first figure had been found elsewhere."""
    text = (cards / "invasion.toml").read_text()
    changed = re.sub(
        r"value = [\d.]+\nn = (\d+)\nlow = [\d.]+\nhigh = [\d.]+",
        rf"value = {value}\nn = \1\nlow = {value - 0.01:.2f}\nhigh = {value + 0.01:.2f}", text, count=1,
    )  # fmt: skip
    (cards / "invasion.toml").write_text(changed)


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the invasion model's card that takes the place of all cards."""
    import models.card
    import models.registry

    folder = tmp_path / "cards"
    folder.mkdir()
    (folder / "invasion.toml").write_bytes((models.card.CARDS / "invasion.toml").read_bytes())
    for module in (models.card, models.registry):
        monkeypatch.setattr(module, "CARDS", folder)
    return folder


@pytest.mark.parametrize(("value", "status", "outcome"), [(0.5, STAGED, "better"), (0.99, ROWS_FAILED, "worse")])
def test_verify_fails_where_a_figure_is_worse_than_its_card(
    home: Path, cards: Path, capsys: pytest.CaptureFixture[str], value: float, status: int, outcome: str
) -> None:
    lowered(cards, value)
    assert main(["models", "verify", "invasion", "--json"]) == status
    figures = json.loads(capsys.readouterr().out)["models"][0]["figures"]
    assert [figure["outcome"] for figure in figures[:2]] == [outcome, "within"]


def test_a_shift_that_a_model_is_not_measured_under_is_said(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "verify", "invasion", "--shift", "thick", "--json"]) == PART_FAILED
    assert "under no shift" in json.loads(capsys.readouterr().out)["models"][0]["reason"]
