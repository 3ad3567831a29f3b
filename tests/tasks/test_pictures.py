"""Key images: every possible metastasis and the nodes that decide have one, and each names its slice."""

from __future__ import annotations

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
from tasks.images import CT, IMAGES
from tasks.masks import FINDING_MASKS, save_masks
from tasks.pictures import PICTURES, draw, picture_slices
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
def case(home: Path) -> CaseFiles:
    files = CaseFiles("0123456789abcdef")
    files.create()
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
