"""Names of structures: what networks draw can be coded in DICOM and read back from contours."""

from __future__ import annotations

import pytest

from mdt_dicom.names import structure_codes
from mdt_dicom.roles import read_name
from models.training.labels import ANATOMY, WHOLES

NAMES = sorted({name for names in ANATOMY.values() for name in names} | set(WHOLES))


@pytest.mark.parametrize("name", NAMES)
def test_every_structure_of_a_network_has_a_code_and_is_read_from_a_contour(name: str) -> None:
    meaning = read_name(name)
    assert name in structure_codes()
    assert meaning is not None
    assert (meaning.role, meaning.structure) == ("structure", name)


def test_codes_of_our_own_fit_a_short_string_of_dicom() -> None:
    ours = [code for code in structure_codes().values() if code.scheme == "99AIMDT"]
    assert max(len(code.code) for code in ours) <= 16
