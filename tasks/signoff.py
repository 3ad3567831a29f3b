"""Signing a case: the final report, its FHIR bundle and DICOM objects, and one transaction that makes them count.

A proven signer gets a ticket: a small private file that says who signs what, when and why, and never a password. The
steps work on the ticket's folder; until the last one has committed, nothing of it counts and another try starts anew.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from db.accounts import Person, Role
from db.outbox import Order, Outbox
from db.review import SignedResults
from db.tables import Run, Signature
from mdt_dicom.rejection import write_rejection
from mdt_dicom.result import Maker
from mdt_dicom.send import outgoing
from mdt_dicom.sr import Verification
from mdt_fhir.report_case import Documents, ReportStatus, Signer
from oncology.errors import ReviewError, StoreError
from tasks.bundle import BUNDLE, make_bundle
from tasks.case_files import CaseFiles, Outputs, canonical_json, sha256_of, write_bytes
from tasks.dicom_out import KEYS, REPORT, SEG, SR, Contents, labelmap_is_asked_for, write_objects
from tasks.findings import FINDINGS
from tasks.history import HISTORY
from tasks.images import CT
from tasks.manifest import provenance
from tasks.masks import ANATOMY_MASKS, FINDING_MASKS, load_masks, save_masks
from tasks.outbox import prepare
from tasks.pacs import PACS, pacs_is_set_up, pacs_order
from tasks.pictures import PICTURES, picture_slices
from tasks.records import result_rows, store
from tasks.report import HTML, PDF
from tasks.review import Restaged, existing_review, moment, restage, reviews, write_report
from tasks.review_files import ReviewFiles
from tasks.schemas import check
from tasks.settings import settings
from tasks.staging import PROBABILITIES, STAGING

ACCOUNT_SYSTEM = "urn:aimdt:account"
DECISIONS, MANIFEST, REJECTION = "review.json", "manifest.json", "dicom/rejection.dcm"
DELIVERED = (FINDINGS, STAGING, PROBABILITIES, DECISIONS, HTML, PDF, BUNDLE, SEG, SR, REPORT, REJECTION)


@dataclass(frozen=True)
class Kind:
    """What a signature makes of a result, in each place's words."""

    status: ReportStatus
    intent: str  # of the delivery
    words: str  # on the report


KINDS = {
    "final": Kind(ReportStatus.FINAL, "final", "final"),
    "amended": Kind(ReportStatus.AMENDED, "amended", "amended"),
    "withdrawn": Kind(ReportStatus.ENTERED_IN_ERROR, "entered-in-error", "entered in error"),
}


@dataclass(frozen=True)
class Ticket:
    """Who signs what, proven and checked."""

    id: str
    kind: str
    person: Person
    reason: str
    at: str
    version: int  # of the review that is signed

    @property
    def folder(self) -> str:
        """Where in the case's folder its results lie."""
        return f"signed/{self.id}"

    @property
    def shown(self) -> dict[str, str]:
        """The signature as the report shows it."""
        return {"name": self.person.name, "account": self.person.account, "at": self.at, "reason": self.reason}


def begin(case_id: str, kind: str, person: Person, reason: str = "", version: int | None = None) -> str:
    """Check that this person may sign this case now, and hand out a ticket.

    Args:
        kind: final, amended or withdrawn.
        version: the version of the review that the person looked at; the present one when not given.
    Raises:
        AccessError: no signer. ReviewError: the case's state does not allow it, or a reason is lacking.
    """
    if kind not in KINDS:
        raise ReviewError(f"a case cannot be signed as {kind!r}; expected one of: {', '.join(KINDS)}")
    seen = version or reviews().check_signable(case_id, kind, person, reason).version
    reviews().check_signable(case_id, kind, person, reason)
    ticket = Ticket(secrets.token_hex(8), kind, person, reason.strip(), moment(), seen)
    CaseFiles(case_id).write_private(_ticket_name(ticket.id), dataclasses.asdict(ticket))
    return ticket.id


def discard(case_id: str, ticket_id: str) -> None:
    """End a ticket; what was made for a signature that did not come to be goes with it."""
    case = CaseFiles(case_id)
    (case.private / _ticket_name(ticket_id)).unlink(missing_ok=True)
    if not store().rows(Signature, case_id=case_id, folder=ticket_id):
        shutil.rmtree(case.root / "signed" / ticket_id, ignore_errors=True)


def _ticket_name(ticket_id: str) -> str:
    return f"signoff-{ticket_id}.json"


def _ticket(case_id: str, ticket_id: str) -> Ticket:
    kept = CaseFiles(case_id).read_private(_ticket_name(ticket_id))
    person = Person(**{**kept["person"], "role": Role(kept["person"]["role"])})
    return Ticket(**{**kept, "person": person})


