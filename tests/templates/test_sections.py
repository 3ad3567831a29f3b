"""The section of a cancer says everything once, with units, and no probability rounds to certainty."""

from __future__ import annotations

import json
from typing import Any

import pytest

from board_cases import IMAGING_DATE, findings_of, history_of
from oncology.findings import to_json
from oncology.staging import stage_case
from templates.language import language
from templates.render import render_html
from templates.sections import section
from templates_sample import findings, node, report, staging

Rows = tuple[tuple[str, ...], ...]
TUMORS: dict[str, dict[str, Any]] = {
    "lung": {"greatest_dimension_mm": 42.0, "laterality": "right", "location": "lung_upper_lobe_right"},
    "pancreas": {"greatest_dimension_mm": 30.0, "location": "pancreas_head"},
}
# What the structured templates of the field want to see of each cancer, known or not (see templates/sections.py): items
# of the tumor, and what is told of the organ beside them.
ITEMS: dict[str, tuple[str, ...]] = {
    "lung": (
        *("lobe", "greatest dimension (mm)", "solid component (mm)", "density", "margins", "cavitation"),
        *("distance to carina (mm)", "main bronchus involved", "visceral pleura invasion"),
        *("atelectasis or obstructive pneumonitis", "invaded structures", "separate nodules"),
        *("pleural effusion", "pericardial effusion"),
    ),
    "esophagus": ("tumor location", "length (mm)", "deepest layer", "invaded structures"),
    "pancreas": ("greatest dimension (mm)", "lesion", "vessel or organ involvement"),
    "larynx": ("subsites involved", "mucosal extension", "vocal cord mobility", "invaded structures"),
    "hypopharynx": ("subsites count", "hemilarynx fixation", "adjacent site extension", "invaded structures"),
    "oropharynx": ("invaded structures",),
    "oral_cavity": ("subsite", "depth of invasion (mm)", "invaded structures"),
    "nasopharynx": ("involved structures",),
}
CARTILAGES = ("thyroid cartilage contact (mm²)", "cricoid cartilage contact (mm²)", "carotid angle (°)")
OF_ORGAN: dict[str, tuple[str, ...]] = {
    "esophagus": (
        *("upper edge from the incisors (mm)", "Siewert type", "wall (mm)"),
        "T by endoscopic ultrasound",
    ),
    "pancreas": ("part", "duct (mm)", "duct dilated", "CA 19-9 (U/mL)"),
    "larynx": ("subsite", *CARTILAGES),
    "hypopharynx": ("subsites", *CARTILAGES),
    "oropharynx": ("p16", "subsite", "mandible contact (mm²)", "carotid angle (°)"),
    "oral_cavity": ("thickness on ct (mm)", "mandible contact (mm²)", "carotid angle (°)"),
    "nasopharynx": ("EBV", "subsite", "skull base contact (mm²)", "retropharyngeal nodes"),
}
NODES = (
    "Side",
    "Nodes",
    "Largest short axis (mm)",
    "SUVmax",
    "Malignant",
    "Told by",
    "Necrosis",
    "Extranodal extension",
)
TABLES: dict[str, dict[str, tuple[str, ...]]] = {
    "lung": {"Nodes by IASLC station": ("Station", "Regional", *NODES)},
    "esophagus": {
        "Nodes by station": ("Station", "Regional", *NODES),
        "Metastases by site": ("Site", "Number", "SUVmax", "Status"),
        "Neighbors of the tumor": ("Structure", "Contact (°)", "Length (mm)", "Fat plane kept", "Invasion"),
    },
    "pancreas": {
        "Resectability": ("Item", "Finding"),
        "Vessels": ("Vessel", "Contact (°)", "Reading", "Length (mm)", "Fat plane kept"),
        "Nodes by station": ("Station", "Regional", *NODES),
    },
}
NECK_TABLES = {
    "Nodes by level": ("Level", *NODES),
    "Neighbors of the tumor": ("Structure", "Contact (°)", "Length (mm)", "Fat plane kept", "Invasion"),
}
VESSELS = ["celiac_trunk", "superior_mesenteric_artery", "common_hepatic_artery", "portal_vein"]
VESSELS += ["superior_mesenteric_vein", "aorta", "inferior_vena_cava"]


