"""Every open question has a cited test to discuss, or is named as one that no test settles."""

from __future__ import annotations

import re

import pytest

from oncology.cancers.protocol import MODULES, cancer
from oncology.next_tests import next_tests, no_test, told
from oncology.tnm.vocabulary import vocabulary

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
    for row in next_tests(site).values():
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
    assert told("lung", "something a plug-in added") is None


def test_the_mediastinum_is_sampled_by_ebus_after_the_guidelines_of_chest_physicians_and_surgeons() -> None:
    row = next_tests("lung")["nodes"]

    assert "EBUS" in row.test
    assert [source.short for source in row.sources] == ["ACCP 2013", "ESTS 2014"]


def test_a_cancer_nobody_wrote_rows_for_has_none() -> None:
    assert not next_tests("thigh")
