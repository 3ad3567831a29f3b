"""The figures of the involvement model: trained without one institution, judged on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.card import Card, Figure
from models.involvement.model import leave_one_institution_out
from models.involvement.tables import read_tables
from models.verification import Material
from oncology.errors import ModelError

FOLDER = "lydata"
NAMES: Mapping[str, str] = {"auc": "AUC", "calibration_error": "expected calibration error"}
PLACES: Mapping[str, str] = {
    "Centre Léon Bérard": "Lyon (Centre Léon Bérard)",
    "Inselspital Bern": "Bern (Inselspital)",
    "University Hospital Zurich": "Zurich (University Hospital)",
}


def measure(card: Card, material: Material) -> list[Figure]:
    """Area under the ROC curve and calibration for each institution, intervals over patients.

    Raises:
        ModelError: the tables are not there.
    """
    folder = None if material.data is None else material.data / FOLDER
    if folder is None or not folder.is_dir():
        raise ModelError(f"{card.id} is measured on the lyDATA tables; give the folder that holds {FOLDER}/ by --data")
    report = leave_one_institution_out(read_tables(folder))
    return [_figure(NAMES[key], found[key], name) for name, found in report.items() for key in NAMES]


def _figure(name: str, found: Mapping[str, Any], institution: str) -> Figure:
    on = f"{PLACES.get(institution, institution)}, trained on the other institutions"
    return Figure(name, found["value"], "", found["n"], found["low"], found["high"], on)
