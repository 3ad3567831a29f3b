"""The review of a case: what can be decided, deciding it, staging anew at once. Plain functions, no flow, no network.

A command line, or a page, proves who somebody is (db.accounts) and calls these.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from db.accounts import Person, Role
from db.review import Reviews, State
from db.tables import Case, Review, Run
from mdt_fhir.history import FACT_NAMES
from oncology.cancers.evidence import classify_nodes
from oncology.cancers.protocol import site_of
from oncology.edit import LISTS, METASTASIS, Draft, Edit, EditKind, apply_edits, summary
from oncology.errors import ReviewError
from oncology.invasion.model import estimate_invasion
from oncology.tnm.loader import tables
from oncology.tnm.vocabulary import vocabulary
from tasks.case_files import CaseFiles, Outputs, canonical_json
from tasks.findings import FINDINGS, findings_from, findings_json, history_from
from tasks.history import HISTORY
from tasks.images import IMAGES
from tasks.node_judgement import judge_nodes
from tasks.pictures import PICTURES, STATION_MAP, draw_station_map
from tasks.prior import PRIOR
from tasks.records import store
from tasks.report import HTML, PDF, assemble
from tasks.review_files import ReviewFiles, draft_folder, keep_draft
from tasks.staging import STAGING, Asked, save_staging, staged
from templates.render import render_html, render_pdf

NOW = "review/now"
AXES = ("t", "n", "m")


@dataclass(frozen=True)
class Restaged:
    """A case after edits; contents as in the delivered JSON.

    Attributes:
        facts: the record's facts by the ids that edits use.
        stages: per edition the machine's draft and the present stage, in words.
        decisions: what the report says of the review: edits and stages.
        behind: folders of the case that hold its masks and pictures, the first one wins.
    """

    case_id: str
    findings: Mapping[str, Any]
    history: Mapping[str, Any]
    facts: Mapping[str, Mapping[str, Any]]
    staging: Mapping[str, Any]
    edits: tuple[Edit, ...]
    stages: tuple[Mapping[str, str], ...]
    behind: tuple[str, ...]
    decisions: Mapping[str, Any]


def reviews() -> Reviews:
    """The reviews of this installation."""
    return Reviews(store())


def moment() -> str:
    """The present as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def open_review(case_id: str, person: Person) -> Review:
    """The review of a case; opens it, with the machine's draft put aside, when it was awaiting one.

    Raises:
        ReviewError: the case is not analyzed yet, or failed.
        AccessError: the person is no reviewer.
    """
    person.require(Role.REVIEWER)
    case = store().case(case_id)
    found = reviews().find(case_id)
    if found is not None and case.state != State.AWAITING_REVIEW:
        return found
    return reviews().open(case_id, _keep_newest_draft(case), person)


def restart_review(case_id: str, person: Person, reason: str, version: int | None = None) -> Review:
    """Review the newest draft instead; earlier edits stay on record and no longer apply."""
    seen = version or existing_review(case_id).version
    return reviews().restart(case_id, seen, _keep_newest_draft(store().case(case_id)), person, reason)


def _keep_newest_draft(case: Case) -> str:
    run = _finished_run(case)
    keep_draft(case.case_id, run)
    return run


def _finished_run(case: Case) -> str:
    run = store().latest_run(case.case_id)
    if run is None or not run.state.startswith("completed"):
        raise ReviewError(f"case {case.case_id} is {case.state}; there is no finished draft to review; stage it first")
    return run.run_key


def existing_review(case_id: str) -> Review:
    """The review of a case.

    Raises:
        ReviewError: it was never opened.
    """
    case = store().case(case_id)
    found = reviews().find(case_id)
    if found is None:
        raise ReviewError(
            f"case {case_id} is {case.state} and was never reviewed; `aimdt review {case_id} open` begins"
        )
    return found


