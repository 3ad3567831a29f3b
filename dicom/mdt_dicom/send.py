"""Results out by C-STORE, with retries, and the report of any sending: what arrived, what did not, and why."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_context
from pynetdicom.presentation import PresentationContext

from mdt_dicom.association import Peer, Tls
from mdt_dicom.header import HEADER_FAULTS, quietly
from oncology.errors import DeliveryError, InputError

MAX_CONTEXTS = 128  # of one association, PS3.8 section 9.3.2.2
TRANSIENT = 2  # result of a rejection, PS3.8 table 9-21
WARNINGS = frozenset({0xB000, 0xB006, 0xB007})  # stored, though changed: PS3.4 table B.2-1
TRY_AGAIN = frozenset({0x0110, 0x0213})  # processing failure, resource limitation: PS3.7 annex C
PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)


@dataclass(frozen=True)
class Failure:
    """An object that did not arrive; `may_pass` when sending it again may help."""

    sop_uid: str
    reason: str
    may_pass: bool = False


@dataclass(frozen=True)
class SendReport:
    """What became of the objects that were to be sent, by SOPInstanceUID."""

    stored: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()

    def check(self) -> SendReport:
        """Return itself when everything arrived.

        Raises:
            DeliveryError: something did not; the message names the first object and reason.
        """
        if self.failed:
            first = self.failed[0]
            total = len(self.stored) + len(self.failed)
            raise DeliveryError(
                f"{len(self.failed)} of {total} objects did not reach the archive; SOPInstanceUID {first.sop_uid}: "
                f"{first.reason}"
            )
        return self

    def __add__(self, other: SendReport) -> SendReport:
        return SendReport(self.stored + other.stored, self.failed + other.failed)


@dataclass(frozen=True)
class SendSettings:
    """How to send.

    Attributes:
        title: our AE title.
        attempts: associations at most for one batch of objects.
        first_wait_s: before the second attempt; doubled each time.
    """

    title: str = "AIMDT"
    tls: Tls | None = None
    attempts: int = 4
    first_wait_s: float = 1.0
    timeout_s: float = 30.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)


@dataclass(frozen=True)
class Outgoing:
    """One file to send."""

    path: Path
    sop_class: str
    sop_uid: str
    syntax: UID


def outgoing(paths: Iterable[Path]) -> tuple[Outgoing, ...]:
    """What these files hold.

    Raises:
        InputError: a file is not DICOM, or lacks its UIDs.
    """
    found = []
    for number, path in enumerate(paths, start=1):
        try:
            meta = pydicom.dcmread(path, specific_tags=["SOPInstanceUID"], stop_before_pixels=True).file_meta
            found.append(
                Outgoing(
                    path,
                    str(meta.MediaStorageSOPClassUID),
                    str(meta.MediaStorageSOPInstanceUID),
                    UID(meta.TransferSyntaxUID),
                )
            )
        except HEADER_FAULTS:
            raise InputError(f"file {number} to send is no whole DICOM file; make the results again") from None
    return tuple(found)


def send(paths: Iterable[Path], peer: Peer, settings: SendSettings | None = None) -> SendReport:
    """Send files by C-STORE; what an attempt leaves unsent goes into the next one.

    An object that was stored though its answer was lost is sent again: archives know it by its UID.

    Raises:
        InputError: a file cannot be read.
    """
    settings = settings or SendSettings()
    report = SendReport()
    for batch in _batches(outgoing(paths)):
        report += _send_batch(batch, peer, settings)
    return report


def _batches(objects: Sequence[Outgoing]) -> list[list[Outgoing]]:
    """Batches whose presentation contexts fit into one association."""
    batches: list[list[Outgoing]] = [[]]
    kinds: set[tuple[str, UID]] = set()
    for item in objects:
        kinds.add((item.sop_class, item.syntax))
        if len(kinds) > MAX_CONTEXTS // 2:
            batches.append([])
            kinds = {(item.sop_class, item.syntax)}
        batches[-1].append(item)
    return [batch for batch in batches if batch]


def _send_batch(batch: Sequence[Outgoing], peer: Peer, settings: SendSettings) -> SendReport:
    report, left = SendReport(), list(batch)
    for attempt in range(settings.attempts):
        if attempt:
            settings.sleep(settings.first_wait_s * 2 ** (attempt - 1))
        tried = _attempt(left, peer, settings)
        report += SendReport(tried.stored, tuple(failure for failure in tried.failed if not failure.may_pass))
        again = {failure.sop_uid: failure for failure in tried.failed if failure.may_pass}
        left = [item for item in left if item.sop_uid in again]
        if not left:
            return report
    return report + SendReport(failed=tuple(again[item.sop_uid] for item in left))


def _attempt(batch: Sequence[Outgoing], peer: Peer, settings: SendSettings) -> SendReport:
    """One association."""
    entity = AE(ae_title=settings.title)
    entity.acse_timeout = entity.dimse_timeout = entity.connection_timeout = settings.timeout_s
    entity.requested_contexts = contexts_of(batch)
    tls = (settings.tls.client_context(), peer.host) if settings.tls else None
    association = entity.associate(peer.host, peer.port, ae_title=peer.title, tls_args=tls)
    if not association.is_established:
        reason, may_pass = _why_not(association)
        return SendReport(failed=tuple(Failure(item.sop_uid, reason, may_pass) for item in batch))
    try:
        return _store_all(association, batch)
    finally:
        if association.is_established:
            association.release()


def _store_all(association: Any, batch: Sequence[Outgoing]) -> SendReport:
    stored, failed = [], []
    for item in batch:
        failure = _store(association, item)
        if failure is None:
            stored.append(item.sop_uid)
        else:
            failed.append(failure)
    return SendReport(tuple(stored), tuple(failed))


def _store(association: Any, item: Outgoing) -> Failure | None:
    if not association.is_established:
        return Failure(item.sop_uid, "the association was lost", may_pass=True)
    try:
        with quietly():
            answer = association.send_c_store(pydicom.dcmread(item.path))
    except RuntimeError:
        return Failure(item.sop_uid, "the association was lost", may_pass=True)
    except HEADER_FAULTS:
        return Failure(item.sop_uid, f"the archive takes neither this class nor {item.syntax.name} of it")
    return _failure_of(item, answer)


def _failure_of(item: Outgoing, answer: Dataset) -> Failure | None:
    status = answer.get("Status")
    if status is None:
        return Failure(item.sop_uid, "the archive did not answer in time", may_pass=True)
    if status == 0 or status in WARNINGS:
        return None
    may_pass = status in TRY_AGAIN or 0xA700 <= status <= 0xA7FF  # out of resources
    return Failure(item.sop_uid, f"the archive answered with status {status:04X}", may_pass)


def contexts_of(batch: Sequence[Outgoing]) -> list[PresentationContext]:
    """Each class in the syntaxes its files have; plain files may be turned from one plain syntax into the other."""
    kinds = dict.fromkeys((item.sop_class, item.syntax) for item in batch)
    contexts = [build_context(sop_class, syntax) for sop_class, syntax in kinds]
    plain = dict.fromkeys(sop_class for sop_class, syntax in kinds if syntax in PLAIN)
    return contexts + [build_context(sop_class, list(PLAIN)) for sop_class in plain]


def _why_not(association: Any) -> tuple[str, bool]:
    if association.is_rejected:
        may_pass = association.acceptor.primitive.result == TRANSIENT
        when = "for the present" if may_pass else "for good: check AE titles and its list of peers"
        return f"the archive rejected the association {when}", may_pass
    return "the archive cannot be reached; check its address, port and TLS", True
