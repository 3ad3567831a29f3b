"""Values of a header, taken without trust: an absent, empty or unreadable tag is an answer, not an exception."""

from __future__ import annotations

import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue

# What pydicom raises on bytes that are no DICOM header, or a damaged one.
HEADER_FAULTS = (
    InvalidDicomError,
    BytesLengthException,
    OSError,
    EOFError,
    ValueError,
    KeyError,
    AttributeError,
    TypeError,
    NotImplementedError,
    OverflowError,
    struct.error,
    zlib.error,
)


@contextmanager
def quietly() -> Iterator[None]:
    """Keep pydicom from warning about values: such warnings quote them, and a value may name the patient."""
    with warnings.catch_warnings(), disable_value_validation():
        warnings.simplefilter("ignore")
        yield


def text(header: Dataset, keyword: str) -> str:
    """The value as stripped text; empty when the tag is absent, empty or unreadable."""
    try:
        value = header.get(keyword)
    except HEADER_FAULTS:
        return ""
    if value is None:
        return ""
    return "\\".join(str(part).strip(" \0") for part in _parts(value))


def words(header: Dataset, keyword: str) -> tuple[str, ...]:
    """The values of a multi-valued text tag, upper case."""
    value = text(header, keyword).upper()
    return tuple(value.split("\\")) if value else ()


def numbers(header: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """That many numbers; None when the tag is absent or empty, NaN throughout when it holds something else."""
    try:
        value = header.get(keyword)
        if value is None or value == "":
            return None
        found = tuple(float(part) for part in _parts(value))
    except HEADER_FAULTS:
        return (float("nan"),) * count
    if not found:
        return None
    return found if len(found) == count else (float("nan"),) * count


def number(header: Dataset, keyword: str) -> float | None:
    """One number; None when absent, NaN when it is not a number."""
    found = numbers(header, keyword, 1)
    return found[0] if found else None


def integer(header: Dataset, keyword: str, default: int = 0) -> int:
    """One whole number; the default when absent or not a number."""
    found = number(header, keyword)
    return int(found) if found is not None and math.isfinite(found) else default


def _parts(value: Any) -> tuple[Any, ...]:
    """The values of a tag, of multiplicity one or more."""
    return tuple(value) if isinstance(value, (list, tuple, MultiValue)) else (value,)
