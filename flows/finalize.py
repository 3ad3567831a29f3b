"""From a signature to results that count: starts on sign-off, when a person has reviewed and proven who they are."""

from __future__ import annotations

from typing import Any

from prefect import flow

from db.accounts import Person
from tasks import signoff
from tasks.parts import Parts
from tasks.records import failed_part_names
from tasks.step import AT_END, once

make_report = once(signoff.make_report)
make_dicom = once(signoff.make_dicom)
make_final_bundle = once(signoff.make_final_bundle)
commit = once(signoff.commit)


def sign(case_id: str, kind: str, person: Person, reason: str = "", version: int | None = None) -> dict[str, Any]:
    """Sign, amend or withdraw a case; either all of it comes to be or nothing.

    Raises:
        AccessError, ReviewError, StaleError: see `tasks.signoff.begin` and `commit`.
    """
    ticket = signoff.begin(case_id, kind, person, reason, version)
    try:
        result: dict[str, Any] = finalize(case_id, ticket)
    finally:
        signoff.discard(case_id, ticket)
    return result


@flow(name="finalize", flow_run_name="sign-{case_id}", persist_result=False, **AT_END)
def finalize(case_id: str, ticket: str) -> dict[str, Any]:
    """Final report, EHR bundle and PACS objects of a ticket, then the one transaction that makes them count.

    Returns:
        {"signature": number, "failures": [verdict, ...]}.
    """
    parts = Parts()
    make_report(case_id, ticket)
    parts.run("DICOM", make_dicom, case_id, ticket)
    make_final_bundle(case_id, ticket)
    number = commit(case_id, ticket, failed_part_names(parts.failures))
    return {"signature": number, "failures": parts.failures}
