"""Who we are, shown to a real server: signed tokens with rotating keys, bearer tokens, client certificates."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from fhir_process import FhirServer, fhir_process

from mdt_fhir.auth import BackendClient, BackendServices, BearerToken, client_tls
from mdt_fhir.auth_keys import SETTLE_S, KeyRing
from mdt_fhir.client import ClientSettings, FhirReader
from mdt_fhir.push import push
from mdt_fhir.push_http import PushMode, PushSettings
from oncology.errors import DeliveryDelayedError, DeliveryRefusedError, InputError

LONG_AGO = time.time() - 10 * SETTLE_S
ORGANIZATION = {
    "resourceType": "Organization",
    "name": "Example Hospital",
    "identifier": [{"system": "http://hospital.example/org", "value": "radiology"}],
}
BUNDLE = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": [
        {
            "fullUrl": "urn:uuid:7a5bd7ca-c28c-55bc-bf9d-d94627384692",
            "resource": ORGANIZATION,
            "request": {
                "method": "POST",
                "url": "Organization",
                "ifNoneExist": "identifier=http%3A%2F%2Fhospital.example%2Forg|radiology",
            },
        }
    ],
}


class Published:
    """Where a client publishes its JWKS."""

    def __init__(self) -> None:
        self.ring = KeyRing(Path())
        self.url = ""


@pytest.fixture(scope="session")
def publisher() -> Iterator[Published]:
    found = Published()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            raw = json.dumps(found.ring.jwks()).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_address[1]}/jwks.json"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def published(publisher: Published, tmp_path: Path) -> Published:
    """The JWKS of a key ring that is still empty."""
    publisher.ring = KeyRing(tmp_path / "keys")
    return publisher


@pytest.fixture(scope="session")
def guarded_server(publisher: Published) -> Iterator[FhirServer]:
    with fhir_process("--jwks", publisher.url, "--uses", "3") as server:
        yield server


@pytest.fixture
def guarded(guarded_server: FhirServer) -> FhirServer:
    """A server that wants a token by signed assertion, holds nothing and knows no key yet.

    A token is good for three requests.
    """
    guarded_server.clear()
    return guarded_server


def backend(server: FhirServer, ring: KeyRing) -> BackendServices:
    return BackendServices(BackendClient("aimdt", server.base), ring)


def send(server: FhirServer, auth: httpx.Auth | None, mode: PushMode = PushMode.SEQUENCE) -> None:
    push(BUNDLE, server.base, PushSettings(mode=mode, auth=auth, timeout_s=10, pause_s=0.01))


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_a_signed_assertion_gets_a_token_and_a_worn_out_token_is_renewed(
    published: Published, guarded: FhirServer, algorithm: str
) -> None:
    published.ring.add(algorithm)
    auth = backend(guarded, published.ring)
    for _ in range(3):  # six requests, three to a token
        send(guarded, auth)
    assert len(guarded.resources()) == 1


def test_reading_uses_the_same_credentials(published: Published, guarded: FhirServer) -> None:
    published.ring.add()
    with FhirReader(guarded.base, ClientSettings(auth=backend(guarded, published.ring))) as reader:
        assert reader._send(reader.base.join("Patient")).status_code == 200


def test_a_key_that_the_server_does_not_know_yet_waits_while_the_old_one_signs(
    published: Published, guarded: FhirServer
) -> None:
    old = published.ring.add(created=LONG_AGO)
    send(guarded, backend(guarded, published.ring))  # the server reads the JWKS now and keeps it
    new = published.ring.add()
    send(guarded, backend(guarded, published.ring))
    now = time.time()
    assert [key.kid for key in published.ring.in_signing_order(now)] == [old.kid, new.kid]
    assert [key.kid for key in published.ring.in_signing_order(now + SETTLE_S + 1)] == [new.kid, old.kid]


def test_a_server_that_missed_the_rotation_is_served_with_the_older_key(
    published: Published, guarded: FhirServer
) -> None:
    published.ring.add(created=LONG_AGO)
    send(guarded, backend(guarded, published.ring))
    published.ring.add(created=LONG_AGO + SETTLE_S)  # signs already, but this server has not read the JWKS again
    send(guarded, backend(guarded, published.ring))
    assert len(guarded.resources()) == 1


def test_after_rotation_the_retired_key_opens_nothing(
    published: Published, guarded: FhirServer, tmp_path: Path
) -> None:
    old = published.ring.add(created=LONG_AGO)
    stolen = KeyRing(tmp_path / "stolen")
    stolen.folder.mkdir()
    for path in published.ring.folder.iterdir():
        (stolen.folder / path.name).write_bytes(path.read_bytes())
    published.ring.add(created=LONG_AGO + 1)
    published.ring.retire(old.kid)
    send(guarded, backend(guarded, published.ring))
    with pytest.raises(DeliveryRefusedError, match=r"answered 401 \(invalid_client\)"):
        send(guarded, backend(guarded, stolen))


@pytest.mark.parametrize("mode", list(PushMode))
def test_no_token_is_refused_with_advice(published: Published, guarded: FhirServer, mode: PushMode) -> None:
    published.ring.add()
    with pytest.raises(DeliveryRefusedError, match=r"answered 401.*credentials"):
        send(guarded, None, mode)


def test_keys_are_private_and_named_by_their_thumbprint(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "keys")
    key = ring.add()
    (path,) = ring.folder.iterdir()
    assert path.stat().st_mode & 0o077 == 0
    assert [item.kid for item in ring.in_signing_order(0)] == [key.kid]
    assert "d" not in ring.jwks()["keys"][0]
    assert "private" not in repr(key)


def test_a_thumbprint_is_the_one_of_rfc_7638(tmp_path: Path) -> None:
    # section 3: SHA-256 over the required members of the public key, in lexicographic order, without white space
    key = KeyRing(tmp_path / "keys").add("RS384")
    public = key.jwk
    canonical = f'{{"e":"{public["e"]}","kty":"RSA","n":"{public["n"]}"}}'
    digest = hashes.Hash(hashes.SHA256())
    digest.update(canonical.encode())
    padded = key.kid + "=" * (-len(key.kid) % 4)
    assert digest.finalize() == base64.urlsafe_b64decode(padded)


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "1-x.pem").write_bytes(content)
    with pytest.raises(InputError, match=r"1-x\.pem cannot be read"):
        KeyRing(tmp_path).keys()


def test_a_key_that_servers_need_not_know_is_refused(tmp_path: Path) -> None:
    (tmp_path / "1-x.pem").write_bytes(pem(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(InputError, match="neither RSA nor EC P-384"):
        KeyRing(tmp_path).keys()


def test_no_key_at_all_is_said(published: Published, guarded: FhirServer) -> None:
    with pytest.raises(InputError, match="no signing key"):
        send(guarded, backend(guarded, published.ring))


def test_a_token_endpoint_that_is_down_delays_the_delivery(published: Published) -> None:
    published.ring.add()
    client = BackendClient("aimdt", "http://ehr.example/fhir", "http://ehr.example/token")
    down = httpx.MockTransport(lambda _: httpx.Response(503))
    settings = PushSettings(auth=BackendServices(client, published.ring), transport=down)
    with pytest.raises(DeliveryDelayedError, match="token endpoint answered 503"):
        push(BUNDLE, "http://ehr.example/fhir", settings)


def test_a_bearer_token_is_read_again_when_it_was_refused() -> None:
    tokens = iter(["old", "new", "new"])
    seen = []

    def server(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return httpx.Response(401 if "old" in seen[-1] else 200)

    auth = BearerToken(lambda: next(tokens))
    with httpx.Client(auth=auth, transport=httpx.MockTransport(server)) as client:
        assert client.get("http://ehr.example/").status_code == 200
    assert seen == ["Bearer old", "Bearer new"]


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class Authority:
    """A certificate authority that writes certificates and keys into a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(self._sign(self.name, self.key, ca=True))

    def issue(self, name: str) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate, private = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        certificate.write_bytes(self._sign(subject, key, ca=False))
        private.write_bytes(pem(key))
        return certificate, private

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(1))
        builder = builder.not_valid_after(now + datetime.timedelta(1)).add_extension(host, critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_a_client_certificate_opens_the_server_and_none_does_not(tmp_path: Path) -> None:
    hospital, stranger = Authority(tmp_path, "hospital"), Authority(tmp_path, "stranger")
    certificate, key = hospital.issue("server")
    ours, false = hospital.issue("aimdt"), stranger.issue("false")
    with fhir_process("--tls", str(certificate), str(key), str(hospital.path)) as server:
        patience: dict[str, Any] = {"timeout_s": 5, "pause_s": 0.01, "retries": 1}
        push(BUNDLE, server.base, PushSettings(tls=client_tls(*ours, hospital.path), **patience))
        for tls in (client_tls(ca=hospital.path), client_tls(*false, hospital.path), client_tls(*ours)):
            with pytest.raises(DeliveryDelayedError, match="did not take the result"):
                push(BUNDLE, server.base, PushSettings(tls=tls, **patience))
        found = httpx.get(f"{server.base}/Organization", verify=client_tls(*ours, hospital.path)).json()
    assert found["total"] == 1


def test_a_certificate_and_a_key_of_different_pairs_are_refused(tmp_path: Path) -> None:
    hospital = Authority(tmp_path, "hospital")
    certificate, _ = hospital.issue("one")
    _, other = hospital.issue("other")
    with pytest.raises(InputError, match="belong together"):
        client_tls(certificate, other)
