"""`aimdt show CASE`: state, stage and documents of one case."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from db.engine import open_database
from db.review import Reviews
from db.store import Store
from db.tables import Document, StagingRow
from flows.cli import STAGED
from flows.person import operator
from tasks.settings import settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt show`."""
    parser.add_argument("case", metavar="CASE", help="case id; `aimdt cases` lists them")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def run(options: argparse.Namespace) -> int:
    """Print what the records hold of the case's last run."""
    store = Store(open_database(settings().records_url))
    content = _content(store, options.case)
    Reviews(store).note(options.case, operator(), "viewed")
    if options.json:
        sys.stdout.write(json.dumps(content) + "\n")
        return STAGED
    sys.stdout.write(f"case {content['case']['case_id']}: {content['case']['cancer']}, {content['case']['state']}\n")
    for row in content["stagings"]:
        categories = " ".join(row[axis] or f"{axis.upper()}?" for axis in ("t", "n", "m"))
        sys.stdout.write(f"  TNM {row['edition']}: {categories}, stage {row['stage_group'] or 'open'}\n")
    for document in content["documents"]:
        sys.stdout.write(f"  {document['name']} ({document['size']} bytes)\n")
    return STAGED


def _content(store: Store, case_id: str) -> dict[str, Any]:
    case = store.case(case_id)
    run = store.latest_run(case_id)
    key = run.run_key if run else ""
    return {
        "case": case.model_dump(),
        "run": run.model_dump() if run else None,
        "stagings": [row.model_dump() for row in store.rows(StagingRow, run_key=key)],
        "documents": [row.model_dump() for row in store.rows(Document, run_key=key)],
    }
