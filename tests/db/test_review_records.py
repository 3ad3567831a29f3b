"""States of a review, edits, signatures and erasure as the records keep them; on both databases."""

from __future__ import annotations

import threading
from itertools import product

import pytest
import sqlalchemy
from sqlmodel import Session, SQLModel

from db import audit
from db.accounts import Person, Role
from db.outbox import Order
from db.review import TRANSITIONS, Reviews, SignedResults, State, check_transition
from db.store import Store
from db.tables import Delivery, Document, EditRow, Finding, Run, Signature, StagingRow, Tombstone
from oncology.edit import Edit, EditKind
from oncology.errors import AccessError, ReviewError, StaleError, StoreError
from oncology.findings import CaseId

CASE, RUN = CaseId("0123456789abcdef"), "a" * 64
REVIEWER = Person("bob", Role.REVIEWER, "Babbage")
SIGNER = Person("ada", Role.SIGNER, "Lovelace", "Ada")
EDIT = Edit(EditKind.SET, "node-1.p_malignant", 0.9, 0.1, reason="hot on PET")


@pytest.fixture
def reviews(store: Store) -> Reviews:
    store.start_run(CASE, "lung", RUN, software="0.1.0", parameters={})
    store.finish_run(CASE, RUN, state="completed", results=[StagingRow(run_key=RUN, edition="9", t="T1a", content={})])
    return Reviews(store)


def results(letter: str = "b", orders: tuple[Order, ...] = ()) -> SignedResults:
    run = Run(
        run_key=letter * 64, case_id=CASE, state="completed", started="2026-05-04T12:00:00+00:00", software="0.1.0"
    )
    rows = [Finding(run_key=run.run_key, finding_id="node-1", kind="node", content={"id": "node-1"})]
    return SignedResults(run, rows, folder=letter * 16, content_sha256=letter * 64, orders=orders)


def sign(reviews: Reviews, kind: str, version: int, letter: str = "b", person: Person = SIGNER) -> int:
    return reviews.sign(CASE, version, kind, person, "because", results(letter), "2026-05-04T12:00:00+00:00")


def signed(reviews: Reviews) -> Reviews:
    version = reviews.open(CASE, RUN, REVIEWER).version
    sign(reviews, "final", version)
    return reviews


def state(reviews: Reviews) -> str:
    return reviews.store.case(CASE).state


def actions(reviews: Reviews) -> list[str]:
    with Session(reviews.store.engine) as session:
        events = audit.chain(session, CASE)
    assert audit.faults(events) == []
    return [event.action for event in events]


@pytest.mark.parametrize(("before", "after"), list(product(State, State)))
def test_only_the_drawn_transitions_are_allowed(before: State, after: State) -> None:
    drawn = {
        ("awaiting-review", "in-review"),
        ("in-review", "signed"),
        ("signed", "amended"),
        ("signed", "withdrawn"),
        ("amended", "amended"),
        ("amended", "withdrawn"),
    }
    if (before, after) in drawn:
        check_transition(before, after)
    else:
        with pytest.raises(ReviewError, match=f"the case is {before}"):
            check_transition(before, after)
    assert set(TRANSITIONS) == set(State)


def test_a_review_goes_from_awaiting_to_signed_amended_and_withdrawn(reviews: Reviews) -> None:
    seen = [state(reviews)]
    reviews.open(CASE, RUN, REVIEWER)
    seen.append(state(reviews))
    for version, (kind, letter) in enumerate((("final", "b"), ("amended", "c"), ("withdrawn", "d")), start=1):
        sign(reviews, kind, version, letter)
        seen.append(state(reviews))
    assert seen == ["awaiting-review", "in-review", "signed", "amended", "withdrawn"]
    assert actions(reviews)[2:] == ["review-opened", "signed", "amended", "withdrawn"]


def test_an_unreviewed_case_cannot_be_signed(reviews: Reviews) -> None:
    with pytest.raises(ReviewError, match="awaiting-review"):
        sign(reviews, "final", 1)


def test_a_reviewer_cannot_sign(reviews: Reviews) -> None:
    version = reviews.open(CASE, RUN, REVIEWER).version
    with pytest.raises(AccessError, match="needs a signer"):
        sign(reviews, "final", version, person=REVIEWER)
    assert state(reviews) == "in-review"


