"""How reviewers and signers of this installation prove who they are: local accounts, or the hospital's own sign-on."""

from __future__ import annotations

from db.accounts import Authenticator, LocalAccounts, Role
from db.oidc import OpenIdConnect, Provider
from oncology.errors import InputError
from tasks.records import store
from tasks.settings import settings


def authenticator() -> Authenticator:
    """The one way in force. With a provider set, local passwords prove nobody: one name cannot mean two people.

    Raises:
        InputError: the settings of the provider are incomplete.
    """
    return OpenIdConnect(store(), oidc_provider()) if settings().oidc_issuer else LocalAccounts(store())


def oidc_provider() -> Provider:
    """The OpenID Connect provider as the settings describe it."""
    chosen = settings()
    groups = {chosen.oidc_reviewers: Role.REVIEWER, chosen.oidc_signers: Role.SIGNER}
    if not chosen.oidc_audience or not chosen.oidc_signers:
        raise InputError("AIMDT_OIDC_ISSUER needs AIMDT_OIDC_AUDIENCE (our client id) and AIMDT_OIDC_SIGNERS (a group)")
    return Provider(
        issuer=str(chosen.oidc_issuer),
        audience=chosen.oidc_audience,
        roles={group: role for group, role in groups.items() if group},
        account_claim=chosen.oidc_account_claim,
        role_claim=chosen.oidc_role_claim,
        identifier=chosen.oidc_identifier,
        authorities=chosen.oidc_ca,
    )


def secret_name() -> str:
    """What a person proves themselves with, in words."""
    return "ID token" if settings().oidc_issuer else "password"
