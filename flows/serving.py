"""What Prefect offers to start on this machine: the flows of a patient, one case at a time, by case id alone.

Prefect keeps the parameters of every run, and a self-hosted one has no users: anything but a case id is refused.
`python -m flows.serving` serves them to the Prefect server at PREFECT_API_URL until it is stopped.
"""

from __future__ import annotations

import logging
from typing import Annotated, Any

from prefect import flow, serve
from prefect.deployments.runner import EntrypointType
from pydantic import Field

from flows.finalize import finalize
from flows.patient import stage_patient
from tasks.case_files import CaseFiles
from tasks.signoff import discard
from tasks.step import AT_END

logging.raiseExceptions = False  # as in flows.cli: a run that Prefect starts does not come through there
Key = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
DEPLOYMENTS = ("patient/stage", "finalize/sign")


@flow(name="patient", flow_run_name="case-{case_id}", persist_result=False, **AT_END)
def stage_case(case_id: Key) -> dict[str, Any]:
    """Stage a case that was taken in before; nobody else works on it meanwhile."""
    with CaseFiles(case_id).locked():
        result: dict[str, Any] = stage_patient.fn(case_id)
    return result


@flow(name="finalize", flow_run_name="sign-{case_id}", persist_result=False, **AT_END)
def sign_case(case_id: Key, ticket: Key) -> dict[str, Any]:
    """Make the results of a ticket that a proven signer was given count."""
    try:
        result: dict[str, Any] = finalize.fn(case_id, ticket)
    finally:
        discard(case_id, ticket)
    return result


def main() -> None:
    """Serve until SIGTERM or Ctrl-C, one run at a time."""
    offered = [
        offer.to_deployment(name.split("/")[1], entrypoint_type=EntrypointType.MODULE_PATH)
        for name, offer in zip(DEPLOYMENTS, (stage_case, sign_case), strict=True)
    ]
    serve(*offered, limit=1, print_starting_message=False)


if __name__ == "__main__":
    from flows import serving  # under its own name, by which the runs import it

    serving.main()
