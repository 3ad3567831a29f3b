"""Reviewers and signers proven by a hospital's OpenID Connect provider.

The person signs in there, by whatever the hospital asks for, and brings the ID token that the provider made out to this
installation. Its signature is checked with the keys that the provider publishes (JWKS), then who made it, for whom, and
when. The token says which account it is and which groups the person is in; groups become roles. No password is seen.
Source: OpenID Connect Core 1.0, sections 2 and 3.1.3.7; OpenID Connect Discovery 1.0, section 4.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jwt

from db import audit
from db.accounts import CHAIN, Person, Role
from db.store import Store
from oncology.errors import AccessError, InputError

# Signatures by a private key only: a shared secret, or none at all, would let others make tokens.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
REQUIRED = ("iss", "sub", "aud", "exp", "iat")
LEEWAY_S = 60.0  # clocks of two machines
OLDEST_S = 3600.0  # a signature needs a recent sign-in, however long the provider lets its tokens live
ASK_AGAIN_S = 10.0  # between looks for a new key: tokens with made-up key ids must not flood the provider
LONGEST_TOKEN, LONGEST_ACCOUNT = 16384, 64
LOCAL = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Provider:
    """The provider and what its tokens mean here.

    Attributes:
        issuer: its URL; /.well-known/openid-configuration below it tells where its keys are.
        audience: our client id.
        account_claim: becomes the account that signatures name. `sub` is never given to somebody else; of another claim
            the hospital has to make sure.
        roles: value of the role claim -> role; who has both is a signer.
        identifier: "SYSTEM|CLAIM" by which the EHR knows the person.
        authorities: PEM file with who may have signed the provider's certificate; the system's without it.
    """

    issuer: str
    audience: str
    roles: Mapping[str, Role]
    account_claim: str = "sub"
    role_claim: str = "groups"
    identifier: str | None = None
    authorities: Path | None = None
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        url = httpx.URL(self.issuer)
        if url.scheme != "https" and not (url.scheme == "http" and url.host in LOCAL):
            raise InputError("the OpenID Connect provider has no https address; expected https://host/path")
        if not self.audience or not self.roles:
            raise InputError("OpenID Connect needs the client id and at least one group that may sign or review")


@dataclass
class _Keys:
    """The provider's public keys, fetched when they are needed."""

    provider: Provider
    found: dict[str | None, jwt.PyJWK] = field(default_factory=dict)
    asked: float = float("-inf")

    def of(self, token: str) -> jwt.PyJWK:
        """The key that the token names; asked for anew when it is not known, since providers change their keys."""
        key_id = jwt.get_unverified_header(token).get("kid")
        if key_id not in self.found and time.monotonic() - self.asked > ASK_AGAIN_S:
            self.asked = time.monotonic()
            self.found = self._fetch()
        if key_id not in self.found:
            raise AccessError("the ID token is signed with a key that the provider does not publish; sign in again")
        return self.found[key_id]

    def _fetch(self) -> dict[str | None, jwt.PyJWK]:
        tls = ssl.create_default_context(cafile=self.provider.authorities)
        try:
            with httpx.Client(verify=tls, timeout=self.provider.timeout_s, trust_env=False) as web:
                about = _json(web, f"{self.provider.issuer.rstrip('/')}/.well-known/openid-configuration")
                if about.get("issuer") != self.provider.issuer:
                    raise AccessError("the OpenID Connect provider calls itself otherwise; check AIMDT_OIDC_ISSUER")
                keys = jwt.PyJWKSet.from_dict(_json(web, str(about.get("jwks_uri"))))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, jwt.PyJWTError) as error:
            raise AccessError(
                f"the OpenID Connect provider's keys cannot be had ({type(error).__name__}); check AIMDT_OIDC_ISSUER, "
                "AIMDT_OIDC_CA and the network"
            ) from error
        # A single key may go without an id, and so may the tokens that it signs.
        return {key.key_id: key for key in keys.keys if key.public_key_use in (None, "sig")}


