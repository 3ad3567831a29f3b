"""A staged patient is reviewed, signed, amended, withdrawn, exported and erased at the command line."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from prefect import flow
from prefect.artifacts import create_markdown_artifact

from db.accounts import Person, Role
from dicom.servers.orthanc import Orthanc, orthanc
from dicom_results import dciodvfy_errors
from flow_bench import Call, Staged, ask_prefect, at_home, call
from mdt_dicom.receiver_store import Incoming, content_offset
from oidc_provider import AUDIENCE, REVIEWERS, SIGNERS, oidc_provider
from oncology.edit import Edit, EditKind, differences
from oncology.errors import ReviewError
from tasks.settings import settings
from tasks.workflow_traces import erase_traces

PASSWORD = "correct horse battery"
SEGMENTATIONS = {"binary": "1.2.840.10008.5.1.4.1.1.66.4", "labelmap": "1.2.840.10008.5.1.4.1.1.66.7"}
Cli = Callable[..., Call]


@pytest.fixture
def cli(
    staged: Staged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Cli]:
    """The command line at a copy of the home where the patient was staged, with a reviewer and a signer."""
    home = tmp_path / "home"
    shutil.copytree(staged.home, home, ignore=shutil.ignore_patterns("prefect"))
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    monkeypatch.setenv("AIMDT_PASSWORD_FILE", str(secret))
    with at_home(home):
        call(capfd, "account", "add", "bob", "--role", "reviewer", "--family", "Babbage")
        call(capfd, "account", "add", "ada", "--role", "signer", "--family", "Lovelace", "--given", "Ada")
        yield lambda *arguments: call(capfd, *arguments)


def edit(cli: Cli, case: str, *action: str, account: str = "bob") -> dict[str, Any]:
    answer = cli("review", case, *action, "--account", account, "--reason", "seen on the second look", "--json")
    assert answer.status == 0, answer.stderr + answer.stdout
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def sign(cli: Cli, case: str, *more: str) -> Path:
    answer = cli("sign", case, "--account", "ada", "--json", *more)
    assert answer.status == 0, answer.stderr + answer.stdout
    return Path(json.loads(answer.stdout)["folder"])


def state(cli: Cli, case: str) -> str:
    return str(json.loads(cli("show", case, "--json").stdout)["case"]["state"])


def status_of(folder: Path, kind: str) -> set[str]:
    entries = json.loads((folder / "bundle.json").read_bytes())["entry"]
    return {entry["resource"]["status"] for entry in entries if entry["resource"]["resourceType"] == kind}


def test_an_edit_restages_at_once_and_is_a_persons(cli: Cli, staged: Staged) -> None:
    told = edit(cli, staged.case_id, "add", "metastasis", "site=liver")
    assert all(" cM1" in item["now"] and " cM0" in item["draft"] for item in told["stages"])
    listed = json.loads(cli("review", staged.case_id, "list", "--json").stdout)
    metastasis = next(item for item in listed["findings"] if item["id"] == "candidate-1")
    assert metastasis["source"] == {"kind": "person", "id": "bob", "sha256": None}
    assert (listed["state"], listed["version"]) == ("in-review", 2)


def test_a_signed_result_is_final_everywhere_and_lists_every_change(cli: Cli, staged: Staged, tmp_path: Path) -> None:
    edit(cli, staged.case_id, "edit", "--set", "node-1.station=7", "--set", "/tumors/0/suv_max=9.5")
    edit(cli, staged.case_id, "reject", "node-2")
    folder = sign(cli, staged.case_id, "--out", str(tmp_path / "signed"))
    assert state(cli, staged.case_id) == "signed"
    assert status_of(folder, "DiagnosticReport") == status_of(folder, "Observation") == {"final"}
    assert pydicom.dcmread(folder / "dicom" / "sr.dcm").VerificationFlag == "VERIFIED"
    assert [fault for path in folder.glob("dicom/*.dcm") for fault in dciodvfy_errors(path)] == []
    page = (tmp_path / "signed" / "report.html").read_text(encoding="utf-8")
    assert "signed by Ada Lovelace" in page
    edits = json.loads((folder / "review.json").read_bytes())["edits"]
    targets = [item["target"] for item in edits]
    assert targets == ["node-1.station", "tumor-1.suv_max", "node-2"]
    assert all(f"{item['kind']} {item['target']}" in page and item["reason"] in page for item in edits)
    before = json.loads((staged.out / "findings.json").read_bytes())
    changed = {path.split(".")[1] for path in differences(before, json.loads((folder / "findings.json").read_bytes()))}
    assert changed == {target.split(".")[0] for target in targets}


def objects_of(folder: Path) -> set[str]:
    """UIDs of a signed result's objects."""
    paths = [path for path in folder.glob("dicom/*.dcm") if path.name != "rejection.dcm"]
    return {str(pydicom.dcmread(path).SOPInstanceUID) for path in paths}


