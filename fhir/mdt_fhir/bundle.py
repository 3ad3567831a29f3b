"""One FHIR R4 transaction with everything that a staged case has to say.

Sending the same case again changes nothing: every resource is named by identifiers and ids derived from the case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from fhir.resources.R4B.bundle import Bundle
from pydantic import ValidationError

from mdt_fhir import context_resources as context
from mdt_fhir.concept import Json
from mdt_fhir.finding_resources import candidate_resources, node_resources, tumor_resources
from mdt_fhir.links import Links
from mdt_fhir.naming import derived_id, full_url
from mdt_fhir.patient import PrivatePatient
from mdt_fhir.report_case import PushStrategy, ReportCase
from mdt_fhir.report_resources import diagnostic_report, provenance
from mdt_fhir.staging_resources import staging_observations
from oncology.errors import ReportError

SHARED = ("patient", "condition", "organization", "signer", "imaging")  # also others' business: never overwritten
WITHDRAWN: Mapping[str, Json] = {"Observation": {"status": "entered-in-error"}, "BodyStructure": {"active": False}}
Item = tuple[str, Json]  # role, resource


def build_bundle(
    findings: Mapping[str, Any], staging: Mapping[str, Any], case: ReportCase, previous: Mapping[str, Any] | None = None
) -> Json:
    """The transaction Bundle of one case.

    Args:
        findings: content of findings.json.
        staging: content of staging.json.
        case: who, what was imaged, software, documents, status, how to push.
        previous: the bundle sent before, if any: findings that are gone since are marked as entered in error.
    Raises:
        ReportError: an edition without code, or a bundle that the R4B models refuse.
    """
    links = Links(staging["case_id"], case)
    around = list(_context(findings, links))
    results = [
        *tumor_resources(findings, links),
        *node_resources(findings, links),
        *candidate_resources(findings, links),
    ]
    staged = list(staging_observations(staging, links, _evidence(results)))
    observed = [role for role, resource in [*staged, *results] if resource["resourceType"] == "Observation"]
    own = [*results, *staged, ("report", diagnostic_report(staging, links, observed))]
    origin = provenance(links, [role for role, _ in own], [resource for _, resource in own])
    entries = [_entry(role, resource, links) for role, resource in [*around, *own, origin]]
    entries += _gone(previous, entries)
    bundle = {"resourceType": "Bundle", "type": "transaction", "timestamp": case.instant, "entry": entries}
    check(bundle)
    return bundle


def _context(findings: Mapping[str, Any], links: Links) -> Iterator[Item]:
    """The resources around the result that the server is not known to have."""
    case = links.case
    if isinstance(case.patient, PrivatePatient):
        yield "patient", context.patient(case.patient, links)
    if case.organization.reference is None:
        yield "organization", context.organization(case)
    if case.signer is not None and case.signer.reference is None:
        yield "signer", context.practitioner(case.signer)
    if case.condition is None:
        yield "condition", context.condition(findings, links)
    if case.imaging is not None and case.imaging.reference is None:
        yield "imaging", context.imaging_study(case.imaging, links)
    yield "device", context.device(links)


def _evidence(results: Sequence[Item]) -> dict[str, list[str]]:
    """Which finding Observations each axis rests on: sizes for T, nodes for N, candidates for M."""
    observed = [role for role, resource in results if resource["resourceType"] == "Observation"]
    sizes = [role for role in observed if role.endswith(".size")]
    coded = {role: resource["code"]["coding"][0]["code"] for role, resource in results if role in observed}
    nodes = [role for role in observed if coded[role] in ("lymph-node", "extranodal-extension")]
    candidates = [role for role in observed if coded[role] == "metastasis-candidate"]
    return {"t": sizes, "n": nodes, "m": candidates}


def _entry(role: str, resource: Json, links: Links) -> Json:
    """A Bundle entry: where the resource will be referred to, and how the server shall store it."""
    name, kind = derived_id(links.case_id, role), resource["resourceType"]
    entry = {"fullUrl": full_url(links.case_id, role), "resource": resource}
    by_id = {"method": "PUT", "url": f"{kind}/{name}"}
    if kind == "Provenance":
        return {**entry, "request": by_id}
    token = _token(resource["identifier"][0])
    if role in SHARED or links.case.strategy is PushStrategy.CREATE:
        return {**entry, "request": {"method": "POST", "url": kind, "ifNoneExist": token}}
    if links.case.strategy is PushStrategy.DERIVED_IDS:
        return {**entry, "resource": {**resource, "id": name}, "request": by_id}
    return {**entry, "request": {"method": "PUT", "url": f"{kind}?{token}"}}


def _gone(previous: Mapping[str, Any] | None, entries: Sequence[Json]) -> list[Json]:
    """Findings of the previous bundle that this one lacks, withdrawn."""
    here = {entry["fullUrl"] for entry in entries}
    return [
        {**entry, "resource": {**entry["resource"], **WITHDRAWN[entry["resource"]["resourceType"]]}}
        for entry in (previous or {}).get("entry", ())
        if entry["fullUrl"] not in here and entry["resource"]["resourceType"] in WITHDRAWN
    ]


def _token(identifier: Mapping[str, Any]) -> str:
    """`identifier=system|value` as a query, both parts encoded."""
    return f"identifier={quote(identifier['system'], safe='')}|{quote(identifier['value'], safe='')}"


def check(bundle: Mapping[str, Any]) -> None:
    """Hold a bundle against the R4B models of fhir.resources.

    Raises:
        ReportError: the first fault, by its place; never its value, which may name the patient.
    """
    try:
        Bundle.model_validate(bundle)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise ReportError(f"bundle is no valid FHIR at {place} ({fault['type']}); expected R4; report this") from None
