"""`aimdt demo`: a synthetic patient from DICOM, contours and record to the report."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from flows.cli import PART_FAILED, STAGED
from flows.commands.stage import print_outcome, stage
from oncology.errors import ScopeError
from tasks.request import Request

MADE = ("lung",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt demo`."""
    parser.add_argument("--cancer", default="lung", metavar="KEY", help=f"one of: {', '.join(MADE)}")
    parser.add_argument("--out", type=Path, default=Path("demo-out"), metavar="DIR")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def run(options: argparse.Namespace) -> int:
    """Make the demo patient, stage them, and say where the report lies."""
    if options.cancer not in (*MADE, "all"):
        raise ScopeError(f"there is no demo patient of {options.cancer!r} yet; expected one of: {', '.join(MADE)}")
    from models.synthetic.patient import DEMO  # heavy: only when the patient is made
    from tasks.synthetic import write_patient

    console = Console(stderr=True, quiet=options.json)
    with tempfile.TemporaryDirectory(prefix="aimdt-demo-") as name:
        with console.status("making a synthetic patient: CT, PET, contours and record"):
            write_patient(DEMO, Path(name) / "lung")
        patient = options.out / "patient"
        shutil.rmtree(patient, ignore_errors=True)
        patient.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(Path(name) / "lung", patient)
    request = Request(
        ct=patient / "ct",
        pet=patient / "pet",
        cancer="lung",
        ehr=patient / "record.json",
        contours=(patient / "contours.dcm",),
    )
    outcome = stage(request, options.out / "lung", quiet=options.json)
    truth = json.loads((patient / "truth.json").read_bytes())["categories"]
    if options.json:
        sys.stdout.write(json.dumps(outcome | {"truth": truth}) + "\n")
    else:
        print_outcome(outcome, options.out / "lung")
        constructed = "; ".join(f"TNM {edition}: {' '.join(values.values())}" for edition, values in truth.items())
        console.print(f"by construction the synthetic patient is {constructed}", highlight=False)
    return PART_FAILED if outcome["failures"] else STAGED
