"""How a case leaves this machine: taken along whole as a zip, or erased with a tombstone."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlmodel import Session

from db import audit
from db.accounts import Person, Role
from db.tables import AuditEvent, Study
from oncology.errors import InputError
from tasks.case_files import CaseFiles, sha256_of
from tasks.images import IMAGES
from tasks.pacs import pacs_is_set_up
from tasks.received import erase_received
from tasks.records import store
from tasks.review import moment, reviews
from tasks.settings import settings

INPUTS = ("ct", "pet", "ehr", "contour_names")
NOT_TAKEN = ("results",)  # Prefect's own notes of what was computed
README = """One case of AI-MDT, with everything that produced it. It names the patient: handle it as a record.

case/       private/ the request, identity and record; work/ what steps handed on; out/ the machine's draft;
            review/ and signed/ what persons made of it
inputs/     the images, record and contours as they were given, under plain numbers
records/    the rows of the clinical records, one file per table; audit_events.json is the hash-chained audit
contents.json  SHA-256 of every file
Research use only. Not a medical device.
"""


def export_case(case_id: str, target: Path, actor: str, *, with_inputs: bool = True) -> dict[str, Any]:
    """Write a zip with the case's folder, rows and inputs; it appears under its name only when it is whole.

    Raises:
        InputError: the target exists, or cannot be written.
        StoreError: there is no such case.
    """
    store().case(case_id)
    if target.exists():
        raise InputError("--out names something that exists; expected the name of a new zip file")
    partial = target.with_name(f".partial-{target.name}")
    try:
        with partial.open("xb") as stream:
            partial.chmod(0o600)
            count = _write_zip(stream, case_id, with_inputs)
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise InputError(f"the zip could not be written: {error.strerror}; free space or check permissions") from error
    reviews().note(case_id, actor, "exported", {"files": count, "sha256": sha256_of(target)})
    return {"case_id": case_id, "files": count, "bytes": target.stat().st_size}


def _write_zip(stream: Any, case_id: str, with_inputs: bool) -> int:
    contents = {}
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, path in _files(case_id, with_inputs):
            archive.write(path, name)
            contents[name] = sha256_of(path)
        for name, rows in reviews().rows(case_id).items():
            archive.writestr(f"records/{name}.json", json.dumps(rows, indent=1, ensure_ascii=False))
        archive.writestr("contents.json", json.dumps(contents, indent=1))
        archive.writestr("README.txt", README)
    return len(contents)


def _files(case_id: str, with_inputs: bool) -> Iterator[tuple[str, Path]]:
    case = CaseFiles(case_id)
    for path in sorted(case.root.rglob("*")):
        relative = path.relative_to(case.root)
        if path.is_file() and relative.parts[0] not in NOT_TAKEN:
            yield f"case/{relative.as_posix()}", path
    if with_inputs:
        yield from _inputs(case)


def _inputs(case: CaseFiles) -> Iterator[tuple[str, Path]]:
    """What was given, if it is still there; numbered, since names of files and folders may name the patient."""
    request = case.read_private("request.json")
    given = [(name, request[name]) for name in INPUTS if request.get(name)]
    given += [("contours", item) for item in request["contours"]]
    for name, text in given:
        root = Path(text)
        files = sorted(item for item in root.rglob("*") if item.is_file()) if root.is_dir() else [root]
        for place, path in enumerate(files, start=1):
            if path.is_file():
                yield f"inputs/{name}/{place:06d}{_suffix(path)}", path


def _suffix(path: Path) -> str:
    """The known endings only: others may be part of a name."""
    known = (".nii.gz", ".nii", ".dcm", ".json", ".nrrd", ".yaml", ".yml")
    return next((ending for ending in known if path.name.lower().endswith(ending)), "")


def erase_case(case_id: str, person: Person) -> dict[str, Any]:
    """Remove a case's rows, its folder, and what the receiver keeps of its study: objects, results, priors.

    What stays is its audit, which holds no words of it, and a tombstone. The rows go first and the folder last: what
    could not be removed is found again by erasing once more.

    Raises:
        AccessError: no signer. StoreError: there is neither a case nor a folder of that id, or it is being staged.
    """
    person.require(Role.SIGNER)
    case = CaseFiles(case_id)
    with case.locked():
        known = any(row.case_id == case_id for row in store().cases())
        left_behind = not known and case.root.is_dir() and _was_erased(case_id)
        studies = _studies_of(case)
        rows = {} if left_behind else reviews().erase(case_id, person)
        received = erase_received(studies)
        case.erase()
    (settings().home / "unforeseen.traceback").unlink(missing_ok=True)  # whose it is, nobody knows
    return {
        "case_id": case_id,
        "rows": rows,
        "received": received,
        "folder_removed": not case.root.exists(),
        "at": moment(),
    }


def _studies_of(case: CaseFiles) -> set[str]:
    """StudyInstanceUIDs of a case, by its rows and, when those are gone already, by its files."""
    found = {row.study_uid for row in store().rows(Study, case_id=case.case_id)}
    if (case.work / IMAGES).is_file():
        found |= {series["study_uid"] for series in case.load_json(IMAGES)["series"]}
    return {uid for uid in found if uid}


def _was_erased(case_id: str) -> bool:
    with Session(store().engine) as session:
        events: list[AuditEvent] = audit.chain(session, case_id)
    return any(event.action == "erased" for event in events)


def outside_copies() -> str:
    """What erasing here does not reach."""
    places = ["copies made with --out and exports"]
    for name, is_set in (("EHR", bool(settings().ehr_url)), ("PACS", pacs_is_set_up())):
        if is_set:
            places.append(f"what was delivered to the {name} (withdraw it first)")
    return "; ".join(places)
