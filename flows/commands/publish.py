"""`aimdt publish CASE`: order the delivery of a case's results, send what is due, and show what became of it."""

from __future__ import annotations

import argparse
import json
import sys

from db.outbox import PARKED, Outbox
from flows.cli import PART_FAILED, STAGED
from flows.commands.deliver import shown
from tasks.destination import senders
from tasks.outbox import deliver_due
from tasks.publication import order_again
from tasks.records import store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt publish`."""
    parser.add_argument("case", metavar="CASE", help="case id; `aimdt cases` lists them")
    parser.add_argument("--preliminary", action="store_true", help="also an unsigned draft may go out, marked as such")
    parser.add_argument("--release", action="store_true", help="let parked deliveries of the case be tried again")
    parser.add_argument("--order-only", action="store_true", help="leave the sending to `aimdt deliver`")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def run(options: argparse.Namespace) -> int:
    """Order and send; status 3 when a delivery of the case is parked for a person to look at."""
    outbox = Outbox(store().engine)
    order_again(options.case, preliminary=options.preliminary)
    if options.release:
        outbox.release(options.case)
    if not options.order_only:
        deliver_due(outbox, senders())
    rows = outbox.deliveries(options.case)
    if options.json:
        sys.stdout.write(json.dumps({"deliveries": [shown(row) for row in rows]}) + "\n")
    else:
        for row in rows:
            reason = f": {row.reason}" if row.reason else ""
            sys.stdout.write(f"{row.destination} {row.sequence} {row.intent:<17} {row.state}{reason}\n")
    return PART_FAILED if any(row.state == PARKED for row in rows) else STAGED
