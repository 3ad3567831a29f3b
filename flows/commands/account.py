"""`aimdt account`: who may review and sign on this installation."""

from __future__ import annotations

import argparse
import json
import sys

from db.accounts import LocalAccounts, Role
from flows.cli import STAGED
from flows.person import read_password
from tasks.records import store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt account`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="make an account; the password is asked for, or read from AIMDT_PASSWORD_FILE")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--role", choices=[*Role], required=True, help="a signer may also review")
    add.add_argument("--family", required=True, help="family name, as reports show it")
    add.add_argument("--given", default="", help="given names")
    add.add_argument("--identifier", metavar="SYSTEM|VALUE", help="by which the EHR knows the person, e.g. an NPI")
    for name, text in (
        ("password", "set a new password; ends a lock-out"),
        ("off", "switch an account off"),
        ("on", "switch an account on again"),
        ("unlock", "end a lock-out after wrong passwords"),
    ):
        actions.add_parser(name, help=text).add_argument("name", metavar="NAME")
    listing = actions.add_parser("list", help="list the accounts")
    listing.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def run(options: argparse.Namespace) -> int:
    """Do what was asked; every change is an event of the audit."""
    accounts = LocalAccounts(store())
    if options.action == "list":
        return _list(accounts, as_json=options.json)
    if options.action == "add":
        password = read_password(f"new password of {options.name}: ", twice=True)
        names = {"family": options.family, "given": options.given, "identifier": options.identifier}
        accounts.add(options.name, password, Role(options.role), **names)
    elif options.action == "password":
        accounts.set_password(options.name, read_password(f"new password of {options.name}: ", twice=True))
    else:
        accounts.set_active(options.name, options.action != "off")
    sys.stdout.write(f"account {options.name}: {options.action} done\n")
    return STAGED


def _list(accounts: LocalAccounts, *, as_json: bool) -> int:
    rows = [
        {
            "name": row.name,
            "role": row.role,
            "person": f"{row.given} {row.family}".strip(),
            "active": row.active,
            "locked_until": row.locked_until,
        }
        for row in accounts.all()
    ]
    if as_json:
        sys.stdout.write(json.dumps({"accounts": rows}) + "\n")
        return STAGED
    for row in rows:
        state = "off" if not row["active"] else f"locked until {row['locked_until']}" if row["locked_until"] else "on"
        sys.stdout.write(f"{row['name']:<20} {row['role']:<10} {row['person']:<30} {state}\n")
    if not rows:
        sys.stdout.write("no account yet; `aimdt account add NAME --role signer --family NAME` makes one\n")
    return STAGED
