"""Nothing that names the patient leaves the places made for it: not by logs, Prefect, file names, records or errors."""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest

from db.outbox import Outbox
from flow_bench import Call, Inputs, at_home, call, server_environment
from tasks.destination import senders
from tasks.outbox import deliver_next
from tasks.records import store

NAME, GIVEN, BIRTH, MRN, ACCESSION = "Zyxquist", "Wilbertina", "19370823", "MRN7340519", "ACC9920177"
BIRTH_ISO = "1937-08-23"
PRIVATE = (NAME, GIVEN, BIRTH, BIRTH_ISO, MRN, ACCESSION)
DOCUMENTS = ("report.", "bundle.json")  # they and the DICOM objects are about a named patient
Changes = dict[str, str]


@pytest.fixture(scope="module")
def named(patient: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    """The small patient under a name found nowhere else, in a folder and files that bear it as well."""
    folder = tmp_path_factory.mktemp("inputs") / f"{NAME}_{GIVEN}_{BIRTH}"
    for kind in ("ct", "pet"):
        (folder / kind).mkdir(parents=True)
        for path in (patient.folder / kind).iterdir():
            _rename(path, folder / kind / f"{NAME}_{MRN}_{path.name}")
    _rename(patient.folder / "contours.dcm", folder / "contours.dcm")
    record = (patient.folder / "record.json").read_text()
    for old, new in _words(patient).items():
        assert old in record
        record = record.replace(old, new)
    (folder / "record.json").write_text(record)
    return Inputs(folder)


def _rename(source: Path, target: Path) -> None:
    dataset = pydicom.dcmread(source)
    dataset.PatientName, dataset.PatientBirthDate = f"{NAME}^{GIVEN}", BIRTH
    dataset.PatientID, dataset.AccessionNumber = MRN, ACCESSION
    dataset.save_as(target)


def _words(patient: Inputs) -> Changes:
    old = pydicom.dcmread(patient.folder / "contours.dcm", stop_before_pixels=True)
    birth = old.PatientBirthDate
    return {
        old.PatientName.family_name: NAME,
        old.PatientName.given_name: GIVEN,
        f"{birth[:4]}-{birth[4:6]}-{birth[6:]}": BIRTH_ISO,
        old.PatientID: MRN,
        old.AccessionNumber: ACCESSION,
    }


def prefect_rows() -> bytes:
    """Everything in Prefect's database, as SQL text."""
    from prefect.settings import PREFECT_SERVER_DATABASE_CONNECTION_URL

    path = str(PREFECT_SERVER_DATABASE_CONNECTION_URL.value()).split("///")[1]
    return dump(Path(path))


def dump(database: Path) -> bytes:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        content = "\n".join(connection.iterdump()).encode()
    connection.close()
    return content


def said(content: bytes | str) -> list[str]:
    """The private words in a text, in any case and also as a DICOM or percent-coded name would hold them."""
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
    return [word for word in PRIVATE if word.lower() in text.lower()]


def unpacked(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def file_names(*folders: Path) -> str:
    return "\n".join(path.relative_to(folder).as_posix() for folder in folders for path in folder.rglob("*"))


@pytest.fixture(scope="module")
def run(named: Inputs, prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A full run that logs as much as it can."""
    folder = tmp_path_factory.mktemp("run")
    home, out = folder / "home", folder / "out"
    command = [sys.executable, "-m", "flows.cli", *named.arguments(out), "--nifti"]
    environment = os.environ | server_environment(home) | {"PREFECT_LOGGING_LEVEL": "DEBUG"}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return {"home": home, "out": out, "log": done.stdout + done.stderr}


def test_the_search_would_find_the_words(run: dict[str, Any]) -> None:
    assert said((run["out"] / "report.html").read_text()) == [NAME, GIVEN, BIRTH_ISO, MRN]
    assert set(said(next(run["home"].glob("cases/*/private/identity.json")).read_text())) >= {NAME, BIRTH_ISO, MRN}
    assert b"case-" in prefect_rows()


def test_logs_name_nobody(run: dict[str, Any]) -> None:
    assert b"Finished in state" in run["log"]
    assert said(run["log"]) == []


def test_prefect_s_database_names_nobody(run: dict[str, Any]) -> None:
    assert said(prefect_rows()) == []


def test_file_names_name_nobody(run: dict[str, Any]) -> None:
    assert said(file_names(run["home"], run["out"])) == []


def test_records_name_nobody(run: dict[str, Any]) -> None:
    assert said(dump(run["home"] / "records.db")) == []


def test_results_that_are_no_documents_name_nobody(run: dict[str, Any]) -> None:
    files = [path for path in run["out"].rglob("*") if path.is_file()]
    names = {path.relative_to(run["out"]).as_posix(): path for path in files}
    others = {name: path for name, path in names.items() if not name.startswith(("dicom/", *DOCUMENTS))}
    assert others.keys() >= {"findings.json", "staging.json", "Tumor_probabilities.json", "manifest.json"}
    assert {name: said(unpacked(path)) for name, path in others.items()} == {name: [] for name in others}
    results = list(run["home"].glob("cases/*/results/*"))
    assert results
    assert [path.name for path in results if said(path.read_bytes())] == []


def test_what_names_the_patient_is_for_the_owner_only(run: dict[str, Any]) -> None:
    for path in (run["home"], *run["home"].glob("cases/*"), *run["home"].glob("cases/*/private")):
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.slow
def test_reviewing_signing_and_sending_name_nobody(
    run: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any, caplog: Any
) -> None:
    (tmp_path / "password").write_text("correct horse battery")
    monkeypatch.setenv("AIMDT_PASSWORD_FILE", str(tmp_path / "password"))
    monkeypatch.setenv("AIMDT_EHR_URL", "http://127.0.0.1:9/fhir")  # nobody there: the delivery waits
    monkeypatch.setenv("AIMDT_PACS_PEER", "PACS@127.0.0.1:9")
    (case,) = [path.name for path in run["home"].glob("cases/*") if path.is_dir()]
    steps = (
        ("account", "add", "ada", "--role", "signer", "--family", "Lovelace"),
        ("review", case, "accept", "--all", "--account", "ada", "--reason", "seen"),
        ("sign", case, "--account", "ada"),
        ("publish", case, "--order-only"),
        ("show", case),
        ("audit", case),
    )
    with at_home(run["home"]):
        answers = [call(capfd, *step) for step in steps]
        deliver_next(Outbox(store().engine), senders())
    assert [answer.status for answer in answers] == [0] * len(steps)
    assert said("".join(answer.stdout + answer.stderr for answer in answers) + caplog.text) == []
    assert said(prefect_rows() + dump(run["home"] / "records.db")) == []
    assert said(file_names(run["home"])) == []


# A run that fails by an error nobody foresaw, whose words name the patient


def unforeseen(*_: object, **__: object) -> None:
    try:
        raise OSError(f"cannot open /data/{NAME}^{GIVEN}/{MRN}")
    except OSError as error:
        raise ValueError(f"bad value {BIRTH} of {NAME}, accession {ACCESSION}") from error


@pytest.fixture
def aimdt(named: Inputs, prefect_server: None, tmp_path: Path, capfd: Any) -> Iterator[Callable[..., Call]]:
    with at_home(tmp_path / "home"):
        yield lambda *options: call(capfd, *named.arguments(tmp_path / "out"), *options)


@pytest.mark.parametrize(
    "place",
    [
        "tasks.request.identify",
        "tasks.images.read_study",
        "tasks.masks.read_contours",
        "tasks.masks.look",
        "tasks.delivery.provenance",
        "tasks.records._finding_rows",
    ],
)
def test_an_unforeseen_error_names_nobody(
    aimdt: Callable[..., Call], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any, place: str
) -> None:
    monkeypatch.setattr(place, unforeseen)
    answer = aimdt()
    assert answer.status == 3
    assert said(answer.stdout + answer.stderr + caplog.text) == []
    assert said(prefect_rows()) == []
    assert said(file_names(tmp_path / "home")) == []
    database = tmp_path / "home" / "records.db"
    assert not database.exists() or said(dump(database)) == []


def test_a_page_that_cannot_be_shown_names_nobody(
    aimdt: Callable[..., Call], monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr("tasks.artifacts._row", unforeseen)
    answer = aimdt()
    assert answer.status == 0
    assert "show_findings failed: ValueError" in caplog.text
    assert said(answer.stdout + answer.stderr + caplog.text) == []
    assert said(prefect_rows()) == []


def test_an_input_error_names_nobody(aimdt: Callable[..., Call], named: Inputs, tmp_path: Path, caplog: Any) -> None:
    spoiled = tmp_path / f"{NAME}_again"
    shutil.copytree(named.folder / "ct", spoiled)
    slices = sorted(spoiled.iterdir())
    slices[10].unlink()
    slices[20].write_bytes(slices[20].read_bytes()[:-5000])
    answer = aimdt("--ct", spoiled)
    assert answer.status == 2
    assert said(answer.stdout + answer.stderr + caplog.text) == []
    assert said(prefect_rows()) == []
