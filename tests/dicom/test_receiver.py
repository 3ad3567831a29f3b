"""The receiver against DCMTK's storescu and echoscu."""

from __future__ import annotations

import logging
import os
import socket
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from pynetdicom import AE
from pynetdicom.sop_class import Verification

import dicom_factory as factory
from dicom.servers import studies
from dicom.servers.dcmtk import echoscu, storescu
from dicom.servers.process import program, wait_for
from dicom.servers.receiving import QUICK, RULES_OF_TEST, Listening, listening
from mdt_dicom.association import Rule, Tls, parse_peer, parse_rule, parse_title, permitted
from mdt_dicom.completeness_watch import OWN_MANUFACTURER, Patience
from mdt_dicom.receiver_store import Incoming
from mdt_dicom.result import Maker
from oncology.errors import InputError, StoreError


def everything_below(folder: Path) -> str:
    """Names of all files and folders, and the text of all that are no images."""
    found = [path.relative_to(folder) for path in folder.rglob("*")]
    texts = [path.read_text() for path in folder.rglob("*") if path.is_file() and path.suffix != ".dcm"]
    return "\n".join([*map(str, found), *texts])


def handed_over(receiver: Listening, name: str, version: int = 1) -> bool:
    return (studies.key(name), version) in {(study.key, study.version) for study in receiver.finished}


def test_an_echo_is_answered(tmp_path: Path) -> None:
    with listening(tmp_path / "in") as receiver:
        assert echoscu(receiver.port).returncode == 0


def test_a_sent_study_is_stored_bit_for_bit_and_handed_over_once(tmp_path: Path) -> None:
    files = studies.write(tmp_path / "sent", "one")
    with listening(tmp_path / "in") as receiver:
        assert storescu(receiver.port, files).returncode == 0
        wait_for(lambda: handed_over(receiver, "one"))
        study = receiver.finished[0]
        received = {path.read_bytes()[-512:] for path in study.images.iterdir()}
    assert received == {path.read_bytes()[-512:] for path in files}
    assert (study.objects, study.declared, study.called, len(receiver.finished)) == (4, True, ("AIMDT",), 1)


@pytest.mark.parametrize("syntax", ["implicit", "big endian", "RLE", "JPEG lossless", "JPEG-LS", "JPEG 2000"])
def test_objects_stay_in_the_syntax_they_are_sent_in(tmp_path: Path, syntax: str) -> None:
    options = {"implicit": "-xi", "big endian": "-xb", "RLE": "-xr", "JPEG lossless": "-xs"}
    options |= {"JPEG-LS": "-xt", "JPEG 2000": "-xv"}
    folder = factory.save(studies.slices("one", 2, 64), tmp_path / "sent", syntax=syntax)
    with listening(tmp_path / "in") as receiver:
        sent = storescu(receiver.port, sorted(folder.iterdir()), "CT1", "AIMDT", options[syntax])
        stored = [pydicom.dcmread(path) for path in (tmp_path / "in").glob("*/objects/*.dcm")]
    assert sent.returncode == 0, sent.stderr
    assert {item.file_meta.TransferSyntaxUID for item in stored} == {factory.SYNTAXES[syntax]}


def test_sending_a_study_again_changes_nothing(tmp_path: Path) -> None:
    files = studies.write(tmp_path / "sent", "one")
    with listening(tmp_path / "in") as receiver:
        storescu(receiver.port, files)
        wait_for(lambda: handed_over(receiver, "one"))
        assert storescu(receiver.port, files, "PACS2").returncode == 0
        receiver.watch.look()
        assert len(receiver.incoming.names(studies.key("one"))) == 4
    assert len(receiver.finished) == 1


def test_an_image_that_comes_late_makes_a_new_version_and_leaves_the_old_as_it_was(tmp_path: Path) -> None:
    files = studies.write(tmp_path / "sent", "one", 5, NumberOfSeriesRelatedInstances="4")
    with listening(tmp_path / "in") as receiver:
        storescu(receiver.port, files[:4])
        wait_for(lambda: handed_over(receiver, "one"))
        storescu(receiver.port, files[4:])
        wait_for(lambda: handed_over(receiver, "one", 2))
    assert [len(list(study.images.iterdir())) for study in receiver.finished] == [4, 5]


def test_a_corrected_image_replaces_the_first_and_both_are_kept(tmp_path: Path) -> None:
    files = studies.write(tmp_path / "sent", "one")
    fixed = studies.write(tmp_path / "fixed", "one", WindowCenter="40")
    with listening(tmp_path / "in") as receiver:
        storescu(receiver.port, files)
        wait_for(lambda: handed_over(receiver, "one"))
        storescu(receiver.port, fixed[:1])
        wait_for(lambda: handed_over(receiver, "one", 2))
        first, second = receiver.finished
    assert sum("WindowCenter" in pydicom.dcmread(path) for path in first.images.iterdir()) == 0
    assert sum("WindowCenter" in pydicom.dcmread(path) for path in second.images.iterdir()) == 1
    assert len(list((tmp_path / "in").glob("*/replaced/*.dcm"))) == 1


