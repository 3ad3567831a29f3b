"""The client's signing keys for SMART Backend Services, and the JWKS document by which servers know them.

Rotation: `add` a key; the published JWKS holds old and new. Servers keep a JWKS for a while, so a new key signs only
after SETTLE_S; `retire` the old one after that. Source: SMART App Launch 2.2, client-confidential-asymmetric.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from oncology.errors import InputError

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
SETTLE_S = 3600.0  # how long a server may go on using a JWKS that it fetched before
THUMBPRINT = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y")}  # RFC 7638, in this order
RSA_BITS = 3072


@dataclass(frozen=True)
class SigningKey:
    """A private key; `created` in seconds since 1970, `algorithm` RS384 or ES384."""

    created: float
    private: PrivateKey = field(repr=False)

    @property
    def algorithm(self) -> str:
        """The JWS algorithm that SMART demands of servers for this kind of key."""
        return "RS384" if isinstance(self.private, rsa.RSAPrivateKey) else "ES384"

    @property
    def kid(self) -> str:
        """The key's name: its RFC 7638 thumbprint."""
        public = self._public()
        content = json.dumps({name: public[name] for name in THUMBPRINT[public["kty"]]}, separators=(",", ":"))
        return base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()

    @property
    def jwk(self) -> dict[str, Any]:
        """The public half as it is published."""
        return self._public() | {"kid": self.kid, "alg": self.algorithm, "use": "sig", "key_ops": ["verify"]}

    def _public(self) -> dict[str, Any]:
        if isinstance(self.private, rsa.RSAPrivateKey):
            return RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)


class KeyRing:
    """The keys in a folder, one PEM file each, readable by the owner only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keys(self) -> list[SigningKey]:
        """All keys, the oldest first.

        Raises:
            InputError: a file is no key, or of a kind that SMART servers need not know.
        """
        return sorted((_read(path) for path in self.folder.glob("*.pem")), key=lambda key: key.created)

    def add(self, algorithm: str = "ES384", created: float | None = None) -> SigningKey:
        """Make a new key. It is published at once and signs after SETTLE_S, or at once when it is the only one."""
        private: PrivateKey = ec.generate_private_key(ec.SECP384R1())
        if algorithm == "RS384":
            private = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
        elif algorithm != "ES384":
            raise InputError(f"there is no signing algorithm {algorithm}; expected ES384 or RS384; choose one of them")
        key = SigningKey(time.time() if created is None else created, private)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.folder / f"{key.created:.0f}-{key.kid}.pem"
        raw = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(raw)
        return key

    def retire(self, kid: str) -> None:
        """Forget a key; servers refuse it as soon as they read the JWKS anew."""
        for path in self.folder.glob(f"*-{kid}.pem"):
            path.unlink()

    def jwks(self) -> dict[str, Any]:
        """The document to publish."""
        return {"keys": [key.jwk for key in self.keys()]}

    def in_signing_order(self, now: float) -> list[SigningKey]:
        """The newest key that servers surely know, then older ones, then those too new for some."""
        return sorted(self.keys(), key=lambda key: (key.created + SETTLE_S > now, -key.created))


def _read(path: Path) -> SigningKey:
    created, _, _ = path.stem.partition("-")
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
        since = float(created) if created.isdigit() else path.stat().st_mtime
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError(
            f"key file {path.name} cannot be read ({type(error).__name__}); expected an unencrypted PEM private key"
        ) from error
    if isinstance(private, rsa.RSAPrivateKey):
        return SigningKey(since, private)
    if isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(private.curve, ec.SECP384R1):
        return SigningKey(since, private)
    raise InputError(
        f"key file {path.name} is neither RSA nor EC P-384; SMART servers know RS384 and ES384; make such a key"
    )
