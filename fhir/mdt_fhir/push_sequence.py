"""A Bundle sent resource by resource, each after everything it refers to.

Before each write the server is asked what it has: what is there already is left alone, what changed is updated with
If-Match, what is missing is created with If-None-Exist. So it does not matter where an earlier attempt ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

import httpx

from mdt_fhir.push_entry import Entry, Stored, covers, in_dependency_order, rewritten, untouched
from mdt_fhir.push_http import Exchange
from mdt_fhir.push_lookup import Found, find, stored_by


def push_sequence(exchange: Exchange, entries: Sequence[Entry], known: Mapping[str, Stored]) -> list[Stored]:
    """Send the entries one by one; returns what the server holds."""
    places: dict[str, str] = {}
    results = []
    for entry in in_dependency_order(entries):
        step = _EntryStep(exchange, entry, places, known.get(entry.full_url))
        result = step.settled(stale=True) or exchange.settle(step)
        places[entry.full_url] = result.reference
        results.append(result)
    return results


class _EntryStep:
    """One resource."""

    def __init__(self, exchange: Exchange, entry: Entry, places: Mapping[str, str], known: Stored | None) -> None:
        self.exchange = exchange
        self.entry = entry
        self.resource = rewritten(entry.resource, places)
        self.known = known
        self.current: Found | None = None

    def write(self) -> httpx.Response:
        kind = self.entry.kind
        if self.current is not None:
            match = f'W/"{self.current.version}"' if self.current.version else None
            body = self.resource | {"id": self.current.reference.partition("/")[2]}
            return self.exchange.write("PUT", self.current.reference, body, {"If-Match": match})
        if self.entry.own_id is not None:
            body = self.resource | {"id": self.entry.own_id}
            return self.exchange.write("PUT", f"{kind}/{self.entry.own_id}", body)
        system, _, value = (self.entry.token or "").partition("|")
        token = f"identifier={quote(system, safe='')}|{quote(value, safe='')}"
        return self.exchange.write("POST", kind, self.resource, {"If-None-Exist": token})

    def done(self, response: httpx.Response) -> Stored:
        return stored_by(self.exchange, self.entry, response)

    def settled(self, *, stale: bool) -> Stored | None:
        # one resource is always read anew, stale or not
        self.current = self._look()
        if self.current is None or self._needs_write(self.current):
            return None
        return self.entry.stored(self.current.reference, self.current.version)

    def _look(self) -> Found | None:
        """By the place known from before; when it is gone from there, by id or identifier."""
        if self.known is not None and (found := find(self.exchange, self.entry, self.known.reference)):
            return found
        return find(self.exchange, self.entry)

    def _needs_write(self, current: Found) -> bool:
        if self.entry.retracts:
            return untouched(current.resource, self.resource)
        return self.entry.ours and not covers(current.resource, self.resource)
