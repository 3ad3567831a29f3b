"""The invasion model: drawing of contacts, fit, and judgement on held-out patients.

python -m models.training.invasion --cancer larynx --seed 3 --count 30 --rows FILE   # draws, adds rows to a file
python -m models.training.invasion --seen ROWS.JSONL  # contacts that the shipped networks saw, from `aimdt evaluate`
python -m models.training.invasion --fit                                             # coefficients and card
python -m models.training.invasion --judge                                           # figures of what is installed
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from models.card import CARDS, WEIGHTS, Card, Figure, write_card
from models.synthetic.patient import CANCERS
from models.training.image_rows import image_rows
from models.training.invasion_decision import judge_decisions
from models.training.invasion_rows import (
    APART,
    append_rows,
    drawn_rows,
    drawn_tumor,
    patients,
    read_rows,
    without_doubles,
)
from models.training.splits import TRAINING_SEEDS, Split
from oncology.errors import ModelError
from oncology.invasion.judgement import figures_of, judge_classes, only_sound
from oncology.invasion.logistic import FOLDS
from oncology.invasion.model import (
    PATH,
    InvasionModel,
    InvasionRow,
    fit_invasion,
    load_model,
    row_from,
    save_model,
    with_networks,
)

ROWS = Path(__file__).with_name("rows")
TRAINING_ROWS, HELD_OUT_ROWS = ROWS / "invasion_training.jsonl.gz", ROWS / "invasion_held_out.jsonl.gz"
SEEN_ROWS = ROWS / "invasion_seen.jsonl.gz"
CARD_ID = "invasion"
HELD_OUT_WORDS = "seeds 5100-5202"  # of the rows in HELD_OUT_ROWS
SEEN_WORDS = "tuning synthetic patients of other folds; seed 1010"  # of the rows in SEEN_ROWS
CROSSING = " where the contours of tumor and structure may overlap"  # as a person's contour and a network's mask may
VERIFY = "aimdt models verify invasion"
SHOWN = {"auc": "AUC", "calibration_error": "expected calibration error", "sensitivity": "sensitivity",
         "specificity": "specificity"}  # fmt: skip


def main() -> None:
    """Draw, fit or judge, as asked."""
    asked = _parser().parse_args()
    for cancer in asked.cancer:
        for seed, index in patients(cancer, asked.seed, asked.count, asked.into):
            rows = drawn_rows(drawn_tumor(cancer, seed, index), np.random.default_rng((index, seed)))
            append_rows(asked.rows, rows)
    if asked.seen:
        looked = list(seen_rows(asked.seen))  # read before what was there is let go
        SEEN_ROWS.unlink(missing_ok=True)
        append_rows(SEEN_ROWS, looked)
    if asked.fit:
        save_model(fitted(asked.rows, asked.held, SEEN_ROWS))
    if asked.fit or asked.judge:
        sys.stdout.writelines(f"{line}\n" for line in _judged(asked.held))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models.training.invasion", description="The invasion model.")
    parser.add_argument("--cancer", nargs="*", default=[], choices=CANCERS, metavar="KEY", help="patients to draw")
    parser.add_argument("--count", type=int, default=100, metavar="N", help="patients of each cancer")
    parser.add_argument("--seed", type=int, default=TRAINING_SEEDS.start, metavar="S")
    parser.add_argument("--into", nargs="*", default=[], metavar="NAME", help="only tumors planned to invade these")
    parser.add_argument("--rows", type=Path, default=TRAINING_ROWS, help="file of rows; what is drawn is added to it")
    parser.add_argument("--held", type=Path, default=HELD_OUT_ROWS, help="file of rows of held-out patients")
    parser.add_argument(
        "--seen", nargs="*", type=Path, default=[], metavar="ROWS",
        help="rows.jsonl of `aimdt evaluate --mode images` on tuning seeds; replaces what networks saw before",
    )  # fmt: skip
    parser.add_argument("--fit", action="store_true", help="fit to the rows; install the coefficients, write the card")
    parser.add_argument("--judge", action="store_true", help="judge what is installed on the held-out rows")
    return parser


def seen_rows(files: Sequence[Path]) -> Iterator[InvasionRow]:
    """Contacts that networks saw, of the rows that `aimdt evaluate` wrote."""
    for row in image_rows(files):
        yield from map(row_from, row["contacts"])


def fitted(training: Path, held: Path, seen: Path) -> InvasionModel:
    """The model fitted to a file of rows, without classes that held-out patients speak against.

    Args:
        seen: contacts as networks see them, of tuning patients; there may be no such file.

    Raises:
        InputError: a row belongs to a patient that is not for training, or a held-out row to one that is.
    """
    rows = without_doubles(read_rows(training, Split.TRAINING))
    held_out = without_doubles(read_rows(held, Split.HELD_OUT))
    provenance = {
        "rows": f"synthetic patients: {_counts({row.patient for row in rows})}",
        "contacts": str(len(rows)),
        "patients": str(len({row.patient for row in rows})),
        "sha256": _sha256(training),
        "held_out_rows": f"synthetic patients: {_counts({row.patient for row in held_out})}",
        "held_out_sha256": _sha256(held),
        "method": "ridge logistic by class of structure, signs by anatomy, Platt's line from five folds by patient",
    }
    model = only_sound(fit_invasion(rows, provenance), held_out, rows)
    if not seen.exists():
        return model
    by_networks = read_rows(seen, Split.TUNING)
    patients = {row.patient for row in by_networks}
    told = {
        "seen_rows": f"{len(by_networks)} contacts of {len(patients)} synthetic patients",
        "seen_sha256": _sha256(seen),
    }
    return replace(with_networks(model, by_networks), provenance={**provenance, **told})


def _counts(names: Collection[str]) -> str:
    """Patients by cancer and seed, from names like `lung-1-4`."""
    kinds = sorted({name.rpartition("-")[0] for name in names})
    count = {kind: sum(name.rpartition("-")[0] == kind for name in names) for kind in kinds}
    return ", ".join(f"{number} {kind.replace('-', ' (seed ')})" for kind, number in count.items())


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def judged_classes(model: InvasionModel, rows: Sequence[InvasionRow]) -> dict[str, dict[str, Any]]:
    """Figures of the fit by class of structure."""
    return {str(kind): figures for kind, figures in judge_classes(model, without_doubles(rows)).items()}


def judged_decisions(model: InvasionModel, rows: Sequence[InvasionRow]) -> dict[str, dict[str, Any]]:
    """Figures of the decisions of T on all contours, and on those that may cross the structure's."""
    crossing = judge_decisions([row for row in rows if not row.view.endswith(APART)], model)
    return judge_decisions(rows, model) | {f"{name}{CROSSING}": figures for name, figures in crossing.items()}


