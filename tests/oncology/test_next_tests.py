"""Every open question has a cited test to discuss, or is named as one that no test settles."""

from __future__ import annotations

import re

import pytest

from oncology.cancers.protocol import MODULES, cancer
from oncology.findings import CaseId, Findings, History, Laterality, RecordFact, Severity, Verdict
from oncology.next_tests import next_tests, no_test, situations, told
from oncology.staging import stage_case
from oncology.tnm.vocabulary import vocabulary
from trunk_cases import fact, node, tumor

OF_TUMOR = {"measures", "location", "location_alternatives", "solid_component_mm"}
BODY = {"location": "pancreas_body", "location_alternatives": {"pancreas_body": 1.0}}
JUNCTION = {"wall_mm": 14.0, "center_above_egj_mm": 5.0}
NECKS = ("larynx", "hypopharynx", "oropharynx", "oral_cavity", "nasopharynx")
SITES = sorted({*MODULES, *vocabulary().sites})


@pytest.mark.parametrize("site", SITES)
def test_every_fact_that_can_be_open_has_a_test_or_is_said_to_have_none(site: str) -> None:
    facts = {*vocabulary().site(site).facts, "nodes", "mets"}

    assert not facts - set(next_tests(site)) - set(no_test(site))


@pytest.mark.parametrize("site", SITES)
def test_nothing_has_a_test_and_none_at_once(site: str) -> None:
    assert not set(next_tests(site)) & set(no_test(site))


@pytest.mark.parametrize("site", sorted(MODULES))
def test_every_region_that_must_be_imaged_has_a_test(site: str) -> None:
    assert set(cancer(site).must_image) <= set(next_tests(site))


@pytest.mark.parametrize("site", SITES)
def test_rows_are_about_facts_or_regions_of_the_vocabulary(site: str) -> None:
    spec = vocabulary().site(site)
    known = {*spec.keys, *spec.facts["regions_not_imaged"].values, *(["subset"] if spec.subsets else [])}

    assert set(next_tests(site)) | set(no_test(site)) <= known


@pytest.mark.parametrize("site", SITES)
def test_every_site_with_tables_by_kind_asks_for_the_kind(site: str) -> None:
    assert ("subset" in next_tests(site)) == bool(vocabulary().site(site).subsets)


@pytest.mark.parametrize("site", SITES)
def test_every_test_says_why_and_names_work_and_year(site: str) -> None:
    for row in (*next_tests(site).values(), *(one.row for one in situations(site))):
        assert row.test
        assert row.why
        assert row.sources
        for source in row.sources:
            year = re.search(r"\b20\d\d\b", source.short)
            assert year is not None
            assert f"{year.group()};" in source.citation


def test_a_point_of_a_report_leads_back_to_its_row() -> None:
    row = next_tests("lung")["nodes"]

    assert told("lung", row.text) == row
    assert told("lung", row.at(["7", "4R"]).text) == row.at(["7", "4R"])
    assert told("lung", "something a plug-in added") is None


def test_the_mediastinum_is_sampled_by_ebus_after_the_guidelines_of_chest_physicians_and_surgeons() -> None:
    row = next_tests("lung")["nodes"]

    assert "EBUS" in row.test
    assert [source.short for source in row.sources] == ["ACCP 2013", "ESTS 2014"]


def test_a_cancer_nobody_wrote_rows_for_has_none() -> None:
    assert not next_tests("thigh")


def points(cancer: str, size_mm: float = 20.0, *record: RecordFact, **more: object) -> list[str]:
    """The discussion of a case with one drawn tumor, everything imaged."""
    changes = {key: more.pop(key) for key in OF_TUMOR & more.keys()}
    given: dict[str, object] = {"nodes_assessed": True, "regions_imaged": ("brain", "neck", "thorax", "abdomen")}
    findings = Findings(
        CaseId("0123456789abcdef"),
        cancer,
        tumors=(tumor(size_mm, **changes),),
        **(given | more),  # type: ignore[arg-type]
    )
    found: list[str] = stage_case(findings, History(record), ("8",), imaging_date="2026-05-04")["discussion"]
    return found


def any_of(lines: list[str], words: str) -> bool:
    return any(words in line for line in lines)


def test_the_stations_that_decide_are_named_the_likeliest_first() -> None:
    nodes = (node(1, "4R", p_malignant=0.3), node(2, "7", p_malignant=0.5))
    assert any_of(points("lung", nodes=nodes), "needle sampling of the stations in doubt (7, 4R) by EBUS")


def test_a_neck_level_is_named_with_its_side() -> None:
    nodes = (node(1, "II", p_malignant=0.5, laterality=Laterality.LEFT),)
    assert any_of(points("larynx", nodes=nodes), "needle aspiration of the nodes in doubt (II left)")


