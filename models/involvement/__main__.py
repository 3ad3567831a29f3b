"""`python -m models.involvement TABLES [--out DIR]`: train on the lyDATA tables, write the model, print its figures."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

from models.involvement.model import leave_one_institution_out, save, train
from models.involvement.tables import read_tables

NAME = "neck-involvement"


def main(arguments: list[str]) -> int:
    """Train, judge by leaving institutions out, write."""
    parser = argparse.ArgumentParser(prog="python -m models.involvement", description=__doc__)
    parser.add_argument("tables", type=Path, help="folder with the lyDATA tables")
    parser.add_argument("--out", type=Path, help="write the model here; without it only figures are printed")
    options = parser.parse_args(arguments)
    patients = read_tables(options.tables)
    report = {"patients": len(patients), "leave_one_institution_out": leave_one_institution_out(patients)}
    if options.out:
        path = options.out / f"{NAME}.json"
        save(train(patients), path)
        report["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    sys.stdout.write(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