def decide(case_id: str, person: Person, edits: Sequence[Edit], version: int | None = None) -> Restaged:
    """Keep edits and stage anew. Nothing is kept when one of them cannot be applied or staged.

    Args:
        edits: kind, target, value and reason; who and when are filled in here.
        version: the version of the review that the person looked at; the present one when not given.
    Raises:
        ReviewError, FactError: an edit makes no sense; StaleError: somebody was faster; AccessError: no reviewer.
    """
    review = open_review(case_id, person)
    seen = version or review.version
    stamped = [replace(edit, actor=person.account, at=edit.at or moment()) for edit in edits]
    for edit in stamped:
        _check_addition(edit, case_id)
        _check_station(edit, case_id)
    restaged = restage(case_id, stamped)
    reviews().record(case_id, seen, person, restaged.edits[len(restaged.edits) - len(stamped) :])
    show_now(restaged)
    return restaged


def show_now(restaged: Restaged, *, pdf: bool = False) -> ReviewFiles:
    """Write the present state of a review to the case's review/now; laying out a PDF is most of the time it takes."""
    folder = f"review/{secrets.token_hex(8)}"
    write_report(restaged, folder, pdf=pdf)
    _replace_now(restaged.case_id, folder)
    return ReviewFiles(restaged.case_id, NOW, restaged.behind)


def _check_addition(edit: Edit, case_id: str) -> None:
    """Only facts that somebody reads may be added: a misspelled one would be ignored in silence."""
    if edit.kind is not EditKind.ADD or edit.target == METASTASIS:
        return
    known = {*FACT_NAMES, *vocabulary().site(site_of(store().case(case_id).cancer)).facts}
    if edit.target not in known:
        raise ReviewError(f"there is no fact {edit.target}; expected metastasis or one of: {', '.join(sorted(known))}")


def _check_station(edit: Edit, case_id: str) -> None:
    """A station has to be one of the site's, also where the staging of today would not look at it."""
    named = edit.value.get("station") if edit.kind is EditKind.ADD and isinstance(edit.value, Mapping) else None
    if edit.kind is EditKind.SET and edit.target.replace("/", ".").rpartition(".")[2] == "station":
        named = edit.value
    known = vocabulary().site(site_of(store().case(case_id).cancer)).stations
    if named is not None and str(named) not in known:
        raise ReviewError(f"there is no station {named}; expected one of: {', '.join(known)}")


def restage(case_id: str, trial: Sequence[Edit] = ()) -> Restaged:
    """Stage a case from its draft and every edit so far, and from trial edits that nobody has kept yet.

    Nothing is written: see `write_report`.

    Raises:
        ReviewError, FactError: an edit cannot be applied or staged.
    """
    review = reviews().find(case_id)
    run = review.run_key if review else _finished_run(store().case(case_id))
    folder = draft_folder(run) if review else "work"
    edits = (*reviews().edits(case_id), *trial)
    files = ReviewFiles(case_id, folder)
    parameters = store().rows(Run, run_key=run)[0].parameters
    start = Draft.of(files.load_json(FINDINGS), files.load_json(HISTORY), parameters["subset"])
    draft, applied = apply_edits(start, edits)
    history = draft.edited_history()
    judged = judge_nodes(estimate_invasion(findings_from(draft.findings)), history_from(history))
    findings = findings_json(classify_nodes(judged))
    asked = Asked(tuple(parameters["editions"]), parameters["classification"], draft.subset, tables().version)
    earlier = files.load_json(PRIOR) if parameters.get("prior", "none") != "none" else None
    staging = staged(findings, history, asked, files.load_json(IMAGES)["series"][0]["date"], earlier)
    stages = tuple(_stages(files.load_json(STAGING), staging))
    return Restaged(
        case_id=case_id,
        findings=findings,
        history=history,
        facts=draft.facts,
        staging=staging,
        edits=applied,
        stages=stages,
        behind=(*_imported(edits), folder),
        decisions={"edits": [_told(edit) for edit in applied], "stages": list(stages)},
    )


def _imported(edits: Sequence[Edit]) -> list[str]:
    """Folders of imported contours, the newest first: its masks are the ones that count."""
    return [edit.value["folder"] for edit in reversed(edits) if edit.kind is EditKind.IMPORT]