def test_a_report_that_comes_back_does_not_start_staging_again(tmp_path: Path) -> None:
    files = studies.write(tmp_path / "sent", "one")
    report = studies.write(
        tmp_path / "report", "one", 1, SeriesInstanceUID="1.2.3", Modality="SEG", Manufacturer="AI-MDT"
    )
    with listening(tmp_path / "in") as receiver:
        storescu(receiver.port, files)
        wait_for(lambda: handed_over(receiver, "one"))
        assert storescu(receiver.port, report).returncode == 0
        wait_for(lambda: not receiver.watch._growing)
        assert len(list((tmp_path / "in").glob("*/objects/*.dcm"))) == 5
    assert len(receiver.finished) == 1


def test_what_we_make_is_known_as_ours() -> None:
    assert Maker("1").manufacturer == OWN_MANUFACTURER


def test_contours_that_come_late_start_staging_again(tmp_path: Path) -> None:
    files = studies.write(tmp_path / "sent", "one")
    contours = studies.write(tmp_path / "contours", "one", 1, SeriesInstanceUID="1.2.3", Modality="RTSTRUCT")
    with listening(tmp_path / "in") as receiver:
        storescu(receiver.port, files)
        wait_for(lambda: handed_over(receiver, "one"))
        storescu(receiver.port, contours)
        wait_for(lambda: handed_over(receiver, "one", 2))


def test_a_study_that_stays_short_is_reported_once_and_handed_over_when_the_rest_comes(tmp_path: Path) -> None:
    files = studies.write(tmp_path / "sent", "one", 6)
    with listening(tmp_path / "in", patience=replace(QUICK, give_up_s=0.6)) as receiver:
        storescu(receiver.port, files[:4])
        wait_for(lambda: bool(receiver.unfinished))
        assert "4 of 6 objects" in receiver.unfinished[0].missing[0]
        assert not receiver.finished
        storescu(receiver.port, files[4:])
        wait_for(lambda: handed_over(receiver, "one"))
    assert len(receiver.unfinished) == 1


def test_a_study_without_counts_is_waited_for_longer_and_marked(tmp_path: Path) -> None:
    files = studies.write(tmp_path / "sent", "one", NumberOfSeriesRelatedInstances=None)
    with listening(tmp_path / "in", patience=Patience(0.0, 0.8, 9.0, poll_s=0.1)) as receiver:
        storescu(receiver.port, files)
        assert not receiver.finished
        wait_for(lambda: handed_over(receiver, "one"))
    assert not receiver.finished[0].declared


def test_only_peers_of_the_allow_list_are_let_in(tmp_path: Path) -> None:
    rules = (parse_rule("CT1@127.0.0.0/8"), parse_rule("CT2@10.0.0.0/8"))
    with listening(tmp_path / "in", replace(RULES_OF_TEST, rules=rules)) as receiver:
        assert echoscu(receiver.port, "CT1").returncode == 0
        for stranger in ("CT2", "CT3"):
            assert "Calling AE Title Not Recognized" in echoscu(receiver.port, stranger).stderr


def test_a_call_to_another_title_is_rejected(tmp_path: Path) -> None:
    with listening(tmp_path / "in", replace(RULES_OF_TEST, titles=("LUNG", "LARYNX"))) as receiver:
        assert echoscu(receiver.port, called="LARYNX").returncode == 0
        assert "Called AE Title Not Recognized" in echoscu(receiver.port, called="AIMDT").stderr


def test_more_associations_than_allowed_are_told_to_try_later(tmp_path: Path) -> None:
    scanner = AE("CT1")
    scanner.add_requested_context(Verification)
    with listening(tmp_path / "in", replace(RULES_OF_TEST, max_associations=1)) as receiver:
        first = scanner.associate("127.0.0.1", receiver.port, ae_title="AIMDT")
        assert "Rejected Transient" in echoscu(receiver.port).stderr
        first.release()
        wait_for(lambda: echoscu(receiver.port).returncode == 0)


@pytest.mark.parametrize("text", ["", " ", "A" * 17, "A\\B", "ÄTITLE"])
def test_what_is_no_ae_title_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="1 to 16"):
        parse_title(text)


@pytest.mark.parametrize("text", ["", "@", "CT1@somewhere", "@300.1.1.1"])
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="allow-list"):
        parse_rule(text)


@pytest.mark.parametrize("text", ["PACS", "PACS@host", "PACS@host:0", "PACS@:104", "PACS@host:70000"])
def test_what_is_no_peer_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="TITLE@HOST:PORT"):
        parse_peer(text)


