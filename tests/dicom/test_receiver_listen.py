"""`aimdt listen` as a process: what it says, how it ends, and a study's whole way from the scanner to its report."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pydicom
import pytest

import dicom_factory as factory
from dicom.servers import studies
from dicom.servers.dcmtk import storescu
from dicom.servers.orthanc import orthanc
from dicom.servers.process import free_port, listens, program, running, wait_for
from flows import cli
from models.synthetic.ct import Scanner
from models.synthetic.patient import DEMO
from tasks.synthetic import write_patient

TESTS = Path(__file__).resolve().parents[1]
QUICK = ("--quiet", "1", "--quiet-undeclared", "1", "--give-up", "3")


@dataclass(frozen=True)
class Listen:
    """A running `aimdt listen`."""

    process: subprocess.Popen[bytes]
    port: int
    home: Path
    log: Path

    def told(self) -> list[dict[str, Any]]:
        """The studies it dealt with."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def aimdt_listen(folder: Path, *arguments: str) -> Iterator[Listen]:
    port, home, log = free_port(), folder / "home", folder / "listen.log"
    command = [sys.executable, "-m", "flows.cli", "listen", "--host", "127.0.0.1", "--port", str(port), "--json"]
    environment = os.environ | {"AIMDT_HOME": str(home)}
    with running([*command, *QUICK, *arguments], log, env=environment) as process:
        wait_for(lambda: listens(port), 60, "listening")
        yield Listen(process, port, home, log)


def status_of(home: Path) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "flows.cli", "listen", "--status", "--json"]
    done = subprocess.run(command, env=os.environ | {"AIMDT_HOME": str(home)}, capture_output=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_cannot_be_staged_is_told_and_kept_and_nobody_is_named(tmp_path: Path) -> None:
    mri = studies.write(tmp_path / "mri", "mri", Modality="MR")
    short = studies.write(tmp_path / "short", "short", NumberOfSeriesRelatedInstances="9")
    mixed = studies.write(tmp_path / "mixed", "mixed", 2, NumberOfSeriesRelatedInstances=None)
    mixed += studies.write(tmp_path / "other", "mixed", 2, SeriesInstanceUID="1.2.3", PatientID="MRN-9")
    with aimdt_listen(tmp_path, "--cancer", "lung") as listener:
        for files in (mri, short, mixed):
            assert storescu(listener.port, files).returncode == 0
        wait_for(lambda: len(listener.told()) == 2, what="both studies")
        wait_for(lambda: "4 of 9 objects" in listener.log.read_text(), what="the report of the short one")
        assert listener.end() == 0
    told = {line["study"]: line for line in listener.told()}
    assert told[studies.key("mri")]["skipped"] == "no CT"
    assert told[studies.key("mixed")]["status"] == cli.BAD_INPUT
    found = {line["study"]: line for line in status_of(listener.home)}
    assert found[studies.key("short")]["missing"]
    assert (found[studies.key("mri")]["versions"], found[studies.key("mri")]["waiting"]) == (1, 0)
    text = listener.log.read_text() + json.dumps(list(found.values()))
    assert [word for word in factory.PRIVATE_WORDS if word in text] == []


def test_strangers_are_refused_by_default_and_by_list(tmp_path: Path) -> None:
    with aimdt_listen(tmp_path, "--ae-title", "LUNG=lung", "--allow", "CT1@127.0.0.1") as listener:
        files = studies.write(tmp_path / "one", "one", 1)
        assert storescu(listener.port, files, "CT1", "LUNG").returncode == 0
        assert storescu(listener.port, files, "CT2", "LUNG").returncode != 0
        assert listener.end() == 0


def certificate(folder: Path, name: str) -> tuple[str, str]:
    """PEM files of a key and a certificate that it signed itself."""
    program("openssl")
    key, found = str(folder / f"{name}.key"), str(folder / f"{name}.pem")
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} -keyout {key} -out {found}"
    subprocess.run(command.split(), check=True, capture_output=True)
    return key, found


