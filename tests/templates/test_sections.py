"""The section of a cancer says everything once, with units, and no probability rounds to certainty."""

from __future__ import annotations

from typing import Any

from templates.sections import section
from templates_sample import findings, node, staging


def shown(cancer: str, told: dict[str, Any], **seen: Any) -> dict[str, tuple[tuple[str, ...], ...]]:
    content = findings() | {"cancer": cancer} | seen
    return {table.title: table.rows for table in section(content, staging() | {"site": cancer, "facts": []} | told)}


def test_a_station_is_never_surely_malignant_by_a_probability() -> None:
    nodes = [node() | {"p_malignant": 0.998}]
    assert "99 %" in shown("lung", {}, nodes=nodes)["Nodes by IASLC station"][0]


def test_what_nobody_could_tell_of_an_organ_stands_in_one_row() -> None:
    particulars = {"duct_mm": None, "duct_dilated": None, "ca_19_9_u_per_ml": 310.0}
    rows = shown("pancreas", {"particulars": particulars})["Of this organ"]
    assert rows == (("CA 19-9 (U/mL)", "310"), ("not told by images or record", "duct (mm), duct dilated"))


def test_what_a_staging_fact_tells_is_not_told_again() -> None:
    fact = {"key": "length_mm", "value": 51, "evidence": [], "reason": ""}
    told = shown("esophagus", {"facts": [fact], "particulars": {"length_mm": None, "siewert": "II"}})
    assert told["Of this organ"] == (("Siewert type", "II"),)


def test_a_vessel_is_read_in_words() -> None:
    vessels = [{"vessel": "celiac_axis", "angle_deg": 0.0, "status": "none"}]
    vessels += [{"vessel": "portal_vein", "angle_deg": 64.2, "status": "abutment", "irregular": True}]
    asked = {"category": "resectable", "possible": [], "reasons": [], "open": [], "notes": [], "vessels": vessels}
    rows = shown("pancreas", {"resectability": asked})["Vessels"]
    assert [row[:3] for row in rows] == [
        ("celiac axis", "0", "no contact"),
        ("portal vein", "64", "abutment, irregular"),
    ]


def test_a_limit_of_a_side_finding_is_cited_and_one_not_measured_is_not() -> None:
    measured = {"name": "ascending_aorta", "value": 44.0, "unit": "mm", "cutoff": "41 / 55 mm", "meaning": "dilated"}
    seen = [measured | {"source": "Wolak 2008"}, {"name": "emphysema", "value": None, "cutoff": "5 %", "source": "x"}]
    tables = section({"cancer": "lung", "tumors": [], "nodes": [], "side_findings": seen}, {"site": "lung"})
    (table,) = (table for table in tables if table.title == "Side findings")
    assert table.rows[0] == ("ascending aorta", "44 mm", "41 / 55 mm", "dilated")
    assert table.sources == (("ascending aorta", "Wolak 2008"),)
