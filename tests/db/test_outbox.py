"""The outbox: the newest version counts, one worker at a time, nothing is lost when a worker dies."""

from __future__ import annotations

import threading
import time

import pytest
from sqlmodel import Session

from db import audit
from db.outbox import (
    CHECKING,
    DELIVERED,
    PARKED,
    SENDING,
    SUPERSEDED,
    WAITING,
    Job,
    LeaseLostError,
    Order,
    Outbox,
    Policy,
)
from db.store import Store
from db.tables import Delivery, Finding, RemoteResource
from oncology.errors import StoreError
from oncology.findings import CaseId

CASE, OTHER = CaseId("0123456789abcdef"), CaseId("fedcba9876543210")
RUN = "a" * 64
QUICK = Policy(lease_s=0.5, pause_s=0.01, longest_pause_s=0.02, max_attempts=3, settle_s=0.4)


def order(version: int = 1, case: str = CASE, destination: str = "ehr", intent: str = "preliminary") -> Order:
    return Order(case, destination, intent, f"{version:064d}")


@pytest.fixture
def outbox(store: Store) -> Outbox:
    """An outbox with two cases and nothing to deliver."""
    for case in (CASE, OTHER):
        store.start_run(case, "lung", RUN[:-1] + case[0], software="0.1.0", parameters={})
    return Outbox(store.engine)


def states(outbox: Outbox, case: str = CASE) -> list[str]:
    return [row.state for row in outbox.deliveries(case)]


def claim(outbox: Outbox) -> Job:
    job = outbox.claim()
    assert job is not None
    return job


def remote(version: str, sequence: int) -> RemoteResource:
    return RemoteResource(
        case_id=CASE,
        destination="ehr",
        key="urn:uuid:1",
        reference="Observation/1",
        version=version,
        owned=True,
        sequence=sequence,
    )


def test_results_and_their_delivery_are_written_together_or_not_at_all(outbox: Outbox, store: Store) -> None:
    key = RUN[:-1] + CASE[0]
    broken = Finding(run_key="no such run", finding_id="x", kind="tumor", content={})
    with pytest.raises(StoreError):
        store.finish_run(CASE, key, state="completed", results=[broken], orders=[order()])
    assert states(outbox) == []
    store.finish_run(CASE, key, state="completed", orders=[order()])
    assert states(outbox) == [WAITING]
    assert store.case(CASE).state == "awaiting-review"


def test_an_unknown_case_or_intent_is_an_error(outbox: Outbox) -> None:
    with pytest.raises(StoreError, match="no case 1111111111111111"):
        outbox.publish(order(case="1111111111111111"))
    with pytest.raises(StoreError, match="expected one of preliminary"):
        outbox.publish(order(intent="perhaps"))


def test_the_same_order_again_changes_nothing(outbox: Outbox) -> None:
    outbox.publish(order())
    outbox.publish(order())
    assert states(outbox) == [WAITING]


def test_a_newer_version_supersedes_the_one_that_waits_or_is_parked(outbox: Outbox) -> None:
    outbox.publish(order(1))
    outbox.publish(order(2))
    outbox.parked(claim(outbox), "refused")
    outbox.publish(order(3))
    assert states(outbox) == [SUPERSEDED, SUPERSEDED, WAITING]
    assert claim(outbox).sequence == 3


def test_a_newer_version_waits_for_the_one_being_sent(outbox: Outbox) -> None:
    outbox.publish(order(1))
    first = claim(outbox)
    outbox.publish(order(2))
    assert outbox.claim() is None
    outbox.delivered(first, [remote("1", 1)], uncertain=False)
    second = claim(outbox)
    assert (second.sequence, [item.version for item in second.known]) == (2, ["1"])
    assert states(outbox) == [DELIVERED, SENDING]


def test_destinations_and_cases_do_not_wait_for_one_another(outbox: Outbox) -> None:
    for item in (order(), order(destination="pacs"), order(case=OTHER)):
        outbox.publish(item)
    jobs = [claim(outbox) for _ in range(3)]
    assert {(job.case_id, job.destination) for job in jobs} == {(CASE, "ehr"), (CASE, "pacs"), (OTHER, "ehr")}


def test_a_dead_workers_delivery_is_taken_over_and_looked_after_first(store: Store, outbox: Outbox) -> None:
    quick = Outbox(store.engine, QUICK)
    quick.publish(order())
    dead = claim(quick)
    assert quick.claim() is None
    time.sleep(0.55)
    heir = claim(quick)
    assert (dead.look_first, heir.look_first) == (False, True)
    with pytest.raises(LeaseLostError, match="another worker"):
        quick.renew(dead)
    for end in (lambda: quick.delivered(dead, [], uncertain=False), lambda: quick.parked(dead, "x")):
        with pytest.raises(LeaseLostError):
            end()
    quick.delivered(heir, [], uncertain=False)
    assert states(quick) == [DELIVERED]