def rejected_by(folder: Path) -> tuple[str, set[str]]:
    """Why, and what, a result tells archives to reject."""
    note = pydicom.dcmread(folder / "dicom" / "rejection.dcm")
    named = [item.ReferencedSOPSequence[0] for item in note.ContentSequence if "ReferencedSOPSequence" in item]
    return note.ConceptNameCodeSequence[0].CodeValue, {str(item.ReferencedSOPInstanceUID) for item in named}


def test_amending_and_withdrawing_reach_the_bundle_and_keep_what_was_signed(cli: Cli, staged: Staged) -> None:
    edit(cli, staged.case_id, "accept", "--all")
    first = sign(cli, staged.case_id)
    report = (first / "report.pdf").read_bytes()
    edit(cli, staged.case_id, "reject", "node-1")
    assert state(cli, staged.case_id) == "signed"  # until the amendment is signed
    second = sign(cli, staged.case_id, "--amend", "--reason", "node-1 is a vessel")
    assert status_of(second, "DiagnosticReport") == {"amended"}
    assert "entered-in-error" in status_of(second, "Observation")  # what was said of node-1
    assert rejected_by(second) == ("113001", objects_of(first) - objects_of(second))
    assert rejected_by(second)[1]
    third = sign(cli, staged.case_id, "--withdraw", "--reason", "wrong patient")
    assert status_of(third, "DiagnosticReport") == status_of(third, "Observation") == {"entered-in-error"}
    assert rejected_by(third) == ("113037", objects_of(first) | objects_of(second))
    assert (first / "report.pdf").read_bytes() == report
    assert state(cli, staged.case_id) == "withdrawn"


def test_signing_needs_a_signer_a_review_and_the_version_that_was_seen(cli: Cli, staged: Staged) -> None:
    case = staged.case_id
    assert "awaiting-review" in cli("sign", case, "--account", "ada").stderr
    edit(cli, case, "accept", "--all")
    assert "needs a signer" in cli("sign", case, "--account", "bob").stderr
    assert "version 2" in cli("sign", case, "--account", "ada", "--version", "1").stderr
    assert state(cli, case) == "in-review"


