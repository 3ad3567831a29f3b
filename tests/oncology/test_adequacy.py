"""What a scan could not show is said in a sentence for each limit, and nothing is said of a good one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import oncology
from oncology.adequacy import NO_CONTRAST, NO_PET, NOT_IMAGED, SENTENCES, scan_limits, why_not_imaged

ROOT = Path(oncology.__file__).parents[1]


def series(modality: str, **more: Any) -> dict[str, Any]:
    return {"modality": modality, "contrast": True, "spacing_mm": [2.0, 1.0, 1.0], "slice_thickness_mm": 2.0} | more


def limits(*codes: str, taken: Any = (), regions: Any = ()) -> dict[str, Any]:
    quality = [{"code": code} for code in codes]
    staging = {"facts": [{"key": "regions_not_imaged", "value": list(regions)}]}
    found = scan_limits({"quality": quality}, taken or (series("CT"), series("PT")), staging)
    return {item.text: item.values for item in found}


def test_a_good_scan_has_no_limits() -> None:
    assert limits("pet-aligned", "ct-nifti") == {}


def test_a_plain_ct_alone_says_what_contrast_and_pet_would_have_shown() -> None:
    assert set(limits(taken=(series("CT", contrast=False),))) == {NO_CONTRAST, NO_PET}


def test_thick_slices_are_named_with_the_greater_of_thickness_and_spacing() -> None:
    found = limits("ct-thick-slices", taken=(series("CT", slice_thickness_mm=5.0), series("PT")))
    assert found == {SENTENCES["ct-thick-slices"]: {"thickness": ("5.0",)}}


def test_regions_outside_of_the_scan_are_named() -> None:
    assert limits(regions=["brain", "abdomen"])[NOT_IMAGED] == {"regions": ("brain", "abdomen")}


def test_a_pet_that_was_not_used_is_not_called_absent_as_well() -> None:
    assert set(limits("pet-off-ct", taken=(series("CT"),))) == {SENTENCES["pet-off-ct"]}


def test_fluid_that_nothing_looks_for_is_named_where_the_region_is_imaged() -> None:
    def told(*seen: str) -> list[str]:
        findings = {"quality": [], "regions_imaged": ["thorax", "abdomen"], "structures_assessed": seen}
        return [item.text for item in scan_limits(findings, (series("CT"), series("PT")), {})]

    (pericardium, abdomen) = told("heart", "liver")
    assert pericardium.startswith("Pericardial effusion")
    assert abdomen.startswith("Ascites")
    assert told("pericardial_effusion", "ascites") == []


def test_every_sentence_belongs_to_a_verdict_that_is_given() -> None:
    code = "\n".join(
        path.read_text() for name in ("dicom", "oncology", "tasks") for path in (ROOT / name).rglob("*.py")
    )
    given = {key for key in SENTENCES if code.count(f'"{key}"') > 1 or key.startswith("lung-")}
    assert given == set(SENTENCES)


@pytest.mark.parametrize(
    ("region", "seen", "missing"),
    [
        ("neck", ["thyroid_gland"], "upper neck"),
        ("neck", ["thyroid_cartilage", "hyoid"], "above the clavicles"),
        ("thorax", ["lung_left"], "rest of the lungs"),
        ("abdomen", ["liver"], "upper abdomen"),
    ],
)
def test_a_region_in_part_is_told_by_the_part_that_is_missing(region: str, seen: list[str], missing: str) -> None:
    told = why_not_imaged(region, "nothing was seen", seen)
    assert told.startswith("only")
    assert missing in told
    assert why_not_imaged(region, "nothing was seen", ["spine"]) == "nothing was seen"
