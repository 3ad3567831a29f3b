"""Search, retrieve and store against Orthanc, over good and bad lines."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

import dicom_factory as factory
from dicom.servers import studies
from dicom.servers.dcmtk import storescp
from dicom.servers.faulty_line import faulty_line
from dicom.servers.orthanc import Orthanc, orthanc
from dicom.servers.process import free_port, wait_for
from dicom.servers.receiving import listening
from dicom.servers.relay import breaking_line
from mdt_dicom.association import Peer
from mdt_dicom.dicomweb import DicomWeb, WebSettings
from mdt_dicom.dicomweb_pull import find_priors, pull, pull_study
from mdt_dicom.receiver_store import Incoming
from mdt_dicom.send import Failure, SendReport, SendSettings, send
from oncology.errors import DeliveryError, ImageError, InputError

# pynetdicom leaves the socket of a refused connection to the garbage collector, requests that of a broken one.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("sockets_collected"),
]
FAULTS = ["503", "429", "drop", "504", "500", "408"]


@pytest.fixture
def sockets_collected() -> Iterator[None]:
    """What a test leaves to the garbage collector is collected while its warnings are ignored."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc")) as server:
        yield server


@pytest.fixture
def archive(running: Orthanc) -> Orthanc:
    """Orthanc, empty."""
    running.clear()
    return running


def web(url: str, attempts: int = 5, waits: list[float] | None = None) -> DicomWeb:
    waits = waits if waits is not None else []
    return DicomWeb(WebSettings(url, attempts=attempts, sleep=waits.append, timeout_s=20))


def fill(archive: Orthanc, folder: Path, name: str, count: int = 4, **changes: object) -> list[Path]:
    files = studies.write(folder / name, name, count, **changes)
    for path in files:
        archive.upload(path)
    return files


def pixels(path: Path) -> bytes:
    content: bytes = pydicom.dcmread(path).PixelData
    return content


def uids(paths: list[Path]) -> set[str]:
    return {pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID for path in paths}


def test_stored_objects_read_back_are_the_same(archive: Orthanc, tmp_path: Path) -> None:
    files = studies.write(tmp_path / "sent", "one")
    assert set(web(archive.dicomweb).store(files).check().stored) == uids(files)
    for path in files:
        sent = pydicom.dcmread(path)
        assert pydicom.dcmread(pydicom.filebase.DicomBytesIO(archive.file(sent.SOPInstanceUID))) == sent


def test_storing_again_changes_nothing(archive: Orthanc, tmp_path: Path) -> None:
    files = studies.write(tmp_path / "sent", "one")
    for _ in range(2):
        assert len(web(archive.dicomweb).store(files).check().stored) == 4
    assert len(archive.instances()) == 4


