"""The trained model as a file, and how it is applied. Without the file the ceilings of cancers/evidence.py hold."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from oncology.cancers.evidence import INVASION_CEILING, contact_probability
from oncology.errors import ModelError
from oncology.findings import Contact, Findings, Tumor
from oncology.invasion.bound import highest, shared
from oncology.invasion.feature import FEATURES, SIGNS, features_of
from oncology.invasion.logistic import HeldOut, Logistic, fit_logistic
from oncology.invasion.seen import SEEN_FEATURES, fit_seen, seen_features
from oncology.invasion.structure_class import StructureClass, class_of

PATH = Path(__file__).with_name("coefficients.json")
# No image makes certain: what the model gives is kept within these.
LEAST, MOST = 0.005, 0.985


@dataclass(frozen=True)
class InvasionRow:
    """One contact with its truth.

    Attributes:
        patient: keeps a patient's contacts in one fold.
        view: which of several measurements of the same tumor it is from; empty where there is one.
        unproven: networks looked, and one of them drew the structure.
    """

    contact: Contact
    tumor: Tumor
    invaded: bool
    patient: str
    view: str = ""
    unproven: bool = False


def touches(contact: Contact) -> bool:
    """Whether there is any contact; a person may have corrected it away."""
    return contact.contact_mm2 > 0.0 or contact.depth_mm > 0.0


def rows_of(tumor: Tumor, invaded: Collection[str], patient: str) -> list[InvasionRow]:
    """The contacts of a measured tumor as rows.

    Args:
        invaded: names of the masks that the tumor truly invades.
        patient: keeps its rows together.
    """
    return [InvasionRow(contact, tumor, contact.structure in invaded, patient) for contact in tumor.contacts]


def row_json(row: InvasionRow) -> dict[str, Any]:
    """A row as one line of a training file: what its features are made of, its truth and its patient."""
    return {
        "patient": row.patient,
        "view": row.view,
        "unproven": row.unproven,
        "invaded": row.invaded,
        "contact": asdict(replace(row.contact, probability=None)),
        "volume_ml": row.tumor.volume_ml,
        "greatest_dimension_mm": row.tumor.greatest_dimension_mm,
    }


def row_from(content: Mapping[str, Any]) -> InvasionRow:
    """What row_json gave; the tumor has its size and nothing else."""
    size = float(content["greatest_dimension_mm"])
    tumor = Tumor("tumor-1", float(content["volume_ml"]), size, size, size, size, None, None, (0.0, 0.0, 0.0))
    contact = Contact(**content["contact"])
    invaded, patient = bool(content["invaded"]), str(content["patient"])
    return InvasionRow(contact, tumor, invaded, patient, content.get("view", ""), bool(content.get("unproven", False)))


@dataclass(frozen=True)
class InvasionModel:
    """A calibrated logistic per class of structure.

    Attributes:
        held_out: how each did on the patients of other folds.
        judged: how each did on patients that were held out altogether, see judgement.py.
        left_out: classes that are not used, and why.
        by_networks: what contact says where networks drew tumor or structure, see seen.py; `seen_held_out` how it did
            on patients of other folds.
    """

    classes: Mapping[StructureClass, Logistic]
    held_out: Mapping[StructureClass, HeldOut] = field(default_factory=dict)
    judged: Mapping[StructureClass, Mapping[str, Any]] = field(default_factory=dict)
    left_out: Mapping[StructureClass, str] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
    by_networks: Logistic | None = None
    seen_held_out: HeldOut | None = None

    def probability(self, contact: Contact, tumor: Tumor) -> float | None:
        """P(the structure is invaded), within what contact may say at most; None for a class that was not trained."""
        p = self.fitted(contact, tumor)
        return None if p is None else min(p, highest(contact))

    def seen(self, contact: Contact, tumor: Tumor, *, unproven: bool) -> float | None:
        """P(the structure is invaded) where networks drew tumor or structure; None where that was not trained.

        Args:
            unproven: only an embedded network drew the structure.
        """
        if self.by_networks is None:
            return None
        if not touches(contact):
            return LEAST
        features = seen_features(contact, drawn_p(self, contact, tumor), unproven=unproven)
        p = min(max(float(self.by_networks.probability(features)[0]), LEAST), MOST)
        return round(min(p, highest(contact)), 4)

    def fitted(self, contact: Contact, tumor: Tumor) -> float | None:
        """What the fit says, on the terms of the tumors that it was fitted to."""
        logistic = self.classes.get(class_of(contact.structure))
        if logistic is None:
            return None
        if not touches(contact):
            return LEAST
        p = float(logistic.probability(features_of(contact, tumor))[0])
        return round(min(max(p, LEAST), MOST), 4)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for save_model."""
        return {
            "provenance": dict(self.provenance),
            "held_out": {str(kind): asdict(figures) for kind, figures in self.held_out.items()},
            "judged": {str(kind): dict(figures) for kind, figures in self.judged.items()},
            "left_out": {str(kind): reason for kind, reason in self.left_out.items()},
            "classes": {str(kind): logistic.to_json() for kind, logistic in self.classes.items()},
            "by_networks": self.by_networks.to_json() if self.by_networks else None,
            "seen_held_out": asdict(self.seen_held_out) if self.seen_held_out else None,
        }


