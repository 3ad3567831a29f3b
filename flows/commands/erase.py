"""`aimdt erase CASE`: remove a case for good; a tombstone and the audit stay."""

from __future__ import annotations

import argparse
import json
import os
import sys

from flows.cli import STAGED
from flows.person import add_person, prove
from oncology.errors import ReviewError
from tasks.leaving import erase_case, outside_copies
from tasks.settings import prefect_environment, settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt erase`."""
    parser.add_argument("case", metavar="CASE", help="case id; `aimdt cases` lists them")
    add_person(parser)
    parser.add_argument("--yes", action="store_true", help="really: there is no way back")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def run(options: argparse.Namespace) -> int:
    """Erase rows, folder and Prefect's traces of the case."""
    if not options.yes:
        raise ReviewError("erasing cannot be undone; export the case first if it is still needed, then say --yes")
    person = prove(options.account)
    found = erase_case(options.case, person)
    os.environ.update(prefect_environment(settings().home))
    from tasks.workflow_traces import erase_traces  # Prefect must see its environment first

    found["workflow"] = erase_traces(options.case)
    if options.json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        sys.stdout.write(f"case {options.case} is erased; not reached from here: {outside_copies()}\n")
    return STAGED
