"""`python -m oncology.invasion ROWS.jsonl`: fit the invasion model and say how it does on held-out patients."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

from oncology.invasion.model import PATH, fit_invasion, row_from, save_model


def main() -> None:
    """Read rows (see model.row_json), fit, save the coefficients with their provenance, print the held-out figures."""
    parser = argparse.ArgumentParser(prog="python -m oncology.invasion", description="Fit the invasion model.")
    parser.add_argument("rows", type=Path, help="one JSON object per line, as model.row_json gives them")
    parser.add_argument("--note", default="synthetic patients", help="what the rows are; kept with the coefficients")
    parser.add_argument("--out", type=Path, default=PATH)
    asked = parser.parse_args()
    content = asked.rows.read_bytes()
    rows = [row_from(json.loads(line)) for line in content.splitlines() if line.strip()]
    provenance = {
        "rows": asked.note,
        "count": str(len(rows)),
        "patients": str(len({row.patient for row in rows})),
        "sha256": hashlib.sha256(content).hexdigest(),
        "method": "ridge logistic per class of structure, Platt's line from five folds by patient",
    }
    model = fit_invasion(rows, provenance)
    save_model(model, asked.out)
    for kind, figures in model.held_out.items():
        sys.stdout.write(
            f"{kind}: {figures.rows} contacts, {figures.positives} invaded; held out: AUC {figures.auc:.3f}, "
            f"ECE {figures.ece:.3f}, sensitivity {figures.sensitivity:.2f}, specificity {figures.specificity:.2f}\n"
        )


if __name__ == "__main__":
    main()
