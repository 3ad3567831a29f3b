"""Who is at the command line: proven by a password or an ID token, neither of which is ever an argument."""

from __future__ import annotations

import argparse
import getpass
import sys

from db.accounts import Person
from oncology.errors import AccessError
from tasks.settings import settings
from tasks.sign_on import authenticator, secret_name


def add_person(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """`--account` of who acts."""
    text = "your account; password or ID token is asked for, or read from AIMDT_PASSWORD_FILE"
    parser.add_argument("--account", required=required, metavar="NAME", help=text)


def prove(account: str) -> Person:
    """The person behind an account.

    Raises:
        AccessError: unknown account, wrong password or ID token, locked, or no way to ask for it.
    """
    return authenticator().authenticate(account, read_password(f"{secret_name()} of {account}: "))


def read_password(prompt: str, *, twice: bool = False) -> str:
    """The password from AIMDT_PASSWORD_FILE's first line, or from the terminal."""
    path = settings().password_file
    if path is not None:
        try:
            return path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
        except OSError as error:
            raise AccessError(f"AIMDT_PASSWORD_FILE cannot be read: {error.strerror}") from error
    if not sys.stdin.isatty():
        raise AccessError(
            "there is no terminal to ask for the password; set AIMDT_PASSWORD_FILE to a file that holds it"
        )
    password = getpass.getpass(prompt)
    if twice and getpass.getpass("once more: ") != password:
        raise AccessError("the two passwords differ; nothing was changed; try again")
    return password


def operator() -> str:
    """Who looks at a case without an account: the user of this machine."""
    return f"local:{getpass.getuser()}"
