"""`aimdt publish CASE`: order the delivery of a case's results, send what is due, and show what became of it."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from db.outbox import PARKED, Outbox
from flows.cli import PART_FAILED, STAGED
from oncology.errors import InputError
from tasks.ehr import ehr_push_settings, ehr_url
from tasks.outbox import EHR, Sender, deliver_due, fhir_sender
from tasks.pacs import PACS, pacs_sender, pacs_web
from tasks.publication import order_again
from tasks.records import store
from tasks.settings import settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt publish`."""
    parser.add_argument("case", metavar="CASE", help="case id; `aimdt cases` lists them")
    parser.add_argument("--preliminary", action="store_true", help="also an unsigned draft may go out, marked as such")
    parser.add_argument("--release", action="store_true", help="let parked deliveries of the case be tried again")
    parser.add_argument("--order-only", action="store_true", help="leave the sending to the delivery worker")
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
        sys.stdout.write(json.dumps({"deliveries": [_shown(row) for row in rows]}) + "\n")
    else:
        for row in rows:
            reason = f": {row.reason}" if row.reason else ""
            sys.stdout.write(f"{row.destination} {row.sequence} {row.intent:<17} {row.state}{reason}\n")
    return PART_FAILED if any(row.state == PARKED for row in rows) else STAGED


def senders() -> dict[str, Sender]:
    """Ways to the destinations that are set up.

    Raises:
        InputError: none is.
    """
    found: dict[str, Sender] = {}
    if settings().ehr_url:
        found[EHR] = fhir_sender(ehr_url(), ehr_push_settings())
    if settings().pacs_url:
        found[PACS] = pacs_sender(pacs_web())
    if not found:
        raise InputError("there is nowhere to send results to; set AIMDT_EHR_URL, AIMDT_PACS_URL or both")
    return found


def _shown(row: Any) -> dict[str, Any]:
    names = ("destination", "sequence", "intent", "state", "attempts", "reason", "updated")
    return {name: getattr(row, name) for name in names}
