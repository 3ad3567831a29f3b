"""`aimdt export CASE`: one zip with everything that produced a case."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from flows.cli import STAGED
from flows.person import operator
from tasks.leaving import export_case


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt export`."""
    parser.add_argument("case", metavar="CASE", help="case id; `aimdt cases` lists them")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE.zip", help="it names the patient; keep it safe"
    )
    parser.add_argument("--without-inputs", action="store_true", help="leave out images, record and contours as given")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def run(options: argparse.Namespace) -> int:
    """Write the zip."""
    found = export_case(options.case, options.out, operator(), with_inputs=not options.without_inputs)
    if options.json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        sys.stdout.write(
            f"{options.out}: {found['files']} files, {found['bytes'] / 1e6:.1f} MB; it names the patient\n"
        )
    return STAGED
