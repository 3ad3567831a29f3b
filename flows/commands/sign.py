"""`aimdt sign CASE`: sign a reviewed case, amend a signed one, or withdraw it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from rich.console import Console

from flows.cli import PART_FAILED, STAGED
from flows.commands.stage import copy_result, refuse_foreign
from flows.person import add_person, prove
from tasks.settings import prefect_environment, settings
from tasks.signoff import signed_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt sign`."""
    parser.add_argument("case", metavar="CASE", help="case id; `aimdt cases` lists them")
    add_person(parser)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--amend", action="store_true", help="sign the edits made since the last signature")
    kind.add_argument("--withdraw", action="store_true", help="mark everything that was sent as entered in error")
    parser.add_argument("--reason", default="", metavar="TEXT", help="needed to amend or withdraw")
    parser.add_argument(
        "--version", type=int, metavar="N", help="of the review you looked at; refused when it moved on"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="also put the signed results here")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def run(options: argparse.Namespace) -> int:
    """Sign; status 3 when a part failed and the rest was signed."""
    if options.out:
        refuse_foreign(options.out)
    person = prove(options.account)
    os.environ.update(prefect_environment(settings().home))
    kind = "amended" if options.amend else "withdrawn" if options.withdraw else "final"
    with Console(stderr=True, quiet=options.json).status(f"signing case {options.case}"):
        from flows.finalize import sign  # Prefect must see its environment first

        result = sign(options.case, kind, person, options.reason, options.version)
    folder = signed_folder(options.case)
    if options.out:
        copy_result(folder, options.out)
    if options.json:
        sys.stdout.write(json.dumps({"case_id": options.case, "kind": kind, "folder": str(folder), **result}) + "\n")
    else:
        sys.stdout.writelines(f"failed: {item['message']}\n" for item in result["failures"])
        sys.stdout.write(f"case {options.case} is signed ({kind}): {(options.out or folder) / 'report.pdf'}\n")
    return PART_FAILED if result["failures"] else STAGED
