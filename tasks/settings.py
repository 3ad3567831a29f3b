"""The one place of settings: environment variables AIMDT_*, printable by `aimdt doctor`."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where things are kept and how other systems are reached."""

    model_config = SettingsConfigDict(env_prefix="AIMDT_", extra="ignore", protected_namespaces=())

    home: Path = Path(".aimdt")  # cases, records, the pseudonym key, Prefect's own database
    database_url: str | None = None  # default: SQLite inside home
    password_file: Path | None = None  # first line: password or ID token of --account; else asked for
    models: str = "all"  # ids of the models that may be used, by commas; all; or none: rules alone
    model_use: str = "research"  # or clinical, commercial: models whose licence forbids it are not used
    organization: str = "AI-MDT research site"  # who answers for the results, as the EHR shows it
    fhir_token: SecretStr | None = None  # bearer token of the EHR's FHIR server
    fhir_timeout_seconds: float = 30.0
    ehr_url: str | None = None  # FHIR base to which results are sent
    ehr_push: str = "transaction"  # or resource-by-resource, for servers that limit transactions
    ehr_client_id: str | None = None  # SMART Backend Services: what the EHR's administrator registered
    ehr_keys: Path | None = None  # folder with the signing keys; default: keys/ inside home
    ehr_token_url: str | None = None  # default: asked of the server
    ehr_scope: str = "system/*.rs system/*.cud"
    ehr_certificate: Path | None = None  # mutual TLS: client certificate and key, PEM
    ehr_certificate_key: Path | None = None
    ehr_ca: Path | None = None  # the hospital's own certificate authority, PEM
    pacs_url: str | None = None  # DICOMweb root to which signed objects are sent; or, instead of it:
    pacs_peer: str | None = None  # TITLE@HOST:PORT, to which they are sent by C-STORE
    pacs_title: str = "AIMDT"  # our AE title towards it
    pacs_certificate: Path | None = None  # TLS towards the archive: our certificate and key, PEM
    pacs_certificate_key: Path | None = None
    pacs_ca: Path | None = None  # who may have signed the archive's certificate, PEM
    segmentation: str = "binary"  # of signed results; or labelmap, which many archives take by DICOMweb only
    dicomweb_token: SecretStr | None = None  # bearer token of the archive: priors from it, results to it
    oidc_issuer: str | None = None  # OpenID Connect provider that proves reviewers and signers, in place of passwords
    oidc_audience: str | None = None  # what its ID tokens must be made out to: our client id
    oidc_account_claim: str = "sub"  # becomes the account; another claim only if it is never given to somebody else
    oidc_role_claim: str = "groups"
    oidc_reviewers: str | None = None  # value of the role claim that makes a reviewer
    oidc_signers: str | None = None  # value of the role claim that makes a signer
    oidc_identifier: str | None = None  # SYSTEM|CLAIM: by which the EHR knows the person, e.g. an NPI
    oidc_ca: Path | None = None  # who may have signed the provider's certificate, PEM

    @property
    def model_ids(self) -> frozenset[str] | None:
        """Ids of the models that may be used; None for all there are."""
        said = frozenset(name.strip() for name in self.models.split(",") if name.strip())
        return None if said <= {"all"} else said - {"none"}

    @property
    def records_url(self) -> str:
        """URL of the database with the clinical records."""
        return self.database_url or f"sqlite:///{self.home.resolve() / 'records.db'}"


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process; the home folder is made on first use, for its owner only."""
    found = Settings()
    found.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    return found


def prefect_environment(home: Path) -> dict[str, str]:
    """Environment that Prefect needs before it is imported; what the user set already stays, but for one thing.

    Results always lie inside each case's folder: there they are checked against the files they stand for, and erasing
    a case erases them. Telemetry is off.
    """
    wanted = {
        "PREFECT_HOME": str(home.resolve() / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_CLI_PROMPT": "false",
    }
    kept = {name: os.environ.get(name, value) for name, value in wanted.items()}
    return kept | {"PREFECT_LOCAL_STORAGE_PATH": str(home.resolve() / "cases")}
