"""A bit of an artery that a network saw in the tumor, far from the artery, is the tumor's own."""

import numpy as np
import pytest

import phantoms
from oncology.findings import CaseId, Source, SourceKind
from oncology.imaging.survey import Region, Scene, survey
from oncology.imaging.volume import Volume

GRID = phantoms.make_grid((60.0, 60.0, 140.0), (2.0, 2.0, 2.0))
NAME = "subclavian_artery_left"
TUMOR = phantoms.sphere(GRID, (0, 0, 0), 30.0)


def met(artery: np.ndarray, *, proven: bool = False) -> bool:
    """Whether the tumor meets the artery."""
    hu = np.where(TUMOR, 60.0, -700.0).astype(np.float32)
    unproven = frozenset() if proven else frozenset({NAME})
    scene = Scene(Volume(hu, GRID), None, {NAME: artery}, {}, lambda *_: {}, unproven=unproven)
    region = Region("tumor", "GTV", TUMOR, Source(SourceKind.MODEL, "lesion-thorax"), needs_confirmation=True)
    findings, _ = survey(CaseId("0123456789abcdef"), "lung", scene, [region])
    return any(contact.structure == NAME for contact in findings.tumors[0].contacts)


def bit(x_mm: float) -> np.ndarray:
    return phantoms.sphere(GRID, (x_mm, 0, 0), 8.0)


def artery(from_mm: float) -> np.ndarray:
    """It runs from that far beside the tumor's middle outwards."""
    return phantoms.cylinder(GRID, (from_mm, 0, 0), (1, 0, 0), 8.0) & phantoms.half_space(
        GRID, (from_mm, 0, 0), (-1, 0, 0)
    )


def test_a_bit_in_the_tumor_far_from_its_artery_is_no_contact() -> None:
    assert not met(artery(34.0) | bit(0.0))


def test_an_artery_that_goes_on_at_the_tumors_border_is_met() -> None:
    assert met(artery(17.0) | bit(6.0))


def test_an_artery_that_lies_in_the_tumor_as_a_whole_is_met() -> None:
    assert met(bit(0.0))


def test_what_a_person_drew_stays() -> None:
    assert met(artery(34.0) | bit(0.0), proven=True)


@pytest.mark.parametrize("x_mm", [14.0, 15.0])
def test_a_bit_half_outside_of_the_tumor_stays(x_mm: float) -> None:
    assert met(artery(40.0) | bit(x_mm))
