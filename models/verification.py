"""Measures a model's figures anew and compares them with its card."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.card import Card, Figure
from oncology.errors import ModelError

# Role -> module with `measure(card, material) -> list[Figure]`; loaded only when asked, most need torch or XGBoost.
MEASURES: Mapping[str, str] = {
    "node_involvement": "models.involvement.measurement",
    "node_malignancy": "models.nodes.measurement",
    "anatomy": "models.training.measure",
    "lesion": "models.training.measure",
    "node_ene": "models.training.node_measure",
}
# How far a figure without an interval may be off: the larger of the two.
SLACK, SLACK_SHARE = 0.01, 0.02


@dataclass(frozen=True)
class Material:
    """What figures are measured on.

    Attributes:
        data: folder of real scans and tables.
        store: folder in which synthetic patients are kept between runs.
        patients: how many synthetic patients; None for as many as the card's figures have.
        home: where models that were added lie.
        device: cpu or cuda.
    """

    data: Path | None = None
    store: Path | None = None
    patients: int | None = None
    home: Path | None = None
    device: str = "cpu"


@dataclass(frozen=True)
class Comparison:
    """One figure of a card beside the same measured now, None where it was not measured."""

    stated: Figure
    measured: Figure | None

    @property
    def agrees(self) -> bool:
        """Whether one lies within the other's interval: fewer patients make a wider one."""
        if self.measured is None:
            return False
        return _within(self.measured.value, self.stated) or _within(self.stated.value, self.measured)


def _within(value: float, figure: Figure) -> bool:
    slack = max(SLACK, SLACK_SHARE * abs(figure.value))
    low = figure.value - slack if figure.low is None else figure.low
    high = figure.value + slack if figure.high is None else figure.high
    return low <= value <= high


def measure(card: Card, material: Material) -> list[Figure]:
    """The card's figures as they are today.

    Raises:
        ModelError: models of this role are not measured, or what it takes is not there.
    """
    module = MEASURES.get(card.role)
    if module is None or card.source != "embedded":
        raise ModelError(
            f"the figures of {card.id} are its maker's; only embedded models of some roles are measured here"
        )
    figures: list[Figure] = importlib.import_module(module).measure(card, material)
    return figures


def _key(figure: Figure, names: Sequence[str]) -> tuple[str, str]:
    return figure.name, figure.on if names.count(figure.name) > 1 else ""


def compare(card: Card, measured: Sequence[Figure]) -> list[Comparison]:
    """Each figure of the card with what was measured under its name, on the same patients where a name comes twice."""
    names = [figure.name for figure in card.figures]
    found = {_key(figure, names): figure for figure in measured}
    return [Comparison(figure, found.get(_key(figure, names))) for figure in card.figures]