class OpenIdConnect:
    """Proves people by ID tokens; an `Authenticator`."""

    def __init__(self, store: Store, provider: Provider) -> None:
        self.store = store
        self.provider = provider
        self._keys = _Keys(provider)

    def authenticate(self, account: str, secret: str) -> Person:
        """The person whom the provider signed in.

        Args:
            account: must be the one of the token.
            secret: the ID token.
        Raises:
            AccessError: the token is not the provider's, not for us, too old or another account's, or its person is in
                no group that may review or sign. The words say which, never what the token holds.
        """
        try:
            person = self._person(self._claims(secret.strip()))
            if person.account != account:
                raise AccessError("the ID token is of another account; give the account that signed in")
        except AccessError as error:
            self._note("unknown", "authentication-failed", {"reason": str(error).partition(";")[0]})
            raise
        self._note(person.account, "authenticated", {"by": self.provider.issuer, "role": person.role.value})
        return person

    def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > LONGEST_TOKEN:
            raise AccessError("what was given as ID token is too long to be one; sign in at the provider and copy it")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._keys.of(token),
                algorithms=list(ALGORITHMS),
                audience=self.provider.audience,
                issuer=self.provider.issuer,
                leeway=LEEWAY_S,
                options={"require": list(REQUIRED)},
            )
        except jwt.PyJWTError as error:
            raise AccessError(f"the ID token is not accepted: {_reason(error)}; sign in again") from error
        self._check_party(claims)
        if time.time() - float(claims["iat"]) > OLDEST_S + LEEWAY_S:
            raise AccessError(f"the ID token is not accepted: older than {OLDEST_S / 60:.0f} minutes; sign in again")
        return claims

    def _check_party(self, claims: Mapping[str, Any]) -> None:
        """A token for several audiences must say that it was made for us (azp)."""
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else self.provider.audience) != self.provider.audience:
            raise AccessError("the ID token is not accepted: made out to another application; sign in again")

    def _person(self, claims: Mapping[str, Any]) -> Person:
        account = claims.get(self.provider.account_claim)
        if not isinstance(account, str) or not account.isprintable() or not 0 < len(account) <= LONGEST_ACCOUNT:
            raise AccessError(
                f"the ID token's {self.provider.account_claim} is no account name; expected 1 to {LONGEST_ACCOUNT} "
                "printable characters; check AIMDT_OIDC_ACCOUNT_CLAIM"
            )
        family, given = (str(claims.get(name) or "") for name in ("family_name", "given_name"))
        return Person(
            account, self._role(claims), family or str(claims.get("name") or account), given, self._known(claims)
        )

    def _role(self, claims: Mapping[str, Any]) -> Role:
        told = claims.get(self.provider.role_claim)
        values = told if isinstance(told, list) else str(told or "").split()
        roles = {self.provider.roles[value] for value in values if value in self.provider.roles}
        if not roles:
            raise AccessError("the account is in no group that may review or sign; have its groups changed")
        return Role.SIGNER if Role.SIGNER in roles else Role.REVIEWER

    def _known(self, claims: Mapping[str, Any]) -> str | None:
        system, _, name = (self.provider.identifier or "").partition("|")
        return f"{system}|{claims[name]}" if system and claims.get(name) else None

    def _note(self, actor: str, action: str, detail: dict[str, Any]) -> None:
        with self.store.transaction() as session:
            audit.append(session, CHAIN, actor, action, detail)


def _json(web: httpx.Client, url: str) -> dict[str, Any]:
    found = web.get(url).raise_for_status().json()
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return found


def _reason(error: jwt.PyJWTError) -> str:
    """What is wrong with a token, without what it holds."""
    reasons: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
        (jwt.ExpiredSignatureError, "expired"),
        (jwt.ImmatureSignatureError, "not valid yet; check both clocks"),
        (jwt.InvalidAudienceError, "made out to another application"),
        (jwt.InvalidIssuerError, "made by another provider"),
        (jwt.InvalidSignatureError, "its signature is wrong"),
        (jwt.InvalidAlgorithmError, "signed in a way that is not allowed"),
        (jwt.MissingRequiredClaimError, "a claim is missing"),
    )
    return next((words for kind, words in reasons if isinstance(error, kind)), "no ID token")
