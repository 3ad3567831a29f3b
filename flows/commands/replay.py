"""`aimdt replay MANIFEST`: repeat an analysis from its inputs and compare the findings byte for byte."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from flows.cli import PART_FAILED, STAGED, existing_path
from flows.commands.stage import stage
from oncology.errors import InputError
from tasks.case_files import CaseFiles, sha256_of
from tasks.request import Request, fingerprints_of

COMPARED = ("findings.json", "staging.json", "Tumor_probabilities.json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt replay`."""
    parser.add_argument("manifest", type=existing_path, metavar="MANIFEST", help="manifest.json of an earlier result")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def run(options: argparse.Namespace) -> int:
    """Compute everything anew; status 3 when a file differs from the manifest's."""
    manifest = _read(options.manifest)
    case = CaseFiles(manifest["case_id"])
    request = _request(case)
    for folder in ("results", "work"):
        shutil.rmtree(case.root / folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "again"
        stage(request, out, quiet=options.json)
        same = {name: sha256_of(out / name) == manifest["outputs"].get(name) for name in COMPARED}
    if options.json:
        sys.stdout.write(json.dumps({"case_id": case.case_id, "identical": same}) + "\n")
    else:
        sys.stdout.writelines(f"{name}: {'identical' if equal else 'DIFFERS'}\n" for name, equal in same.items())
    return STAGED if all(same.values()) else PART_FAILED


def _read(path: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(path.read_bytes())
        _ = manifest["case_id"], manifest["outputs"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path.name} is no manifest of this software; expected the manifest.json of a result"
        ) from error
    return manifest


def _request(case: CaseFiles) -> Request:
    """The request as it was made, if its inputs are still what they were.

    Raises:
        InputError: the case is not on this machine, or an input was changed or moved.
    """
    if not case.exists():
        raise InputError(f"case {case.case_id} was not taken in on this machine; replay needs its inputs' places")
    kept = case.read_private("request.json")
    paths = {name: Path(kept[name]) if kept[name] else None for name in ("ct", "pet", "ehr", "contour_names")}
    contours = tuple(Path(item) for item in kept["contours"])
    if any(path is not None and not path.exists() for path in (*paths.values(), *contours)):
        raise InputError(f"an input of case {case.case_id} is no longer where it was; put it back and try again")
    words = {
        name: kept[name]
        for name in ("cancer", "fhir_url", "patient", "subset", "edition", "classification", "nifti", "language")
    }
    request = Request(**{**words, **paths, "contours": contours})
    if not kept["fhir_url"] and fingerprints_of(request) != kept["fingerprints"]:
        raise InputError(
            f"an input of case {case.case_id} was changed since it was staged; replay compares equal inputs"
        )
    return request