def test_more_than_one_request_holds_is_stored_in_parts(
    archive: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mdt_dicom.dicomweb.BATCH_BYTES", 4000)
    files = studies.write(tmp_path / "sent", "one", 12)
    with faulty_line(archive.url) as line:
        assert len(web(f"{line.url}/dicom-web").store(files).stored) == 12
    assert len(line.asked) > 2
    assert len(archive.instances()) == 12


@pytest.mark.parametrize("fault", [*FAULTS, "drop after"])
def test_storing_outlasts_a_passing_fault(archive: Orthanc, tmp_path: Path, fault: str) -> None:
    files = studies.write(tmp_path / "sent", "one")
    with faulty_line(archive.url, [fault, fault]) as line:
        web(f"{line.url}/dicom-web").store(files).check()
    assert set(archive.instances()) == uids(files)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_study_is_fetched_whole_over_a_bad_line(archive: Orthanc, tmp_path: Path, fault: str) -> None:
    files = fill(archive, tmp_path, "one")
    incoming = Incoming(tmp_path / "in", free_bytes_kept=0)
    with faulty_line(archive.url, [fault, "ok", fault, "ok", fault, fault]) as line:
        pulled = pull(web(f"{line.url}/dicom-web"), incoming, accession=factory.ACCESSION)
    assert [study.objects for study in pulled] == [4]
    stored = list((tmp_path / "in").glob("*/objects/*.dcm"))
    assert sorted(map(pixels, stored)) == sorted(map(pixels, files))


def test_a_server_that_stays_down_is_given_up_after_the_stated_attempts() -> None:
    waits: list[float] = []
    with pytest.raises(DeliveryError, match="could not be reached"):
        web(f"http://127.0.0.1:{free_port()}/dicom-web", 3, waits).find_studies(patient_id="1")
    assert waits == [1.0, 2.0]


@pytest.mark.parametrize("status", ["400", "401", "403", "404"])
def test_a_refusal_is_not_tried_again(status: str) -> None:
    with faulty_line("", [status] * 5) as line, pytest.raises(DeliveryError, match=status):
        web(line.url).find_studies(patient_id="1")
    assert len(line.asked) == 1


def test_errors_and_logs_never_tell_the_patient(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for fault in ("503", "404", "drop"):
        with faulty_line("", [fault] * 3) as line, pytest.raises(DeliveryError) as caught:
            web(line.url, 2).find_studies(patient_id=factory.PATIENT_ID, accession=factory.ACCESSION)
        chain = repr(caught.value) + repr(caught.value.__cause__)
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
        assert [word for word in factory.PRIVATE_WORDS if word in chain + caplog.text] == []


def test_secrets_and_patients_are_not_shown(archive: Orthanc, tmp_path: Path) -> None:
    fill(archive, tmp_path, "one")
    shown = repr(WebSettings("http://x", token="hidden", login=("me", "hidden")))
    shown += repr(web(archive.dicomweb).find_studies(patient_id=factory.PATIENT_ID))
    assert [word for word in (*factory.PRIVATE_WORDS, "hidden") if word in shown] == []


@pytest.mark.parametrize("number", ["*", "MRN-47*", "MRN-471?"])
def test_a_wildcard_finds_nobody_else(archive: Orthanc, tmp_path: Path, number: str) -> None:
    fill(archive, tmp_path, "one")
    assert web(archive.dicomweb).find_studies(patient_id=number) == ()


def test_a_search_for_nothing_is_refused(archive: Orthanc) -> None:
    with pytest.raises(InputError, match="needs a patient"):
        web(archive.dicomweb).find_studies()


def test_many_results_come_page_by_page_each_once(
    archive: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mdt_dicom.dicomweb.PAGE", 3)
    for number in range(8):
        fill(archive, tmp_path, str(number), 1)
    found = web(archive.dicomweb).find_studies(patient_id=factory.PATIENT_ID)
    assert {study.study_uid for study in found} == {studies.study_uid(number) for number in range(8)}
    assert len(found) == 8


def test_compressed_objects_are_fetched_as_they_are(archive: Orthanc, tmp_path: Path) -> None:
    folder = factory.save(studies.slices("one"), tmp_path / "one", syntax="JPEG lossless")
    for path in folder.iterdir():
        archive.upload(path)
    pull(web(archive.dicomweb), Incoming(tmp_path / "in", free_bytes_kept=0), accession=factory.ACCESSION)
    stored = [pydicom.dcmread(path) for path in (tmp_path / "in").glob("*/objects/*.dcm")]
    assert {item.file_meta.TransferSyntaxUID for item in stored} == {factory.SYNTAXES["JPEG lossless"]}


def test_what_is_here_already_is_not_fetched_again(archive: Orthanc, tmp_path: Path) -> None:
    fill(archive, tmp_path, "one")
    incoming = Incoming(tmp_path / "in", free_bytes_kept=0)
    with faulty_line(archive.url) as line:
        for _ in range(2):
            pull(web(f"{line.url}/dicom-web"), incoming, patient_id=factory.PATIENT_ID)
    assert sum("/instances" not in path and "/series/" in path for path in line.asked) == 1


def test_a_pulled_study_is_handed_over_once_and_only_when_whole(archive: Orthanc, tmp_path: Path) -> None:
    fill(archive, tmp_path, "one", 6, NumberOfSeriesRelatedInstances=None)
    down = ["ok", "ok", *["503"] * 40]
    with listening(tmp_path / "in") as receiver, faulty_line(archive.url, down) as line:
        with pytest.raises(DeliveryError):
            pull(web(f"{line.url}/dicom-web"), receiver.incoming, receiver.watch.arrived, accession=factory.ACCESSION)
        pull(web(archive.dicomweb), receiver.incoming, receiver.watch.arrived, accession=factory.ACCESSION)
        wait_for(lambda: bool(receiver.finished), what="the hand-over")
    assert [(study.objects, study.declared) for study in receiver.finished] == [(6, True)]


def test_who_has_no_images_is_said_so(archive: Orthanc, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no CT or PET"):
        pull(web(archive.dicomweb), Incoming(tmp_path / "in"), patient_id="nobody")


def test_priors_are_earlier_ct_or_pet_of_the_same_patient_the_newest_first(archive: Orthanc, tmp_path: Path) -> None:
    fill(archive, tmp_path, "now", 1, StudyDate="20240301")
    fill(archive, tmp_path, "older", 1, StudyDate="20220301")
    fill(archive, tmp_path, "old", 1, StudyDate="20230301")
    fill(archive, tmp_path, "later", 1, StudyDate="20250301")
    fill(archive, tmp_path, "undated", 1, StudyDate="")
    fill(archive, tmp_path, "mri", 1, StudyDate="20230401", Modality="MR")
    fill(archive, tmp_path, "other patient", 1, StudyDate="20230401", PatientID="MRN-4712")
    priors = find_priors(web(archive.dicomweb), studies.study_uid("now"), patient_id=factory.PATIENT_ID)
    assert [study.study_uid for study in priors] == [studies.study_uid("old"), studies.study_uid("older")]


def test_the_same_number_of_another_issuer_is_another_patient(archive: Orthanc, tmp_path: Path) -> None:
    fill(archive, tmp_path, "ours", 1, StudyDate="20230301", IssuerOfPatientID="HERE")
    fill(archive, tmp_path, "theirs", 1, StudyDate="20230301", IssuerOfPatientID="THERE")
    found = web(archive.dicomweb).find_studies(patient_id=factory.PATIENT_ID, issuer="HERE")
    assert [study.study_uid for study in found] == [studies.study_uid("ours")]


def test_a_prior_is_fetched_without_what_staging_does_not_read(archive: Orthanc, tmp_path: Path) -> None:
    fill(archive, tmp_path, "old", 3, StudyDate="20230301")
    for path in studies.write(tmp_path / "report", "old", 1, SeriesInstanceUID="1.2.3", Modality="SR"):
        archive.upload(path)
    (prior,) = find_priors(web(archive.dicomweb), studies.study_uid("now"), patient_id=factory.PATIENT_ID)
    assert pull_study(web(archive.dicomweb), prior, Incoming(tmp_path / "in", free_bytes_kept=0)).objects == 3


def quickly(**changes: object) -> SendSettings:
    return SendSettings(**({"sleep": lambda _: None, "timeout_s": 5.0} | changes))  # type: ignore[arg-type]


def test_c_store_brings_objects_to_orthanc_as_they_are(archive: Orthanc, tmp_path: Path) -> None:
    plain = studies.write(tmp_path / "plain", "one")
    packed = sorted(factory.save(studies.slices("two"), tmp_path / "two", syntax="JPEG-LS").iterdir())
    report = send([*plain, *packed], Peer("ORTHANC", "127.0.0.1", archive.dicom_port), quickly()).check()
    assert set(report.stored) == set(archive.instances()) == uids([*plain, *packed])
    for path in (plain[0], packed[0]):
        sent = pydicom.dcmread(path)
        assert pydicom.dcmread(pydicom.filebase.DicomBytesIO(archive.file(sent.SOPInstanceUID))) == sent


def test_c_store_goes_on_where_a_broken_line_left_off(tmp_path: Path) -> None:
    files = studies.write(tmp_path / "sent", "one", 8)
    with listening(tmp_path / "in") as receiver, breaking_line(receiver.port, 3000, 5000, 1 << 20) as port:
        report = send(files, Peer("AIMDT", "127.0.0.1", port), quickly()).check()
    assert sorted(report.stored) == sorted(uids(files))


def test_c_store_names_what_the_peer_does_not_take(tmp_path: Path) -> None:
    packed = sorted(factory.save(studies.slices("two", 2), tmp_path / "two", syntax="RLE").iterdir())
    plain = studies.write(tmp_path / "plain", "one", 2)
    with storescp(tmp_path / "scp", "+xi") as peer:
        report = send([*packed, *plain], Peer("ANY", "127.0.0.1", peer.port), quickly())
    assert set(report.stored) == uids(plain)
    assert all("RLE" in failure.reason and not failure.may_pass for failure in report.failed)
    with pytest.raises(DeliveryError, match="2 of 4 objects"):
        report.check()


def test_c_store_to_nobody_is_tried_and_reported(tmp_path: Path) -> None:
    files, waits = studies.write(tmp_path / "sent", "one", 2), []
    report = send(files, Peer("ANY", "127.0.0.1", free_port()), quickly(attempts=3, sleep=waits.append))
    assert len(report.failed) == 2
    assert waits == [1.0, 2.0]


def test_c_store_to_our_own_receiver_waits_until_its_disk_has_room(tmp_path: Path) -> None:
    files = studies.write(tmp_path / "sent", "one")
    with listening(tmp_path / "in", free_bytes_kept=1 << 60) as receiver:

        def make_room(_: float) -> None:
            receiver.incoming.free_bytes_kept = 0

        peer = Peer("AIMDT", "127.0.0.1", receiver.port)
        assert len(send(files, peer, quickly(sleep=make_room)).check().stored) == 4


def test_a_rejection_for_good_is_not_tried_again(tmp_path: Path) -> None:
    files, waits = studies.write(tmp_path / "sent", "one", 1), []
    with listening(tmp_path / "in") as receiver:
        report = send(files, Peer("OTHER", "127.0.0.1", receiver.port), quickly(sleep=waits.append))
    assert "for good" in report.failed[0].reason
    assert waits == []


def test_what_is_no_dicom_is_not_sent(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("no images here")
    with pytest.raises(InputError, match="file 1"):
        send([tmp_path / "letter.txt"], Peer("ANY", "127.0.0.1", 1))


def test_reports_add_up() -> None:
    both = SendReport(("1",), ()) + SendReport((), (Failure("2", "why"),))
    assert (both.stored, both.failed[0].sop_uid) == (("1",), "2")
