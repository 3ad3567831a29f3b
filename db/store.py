"""Reading and writing the clinical records. Every write is an upsert inside one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlmodel import Session, SQLModel, select

from db import audit
from db.outbox import Order, enqueue
from db.tables import Case, Document, Finding, Model, Run, RunModel, Series, StagingRow, Study
from db.transaction import Transaction
from oncology.errors import StoreError
from oncology.findings import CaseId


def now() -> str:
    """The present as ISO 8601 text in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


# States that only persons change; see db.review.
REVIEWED = ("in-review", "signed", "amended", "withdrawn")
Row = TypeVar("Row", bound=SQLModel)


class Store:
    """The records behind one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def start_run(
        self,
        case_id: CaseId,
        cancer: str,
        run_key: str,
        *,
        software: str,
        parameters: dict[str, Any],
    ) -> int:
        """Note that a run begins; returns which attempt it is (1 for the first)."""
        with self.transaction() as session:
            case = session.get(Case, case_id) or Case(case_id=case_id, cancer=cancer, created=now(), updated=now())
            case.cancer, case.updated = cancer, now()
            _set_state(case, "analyzing")
            session.add(case)
            session.flush()
            run = session.get(Run, run_key)
            attempt = run.attempts + 1 if run else 1
            if run:
                run.attempts, run.state, run.ended = attempt, "running", None
            else:
                run = Run(run_key=run_key, case_id=case_id, state="running", started=now(), software=software)
                run.parameters = parameters
            session.add(run)
            audit.append(session, case_id, "system", "run-started", {"run": run_key, "attempt": attempt})
        return attempt

    def finish_run(
        self,
        case_id: CaseId,
        run_key: str,
        *,
        state: str,
        tables_version: str | None = None,
        images: Iterable[Study | Series] = (),
        results: Sequence[Finding | StagingRow | Document] = (),
        models: Sequence[Model] = (),
        orders: Sequence[Order] = (),
    ) -> None:
        """Write all results of a run, and the deliveries they ask for, at once.

        Results of an earlier attempt are replaced, never doubled; so are orders.
        """
        with self.transaction() as session:
            run = _existing(session, Run, run_key)
            _remove_stale(session, run_key, results)
            for row in (*images, *results):
                session.merge(row)
            for model in models:
                session.merge(model)
                session.flush()
                session.merge(RunModel(run_key=run_key, model_id=model.model_id, sha256=model.sha256))
            run.state, run.ended, run.tables_version = state, now(), tables_version
            case = _existing(session, Case, case_id)
            _set_state(case, "failed" if state == "failed" else "awaiting-review")
            case.updated = now()
            audit.append(session, case_id, "system", f"run-{state}", {"run": run_key})
            for order in orders:
                enqueue(session, order)

    def run_started(self, run_key: str) -> str:
        """When a run was first started, ISO 8601 in UTC."""
        with Session(self.engine) as session:
            return _existing(session, Run, run_key).started

    def cases(self) -> list[Case]:
        """All cases, the last changed first."""
        with Session(self.engine) as session:
            return list(session.exec(select(Case).order_by(Case.updated.desc(), Case.case_id)))  # type: ignore[attr-defined]

    def case(self, case_id: str) -> Case:
        """One case.

        Raises:
            StoreError: there is no such case.
        """
        with Session(self.engine) as session:
            return _existing(session, Case, case_id)

    def latest_run(self, case_id: str) -> Run | None:
        """The run of a case that was started last."""
        with Session(self.engine) as session:
            return session.exec(
                select(Run).where(Run.case_id == case_id).order_by(Run.started.desc()).limit(1)  # type: ignore[attr-defined]
            ).first()

    def rows(self, table: type[SQLModel], **where: Any) -> list[Any]:
        """Rows of one table whose columns equal the given values, in key order."""
        columns = table.__table__  # type: ignore[attr-defined]
        query = select(table).order_by(*columns.primary_key.columns)
        for name, value in where.items():
            query = query.where(columns.c[name] == value)
        with Session(self.engine) as session:
            return list(session.exec(query))

    def transaction(self) -> Transaction:
        """A session whose changes all happen or none."""
        return Transaction(self.engine)


def _existing(session: Session, table: type[Row], key: str) -> Row:
    row = session.get(table, key)
    if row is None:
        raise StoreError(
            f"there is no {table.__name__.lower()} {key} in the records; `aimdt cases` lists what there is"
        )
    return row


def _set_state(case: Case, state: str) -> None:
    """A new run makes a new draft; what persons reviewed or signed stays as they left it."""
    if case.state not in REVIEWED:
        case.state = state


def _remove_stale(session: Session, run_key: str, results: Sequence[SQLModel]) -> None:
    """Drop rows that an earlier attempt wrote and this one did not."""
    for table, key in ((Finding, "finding_id"), (StagingRow, "edition"), (Document, "name")):
        kept = {getattr(row, key) for row in results if isinstance(row, table)}
        for row in session.exec(select(table).where(table.run_key == run_key)):
            if getattr(row, key) not in kept:
                session.delete(row)
    session.flush()
