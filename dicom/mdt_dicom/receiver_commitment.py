"""Storage commitment (PS3.4 annex J): what was stored is checked on disk and confirmed over a new association.

A request is written down before it is answered, so that its report is sent even when the process is killed between.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, build_role
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from mdt_dicom.association import Peer, Tls
from mdt_dicom.completeness_note import note_of
from mdt_dicom.header import HEADER_FAULTS
from mdt_dicom.receiver_store import Incoming, write_durably
from oncology.errors import AimdtError, DeliveryError, ImageError, StoreError

log = logging.getLogger("aimdt.listen")

REQUEST_COMMITMENT = 1  # action type
ALL_STORED, SOME_FAILED = 1, 2  # event types
# Statuses of N-ACTION, PS3.7 annex C.
SUCCESS, PROCESSING_FAILURE, INVALID_ARGUMENT, NO_SUCH_ACTION, NOT_AUTHORIZED = 0x0000, 0x0110, 0x0115, 0x0123, 0x0124
# Failure reasons of a single object, PS3.3 C.14.
NO_SUCH_OBJECT, CLASS_CONFLICT, DAMAGED = 0x0112, 0x0119, 0x0110
ASSOCIATION_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class CommitmentSettings:
    """Where reports go, and how often they are tried.

    Attributes:
        peers: by AE title: who may ask, and where that application listens.
        first_wait_s: between the first two attempts; doubled each time, up to `longest_wait_s`.
    """

    peers: Mapping[str, Peer]
    tls: Tls | None = None
    attempts: int = 12
    first_wait_s: float = 1.0
    longest_wait_s: float = 600.0
    start_wait_s: float = 0.1  # lets the asking association come to its end


class Commitments:
    """Requests for commitment, from the answer to the report."""

    def __init__(self, incoming: Incoming, settings: CommitmentSettings) -> None:
        self.incoming, self.settings = incoming, settings
        self.folder = incoming.root / ".commitments"
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def answer(self, event: Any) -> tuple[int, None]:
        """Take a request in; handler of N-ACTION."""
        primitive = event.assoc.requestor.primitive
        title = primitive.calling_ae_title.strip()
        if event.action_type != REQUEST_COMMITMENT:
            return NO_SUCH_ACTION, None
        if title not in self.settings.peers:
            log.warning("storage commitment refused: it is not known where %s listens; name it with --peer", title)
            return NOT_AUTHORIZED, None
        try:
            content = _request_of(event.action_information)
        except HEADER_FAULTS:
            return INVALID_ARGUMENT, None
        try:
            self._write(content | {"title": title, "called": primitive.called_ae_title.strip()})
        except StoreError as error:
            log.error("storage commitment refused: %s", error)
            return PROCESSING_FAILURE, None
        self._wake.set()
        return SUCCESS, None

    def _write(self, content: dict[str, Any]) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StoreError(f"a request could not be written: {error.strerror}; check the disk") from error
        name = hashlib.sha256(content["transaction"].encode()).hexdigest()[:32]
        write_durably(self.folder / f"{name}.json", json.dumps(content).encode())

    def pending(self) -> list[Path]:
        """Requests whose report was not delivered yet."""
        return sorted(self.folder.glob("*.json")) if self.folder.is_dir() else []

    def start(self) -> None:
        """Send reports in the background, also those an earlier process left."""
        self._thread = threading.Thread(target=self._work, name="aimdt-commitment", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the report under way; the rest is sent after the next start."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(2 * ASSOCIATION_TIMEOUT_S)

    def _work(self) -> None:
        failures: dict[Path, int] = {}
        due: dict[Path, float] = {}
        while not self._stop.is_set():
            now = time.monotonic()
            for path in self.pending():
                if due.get(path, now) <= now and not self._is_done(path, failures.get(path, 0) + 1):
                    failures[path] = failures.get(path, 0) + 1
                    wait_s = self.settings.first_wait_s * 2 ** (failures[path] - 1)
                    due[path] = time.monotonic() + min(wait_s, self.settings.longest_wait_s)
            due = {path: at for path, at in due.items() if path.exists()}
            self._wake.wait(max(0.0, min(due.values()) - time.monotonic()) if due else None)
            self._wake.clear()
            self._stop.wait(self.settings.start_wait_s)

    def _is_done(self, path: Path, attempt: int) -> bool:
        """Send one report; True when it needs no further attempt."""
        try:
            self.report(json.loads(path.read_bytes()))
            path.unlink()
        except (AimdtError, OSError) as error:
            log.warning("a report of storage commitment failed, attempt %d: %s", attempt, error)
            if attempt < self.settings.attempts:
                return False
            path.rename(path.with_suffix(".parked"))
        return True

    def report(self, request: Mapping[str, Any]) -> None:
        """Check the objects and send one N-EVENT-REPORT.

        Raises:
            DeliveryError: the peer could not be reached or did not take it.
        """
        information = self.examine(request)
        kind = SOME_FAILED if "FailedSOPSequence" in information else ALL_STORED
        peer = self.settings.peers.get(request["title"])
        if peer is None:
            raise DeliveryError("it is no longer known where the asking application listens; name it with --peer")
        association = self._associate(peer, request["called"])
        try:
            status, _ = association.send_n_event_report(
                information, kind, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
            )
        except (ValueError, RuntimeError) as error:
            raise DeliveryError("the peer does not take reports of storage commitment; check its settings") from error
        finally:
            association.release()
        if status.get("Status") != SUCCESS:
            raise DeliveryError("the peer did not accept a report of storage commitment; it is sent again later")

    def _associate(self, peer: Peer, called: str) -> Any:
        entity = AE(ae_title=called)
        entity.acse_timeout = entity.dimse_timeout = entity.connection_timeout = ASSOCIATION_TIMEOUT_S
        entity.add_requested_context(StorageCommitmentPushModel)
        tls = (self.settings.tls.client_context(), peer.host) if self.settings.tls else None
        role = build_role(StorageCommitmentPushModel, scp_role=True)  # the reporting side is the provider
        association = entity.associate(peer.host, peer.port, ae_title=peer.title, ext_neg=[role], tls_args=tls)
        if not association.is_established:
            raise DeliveryError("no association with the application that asked; check its address and allow-list")
        for context in association.accepted_contexts:
            context._as_scp = True  # peers that do not answer about roles take reports all the same
        return association

    def examine(self, request: Mapping[str, Any]) -> Dataset:
        """Which of the named objects lie on disk with the content they came with."""
        found = self.incoming.find(frozenset(uid for _, uid in request["objects"]))
        good, bad = [], []
        for sop_class, uid in request["objects"]:
            item = Dataset()
            item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
            reason = self._fault(found.get(uid), sop_class)
            if reason is None:
                good.append(item)
            else:
                item.FailureReason = reason
                bad.append(item)
        information = Dataset()
        information.TransactionUID = request["transaction"]
        if good:
            information.ReferencedSOPSequence = good
        if bad:
            information.FailedSOPSequence = bad
        return information

    def _fault(self, path: Path | None, sop_class: str) -> int | None:
        """The failure reason of one object; None when it is safe."""
        if path is None:
            return NO_SUCH_OBJECT
        if not self.incoming.is_intact(path):
            return DAMAGED
        try:
            return None if note_of(path).sop_class == sop_class else CLASS_CONFLICT
        except ImageError:
            return DAMAGED


def _request_of(information: Dataset) -> dict[str, Any]:
    """Transaction and objects that a request names; an incomplete request raises one of HEADER_FAULTS."""
    objects = [
        (str(item.ReferencedSOPClassUID), str(item.ReferencedSOPInstanceUID))
        for item in information.ReferencedSOPSequence
    ]
    if not objects:
        raise ValueError
    return {"transaction": str(information.TransactionUID), "objects": objects}
