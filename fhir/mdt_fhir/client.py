"""Reading a patient's record from a FHIR R4 server: $everything, else searches per type, page by page.

Only GET requests. Follow-up pages are fetched from the same origin only, so that a token never travels elsewhere.
"""

from __future__ import annotations

import datetime
import email.utils
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from mdt_fhir.record import Record, parse, record_of
from oncology.errors import RecordError

ACCEPT = "application/fhir+json; fhirVersion=4.0"
RETRY_STATUS = (429, 502, 503, 504)
NOT_OFFERED = (400, 404, 405, 501)  # how servers say that they have no $everything
PAGE_SIZE = 200
SEARCHES: Mapping[str, Mapping[str, str]] = {
    "Condition": {},
    "Observation": {},
    "Procedure": {},
    "DiagnosticReport": {"_include": "DiagnosticReport:result"},
    "MedicationRequest": {"_include": "MedicationRequest:medication"},
    "MedicationStatement": {"_include": "MedicationStatement:medication"},
    "MedicationAdministration": {"_include": "MedicationAdministration:medication"},
    "ImagingStudy": {},
    "ServiceRequest": {},
    "BodyStructure": {},
}


@dataclass(frozen=True)
class ClientSettings:
    """How to talk to the server. The token is never shown."""

    token: str | None = field(default=None, repr=False)
    auth: httpx.Auth | None = field(default=None, repr=False)  # see auth.py; `token` is the plain case of it
    tls: ssl.SSLContext | bool = True  # see auth.client_tls
    timeout_s: float = 30.0
    retries: int = 4
    max_wait_s: float = 60.0  # a server that asks for more is told to be unavailable
    max_pages: int = 500
    everything: bool = True
    transport: httpx.BaseTransport | None = field(default=None, repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)


def fetch_record(base_url: str, patient_id: str, settings: ClientSettings | None = None) -> Record:
    """The record of one patient.

    Args:
        base_url: the server's FHIR base, e.g. https://ehr.example.org/fhir
        patient_id: the logical id of the Patient resource on that server.
    Raises:
        RecordError: not reachable, not allowed, no such patient, an answer that is no FHIR R4, or too many pages.
    """
    with FhirReader(base_url, settings or ClientSettings()) as reader:
        return record_of(reader.patient_resources(patient_id))


