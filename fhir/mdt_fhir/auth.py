"""How this software shows a FHIR server who it is: bearer token, SMART Backend Services, client certificate.

Source: SMART App Launch 2.2 (backend-services, client-confidential-asymmetric), RFC 7523.
"""

from __future__ import annotations

import secrets
import ssl
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import httpx
import jwt

from mdt_fhir.auth_keys import KeyRing, SigningKey
from oncology.errors import DeliveryDelayedError, DeliveryRefusedError, InputError

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_S = 240  # at most five minutes by the standard; clocks differ
LEEWAY_S = 15.0  # a token is renewed this long before it ends
WRONG_KEY = (400, 401)  # how token endpoints say invalid_client
UNAVAILABLE = (408, 429, 500, 502, 503, 504)

Flow = Generator[httpx.Request, httpx.Response, None]


class BearerToken(httpx.Auth):
    """A token that somebody else renews: read again when the server refuses it."""

    def __init__(self, read: Callable[[], str]) -> None:
        self.read = read

    def auth_flow(self, request: httpx.Request) -> Flow:
        """The request with the token; once more when a newer token is there."""
        token = self.read()
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == 401 and (newer := self.read()) != token:
            request.headers["Authorization"] = f"Bearer {newer}"
            yield request


@dataclass(frozen=True)
class BackendClient:
    """What the server's administrator registered: client id and scopes; `token_url` None: asked of the server."""

    client_id: str
    base_url: str
    token_url: str | None = None
    scope: str = "system/*.rs system/*.cud"


class BackendServices(httpx.Auth):
    """OAuth2 client credentials with a signed JWT. The token is kept until it ends or the server refuses it."""

    requires_response_body = True

    def __init__(self, client: BackendClient, keys: KeyRing, now: Callable[[], float] = time.time) -> None:
        self.client = client
        self.keys = keys
        self.now = now
        self._token = ""
        self._ends = 0.0
        self._token_url = client.token_url

    def __repr__(self) -> str:
        return f"BackendServices(client_id={self.client.client_id!r})"

    def auth_flow(self, request: httpx.Request) -> Flow:
        """The request with a token; once more with a new one when the server answers 401."""
        if self.now() >= self._ends:
            yield from self._renew(request)
        request.headers["Authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == 401:
            yield from self._renew(request)
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _renew(self, request: httpx.Request) -> Flow:
        """Ask for a token, with one key after the other while the server does not know them."""
        if self._token_url is None:
            self._token_url = yield from self._discover(request)
        keys = self.keys.in_signing_order(self.now())
        if not keys:
            raise InputError("there is no signing key in the key folder; make one and publish its JWKS")
        for key in keys:
            form = self._form(key, self._token_url)
            extensions = request.extensions  # the caller's time-outs
            response = yield httpx.Request("POST", self._token_url, data=form, extensions=extensions)
            if response.is_success:
                return self._keep(response)
            if response.status_code not in WRONG_KEY:
                break
        raise _refusal(response)

    def _discover(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, str]:
        url = f"{self.client.base_url.rstrip('/')}/.well-known/smart-configuration"
        response = yield httpx.Request("GET", url, extensions=request.extensions)
        found = _field(response, "token_endpoint") if response.is_success else None
        if found is None:
            raise DeliveryRefusedError(
                f"FHIR server {httpx.URL(url).host} does not say where its token endpoint is (status "
                f"{response.status_code}); expected .well-known/smart-configuration; set the token address"
            )
        return found

    def _form(self, key: SigningKey, audience: str) -> dict[str, str]:
        claims = {
            "iss": self.client.client_id,
            "sub": self.client.client_id,
            "aud": audience,
            "exp": int(self.now()) + ASSERTION_S,
            "jti": secrets.token_urlsafe(24),
        }
        assertion = jwt.encode(claims, key.private, algorithm=key.algorithm, headers={"kid": key.kid, "typ": "JWT"})
        return {
            "grant_type": "client_credentials",
            "scope": self.client.scope,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }

    def _keep(self, response: httpx.Response) -> None:
        token = _field(response, "access_token")
        if token is None:
            raise DeliveryRefusedError(
                "the token endpoint answered without an access token; report this to its operator"
            )
        self._token = token
        self._ends = self.now() + float(response.json().get("expires_in", 300)) - LEEWAY_S


def _refusal(response: httpx.Response) -> DeliveryRefusedError | DeliveryDelayedError:
    code = _field(response, "error") or "no reason given"
    if response.status_code in UNAVAILABLE:
        return DeliveryDelayedError(f"the token endpoint answered {response.status_code}; it will be asked again")
    return DeliveryRefusedError(
        f"the token endpoint answered {response.status_code} ({code[:40]}); check client id, scopes "
        "and that the server reads this client's newest JWKS"
    )


def _field(response: httpx.Response, name: str) -> str | None:
    try:
        found = response.json().get(name)
    except (ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None


def client_tls(certificate: Path | None = None, key: Path | None = None, ca: Path | None = None) -> ssl.SSLContext:
    """TLS with a client certificate (PEM), a hospital's own certificate authority, or both.

    Raises:
        InputError: a file cannot be read, or key and certificate do not belong together.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise InputError(
            f"the client certificate, its key or the CA cannot be used ({type(error).__name__}: {error.strerror}); "
            "expected PEM files that belong together"
        ) from error
    return context
