"""`aimdt demo`: synthetic patients from DICOM, contours and record to the report."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from flows.cli import PART_FAILED, STAGED
from flows.commands.stage import print_outcome, stage
from oncology.cancers.protocol import MODULES
from oncology.errors import ScopeError
from tasks.request import Request

# One patient for each group of cancers, as far as its cancer is staged from images.
MADE = tuple(name for name in ("lung", "larynx", "esophagus", "pancreas") if name in MODULES)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt demo`."""
    parser.add_argument("--cancer", default="lung", metavar="KEY", help=f"one of: {', '.join(MADE)}, all")
    parser.add_argument("--out", type=Path, default=Path("demo-out"), metavar="DIR")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def run(options: argparse.Namespace) -> int:
    """Make the demo patients, stage them, and say where the reports lie."""
    if options.cancer not in (*MADE, "all"):
        raise ScopeError(f"there is no demo patient of {options.cancer!r}; expected one of: {', '.join(MADE)}, all")
    cancers = MADE if options.cancer == "all" else (options.cancer,)
    console = Console(stderr=True, quiet=options.json)
    outcomes = {}
    for cancer in cancers:
        folder = options.out / ("patient" if len(cancers) == 1 else f"patient-{cancer}")
        outcomes[cancer] = _staged(cancer, folder, options.out / cancer, console)
        if not options.json:
            _say(outcomes[cancer], options.out / cancer, console)
    if options.json:
        content = outcomes if options.cancer == "all" else outcomes[options.cancer]
        sys.stdout.write(json.dumps(content) + "\n")
    return PART_FAILED if any(outcome["failures"] for outcome in outcomes.values()) else STAGED


def _staged(cancer: str, patient: Path, out: Path, console: Console) -> dict[str, Any]:
    """The outcome of one demo patient with its truth."""
    _make(cancer, patient, console)
    request = Request(
        ct=patient / "ct",
        pet=patient / "pet",
        cancer=cancer,
        ehr=patient / "record.json",
        contours=(patient / "contours.dcm",),
    )
    outcome = stage(request, out, quiet=console.quiet)
    return outcome | {"truth": json.loads((patient / "truth.json").read_bytes())["categories"]}


def _make(cancer: str, patient: Path, console: Console) -> None:
    from models.synthetic.patient import DEMOS  # heavy: only when the patient is made
    from tasks.synthetic import write_patient

    with tempfile.TemporaryDirectory(prefix="aimdt-demo-") as name:
        with console.status(f"making a synthetic patient ({cancer}): CT, PET, contours and record"):
            write_patient(DEMOS[cancer], Path(name) / cancer)
        shutil.rmtree(patient, ignore_errors=True)
        patient.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(Path(name) / cancer, patient)


def _say(outcome: dict[str, Any], out: Path, console: Console) -> None:
    print_outcome(outcome, out)
    constructed = "; ".join(
        f"TNM {edition}: {' '.join(values.values())}" for edition, values in outcome["truth"].items()
    )
    console.print(f"by construction the synthetic patient is {constructed}", highlight=False)