def test_an_edit_without_a_reason_changes_nothing(reviews: Reviews) -> None:
    version = reviews.open(CASE, RUN, REVIEWER).version
    with pytest.raises(ReviewError, match="reason"):
        reviews.record(CASE, version, REVIEWER, [EDIT, Edit(EditKind.ACCEPT, "node-2", reason=" ")])
    assert reviews.edits(CASE) == ()


def test_the_second_of_two_reviewers_who_looked_at_the_same_version_is_told(reviews: Reviews) -> None:
    version = reviews.open(CASE, RUN, REVIEWER).version
    reviews.record(CASE, version, REVIEWER, [EDIT])
    with pytest.raises(StaleError, match="version 2"):
        reviews.record(CASE, version, SIGNER, [EDIT])
    assert [edit.actor for edit in reviews.edits(CASE)] == ["bob"]


def test_of_reviewers_at_the_same_moment_exactly_one_wins(reviews: Reviews) -> None:
    version = reviews.open(CASE, RUN, REVIEWER).version
    outcomes: list[str] = []

    def edit() -> None:
        try:
            reviews.record(CASE, version, REVIEWER, [EDIT])
            outcomes.append("won")
        except StaleError:
            outcomes.append("told")

    threads = [threading.Thread(target=edit) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["told"] * 5 + ["won"]
    assert len(reviews.edits(CASE)) == 1


def test_a_signature_over_an_older_version_is_refused_whole(reviews: Reviews) -> None:
    version = reviews.open(CASE, RUN, REVIEWER).version
    reviews.record(CASE, version, REVIEWER, [EDIT])
    with pytest.raises(StaleError):
        sign(reviews, "final", version)
    assert state(reviews) == "in-review"
    assert reviews.store.rows(Signature) == []
    assert len(reviews.store.rows(Run)) == 1


def test_signature_results_and_delivery_are_one_transaction(reviews: Reviews) -> None:
    version = reviews.open(CASE, RUN, REVIEWER).version
    broken = results(orders=(Order(CASE, "ehr", "no such intent", "f" * 64),))
    with pytest.raises(StoreError):
        reviews.sign(CASE, version, "final", SIGNER, "", broken, "2026-05-04T12:00:00+00:00")
    assert (state(reviews), reviews.store.rows(Signature), reviews.store.rows(Delivery)) == ("in-review", [], [])
    whole = results(orders=(Order(CASE, "ehr", "final", "f" * 64),))
    reviews.sign(CASE, version, "final", SIGNER, "", whole, "2026-05-04T12:00:00+00:00")
    assert [row.intent for row in reviews.store.rows(Delivery)] == ["final"]
    assert actions(reviews)[-2:] == ["signed", "delivery-ordered"]


def test_amending_and_withdrawing_need_a_reason(reviews: Reviews) -> None:
    signed(reviews)
    for kind in ("amended", "withdrawn"):
        with pytest.raises(ReviewError, match="reason"):
            reviews.sign(CASE, 2, kind, SIGNER, "", results("c"), "2026-05-04T12:00:00+00:00")


def test_a_withdrawn_case_takes_no_edit(reviews: Reviews) -> None:
    sign(signed(reviews), "withdrawn", 2, "c")
    with pytest.raises(ReviewError, match="withdrawn"):
        reviews.record(CASE, 3, REVIEWER, [EDIT])


def test_a_new_run_does_not_unsign_a_case(reviews: Reviews) -> None:
    signed(reviews)
    reviews.store.start_run(CASE, "lung", "e" * 64, software="0.1.0", parameters={})
    reviews.store.finish_run(CASE, "e" * 64, state="completed")
    assert state(reviews) == "signed"


def test_starting_over_leaves_earlier_edits_on_record_but_not_in_force(reviews: Reviews) -> None:
    version = reviews.open(CASE, RUN, REVIEWER).version
    version = reviews.record(CASE, version, REVIEWER, [EDIT]).version
    reviews.restart(CASE, version, RUN, REVIEWER, "new scan")
    assert reviews.edits(CASE) == ()
    assert len(reviews.store.rows(EditRow)) == 1


@pytest.mark.parametrize("table", ["edits", "signatures"])
def test_edits_and_signatures_are_written_once(reviews: Reviews, table: str) -> None:
    version = reviews.open(CASE, RUN, REVIEWER).version
    sign(reviews, "final", reviews.record(CASE, version, REVIEWER, [EDIT]).version)
    for statement in (f"UPDATE {table} SET reason = 'x'", f"DELETE FROM {table}"):
        with pytest.raises(sqlalchemy.exc.DBAPIError, match="append-only"), reviews.store.engine.begin() as connection:
            connection.execute(sqlalchemy.text(statement))


@pytest.mark.parametrize(
    ("table", "change", "fault"),
    [
        ("edits", "UPDATE edits SET reason = 'another'", "edit 1 was changed"),
        ("edits", "DELETE FROM edits", "edit 1 is missing"),
        ("signatures", "UPDATE signatures SET actor = 'eve'", "signature 1 was changed"),
        ("signatures", "DELETE FROM signatures", "signature 1 is missing"),
    ],
)
def test_what_was_changed_behind_the_records_back_is_seen(
    reviews: Reviews, table: str, change: str, fault: str
) -> None:
    version = reviews.open(CASE, RUN, REVIEWER).version
    sign(reviews, "final", reviews.record(CASE, version, REVIEWER, [EDIT]).version)
    assert reviews.faults(CASE) == []
    with reviews.store.engine.begin() as connection:
        off = {
            "sqlite": (f"DROP TRIGGER {table}_no_update", f"DROP TRIGGER {table}_no_delete"),
            "postgresql": (f"ALTER TABLE {table} DISABLE TRIGGER {table}_append_only",),
        }
        for statement in (*off[reviews.store.engine.dialect.name], change):
            connection.execute(sqlalchemy.text(statement))
    assert reviews.faults(CASE) == [fault]


def test_the_audit_holds_no_words_of_an_edit(reviews: Reviews) -> None:
    version = reviews.open(CASE, RUN, REVIEWER).version
    reviews.record(CASE, version, REVIEWER, [EDIT])
    with Session(reviews.store.engine) as session:
        kept = str([event.detail for event in audit.chain(session, CASE)])
    assert EDIT.reason not in kept
    assert EDIT.target not in kept


def test_erasing_leaves_a_tombstone_and_the_audit_and_nothing_else(reviews: Reviews) -> None:
    version = reviews.open(CASE, RUN, REVIEWER).version
    sign(reviews, "final", reviews.record(CASE, version, REVIEWER, [EDIT]).version)
    reviews.erase(CASE, SIGNER)
    with reviews.store.engine.connect() as connection:
        tables = SQLModel.metadata.sorted_tables
        kept = {table.name for table in tables if connection.execute(table.select()).first() is not None}
    assert kept == {"tombstones", "audit_events"}
    assert [(row.case_id, row.actor, row.state) for row in reviews.store.rows(Tombstone)] == [(CASE, "ada", "erased")]
    assert actions(reviews)[-1] == "erased"


def test_after_an_erasure_edits_of_the_same_case_are_protected_again(reviews: Reviews) -> None:
    reviews.open(CASE, RUN, REVIEWER)
    reviews.erase(CASE, SIGNER)
    reviews.store.start_run(CASE, "lung", RUN, software="0.1.0", parameters={})
    reviews.store.finish_run(
        CASE, RUN, state="completed", results=[Document(run_key=RUN, name="x", media_type="", sha256="0" * 64, size=1)]
    )
    version = reviews.open(CASE, RUN, REVIEWER).version
    reviews.record(CASE, version, REVIEWER, [EDIT])
    with pytest.raises(sqlalchemy.exc.DBAPIError, match="append-only"), reviews.store.engine.begin() as connection:
        connection.execute(sqlalchemy.text("DELETE FROM edits"))
    assert reviews.faults(CASE) == []


def test_only_a_signer_erases(reviews: Reviews) -> None:
    with pytest.raises(AccessError):
        reviews.erase(CASE, REVIEWER)
    assert state(reviews) == "awaiting-review"