def test_who_the_hospital_signed_in_signs_and_local_passwords_no_longer_do(
    cli: Cli, staged: Staged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, secret = staged.case_id, tmp_path / "password"  # AIMDT_PASSWORD_FILE
    with oidc_provider() as provider:
        found = {"ISSUER": provider.issuer, "AUDIENCE": AUDIENCE, "SIGNERS": SIGNERS, "REVIEWERS": REVIEWERS}
        for name, value in (found | {"ACCOUNT_CLAIM": "preferred_username"}).items():
            monkeypatch.setenv(f"AIMDT_OIDC_{name}", value)
        settings.cache_clear()
        assert "not accepted" in cli("sign", case, "--account", "ada").stderr  # the file holds her password
        secret.write_text(provider.token(preferred_username="rita", groups=[REVIEWERS]))
        edit(cli, case, "accept", "--all", account="rita")
        assert "needs a signer" in cli("sign", case, "--account", "rita").stderr
        secret.write_text(provider.token())
        folder = sign(cli, case)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "signed by Ada Lovelace" in page


def test_edits_that_make_no_sense_are_refused_and_kept_nowhere(cli: Cli, staged: Staged) -> None:
    case = staged.case_id
    for place in (
        "node-1.p_malignant=1.5",
        "node-1.station=99Z",
        "node-77.station=7",
        "tumor-1.id=x",
        "/nodes/99/suv_max=1",
    ):
        answer = cli("review", case, "edit", "--set", place, "--account", "bob", "--reason", "trying")
        assert answer.status == 2, place
    assert cli("review", case, "add", "nonsense", "value=1", "--account", "bob", "--reason", "trying").status == 2
    assert json.loads(cli("review", case, "list", "--json").stdout)["edits"] == []


def test_edited_contours_come_back_and_keep_their_ids(cli: Cli, staged: Staged) -> None:
    told = edit(cli, staged.case_id, "import", str(staged.out / "dicom" / "seg.dcm"))
    assert [item["draft"] for item in told["stages"]] == [item["now"] for item in told["stages"]]
    listed = json.loads(cli("review", staged.case_id, "list", "--json").stdout)
    drawn = json.loads((staged.out / "findings.json").read_bytes())
    assert {item["id"] for item in listed["findings"]} == {item["id"] for item in drawn["tumors"] + drawn["nodes"]}
    assert {item["source"]["kind"] for item in listed["findings"]} == {"person"}
    assert cli("restage", staged.case_id, "--json").status == 0


def test_a_trial_edit_leaves_no_trace(cli: Cli, staged: Staged) -> None:
    from tasks.review import restage  # at this home

    trial = restage(staged.case_id, [Edit(EditKind.REJECT, "node-1")])
    assert "node-1" not in [node["id"] for node in trial.findings["nodes"]]
    assert "node-1" in [node["id"] for node in restage(staged.case_id).findings["nodes"]]
    with pytest.raises(ReviewError, match="node-77"):
        restage(staged.case_id, [Edit(EditKind.REJECT, "node-77")])


def test_an_export_holds_inputs_results_and_records(cli: Cli, staged: Staged, tmp_path: Path) -> None:
    assert cli("export", staged.case_id, "--out", tmp_path / "case.zip").status == 0
    with zipfile.ZipFile(tmp_path / "case.zip") as archive:
        names = archive.namelist()
        audit = json.loads(archive.read("records/audit_events.json"))
    assert {"case/out/report.pdf", "inputs/contours/000001.dcm", "inputs/ehr/000001.json", "contents.json"} <= set(
        names
    )
    assert any(re.fullmatch(r"inputs/ct/\d{6}\.dcm", name) for name in names)
    assert audit[0]["action"] == "run-started"
    assert (tmp_path / "case.zip").stat().st_mode & 0o077 == 0


def take_in(home: Path, staged: Staged) -> None:
    """The patient's CT, as if it had been sent to this machine."""
    for path in (staged.inputs.folder / "ct").iterdir():
        content = path.read_bytes()
        meta = pydicom.filereader.read_file_meta_info(path)
        Incoming(home / "incoming", free_bytes_kept=0).keep(meta, content[content_offset(content) :])


def test_an_erased_case_leaves_its_audit_and_nothing_else(cli: Cli, staged: Staged, tmp_path: Path) -> None:
    from tasks.leaving import erase_case  # at this home

    case, home = staged.case_id, tmp_path / "home"
    take_in(home, staged)
    assert cli("erase", case, "--account", "ada").status == 2  # without --yes
    assert cli("erase", case, "--account", "bob", "--yes").status == 2  # no signer
    (home / "unforeseen.traceback").write_text("it may name the patient")
    assert erase_case(case, Person("ada", Role.SIGNER, "Lovelace"))["received"]["studies"] == 1
    assert not (home / "cases" / case).exists()
    assert [path.name for path in home.rglob("*") if path.suffix in (".dcm", ".pdf", ".json", ".traceback")] == []
    assert cli("show", case).status == 3
    answer = cli("audit", case)
    assert "erased" in answer.stdout
    assert "the chain holds" in answer.stdout


def route_to(archive: Orthanc, route: str, patch: pytest.MonkeyPatch) -> None:
    """Set one way to the archive."""
    peer = f"{archive.title}@127.0.0.1:{archive.dicom_port}"
    name, value = ("AIMDT_PACS_URL", archive.dicomweb) if route == "STOW-RS" else ("AIMDT_PACS_PEER", peer)
    patch.setenv(name, value)
    settings.cache_clear()


@pytest.mark.parametrize(
    ("route", "segmentation"),
    [("STOW-RS", "binary"), ("C-STORE", "binary"), pytest.param("STOW-RS", "labelmap", marks=pytest.mark.slow)],
)
def test_what_was_signed_is_in_the_archive_as_it_was_signed_and_rejected_there_when_withdrawn(
    cli: Cli, staged: Staged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, route: str, segmentation: str
) -> None:
    case = staged.case_id
    monkeypatch.setenv("AIMDT_SEGMENTATION", segmentation)
    with orthanc(tmp_path / "orthanc") as archive:
        route_to(archive, route, monkeypatch)
        edit(cli, case, "accept", "--all")
        folder = sign(cli, case)
        answers = [json.loads(cli("publish", case, "--json").stdout)["deliveries"] for _ in range(2)]
        assert [[row["state"] for row in rows] for rows in answers] == [["delivered"]] * 2
        sent = {str(item.SOPInstanceUID): item for item in map(pydicom.dcmread, folder.glob("dicom/*.dcm"))}
        assert {str(item.Modality) for item in sent.values()} == {"SEG", "SR", "DOC", "OT"}
        assert SEGMENTATIONS[segmentation] in {str(item.SOPClassUID) for item in sent.values()}
        assert set(archive.instances()) == set(sent)
        assert all(pydicom.dcmread(BytesIO(archive.file(uid))) == item for uid, item in sent.items())
        sign(cli, case, "--withdraw", "--reason", "wrong patient")
        assert cli("publish", case).status == 0
        assert len(archive.instances()) == len(sent) + 1


@pytest.mark.slow
def test_a_draft_that_was_sent_is_rejected_in_the_archive_once_the_result_is_final(
    cli: Cli, staged: Staged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = staged.case_id
    with orthanc(tmp_path / "orthanc") as archive:
        route_to(archive, "C-STORE", monkeypatch)
        assert cli("publish", case, "--preliminary").status == 0
        draft = set(archive.instances())
        edit(cli, case, "accept", "--all")
        folder = sign(cli, case)
        assert cli("publish", case).status == 0
        assert draft
        assert rejected_by(folder) == ("113001", draft - objects_of(folder))
        assert set(archive.instances()) >= draft | objects_of(folder)


def test_two_ways_to_the_archive_are_bad_input(cli: Cli, staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(cli, staged.case_id, "accept", "--all")
    sign(cli, staged.case_id)
    monkeypatch.setenv("AIMDT_PACS_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AIMDT_PACS_PEER", "PACS@127.0.0.1:104")
    settings.cache_clear()
    answer = cli("publish", staged.case_id)
    assert (answer.status, "both AIMDT_PACS_URL and AIMDT_PACS_PEER" in answer.stderr) == (2, True)


def test_a_signature_orders_its_delivery_to_the_ehr_once(
    cli: Cli, staged: Staged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMDT_EHR_URL", "http://127.0.0.1:9/fhir")
    settings.cache_clear()
    edit(cli, staged.case_id, "accept", "--all")
    sign(cli, staged.case_id)
    for _ in range(2):
        rows = json.loads(cli("publish", staged.case_id, "--order-only", "--json").stdout)["deliveries"]
        assert [(row["destination"], row["intent"], row["state"]) for row in rows] == [("ehr", "final", "waiting")]


def leave_traces(case: str) -> None:
    create_markdown_artifact("text", key=f"staging-{case}")


def test_erasing_takes_what_prefect_holds_of_the_case(prefect_server: None) -> None:
    erased, other = "00000000000000aa", "00000000000000bb"
    for case in (erased, other):
        flow(leave_traces, name="patient", flow_run_name="case-{case}")(case)
    assert erase_traces(erased) == {"artifacts": 1, "runs": 1}
    for case, left in ((erased, 0), (other, 1)):
        assert len(ask_prefect("flow_runs", flow_runs={"name": {"like_": case}})) == left
        assert len(ask_prefect("artifacts", artifacts={"key": {"like_": f"%{case}"}})) == left