class FhirReader:
    """One connection to one server."""

    def __init__(self, base_url: str, settings: ClientSettings) -> None:
        self.base = httpx.URL(base_url.rstrip("/") + "/")
        if self.base.scheme not in ("http", "https") or not self.base.host:
            raise RecordError("FHIR base URL is no http(s) address; expected e.g. https://ehr.example.org/fhir")
        self.settings = settings
        headers = {"Accept": ACCEPT} | ({"Authorization": f"Bearer {settings.token}"} if settings.token else {})
        self.http = httpx.Client(
            headers=headers,
            auth=settings.auth,
            verify=settings.tls,
            timeout=settings.timeout_s,
            transport=settings.transport,
        )

    def __enter__(self) -> FhirReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def patient_resources(self, patient_id: str) -> list[Any]:
        """All resources of the patient's compartment that staging reads."""
        name = quote(patient_id, safe="")
        if self.settings.everything:
            url = self.base.join(f"Patient/{name}/$everything").copy_merge_params({"_count": PAGE_SIZE})
            response = self._send(url)
            if response.status_code not in NOT_OFFERED:
                return list(self._pages(response))
        patient = self._json(self._checked(self._send(self.base.join(f"Patient/{name}")), "Patient"))
        return [patient, *(item for kind in SEARCHES for item in self._search(kind, patient_id))]

    def _search(self, kind: str, patient_id: str) -> Iterator[Any]:
        """One type by patient; a server that does not know the type (404, 400) has none of it."""
        parameters = {"patient": patient_id, "_count": str(PAGE_SIZE), **SEARCHES[kind]}
        response = self._send(self.base.join(kind).copy_merge_params(parameters))
        if response.status_code in (400, 404) and kind != "Condition":
            return
        yield from self._pages(response)

    def _pages(self, response: httpx.Response) -> Iterator[Any]:
        """The resources of a searchset and of all pages after it."""
        seen: set[str] = set()
        for _ in range(self.settings.max_pages):
            page = self._json(self._checked(response, "search"))
            if not isinstance(page, dict) or page.get("resourceType") != "Bundle":
                raise RecordError("FHIR server answered a search with something that is no Bundle; check the base URL")
            yield from _resources(page)
            following = _next_link(page)
            if following is None:
                return
            if following in seen:
                raise RecordError("FHIR server's next link leads in a circle; report this to its operator")
            seen.add(following)
            response = self._send(self._same_origin(following))
        raise RecordError(f"FHIR server has more than {self.settings.max_pages} pages for one patient; raise max_pages")

    def _same_origin(self, link: str) -> httpx.URL:
        url = self.base.join(link)
        if (url.scheme, url.host, url.port) != (self.base.scheme, self.base.host, self.base.port):
            raise RecordError(
                f"FHIR server's next page lies on another origin ({url.host}); expected {self.base.host}; refused"
            )
        return url

    def _send(self, url: httpx.URL) -> httpx.Response:
        """GET with retries on 429, 502, 503, 504, time-outs and broken connections."""
        for attempt in range(self.settings.retries + 1):
            last = attempt == self.settings.retries
            try:
                response = self.http.get(url)
            except httpx.TransportError as error:
                if last:
                    what = f"FHIR server {self.base.host} did not answer ({type(error).__name__})"
                    raise RecordError(f"{what} in {attempt + 1} attempts; check address and network") from error
                self.settings.sleep(_pause(attempt))
                continue
            if response.status_code not in RETRY_STATUS or last:
                return response
            self.settings.sleep(self._wait(response, attempt))
        raise AssertionError("unreachable")

    def _wait(self, response: httpx.Response, attempt: int) -> float:
        asked = retry_after(response.headers.get("Retry-After"))
        if asked is not None and asked > self.settings.max_wait_s:
            raise RecordError(
                f"FHIR server asks to wait {asked:.0f} s (status {response.status_code}); try again later"
            )
        return _pause(attempt) if asked is None else asked

    def _checked(self, response: httpx.Response, what: str) -> httpx.Response:
        if response.is_success:
            return response
        advice = ADVICE.get(response.status_code, "see the server's log")
        message = f"FHIR server answered {response.status_code} to {what}{outcome_codes(response)}; {advice}"
        raise RecordError(message)

    def _json(self, response: httpx.Response) -> Any:
        return parse(response.content)


ADVICE: Mapping[int, str] = {
    401: "the token is missing, wrong or expired: get a new one",
    403: "this token may not read the record: ask for patient/*.read or system/*.read",
    404: "no such patient or endpoint: check the id and the base URL",
    410: "the patient was deleted on the server",
    429: "the server limits requests: try again later",
}


def retry_after(header: str | None, now: datetime.datetime | None = None) -> float | None:
    """Seconds that a Retry-After header asks for: a number, or an HTTP date; None when absent or unreadable."""
    if not header:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        moment = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    here = now or datetime.datetime.now(datetime.UTC)
    return max(0.0, (moment - here).total_seconds())


def _pause(attempt: int) -> float:
    return float(min(2**attempt, 16))


def _resources(bundle: Mapping[str, Any]) -> Iterator[Any]:
    """The matches and includes of a page; OperationOutcomes among them are remarks and are skipped."""
    for entry in bundle.get("entry", ()):
        resource = entry.get("resource") if isinstance(entry, Mapping) else None
        if isinstance(resource, Mapping) and resource.get("resourceType") != "OperationOutcome":
            yield resource


def _next_link(bundle: Mapping[str, Any]) -> str | None:
    for link in bundle.get("link", ()):
        if isinstance(link, Mapping) and link.get("relation") == "next" and isinstance(link.get("url"), str):
            return str(link["url"])
    return None


def outcome_codes(response: httpx.Response) -> str:
    """Severity and code of an OperationOutcome; its free text may name the patient and is left out."""
    try:
        body = response.json()
    except ValueError:
        return ""
    issues = body.get("issue", ()) if isinstance(body, dict) else ()
    codes = [f"{issue.get('severity')}: {issue.get('code')}" for issue in issues if isinstance(issue, Mapping)]
    return f" ({'; '.join(codes[:3])})" if codes else ""