def card_figures(model: InvasionModel, held: Path, seen: Path) -> list[Figure]:
    """The figures of the card: on the rows of held-out patients, and of contacts that networks saw."""
    rows = read_rows(held, Split.HELD_OUT)
    classes, decisions = judged_classes(model, rows), judged_decisions(model, rows)
    return [*_figures("contacts with", classes), *_figures("decision", decisions), *_seen_figures(model, seen)]


def _seen_figures(model: InvasionModel, seen: Path) -> Iterator[Figure]:
    """Of the reading of contacts that networks saw: fitted anew fold by fold, judged on the patients left out."""
    rows = read_rows(seen, Split.TUNING) if seen.exists() else []
    names = sorted({row.patient for row in rows})
    said: dict[str, list[tuple[bool, float]]] = {}
    for fold in range(FOLDS):
        left_out = set(names[fold::FOLDS])
        fitted = with_networks(model, [row for row in rows if row.patient not in left_out])
        for row in (row for row in rows if row.patient in left_out):
            p = fitted.seen(row.contact, row.tumor, unproven=row.unproven)
            if p is not None:
                said.setdefault(row.patient, []).append((row.invaded, p))
    for key, words in SHOWN.items() if said else ():
        figure = figures_of(list(said.values()))[key]
        on = f"contacts that networks saw, {SEEN_WORDS}"
        yield Figure(words, figure["value"], "", figure["n"], figure["low"], figure["high"], on)


