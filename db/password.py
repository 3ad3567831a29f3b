"""Passwords as salted scrypt hashes (RFC 7914), from the standard library."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from oncology.errors import AccessError

# OWASP Password Storage Cheat Sheet: N = 2^15, r = 8, p = 3 is one of the equal settings; 32 MiB for each try.
LOG_N, R, P = 15, 8, 3
MEMORY_BYTES = 1 << 27  # OpenSSL refuses more than this
SALT_BYTES, HASH_BYTES = 16, 32
LEAST_LENGTH = 12
LONGEST = 1024  # hashing is not a way to keep this machine busy


def hash_password(password: str) -> str:
    """The hash to keep: `scrypt$log2 N$r$p$salt$hash`.

    Raises:
        AccessError: the password is too short or too long.
    """
    if not LEAST_LENGTH <= len(password) <= LONGEST:
        raise AccessError(
            f"the password has {len(password)} characters; expected {LEAST_LENGTH} to {LONGEST}; choose another one"
        )
    salt = secrets.token_bytes(SALT_BYTES)
    digest = _scrypt(password, salt, LOG_N, R, P)
    return "$".join(("scrypt", str(LOG_N), str(R), str(P), _text(salt), _text(digest)))


def verify_password(password: str, kept: str) -> bool:
    """True when the password gives the kept hash; takes as long for a wrong one.

    >>> verify_password("correct horse battery", hash_password("correct horse battery"))
    True
    """
    _, log_n, r, p, salt, digest = kept.split("$")
    found = _scrypt(password[:LONGEST], base64.b64decode(salt), int(log_n), int(r), int(p))
    return hmac.compare_digest(found, base64.b64decode(digest))


def _scrypt(password: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=1 << log_n, r=r, p=p, maxmem=MEMORY_BYTES, dklen=HASH_BYTES)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
