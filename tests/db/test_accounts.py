"""Who may review and sign: passwords, lock-out, roles, and what the audit keeps of it; on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session

from db import audit
from db.accounts import CHAIN, LOCKED_FOR, MOST_FAILURES, LocalAccounts, Person, Role
from db.password import hash_password, verify_password
from db.store import Store
from db.tables import Account
from oncology.errors import AccessError

PASSWORD = "correct horse battery"
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def accounts(store: Store) -> LocalAccounts:
    local = LocalAccounts(store)
    local.add("ada", PASSWORD, Role.SIGNER, family="Lovelace", given="Ada", identifier="urn:npi|1")
    return local


def fail(accounts: LocalAccounts, times: int, at: datetime = NOON) -> None:
    for _ in range(times):
        with pytest.raises(AccessError, match="do not match"):
            accounts.authenticate("ada", "wrong password", at=at)


def test_the_right_password_proves_the_person(accounts: LocalAccounts) -> None:
    assert accounts.authenticate("ada", PASSWORD) == Person("ada", Role.SIGNER, "Lovelace", "Ada", "urn:npi|1")


def test_the_records_hold_no_password(accounts: LocalAccounts) -> None:
    kept = accounts.store.rows(Account)[0].password
    assert PASSWORD not in kept
    assert kept != hash_password(PASSWORD)  # another salt
    assert verify_password(PASSWORD, kept)


def test_an_unknown_account_is_refused_like_a_wrong_password(accounts: LocalAccounts) -> None:
    with pytest.raises(AccessError) as unknown:
        accounts.authenticate("nobody", PASSWORD)
    with pytest.raises(AccessError) as wrong:
        accounts.authenticate("ada", "wrong password")
    assert str(unknown.value) == str(wrong.value)


def test_repeated_failures_lock_the_account_for_a_while(accounts: LocalAccounts) -> None:
    fail(accounts, MOST_FAILURES)
    with pytest.raises(AccessError, match="is locked"):
        accounts.authenticate("ada", PASSWORD, at=NOON + LOCKED_FOR - timedelta(seconds=1))
    assert accounts.authenticate("ada", PASSWORD, at=NOON + LOCKED_FOR).account == "ada"


def test_a_right_password_forgives_earlier_failures(accounts: LocalAccounts) -> None:
    fail(accounts, MOST_FAILURES - 1)
    accounts.authenticate("ada", PASSWORD, at=NOON)
    fail(accounts, MOST_FAILURES - 1)
    assert accounts.authenticate("ada", PASSWORD, at=NOON).account == "ada"


def test_a_new_password_ends_the_lock_out_and_the_old_one(accounts: LocalAccounts) -> None:
    fail(accounts, MOST_FAILURES)
    accounts.set_password("ada", "another long password")
    assert accounts.authenticate("ada", "another long password", at=NOON).account == "ada"
    with pytest.raises(AccessError):
        accounts.authenticate("ada", PASSWORD, at=NOON)


def test_an_account_that_is_off_proves_nobody(accounts: LocalAccounts) -> None:
    accounts.set_active("ada", False)
    with pytest.raises(AccessError):
        accounts.authenticate("ada", PASSWORD)
    accounts.set_active("ada", True)
    assert accounts.authenticate("ada", PASSWORD).account == "ada"


@pytest.mark.parametrize("password", ["short", "x" * 2000])
def test_a_password_of_unfit_length_is_refused(accounts: LocalAccounts, password: str) -> None:
    with pytest.raises(AccessError, match="characters"):
        accounts.add("eve", password, Role.REVIEWER, family="Eve")


def test_a_name_is_given_once(accounts: LocalAccounts) -> None:
    with pytest.raises(AccessError, match="already"):
        accounts.add("ada", PASSWORD, Role.REVIEWER, family="Other")


def test_a_signer_may_review_and_a_reviewer_may_not_sign() -> None:
    Person("ada", Role.SIGNER, "Lovelace").require(Role.REVIEWER)
    with pytest.raises(AccessError, match="needs a signer"):
        Person("bob", Role.REVIEWER, "Babbage").require(Role.SIGNER)


def test_the_audit_tells_of_every_proof_and_failure(accounts: LocalAccounts) -> None:
    fail(accounts, 1)
    accounts.authenticate("ada", PASSWORD)
    with Session(accounts.store.engine) as session:
        events = audit.chain(session, CHAIN)
    assert [event.action for event in events] == ["account-added", "authentication-failed", "authenticated"]
    assert audit.faults(events) == []


def test_proofs_at_the_same_moment_all_stand_in_the_audit(accounts: LocalAccounts) -> None:
    names = ["ada", "bob", "cyd"]
    for name in names[1:]:
        accounts.add(name, PASSWORD, Role.REVIEWER, family=name)
    with ThreadPoolExecutor(3) as pool:
        assert [
            person.account for person in pool.map(lambda name: accounts.authenticate(name, PASSWORD), names)
        ] == names
    with Session(accounts.store.engine) as session:
        events = audit.chain(session, CHAIN)
    assert sorted(event.actor for event in events if event.action == "authenticated") == names
    assert audit.faults(events) == []
