"""Small cases for the outbox: bundles whose every resource says which version of the case it belongs to."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from fhir_process import FhirServer

from db.engine import open_database
from db.outbox import CHECKING, DELIVERED, PARKED, SENDING, SUPERSEDED, Outbox, Policy
from db.store import Store
from db.tables import Delivery, RemoteResource
from mdt_fhir.naming import case_identifier, derived_id, full_url
from mdt_fhir.push_http import PushMode, PushSettings
from oncology.findings import CaseId
from tasks.outbox import deliver_due, fhir_sender, publish

PATIENCE_S = 0.3
POLICY = Policy(lease_s=1.5, pause_s=0.05, longest_pause_s=0.4, max_attempts=1000, settle_s=1.0)
INTENTS = ("preliminary", "final", "amended", "entered-in-error")
OWN = {"a": "Observation", "b": "Observation", "report": "DiagnosticReport"}


def case_name(number: int) -> CaseId:
    return CaseId(f"{number:016x}")


def bundle(case: str, version: int, intent: str, *, by_id: bool = True) -> dict[str, Any]:
    """A patient by conditional create, two Observations and a report, a Provenance.

    Own resources are put to derived ids, or else by identifier, so that the server gives them ids of its own.
    """
    mark = f"version {version}"
    subject = {"reference": full_url(case, "patient")}
    results = [{"reference": full_url(case, role)} for role in ("a", "b")]
    more: dict[str, dict[str, Any]] = {
        "a": {"valueString": mark},
        "b": {"valueString": mark},
        "report": {"conclusion": mark, "result": results},
    }
    number = {"system": "http://hospital.example/mrn", "value": f"MRN-{case}"}
    patient = {"resourceType": "Patient", "identifier": [number], "name": [{"family": "Doe"}]}
    create = {"method": "POST", "url": "Patient", "ifNoneExist": f"identifier={number['system']}|{number['value']}"}
    entries = [{"fullUrl": full_url(case, "patient"), "resource": patient, "request": create}]
    for role, kind in OWN.items():
        common = {"resourceType": kind, "identifier": [case_identifier(case, role)], "status": intent}
        resource = common | {"code": {"text": role}, "subject": subject} | more[role]
        entries.append(_put(case, role, resource) if by_id else _put_by_identifier(case, role, resource))
    agent = {"who": {"display": "AI-MDT"}}
    target = [{"reference": full_url(case, role)} for role in OWN]
    origin = {"resourceType": "Provenance", "target": target, "recorded": "2026-03-04T10:20:30Z", "agent": [agent]}
    entries.append(_put(case, f"provenance.{version}", origin))
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _put(case: str, role: str, resource: dict[str, Any]) -> dict[str, Any]:
    name = derived_id(case, role)
    request = {"method": "PUT", "url": f"{resource['resourceType']}/{name}"}
    return {"fullUrl": full_url(case, role), "resource": resource | {"id": name}, "request": request}


def _put_by_identifier(case: str, role: str, resource: dict[str, Any]) -> dict[str, Any]:
    (name,) = resource["identifier"]
    request = {"method": "PUT", "url": f"{resource['resourceType']}?identifier={name['system']}|{name['value']}"}
    return {"fullUrl": full_url(case, role), "resource": resource, "request": request}


def open_outbox(url: str) -> Outbox:
    return Outbox(open_database(url), POLICY)


def take_in(outbox: Outbox, count: int) -> None:
    for number in range(count):
        name = case_name(number)
        Store(outbox.engine).start_run(name, "lung", f"{number:064x}", software="0.1.0", parameters={})


def publish_next(outbox: Outbox, case: str, *, by_id: bool = True) -> None:
    """The case's next version; the fourth withdraws it, and so do all after it."""
    version = len(outbox.deliveries(case)) + 1
    intent = INTENTS[min(version, len(INTENTS)) - 1]
    publish(outbox, case, intent, lambda _previous: bundle(case, version, intent, by_id=by_id))


def senders(base: str, mode: PushMode) -> dict[str, Any]:
    settings = PushSettings(mode=mode, timeout_s=PATIENCE_S, retries=2, pause_s=0.01)
    return {"ehr": fhir_sender(base, settings)}


def finish(outbox: Outbox, to: Mapping[str, Any], limit_s: float = 120.0) -> None:
    """Deliver until nothing is open; parked deliveries are released, as an operator would after looking at them."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        deliver_due(outbox, to)
        parked = [row for row in Store(outbox.engine).rows(Delivery) if row.state == PARKED]
        for row in parked:
            assert row.reason
            outbox.release(row.case_id)
        if not parked and outbox.next_due() is None:
            return
        time.sleep(0.05)
    raise AssertionError("the outbox did not get empty")


def assert_everything_arrived_once(outbox: Outbox, server: FhirServer, count: int) -> None:
    """0 lost, 0 doubled, every case in its latest version, and the records know where it lies."""
    found = server.by_identifier()
    doubled = [name for name, items in found.items() if len(items) > 1]
    assert doubled == []
    assert len(found) == count * (1 + len(OWN))
    here = {f"{item['resourceType']}/{item['id']}": item["meta"]["versionId"] for item in server.resources()}
    for number in range(count):
        case = case_name(number)
        rows = outbox.deliveries(case)
        assert [row.state for row in rows[:-1]] == [
            DELIVERED if row.state == DELIVERED else SUPERSEDED for row in rows[:-1]
        ]
        assert rows[-1].state == DELIVERED
        for role, kind in OWN.items():
            (item,) = found[f"{kind}|urn:aimdt:case|{case}.{role}"]
            assert item.get("conclusion", item.get("valueString")) == f"version {rows[-1].sequence}"
            assert item["status"] == rows[-1].intent
        remote = Store(outbox.engine).rows(RemoteResource, case_id=case, sequence=rows[-1].sequence)
        assert {row.reference: row.version for row in remote}.items() <= here.items()
        assert len(remote) == len(OWN) + 2


def being_sent(outbox: Outbox) -> bool:
    """Whether a worker has claimed something and not told how it went."""
    return any(row.state in (SENDING, CHECKING) for row in Store(outbox.engine).rows(Delivery))


def deliver_late(server: FhirServer, content: dict[str, Any]) -> None:
    """What a slow network brings long after its sender gave up."""
    httpx.post(server.base, json=content).raise_for_status()


def some_case(die: random.Random, count: int) -> CaseId:
    return case_name(die.randrange(count))


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'records.db'}"
