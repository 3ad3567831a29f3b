"""The review of a case: states and their order, edits, signatures, erasure. Every change is one transaction.

    awaiting-review -> in-review -> signed -> amended -> amended ...
                                       |          |
                                       +----------+--> withdrawn

A reviewer who looked at version N writes version N + 1, or is told that somebody else did so first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Table, delete
from sqlmodel import Session, SQLModel, func, select

from db import audit
from db.accounts import Person, Role
from db.outbox import Order, enqueue
from db.store import Store, now
from db.tables import AuditEvent, Case, Document, EditRow, Finding, Review, Run, Signature, StagingRow, Tombstone
from oncology.edit import Edit, EditKind
from oncology.errors import ReviewError, StaleError, StoreError


class State(StrEnum):
    """Where a case stands with its reviewers; before that it is received, analyzing or failed."""

    AWAITING_REVIEW = "awaiting-review"
    IN_REVIEW = "in-review"
    SIGNED = "signed"
    AMENDED = "amended"
    WITHDRAWN = "withdrawn"


TRANSITIONS: Mapping[str, frozenset[State]] = {
    State.AWAITING_REVIEW: frozenset({State.IN_REVIEW}),
    State.IN_REVIEW: frozenset({State.SIGNED}),
    State.SIGNED: frozenset({State.AMENDED, State.WITHDRAWN}),
    State.AMENDED: frozenset({State.AMENDED, State.WITHDRAWN}),
    State.WITHDRAWN: frozenset(),
}
EDITABLE = (State.IN_REVIEW, State.SIGNED, State.AMENDED)
STATE_AFTER = {"final": State.SIGNED, "amended": State.AMENDED, "withdrawn": State.WITHDRAWN}
LEAST_REASON = 3  # characters


@dataclass(frozen=True)
class SignedResults:
    """What a signature is over: the run it is kept under, its rows, the files, and where they are to go."""

    run: Run
    rows: Sequence[Finding | StagingRow | Document]
    folder: str
    content_sha256: str
    orders: Sequence[Order] = ()


def check_transition(before: str, after: State) -> None:
    """Raise ReviewError unless a case may go from one state to the other."""
    allowed = TRANSITIONS.get(before, frozenset())
    if after not in allowed:
        ways = ", ".join(sorted(allowed)) or "no other state"
        raise ReviewError(f"the case is {before}; it cannot become {after}; from here it can become: {ways}")


def check_reason(reason: str) -> str:
    """The reason without spaces around it.

    Raises:
        ReviewError: there is none.
    """
    stripped = reason.strip()
    if len(stripped) < LEAST_REASON:
        raise ReviewError("a change needs a reason; expected a few words in --reason")
    return stripped


class Reviews:
    """Reviews behind one database."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def find(self, case_id: str) -> Review | None:
        """The review of a case, if it was opened."""
        with Session(self.store.engine) as session:
            return session.get(Review, case_id)

    def open(self, case_id: str, run_key: str, person: Person) -> Review:
        """Begin the review of a run's draft; one that was opened before goes on."""
        person.require(Role.REVIEWER)
        with self.store.transaction() as session:
            case = _held_case(session, case_id)
            review = session.get(Review, case_id)
            if review is None or case.state == State.AWAITING_REVIEW:
                _move(case, State.IN_REVIEW)
                review = review or Review(case_id=case_id, run_key=run_key, opened=now(), updated=now())
                review.run_key = run_key
                session.add(review)
                audit.append(session, case_id, person.account, "review-opened", {"run": run_key})
        return review

    def record(self, case_id: str, version: int, person: Person, edits: Sequence[Edit]) -> Review:
        """Keep edits, all or none; the version seen by their author must be the present one.

        Raises:
            StaleError: somebody else edited or signed the case since.
            ReviewError: the case is not under review, or an edit has no reason.
            AccessError: the person is no reviewer.
        """
        person.require(Role.REVIEWER)
        with self.store.transaction() as session:
            case = _held_case(session, case_id)
            if case.state not in EDITABLE:
                raise ReviewError(f"the case is {case.state}; only a case in review, signed or amended can be edited")
            review = _raise_version(session, case_id, version)
            place = _last(session, EditRow.sequence, case_id)
            for sequence, edit in enumerate(edits, start=place + 1):
                row = _edit_row(case_id, sequence, review.round, edit, person)
                session.add(row)
                detail = {"edit": sequence, "kind": row.kind, "sha256": edit_digest(row)}
                audit.append(session, case_id, person.account, "edited", detail)
            case.updated = now()
        return review

    def restart(self, case_id: str, version: int, run_key: str, person: Person, reason: str) -> Review:
        """Review a newer draft instead: edits of the old one stay on record and no longer apply."""
        person.require(Role.REVIEWER)
        check_reason(reason)
        with self.store.transaction() as session:
            case = _held_case(session, case_id)
            if case.state not in EDITABLE:
                raise ReviewError(f"the case is {case.state}; only an opened review can start over")
            review = _raise_version(session, case_id, version)
            review.run_key, review.round = run_key, review.round + 1
            audit.append(session, case_id, person.account, "review-restarted", {"run": run_key, "round": review.round})
        return review

    def edits(self, case_id: str, upto: int | None = None) -> tuple[Edit, ...]:
        """Edits that apply to the draft under review, oldest first; those up to a sequence only, when it is given."""
        review = self.find(case_id)
        rows: list[EditRow] = self.store.rows(EditRow, case_id=case_id) if review else []
        return tuple(
            Edit(EditKind(row.kind), row.target, row.new, row.old, row.actor, row.at, row.reason)
            for row in rows
            if review and row.round == review.round and (upto is None or row.sequence <= upto)
        )

    def signatures(self, case_id: str) -> list[Signature]:
        """Every signature of a case, oldest first."""
        found: list[Signature] = self.store.rows(Signature, case_id=case_id)
        return found

    def check_signable(self, case_id: str, kind: str, person: Person, reason: str) -> Review:
        """Whether this person may sign now.

        Raises:
            AccessError: no signer.
            ReviewError: the state does not allow it, or a reason is lacking (a first signature needs none).
        """
        person.require(Role.SIGNER)
        check_transition(self.store.case(case_id).state, STATE_AFTER[kind])
        if kind != "final":
            check_reason(reason)
        review = self.find(case_id)
        if review is None:
            raise ReviewError(f"case {case_id} was never reviewed; open it with `aimdt review {case_id} list` first")
        return review

    def sign(
        self, case_id: str, version: int, kind: str, person: Person, reason: str, results: SignedResults, at: str
    ) -> int:
        """Signature, results, state, deliveries and audit events in one transaction; returns the signature's number.

        Raises:
            StaleError: the case was edited or signed since the results were made.
        """
        self.check_signable(case_id, kind, person, reason)
        with self.store.transaction() as session:
            case = _held_case(session, case_id)
            _move(case, STATE_AFTER[kind])
            review = _raise_version(session, case_id, version)
            number = _last(session, Signature.number, case_id) + 1
            session.merge(results.run)
            session.flush()
            for row in results.rows:
                session.merge(row)
            signature = Signature(
                case_id=case_id,
                number=number,
                kind=kind,
                run_key=results.run.run_key,
                round=review.round,
                edits=_last(session, EditRow.sequence, case_id),
                actor=person.account,
                at=at,
                reason=reason.strip(),
                folder=results.folder,
                content_sha256=results.content_sha256,
            )
            session.add(signature)
            detail = {"signature": number, "kind": kind, "sha256": results.content_sha256}
            audit.append(session, case_id, person.account, STATE_AFTER[kind].value, detail)
            for order in results.orders:
                enqueue(session, order)
        return number

    def note(self, case_id: str, actor: str, action: str, detail: Mapping[str, Any] | None = None) -> None:
        """An audit event by itself: somebody looked at a case or took it along."""
        with self.store.transaction() as session:
            _held_case(session, case_id)
            audit.append(session, case_id, actor, action, dict(detail or {}))

    def erase(self, case_id: str, person: Person) -> dict[str, int]:
        """Delete every row of a case but its audit, and leave a tombstone; returns how many rows of which table.

        The audit's events hold no words of the case: ids, hashes and counts only.
        """
        person.require(Role.SIGNER)
        with self.store.transaction() as session:
            _held_case(session, case_id)
            number = _last(session, Tombstone.number, case_id) + 1
            stone = Tombstone(case_id=case_id, number=number, at=now(), actor=person.account, state="erasing")
            session.add(stone)
            session.flush()
            counts = _delete_rows(session, case_id)
            stone.state = "erased"
            audit.append(session, case_id, person.account, "erased", {"rows": sum(counts.values())})
        return counts

    def rows(self, case_id: str) -> dict[str, list[dict[str, Any]]]:
        """Every row of a case by table, the audit included."""
        with Session(self.store.engine) as session:
            connection = session.connection()
            return {
                table.name: [dict(row._mapping) for row in connection.execute(table.select().where(belongs))]
                for table, belongs in _tables_of(case_id)
            }

    def faults(self, case_id: str) -> list[str]:
        """Edits and signatures that are not what the audit says was written."""
        with Session(self.store.engine) as session:
            events = audit.chain(session, case_id)
        sealed = {event.detail["edit"]: event.detail["sha256"] for event in _since_erasure(events, "edited")}
        rows: list[EditRow] = self.store.rows(EditRow, case_id=case_id)
        found = [f"edit {row.sequence} was changed" for row in rows if sealed.get(row.sequence) != edit_digest(row)]
        missing = sealed.keys() - {row.sequence for row in rows}
        found += [f"edit {sequence} is missing" for sequence in sorted(missing)]
        return found + _signature_faults(events, self.signatures(case_id))


