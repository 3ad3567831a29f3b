"""From the outbox to the PACS: a signed case's DICOM objects by DICOMweb (STOW-RS). Runs without Prefect.

What is to be sent is a list of files below the case's folder with their SHA-256; the files are those that were signed.
A result's objects have UIDs that follow from their content: sending again changes nothing in the archive.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from db.outbox import Job, Order
from db.tables import RemoteResource
from mdt_dicom.dicomweb import DicomWeb, WebSettings
from mdt_dicom.send import SendReport
from oncology.errors import DeliveryDelayedError, DeliveryError, DeliveryRefusedError, InputError, StoreError
from tasks.case_files import CaseFiles, sha256_of
from tasks.outbox import Outcome, Sender, keep_payload
from tasks.settings import settings

PACS = "pacs"


def pacs_order(case_id: str, folder: Path, intent: str) -> Order | None:
    """The order to send the DICOM objects of a delivered folder; None when it holds none (a NIfTI case)."""
    root = CaseFiles(case_id).root
    files = {path.relative_to(root).as_posix(): sha256_of(path) for path in sorted((folder / "dicom").glob("*.dcm"))}
    if not files:
        return None
    return Order(case_id, PACS, intent, keep_payload(case_id, json.dumps({"files": files}, sort_keys=True).encode()))


def pacs_web() -> WebSettings:
    """The archive as the settings describe it.

    Raises:
        InputError: none is set.
    """
    chosen = settings()
    if not chosen.pacs_url:
        raise InputError("there is no archive to send results to; set AIMDT_PACS_URL to its DICOMweb root")
    token = chosen.dicomweb_token
    return WebSettings(chosen.pacs_url, token.get_secret_value() if token else None, attempts=1)


def pacs_sender(web: WebSettings) -> Sender:
    """Sends DICOM objects to an archive."""

    def send(job: Job, payload: bytes, beat: Callable[[], None]) -> Outcome:
        paths = _files(job.case_id, payload)
        beat()
        try:
            report = DicomWeb(web).store(paths)
        except DeliveryError as error:
            raise DeliveryDelayedError(str(error)) from error  # sent again it does no harm
        _check(report)
        return Outcome(tuple(_remote(job, uid) for uid in report.stored), uncertain=False)

    return send


def _files(case_id: str, payload: bytes) -> list[Path]:
    root = CaseFiles(case_id).root
    wanted: dict[str, str] = json.loads(payload)["files"]
    for name, digest in wanted.items():
        if not (root / name).is_file() or sha256_of(root / name) != digest:
            raise StoreError(f"{name} of case {case_id} is gone or was changed since it was signed; publish it again")
    return [root / name for name in wanted]


def _check(report: SendReport) -> None:
    """Raise when an object did not arrive: for now, or for good."""
    try:
        report.check()
    except DeliveryError as error:
        lasting = any(not failure.may_pass for failure in report.failed)
        raise (DeliveryRefusedError if lasting else DeliveryDelayedError)(str(error)) from error


def _remote(job: Job, uid: str) -> RemoteResource:
    return RemoteResource(
        case_id=job.case_id,
        destination=job.destination,
        key=uid,
        reference=uid,
        version=None,
        owned=True,
        sequence=job.sequence,
    )
