"""`aimdt tnm`: answer files of facts, or print a table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from flows.cli import ROWS_FAILED, STAGED
from oncology.tnm.batch import run_axis, run_groups
from oncology.tnm.show import show

AXES = ("t", "n", "m")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt tnm`."""
    kinds = parser.add_subparsers(dest="kind", metavar="group|t|n|m|show", required=True)
    for kind in ("group", *AXES):
        one = kinds.add_parser(kind, help=f"answer a CSV file of {'categories' if kind == 'group' else 'facts'}")
        one.add_argument("--in", dest="input", type=Path, required=True, metavar="FILE.csv")
        one.add_argument("--out", dest="output", type=Path, required=True, metavar="FILE.csv")
        one.add_argument("--strict", action="store_true", help="an absent key is unknown, not absent")
    page = kinds.add_parser("show", help="print a table")
    page.add_argument("site")
    page.add_argument("edition")
    page.add_argument("axis", choices=("t", "n", "m", "group"), type=str.lower)


def run(options: argparse.Namespace) -> int:
    """Answer the file; status 1 when a row failed."""
    if options.kind == "show":
        sys.stdout.write(show(options.site, options.edition, options.axis) + "\n")
        return STAGED
    if options.kind == "group":
        failed = run_groups(options.input, options.output, strict=options.strict)
    else:
        failed = run_axis(options.kind, options.input, options.output, strict=options.strict)
    if failed:
        sys.stderr.write(f"aimdt: {failed} rows failed; each one's reason stands in its error column\n")
    return ROWS_FAILED if failed else STAGED