def _judged(held: Path) -> Iterator[str]:
    """The figures in lines; the card is written anew with them."""
    model = load_model()
    if model is None:
        raise ModelError(f"there is no {PATH.name} to judge; fit it first: python -m models.training.invasion --fit")
    rows = read_rows(held, Split.HELD_OUT)
    classes, decisions = judged_classes(model, rows), judged_decisions(model, rows)
    ceilings = judge_decisions(rows, None)
    write_invasion_card(model, card_figures(model, held, SEEN_ROWS))
    yield "contacts as fitted, decisions within the bounds of oncology/invasion/bound.py and as the plug-ins read them"
    yield from (_line(f"contacts: {name}", figures) for name, figures in classes.items())
    yield from (f"contacts: {kind}: left out ({reason})" for kind, reason in model.left_out.items())
    for name, figures in decisions.items():
        yield _line(f"decision: {name}", figures)
        if name in ceilings:
            yield _line("  by the published ceilings alone", ceilings[name])


def _line(name: str, figures: Mapping[str, Any]) -> str:
    said = ", ".join(
        f"{words} {figures[key]['value']:.2f} ({figures[key]['low']:.2f}-{figures[key]['high']:.2f})"
        for key, words in SHOWN.items()
        if figures[key]["value"] is not None
    )
    return f"{name}: {figures['invaded']} patients with, {figures['free']} without; {said}"


def write_invasion_card(model: InvasionModel, figures: Sequence[Figure]) -> None:
    """The model's card with the figures, and the copy of the coefficients that it names."""
    copy = WEIGHTS / f"{CARD_ID}.json"
    copy.write_bytes(PATH.read_bytes())
    write_card(
        Card(
            id=CARD_ID,
            role="invasion",
            kind="table",
            cancers=CANCERS,
            modalities=("CT",),
            weights=copy.name,
            sha256=_sha256(copy),
            licence="Apache-2.0",
            uses=("research", "commercial"),
            training_data=model.provenance["rows"] + "; each tumor as drawn and with a wavering border, structures "
            f"with and without the part that the tumor replaced; {model.provenance.get('seen_rows', 'no contact')}, "
            "seed 1010, as networks saw them. No real patient.",
            intended_use="How likely a tumor's contact with a structure on CT is invasion, by class of structure.",
            limits=_limits(model),
            figures=tuple(figures),
            command=VERIFY,
            settings={"asserted_from": 0.5},
        ),
        CARDS / f"{CARD_ID}.toml",
    )


def _limits(model: InvasionModel) -> str:
    left_out = "; ".join(f"{kind}: {reason}" for kind, reason in model.left_out.items()) or "none"
    return (
        "Fitted and judged on drawn tumors, which invade more often than those of a clinic do: on patients its "
        "probabilities are off by an amount that nobody has measured. Contact without ingrowth therefore "
        "stays below one half, by published series; the figures of decisions hold with that bound. The held-out "
        "patients also chose which classes are used, and were seen while classes were formed: the figures flatter. "
        "The esophageal ones were all drawn to invade a neighbor; tumors that touch nothing are not counted; of the "
        "pancreas there are few (models/training/rows/README.md). Classes that are not used, where "
        f"published ceilings hold instead: {left_out}."
    )


def _figures(what: str, judged: Mapping[str, Mapping[str, Any]]) -> Iterator[Figure]:
    for name, figures in judged.items():
        for key, words in SHOWN.items():
            figure = figures[key]
            if figure["value"] is not None:
                on = f"{what} {name}, held-out synthetic patients; {HELD_OUT_WORDS}"
                yield Figure(words, figure["value"], "", figure["n"], figure["low"], figure["high"], on)


if __name__ == "__main__":
    main()