def make_report(case_id: str, ticket_id: str) -> None:
    """The report as it is signed, with every change against the machine's draft; a withdrawn one repeats the last."""
    ticket = _ticket(case_id, ticket_id)
    content = _last_signed(case_id) if ticket.kind == "withdrawn" else restage(case_id)
    files = write_report(content, ticket.folder, KINDS[ticket.kind].words, ticket.shown)
    decisions = {**content.decisions, "signature": ticket.shown | {"kind": ticket.kind}}
    files.save_json(DECISIONS, decisions)
    there = {item["id"] for name in ("tumors", "nodes", "metastasis_candidates") for item in content.findings[name]}
    grid = files.load_volume(CT).geometry
    masks = load_masks(files, FINDING_MASKS, grid)
    save_masks(files, FINDING_MASKS, {key: mask for key, mask in masks.items() if key in there}, grid)


def _last_signed(case_id: str) -> Restaged:
    """What was signed last, as it was signed."""
    folder = f"signed/{reviews().signatures(case_id)[-1].folder}"
    files = ReviewFiles(case_id, folder)
    decisions = files.load_json(DECISIONS)
    return Restaged(
        case_id=case_id,
        findings=files.load_json(FINDINGS),
        history=files.load_json(HISTORY),
        facts={},
        staging=files.load_json(STAGING),
        edits=(),
        stages=tuple(decisions["stages"]),
        behind=(folder, *restage(case_id).behind),
        decisions={"edits": decisions["edits"], "stages": decisions["stages"]},
    )


def make_dicom(case_id: str, ticket_id: str) -> Outputs:
    """SEG, verified SR and the report as DICOM; of a withdrawn result the note that rejects all that was signed."""
    ticket = _ticket(case_id, ticket_id)
    if ticket.kind == "withdrawn":
        return _reject(case_id, ticket, [])
    files = _files(case_id, ticket)
    observer = f"{ticket.person.family}^{ticket.person.given}"
    contents = Contents(
        anatomy=files.has(ANATOMY_MASKS),
        pdf=True,
        pictures=files.has(PICTURES),
        verification=Verification(observer, settings().organization),
        labelmap=labelmap_is_asked_for(),
    )
    outputs = write_objects(files, datetime.fromisoformat(ticket.at), contents)
    return outputs | _reject(case_id, ticket, [files.work / name for name in outputs])


def _reject(case_id: str, ticket: Ticket, still_valid: Sequence[Path]) -> Outputs:
    """The note that rejects what was made for the archive before and no longer counts; nothing when nothing was."""
    files = _files(case_id, ticket)
    valid = {item.sop_uid for item in outgoing(still_valid)}
    stale = {item.sop_uid: item.path for item in outgoing(_earlier_objects(case_id)) if item.sop_uid not in valid}
    if not stale:
        return {}
    path = files.work / REJECTION
    write_rejection(
        list(stale.values()),
        path,
        case_id=files.case_id,
        maker=Maker(installed("aimdt")),
        created=datetime.fromisoformat(ticket.at),
        superseded=bool(still_valid),
    )
    return {REJECTION: sha256_of(path)}


def _earlier_objects(case_id: str) -> list[Path]:
    """Objects of every signature so far, and of the draft when that was sent; without the notes that reject others."""
    case = CaseFiles(case_id)
    folders = [case.root / "signed" / signature.folder / "out" for signature in reviews().signatures(case_id)]
    deliveries = Outbox(store().engine).deliveries(case_id, PACS)
    folders += [case.out] if any(row.intent == "preliminary" for row in deliveries) else []
    found = [path for folder in folders for path in sorted((folder / "dicom").glob("*.dcm"))]
    return [path for path in found if path.name != Path(REJECTION).name]


def make_final_bundle(case_id: str, ticket_id: str) -> Outputs:
    """The FHIR transaction; findings that the last signed one had and this one lacks are withdrawn by it."""
    ticket = _ticket(case_id, ticket_id)
    signed = reviews().signatures(case_id)
    previous = None
    if signed:
        previous = json.loads(ReviewFiles(case_id, f"signed/{signed[-1].folder}").load_bytes(BUNDLE))
    bundle = _bundle(case_id, ticket, previous)
    return _files(case_id, ticket).save_bytes(
        BUNDLE, (json.dumps(bundle, indent=1, ensure_ascii=False) + "\n").encode()
    )


def _bundle(case_id: str, ticket: Ticket, previous: Mapping[str, Any] | None) -> dict[str, Any]:
    files = _files(case_id, ticket)
    language = files.read_private("request.json")["language"]
    return make_bundle(
        files,
        datetime.fromisoformat(ticket.at),
        Documents(files.load_bytes(PDF), files.load_bytes(HTML), language),
        status=KINDS[ticket.kind].status,
        signer=_signer(ticket.person),
        previous=previous,
    )