def test_an_ipv4_peer_over_an_ipv6_socket_fits_an_ipv4_rule() -> None:
    assert permitted([parse_rule("@10.0.0.0/8")], "ANY", "::ffff:10.1.2.3")
    assert not permitted([Rule("CT1")], "CT2", "10.1.2.3")


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} -keyout {key} -out {certificate}"
    program("openssl")
    subprocess.run(command.split(), check=True, capture_output=True)
    return certificate, key


def test_tls_lets_in_only_clients_whose_certificate_is_known(tmp_path: Path) -> None:
    ours, our_key = certificate(tmp_path, "receiver")
    theirs, their_key = certificate(tmp_path, "scanner")
    stranger, stranger_key = certificate(tmp_path, "stranger")
    known = ["+tls", str(their_key), str(theirs), "+cf", str(ours)]
    unknown = ["+tls", str(stranger_key), str(stranger), "+cf", str(ours)]
    with listening(tmp_path / "in", replace(RULES_OF_TEST, tls=Tls(ours, our_key, theirs))) as receiver:
        with socket.create_connection(("127.0.0.1", receiver.port)):  # says nothing, and holds nobody up
            assert echoscu(receiver.port, "CT1", "AIMDT", *known).returncode == 0
        assert echoscu(receiver.port, "CT1", "AIMDT", *unknown).returncode != 0
        assert echoscu(receiver.port).returncode != 0


def test_files_of_tls_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    (ours, _), (_, other_key) = certificate(tmp_path, "one"), certificate(tmp_path, "two")
    with pytest.raises(InputError, match="belong together"):
        Tls(ours, other_key).server_context()


def test_a_full_disk_is_answered_with_out_of_resources_and_leaves_nothing(tmp_path: Path) -> None:
    files = studies.write(tmp_path / "sent", "one")
    with listening(tmp_path / "in", free_bytes_kept=1 << 60) as receiver:
        sent = storescu(receiver.port, files[:1])
    assert "OutOfResources" in sent.stdout + sent.stderr
    assert not list((tmp_path / "in").rglob("*.dcm"))


def test_an_object_with_another_uid_than_announced_is_refused(tmp_path: Path) -> None:
    item = pydicom.dcmread(studies.write(tmp_path / "sent", "one")[0])
    content = factory.save_one(item, tmp_path / "x.dcm").read_bytes()
    start = 144 + struct.unpack("<I", content[140:144])[0]
    item.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    with pytest.raises(InputError, match="announced"):
        Incoming(tmp_path / "in", free_bytes_kept=0).keep(item.file_meta, content[start:])
    assert not list((tmp_path / "in").rglob("*.dcm"))


@pytest.mark.filterwarnings("ignore")  # pydicom says what it guesses
def test_bytes_that_are_no_data_set_are_refused(tmp_path: Path) -> None:
    meta = pydicom.dcmread(studies.write(tmp_path / "sent", "one")[0]).file_meta
    for content in (b"", b"\0" * 100, os.urandom(300)):
        with pytest.raises(InputError):
            Incoming(tmp_path / "in", free_bytes_kept=0).keep(meta, content)
    assert not list((tmp_path / "in").rglob("*.dcm"))


def test_two_receivers_do_not_share_a_folder(tmp_path: Path) -> None:
    with Incoming(tmp_path).locked(), pytest.raises(StoreError, match="another receiver"), Incoming(tmp_path).locked():
        pass


def test_no_name_log_or_note_tells_who_the_patient_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    files = studies.write(tmp_path / "sent", "one", 5, PatientName="Doe^Secret\\Two", StudyDate="no date")
    with listening(tmp_path / "in", patience=replace(QUICK, give_up_s=0.6)) as receiver:
        storescu(receiver.port, files[:3])
        wait_for(lambda: bool(receiver.unfinished))
        storescu(receiver.port, files)
        wait_for(lambda: handed_over(receiver, "one"))
    told = everything_below(tmp_path / "in") + caplog.text + repr(receiver.finished + receiver.unfinished)  # type: ignore[operator]
    assert [word for word in factory.PRIVATE_WORDS if word in told] == []


def test_received_files_are_for_their_owner_only(tmp_path: Path) -> None:
    with listening(tmp_path / "in") as receiver:
        storescu(receiver.port, studies.write(tmp_path / "sent", "one"))
        modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "in").rglob("*.dcm")}
    assert modes == {0o600}
    assert (tmp_path / "in").stat().st_mode & 0o777 == 0o700


def test_erasing_a_study_leaves_nothing_of_it(tmp_path: Path) -> None:
    with listening(tmp_path / "in") as receiver:
        storescu(receiver.port, studies.write(tmp_path / "sent", "one"))
        wait_for(lambda: handed_over(receiver, "one"))
        assert receiver.incoming.erase(studies.study_uid("one"))
        assert not receiver.incoming.erase(studies.study_uid("one"))
    assert not list((tmp_path / "in").rglob("*.dcm"))
