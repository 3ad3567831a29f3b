"""Header fields of a PET series, each read once and demanded by name.

A field that SUV depends on must say the same in every slice; what is missing, zero or unreadable is an error that
names the field, because every replacement for it would be an assumption about the patient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pydicom
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from oncology.errors import SuvError

PHILIPS_GROUP = 0x7053
PHILIPS_CREATOR = "Philips PET Private Group"
GE_GROUP = 0x0009
GE_CREATOR = "GEMS_PETD_01"
REMEDY = "complete the header, or stage without the PET"


def field_name(keyword: str) -> str:
    """Keyword and tag as written in messages.

    >>> field_name("PatientWeight")
    'PatientWeight (0010,1030)'
    """
    tag = pydicom.tag.Tag(tag_for_keyword(keyword) or 0)
    return f"{keyword} ({tag.group:04X},{tag.element:04X})"


class PetHeader:
    """The headers of one PET series, seen as one."""

    def __init__(self, headers: Sequence[Dataset]) -> None:
        if not headers:
            raise SuvError("the PET series has no slices; expected at least one header")
        self.headers = tuple(headers)

    def values(self, keyword: str) -> list[Any]:
        """The field of every slice, None where it is absent or empty."""
        return [_find(header, keyword) for header in self.headers]

    def optional(self, keyword: str) -> Any:
        """The field's value, the same in all slices; None where no slice has it."""
        return self._agreed(self.values(keyword), field_name(keyword))

    def required(self, keyword: str, expected: str) -> Any:
        """The field's value; an error naming it when it is missing."""
        value = self.optional(keyword)
        if value is None:
            raise SuvError(f"{field_name(keyword)} is missing or empty in the PET; expected {expected}; {REMEDY}")
        return value

    def positive(self, keyword: str, expected: str) -> float:
        """A number above zero."""
        value = self.required(keyword, expected)
        number = _number(value, field_name(keyword), expected)
        if not number > 0:
            raise SuvError(f"{field_name(keyword)} is {number:g} in the PET; expected {expected}; {REMEDY}")
        return number

    def text(self, keyword: str) -> str:
        """Upper-case text, empty when absent."""
        value = self.optional(keyword)
        return "" if value is None else str(value).strip().upper()

    def words(self, keyword: str) -> frozenset[str] | None:
        """The values of a multi-valued field; None when absent."""
        value = self.optional(keyword)
        if value is None:
            return None
        return frozenset(str(word).strip().upper() for word in ([value] if isinstance(value, str) else value))

    def radiopharmaceutical(self) -> PetHeader:
        """The one item of the radiopharmaceutical sequence."""
        keyword = "RadiopharmaceuticalInformationSequence"
        items = []
        for sequence in self.values(keyword):
            if not sequence:
                raise SuvError(
                    f"{field_name(keyword)} is missing or empty in the PET; expected one item with dose, half-life "
                    f"and injection time; {REMEDY}"
                )
            if len(sequence) > 1:
                raise SuvError(
                    f"{field_name(keyword)} has {len(sequence)} items in the PET; expected one injection, since it is "
                    "not said which dose the image belongs to; remove the others"
                )
            items.append(sequence[0])
        return PetHeader(items)

    def philips_factor(self, element: int) -> float | None:
        """A factor of the Philips private group (7053,10xx); None when absent or zero, as Philips writes 'unknown'."""
        name = f"Philips private (7053,10{element:02X})"
        raw = [_private(header, PHILIPS_GROUP, PHILIPS_CREATOR, element) for header in self.headers]
        value = self._agreed(raw, name)
        if value is None:
            return None
        number = _number(value, name, "a factor")
        return number if number > 0 else None

    def ge_scan_start(self) -> str | None:
        """GE's private date and time to which the decay is corrected (0009,100D)."""
        raw = [_private(header, GE_GROUP, GE_CREATOR, 0x0D) for header in self.headers]
        value = self._agreed(raw, "GE private scan date and time (0009,100D)")
        return None if value is None else str(value)

    def _agreed(self, values: list[Any], name: str) -> Any:
        """The one value of all slices, or an error that names the field."""
        first = values[0]
        for position, value in enumerate(values):
            if value != first:
                raise SuvError(
                    f"{name} differs between slices of the PET (slice 1 and slice {position + 1} of {len(values)}); "
                    "expected one value for the series; the folder may mix two reconstructions"
                )
        return first


def _find(header: Dataset, keyword: str) -> Any:
    """A field from the top level, or from the shared functional groups of a multi-frame object."""
    try:
        value = header.get(keyword)
    except (ValueError, TypeError, NotImplementedError) as error:
        raise SuvError(f"{field_name(keyword)} of the PET cannot be read; expected a DICOM value; {REMEDY}") from error
    if _filled(value):
        return value
    for group in header.get("SharedFunctionalGroupsSequence") or ():
        for element in group:
            for item in element.value if element.VR == "SQ" else ():
                if _filled(item.get(keyword)):
                    return item.get(keyword)
    return None


def _filled(value: Any) -> bool:
    """False for absent, empty text and empty lists; zero is filled."""
    return not (
        value is None
        or (hasattr(value, "__len__") and len(value) == 0)
        or (isinstance(value, str) and not value.strip())
    )


def _private(header: Dataset, group: int, creator: str, element: int) -> Any:
    """A private value by its creator; by the usual block when an anonymizer dropped the creator but kept the value."""
    found = None
    try:
        found = header.private_block(group, creator)[element]
    except KeyError:
        bare = header.get((group, 0x1000 + element))
        if bare is not None and header.get((group, 0x0010)) is None:
            found = bare
    if found is None or found.value is None:
        return None
    value = found.value
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    return text.strip("\0 ") or None


def _number(value: Any, name: str, expected: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise SuvError(f"{name} is no number in the PET; expected {expected}; {REMEDY}") from error
    if number != number or number in (float("inf"), float("-inf")):
        raise SuvError(f"{name} is not finite in the PET; expected {expected}; {REMEDY}")
    return number