def _signer(person: Person) -> Signer:
    system, _, value = (person.identifier or f"{ACCOUNT_SYSTEM}|{person.account}").partition("|")
    return Signer(system, value, person.family, tuple(person.given.split()))


def _files(case_id: str, ticket: Ticket) -> ReviewFiles:
    """The ticket's folder, with what lies behind it."""
    return ReviewFiles(case_id, ticket.folder, restage(case_id).behind)


def commit(case_id: str, ticket_id: str, failed_parts: Sequence[str] = ()) -> int:
    """Make the signature count: results, state, audit and deliveries in one transaction; returns its number.

    Raises:
        StaleError: the case was changed since the ticket was handed out; nothing was signed.
        ReportError: a result does not fit its schema.
    """
    ticket = _ticket(case_id, ticket_id)
    draft = existing_review(case_id).run_key
    out = _deliver(case_id, ticket, draft, failed_parts)
    digest = sha256_of(out / MANIFEST)
    run = hashlib.sha256(f"{draft}|{ticket.id}|{digest}".encode()).hexdigest()
    parameters = store().rows(Run, run_key=draft)[0].parameters | {"draft_run": draft, "signed_as": ticket.kind}
    state = "completed-with-failures" if failed_parts else "completed"
    results = SignedResults(
        run=Run(
            run_key=run,
            case_id=case_id,
            state=state,
            started=ticket.at,
            ended=moment(),
            software=installed("aimdt"),
            tables_version=json.loads((out / STAGING).read_bytes())["tables_version"],
            parameters=parameters,
        ),
        rows=result_rows(run, out),
        folder=ticket.id,
        content_sha256=digest,
        orders=_orders(case_id, ticket),
    )
    return reviews().sign(case_id, ticket.version, ticket.kind, ticket.person, ticket.reason, results, ticket.at)


def _deliver(case_id: str, ticket: Ticket, draft: str, failed_parts: Sequence[str]) -> Path:
    """The folder that leaves the case: every signed file and the manifest over them."""
    files = _files(case_id, ticket)
    out = files.work / "out"
    shutil.rmtree(out, ignore_errors=True)
    names = [name for name in DELIVERED if (files.work / name).is_file()]
    names += [path.relative_to(files.work).as_posix() for path in sorted(files.work.glob(KEYS))]
    if files.has(PICTURES):
        names += [item["name"] for item in files.load_json(PICTURES)["pictures"]]
    outputs = {name: write_bytes(out / name, files.load_bytes(name)) for name in names}
    signature = {
        "kind": ticket.kind,
        "account": ticket.person.account,
        "at": ticket.at,
        "draft_run": draft,
        "edits": len(files.load_json(DECISIONS)["edits"]),
    }
    manifest = provenance(files) | {"outputs": dict(sorted(outputs.items())), "timings_seconds": {}}
    shown = picture_slices(files) if files.has(PICTURES) else []
    manifest |= {"failed_parts": list(failed_parts), "key_images": shown, "signature": signature}
    write_bytes(out / MANIFEST, canonical_json(manifest).encode())
    check(out)
    return out


def _orders(case_id: str, ticket: Ticket) -> list[Order]:
    """Deliveries that a signature asks for: to the EHR and the PACS, where they are set up."""
    orders: list[Order | None] = []
    intent = KINDS[ticket.kind].intent
    if settings().ehr_url:
        outbox = Outbox(store().engine)
        orders.append(prepare(outbox, case_id, intent, lambda previous: _bundle(case_id, ticket, previous)))
    if pacs_is_set_up():
        orders.append(pacs_order(case_id, _files(case_id, ticket).work / "out", intent))
    return [order for order in orders if order is not None]


def signed_folder(case_id: str, number: int | None = None) -> Path:
    """The delivered folder of a signature, the last one when no number is given; its files are as they were signed.

    Raises:
        ReviewError: the case was not signed. StoreError: the manifest is not the one that was signed.
    """
    signed = [item for item in reviews().signatures(case_id) if number in (None, item.number)]
    if not signed:
        raise ReviewError(f"case {case_id} has no such signature; `aimdt review {case_id} list` shows its state")
    out = CaseFiles(case_id).root / "signed" / signed[-1].folder / "out"
    if not (out / MANIFEST).is_file() or sha256_of(out / MANIFEST) != signed[-1].content_sha256:
        raise StoreError(
            f"the signed results of case {case_id} are gone or were changed; the audit shows what was signed"
        )
    listed = json.loads((out / MANIFEST).read_bytes())["outputs"]
    altered = [name for name, digest in listed.items() if not (out / name).is_file() or sha256_of(out / name) != digest]
    if altered:
        raise StoreError(f"signed files of case {case_id} are gone or were changed: {', '.join(altered)}")
    return out
