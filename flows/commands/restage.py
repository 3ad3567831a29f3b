"""`aimdt restage CASE`: stage a case anew from its findings and edits; no network runs."""

from __future__ import annotations

import argparse
import json
import sys
import time

from flows.cli import STAGED
from flows.commands.review import print_stages
from flows.person import operator
from tasks import review


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt restage`."""
    parser.add_argument("case", metavar="CASE", help="case id; `aimdt cases` lists them")
    parser.add_argument("--pdf", action="store_true", help="also lay out the PDF, which takes the longest")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def run(options: argparse.Namespace) -> int:
    """Print the stages and where the report lies."""
    begun = time.perf_counter()
    restaged = review.restage(options.case)
    files = review.show_now(restaged, pdf=options.pdf)
    seconds = round(time.perf_counter() - begun, 3)
    review.reviews().note(options.case, operator(), "restaged")
    if options.json:
        content = {"case_id": options.case, "seconds": seconds, "staging": restaged.staging, **restaged.decisions}
        sys.stdout.write(json.dumps(content) + "\n")
    else:
        print_stages(restaged)
        sys.stdout.write(f"{files.work / 'report.html'} ({seconds} s)\n")
    return STAGED