def drawn_p(model: InvasionModel, contact: Contact, tumor: Tumor) -> float:
    """What the fit to drawn masks says of a contact, or the published ceiling for a class that it does not know."""
    p = model.fitted(contact, tumor)
    return contact_probability(replace(contact, probability=None), INVASION_CEILING) if p is None else p


def fit_invasion(rows: Sequence[InvasionRow], provenance: Mapping[str, str]) -> InvasionModel:
    """Train one logistic per class of structure; classes with too few rows are left out.

    Args:
        rows: contacts of many patients with their truth.
        provenance: what the rows are and how they were made, in words; kept with the coefficients.
    """
    classes, held_out = {}, {}
    for kind in StructureClass:
        of_kind = [row for row in rows if class_of(row.contact.structure) is kind and touches(row.contact)]
        if not of_kind:
            continue
        x = np.array([features_of(row.contact, row.tumor) for row in of_kind])
        y = np.array([row.invaded for row in of_kind])
        fitted = fit_logistic(x, y, [row.patient for row in of_kind], FEATURES, signs=SIGNS)
        if fitted is not None:
            classes[kind], held_out[kind] = fitted
    return InvasionModel(classes, held_out, provenance=dict(provenance))


def with_networks(model: InvasionModel, rows: Sequence[InvasionRow]) -> InvasionModel:
    """The model with a reading of contacts that networks saw; without one where they are too few."""
    touching = [row for row in rows if touches(row.contact)]
    x = [seen_features(row.contact, drawn_p(model, row.contact, row.tumor), unproven=row.unproven) for row in touching]
    fitted = fit_seen(np.array(x), np.array([row.invaded for row in touching]), [row.patient for row in touching])
    return replace(model, by_networks=fitted[0], seen_held_out=fitted[1]) if fitted else model


def save_model(model: InvasionModel, path: Path = PATH) -> None:
    """Write the coefficients with their provenance."""
    path.write_text(json.dumps(model.to_json(), indent=1) + "\n", encoding="utf-8")
    load_model.cache_clear()


@cache
def load_model(path: Path = PATH) -> InvasionModel | None:
    """The trained model; None where there is none.

    Raises:
        ModelError: the file is damaged or asks for features that this version does not compute.
    """
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        classes = {StructureClass(kind): Logistic.from_json(item) for kind, item in content["classes"].items()}
        held_out = {StructureClass(kind): HeldOut(**item) for kind, item in content["held_out"].items()}
        judged, left_out = (
            {StructureClass(kind): item for kind, item in content[name].items()} for name in ("judged", "left_out")
        )
        by_networks, seen = content.get("by_networks"), content.get("seen_held_out")
        reading, figures = (Logistic.from_json(by_networks), HeldOut(**seen)) if by_networks else (None, None)
    except (ValueError, KeyError, TypeError) as problem:
        raise ModelError(
            f"{path.name} cannot be read ({problem}); expected what fit_invasion saved; train it again"
        ) from problem
    strange = [str(kind) for kind, logistic in classes.items() if logistic.features != FEATURES]
    strange += ["by_networks"] if reading and reading.features != SEEN_FEATURES else []
    if strange:
        raise ModelError(f"{path.name} was trained on other features ({', '.join(strange)}); train it again")
    return InvasionModel(classes, held_out, judged, left_out, content["provenance"], reading, figures)


def estimate_invasion(findings: Findings, model: InvasionModel | None = None) -> Findings:
    """The findings with a probability at every contact that has none, where a model is at hand.

    Contact of what networks drew is read by a fit of its own, as their borders are off by some millimeters.

    Args:
        model: instead of the one that is installed.
    """
    chosen = model or load_model()
    if chosen is None:
        return findings
    unproven = frozenset(findings.structures_unproven)
    return replace(findings, tumors=tuple(with_invasion(tumor, chosen, unproven) for tumor in findings.tumors))


def with_invasion(tumor: Tumor, model: InvasionModel, unproven: Collection[str] = ()) -> Tumor:
    """The tumor with a probability at every contact that has none.

    Args:
        unproven: structures that only an embedded network drew.
    """
    open_ = (contact for contact in tumor.contacts if contact.probability is None)
    bounded = shared(dict(_said(open_, tumor, model, unproven)))
    contacts = tuple(
        replace(contact, probability=bounded.get(contact, contact.probability)) for contact in tumor.contacts
    )
    return replace(tumor, contacts=contacts)


def _said(
    contacts: Iterable[Contact], tumor: Tumor, model: InvasionModel, unproven: Collection[str]
) -> Iterator[tuple[Contact, float]]:
    """Contacts that the model knows, each with its probability."""
    for contact in contacts:
        is_unproven = contact.structure in unproven
        if is_unproven or tumor.needs_confirmation:
            p = model.seen(contact, tumor, unproven=is_unproven)
        else:
            p = model.probability(contact, tumor)
        if p is not None:
            yield contact, p
