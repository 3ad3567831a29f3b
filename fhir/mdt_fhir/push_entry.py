"""The entries of a transaction Bundle as the push sees them: whose they are, what they rest on, how they compare."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any
from urllib.parse import unquote

from mdt_fhir.concept import Json
from mdt_fhir.naming import CASE_SYSTEM
from oncology.errors import DeliveryRefusedError

LOCATION = re.compile(r"([A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64})(?:/_history/([A-Za-z0-9.-]{1,64}))?$")
SEARCH_SYNTAX = re.compile(r"[|,$\\]")
RETRACTABLE = ("verificationStatus", "clinicalStatus")  # what a withdrawal changes in a Condition


@dataclass(frozen=True)
class Stored:
    """What the server holds of one entry: `reference` is Type/id there."""

    full_url: str
    reference: str
    version: str | None
    owned: bool  # ours, so that a later version has to reach it


@dataclass(frozen=True)
class Entry:
    """One entry of the Bundle; `token` (system|value) finds it on the server where `own_id` is not given."""

    full_url: str
    resource: Json = field(repr=False)
    own_id: str | None
    token: str | None = field(repr=False)
    request: Mapping[str, Any] = field(repr=False)

    @property
    def kind(self) -> str:
        """The resource type."""
        return str(self.resource["resourceType"])

    @property
    def ours(self) -> bool:
        """True for what only this software writes: a newer version overwrites it."""
        return self.kind != "Condition" and (self.token is None or self.token.startswith(f"{CASE_SYSTEM}|"))

    @property
    def owned(self) -> bool:
        """Like `ours`, without the Provenance, of which every delivery has its own."""
        return self.ours and self.kind != "Provenance"

    @property
    def retracts(self) -> bool:
        """True for a Condition that this software wrote and now withdraws."""
        status = self.resource.get("verificationStatus", {}).get("coding", [{}])[0].get("code")
        known = self.token is not None and self.token.startswith(f"{CASE_SYSTEM}|")
        return self.kind == "Condition" and known and status == "entered-in-error"

    def stored(self, reference: str, version: str | None) -> Stored:
        """What the server holds of this entry."""
        return Stored(self.full_url, reference, version, self.owned)


def read_entries(bundle: Mapping[str, Any]) -> tuple[Entry, ...]:
    """The entries of a transaction Bundle.

    Raises:
        DeliveryRefusedError: an entry is no create or update, or has nothing by which the server knows it again.
    """
    return tuple(_entry(place, item) for place, item in enumerate(bundle["entry"], start=1))


def _entry(place: int, item: Mapping[str, Any]) -> Entry:
    request = item["request"]
    path, _, query = request["url"].partition("?")
    own_id = path.partition("/")[2] or None
    token = unquote((request.get("ifNoneExist") or query).removeprefix("identifier=")) or None
    if request["method"] not in ("POST", "PUT") or not (own_id or token):
        raise DeliveryRefusedError(
            f"entry {place} of the bundle is a {request['method']} without identifier or id; "
            "expected PUT, or POST with ifNoneExist; build the bundle anew"
        )
    if own_id is None and token is not None and SEARCH_SYNTAX.search(token.partition("|")[2]):
        raise DeliveryRefusedError(
            f"entry {place} of the bundle ({item['resource']['resourceType']}) has an identifier with one of | , $ \\, "
            "which servers' searches read differently, so that it might be doubled; give a literal reference "
            "to the server's resource instead"
        )
    return Entry(item["fullUrl"], item["resource"], own_id, token if own_id is None else _own_token(item), request)


def _own_token(item: Mapping[str, Any]) -> str | None:
    """system|value of the first identifier of a resource that is stored by id."""
    first = next(iter(item["resource"].get("identifier", ())), None)
    return f"{first['system']}|{first['value']}" if first else None


def in_dependency_order(entries: Sequence[Entry]) -> list[Entry]:
    """The entries such that each comes after all it refers to; otherwise in the Bundle's order.

    Raises:
        DeliveryRefusedError: entries refer to one another in a circle.
    """
    by_url = {entry.full_url: entry for entry in entries}
    graph = {url: [target for target in targets(entry.resource) if target in by_url] for url, entry in by_url.items()}
    try:
        return [by_url[url] for url in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        raise DeliveryRefusedError(
            "entries of the bundle refer to one another in a circle, so that they cannot be sent one by one; "
            "send this bundle as one transaction"
        ) from error


def targets(value: Any) -> Iterator[str]:
    """Every literal reference inside a resource."""
    if isinstance(value, Mapping):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        value = tuple(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from targets(item)


def rewritten(value: Any, places: Mapping[str, str]) -> Any:
    """A resource whose references by fullUrl are replaced by what the server calls their targets."""
    if isinstance(value, Mapping):
        return {
            key: places.get(item, item) if key == "reference" and isinstance(item, str) else rewritten(item, places)
            for key, item in value.items()
        }
    return [rewritten(item, places) for item in value] if isinstance(value, list) else value


def covers(theirs: Any, ours: Any, name: str = "") -> bool:
    """True when the server's resource says everything that ours says; what it adds does not matter."""
    if isinstance(ours, Mapping):
        return isinstance(theirs, Mapping) and all(
            covers(theirs.get(key), item, key) for key, item in ours.items() if (name, key) != ("", "id")
        )
    if isinstance(ours, list):
        if not isinstance(theirs, list):
            return False
        if name in ("profile", "tag"):
            return all(any(covers(item, wanted) for item in theirs) for wanted in ours)
        return len(theirs) == len(ours) and all(
            covers(left, right, "-") for left, right in zip(theirs, ours, strict=True)
        )
    if name == "reference" and isinstance(theirs, str):
        return theirs == ours or location(theirs)[0] == ours
    return bool(theirs == ours)


def untouched(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> bool:
    """True when a Condition on the server is still as this software wrote it before withdrawing it."""
    status = [item.get("code") for item in theirs.get("verificationStatus", {}).get("coding", ())]
    return status == ["provisional"] and covers(theirs, {k: v for k, v in ours.items() if k not in RETRACTABLE})


def location(text: str | None) -> tuple[str | None, str | None]:
    """(Type/id, version) of a Location header, a response's location or a reference."""
    found = LOCATION.search(text or "")
    return (found.group(1), found.group(2)) if found else (None, None)


def etag_version(etag: str | None) -> str | None:
    """The version id inside W/"...", or None."""
    found = re.fullmatch(r'(?:W/)?"(.+)"', (etag or "").strip())
    return found.group(1) if found else None


def left_behind(entries: Iterable[Entry], known: Iterable[Stored]) -> list[Stored]:
    """What an earlier version wrote and this bundle would leave as it is."""
    here = {entry.full_url for entry in entries}
    return [item for item in known if item.owned and item.full_url not in here]
