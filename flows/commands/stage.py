"""`aimdt stage`: one patient, from files or servers to the report."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from flows.cli import PART_FAILED, STAGED, existing_path
from oncology.cancers.protocol import cancer_keys
from oncology.errors import InputError
from tasks.case_files import CaseFiles
from tasks.request import Request, taken_in
from tasks.settings import prefect_environment, settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt stage`."""
    parser.add_argument("--ct", type=existing_path, required=True, help="DICOM folder, DICOMDIR or file, or NIfTI")
    parser.add_argument("--pet", type=existing_path, help="PET, when it is not in the CT's folder")
    parser.add_argument("--ehr", type=existing_path, metavar="BUNDLE.json", help="FHIR R4 Bundle of the patient")
    parser.add_argument("--fhir-url", metavar="URL", help="FHIR R4 server to read the record from")
    parser.add_argument("--patient", metavar="ID", help="the patient's id on that server")
    parser.add_argument("--contours", type=existing_path, nargs="+", default=[], metavar="FILE")
    parser.add_argument("--contour-names", type=existing_path, metavar="FILE", help="mapping of odd contour names")
    parser.add_argument(
        "--prior", type=existing_path, metavar="DIR", help="results of an earlier study to compare with"
    )
    parser.add_argument("--cancer", required=True, metavar="KEY", help=f"one of: {', '.join(cancer_keys())}")
    parser.add_argument("--subset", metavar="NAME", help="narrows a site, e.g. glottis, p16=positive")
    parser.add_argument("--edition", choices=("8", "9"), help="only this edition (default: all of the cancer)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the results go")
    parser.add_argument("--nifti", action="store_true", help="also write masks/<structure>.nii.gz")
    parser.add_argument("--lang", default="en", metavar="CODE", help="language of the report")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def run(options: argparse.Namespace) -> int:
    """Stage the case; status 3 when a part failed and the rest was delivered."""
    request = Request(
        ct=options.ct,
        pet=options.pet,
        cancer=options.cancer,
        ehr=options.ehr,
        fhir_url=options.fhir_url,
        patient=options.patient,
        contours=tuple(options.contours),
        contour_names=options.contour_names,
        prior=options.prior,
        subset=options.subset,
        edition=options.edition,
        nifti=options.nifti,
        language=options.lang,
    )
    outcome = stage(request, options.out, quiet=options.json)
    if options.json:
        sys.stdout.write(json.dumps(outcome) + "\n")
    else:
        print_outcome(outcome, options.out)
    return PART_FAILED if outcome["failures"] else STAGED


def stage(request: Request, out: Path, *, quiet: bool = False) -> dict[str, Any]:
    """Take a case in, run its flow, and copy what it delivers to `out`.

    Raises:
        InputError: nothing was staged and nothing written to `out`.
    """
    refuse_foreign(out)
    os.environ.update(prefect_environment(settings().home))
    with Console(stderr=True, quiet=quiet).status("reading what is there") as status, taken_in(request) as case_id:
        status.update(f"staging case {case_id}")
        from flows.patient import stage_patient  # Prefect must see its environment first

        result = stage_patient(case_id)
    case = CaseFiles(case_id)
    with case.locked():
        copy_result(case.out, out)
    staging = json.loads((out / "staging.json").read_bytes())
    return {"case_id": case_id, "out": str(out), "editions": _summary(staging), **result}


def _summary(staging: dict[str, Any]) -> dict[str, Any]:
    axes = ("t", "n", "m", "stage_group")
    return {
        edition: {axis: {key: result[axis][key] for key in ("category", "possible")} for axis in axes}
        for edition, result in staging["editions"].items()
    }


def print_outcome(outcome: dict[str, Any], out: Path) -> None:
    """Stage by edition, failed parts, and where the report lies."""
    console = Console(soft_wrap=True, highlight=False)
    for edition, result in outcome["editions"].items():
        shown = " ".join(result[axis]["category"] or f"{axis.upper()}?" for axis in ("t", "n", "m"))
        group = result["stage_group"]["category"] or " or ".join(result["stage_group"]["possible"]) or "cannot be told"
        console.print(f"TNM {edition}: {shown}, stage {group}")
    for failure in outcome["failures"]:
        console.print(f"failed: {failure['message']}")
    console.print(f"case {outcome['case_id']} awaits review: {out / 'report.pdf'}")
    console.print("Research use only. Not a medical device.")


def refuse_foreign(out: Path) -> None:
    """Results replace results, never anything else."""
    if out.is_file():
        raise InputError("--out names a file; expected a folder that is new, empty or holds earlier results")
    if out.is_dir() and any(out.iterdir()) and not (out / "manifest.json").is_file():
        raise InputError("--out holds other files; expected a folder that is new, empty or holds earlier results")


def copy_result(delivered: Path, out: Path) -> None:
    """Copy beside the target first, then swap: `out` is never half a result."""
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    draft, old = out.with_name(f".partial-{out.name}"), out.with_name(f".old-{out.name}")
    for leftover in (draft, old):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        shutil.copytree(delivered, draft)
    except (OSError, shutil.Error) as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise InputError("the results could not be copied to --out; free space or check permissions") from error
    if out.exists():
        out.replace(old)
    draft.replace(out)
    shutil.rmtree(old, ignore_errors=True)
