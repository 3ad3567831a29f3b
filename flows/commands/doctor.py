"""`aimdt doctor`: settings, and what this machine lacks."""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import sys
from importlib.metadata import version

from db.engine import open_database
from flows.cli import PART_FAILED, STAGED
from oncology.errors import StoreError
from tasks.settings import settings
from templates.system_libraries import advice, missing_libraries

PACKAGES = ("prefect", "pydicom", "highdicom", "SimpleITK", "fhir.resources", "sqlmodel", "weasyprint")
# Programs of other makers that tests use as judges; the product runs without them.
JUDGES = ("dciodvfy", "storescu", "storescp", "Orthanc")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt doctor`."""
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def run(options: argparse.Namespace) -> int:
    """Print what was found; status 3 when something needed is missing."""
    found = _examine()
    if options.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        for topic, lines in found.items():
            sys.stdout.write(f"{topic}\n" + "".join(f"  {name}: {value}\n" for name, value in lines.items()))
    return PART_FAILED if found["problems"] else STAGED


def _examine() -> dict[str, dict[str, str]]:
    problems = {}
    if missing := missing_libraries():
        problems["PDF"] = advice(missing)
    try:
        open_database(settings().records_url).dispose()
    except StoreError as error:
        problems["records"] = str(error)
    return {
        "settings (environment AIMDT_*)": {name: str(value) for name, value in settings().model_dump().items()},
        "software": {"aimdt": version("aimdt"), "python": platform.python_version()}
        | {name: version(name) for name in PACKAGES},
        "judges for tests": {name: "found" if shutil.which(name) else "absent" for name in JUDGES},
        "problems": problems,
    }
