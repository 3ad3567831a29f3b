"""A Bundle sent as one transaction: everything or nothing.

After an answer that got lost the Provenance tells: its id is derived from the content, and it is written in the same
transaction. Updates of what is known from before carry ifMatch, so that nobody's later change is overwritten unseen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from mdt_fhir.concept import Json
from mdt_fhir.push_entry import Entry, Stored, etag_version, location, untouched
from mdt_fhir.push_http import Exchange
from mdt_fhir.push_lookup import Found, arrived, find
from oncology.errors import DeliveryRefusedError


def push_transaction(
    exchange: Exchange, bundle: Mapping[str, Any], entries: Sequence[Entry], known: Mapping[str, Stored], *, look: bool
) -> list[Stored]:
    """Send the Bundle at once; with `look`, ask first whether an earlier attempt brought it there."""
    step = _TransactionStep(exchange, bundle, entries, known)
    return (step.settled(stale=True) if look else None) or exchange.settle(step)


class _TransactionStep:
    def __init__(
        self, exchange: Exchange, bundle: Mapping[str, Any], entries: Sequence[Entry], known: Mapping[str, Stored]
    ) -> None:
        self.exchange = exchange
        self.bundle = bundle
        self.entries = entries
        self.known = dict(known)

    def write(self) -> httpx.Response:
        sent = [self._request(entry) for entry in self.entries]
        return self.exchange.write("POST", "", {**self.bundle, "entry": sent})

    def done(self, response: httpx.Response) -> list[Stored] | None:
        """Places and versions by the answer's entries, which come in the order of the request's."""
        answers = self.exchange.body(response).get("entry", ())
        if len(answers) != len(self.entries):
            return None
        return [self._stored(entry, answer) for entry, answer in zip(self.entries, answers, strict=True)]

    def settled(self, *, stale: bool) -> list[Stored] | None:
        if not stale and not self._marked():
            return None
        found = self._look()
        here = [entry for entry in self.entries if entry.full_url in found]
        stored = {entry.full_url: _stored_as(entry, found[entry.full_url]) for entry in here}
        self.known |= stored
        if not arrived(self.entries, found) or self._retractable(found):
            return None
        return [stored[entry.full_url] for entry in self.entries]

    def _marked(self) -> bool:
        """False when the server certainly lacks this transaction."""
        markers = [entry for entry in self.entries if entry.kind == "Provenance"]
        return all(find(self.exchange, entry) for entry in markers)

    def _look(self) -> dict[str, Found]:
        """Everything the server has of the entries."""
        found: dict[str, Found] = {}
        for entry in self.entries:
            before = self.known.get(entry.full_url)
            item = (find(self.exchange, entry, before.reference) if before else None) or find(self.exchange, entry)
            if item is not None:
                found[entry.full_url] = item
            else:
                self.known.pop(entry.full_url, None)
        return found

    def _request(self, entry: Entry) -> Json:
        """The entry as given; as an update with ifMatch where its place is known."""
        place = self._place(entry)
        if place is None:
            return {"fullUrl": entry.full_url, "resource": entry.resource, "request": dict(entry.request)}
        resource = entry.resource | {"id": place.reference.partition("/")[2]}
        match = {"ifMatch": f'W/"{place.version}"'} if place.version else {}
        request = {"method": "PUT", "url": place.reference, **match}
        return {"fullUrl": entry.full_url, "resource": resource, "request": request}

    def _place(self, entry: Entry) -> Stored | None:
        if entry.retracts:
            found = find(self.exchange, entry)
            return _stored_as(entry, found) if found and self._retracted(entry, found) else None
        return self.known.get(entry.full_url) if entry.ours else None

    def _retracted(self, entry: Entry, found: Found) -> bool:
        """True when the Condition is still ours to withdraw; the server resolved its reference to the patient."""
        ours = {key: item for key, item in entry.resource.items() if key != "subject"}
        return untouched(found.resource, ours)

    def _retractable(self, found: Mapping[str, Found]) -> bool:
        return any(entry.retracts and self._retracted(entry, found[entry.full_url]) for entry in self.entries)

    def _stored(self, entry: Entry, answer: Mapping[str, Any]) -> Stored:
        response, resource = answer.get("response", {}), answer.get("resource") or {}
        reference, version = location(response.get("location"))
        if reference is None and "id" in resource:
            reference = f"{entry.kind}/{resource['id']}"
        version = etag_version(response.get("etag")) or version or resource.get("meta", {}).get("versionId")
        if reference is None and (found := find(self.exchange, entry)):
            reference, version = found.reference, found.version
        if reference is None:
            raise DeliveryRefusedError(
                f"FHIR server {self.exchange.base.host} did not say where it stored a {entry.kind}, nor can it "
                "be found; report this to its operator"
            )
        return entry.stored(reference, version)


def _stored_as(entry: Entry, found: Found) -> Stored:
    return entry.stored(found.reference, found.version)