def staged(cancer: str, **changes: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """findings.json, staging.json and history.json of a case that is described as a board case is."""
    asked = {"cancer": cancer, "tumors": [TUMORS.get(cancer, {"greatest_dimension_mm": 30.0})]} | changes
    measured, history = findings_of(asked), history_of(asked)
    found = stage_case(measured, history, ["8"], imaging_date=IMAGING_DATE)
    told = to_json(measured), {**found, "tables_version": "t"}, to_json(history)
    one, two, three = (json.loads(json.dumps(content)) for content in told)
    return one, two, three


def tables(cancer: str, **changes: Any) -> dict[str, Rows]:
    return {table.title: table.rows for table in section(*staged(cancer, **changes))}


def sampled(station: str, malignant: bool, method: str | None = "EBUS", **more: Any) -> dict[str, Any]:
    return {"name": "station_result", "value": {"station": station, "malignant": malignant, "method": method}, **more}


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


@pytest.mark.parametrize("cancer", ITEMS)
def test_every_item_of_the_template_is_shown_known_or_not(cancer: str) -> None:
    """A contact, a node and a side finding are there, so that every table has a row."""
    contact = {"structure": "aorta", "contact_mm2": 40.0, "depth_mm": 0.0, "angle_deg": 30.0}
    tumor = TUMORS.get(cancer, {"greatest_dimension_mm": 30.0}) | {"contacts": [contact]}
    place = {"lung": "4R", "esophagus": "7", "pancreas": "peripancreatic"}.get(cancer, "II")
    content, told, history = staged(cancer, tumors=[tumor], nodes=[{"station": place, "laterality": "right"}])
    content["side_findings"] = [{"name": "muscle_area_l3", "value": 120.0}]
    found = section(content, told, history)
    rows = {table.title: table.rows for table in found}
    assert not set(ITEMS[cancer]) - {row[0] for row in rows["Tumor by items"]}
    organ = {part for row in rows.get("Of this organ", ()) for part in (row[0], *row[1].split(", "))}
    assert not set(OF_ORGAN.get(cancer, ())) - organ
    assert not set(ITEMS[cancer]) & organ
    columns = {table.title: table.columns for table in found}
    expected = TABLES.get(cancer, NECK_TABLES) | {"Side findings": ("Item", "Value", "Limit", "Meaning")}
    assert {title: columns.get(title) for title in expected} == expected


def test_the_highest_grade_of_a_level_is_told_beside_nodes_that_nobody_graded() -> None:
    graded = [{"p": 0.4, "grade": 3}, {"p": 0.9, "grade": 1}, None, {"p": None, "grade": None}]
    nodes = [{"station": "II", "laterality": "left", "ene": ene} for ene in graded]
    (row,) = tables("larynx", nodes=nodes)["Nodes by level"]
    assert row[-1] == "grade 3, 40 %"


def test_the_likelier_extension_is_told_by_its_number_and_not_by_its_spelling() -> None:
    nodes = [{"station": "II", "laterality": "left", "ene": {"p": p, "grade": None}} for p in (0.09, 0.85)]
    (row,) = tables("larynx", nodes=nodes)["Nodes by level"]
    assert row[-1] == "85 %"


def test_a_station_that_a_sample_found_benign_is_not_shown_with_the_probability_of_its_images() -> None:
    nodes = [{"station": "4R", "laterality": "right", "short_axis_mm": 14.0, "p_malignant": 0.93}]
    found = tables("lung", nodes=nodes, record=[sampled("4R", False)])["Nodes by IASLC station"]
    assert found == (("4R", "yes", "right", "1", "14", "–", "no", "EBUS", "–", "–"),)
    content, told, history = staged("lung", nodes=nodes, record=[sampled("4R", False)])
    html = render_html(report(findings=content, staging=told, history=history, key_images=[]))
    assert "<td>no</td><td>EBUS</td>" in html


def test_a_sampled_station_has_a_row_though_no_node_was_measured_there() -> None:
    record = [sampled("7", True), sampled("4L", False, None), sampled("5", True, by="review")]
    rows = {row[0]: row for row in tables("lung", nodes=[], record=record)["Nodes by IASLC station"]}
    assert rows["7"] == ("7", "yes", "–", "0", "–", "–", "yes", "EBUS", "–", "–")
    assert rows["4L"][6:8] == ("no", "sample")
    assert rows["5"][6:8] == ("yes", "person")


def test_a_proven_node_outweighs_the_others_of_its_station_and_says_what_proved_it() -> None:
    nodes = [{"station": "7", "p_malignant": 0.6}, {"station": "7", "p_malignant": 0.3}]
    (row,) = tables("lung", nodes=nodes, record=[sampled("7", True)])["Nodes by IASLC station"]
    assert row[6:8] == ("yes", "EBUS")
    (row,) = tables("lung", nodes=nodes)["Nodes by IASLC station"]
    assert row[6:8] == ("60 %", "images")


def test_a_node_of_the_neck_is_ruled_out_on_the_side_that_was_sampled_alone() -> None:
    sample = sampled("II", False, "FNA")
    sample["value"]["laterality"] = "left"
    ene = {"p": 0.7, "grade": 2}
    nodes = [{"station": "II", "laterality": side, "p_malignant": 0.8, "ene": ene} for side in ("left", "right")]
    left, right = tables("larynx", nodes=nodes, record=[sample])["Nodes by level"]
    assert (left[5:7], left[-1]) == (("no", "FNA"), "–")
    assert (right[5:7], right[-1]) == (("80 %", "images"), "grade 2, 70 %")


def test_items_of_a_lung_tumor_are_told_and_those_that_nobody_measures_are_named_not_assessed() -> None:
    tumor = TUMORS["lung"] | {"distance_to_carina_mm": 31.0, "solid_component_mm": 40.0}
    effusion = {"site": "pleural_effusion", "volume_ml": 80.0}
    rows = {row[0]: row[1] for row in tables("lung", tumors=[tumor], candidates=[effusion])["Tumor by items"]}
    assert (rows["lobe"], rows["greatest dimension (mm)"]) == ("lung upper lobe right", "42")
    assert (rows["solid component (mm)"], rows["distance to carina (mm)"]) == ("40", "31")
    assert (rows["margins"], rows["cavitation"]) == ("not assessed", "not assessed")
    assert (rows["pleural effusion"], rows["pericardial effusion"]) == ("yes", "not assessed")


def test_a_proposed_tumor_shows_the_range_of_its_length_and_not_every_length_with_its_chance() -> None:
    tumor = TUMORS["lung"] | {"needs_confirmation": True}
    rows = {row[0]: row[1] for row in tables("lung", tumors=[tumor])["Tumor by items"]}
    low, high = map(int, rows["greatest dimension (mm)"].split("–"))
    assert 36 <= low < 44 <= high <= 50


def test_stations_out_of_the_region_and_sites_of_metastases_are_told_for_the_esophagus() -> None:
    nodes = [{"station": "7", "p_malignant": 0.4}, {"station": "para_aortic_abdominal", "p_malignant": 0.9}]
    liver = {"site": "liver", "suv_max": 7.25}
    bones = [{"site": "bone", "confirmed": True}, {"site": "bone", "confirmed": True}]
    found = tables(
        "esophagus",
        nodes=nodes,
        candidates=[liver, *bones, {"site": "brain", "confirmed": False}],
        regions_imaged=["thorax", "abdomen"],
    )
    assert {row[0]: row[1] for row in found["Nodes by station"]} == {"7": "yes", "para aortic abdominal": "no"}
    assert found["Metastases by site"] == (
        ("bone", "2", "–", "confirmed"),
        ("liver", "1", "7.2", "needs confirmation"),
        ("brain", "1", "–", "ruled out"),
        ("neck", "–", "–", "not imaged"),
    )


def test_a_proven_node_out_of_the_region_and_a_metastasis_of_the_record_alone_stand_among_the_sites() -> None:
    liver = {"name": "metastasis_result", "value": {"site": "liver", "malignant": True}}
    record = [sampled("supraclavicular_left", True, "FNA"), liver]
    found = tables("esophagus", nodes=[], record=record, regions_imaged=["neck", "thorax", "abdomen"])
    assert set(found["Metastases by site"]) == {
        ("non regional lymph node", "1", "–", "confirmed"),
        ("liver", "1", "–", "confirmed"),
    }


def test_samples_of_a_level_are_told_by_side_and_one_of_unknown_side_is_told_of_no_measured_node() -> None:
    nodes = [{"station": "II", "laterality": side, "p_malignant": 0.9} for side in ("left", "right")]
    right = sampled("II", True, "FNA")
    right["value"]["laterality"] = "right"

    def told(*record: dict[str, Any]) -> dict[str, tuple[str, ...]]:
        return {row[1]: row[5:7] for row in tables("larynx", nodes=nodes, record=record)["Nodes by level"]}

    assert told(right) == {"left": ("90 %", "images"), "right": ("yes", "FNA")}
    assert told(sampled("II", True, "FNA")) == {
        "left": ("90 %", "images"), "right": ("90 %", "images"), "–": ("yes", "FNA"),
    }  # fmt: skip


def test_a_sample_without_tumor_rules_out_the_candidates_of_its_site() -> None:
    benign = {"name": "metastasis_result", "value": {"site": "liver", "malignant": False}}
    found = tables("esophagus", candidates=[{"site": "liver"}], record=[benign], regions_imaged=["neck", "abdomen"])
    assert found["Metastases by site"] == (("liver", "1", "–", "ruled out"),)


def test_the_head_of_the_pancreas_is_no_direction_in_another_language() -> None:
    assert ("part", "pancreas head") in tables("pancreas")["Of this organ"]
    assert language("de")("pancreas head") == "Pankreaskopf"


@pytest.mark.parametrize(
    ("mask", "vessel"),
    [("celiac_trunk", "celiac axis"), ("portal_vein_and_splenic_vein", "portal vein"), ("aorta", "aorta")],
)
def test_length_and_fat_plane_of_a_vessel_are_those_of_the_mask_that_showed_it(mask: str, vessel: str) -> None:
    contact = {"structure": mask, "contact_mm2": 90.0, "depth_mm": 0.0, "angle_deg": 95.0}
    contact |= {"length_mm": 14.0, "fat_plane_share": 0.25}
    found = tables("pancreas", tumors=[TUMORS["pancreas"] | {"contacts": [contact]}], structures_assessed=VESSELS)
    assert {row[0]: row for row in found["Vessels"]}[vessel] == (vessel, "95", "abutment", "14", "25 %")
