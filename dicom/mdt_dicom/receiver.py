"""The DICOM receiver: C-ECHO, C-STORE and storage commitment, several associations at once.

An object is acknowledged only when it lies on the disk (see receiver_store). Peers outside the allow-list are rejected
before anything is negotiated.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from socketserver import BaseServer
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, _config, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification
from pynetdicom.transport import ThreadedAssociationServer

from mdt_dicom.association import LOCAL_ONLY, Rule, Tls, parse_title, permitted, storage_contexts
from mdt_dicom.receiver_commitment import Commitments
from mdt_dicom.receiver_store import Incoming, Kept
from oncology.errors import ImageError, InputError, StoreError

log = logging.getLogger("aimdt.listen")

# Statuses of C-STORE, PS3.4 table B.2-1.
STORED, OUT_OF_RESOURCES, DOES_NOT_MATCH = 0x0000, 0xA700, 0xA900
COMMENT_CHARACTERS = 64  # ErrorComment is LO
# A-ASSOCIATE-RJ, PS3.8 table 9-21: permanent, by the service user, with the diagnostic.
CALLING_NOT_RECOGNIZED, CALLED_NOT_RECOGNIZED = (1, 1, 3), (1, 1, 7)
HANDSHAKE_S = 10.0
STOP_POLL_S = 0.05
QUICK_ACKNOWLEDGMENT = getattr(socket, "TCP_QUICKACK", None)  # Linux


@dataclass(frozen=True)
class ReceiverSettings:
    """How the receiver is reached.

    Attributes:
        titles: AE titles that it answers to.
        port: 0 takes a free one.
        rules: who may send; this machine alone by default.
        max_associations: more at once are told to try later.
        idle_s: an association without traffic for so long is aborted.
    """

    titles: tuple[str, ...] = ("AIMDT",)
    host: str = "0.0.0.0"  # a receiver listens to other machines; the allow-list says to which
    port: int = 11112
    rules: Sequence[Rule] = LOCAL_ONLY
    tls: Tls | None = None
    max_associations: int = 16
    idle_s: float = 60.0


class Receiver:
    """A running storage SCP.

    Args:
        on_stored: hears of every object after it was stored and before it is acknowledged.
        commitments: answers requests for storage commitment; without it that service is not offered.
    """

    def __init__(
        self,
        incoming: Incoming,
        settings: ReceiverSettings,
        on_stored: Callable[[Kept], None],
        commitments: Commitments | None = None,
    ) -> None:
        self.incoming, self.settings = incoming, settings
        self._on_stored, self._commitments = on_stored, commitments
        self._titles = frozenset(parse_title(title) for title in settings.titles)
        self._tallies: dict[Any, Counter[str]] = {}
        self._server: _Server | None = None

    @property
    def port(self) -> int:
        """The port listened on.

        Raises:
            StoreError: the receiver was not started.
        """
        if self._server is None:
            raise StoreError("the receiver is not running; start it first")
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Listen in the background.

        Raises:
            InputError: the port is taken or not allowed, or the files of TLS are unusable.
        """
        _config.LOG_HANDLER_LEVEL = "none"  # its handlers would write out what peers send
        tls = self.settings.tls.server_context() if self.settings.tls else None
        try:
            self._server = self._entity().make_server(
                (self.settings.host, self.settings.port),
                ae_title=self.settings.titles[0],
                evt_handlers=self._handlers(),
                server_class=_Server,
            )
        except OSError as error:
            raise InputError(
                f"port {self.settings.port} cannot be listened on: {error.strerror}; choose another with --port"
            ) from error
        self._server.tls = tls
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="aimdt-receiver", daemon=True).start()

    def stop(self, grace_s: float = 10.0) -> None:
        """Take no new association, let those under way end within the grace, abort the rest."""
        if self._server is None:
            return
        self._server.shutdown()
        deadline = time.monotonic() + grace_s
        while self._server.active_associations and time.monotonic() < deadline:
            time.sleep(STOP_POLL_S)
        for association in self._server.active_associations:
            association.abort()
        self._server = None

    def _entity(self) -> AE:
        entity = AE(ae_title=self.settings.titles[0])
        entity.supported_contexts = storage_contexts()
        entity.add_supported_context(Verification)
        if self._commitments is not None:
            entity.add_supported_context(StorageCommitmentPushModel)
        entity.maximum_associations = self.settings.max_associations
        entity.network_timeout = self.settings.idle_s
        entity.maximum_pdu_size = 1 << 17
        return entity

    def _handlers(self) -> list[Any]:
        handlers = [
            (evt.EVT_REQUESTED, self._check_peer),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_ACCEPTED, self._opened),
            (evt.EVT_RELEASED, self._closed, ["released"]),
            (evt.EVT_ABORTED, self._closed, ["aborted"]),
            (evt.EVT_CONN_CLOSE, self._closed, ["connection lost"]),
            (evt.EVT_PDU_SENT, _acknowledge_at_once),
        ]
        if self._commitments is not None:
            handlers.append((evt.EVT_N_ACTION, self._commitments.answer))
        return handlers

    def _check_peer(self, event: Any) -> None:
        requestor = event.assoc.requestor
        calling, called = requestor.primitive.calling_ae_title, requestor.primitive.called_ae_title
        address = requestor.address_info.address
        if not permitted(self.settings.rules, calling, address):
            self._reject(event, CALLING_NOT_RECOGNIZED, "not in the allow-list")
        elif called.strip() not in self._titles:
            self._reject(event, CALLED_NOT_RECOGNIZED, "called by another AE title")

    def _reject(self, event: Any, answer: tuple[int, int, int], reason: str) -> None:
        requestor = event.assoc.requestor
        log.warning("association of %s rejected: %s", _peer_name(requestor.primitive, requestor), reason)
        event.assoc.acse.send_reject(*answer)
        event.assoc.kill()

    def _opened(self, event: Any) -> None:
        self._tallies[event.assoc] = Counter()

    def _closed(self, event: Any, how: str) -> None:
        """The first of these events tells how the association ended."""
        tally = self._tallies.pop(event.assoc, None)
        if tally is not None:
            requestor = event.assoc.requestor
            log.info(
                "association of %s %s: %d objects stored, %d of them known before, %d refused",
                _peer_name(requestor.primitive, requestor),
                how,
                tally["stored"],
                tally["known"],
                tally["refused"],
            )

    def _store(self, event: Any) -> int | Dataset:
        tally = self._tallies.get(event.assoc, Counter())
        try:
            kept = self.incoming.keep(_file_meta(event), event.request.DataSet.getvalue())
        except ImageError as error:
            return _refused(tally, DOES_NOT_MATCH, error)
        except StoreError as error:
            return _refused(tally, OUT_OF_RESOURCES, error)
        self._on_stored(kept)
        tally["stored"] += 1
        tally["known"] += not kept.is_new
        return STORED


