"""`aimdt audit CASE`: every event of a case, and whether the chain holds."""

from __future__ import annotations

import argparse
import json
import sys

from sqlmodel import Session

from db import audit
from db.engine import open_database
from db.review import Reviews
from db.store import Store
from flows.cli import PART_FAILED, STAGED
from tasks.settings import settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt audit`."""
    parser.add_argument("case", metavar="CASE", help="case id; `aimdt cases` lists them")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def run(options: argparse.Namespace) -> int:
    """Print the events; status 3 when one was changed or removed."""
    store = Store(open_database(settings().records_url))
    with Session(store.engine) as session:
        events = audit.chain(session, options.case)
    if not events:
        store.case(options.case)  # says that there is no such case; an erased one still has its events
    faults = [*audit.faults(events), *Reviews(store).faults(options.case)]
    if options.json:
        sys.stdout.write(json.dumps({"events": [event.model_dump() for event in events], "faults": faults}) + "\n")
        return PART_FAILED if faults else STAGED
    for event in events:
        sys.stdout.write(
            f"{event.sequence:>4}  {event.at}  {event.actor:<10} {event.action}  {json.dumps(event.detail)}\n"
        )
    sys.stdout.write("\n".join(faults) + "\n" if faults else "the chain holds\n")
    return PART_FAILED if faults else STAGED