def test_over_tls_only_who_shows_a_known_certificate_may_send(tmp_path: Path) -> None:
    (our_key, ours), (key, theirs), stranger = (certificate(tmp_path, name) for name in ("ours", "ct", "stranger"))
    asked = ("--tls-certificate", ours, "--tls-key", our_key, "--tls-authorities", theirs)
    files = studies.write(tmp_path / "mri", "mri", Modality="MR")
    with aimdt_listen(tmp_path, "--cancer", "lung", *asked) as listener:
        for refused in ((), ("+tls", *stranger, "+cf", ours), ("+tls", key, theirs, "+cf", stranger[1])):
            assert storescu(listener.port, files, "CT1", "AIMDT", *refused).returncode != 0
        assert storescu(listener.port, files, "CT1", "AIMDT", "+tls", key, theirs, "+cf", ours).returncode == 0
        wait_for(lambda: len(listener.told()) == 1, what="the study")
        assert listener.end() == 0
    assert listener.told()[0]["objects"] == len(files)
    assert "no TLS with 127.0.0.1" in listener.log.read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no cancer"),
        (("--ae-title", "A" * 17 + "=lung"), "1 to 16"),
        (("--cancer", "lung", "--allow", "@nowhere"), "allow-list"),
        (("--cancer", "lung", "--peer", "PACS"), "TITLE@HOST:PORT"),
        (("--cancer", "knee"), "knee"),
        (("--cancer", "lung", "--tls-key", __file__), "--tls-certificate and --tls-key"),
        (("--cancer", "lung", "--pull", __file__), "--dicomweb"),
        (("--cancer", "lung", "--dicomweb", "http://127.0.0.1", "--pull", __file__), "line 1 "),
    ],
)
def test_arguments_that_make_no_sense_are_bad_input(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    command = [sys.executable, "-m", "flows.cli", "listen", "--port", "0", "--host", "127.0.0.1", *arguments]
    environment = os.environ | {"AIMDT_HOME": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, said in done.stderr) == (cli.BAD_INPUT, True), done.stderr


def send_patient(port: int, patient: Path) -> None:
    files = [*sorted((patient / "ct").iterdir()), *sorted((patient / "pet").iterdir()), patient / "contours.dcm"]
    assert storescu(port, files, "PACS", "LUNG").returncode == 0


def put_record(base: str, path: Path) -> None:
    """The patient's record into the FHIR server, under the ids it has."""
    for entry in json.loads(path.read_bytes())["entry"]:
        item = entry["resource"]
        httpx.put(f"{base}/{item['resourceType']}/{item['id']}", json=item, timeout=30).raise_for_status()


@pytest.fixture
def patient(tmp_path: Path) -> Path:
    """The demo's patient, coarsely scanned."""
    coarse = dataclasses.replace(DEMO, scanner=Scanner(spacing_mm=(4.0, 2.4, 2.4)))
    write_patient(coarse, tmp_path / "patient", 2.5)
    return tmp_path / "patient"


def prior_of(patient: Path, folder: Path) -> list[Path]:
    """An earlier CT of the same patient, a few slices of it."""
    folder.mkdir()
    for number, path in enumerate(sorted((patient / "ct").iterdir())[:3]):
        item = pydicom.dcmread(path)
        item.StudyInstanceUID, item.SeriesInstanceUID = factory.uid("prior"), factory.uid("prior ct")
        item.SOPInstanceUID = item.file_meta.MediaStorageSOPInstanceUID = factory.uid("prior", number)
        item.StudyDate = "20200101"
        item.save_as(folder / path.name)
    return sorted(folder.iterdir())


@pytest.mark.slow
def test_a_sent_study_is_staged_with_record_contours_and_priors_though_it_was_stopped_midway(
    tmp_path: Path, patient: Path
) -> None:
    sys.path.append(str(TESTS / "fhir" / "servers"))
    from fhir_process import fhir_process  # lies beside the tests of FHIR

    truth = json.loads((patient / "truth.json").read_bytes())["categories"]["9"]
    with orthanc(tmp_path / "orthanc") as archive, fhir_process() as ehr:
        for path in prior_of(patient, tmp_path / "prior"):
            archive.upload(path)
        put_record(ehr.base, patient / "record.json")
        asked = ("--ae-title", "LUNG=lung", "--dicomweb", archive.dicomweb, "--fhir-url", ehr.base)
        with aimdt_listen(tmp_path, *asked) as listener:
            send_patient(listener.port, patient)
            wait_for(lambda: bool(list(listener.home.glob("incoming/*/versions/1/staged.json"))), 60, "staging")
            time.sleep(2.0)
            assert listener.end() == 0
            assert listener.told() == []
        with aimdt_listen(tmp_path, *asked) as listener:
            wait_for(lambda: bool(listener.told()), 300, "the report")
            assert listener.end() == 0
    (told,) = listener.told()
    stage = told["editions"]["9"]
    assert (told["status"], told["record"], len(told["priors"])) == (0, "found", 1)
    assert {axis: stage[axis]["category"] for axis in ("t", "n", "m")} == {
        axis: truth[axis] for axis in ("t", "n", "m")
    }
    assert (Path(told["out"]) / "report.pdf").is_file()
    words = pydicom.dcmread(next((patient / "ct").iterdir()), stop_before_pixels=True)
    private = (str(words.PatientID), str(words.PatientName).split("^")[0], str(words.PatientBirthDate))
    assert [word for word in private if word and word in listener.log.read_text()] == []
