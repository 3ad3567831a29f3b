"""Requests that write to a FHIR server: retried with bounded pauses, and looked after when their end is unknown.

A write whose answer got lost may have arrived. So nothing is sent a second time before the server was asked.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeVar

import httpx

from mdt_fhir.client import ACCEPT, outcome_codes, retry_after
from mdt_fhir.concept import Json
from oncology.errors import DeliveryDelayedError, DeliveryRefusedError

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")
LONGEST_PAUSE_S = 16.0
BUSY = (429, 503)  # not taken, says the server
LOST = (408, 500, 502, 503, 504)  # somebody on the way answered; the write may have arrived all the same
CHANGED = (404, 409, 410, 412)  # the server's state is not what was assumed
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
ADVICE: Mapping[int, str] = {
    400: "the server takes no such bundle: push resource by resource, or see the server's log",
    401: "the credentials are refused: check client id, keys and scopes, then release the delivery",
    403: "these credentials may not write this: ask for system/*.write, then release the delivery",
    405: "the server lacks this operation: push resource by resource",
    412: "several resources have one identifier: merge them on the server, then release the delivery",
    413: "the bundle is too large for the server: push resource by resource",
    422: "the server's rules refuse the content: see its log, then release the delivery",
    501: "the server lacks this operation: push resource by resource",
}


class PushMode(StrEnum):
    """By one transaction, or resource by resource for servers that limit or lack transactions."""

    TRANSACTION = "transaction"
    SEQUENCE = "resource-by-resource"


@dataclass(frozen=True)
class PushSettings:
    """How to write to the server. Credentials are never shown."""

    mode: PushMode = PushMode.TRANSACTION
    auth: httpx.Auth | None = field(default=None, repr=False)
    tls: ssl.SSLContext | bool = True
    timeout_s: float = 30.0
    retries: int = 4
    pause_s: float = 1.0  # before the first retry; doubled with each, up to LONGEST_PAUSE_S
    max_wait_s: float = 60.0  # a server that asks for more gets its delivery later
    transport: httpx.BaseTransport | None = field(default=None, repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)


class Step(Protocol[T_co]):
    """One write, and how to see whether it arrived."""

    def write(self) -> httpx.Response:
        """Send it, by what is known of the server's state."""

    def done(self, response: httpx.Response) -> T_co | None:
        """What a good answer says; None when it says nothing, so that the server has to be asked."""

    def settled(self, *, stale: bool) -> T_co | None:
        """The result when the server holds it already, else None; with `stale`, learn the server's state anew."""


class Exchange:
    """One connection to one server. `beat` is called before every request and may end the delivery by raising."""

    def __init__(self, base_url: str, settings: PushSettings, beat: Callable[[], None]) -> None:
        self.base = httpx.URL(base_url.rstrip("/") + "/")
        if self.base.scheme not in ("http", "https") or not self.base.host:
            raise DeliveryRefusedError(
                "FHIR base URL is no http(s) address; expected e.g. https://ehr.example.org/fhir"
            )
        self.settings = settings
        self.beat = beat
        self.uncertain = False  # whether the end of any write of this delivery was unknown at some time
        self.http = httpx.Client(
            auth=settings.auth,
            verify=settings.tls,
            timeout=settings.timeout_s,
            transport=settings.transport,
            headers={"Accept": ACCEPT, "Prefer": "return=minimal"},
        )

    def close(self) -> None:
        """Close the connection."""
        self.http.close()

    def write(
        self, method: str, path: str, body: Any, headers: Mapping[str, str | None] | None = None
    ) -> httpx.Response:
        """One request with a FHIR body; headers without value are left out."""
        self.beat()
        extra = {name: value for name, value in (headers or {}).items() if value is not None}
        content_type = {"Content-Type": "application/fhir+json"}
        return self.http.request(method, self._url(path), json=body, headers=content_type | extra)

    def read(self, path: str, form: Mapping[str, str] | None = None) -> httpx.Response:
        """A GET, or a search by POST so that identifiers stay out of URLs and their logs; retried."""
        for attempt in range(self.settings.retries + 1):
            last = attempt == self.settings.retries
            self.beat()
            try:
                response = self.http.request("POST" if form else "GET", self._url(path), data=form)
            except httpx.TransportError as error:
                self._pause(None, attempt, type(error).__name__, last=last)
                continue
            if response.status_code not in (*LOST, *BUSY):
                return response
            self._pause(response, attempt, str(response.status_code), last=last)
        raise AssertionError("unreachable")

    def settle(self, step: Step[T]) -> T:
        """Write until it is known to have arrived.

        Raises:
            DeliveryRefusedError: the server will not take it.
            DeliveryDelayedError: the server did not take it in all attempts, or asks to wait longer.
        """
        for attempt in range(self.settings.retries + 1):
            response, reason = self._attempt(step)
            silent = response is not None and response.is_success
            if response is not None and silent and (result := step.done(response)) is not None:
                return result
            if response is not None and not silent and response.status_code not in (*BUSY, *LOST, *CHANGED):
                raise self.refused(response)
            self._pause(response, attempt, reason, last=attempt == self.settings.retries)
            stale = silent or (response is not None and response.status_code in CHANGED)
            if (found := step.settled(stale=stale)) is not None:
                return found
        raise AssertionError("unreachable")

    def _attempt(self, step: Step[Any]) -> tuple[httpx.Response | None, str]:
        try:
            response = step.write()
        except httpx.TransportError as error:
            self.uncertain |= not isinstance(error, NEVER_SENT)
            return None, type(error).__name__
        self.uncertain |= response.status_code in LOST
        return response, str(response.status_code)

    def _pause(self, response: httpx.Response | None, attempt: int, reason: str, *, last: bool) -> None:
        """Wait as long as the server asks, else twice as long as before; give up for now when that is too long."""
        asked = retry_after(response.headers.get("Retry-After")) if response is not None else None
        if last or (asked or 0) > self.settings.max_wait_s:
            what = f"FHIR server {self.base.host} did not take the result in {attempt + 1} attempts (last: {reason})"
            advice = "it will be sent again; check address, network and the server's load"
            raise DeliveryDelayedError(f"{what}; {advice}", after_s=asked, uncertain=self.uncertain)
        pause = min(self.settings.pause_s * 2**attempt, LONGEST_PAUSE_S)
        self.settings.sleep(pause if asked is None else asked)

    def refused(self, response: httpx.Response) -> DeliveryRefusedError:
        """Why the server does not take it: status and codes, never its free text, which may name the patient."""
        advice = ADVICE.get(response.status_code, "see the server's log, then release the delivery")
        codes = outcome_codes(response)
        return DeliveryRefusedError(f"FHIR server {self.base.host} answered {response.status_code}{codes}; {advice}")

    @staticmethod
    def body(response: httpx.Response) -> Json:
        """The answer's JSON object; empty when there is none."""
        try:
            found = response.json()
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _url(self, path: str) -> httpx.URL:
        return self.base.join(path) if path else httpx.URL(str(self.base).rstrip("/"))
