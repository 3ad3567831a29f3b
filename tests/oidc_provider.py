"""A small OpenID Connect provider on this machine: discovery, keys that can be changed, and tokens as wished."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

AUDIENCE, SIGNERS, REVIEWERS = "aimdt", "tumor-board", "residents"


@dataclass
class OidcProvider:
    """A running provider."""

    issuer: str = ""
    keys: dict[str, RSAPrivateKey] = field(default_factory=dict)
    asked: int = 0

    def add_key(self, name: str) -> None:
        self.keys[name] = generate_private_key(65537, 2048)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Of a signer who signed in just now; a change to None leaves the claim out."""
        now = int(time.time())
        usual = {
            "iss": self.issuer,
            "sub": "248289761001",
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + 300,
            "preferred_username": "ada",
            "family_name": "Lovelace",
            "given_name": "Ada",
            "npi": "1234567893",
            "groups": [SIGNERS, "staff"],
        }
        return {name: value for name, value in (usual | changes).items() if value is not None}

    def token(self, key: str = "one", **changes: Any) -> str:
        return jwt.encode(self.claims(**changes), self.keys[key], "RS256", {"kid": key})

    def public_pem(self, key: str = "one") -> bytes:
        return self.keys[key].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def answer(self, path: str) -> dict[str, Any] | None:
        self.asked += 1
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}
        if path != "/keys":
            return None
        kinds = {name: jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()) for name, key in self.keys.items()}
        return {"keys": [json.loads(text) | {"kid": name, "use": "sig"} for name, text in kinds.items()]}


class _Handler(BaseHTTPRequestHandler):
    provider: OidcProvider

    def do_GET(self) -> None:
        found = self.provider.answer(self.path)
        content = json.dumps(found).encode()
        self.send_response(200 if found is not None else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def oidc_provider() -> Iterator[OidcProvider]:
    provider = OidcProvider()
    provider.add_key("one")
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"provider": provider}))
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
