"""How the model does on patients that it never saw, and which of its classes are good enough to be used."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from oncology.agreement import detection
from oncology.invasion.model import InvasionModel, InvasionRow, touches
from oncology.invasion.structure_class import StructureClass, class_of

# A class is used where patients that were held out say so. With few dozen tumors even a perfectly calibrated model
# shows an expected calibration error of 0.05 to 0.1, so the bound lies above that.
LEAST_AUC, MOST_CALIBRATION_ERROR = 0.80, 0.15
LEAST_INVADED = LEAST_FREE = 5  # patients with and without invasion: with fewer the figures say nothing
NORMAL_95 = 1.96

Pairs = Sequence[tuple[bool, float]]  # truth and probability


def judge_classes(model: InvasionModel, rows: Iterable[InvasionRow]) -> dict[StructureClass, dict[str, Any]]:
    """Figures by class on the contacts of held-out patients, of what the fit says, before any bound.

    Classes of which they have no contact are not named.
    """
    said: dict[StructureClass, dict[str, list[tuple[bool, float]]]] = {}
    for row in rows:
        p = model.fitted(row.contact, row.tumor) if touches(row.contact) else None
        if p is not None:
            patients = said.setdefault(class_of(row.contact.structure), {})
            patients.setdefault(row.patient, []).append((row.invaded, p))
    return {kind: figures_of(list(patients.values())) for kind, patients in said.items()}


def figures_of(patients: Sequence[Pairs]) -> dict[str, Any]:
    """Counts, and AUC, calibration error, sensitivity and specificity at one half with 95% intervals.

    The intervals of AUC and calibration error come from resampling patients; those of sensitivity and specificity are
    Wilson's (1927), with patients as the count, as several contacts of one patient are no independent cases.
    """
    invaded = sum(any(truth for truth, _ in pairs) for pairs in patients)
    free = sum(any(not truth for truth, _ in pairs) for pairs in patients)
    figures = detection(patients)
    for name, count in (("sensitivity", invaded), ("specificity", free)):
        figures[name] |= {"n": count}
        if figures[name]["value"] is not None:
            figures[name] |= dict(zip(("low", "high"), wilson(figures[name]["value"], count), strict=True))
    contacts = sum(len(pairs) for pairs in patients)
    return {"patients": len(patients), "contacts": contacts, "invaded": invaded, "free": free, **figures}


def wilson(share: float, count: int) -> tuple[float, float]:
    """95% interval of a share of `count` cases (Wilson 1927).

    >>> wilson(1.0, 10)
    (0.7225, 1.0)
    """
    square = NORMAL_95**2
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = NORMAL_95 * math.sqrt(share * (1 - share) / count + square / (4 * count**2)) / (1 + square / count)
    return round(max(middle - half, 0.0), 4), round(min(middle + half, 1.0), 4)


def fault_of(figures: Mapping[str, Any] | None) -> str:
    """Why a class is not to be used; empty where it is."""
    if figures is None or figures["invaded"] < LEAST_INVADED or figures["free"] < LEAST_FREE:
        counts = (figures["invaded"], figures["free"]) if figures else (0, 0)
        return f"held-out patients with invasion {counts[0]} and without {counts[1]}; at least {LEAST_INVADED} of each"
    if figures["auc"]["value"] < LEAST_AUC:
        return f"held-out AUC {figures['auc']['value']:.2f}; at least {LEAST_AUC:.2f}"
    if figures["calibration_error"]["value"] > MOST_CALIBRATION_ERROR:
        error = figures["calibration_error"]["value"]
        return f"held-out calibration error {error:.2f}; at most {MOST_CALIBRATION_ERROR:.2f}"
    return ""


def only_sound(model: InvasionModel, held_out: Collection[InvasionRow], seen: Iterable[InvasionRow]) -> InvasionModel:
    """The model without classes that held-out patients speak against; the figures and the reasons are kept with it.

    Args:
        held_out: contacts of patients that the model was not fitted to.
        seen: what it was fitted to, to name classes that had too few cases.
    """
    judged = judge_classes(model, held_out)
    faults = {kind: fault_of(judged.get(kind)) for kind in model.classes}
    met = {class_of(row.contact.structure) for row in seen}
    left_out = {kind: "too few patients to fit" for kind in StructureClass if kind in met - set(model.classes)}
    left_out |= {kind: fault for kind, fault in faults.items() if fault}
    classes = {kind: logistic for kind, logistic in model.classes.items() if not faults[kind]}
    return replace(model, classes=classes, judged=judged, left_out=left_out)