def test_nodes_that_nobody_looked_for_leave_the_stations_unnamed() -> None:
    assert any_of(points("lung", nodes_assessed=False), "the stations in doubt by EBUS")


@pytest.mark.parametrize(
    ("p_malignant", "malignant", "offered"), [(0.9, False, True), (0.1, False, False), (0.9, True, False)]
)
def test_a_needle_that_found_no_tumor_where_the_images_see_it_is_followed_by_surgery(
    p_malignant: float, malignant: bool, offered: bool
) -> None:
    sample = fact("station_result", {"station": "4R", "malignant": malignant, "method": "EBUS"})
    seen = points("lung", 20.0, sample, nodes=(node(1, "4R", p_malignant=p_malignant),))
    assert any_of(seen, "mediastinoscopy, or thoracoscopy") is offered


def test_a_benign_needle_of_a_neck_node_that_looks_malignant_is_repeated() -> None:
    sample = fact("station_result", {"station": "II", "laterality": "left", "malignant": False, "method": "FNA"})
    nodes = (node(1, "II", p_malignant=0.9, laterality=Laterality.LEFT),)
    assert any_of(points("larynx", 20.0, sample, nodes=nodes), "a second needle under ultrasound")


def marker(value: float) -> RecordFact:
    return fact("ca_19_9", {"value": value, "unit": "U/mL"})


@pytest.mark.parametrize(
    ("size_mm", "ca_19_9", "offered"),
    [(45.0, 1900.0, True), (20.0, 150.0, True), (20.0, 149.0, False), (30.4, 20.0, False), (30.6, 20.0, True)],
)
def test_laparoscopy_is_discussed_for_a_large_pancreatic_tumor_or_a_high_ca_19_9(
    size_mm: float, ca_19_9: float, offered: bool
) -> None:
    assert any_of(points("pancreas", size_mm, marker(ca_19_9), **BODY), "staging laparoscopy") is offered


def test_laparoscopy_is_no_point_once_a_metastasis_is_proven() -> None:
    proven = fact("metastasis_result", {"site": "liver", "malignant": True})
    assert not any_of(points("pancreas", 45.0, marker(1900.0), proven, **BODY), "laparoscopy")


@pytest.mark.parametrize(
    ("histology", "eus", "above_mm", "offered"),
    [
        ("adenocarcinoma", "T3", 5.0, True),
        ("adenocarcinoma", "T2", 5.0, False),
        ("adenocarcinoma", "T3", 90.0, False),
        ("squamous", "T3", 5.0, False),
    ],
)
def test_laparoscopy_is_discussed_for_a_deep_adenocarcinoma_of_the_junction(
    histology: str, eus: str, above_mm: float, offered: bool
) -> None:
    record = (fact("histology", histology), fact("eus_t", eus))
    seen = points("esophagus", 50.0, *record, measures=JUNCTION | {"center_above_egj_mm": above_mm})
    assert any_of(seen, "staging laparoscopy") is offered


@pytest.mark.parametrize("cancer", ["lung", "esophagus"])
def test_a_pet_is_discussed_where_there_is_none(cancer: str) -> None:
    assert any_of(points(cancer, pet=False), "PET/CT, as there is none")
    for there in (True, None):  # None: nobody told
        assert not any_of(points(cancer, pet=there), "as there is none")


def test_a_pet_that_was_left_out_or_that_the_record_tells_of_is_not_asked_for_again() -> None:
    off = Verdict("pet-off-ct", Severity.WARNING, "m", "pet")
    known = fact("imaging_study", {"uid": "1.2.3", "modality": ["PT", "CT"], "date": "2026-05-01"})
    assert not any_of(points("lung", pet=False, quality=(off,)), "as there is none")
    assert not any_of(points("lung", 20.0, known, pet=False), "as there is none")


def test_pure_ground_glass_needs_no_pet() -> None:
    assert not any_of(points("lung", pet=False, solid_component_mm=0.0), "as there is none")
    assert any_of(points("lung", pet=False, solid_component_mm=12.0), "as there is none")


@pytest.mark.parametrize("cancer", NECKS)
def test_in_the_neck_a_pet_is_discussed_in_stages_iii_and_iv(cancer: str) -> None:
    large = node(1, "II", p_malignant=1.0, laterality=Laterality.LEFT, long_axis_mm=70.0, short_axis_mm=50.0)
    record = (fact("p16", "negative"),)
    assert any_of(points(cancer, 45.0, *record, pet=False, nodes=(large,)), "the stage is likely III or IV")
    assert not any_of(points(cancer, 45.0, *record, pet=True, nodes=(large,)), "as there is none")


def test_an_early_oral_cancer_needs_no_pet() -> None:
    early = (fact("depth_of_invasion_mm", 3.0),)
    assert not any_of(points("oral_cavity", 12.0, *early, pet=False), "as there is none")
