"""Who may review and sign: local accounts, and the seam where a hospital's own sign-on plugs in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

from sqlmodel import Session, select

from db import audit
from db.password import hash_password, verify_password
from db.store import Store, now
from db.tables import Account
from oncology.errors import AccessError

CHAIN = "accounts"  # the audit chain of people; cases' chains are named by hexadecimal ids
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")
MOST_FAILURES = 5
LOCKED_FOR = timedelta(minutes=15)
DENIED = "account and password do not match; check both; after {most} wrong passwords an account is locked"


class Role(StrEnum):
    """What a person may do; a signer may also review."""

    REVIEWER = "reviewer"
    SIGNER = "signer"


@dataclass(frozen=True)
class Person:
    """Somebody whose identity was proven."""

    account: str
    role: Role
    family: str
    given: str = ""
    identifier: str | None = None  # "system|value"

    @property
    def name(self) -> str:
        """As people say it.

        >>> Person("ada", Role.SIGNER, "Lovelace", "Ada").name
        'Ada Lovelace'
        """
        return f"{self.given} {self.family}".strip()

    def require(self, role: Role) -> None:
        """Raise AccessError unless this person has the role."""
        if self.role not in (role, Role.SIGNER):
            raise AccessError(f"account {self.account} is a {self.role}; this needs a {role}; ask one to do it")


class Authenticator(Protocol):
    """Proves who somebody is.

    Local accounts take a password (LocalAccounts). A hospital's OpenID Connect provider makes ID tokens (db.oidc):
    their signature, issuer, audience and age are checked, and a claim and the groups become account and role. A page
    that signs people in itself hands the token it got to the same function, after it compared the nonce it had sent.
    """

    def authenticate(self, account: str, secret: str) -> Person:
        """The person.

        Raises:
            AccessError: unknown, wrong secret, locked or switched off.
        """
        ...


class LocalAccounts:
    """Accounts kept in the records of this installation."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def add(
        self, name: str, password: str, role: Role, *, family: str, given: str = "", identifier: str | None = None
    ) -> None:
        """Make an account.

        Raises:
            AccessError: the name is taken or malformed, or the password too short.
        """
        if not NAME.fullmatch(name) or not family:
            raise AccessError(
                "an account needs a name of 2 to 64 small letters, digits, dots or dashes, and a family name"
            )
        if identifier is not None and "|" not in identifier:
            raise AccessError("the identifier lacks its system; expected SYSTEM|VALUE, as the EHR knows the person")
        kept = hash_password(password)
        with self.store.transaction() as session:
            if session.get(Account, name):
                raise AccessError(f"there is an account {name} already; choose another name")
            session.add(
                Account(
                    name=name,
                    role=role.value,
                    family=family,
                    given=given,
                    identifier=identifier,
                    password=kept,
                    created=now(),
                )
            )
            audit.append(session, CHAIN, "system", "account-added", {"account": name, "role": role.value})

    def authenticate(self, account: str, secret: str, *, at: datetime | None = None) -> Person:
        """The person whose password this is; failures are counted and lock the account for a while.

        Args:
            at: the present, for tests.
        Raises:
            AccessError: see `Authenticator`; unknown accounts and wrong passwords look the same.
        """
        moment = at or datetime.now(UTC)
        found = self._refuse_locked(account, moment)
        right = verify_password(secret, found.password if found else _nobody())
        if not right or found is None or not found.active:
            self._count_failure(account, moment)
            raise AccessError(DENIED.format(most=MOST_FAILURES))
        with self.store.transaction() as session:
            kept = _locked_row(session, account)
            kept.failures, kept.locked_until = 0, None
            audit.append(session, CHAIN, account, "authenticated", {})
        return Person(account, Role(found.role), found.family, found.given, found.identifier)

    def set_password(self, name: str, password: str) -> None:
        """Give an account a new password; this also ends a lock-out."""
        kept = hash_password(password)
        with self.store.transaction() as session:
            row = _locked_row(session, name)
            row.password, row.failures, row.locked_until = kept, 0, None
            audit.append(session, CHAIN, "system", "password-set", {"account": name})

    def set_active(self, name: str, active: bool) -> None:
        """Switch an account off, or on again (which also ends a lock-out). What it signed stays signed."""
        with self.store.transaction() as session:
            row = _locked_row(session, name)
            row.active, row.failures, row.locked_until = active, 0, None
            audit.append(session, CHAIN, "system", "account-on" if active else "account-off", {"account": name})

    def all(self) -> list[Account]:
        """Every account, by name."""
        found: list[Account] = self.store.rows(Account)
        return found

    def _refuse_locked(self, name: str, moment: datetime) -> Account | None:
        with Session(self.store.engine, expire_on_commit=False) as session:
            found = session.get(Account, name)
        if found and found.locked_until and moment < datetime.fromisoformat(found.locked_until):
            raise AccessError(
                f"account {name} is locked after {MOST_FAILURES} wrong passwords until {found.locked_until}; "
                "wait, or have it unlocked with `aimdt account unlock`"
            )
        return found

    def _count_failure(self, name: str, moment: datetime) -> None:
        with self.store.transaction() as session:
            row = session.exec(select(Account).where(Account.name == name).with_for_update()).first()
            if row is None:
                audit.append(session, CHAIN, "unknown", "authentication-failed", {})
                return
            row.failures += 1
            if row.failures >= MOST_FAILURES:
                row.failures, row.locked_until = 0, (moment + LOCKED_FOR).isoformat(timespec="seconds")
            detail = {"locked_until": row.locked_until} if row.locked_until else {}
            audit.append(session, CHAIN, name, "authentication-failed", detail)


@lru_cache(maxsize=1)
def _nobody() -> str:
    """A hash that no account has, so that unknown names take as long to refuse as wrong passwords."""
    return hash_password("nobody has this password")


def _locked_row(session: Session, name: str) -> Account:
    """The account, held until the transaction ends."""
    row = session.exec(select(Account).where(Account.name == name).with_for_update()).first()
    if row is None:
        raise AccessError(f"there is no account {name}; `aimdt account list` names them")
    return row
