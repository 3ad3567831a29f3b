"""`python -m oncology.invasion ROWS.jsonl`: fit the invasion model to a clinic's own rows and say how it does."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

from oncology.invasion.judgement import only_sound
from oncology.invasion.model import PATH, InvasionRow, fit_invasion, row_from, save_model


def main() -> None:
    """Read rows (see model.row_json), fit, save the coefficients with their provenance, print how they do.

    The figures come from folds by patient. With rows of patients apart, classes that these speak against are left out.
    """
    parser = argparse.ArgumentParser(prog="python -m oncology.invasion", description="Fit the invasion model.")
    parser.add_argument("rows", type=Path, help="one JSON object per line, as model.row_json gives them")
    parser.add_argument("--note", default="synthetic patients", help="what the rows are; kept with the coefficients")
    parser.add_argument(
        "--held", type=Path, metavar="ROWS", help="rows of other patients, to leave out poor classes by"
    )
    parser.add_argument("--out", type=Path, default=PATH)
    asked = parser.parse_args()
    content = asked.rows.read_bytes()
    rows = _rows(content)
    provenance = {
        "rows": asked.note,
        "count": str(len(rows)),
        "patients": str(len({row.patient for row in rows})),
        "sha256": hashlib.sha256(content).hexdigest(),
        "method": "ridge logistic per class of structure, Platt's line from five folds by patient",
    }
    model = fit_invasion(rows, provenance)
    if asked.held:
        model = only_sound(model, _rows(asked.held.read_bytes()), rows)
    save_model(model, asked.out)
    for kind, figures in model.held_out.items():
        sys.stdout.write(
            f"{kind}: {figures.rows} contacts, {figures.positives} invaded; held out: AUC {figures.auc:.3f}, "
            f"ECE {figures.ece:.3f}, sensitivity {figures.sensitivity:.2f}, specificity {figures.specificity:.2f}\n"
        )
    sys.stdout.writelines(f"{kind}: left out ({reason})\n" for kind, reason in model.left_out.items())


def _rows(content: bytes) -> list[InvasionRow]:
    return [row_from(json.loads(line)) for line in content.splitlines() if line.strip()]


if __name__ == "__main__":
    main()