def _stages(draft: Mapping[str, Any], now: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {"edition": name, "draft": stage_words(draft["editions"].get(name)), "now": stage_words(result)}
        for name, result in now["editions"].items()
    ]


def stage_words(result: Mapping[str, Any] | None) -> str:
    """The categories and group of one edition in a line."""
    if result is None:
        return "not staged"
    parts = [f"c{result[axis]['category'] or axis.upper() + '?'}" for axis in AXES]
    group = result["stage_group"]
    return f"{' '.join(parts)}, stage {group['category'] or ' or '.join(group['possible']) or 'open'}"


def write_report(
    restaged: Restaged,
    folder: str,
    status: str = "preliminary",
    signature: Mapping[str, str] | None = None,
    *,
    pdf: bool = True,
) -> ReviewFiles:
    """Findings, staging and report (HTML, and PDF if wished) in a folder of the case, with every decision listed."""
    files = ReviewFiles(restaged.case_id, folder, restaged.behind)
    files.save_json(FINDINGS, restaged.findings)
    files.save_json(HISTORY, restaged.history)
    save_staging(files, restaged.findings, restaged.staging)
    language = files.read_private("request.json")["language"]
    pictures = _keep_pictures(files, restaged.findings, language)
    review = {**restaged.decisions, "signature": signature}
    html = render_html(assemble(files, pictures, [], status, review), language)
    files.save_bytes(HTML, html.encode())
    if pdf:
        files.save_bytes(PDF, render_pdf(html))
    return files


def _keep_pictures(files: ReviewFiles, findings: Mapping[str, Any], language: str) -> Outputs | None:
    """Pictures of those findings that are still there, and the map of stations as they are now."""
    if not files.has(PICTURES):
        return None
    there = {item["id"] for name in LISTS for item in findings[name]}
    listed = files.load_json(PICTURES)["pictures"]
    kept = files.save_json(PICTURES, {"pictures": [item for item in listed if _shows(item["name"], there)]})
    return kept | files.save_bytes(STATION_MAP, draw_station_map(files, findings["cancer"], language).encode())


def _replace_now(case_id: str, folder: str) -> None:
    """Make a folder the present state of the review; the newest change wins."""
    root = CaseFiles(case_id).root
    old = root / f"{folder}.old"
    if (root / NOW).exists():
        (root / NOW).replace(old)
    (root / folder).replace(root / NOW)
    shutil.rmtree(old, ignore_errors=True)


def _shows(picture: str, finding_ids: set[str]) -> bool:
    """`key_images/node-2-axial.png` shows node-2."""
    return picture.split("/")[-1].rsplit("-", 1)[0] in finding_ids


def describe(case_id: str, actor: str) -> dict[str, Any]:
    """Everything that can be decided on, and what was; looking is an event of the audit."""
    case = store().case(case_id)
    review = reviews().find(case_id)
    now = restage(case_id)
    reviews().note(case_id, actor, "viewed")
    content = {
        "case_id": case_id,
        "state": case.state,
        "version": review.version if review else None,
        "stages": list(now.stages),
        "findings": [item for name in LISTS for item in now.findings[name]],
        "facts": [{"id": key, **summary(fact)} for key, fact in now.facts.items()],
        "edits": now.decisions["edits"],
        "signatures": [signature.model_dump() for signature in reviews().signatures(case_id)],
    }
    rounded: dict[str, Any] = json.loads(canonical_json(content))
    return rounded


def _told(edit: Edit) -> dict[str, Any]:
    """An edit as a reader is told of it."""
    new = edit.value
    if edit.kind is EditKind.IMPORT:
        new = {name: [summary(item) for item in edit.value[name]] for name in LISTS if name in edit.value}
    told = {"at": edit.at, "actor": edit.actor, "kind": edit.kind.value, "target": edit.target}
    return told | {"old": edit.old, "new": new, "reason": edit.reason}
