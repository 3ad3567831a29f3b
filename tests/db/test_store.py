"""The records keep every result once, on both databases."""

from __future__ import annotations

import subprocess
import sys

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import Session, SQLModel

from db import audit
from db.engine import open_database
from db.store import Store
from db.tables import AuditEvent, Document, Finding, Model, Run, RunModel, Series, StagingRow, Study
from oncology.errors import StoreError
from oncology.findings import CaseId

CASE = CaseId("0123456789abcdef")
RUN = "a" * 64


def start(store: Store, run_key: str = RUN) -> int:
    return store.start_run(CASE, "lung", run_key, software="0.1.0", parameters={"editions": ["9"]})


IMAGES = [
    Study(case_id=CASE, study_uid="1.2.3"),
    Series(case_id=CASE, series_uid="1.2.3.4", study_uid="1.2.3", modality="CT", used_as="ct"),
]


def results(*finding_ids: str) -> list[Finding | StagingRow | Document]:
    found = [Finding(run_key=RUN, finding_id=key, kind="tumor", content={"id": key}) for key in finding_ids]
    return [*found, StagingRow(run_key=RUN, edition="9", t="T2a", content={})]


def test_a_repeated_run_replaces_its_results_and_doubles_nothing(store: Store) -> None:
    start(store)
    store.finish_run(CASE, RUN, state="completed", images=IMAGES, results=results("tumor-1", "tumor-2"))
    attempt = start(store)
    store.finish_run(CASE, RUN, state="completed", images=IMAGES, results=results("tumor-1"))
    assert attempt == 2
    assert [row.finding_id for row in store.rows(Finding)] == ["tumor-1"]
    assert len(store.rows(StagingRow)) == len(store.rows(Run)) == len(store.rows(Series)) == len(store.rows(Study)) == 1


def test_a_finished_case_awaits_review_and_names_its_models(store: Store) -> None:
    start(store)
    store.finish_run(CASE, RUN, state="completed", models=[Model(model_id="m", sha256="b" * 64, role="tumor")])
    assert store.case(CASE).state == "awaiting-review"
    assert [(row.run_key, row.model_id) for row in store.rows(RunModel)] == [(RUN, "m")]


def test_a_failed_write_changes_nothing(store: Store) -> None:
    start(store)
    broken = [*results("tumor-1"), Finding(run_key="no such run", finding_id="x", kind="tumor", content={})]
    with pytest.raises(StoreError, match="nothing was changed"):
        store.finish_run(CASE, RUN, state="completed", results=broken)
    assert store.rows(Finding) == []
    assert store.rows(Run)[0].state == "running"


def test_an_unknown_case_is_an_error_that_names_it(store: Store) -> None:
    with pytest.raises(StoreError, match="no case 1111111111111111"):
        store.case("1111111111111111")


def test_migrations_give_exactly_the_declared_tables(store: Store) -> None:
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []


def test_an_audit_event_can_neither_be_changed_nor_deleted(store: Store) -> None:
    start(store)
    for statement in ("UPDATE audit_events SET actor = 'x'", "DELETE FROM audit_events"):
        with pytest.raises(sqlalchemy.exc.DBAPIError, match="append-only"), store.engine.begin() as connection:
            connection.execute(sqlalchemy.text(statement))


def test_the_chain_shows_a_changed_event(store: Store) -> None:
    start(store)
    store.finish_run(CASE, RUN, state="completed")
    with Session(store.engine) as session:
        events = audit.chain(session, CASE)
    assert audit.faults(events) == []
    tampered = [AuditEvent(**(events[0].model_dump() | {"actor": "someone else"})), *events[1:]]
    assert audit.faults(tampered) == ["event 1 was changed after it was written"]
    assert audit.faults(events[1:])[0] == "event 1 is missing; the next one is numbered 2"


def test_processes_that_start_at_once_migrate_once(database_url: str) -> None:
    program = f"from db.engine import open_database; open_database({database_url!r})"
    started = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(3)]
    assert [process.wait(60) for process in started] == [0, 0, 0]


def test_a_database_that_cannot_be_reached_is_a_clear_error() -> None:
    with pytest.raises(StoreError, match="AIMDT_DATABASE_URL"):
        open_database("postgresql://nobody@127.0.0.1:1/none")
