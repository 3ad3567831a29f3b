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
NAMES: Mapping[str, str] = {
    "auc": "AUC",
    "calibration_error": "expected calibration error",
    "auc_others_unknown": "AUC, other levels unknown",
    "calibration_error_others_unknown": "expected calibration error, other levels unknown",
}
SHOWN_LEVELS = ("I", "II", "III", "IV")  # V and VII are too rarely involved for areas of their own
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
    if material.shift or material.patients:
        raise ModelError(f"{card.id} is measured on all patients of its tables, under no shift; ask without")
    folder = None if material.data is None else material.data / FOLDER
    if folder is None or not folder.is_dir():
        raise ModelError(f"{card.id} is measured on the lyDATA tables; give the folder that holds {FOLDER}/ by --data")
    report = leave_one_institution_out(read_tables(folder))
    return [figure for name, found in report.items() for figure in _figures(found, name)]


def _figures(found: Mapping[str, Any], institution: str) -> list[Figure]:
    levels = found["auc_by_ipsilateral_level"]
    return [
        *(_figure(NAMES[key], found[key], institution) for key in NAMES),
        *(_figure(f"AUC, level {name} of the tumor's side", levels[name], institution) for name in SHOWN_LEVELS),
    ]


def _figure(name: str, found: Mapping[str, Any], institution: str) -> Figure:
    on = f"{PLACES.get(institution, institution)}, trained on the other institutions"
    return Figure(name, found["value"], "", found["n"], found["low"], found["high"], on)
