"""Credentials go to the server they were made for."""

from __future__ import annotations

from pathlib import Path

import pytest

from mdt_fhir.auth import BackendServices, BearerToken
from tasks.ehr import record_settings
from tasks.settings import settings


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://ehr.example.org/fhir", BackendServices),
        ("https://ehr.example.org:443/other", BackendServices),
        ("https://elsewhere.example.org/fhir", BearerToken),
        ("http://ehr.example.org/fhir", BearerToken),
    ],
)
def test_a_record_is_read_with_the_ehrs_own_credentials_from_the_ehr_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch, url: str, kind: type
) -> None:
    for name, value in {"URL": "https://ehr.example.org/fhir", "CLIENT_ID": "aimdt"}.items():
        monkeypatch.setenv(f"AIMDT_EHR_{name}", value)
    monkeypatch.setenv("AIMDT_FHIR_TOKEN", "token")
    settings.cache_clear()
    assert isinstance(record_settings(url).auth, kind)


def test_without_credentials_none_are_sent(home: Path) -> None:
    assert record_settings("https://ehr.example.org/fhir").auth is None
