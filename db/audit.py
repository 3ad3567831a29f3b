"""The audit: append-only events, each sealed with a hash over itself and the one before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session, col, func, select

from db.tables import AuditEvent

FIRST = "0" * 64  # what stands before a case's first event


def append(session: Session, case_id: str, actor: str, action: str, detail: dict[str, Any]) -> AuditEvent:
    """Add an event to a case's chain inside the caller's transaction; writers of one chain wait for one another."""
    _hold_chain(session, case_id)
    last = session.exec(
        select(AuditEvent).where(AuditEvent.case_id == case_id).order_by(col(AuditEvent.sequence).desc()).limit(1)
    ).first()
    event = AuditEvent(
        case_id=case_id,
        sequence=last.sequence + 1 if last else 1,
        at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        actor=actor,
        action=action,
        detail=detail,
        previous=last.digest if last else FIRST,
        digest="",
    )
    event.digest = digest(event)
    session.add(event)
    return event


def _hold_chain(session: Session, case_id: str) -> None:
    """Keep others from adding to the chain until the transaction ends; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().execute(select(func.pg_advisory_xact_lock(func.hashtext(f"audit {case_id}"))))


def digest(event: AuditEvent) -> str:
    """SHA-256 over every column but itself, as canonical JSON."""
    content = event.model_dump(exclude={"digest"})
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def chain(session: Session, case_id: str) -> list[AuditEvent]:
    """All events of a case, oldest first."""
    return list(
        session.exec(select(AuditEvent).where(AuditEvent.case_id == case_id).order_by(col(AuditEvent.sequence)))
    )


def faults(events: Sequence[AuditEvent]) -> list[str]:
    """What is wrong with a chain: changed, missing or reordered events. Empty when it holds."""
    found, before = [], FIRST
    for place, event in enumerate(events, start=1):
        if event.sequence != place:
            found.append(f"event {place} is missing; the next one is numbered {event.sequence}")
        if event.previous != before:
            found.append(f"event {event.sequence} does not follow the one before it")
        if event.digest != digest(event):
            found.append(f"event {event.sequence} was changed after it was written")
        before = event.digest
    return found
