"""Storage commitment, asked for by Orthanc and by a scanner that is no longer there."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from dicom.servers import studies
from dicom.servers.dcmtk import storescu
from dicom.servers.orthanc import Orthanc, orthanc
from dicom.servers.process import free_port, wait_for
from dicom.servers.receiving import RULES_OF_TEST, listening
from mdt_dicom.association import Peer
from mdt_dicom.receiver_commitment import Commitments, CommitmentSettings
from mdt_dicom.receiver_store import Incoming

QUICK_REPORTS = CommitmentSettings({}, attempts=3, first_wait_s=0.2, start_wait_s=0.05)
# pynetdicom leaves the socket of a refused connection to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("sockets_collected"),
]
ALL_PEERS = replace(RULES_OF_TEST, titles=("AIMDT",))


@pytest.fixture
def sockets_collected() -> Iterator[None]:
    """What a test leaves to the garbage collector is collected while its warnings are ignored."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def ports() -> tuple[int, int]:
    return free_port(), free_port()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, ports: tuple[int, int]) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc"), {"aimdt": ("AIMDT", ports[0])}) as server:
        yield server


def commitments(root: Path, *peers: Peer) -> Commitments:
    return Commitments(Incoming(root, free_bytes_kept=0), replace(QUICK_REPORTS, peers={p.title: p for p in peers}))


def outcome(archive: Orthanc, transaction: str) -> Any:
    wait_for(lambda: archive.get(f"/storage-commitment/{transaction}")["Status"] != "Pending", what="the report")
    return archive.get(f"/storage-commitment/{transaction}")


def test_orthanc_is_told_that_what_it_sent_is_safe(archive: Orthanc, ports: tuple[int, int], tmp_path: Path) -> None:
    for path in studies.write(tmp_path / "sent", "one"):
        archive.upload(path)
    answering = commitments(tmp_path / "in", Peer("ORTHANC", "127.0.0.1", archive.dicom_port))
    with listening(tmp_path / "in", ALL_PEERS, commitments=answering, port=ports[0]) as receiver:
        job = archive.post("/modalities/aimdt/store", {"Resources": archive.get("/studies"), "StorageCommitment": True})
        told = outcome(archive, job["StorageCommitmentTransactionUID"])
        assert receiver.incoming.names(studies.key("one"))
    assert (told["Status"], len(told["Success"]), told["Failures"]) == ("Success", 4, [])


def test_orthanc_is_told_which_objects_are_not_here(archive: Orthanc, ports: tuple[int, int], tmp_path: Path) -> None:
    answering = commitments(tmp_path / "in", Peer("ORTHANC", "127.0.0.1", archive.dicom_port))
    asked = {"DicomInstances": [["1.2.840.10008.5.1.4.1.1.2", "1.2.3.4"]]}
    with listening(tmp_path / "in", ALL_PEERS, commitments=answering, port=ports[0]):
        told = outcome(archive, archive.post("/modalities/aimdt/storage-commitment", asked)["ID"])
    assert told["Status"] == "Failure"
    assert told["Failures"][0]["FailureReason"] == 0x0112


def test_an_object_that_changed_on_disk_is_not_confirmed(tmp_path: Path) -> None:
    files = studies.write(tmp_path / "sent", "one", 1)
    with listening(tmp_path / "in") as receiver:
        storescu(receiver.port, files)
    stored = next((tmp_path / "in").glob("*/objects/*.dcm"))
    header = pydicom.dcmread(stored)
    named = {"transaction": "1.2", "objects": [(header.SOPClassUID, header.SOPInstanceUID)]}
    assert "FailedSOPSequence" not in commitments(tmp_path / "in").examine(named)
    stored.write_bytes(stored.read_bytes()[:-1] + b"\1")
    assert commitments(tmp_path / "in").examine(named).FailedSOPSequence[0].FailureReason == 0x0110


def test_an_object_of_another_class_than_named_is_not_confirmed(tmp_path: Path) -> None:
    files = studies.write(tmp_path / "sent", "one", 1)
    with listening(tmp_path / "in") as receiver:
        storescu(receiver.port, files)
    named = {"transaction": "1.2", "objects": [("1.2.3", pydicom.dcmread(files[0]).SOPInstanceUID)]}
    assert commitments(tmp_path / "in").examine(named).FailedSOPSequence[0].FailureReason == 0x0119


def ask(port: int, title: str, transaction: str = "1.2.3.4") -> int:
    """A scanner asks for commitment of one object; the status it gets."""
    request, item = Dataset(), Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    request.TransactionUID, request.ReferencedSOPSequence = transaction, [item]
    scanner = AE(title)
    scanner.add_requested_context(StorageCommitmentPushModel)
    association = scanner.associate("127.0.0.1", port, ae_title="AIMDT")
    status, _ = association.send_n_action(request, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
    association.release()
    return int(status.Status)


@contextmanager
def reports_taken(scanner: Peer, reports: list[Dataset], *, answers_roles: bool = True) -> Iterator[None]:
    """A scanner that listens for reports; older ones do not answer the negotiation of roles."""

    def take(event: Any) -> tuple[int, None]:
        reports.append(event.event_information)
        return 0x0000, None

    entity = AE(scanner.title)
    roles = {"scu_role": False, "scp_role": True} if answers_roles else {}
    entity.add_supported_context(StorageCommitmentPushModel, **roles)
    server = entity.start_server(
        (scanner.host, scanner.port), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, take)]
    )
    yield
    server.shutdown()


def test_who_cannot_be_reported_to_is_refused(tmp_path: Path) -> None:
    with listening(tmp_path / "in", commitments=commitments(tmp_path / "in")) as receiver:
        assert ask(receiver.port, "CT1") == 0x0124


def test_a_report_survives_a_restart_and_is_sent_when_the_peer_is_back(tmp_path: Path, ports: tuple[int, int]) -> None:
    scanner = Peer("CT1", "127.0.0.1", ports[1])
    with listening(tmp_path / "in", commitments=commitments(tmp_path / "in", scanner)) as receiver:
        assert ask(receiver.port, "CT1") == 0x0000
        assert len(commitments(tmp_path / "in").pending()) == 1
    reports: list[Dataset] = []
    with reports_taken(scanner, reports), listening(tmp_path / "in", commitments=commitments(tmp_path / "in", scanner)):
        wait_for(lambda: bool(reports), what="the report")
        wait_for(lambda: not commitments(tmp_path / "in").pending(), what="the request done")
    assert reports[0].FailedSOPSequence[0].FailureReason == 0x0112
    assert reports[0].TransactionUID == "1.2.3.4"


def test_a_peer_that_does_not_negotiate_roles_gets_its_report(tmp_path: Path) -> None:
    scanner = Peer("CT1", "127.0.0.1", free_port())
    reports: list[Dataset] = []
    answering = commitments(tmp_path / "in", scanner)
    taking = reports_taken(scanner, reports, answers_roles=False)
    with taking, listening(tmp_path / "in", commitments=answering) as receiver:
        ask(receiver.port, "CT1")
        wait_for(lambda: bool(reports), what="the report")


def test_a_report_that_nobody_takes_is_parked(tmp_path: Path) -> None:
    gone = Peer("CT1", "127.0.0.1", free_port())
    with listening(tmp_path / "in", commitments=commitments(tmp_path / "in", gone)) as receiver:
        ask(receiver.port, "CT1")
        parked = tmp_path / "in" / ".commitments"
        wait_for(lambda: bool(list(parked.glob("*.parked"))), what="parking")
    assert json.loads(next(parked.glob("*.parked")).read_bytes())["title"] == "CT1"
