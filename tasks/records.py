"""The clinical records of a run: begun, finished, never doubled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from db.engine import open_database
from db.store import Store
from db.tables import Document, Finding, Model, Series, StagingRow, Study
from tasks.case_files import CaseFiles, sha256_of
from tasks.images import IMAGES
from tasks.settings import settings
from tasks.step import once_io

MEDIA_TYPES = {".pdf": "application/pdf", ".html": "text/html", ".json": "application/json", ".png": "image/png"}
MEDIA_TYPES |= {".dcm": "application/dicom", ".gz": "application/gzip"}


@lru_cache(maxsize=1)
def store() -> Store:
    """The records of this process."""
    return Store(open_database(settings().records_url))


def run_key(case_id: str, parameters: Mapping[str, Any]) -> str:
    """The same inputs, software, tables and parameters of a case are the same run."""
    content = json.dumps([case_id, version("aimdt"), dict(parameters)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


@once_io
def open_run(case_id: str, cancer: str, parameters: dict[str, Any]) -> str:
    """Note that a run of this case begins; returns the run's key."""
    key = run_key(case_id, parameters)
    store().start_run(CaseFiles(case_id).case_id, cancer, key, software=version("aimdt"), parameters=parameters)
    return key


@once_io
def close_run(case_id: str, run: str, failed_parts: list[str]) -> str:
    """Write all results of the run in one transaction; returns the state it ended in."""
    case = CaseFiles(case_id)
    state = "completed-with-failures" if failed_parts else "completed"
    staging = json.loads((case.out / "staging.json").read_bytes())
    manifest = json.loads((case.out / "manifest.json").read_bytes())
    store().finish_run(
        case.case_id,
        run,
        state=state,
        tables_version=staging["tables_version"],
        images=_image_rows(case),
        results=result_rows(run, case.out),
        models=[Model(model_id=item["id"], sha256=item["sha256"], role=item["role"]) for item in manifest["models"]],
    )
    return state


def mark_failed(case_id: str, run: str) -> None:
    """Note that a run ended without results."""
    store().finish_run(CaseFiles(case_id).case_id, run, state="failed")


def _image_rows(case: CaseFiles) -> list[Study | Series]:
    images = case.load_json(IMAGES)
    taken = images["series"]
    studies = {item["study_uid"] or item["content_sha256"]: item["date"] for item in taken}
    rows: list[Study | Series] = [
        Study(case_id=case.case_id, study_uid=uid[:64], date=date) for uid, date in studies.items()
    ]
    for item in taken:
        uid = item["study_uid"] or item["content_sha256"]
        rows.append(
            Series(
                case_id=case.case_id,
                series_uid=(item["series_uid"] or item["content_sha256"])[:64],
                study_uid=uid[:64],
                modality=item["modality"],
                used_as="pet" if item["modality"] == "PT" else "ct",
                content_sha256=item["content_sha256"],
                instances=len(item["sop_instance_uids"]),
            )
        )
    return rows


def result_rows(run: str, folder: Path) -> list[Finding | StagingRow | Document]:
    """Findings, stagings and documents of a delivered folder as rows of a run."""
    findings = json.loads((folder / "findings.json").read_bytes())
    staging = json.loads((folder / "staging.json").read_bytes())
    return [*_finding_rows(run, findings), *_staging_rows(run, staging), *_document_rows(run, folder)]


def _finding_rows(run: str, findings: Mapping[str, Any]) -> list[Finding]:
    rows = [
        Finding(run_key=run, finding_id=item["id"], kind=kind, content=item)
        for kind, name in (("tumor", "tumors"), ("node", "nodes"), ("metastasis-candidate", "metastasis_candidates"))
        for item in findings[name]
    ]
    return rows + [
        Finding(run_key=run, finding_id=f"quality-{place}", kind="quality", content=item)
        for place, item in enumerate(findings["quality"], start=1)
    ]


def _staging_rows(run: str, staging: Mapping[str, Any]) -> list[StagingRow]:
    return [
        StagingRow(
            run_key=run,
            edition=edition,
            t=result["t"]["category"],
            n=result["n"]["category"],
            m=result["m"]["category"],
            stage_group=result["stage_group"]["category"],
            content=result,
        )
        for edition, result in staging["editions"].items()
    ]


def _document_rows(run: str, folder: Path) -> list[Document]:
    return [
        Document(
            run_key=run,
            name=path.relative_to(folder).as_posix(),
            media_type=MEDIA_TYPES.get(path.suffix, "application/octet-stream"),
            sha256=sha256_of(path),
            size=path.stat().st_size,
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]


def failed_part_names(failures: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the parts that failed, for the records."""
    return [item["where"] for item in failures]
