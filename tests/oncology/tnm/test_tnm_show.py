"""The printable page of a table."""

from __future__ import annotations

import pytest

from oncology.errors import FactError
from oncology.tnm.loader import tables
from oncology.tnm.show import show
from oncology.tnm.vocabulary import vocabulary


def test_every_table_can_be_printed_with_all_its_rows() -> None:
    for table in tables().tables:
        page = show(table.applies[0].site, table.edition, table.axis)
        assert all(f"| {row.id} |" in page for row in table.rows), table.id


def test_a_page_names_source_version_and_condition() -> None:
    page = show("lung", "9", "n")

    assert "N: lung, edition 9" in page
    assert "n2 2 or more" in page
    assert tables().version in page


@pytest.mark.parametrize(
    ("site", "edition", "axis", "part"),
    [("lnug", 9, "n", "did you mean 'lung'"), ("lung", 7, "n", "unknown edition"), ("lung", 9, "x", "unknown axis"),
     ("larynx", 9, "t", "available: 8")],
)  # fmt: skip
def test_a_page_that_does_not_exist_is_refused_by_name(site: str, edition: int, axis: str, part: str) -> None:
    with pytest.raises(FactError, match=part):
        show(site, edition, axis)


def test_every_site_has_all_four_axes() -> None:
    for site in vocabulary().sites:
        for edition in tables().editions(site):
            assert {
                table.axis
                for table in tables().tables
                if table.edition == edition and any(one.site == site for one in table.applies)
            } == {"t", "n", "m", "group"}, (site, edition)