def _signature_faults(events: Sequence[AuditEvent], rows: Sequence[Signature]) -> list[str]:
    """Signatures whose signer, kind or content is not what the audit says."""
    sealed = {
        event.detail["signature"]: (event.actor, event.detail["kind"], event.detail["sha256"])
        for state in STATE_AFTER.values()
        for event in _since_erasure(events, state.value)
    }
    kept = {row.number: (row.actor, row.kind, row.content_sha256) for row in rows}
    found = [f"signature {number} was changed" for number in sorted(kept) if sealed.get(number) != kept[number]]
    return found + [f"signature {number} is missing" for number in sorted(sealed.keys() - kept.keys())]


def edit_digest(row: EditRow) -> str:
    """SHA-256 over an edit, which the audit keeps in place of its words."""
    return hashlib.sha256(json.dumps(row.model_dump(), sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _since_erasure(events: Sequence[AuditEvent], action: str) -> list[AuditEvent]:
    """Events of one kind after the case was last erased."""
    start = max((place for place, event in enumerate(events, start=1) if event.action == "erased"), default=0)
    return [event for event in events[start:] if event.action == action]


def _edit_row(case_id: str, sequence: int, number: int, edit: Edit, person: Person) -> EditRow:
    return EditRow(
        case_id=case_id,
        sequence=sequence,
        round=number,
        at=edit.at or now(),
        actor=person.account,
        kind=edit.kind.value,
        target=edit.target,
        old=edit.old,
        new=edit.value,
        reason=check_reason(edit.reason),
    )


def _held_case(session: Session, case_id: str) -> Case:
    """The case, held until the transaction ends, so that changes of one case happen one after another."""
    case = session.exec(select(Case).where(Case.case_id == case_id).with_for_update()).first()
    if case is None:
        raise StoreError(f"there is no case {case_id} in the records; `aimdt cases` lists what there is")
    return case


def _move(case: Case, state: State) -> None:
    check_transition(case.state, state)
    case.state, case.updated = state.value, now()


def _raise_version(session: Session, case_id: str, version: int) -> Review:
    review = session.get(Review, case_id)
    if review is None:
        raise ReviewError(f"case {case_id} has no review; open it with `aimdt review {case_id} list`")
    if review.version != version:
        raise StaleError(
            f"case {case_id} is at version {review.version} of its review, the change was made on version {version}; "
            f"look at it again with `aimdt review {case_id} list` and repeat the change"
        )
    review.version, review.updated = version + 1, now()
    session.add(review)
    return review


def _last(session: Session, column: Any, case_id: str) -> int:
    return session.exec(select(func.max(column)).where(column.class_.case_id == case_id)).one() or 0


def _delete_rows(session: Session, case_id: str) -> dict[str, int]:
    """Rows of every table that belongs to the case, those that refer to others first."""
    counts = {}
    for table, belongs in reversed(_tables_of(case_id)):
        if table.name not in (AuditEvent.__tablename__, Tombstone.__tablename__):
            counts[table.name] = session.connection().execute(delete(table).where(belongs)).rowcount
    return {name: count for name, count in counts.items() if count}


def _tables_of(case_id: str) -> list[tuple[Table, ColumnElement[bool]]]:
    """Every table with rows of cases, and which rows are this case's; tables that are referred to come first."""
    runs = select(Run.run_key).where(Run.case_id == case_id)
    found: list[tuple[Table, ColumnElement[bool]]] = []
    for table in SQLModel.metadata.sorted_tables:
        if "case_id" in table.columns:
            found.append((table, table.c.case_id == case_id))
        elif "run_key" in table.columns:
            found.append((table, table.c.run_key.in_(runs)))
    return found
