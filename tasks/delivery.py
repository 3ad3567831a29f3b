"""What leaves the case: one folder with every result, checked against its schemas, whole or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tasks.case_files import CaseFiles, Outputs, canonical_json, write_bytes
from tasks.manifest import provenance
from tasks.pictures import PICTURES, picture_slices
from tasks.schemas import check
from tasks.step import once_io

# Files of work/ that are steps' own and are not delivered.
DELIVERED = (
    "findings.json",
    "staging.json",
    "Tumor_probabilities.json",
    "report.pdf",
    "report.html",
    "bundle.json",
)
DELIVERED_FOLDERS = ("key_images/", "dicom/", "masks/")


@once_io
def deliver(case_id: str, steps: list[Outputs | None], failures: list[dict[str, Any]]) -> None:
    """Put every result into the case's `out` folder, with the manifest that says where it came from.

    Raises:
        ReportError: a result does not fit its schema; `out` stays as it was.
    """
    case = CaseFiles(case_id)
    files = {name: digest for outputs in steps for name, digest in (outputs or {}).items() if _leaves(name)}
    draft = case.out.with_name("out.partial")
    shutil.rmtree(draft, ignore_errors=True)
    for name in files:
        (draft / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(case.work / name, draft / name)
    manifest = provenance(case) | {
        "outputs": dict(sorted(files.items())),
        "timings_seconds": step_seconds(case),
        "failed_parts": [item["where"] for item in failures],
        "key_images": picture_slices(case) if any(PICTURES in (outputs or {}) for outputs in steps) else [],
    }
    write_bytes(draft / "manifest.json", canonical_json(manifest).encode())
    check(draft)
    _swap(draft, case.out)


def _leaves(name: str) -> bool:
    return name in DELIVERED or name.startswith(DELIVERED_FOLDERS)


def _swap(draft: Path, out: Path) -> None:
    old = out.with_name("out.old")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.replace(old)
    draft.replace(out)
    shutil.rmtree(old, ignore_errors=True)


def step_seconds(case: CaseFiles) -> dict[str, float]:
    """How long each step of this case took when it was last computed."""
    folder = case.root / "timings"
    return {path.name: float(path.read_text()) for path in sorted(folder.glob("*"))} if folder.is_dir() else {}
