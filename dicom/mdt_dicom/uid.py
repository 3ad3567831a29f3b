"""UIDs that follow from what an object is, so that making it again makes the same object."""

from __future__ import annotations

import hashlib

# 122 bits of a version 8 UUID (RFC 9562) come from the parts; the rest says that they were computed so.
_BITS = (1 << 122) - 1
_LOW = (1 << 62) - 1
_MIDDLE = (1 << 12) - 1


def uid_from(*parts: str) -> str:
    """A UID under 2.25 (DICOM PS3.5 B.2) that the same parts always give.

    >>> uid_from("case", "seg") == uid_from("case", "seg") != uid_from("case", "sr")
    True
    """
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    value = int.from_bytes(digest, "big") & _BITS
    high, middle, low = value >> 74, (value >> 62) & _MIDDLE, value & _LOW
    return f"2.25.{high << 80 | 8 << 76 | middle << 64 | 0b10 << 62 | low}"
