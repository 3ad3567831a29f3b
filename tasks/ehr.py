"""The connection to the EHR's FHIR server as the settings describe it."""

from __future__ import annotations

import ssl
from functools import partial

import httpx

from mdt_fhir.auth import BackendClient, BackendServices, BearerToken, client_tls
from mdt_fhir.auth_keys import KeyRing
from mdt_fhir.client import ClientSettings
from mdt_fhir.push_http import PushMode, PushSettings
from oncology.errors import InputError
from tasks.settings import Settings, settings


def ehr_keys() -> KeyRing:
    """The signing keys of this installation."""
    return KeyRing(settings().ehr_keys or settings().home / "keys")


def ehr_push_settings() -> PushSettings:
    """How results are written to the EHR.

    Raises:
        InputError: a setting has no meaning.
    """
    chosen = settings()
    try:
        mode = PushMode(chosen.ehr_push)
    except ValueError as error:
        raise InputError(f"AIMDT_EHR_PUSH names no way to push; expected one of {', '.join(PushMode)}") from error
    return PushSettings(mode=mode, auth=ehr_auth(), tls=ehr_tls(), timeout_s=chosen.fhir_timeout_seconds)


def record_settings(base_url: str) -> ClientSettings:
    """How a record is read from a server: with the credentials of the EHR when it is the EHR, else the token alone."""
    chosen = settings()
    is_ehr = not chosen.ehr_url or _origin(base_url) == _origin(chosen.ehr_url)
    auth = ehr_auth(base_url) if is_ehr else _bearer(chosen)
    return ClientSettings(auth=auth, tls=ehr_tls(), timeout_s=chosen.fhir_timeout_seconds)


def ehr_auth(base_url: str | None = None) -> httpx.Auth | None:
    """SMART Backend Services where a client is registered, else the bearer token, else nothing."""
    chosen = settings()
    if chosen.ehr_client_id:
        client = BackendClient(chosen.ehr_client_id, base_url or ehr_url(), chosen.ehr_token_url, chosen.ehr_scope)
        return BackendServices(client, ehr_keys())
    return _bearer(chosen)


def _origin(url: str) -> tuple[str, str, int | None]:
    found = httpx.URL(url)
    return found.scheme, found.host, found.port


def _bearer(chosen: Settings) -> httpx.Auth | None:
    return BearerToken(partial(_token, chosen)) if chosen.fhir_token else None


def ehr_tls() -> ssl.SSLContext | bool:
    """Mutual TLS and the hospital's own CA, where they are set."""
    chosen = settings()
    if chosen.ehr_certificate or chosen.ehr_ca:
        return client_tls(chosen.ehr_certificate, chosen.ehr_certificate_key, chosen.ehr_ca)
    return True


def ehr_url() -> str:
    """The FHIR base to which results are sent.

    Raises:
        InputError: none is set.
    """
    if not settings().ehr_url:
        raise InputError("there is no EHR to send results to; set AIMDT_EHR_URL to its FHIR base")
    return str(settings().ehr_url)


def _token(chosen: Settings) -> str:
    return chosen.fhir_token.get_secret_value() if chosen.fhir_token else ""


def longest_request_s() -> float:
    """No single request waits longer for its answer; a worker's lease has to outlast it."""
    return settings().fhir_timeout_seconds
