"""`aimdt deliver`: the delivery worker. It sends what is due to EHR and PACS, whenever it is, until it is stopped.

Several may run at once, on several machines that share the records. One that is killed loses and doubles nothing: its
claim ends with the lease, and the next worker asks the destination what arrived before it sends again.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import threading
from collections.abc import Callable

from db.outbox import Job, Outbox, Policy
from db.tables import Delivery
from flows.cli import STAGED
from oncology.errors import InputError
from tasks.destination import senders
from tasks.ehr import longest_request_s
from tasks.outbox import work
from tasks.records import store

log = logging.getLogger("aimdt.delivery")
USUAL = Policy()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt deliver`."""
    parser.add_argument("--poll", type=float, default=5.0, metavar="S", help="seconds between looks (default: 5)")
    parser.add_argument(
        "--lease",
        type=float,
        default=USUAL.lease_s,
        metavar="S",
        help="how long the claim of a worker that died holds; longer than a request may take (default: 120)",
    )
    parser.add_argument(
        "--settle",
        type=float,
        default=USUAL.settle_s,
        metavar="S",
        help="how long after a lost answer a late copy is reckoned with; then it is looked once more (default: 600)",
    )
    parser.add_argument("--until-empty", action="store_true", help="end when nothing is left to send or look after")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line for every attempt")


def run(options: argparse.Namespace) -> int:
    """Send until SIGTERM or Ctrl-C; what is being sent then is sent to its end."""
    if options.lease <= longest_request_s():
        raise InputError(
            f"--lease is {options.lease:g} s, and a request may take {longest_request_s():g} s "
            "(AIMDT_FHIR_TIMEOUT_SECONDS); expected a longer lease"
        )
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    log.setLevel(logging.INFO)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    outbox = Outbox(store().engine, Policy(lease_s=options.lease, settle_s=options.settle))
    to = senders()
    log.info("delivering to: %s", ", ".join(to))
    if options.until_empty:
        threading.Thread(target=_stop_when_empty, args=(outbox, stop, options.poll), daemon=True).start()
    work(outbox, to, stop, options.poll, teller(outbox, as_json=options.json))
    log.info("stopped")
    return STAGED


def _stop_when_empty(outbox: Outbox, stop: threading.Event, poll_s: float) -> None:
    while outbox.next_due() is not None:
        stop.wait(poll_s)
    stop.set()


def teller(outbox: Outbox, *, as_json: bool = False) -> Callable[[Job], None]:
    """Says what became of every attempt: case id, destination, version and state."""

    def tell(job: Job) -> None:
        rows = outbox.deliveries(job.case_id, job.destination)
        row = next((item for item in rows if item.sequence == job.sequence), None)
        if row is None:
            return  # the case was erased meanwhile
        if as_json:
            sys.stdout.write(json.dumps({"case_id": job.case_id, **shown(row)}) + "\n")
            sys.stdout.flush()
        log.info("case %s, version %d for %s: %s", job.case_id, job.sequence, job.destination, row.state)

    return tell


def shown(row: Delivery) -> dict[str, object]:
    """A delivery as commands print it."""
    names = ("destination", "sequence", "intent", "state", "attempts", "reason", "updated")
    return {name: getattr(row, name) for name in names}
