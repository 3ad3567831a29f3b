"""The table of a card's figures under shifts: a column for each, what was not measured is a dash."""

from __future__ import annotations

from dataclasses import replace

from models.card import Figure
from models.registry import all_cards
from models.synthetic.shifts import SHIFTS
from models.training.under_shifts import table
from models.verification import SHIFTED, shift_of

CARD = replace(
    all_cards(None)["lesion-neck"],
    figures=(
        Figure("ct_tumor_dice", 0.5, n=10, on="held out"),
        Figure("ct_pet_tumor_dice", 0.75, n=10, on="held out"),
        Figure("ct_pet_tumor_dice", 0.7, n=5, on=f"held out{SHIFTED}thick"),
        Figure("ct_pet_tumor_dice", 0.61, n=5, on=f"held out{SHIFTED}motion"),
    ),
)


def test_a_figure_stands_beside_itself_under_every_shift() -> None:
    head, *rows = (line.split("\t") for line in table(CARD))
    assert head == ["lesion-neck", "own", *SHIFTS]
    (row,) = (dict(zip(head, row, strict=True)) for row in rows)  # the other figure was measured under no shift
    assert row["lesion-neck"] == "ct_pet_tumor_dice"
    assert (row["own"], row["thick"], row["motion"]) == ("0.75 (n=10)", "0.70 (n=5)", "0.61 (n=5)")
    assert row["obese"] == "-"


def test_the_shift_of_a_figure_is_read_from_what_it_is_on() -> None:
    assert [shift_of(figure) for figure in CARD.figures] == ["", "", "thick", "motion"]
