"""Measures a model's figures anew and compares them with its card."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from models.card import Card, Figure
from oncology.errors import ModelError

# Role -> module with `measure(card, material) -> list[Figure]`; loaded only when asked, most need torch or XGBoost.
MEASURES: Mapping[str, str] = {
    "node_involvement": "models.involvement.measurement",
    "node_malignancy": "models.nodes.measurement",
    "anatomy": "models.training.measure",
    "anatomy_fine": "models.training.measure",
    "lesion": "models.training.measure",
    "node_ene": "models.training.node_measure",
    "invasion": "models.training.invasion_measure",
}
SHIFTED = "; shift "  # in a figure's `on`, before the shift that its patients were scanned under
# How far a figure without an interval may be off: the larger of the two.
SLACK, SLACK_SHARE = 0.01, 0.02
MANY_FIGURES = 1.5  # from two standard deviations to three
# Figures of which less is better, by a part of their name.
LOWER_IS_BETTER = ("error", "_ece", "_false_")


class Outcome(StrEnum):
    """How a figure measured now lies to the 95% interval of the card."""

    WITHIN = "within"
    BETTER = "better"
    WORSE = "worse"
    TOO_FEW = "too few to tell"  # outside, but on fewer patients, whose wider interval holds the card's value
    NOT_MEASURED = "not measured"


FAILED = (Outcome.WORSE,)


@dataclass(frozen=True)
class Material:
    """What figures are measured on.

    Attributes:
        data: folder of real scans and tables.
        store: folder in which synthetic patients are kept between runs.
        patients: how many synthetic patients; None for as many as the card's figures have.
        shift: name of a shift that those patients are scanned under; None for their own scanners.
        home: where models that were added lie.
        device: cpu or cuda.
    """

    data: Path | None = None
    store: Path | None = None
    patients: int | None = None
    home: Path | None = None
    device: str = "cpu"
    shift: str | None = None


@dataclass(frozen=True)
class Comparison:
    """One figure of a card beside the same measured now, None where it was not measured."""

    stated: Figure
    measured: Figure | None

    @property
    def outcome(self) -> Outcome:
        """Within the card's interval, or outside and on which side."""
        now, stated = self.measured, self.stated
        if now is None:
            return Outcome.NOT_MEASURED
        low, high = interval(stated)
        if low <= now.value <= high:
            return Outcome.WITHIN
        if (now.value < low) is lower_is_better(stated):
            return Outcome.BETTER
        return Outcome.TOO_FEW if _few(now, stated) else Outcome.WORSE

    @property
    def agrees(self) -> bool:
        """Whether it was measured and is not worse than the card says."""
        return self.outcome not in (*FAILED, Outcome.NOT_MEASURED)


def _few(now: Figure, stated: Figure) -> bool:
    """Whether chance explains what fewer patients gave: their own interval, or the card's as wide as theirs would be.

    The bootstrap of two or three patients is too narrow, so that the card's half width times the root of the ratio of
    patients counts as well; as there are many figures, to three standard deviations.
    """
    if now.n >= stated.n:
        return False
    own_low, own_high = interval(now)
    low, high = interval(stated)
    wider = MANY_FIGURES * math.sqrt(stated.n / max(now.n, 1))
    explained = stated.value - wider * (stated.value - low) <= now.value <= stated.value + wider * (high - stated.value)
    return explained or own_low <= stated.value <= own_high


def lower_is_better(figure: Figure) -> bool:
    """Whether less of a figure is better.

    >>> lower_is_better(Figure("expected calibration error", 0.03)), lower_is_better(Figure("AUC", 0.9))
    (True, False)
    """
    return any(part in figure.name for part in LOWER_IS_BETTER)


def interval(figure: Figure) -> tuple[float, float]:
    """A figure's 95% interval; where it has none, what rounding and chance explain."""
    slack = max(SLACK, SLACK_SHARE * abs(figure.value))
    low = figure.value - slack if figure.low is None else figure.low
    high = figure.value + slack if figure.high is None else figure.high
    return low, high


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
    if material.shift is None:
        return figures
    return [replace(figure, on=f"{figure.on}{SHIFTED}{material.shift}") for figure in figures]


def _key(figure: Figure, names: Sequence[str]) -> tuple[str, str]:
    return figure.name, figure.on if names.count(figure.name) > 1 else ""


def compare(card: Card, measured: Sequence[Figure]) -> list[Comparison]:
    """Each figure of the card with what was measured under its name, on the same patients where a name comes twice.

    Patients of a shift are held against the card's figures of that shift, where it has some, else against its others.
    """
    shifts = {shift_of(figure) for figure in measured} & {shift_of(figure) for figure in card.figures} or {""}
    stated = [figure for figure in card.figures if shift_of(figure) in shifts]
    names = [figure.name for figure in stated]
    found = {_key(figure, names): figure for figure in measured}
    return [Comparison(figure, found.get(_key(figure, names))) for figure in stated]


def shift_of(figure: Figure) -> str:
    """The shift that a figure's patients were scanned under, empty for none."""
    return figure.on.partition(SHIFTED)[2]
