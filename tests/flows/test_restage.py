"""Restaging with an edited finding estimates anew what rests on it and nothing else, from findings and record alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flow_bench import Staged, at_home, server_environment
from oncology.edit import Edit, EditKind

IMAGES = ("*.mha", "*.npz", "*.nii.gz", "*.dcm", "prefect")
ALONE = """
import sys

def watch(event, arguments):
    if event == "socket.connect":
        raise RuntimeError("asked the network")
    if event == "open" and str(arguments[0]).endswith((".mha", ".npz", ".npy", ".nii.gz", ".dcm")):
        raise RuntimeError(f"read {arguments[0]}")

sys.addaudithook(watch)
from flows.cli import main
status = main(["restage", sys.argv[1], "--json"])
sys.exit(7 if "torch" in sys.modules else status)
"""


@pytest.fixture
def home(staged: Staged, tmp_path: Path) -> Path:
    """The home where the patient was staged, without any image or mask."""
    shutil.copytree(staged.home, tmp_path / "home", ignore=shutil.ignore_patterns(*IMAGES))
    return tmp_path / "home"


@pytest.fixture
def case(home: Path, staged: Staged) -> Iterator[str]:
    with at_home(home):
        yield staged.case_id


def restaged(case: str, values: dict[str, Any] | None = None) -> Any:
    """The case after trial edits, new values by their place."""
    from tasks.review import restage  # at this home

    return restage(case, [Edit(EditKind.SET, place, value) for place, value in (values or {}).items()])


def categories(result: Any, edition: str = "9") -> dict[str, str | None]:
    return {axis: result.staging["editions"][edition][axis]["category"] for axis in ("t", "n", "m", "stage_group")}


def chances(result: Any) -> dict[str, float]:
    (tumor,) = result.findings["tumors"]
    return {contact["structure"]: contact["probability"] for contact in tumor["contacts"]}


def test_a_larger_and_deeper_contact_makes_invasion_likelier_and_leaves_nodes_and_other_contacts(case: str) -> None:
    name, other = "tumor-1.contacts.chest_wall", {"tumor-1.contacts.diaphragm.contact_mm2": 200.0}
    light = restaged(case, other | {f"{name}.contact_mm2": 1.0, f"{name}.depth_mm": 0.0})
    heavy = restaged(case, other | {f"{name}.contact_mm2": 3000.0, f"{name}.depth_mm": 20.0})
    before, after = chances(light), chances(heavy)
    assert after.pop("chest_wall") > before.pop("chest_wall") + 0.5
    assert after == before
    t = [result.staging["editions"]["9"]["t"]["probabilities"] for result in (light, heavy)]
    assert t[1]["T3"] > t[0].get("T3", 0.0) + 0.5  # the chest wall is T3
    assert heavy.findings["nodes"] == light.findings["nodes"]
    assert [categories(heavy)[axis] for axis in "nm"] == [categories(light)[axis] for axis in "nm"]


@pytest.mark.parametrize("edition", ["8", "9"])
def test_a_larger_tumor_moves_t_the_group_and_what_would_change_and_leaves_n(case: str, edition: str) -> None:
    size = {"tumor-1.greatest_dimension_mm": 75.0, "tumor-1.solid_component_mm": 75.0}
    draft, now = restaged(case), restaged(case, size)
    assert categories(now, edition)["t"] == "T4"  # more than 70 mm
    assert [categories(now, edition)[axis] for axis in "nm"] == [categories(draft, edition)[axis] for axis in "nm"]
    assert now.findings["nodes"] == draft.findings["nodes"]
    changes = [result.staging["editions"][edition]["would_change"] for result in (draft, now)]
    assert changes[0] != changes[1]


def test_a_node_called_malignant_at_another_station_moves_n_and_leaves_t(case: str) -> None:
    draft, now = restaged(case), restaged(case, {"node-3.station": "1R", "node-3.p_malignant": 1.0})
    assert (categories(now)["n"], categories(now)["stage_group"]) == ("N3", "IIIB")  # supraclavicular; T2a N3 M0
    assert [categories(now)[axis] for axis in "tm"] == [categories(draft)[axis] for axis in "tm"]
    assert now.findings["tumors"] == draft.findings["tumors"]
    rest = [[node for node in result.findings["nodes"] if node["id"] != "node-3"] for result in (draft, now)]
    assert rest[0] == rest[1]


def test_restaging_asks_no_network_reads_no_image_and_loads_no_torch(home: Path, staged: Staged) -> None:
    command = [sys.executable, "-c", ALONE, staged.case_id]
    environment = os.environ | server_environment(home)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["staging"]["editions"]["9"]["t"]["category"]
