"""`aimdt synth`: synthetic patients as a hospital would send them, with the truth beside."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import track

from flows.cli import STAGED
from models.synthetic.features.names import FEATURES
from oncology.errors import InputError, ScopeError
from oncology.findings import NECK_SITES

MADE = ("lung", "esophagus", "pancreas", *NECK_SITES)
SHIFTS = ("thick", "lowdose", "nocontrast", "othervendor", "obese", "motion")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt synth`."""
    parser.add_argument("--cancer", required=True, metavar="KEY", help=f"one of: {', '.join(MADE)}, all")
    parser.add_argument("--count", type=int, default=1, metavar="N", help="patients of each cancer (default: 1)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="equal seeds give equal patients")
    parser.add_argument("--shift", choices=SHIFTS, metavar="NAME", help=f"as otherwise scanned: {', '.join(SHIFTS)}")
    parser.add_argument("--with", dest="features", default="", metavar="NAME[,NAME...]", help=f"features: {_listed()}")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="one folder per patient goes here")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def _listed() -> str:
    """Every feature with what it is."""
    return "; ".join(f"{name} ({feature.says})" for name, feature in FEATURES.items())


def run(options: argparse.Namespace) -> int:
    """Write the patients."""
    if options.cancer not in (*MADE, "all"):
        raise ScopeError(
            f"synthetic patients of {options.cancer!r} are not made yet; expected one of: {', '.join(MADE)}"
        )
    if options.count < 1:
        raise InputError(f"--count is {options.count}; expected at least 1")
    if options.out.exists() and any(options.out.iterdir()):
        raise InputError("--out is not empty; expected a new or empty folder")
    from models.synthetic.draw import draw_plan  # scipy and more: only when patients are made
    from models.synthetic.features.catalog import with_features
    from tasks.synthetic import write_patient

    cancers = MADE if options.cancer == "all" else (options.cancer,)
    features = [name.strip() for name in options.features.split(",") if name.strip()]
    wanted = [
        (index, with_features(draw_plan(cancer, options.seed, index, options.shift), features))
        for cancer in cancers
        for index in range(options.count)
    ]
    made = []
    console = Console(stderr=True, quiet=options.json)
    marks = [mark for mark in (options.shift, "featured" if features else None) if mark]
    for index, plan in track(wanted, "making patients", console=console, disable=options.json):
        folder = options.out / "-".join((plan.cancer, f"{options.seed:06d}", f"{index:04d}", *marks))
        write_patient(plan, folder)
        made.append(folder.name)
    if options.json:
        sys.stdout.write(json.dumps({"out": str(options.out), "patients": made}) + "\n")
    return STAGED
