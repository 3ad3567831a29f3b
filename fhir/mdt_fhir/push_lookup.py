"""What a FHIR server holds of our entries: found by id or identifier, compared with what was sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from mdt_fhir.concept import Json
from mdt_fhir.push_entry import Entry, Stored, covers, etag_version, location, rewritten
from mdt_fhir.push_http import Exchange
from oncology.errors import DeliveryRefusedError

ABSENT = (404, 410)


@dataclass(frozen=True)
class Found:
    """A resource on the server."""

    reference: str
    version: str | None
    resource: Mapping[str, Any] = field(repr=False)


def find(exchange: Exchange, entry: Entry, reference: str | None = None) -> Found | None:
    """The server's resource for an entry: by a reference known from before, else by derived id or identifier.

    Raises:
        DeliveryRefusedError: several resources have the identifier, or reading is not allowed.
    """
    if reference is None and entry.own_id is not None:
        reference = f"{entry.kind}/{entry.own_id}"
    if reference is not None:
        response = exchange.read(reference)
        if response.status_code in ABSENT:
            return None
        return _found(_json(exchange, response), response.headers.get("ETag"))
    return _by_identifier(exchange, entry)


def _by_identifier(exchange: Exchange, entry: Entry) -> Found | None:
    response = exchange.read(f"{entry.kind}/_search", {"identifier": entry.token or "", "_count": "2"})
    matches = [
        item["resource"]
        for item in _json(exchange, response).get("entry", ())
        if item.get("resource", {}).get("resourceType") == entry.kind
    ]
    if len(matches) > 1:
        raise DeliveryRefusedError(
            f"FHIR server {exchange.base.host} has {len(matches)} or more {entry.kind} resources with one identifier; "
            "expected one; merge them on the server, then release the delivery"
        )
    return _found(matches[0], None) if matches else None


def _json(exchange: Exchange, response: httpx.Response) -> Json:
    if not response.is_success:
        raise exchange.refused(response)
    if not (body := exchange.body(response)):
        raise DeliveryRefusedError(
            f"FHIR server {exchange.base.host} answered with something that is no resource; check the base URL"
        )
    return body


def _found(resource: Json, etag: str | None) -> Found:
    version = resource.get("meta", {}).get("versionId") or etag_version(etag)
    return Found(f"{resource.get('resourceType')}/{resource.get('id')}", version, resource)


def arrived(entries: Iterable[Entry], found: Mapping[str, Found]) -> bool:
    """True when the server holds everything that is ours with the content sent, and something for everything else."""
    places = {url: item.reference for url, item in found.items()}
    return all(
        entry.full_url in found
        and (not entry.ours or covers(found[entry.full_url].resource, rewritten(entry.resource, places)))
        for entry in entries
    )


def stored_by(exchange: Exchange, entry: Entry, response: httpx.Response) -> Stored:
    """What the answer to a single write says of where the resource lies now."""
    reference, version = location(response.headers.get("Location"))
    body = exchange.body(response)
    if body.get("resourceType") == entry.kind and "id" in body:
        reference = reference or f"{entry.kind}/{body['id']}"
        version = version or body.get("meta", {}).get("versionId")
    version = etag_version(response.headers.get("ETag")) or version
    if reference is None and (item := find(exchange, entry)):
        reference, version = item.reference, item.version
    if reference is None:
        raise DeliveryRefusedError(
            f"FHIR server {exchange.base.host} took a {entry.kind} and then could not find it; "
            "report this to its operator"
        )
    return entry.stored(reference, version)