class _Server(ThreadedAssociationServer):
    """Shakes hands in the association's own thread: a client that stays silent must not keep others waiting."""

    tls: ssl.SSLContext | None = None

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        if self.tls is not None:
            try:
                request.settimeout(HANDSHAKE_S)
                request = self.tls.wrap_socket(request, server_side=True)
                request.settimeout(None)
            except OSError as error:  # ssl.SSLError and time-outs are kinds of it
                log.warning("no TLS with %s: %s", client_address[0], type(error).__name__)
                self.shutdown_request(request)
                return
        super().process_request_thread(request, client_address)

    def shutdown(self) -> None:
        """Stop accepting; associations under way go on. (Its parent also strikes it from the entity's own list.)"""
        BaseServer.shutdown(self)
        self.server_close()

    def handle_error(self, _request: Any, client_address: Any) -> None:
        log.exception("a connection of %s failed", client_address[0])


def _acknowledge_at_once(event: Any) -> None:
    """Have the kernel acknowledge what comes next without delay.

    Senders that write the head and the body of a PDU separately (DCMTK among them) wait for the acknowledgment in
    between: 40 ms for every object. The kernel falls back to delays after each answer of ours.
    """
    connection = event.assoc.dul.socket.socket if event.assoc.dul.socket else None
    if connection is not None and QUICK_ACKNOWLEDGMENT is not None:
        with suppress(OSError):  # the peer may be gone already
            connection.setsockopt(socket.IPPROTO_TCP, QUICK_ACKNOWLEDGMENT, 1)


def _file_meta(event: Any) -> Any:
    """Group 2 as the association tells it, with who sent to whom (PS3.10 table 7.1-1)."""
    meta = event.file_meta
    primitive = event.assoc.requestor.primitive
    meta.SourceApplicationEntityTitle = meta.SendingApplicationEntityTitle = primitive.calling_ae_title.strip()
    meta.ReceivingApplicationEntityTitle = primitive.called_ae_title.strip()
    return meta


def _refused(tally: Counter[str], status: int, error: Exception) -> Dataset:
    tally["refused"] += 1
    log.warning("an object was refused with status %04X: %s", status, error)
    answer = Dataset()
    answer.Status = status
    answer.ErrorComment = str(error)[:COMMENT_CHARACTERS]
    return answer


def _peer_name(primitive: Any, requestor: Any) -> str:
    """AE title and address; the title is cut to what a title may hold."""
    title = "".join(letter for letter in primitive.calling_ae_title[:16] if letter.isprintable())
    return f"{title.strip()} at {requestor.address_info.address}"
