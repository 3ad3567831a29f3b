"""The outbox: what has to reach the EHR and the PACS, written in the same transaction as the result itself.

A delivery is one version of a case's result for one destination. The newest version is the one that counts: it
supersedes those still waiting, and is sent after the one that is being sent has ended. A worker claims a delivery by a
lease; when the worker dies the lease ends, and the next one asks the destination what arrived before it sends again.
All changes of a case's deliveries happen under a lock on the case's row (SQLite: on the database).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, exists, or_, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from db import audit
from db.tables import Case, Delivery, RemoteResource
from db.transaction import Transaction
from oncology.errors import StoreError

WAITING, SENDING, DELIVERED, CHECKING = "waiting", "sending", "delivered", "checking"
PARKED, SUPERSEDED = "parked", "superseded"
INTENTS = ("preliminary", "final", "amended", "entered-in-error")
WORKER = "delivery"  # the actor in the audit


@dataclass(frozen=True)
class Order:
    """A result that has to reach a destination. `payload` is the SHA-256 of what is sent."""

    case_id: str
    destination: str
    intent: str
    payload: str


@dataclass(frozen=True)
class Policy:
    """How patient the worker is, in seconds."""

    lease_s: float = 120.0  # longer than any single request
    pause_s: float = 10.0  # before the second attempt; doubled with each
    longest_pause_s: float = 3600.0
    max_attempts: int = 30  # about a day
    settle_s: float = 600.0  # after an answer got lost: how long a late copy may still be on its way


@dataclass(frozen=True)
class Job:
    """A delivery that this worker has claimed. `look_first`: something may have arrived before."""

    case_id: str
    destination: str
    sequence: int
    intent: str
    payload: str
    lease: str
    look_first: bool
    known: tuple[RemoteResource, ...]


class LeaseLostError(StoreError):
    """Another worker has taken over: whatever this one does now must not be recorded."""


def moment(after_s: float = 0.0) -> str:
    """Now or later as ISO 8601 text in UTC, to the millisecond; such texts sort as the times do."""
    return (datetime.now(UTC) + timedelta(seconds=after_s)).isoformat(timespec="milliseconds")


def enqueue(session: Session, order: Order) -> Delivery:
    """Ask for a delivery inside the caller's transaction; the same order again changes nothing.

    Raises:
        StoreError: no such case, or an intent that does not exist.
    """
    if order.intent not in INTENTS:
        raise StoreError(f"there is no intent {order.intent!r}; expected one of {', '.join(INTENTS)}")
    _lock_case(session, order.case_id)
    rows = _deliveries(session, order.case_id, order.destination)
    if rows and (rows[-1].payload, rows[-1].intent) == (order.payload, order.intent):
        return rows[-1]
    for row in rows:
        row.check_at = None  # the new version looks after what this one left open
        if row.state in (WAITING, PARKED):
            _move(row, SUPERSEDED, "a newer version was published")
    delivery = Delivery(
        **asdict(order),
        sequence=rows[-1].sequence + 1 if rows else 1,
        state=WAITING,
        due=moment(),
        created=moment(),
        updated=moment(),
    )
    session.add(delivery)
    _note(session, delivery, "delivery-ordered", {"intent": order.intent, "payload": order.payload})
    return delivery


class Outbox:
    """The deliveries behind one database."""

    def __init__(self, engine: Engine, policy: Policy | None = None) -> None:
        self.engine = engine
        self.policy = policy or Policy()

    def publish(self, order: Order) -> Delivery:
        """Ask for one delivery in a transaction of its own."""
        with Transaction(self.engine) as session:
            return enqueue(session, order)

    def claim(self) -> Job | None:
        """The delivery that is due first and that nobody sends; None when there is none."""
        while True:
            with Transaction(self.engine) as session:
                row = _next(session)
                if row is None:
                    return None
                job = self._take(session, row)
            if job is not None:
                return job

    def renew(self, job: Job) -> None:
        """Keep the claim for another lease.

        Raises:
            LeaseLostError: it ended meanwhile, and somebody else has it.
        """
        mine = and_(*_key(job.case_id, job.destination, job.sequence), col(Delivery.lease) == job.lease)
        with Transaction(self.engine) as session:
            statement = update(Delivery).where(mine).values(lease_until=moment(self.policy.lease_s))
            if session.connection().execute(statement).rowcount != 1:
                raise _lease_lost(job)

    def delivered(self, job: Job, remote: Iterable[RemoteResource], *, uncertain: bool) -> None:
        """Record what the destination holds now; look again later when a late copy may still arrive there.

        Raises:
            LeaseLostError: somebody else has the delivery.
        """
        with Transaction(self.engine) as session:
            row = _claimed(session, job)
            again = row.state == CHECKING
            for resource in remote:
                session.merge(resource)
            rows = [
                item for item in _deliveries(session, job.case_id, job.destination) if item.sequence <= job.sequence
            ]
            shaky = uncertain or (not again and any(item.uncertain for item in rows))
            for item in rows:
                item.uncertain = shaky and item is row
            row.attempts, row.check_at = 0, moment(self.policy.settle_s) if shaky else None
            _move(row, DELIVERED)
            if not again:
                _note(session, row, "delivered", {"intent": row.intent, "payload": row.payload})

    def delayed(self, job: Job, reason: str, *, after_s: float | None = None, uncertain: bool = False) -> None:
        """Record that it has to be tried again, or park it when it was tried often enough."""
        with Transaction(self.engine) as session:
            row = _claimed(session, job)
            row.uncertain |= uncertain
            pause = min(self.policy.pause_s * 2 ** (row.attempts - 1), self.policy.longest_pause_s)
            row.due = moment(max(pause, after_s or 0.0))
            if row.attempts >= self.policy.max_attempts:
                self._park(session, row, f"given up after {row.attempts} attempts; {reason}")
            elif row.state == CHECKING:
                row.check_at = row.due
                _move(row, DELIVERED, reason)
            else:
                _move(row, WAITING, reason)

    def parked(self, job: Job, reason: str) -> None:
        """Record that the destination refuses it; a person has to look and then `release` it."""
        with Transaction(self.engine) as session:
            self._park(session, _claimed(session, job), reason)

    def release(self, case_id: str, destination: str | None = None, *, actor: str = "system") -> int:
        """Let parked deliveries of a case be tried again; returns how many."""
        with Transaction(self.engine) as session:
            _lock_case(session, case_id)
            rows = [row for row in _deliveries(session, case_id, destination) if row.state == PARKED]
            for row in rows:
                row.attempts, row.due = 0, moment()
                _move(row, WAITING)
                _note(session, row, "delivery-released", {}, actor=actor)
            return len(rows)

    def deliveries(self, case_id: str, destination: str | None = None) -> list[Delivery]:
        """All deliveries of a case, by destination and then the oldest first."""
        with Session(self.engine) as session:
            return _deliveries(session, case_id, destination)

    def next_due(self) -> str | None:
        """When the next delivery, check or end of a lease comes; None when everything is delivered or parked."""
        with Session(self.engine) as session:
            rows = session.exec(select(Delivery).where(_open()))
            return min((_due(row) for row in rows), default=None)

    def _take(self, session: Session, row: Delivery) -> Job | None:
        """Claim a row that is due; None when a newer version makes it pointless."""
        rows = _deliveries(session, row.case_id, row.destination)
        if row.state in (SENDING, CHECKING):
            row.uncertain = True  # its worker died
        if rows[-1].sequence > row.sequence:
            _move(row, SUPERSEDED, "a newer version was published")
            return None
        if row.attempts >= self.policy.max_attempts:
            self._park(session, row, f"given up after {row.attempts} attempts, the last of which ended its worker")
            return None
        check = row.state in (DELIVERED, CHECKING)
        look = check or any(item.uncertain for item in rows)
        row.attempts += 1
        _move(row, CHECKING if check else SENDING, row.reason)
        row.lease, row.lease_until = secrets.token_hex(8), moment(self.policy.lease_s)
        known = select(RemoteResource).where(
            col(RemoteResource.case_id) == row.case_id, col(RemoteResource.destination) == row.destination
        )
        held = tuple(session.exec(known))
        return Job(
            row.case_id, row.destination, row.sequence, row.intent, row.payload, row.lease, look_first=look, known=held
        )

    def _park(self, session: Session, row: Delivery, reason: str) -> None:
        row.check_at = None
        _move(row, PARKED, reason)
        _note(session, row, "delivery-parked", {"reason": reason})


def _next(session: Session) -> Delivery | None:
    """The delivery that is due first, with its case locked."""
    while True:
        found = session.exec(
            select(Delivery, Case)
            .join(Case, col(Case.case_id) == col(Delivery.case_id))
            .where(_claimable(moment()))
            .order_by(col(Delivery.due), col(Delivery.case_id), col(Delivery.sequence))
            .limit(1)
            .with_for_update(of=Case, skip_locked=True, key_share=True)
        ).first()
        if found is None:
            return None
        row = found[0]
        # What was read before the lock was granted may be old: read again under the lock.
        session.refresh(row)
        same = and_(*_key(row.case_id, row.destination, row.sequence), _claimable(moment()))
        if session.exec(select(Delivery).where(same)).first() is not None:
            return row


def _claimable(now: str) -> ColumnElement[bool]:
    """Due and held by nobody, with no earlier version still on its way."""
    earlier = aliased(Delivery)
    ahead = exists().where(
        and_(
            earlier.case_id == Delivery.case_id,  # type: ignore[arg-type]
            earlier.destination == Delivery.destination,  # type: ignore[arg-type]
            earlier.sequence < Delivery.sequence,  # type: ignore[arg-type]
            col(earlier.state).in_((WAITING, SENDING, CHECKING)),
        )
    )
    state = col(Delivery.state)
    return and_(
        or_(
            and_(state == WAITING, col(Delivery.due) <= now),
            and_(state.in_((SENDING, CHECKING)), col(Delivery.lease_until) <= now),
            and_(state == DELIVERED, col(Delivery.check_at) <= now),
        ),
        ~ahead,
    )


def _open() -> ColumnElement[bool]:
    state = col(Delivery.state)
    return or_(state.in_((WAITING, SENDING, CHECKING)), and_(state == DELIVERED, col(Delivery.check_at).is_not(None)))


def _due(row: Delivery) -> str:
    at = {WAITING: row.due, SENDING: row.lease_until, CHECKING: row.lease_until, DELIVERED: row.check_at}[row.state]
    return at or row.due


def _lock_case(session: Session, case_id: str) -> None:
    found = session.exec(select(Case).where(Case.case_id == case_id).with_for_update(key_share=True)).first()
    if found is None:
        raise StoreError(f"there is no case {case_id} in the records; `aimdt cases` lists what there is")


def _claimed(session: Session, job: Job) -> Delivery:
    """The row of a job, with its case locked, when the job still holds it."""
    _lock_case(session, job.case_id)
    row = session.exec(select(Delivery).where(*_key(job.case_id, job.destination, job.sequence))).first()
    if row is None or row.lease != job.lease:
        raise _lease_lost(job)
    return row


def _deliveries(session: Session, case_id: str, destination: str | None) -> list[Delivery]:
    query = select(Delivery).where(Delivery.case_id == case_id)
    if destination is not None:
        query = query.where(Delivery.destination == destination)
    return list(session.exec(query.order_by(col(Delivery.destination), col(Delivery.sequence))))


def _key(case_id: str, destination: str, sequence: int) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Delivery.case_id) == case_id,
        col(Delivery.destination) == destination,
        col(Delivery.sequence) == sequence,
    )


def _move(row: Delivery, state: str, reason: str | None = None) -> None:
    row.state, row.reason, row.updated = state, reason, moment()
    row.lease = row.lease_until = None


def _note(session: Session, row: Delivery, action: str, detail: dict[str, Any], *, actor: str = WORKER) -> None:
    content = {"destination": row.destination, "version": row.sequence, **detail}
    audit.append(session, row.case_id, actor, action, content)


def _lease_lost(job: Job) -> LeaseLostError:
    return LeaseLostError(
        f"version {job.sequence} of case {job.case_id} for {job.destination} is held by another worker now; "
        "nothing was recorded"
    )
