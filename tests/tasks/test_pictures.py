"""Key images: every possible metastasis and the nodes that decide have one, and each names its slice."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import phantoms
from oncology.imaging.volume import Volume
from oncology.probabilities import decisive_nodes
from tasks.case_files import CaseFiles
from tasks.findings import FINDINGS
from tasks.history import HISTORY
from tasks.images import CT, IMAGES
from tasks.masks import FINDING_MASKS, save_masks
from tasks.pictures import PICTURES, draw, draw_station_map, picture_slices
from tasks.staging import STAGING
from templates_sample import findings, node, staging

GRID = phantoms.make_grid((200, 240, 240), (5.0, 3.0, 3.0), center_lps=(0.0, 0.0, 100.0))
LOWEST_MM = 100.0 - 5.0 * 39 / 2  # center of slice 0
TUMOR = phantoms.ellipsoid(GRID, (-60.0, 10.0, 80.0), (40, 30, 30))
UIDS = [f"2.25.{number}" for number in range(1, 41)]


def candidate(place: int, site: str, z_mm: float, confirmed: bool | None = None) -> dict[str, Any]:
    source = {"kind": "rules", "id": "metastasis-candidates", "sha256": None}
    seen = {"id": f"candidate-{place}", "site": site, "centroid_lps": [0.0, 0.0, z_mm], "volume_ml": 2.0}
    return seen | {"suv_max": 6.0, "p_malignant": None, "confirmed": confirmed, "source": source, "key_image": None}


def change(place: int) -> dict[str, Any]:
    return {"finding": f"nodes[{place}].positive", "if": "x", "then": {"n": "N2"}}


@pytest.fixture
def empty(home: Path) -> CaseFiles:
    """A case of which nothing is known."""
    files = CaseFiles("0123456789abcdef")
    files.create()
    files.save_json(HISTORY, {"facts": []})
    return files


@pytest.fixture
def case(empty: CaseFiles) -> CaseFiles:
    files = empty
    seen = findings() | {"metastasis_candidates": [candidate(1, "bone", 60.0, True), candidate(2, "liver", 41.0)]}
    told = staging()
    told["facts"].append({"key": "nodes", "value": [{"id": "node-1", "positive": {"p": 0.5}, "station": "4R"}]})
    files.save_json(FINDINGS, seen)
    files.save_json(STAGING, told)
    files.save_json(IMAGES, {"series": [{"sop_instance_uids": UIDS}]})
    files.save_volume(CT, Volume(np.where(TUMOR, 40, -800).astype(np.int16), GRID))
    save_masks(files, FINDING_MASKS, {"tumor-1": TUMOR}, GRID)
    draw(files, with_pet=False, language="en")
    return files


def test_every_candidate_has_a_picture_and_the_open_one_stands_on_page_one(case: CaseFiles) -> None:
    shown = {item["finding"]: item["front"] for item in case.load_json(PICTURES)["pictures"]}
    assert shown["candidate-2"]
    assert not shown["candidate-1"]


def test_a_picture_names_the_slice_that_it_shows(case: CaseFiles) -> None:
    told = {item["name"]: item for item in picture_slices(case)}
    index = round((41.0 - LOWEST_MM) / 5.0)
    assert told["key_images/candidate-2-axial.png"]["slice_index"] == index
    assert told["key_images/candidate-2-axial.png"]["sop_instance_uid"] == UIDS[index]
    assert told["key_images/tumor-1-coronal.png"]["slice_index"] is None


@pytest.mark.parametrize(("cancer", "gray"), [("lung", 76), ("larynx", 0)])  # of tissue at -800 HU
def test_a_tumor_is_shown_in_the_window_of_its_organ(case: CaseFiles, cancer: str, gray: int) -> None:
    case.save_json(FINDINGS, findings() | {"cancer": cancer})
    draw(case, with_pet=False, language="en")
    picture = Image.open(BytesIO(case.load_bytes("key_images/tumor-1-axial.png"))).convert("L")
    assert picture.getpixel((160, 60)) == pytest.approx(gray, abs=1)


def test_no_file_name_holds_a_uid(case: CaseFiles) -> None:
    assert not any("2.25" in item["name"] for item in picture_slices(case))


def test_nodes_that_would_change_the_stage_come_first_the_likeliest_before_others() -> None:
    chances = {"node-1": {"p": 0.2}, "node-2": {"p": 0.9}, "node-3": {"p": 0.6}, "node-4": {"p": 0.01}}
    told = staging()
    told["facts"] = [{"key": "nodes", "value": [{"id": name, "positive": p} for name, p in chances.items()]}]
    told["editions"]["8"]["would_change"] = [change(0), change(1), change(3)]
    assert decisive_nodes(told) == ("node-2", "node-1")


def test_a_decisive_node_is_drawn_before_others(case: CaseFiles) -> None:
    seen = findings() | {"nodes": [node(), node() | {"id": "node-2"}]}
    told = case.load_json(STAGING)
    told["facts"][-1]["value"].append({"id": "node-2", "positive": {"p": 0.5}, "station": "4R"})
    told["editions"]["8"]["would_change"] = [change(1)]
    case.save_json(FINDINGS, seen)
    case.save_json(STAGING, told)
    draw(case, with_pet=False, language="en")
    assert [item["finding"] for item in picture_slices(case)][-2:] == ["node-2", "node-1"]


def test_every_decisive_node_is_drawn_however_many_and_only_others_are_left_out(case: CaseFiles) -> None:
    names = [f"node-{place}" for place in range(1, 16)]
    told = case.load_json(STAGING)
    told["facts"][-1]["value"] = [{"id": name, "positive": {"p": 0.5}, "station": "4R"} for name in names]
    told["editions"]["8"]["would_change"] = [change(place) for place in range(2, 15)]
    case.save_json(FINDINGS, findings() | {"nodes": [node() | {"id": name} for name in names]})
    case.save_json(STAGING, told)
    draw(case, with_pet=False, language="en")
    drawn = [item["finding"] for item in picture_slices(case) if item["finding"].startswith("node")]
    assert drawn == names[2:]


def test_every_candidate_in_doubt_is_drawn_however_many_and_settled_ones_fill_the_rest(case: CaseFiles) -> None:
    settled = [candidate(place, "bone", 60.0, True) for place in range(1, 9)]
    open_ones = [candidate(place, "liver", 41.0) for place in range(9, 18)]
    for doubtful, expected in ((open_ones, open_ones), (open_ones[:3], [*open_ones[:3], *settled[:5]])):
        case.save_json(FINDINGS, findings() | {"metastasis_candidates": [*settled, *doubtful]})
        draw(case, with_pet=False, language="en")
        drawn = {item["finding"] for item in picture_slices(case) if item["finding"].startswith("candidate")}
        assert drawn == {item["id"] for item in expected}


def described(empty: CaseFiles, cancer: str, entries: list[dict[str, Any]], **seen: Any) -> str:
    """What the station map says to those who hear it."""
    told = staging()
    told["facts"] = [{"key": "nodes", "value": entries, "evidence": [], "reason": ""}]
    empty.save_json(FINDINGS, findings() | {"cancer": cancer, "nodes": []} | seen)
    empty.save_json(STAGING, told)
    found = re.search("<desc>(.*?)</desc>", draw_station_map(empty, cancer, "en"))
    return found[1] if found else ""


def test_stations_that_were_looked_at_are_negative_and_others_not_assessed(empty: CaseFiles) -> None:
    entries = [{"id": "node-1", "positive": {"p": 0.9}, "station": "4R"}]
    looked_at = {"stations_assessed": ["4R", "7", "8"], "nodes": [node()]}
    assert described(empty, "lung", entries, **looked_at) == "positive: 4R; negative: 7, 8R, 8L"
    assert described(empty, "lung", entries, **looked_at, nodes_assessed=False) == "positive: 4R"


def test_levels_are_looked_at_by_side(empty: CaseFiles) -> None:
    assert described(empty, "larynx", [], stations_assessed=["II_left", "VI_left"]) == "negative: II left, VI"


def test_a_suspicious_node_out_of_the_region_that_nobody_proved_is_doubtful_on_the_map(empty: CaseFiles) -> None:
    axilla = node() | {"station": "axillary_right", "station_alternatives": {"axillary_right": 1.0}}
    assert described(empty, "lung", [], nodes=[axilla | {"p_malignant": 0.93}]) == "doubtful: Axilla R"
    assert described(empty, "lung", [], nodes=[axilla | {"p_malignant": 0.05}]) == "negative: Axilla R"
    proven = [{"id": "node-1", "positive": True, "station": "axillary_right"}]
    assert described(empty, "lung", proven, nodes=[axilla | {"p_malignant": 0.93}]) == "positive: Axilla R"


def test_a_station_without_a_node_that_a_sample_found_benign_is_negative(empty: CaseFiles) -> None:
    value = {"station": "7", "malignant": False, "method": "EBUS"}
    fact = {"name": "station_result", "value": value, "resource": "Procedure/1", "path": "outcome"}
    empty.save_json(HISTORY, {"facts": [fact]})
    assert described(empty, "lung", []) == "negative: 7"


def test_a_benign_sample_of_a_level_of_unknown_side_clears_neither_side(empty: CaseFiles) -> None:
    value = {"station": "II", "malignant": False, "method": "FNA"}
    fact = {"name": "station_result", "value": value, "resource": "Procedure/1", "path": "outcome"}
    empty.save_json(HISTORY, {"facts": [fact]})
    assert described(empty, "larynx", []) == "no station was assessed"


def test_a_benign_sample_of_one_side_of_a_level_clears_that_side_on_the_map(empty: CaseFiles) -> None:
    value = {"station": "II", "laterality": "left", "malignant": False, "method": "FNA"}
    fact = {"name": "station_result", "value": value, "resource": "Procedure/1", "path": "outcome"}
    empty.save_json(HISTORY, {"facts": [fact]})
    assert described(empty, "larynx", []) == "negative: II left"
