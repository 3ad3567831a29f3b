"""From the outbox to the EHR: keep what is to be sent, claim, send, record. No Prefect: this runs without a server.

What is sent names the patient, so it lies in the case's private folder under its SHA-256; the records hold the hash.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from db.outbox import Job, LeaseLostError, Order, Outbox
from db.tables import Delivery, RemoteResource
from mdt_fhir.push import push
from mdt_fhir.push_entry import Stored
from mdt_fhir.push_http import PushSettings
from oncology.errors import AimdtError, DeliveryDelayedError, DeliveryRefusedError, StoreError
from tasks.case_files import CaseFiles, sha256_of

LOG = logging.getLogger("aimdt.delivery")
EHR = "ehr"
BEATS_PER_LEASE = 4


@dataclass(frozen=True)
class Outcome:
    """What a destination holds after a delivery; `uncertain`: a late copy may still arrive."""

    remote: tuple[RemoteResource, ...]
    uncertain: bool


Sender = Callable[[Job, bytes, Callable[[], None]], Outcome]
Build = Callable[[Mapping[str, Any] | None], Mapping[str, Any]]


def prepare(outbox: Outbox, case_id: str, intent: str, build: Build, destination: str = EHR) -> Order:
    """Keep the next version of a case's result and return the order for it.

    Hand the order to `Store.finish_run`, to `enqueue` in another transaction, or to `Outbox.publish`.

    Args:
        build: gives the bundle, from the one ordered before (None at first), so that findings that are gone since are
            withdrawn: `build_bundle(..., previous=...)`.
    """
    earlier = outbox.deliveries(case_id, destination)
    previous = json.loads(read_payload(case_id, earlier[-1].payload)) if earlier else None
    content = json.dumps(build(previous), ensure_ascii=False, sort_keys=True).encode()
    return Order(case_id, destination, intent, keep_payload(case_id, content))


def publish(outbox: Outbox, case_id: str, intent: str, build: Build, destination: str = EHR) -> Delivery:
    """Order a delivery in a transaction of its own."""
    return outbox.publish(prepare(outbox, case_id, intent, build, destination))


def keep_payload(case_id: str, content: bytes) -> str:
    """Write what is to be sent, safely on the disk before anything refers to it; returns its SHA-256."""
    digest = hashlib.sha256(content).hexdigest()
    path = _payload(case_id, digest)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, draft = tempfile.mkstemp(dir=path.parent)  # mkstemp: readable by the owner only
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(draft).replace(path)
    except OSError as error:
        Path(draft).unlink(missing_ok=True)
        raise StoreError(
            f"a delivery could not be written: {error.strerror}; free space or check permissions"
        ) from error
    return digest


def read_payload(case_id: str, digest: str) -> bytes:
    """What is to be sent.

    Raises:
        StoreError: it is gone or was changed.
    """
    path = _payload(case_id, digest)
    if not path.is_file() or sha256_of(path) != digest:
        raise StoreError(f"what case {case_id} wants to send is gone or was changed; publish the case again")
    return path.read_bytes()


def _payload(case_id: str, digest: str) -> Path:
    return CaseFiles(case_id).private / "outbox" / f"{digest}.json"


def fhir_sender(base_url: str, settings: PushSettings) -> Sender:
    """Sends bundles to a FHIR server."""

    def send(job: Job, payload: bytes, beat: Callable[[], None]) -> Outcome:
        known = [Stored(row.key, row.reference, row.version, row.owned) for row in job.known]
        receipt = push(json.loads(payload), base_url, settings, known, look_first=job.look_first, beat=beat)
        rows = [
            RemoteResource(
                case_id=job.case_id,
                destination=job.destination,
                key=item.full_url,
                reference=item.reference,
                version=item.version,
                owned=item.owned,
                sequence=job.sequence,
            )
            for item in receipt.stored
        ]
        return Outcome(tuple(rows), receipt.uncertain)

    return send


def deliver_next(outbox: Outbox, senders: Mapping[str, Sender]) -> Job | None:
    """Claim one delivery, send it and record how it went; returns what was claimed, None when nothing is due."""
    job = outbox.claim()
    if job is None:
        return None
    try:
        outcome = _send(job, senders, Beat(outbox, job))
        if isinstance(outcome, Outcome):
            outbox.delivered(job, outcome.remote, uncertain=outcome.uncertain)
        elif isinstance(outcome, DeliveryDelayedError):
            outbox.delayed(job, str(outcome), after_s=outcome.after_s, uncertain=outcome.uncertain)
        else:
            outbox.parked(job, str(outcome))
    except LeaseLostError as error:
        LOG.warning("%s", error)
    return job


def _send(job: Job, senders: Mapping[str, Sender], beat: Callable[[], None]) -> Outcome | AimdtError:
    """What became of it; errors of the delivery are an answer here, a lost lease is not."""
    try:
        if job.destination not in senders:
            raise DeliveryRefusedError(
                f"there is no destination {job.destination!r}; set it up, then release the delivery"
            )
        return senders[job.destination](job, read_payload(job.case_id, job.payload), beat)
    except LeaseLostError:
        raise
    except AimdtError as error:
        LOG.warning("case %s, version %d for %s: %s", job.case_id, job.sequence, job.destination, error)
        return error


class Beat:
    """Keeps a claim alive: called before every request, it renews the lease when a part of it is over."""

    def __init__(self, outbox: Outbox, job: Job) -> None:
        self.outbox = outbox
        self.job = job
        self.renewed = time.monotonic()

    def __call__(self) -> None:
        """Renew when it is time; raises LeaseLostError when another worker has taken over."""
        if time.monotonic() - self.renewed > self.outbox.policy.lease_s / BEATS_PER_LEASE:
            self.outbox.renew(self.job)
            self.renewed = time.monotonic()


def deliver_due(outbox: Outbox, senders: Mapping[str, Sender]) -> int:
    """Send all that is due now; returns how many attempts that were."""
    attempts = 0
    while deliver_next(outbox, senders):
        attempts += 1
    return attempts


def work(
    outbox: Outbox,
    senders: Mapping[str, Sender],
    stop: threading.Event,
    poll_s: float = 5.0,
    told: Callable[[Job], None] = lambda _job: None,
) -> None:
    """Send what is due, whenever it is, until told to stop; what is being sent then is sent to its end.

    Records that cannot be reached for a while end nothing: the lease of what was being sent runs out meanwhile.

    Args:
        told: hears of every attempt after it was recorded.
    """
    while not stop.is_set():
        try:
            job = deliver_next(outbox, senders)
            if job is not None:
                told(job)
        except (StoreError, SQLAlchemyError) as error:
            LOG.error("the records cannot be used now (%s); tried again in %g s", type(error).__name__, poll_s)
            job = None
        if job is None:
            stop.wait(poll_s)
