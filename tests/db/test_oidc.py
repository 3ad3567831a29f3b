"""Signers proven by ID tokens of a real provider on this machine; everything that is not in order is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from sqlmodel import Session

import oidc_provider as sign_on
from db import audit, oidc
from db.accounts import CHAIN, Person, Role
from db.oidc import OpenIdConnect, Provider
from db.store import Store
from oidc_provider import AUDIENCE, REVIEWERS, SIGNERS, OidcProvider
from oncology.errors import AccessError, InputError

ACCOUNT = "248289761001"


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    with sign_on.oidc_provider() as found:
        yield found


def ours(provider: OidcProvider, **more: Any) -> Provider:
    roles = {SIGNERS: Role.SIGNER, REVIEWERS: Role.REVIEWER}
    return Provider(provider.issuer, AUDIENCE, roles, **{"identifier": "http://hl7.org/fhir/sid/us-npi|npi"} | more)


@pytest.fixture
def proof(store: Store, provider: OidcProvider) -> OpenIdConnect:
    return OpenIdConnect(store, ours(provider))


def events(store: Store) -> list[tuple[str, str]]:
    with Session(store.engine) as session:
        return [(event.actor, event.action) for event in audit.chain(session, CHAIN)]


def test_a_token_proves_the_person_with_role_and_identifier(proof: OpenIdConnect, provider: OidcProvider) -> None:
    person = proof.authenticate(ACCOUNT, provider.token() + "\n")
    identifier = "http://hl7.org/fhir/sid/us-npi|1234567893"
    assert person == Person(ACCOUNT, Role.SIGNER, "Lovelace", "Ada", identifier)
    assert events(proof.store) == [(ACCOUNT, "authenticated")]


@pytest.mark.parametrize("groups", [[REVIEWERS], REVIEWERS, f"staff {REVIEWERS}"])
def test_groups_become_roles_as_list_or_as_text(proof: OpenIdConnect, provider: OidcProvider, groups: Any) -> None:
    assert proof.authenticate(ACCOUNT, provider.token(groups=groups)).role is Role.REVIEWER


def test_another_claim_may_be_the_account(store: Store, provider: OidcProvider) -> None:
    proof = OpenIdConnect(store, ours(provider, account_claim="preferred_username"))
    assert proof.authenticate("ada", provider.token()).account == "ada"


NOW = int(time.time())
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"iat": NOW - 900, "exp": NOW - 600}, "expired"),
    "old though not expired": ({"iat": NOW - 9000, "exp": NOW + 9000}, "older than 60 minutes"),
    "from the future": ({"iat": NOW + 600}, "not valid yet"),
    "not valid yet": ({"nbf": NOW + 600}, "not valid yet"),
    "for another application": ({"aud": "another"}, "another application"),
    "for several, made for another": ({"aud": [AUDIENCE, "x"], "azp": "x"}, "another application"),
    "for several, made for nobody": ({"aud": [AUDIENCE, "x"]}, "another application"),
    "of another provider": ({"iss": "https://elsewhere.example"}, "another provider"),
    "without end": ({"exp": None}, "claim is missing"),
    "without subject": ({"sub": None}, "claim is missing"),
    "of somebody without role": ({"groups": ["staff"]}, "no group"),
    "of somebody without groups": ({"groups": None}, "no group"),
    "of another account": ({"sub": "somebody-else"}, "another account"),
    "with an account that is none": ({"sub": "a\nb"}, "no account name"),
    "with an account too long to keep": ({"sub": "a" * 65}, "no account name"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_token_that_is_not_in_order_is_refused(proof: OpenIdConnect, provider: OidcProvider, name: str) -> None:
    changes, words = REFUSED[name]
    with pytest.raises(AccessError, match=words) as refused:
        proof.authenticate(ACCOUNT, provider.token(**changes))
    assert "Lovelace" not in str(refused.value)
    assert events(proof.store) == [("unknown", "authentication-failed")]


def forged(provider: OidcProvider, how: str) -> str:
    if how == "unsigned":
        return jwt.encode(provider.claims(), None, "none", {"kid": "one"})
    if how == "public key as shared secret":  # the classic confusion of algorithms
        header, content = provider.token().split(".")[:2]
        head = jwt.utils.base64url_encode(b'{"alg":"HS256","kid":"one","typ":"JWT"}').decode()
        signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
        signed = signature.sign(f"{head}.{content}".encode(), provider.public_pem())
        return f"{head}.{content}.{jwt.utils.base64url_encode(signed).decode()}"
    if how == "changed after signing":
        header, _, signature_ = provider.token().split(".")
        return ".".join((header, jwt.encode(provider.claims(sub="x"), "k" * 32).split(".")[1], signature_))
    other = OidcProvider(provider.issuer)
    other.add_key("one")
    return other.token() if how == "key of somebody else" else "no token at all"


@pytest.mark.parametrize(
    "how",
    ["unsigned", "public key as shared secret", "changed after signing", "key of somebody else", "no token"],
)
def test_a_forged_token_is_refused(proof: OpenIdConnect, provider: OidcProvider, how: str) -> None:
    with pytest.raises(AccessError, match="not accepted"):
        proof.authenticate(ACCOUNT, forged(provider, how))


def test_a_new_key_of_the_provider_is_fetched_and_an_old_one_no_longer_counts(
    proof: OpenIdConnect, provider: OidcProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = provider.token()
    proof.authenticate(ACCOUNT, old)
    provider.add_key("two")
    del provider.keys["one"]
    monkeypatch.setattr(oidc, "ASK_AGAIN_S", 0.0)
    assert proof.authenticate(ACCOUNT, provider.token("two")).account == ACCOUNT
    with pytest.raises(AccessError, match="does not publish"):
        proof.authenticate(ACCOUNT, old)


def test_made_up_key_ids_do_not_flood_the_provider(proof: OpenIdConnect, provider: OidcProvider) -> None:
    for number in range(5):
        stranger = OidcProvider(provider.issuer)
        stranger.add_key(f"made up {number}")
        with pytest.raises(AccessError, match="does not publish"):
            proof.authenticate(ACCOUNT, stranger.token(f"made up {number}"))
    assert provider.asked == 2  # discovery and keys, once


def test_a_provider_that_is_not_there_proves_nobody(store: Store) -> None:
    with sign_on.oidc_provider() as provider:
        token = provider.token()
    with pytest.raises(AccessError, match="keys cannot be had"):
        OpenIdConnect(store, ours(provider)).authenticate(ACCOUNT, token)


@pytest.mark.parametrize("issuer", ["http://provider.example", "provider.example", "ftp://127.0.0.1"])
def test_a_provider_without_tls_is_refused(issuer: str) -> None:
    with pytest.raises(InputError, match="https"):
        Provider(issuer, AUDIENCE, {SIGNERS: Role.SIGNER})
