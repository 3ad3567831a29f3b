"""`aimdt cases`: the cases of this machine."""

from __future__ import annotations

import argparse
import json
import sys

from db.engine import open_database
from db.store import Store
from flows.cli import STAGED
from tasks.settings import settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt cases`."""
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def run(options: argparse.Namespace) -> int:
    """Print one line per case, the last changed first."""
    cases = Store(open_database(settings().records_url)).cases()
    if options.json:
        sys.stdout.write(json.dumps({"cases": [case.model_dump() for case in cases]}) + "\n")
        return STAGED
    for case in cases:
        sys.stdout.write(f"{case.case_id}  {case.cancer:<14} {case.state:<16} {case.updated}\n")
    if not cases:
        sys.stdout.write("no case yet; `aimdt stage` or `aimdt demo` makes one\n")
    return STAGED