def test_a_renewed_lease_is_kept(store: Store, outbox: Outbox) -> None:
    quick = Outbox(store.engine, QUICK)
    quick.publish(order())
    job = claim(quick)
    for _ in range(4):
        time.sleep(0.2)
        quick.renew(job)
    assert quick.claim() is None


def test_a_dead_workers_version_gives_way_to_a_newer_one_which_looks_first(store: Store, outbox: Outbox) -> None:
    quick = Outbox(store.engine, QUICK)
    quick.publish(order(1))
    claim(quick)
    quick.publish(order(2))
    time.sleep(0.55)
    job = claim(quick)
    assert (job.sequence, job.look_first) == (2, True)
    assert states(quick) == [SUPERSEDED, SENDING]


def test_a_delay_is_kept_and_too_many_attempts_park_it_until_it_is_released(store: Store, outbox: Outbox) -> None:
    quick = Outbox(store.engine, QUICK)
    quick.publish(order())
    for _ in range(QUICK.max_attempts):
        quick.delayed(claim(quick), "answered 503", uncertain=True)
        time.sleep(0.03)
    (row,) = quick.deliveries(CASE)
    assert (row.state, row.reason) == (PARKED, "given up after 3 attempts; answered 503")
    assert quick.claim() is None
    assert quick.release(CASE, actor="operator") == 1
    assert claim(quick).look_first


def test_a_server_that_asks_for_time_gets_it(store: Store, outbox: Outbox) -> None:
    outbox.publish(order())
    outbox.delayed(claim(outbox), "answered 429", after_s=3600)
    assert outbox.claim() is None
    due = outbox.next_due()
    assert due is not None
    assert due > outbox.deliveries(CASE)[0].updated


def test_a_worker_that_dies_every_time_does_not_go_on_forever(store: Store, outbox: Outbox) -> None:
    quick = Outbox(store.engine, QUICK)
    quick.publish(order())
    for _ in range(QUICK.max_attempts):
        claim(quick)
        time.sleep(0.55)
    assert quick.claim() is None
    assert "ended its worker" in str(quick.deliveries(CASE)[0].reason)


def test_after_a_lost_answer_the_destination_is_looked_at_again_later(store: Store, outbox: Outbox) -> None:
    quick = Outbox(store.engine, QUICK)
    quick.publish(order())
    quick.delivered(claim(quick), [remote("1", 1)], uncertain=True)
    assert quick.claim() is None
    time.sleep(0.45)
    check = claim(quick)
    assert check.look_first
    assert states(quick) == [CHECKING]
    quick.publish(order(2))
    assert quick.claim() is None  # the newer one waits for the check
    quick.delivered(check, [remote("2", 1)], uncertain=False)
    assert claim(quick).sequence == 2


def test_a_newer_version_inherits_the_doubt_about_the_one_before(store: Store, outbox: Outbox) -> None:
    quick = Outbox(store.engine, QUICK)
    quick.publish(order(1))
    quick.delivered(claim(quick), [], uncertain=True)
    quick.publish(order(2))
    quick.delivered(claim(quick), [], uncertain=False)
    time.sleep(0.45)
    assert claim(quick).look_first
    assert states(quick) == [DELIVERED, CHECKING]


def test_two_workers_never_hold_the_same_delivery(store: Store, outbox: Outbox) -> None:
    for version in range(1, 6):
        for case in (CASE, OTHER):
            outbox.publish(order(version, case, destination=f"to-{version}"))
    jobs: list[Job] = []

    def worker() -> None:
        mine = Outbox(store.engine)
        while (job := mine.claim()) is not None:
            jobs.append(job)

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(jobs) == len({(job.case_id, job.destination) for job in jobs}) == 10


def test_publishing_from_several_processes_keeps_one_order(store: Store, outbox: Outbox) -> None:
    threads = [threading.Thread(target=outbox.publish, args=(order(version),)) for version in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows: list[Delivery] = outbox.deliveries(CASE)
    assert [row.sequence for row in rows] == list(range(1, 9))
    assert [row.state for row in rows] == [SUPERSEDED] * 7 + [WAITING]


def test_every_delivery_stands_in_the_audit(outbox: Outbox) -> None:
    outbox.publish(order())
    outbox.parked(claim(outbox), "answered 403")
    outbox.release(CASE, actor="operator")
    outbox.delivered(claim(outbox), [remote("1", 1)], uncertain=False)
    with Session(outbox.engine) as session:
        events = audit.chain(session, CASE)
    actions = [event.action for event in events if event.action.startswith("deliver")]
    assert actions == ["delivery-ordered", "delivery-parked", "delivery-released", "delivered"]
    assert audit.faults(events) == []
