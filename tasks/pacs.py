"""From the outbox to the PACS: a signed case's DICOM objects by STOW-RS or C-STORE. Runs without Prefect.

What is to be sent is a list of files below the case's folder with their SHA-256; the files are those that were signed.
A result's objects have UIDs that follow from their content: sending again changes nothing in the archive.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from db.outbox import Job, Order
from db.tables import RemoteResource
from mdt_dicom.association import Tls, parse_peer, parse_title
from mdt_dicom.dicomweb import DicomWeb, WebSettings
from mdt_dicom.send import SendReport, SendSettings, send
from oncology.errors import DeliveryDelayedError, DeliveryError, DeliveryRefusedError, InputError, StoreError
from tasks.case_files import CaseFiles, sha256_of
from tasks.outbox import Outcome, Sender, keep_payload
from tasks.settings import settings

PACS = "pacs"
Store = Callable[[Sequence[Path]], SendReport]


def pacs_order(case_id: str, folder: Path, intent: str) -> Order | None:
    """The order to send the DICOM objects of a delivered folder; None when it holds none (a NIfTI case)."""
    root = CaseFiles(case_id).root
    files = {path.relative_to(root).as_posix(): sha256_of(path) for path in sorted((folder / "dicom").glob("*.dcm"))}
    if not files:
        return None
    return Order(case_id, PACS, intent, keep_payload(case_id, json.dumps({"files": files}, sort_keys=True).encode()))


def pacs_is_set_up() -> bool:
    """True when the settings name an archive."""
    return bool(settings().pacs_url or settings().pacs_peer)


def pacs_route() -> Store:
    """How objects get to the archive, as the settings say. One attempt: the outbox makes the others.

    Raises:
        InputError: no archive is set, two are, or the settings contradict themselves.
    """
    chosen = settings()
    if bool(chosen.pacs_url) == bool(chosen.pacs_peer):
        found = "both AIMDT_PACS_URL and AIMDT_PACS_PEER are" if chosen.pacs_url else "no archive is"
        raise InputError(
            f"{found} set; set AIMDT_PACS_URL for DICOMweb (STOW-RS) or AIMDT_PACS_PEER=TITLE@HOST:PORT for C-STORE"
        )
    return _web_route() if chosen.pacs_url else _peer_route()


def _web_route() -> Store:
    chosen = settings()
    token = chosen.dicomweb_token
    web = WebSettings(
        str(chosen.pacs_url),
        token.get_secret_value() if token else None,
        authorities=chosen.pacs_ca,
        certificate=_certificate(),
        attempts=1,
    )
    return DicomWeb(web).store


def _peer_route() -> Store:
    chosen, files = settings(), _certificate()
    peer = parse_peer(str(chosen.pacs_peer))
    if chosen.pacs_ca and not files:
        raise InputError("AIMDT_PACS_CA was given for C-STORE without AIMDT_PACS_CERTIFICATE and its key; set both")
    tls = Tls(*files, chosen.pacs_ca) if files else None
    return partial(send, peer=peer, settings=SendSettings(parse_title(chosen.pacs_title), tls, attempts=1))


def _certificate() -> tuple[Path, Path] | None:
    chosen = settings()
    if not chosen.pacs_certificate and not chosen.pacs_certificate_key:
        return None
    if not chosen.pacs_certificate or not chosen.pacs_certificate_key:
        raise InputError("TLS needs AIMDT_PACS_CERTIFICATE and AIMDT_PACS_CERTIFICATE_KEY; one of them was given")
    return chosen.pacs_certificate, chosen.pacs_certificate_key


def pacs_sender(store: Store) -> Sender:
    """Sends DICOM objects to an archive."""

    def deliver(job: Job, payload: bytes, beat: Callable[[], None]) -> Outcome:
        report = SendReport()
        for path in _files(job.case_id, payload):
            beat()
            try:
                report += store([path])
            except DeliveryError as error:
                raise DeliveryDelayedError(str(error)) from error  # sent again it does no harm
        _check(report)
        return Outcome(tuple(_remote(job, uid) for uid in report.stored), uncertain=False)

    return deliver


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
