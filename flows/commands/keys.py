"""`aimdt keys`: the keys by which the EHR's token endpoint knows this installation (SMART Backend Services).

Rotation: `add`, publish what `jwks` prints, and after an hour `retire` the old key. The new one signs once servers that
keep a JWKS for a while surely know it.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime

from flows.cli import STAGED
from oncology.errors import InputError
from tasks.ehr import ehr_keys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt keys`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="make a key; publish the JWKS afterwards")
    add.add_argument("--algorithm", choices=("ES384", "RS384"), default="ES384", help="default: ES384")
    actions.add_parser("list", help="names, algorithms and ages of the keys")
    actions.add_parser("jwks", help="print the public halves, for the EHR's administrator or a web server")
    retire = actions.add_parser("retire", help="forget a key; servers refuse it once they read the JWKS anew")
    retire.add_argument("kid", metavar="NAME", help="as `list` prints it")


def run(options: argparse.Namespace) -> int:
    """Do what was asked; private halves never leave their folder."""
    ring = ehr_keys()
    known = ring.keys()
    if options.action == "add":
        sys.stdout.write(f"{ring.add(options.algorithm).kid}\n")
    elif options.action == "jwks":
        sys.stdout.write(json.dumps(ring.jwks(), indent=1) + "\n")
    elif options.action == "retire":
        if options.kid not in {key.kid for key in known}:
            raise InputError("there is no key of that name; `aimdt keys list` names them")
        ring.retire(options.kid)
    else:
        for key in known:
            made = datetime.fromtimestamp(key.created, UTC).isoformat(timespec="seconds")
            sys.stdout.write(f"{key.kid}  {key.algorithm}  {made}\n")
    return STAGED
