"""TotalSegmentator: the marker, the command line that it gets, and what comes back."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from models.adapters import totalsegmentator
from models.adapters.detect import detect
from models.card import Card
from oncology.errors import ModelError
from oncology.imaging.volume import Geometry, Volume

# Not TotalSegmentator: writes down how it was called and calls everything above 0 HU liver, the rest spleen.
STAND_IN = """#!{python}
import json, os, sys
import SimpleITK as sitk
given = sys.argv[1:]
scan, out = given[given.index("-i") + 1], given[given.index("-o") + 1]
home = json.load(open(os.path.join(os.environ["TOTALSEG_HOME_DIR"], "config.json")))
about = {{"given": given, "home": home, "environment": dict(os.environ)}}
json.dump(about, open({record!r}, "w"))
os.makedirs(out)
image = sitk.ReadImage(scan)
for name, mask in (("liver", image > 0), ("spleen", image < 0)):
    sitk.WriteImage(mask, os.path.join(out, name + ".nii.gz"))
"""


def marked(folder: Path, **content: object) -> Card:
    folder.mkdir(exist_ok=True)
    (folder / totalsegmentator.MARKER).write_text(json.dumps(content))
    return detect(folder)


def noise_ct() -> Volume:
    array = np.random.default_rng(2).normal(0, 100, (9, 12, 14)).astype(np.int16)
    array[array == 0] = 1
    direction = ((-1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0))  # neither as TotalSegmentator nor as we store it
    return Volume(array, Geometry(array.shape, (2.5, 0.9, 0.9), (4.0, -8.0, 60.0), direction))


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of TotalSegmentator's; the file in which it says how it was called."""
    environment, record = tmp_path / "environment" / "bin", tmp_path / "called.json"
    environment.mkdir(parents=True)
    (environment / "python").symlink_to(sys.executable)
    program = environment / totalsegmentator.COMMAND
    program.write_text(STAND_IN.format(python=sys.executable, record=str(record)))
    program.chmod(0o700)
    monkeypatch.setenv(totalsegmentator.PYTHON, str(environment / "python"))
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(tmp_path / "own"))
    monkeypatch.setenv("AIMDT_FHIR_TOKEN", "secret")
    return record


def test_marker_becomes_a_card_with_its_structures(tmp_path: Path) -> None:
    card = marked(tmp_path, structures=["liver", "aorta"], fast=True)
    assert (card.kind, card.role, card.id) == ("totalsegmentator", "anatomy", "totalsegmentator-total")
    assert card.names == {"liver": "liver", "aorta": "aorta"}
    assert card.settings == {"task": "total", "fast": True}


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"structures": []},
        {"structures": ["--help"]},
        {"structures": ["liver"], "taks": "total"},
        {"structures": [3]},
    ],
)
def test_marker_that_makes_no_sense_is_refused(tmp_path: Path, content: dict[str, object]) -> None:
    with pytest.raises(ModelError, match=r"totalsegmentator\.json"):
        marked(tmp_path, **content)


def test_it_is_asked_for_the_wanted_structures_on_the_processor(tmp_path: Path, stand_in: Path) -> None:
    totalsegmentator.segment(marked(tmp_path / "model", structures=["liver", "spleen"]), noise_ct(), tmp_path)
    given = json.loads(stand_in.read_text())["given"]
    assert given[given.index("--roi_subset") + 1 :] == ["liver", "spleen"]
    assert given[given.index("--task") + 1] == "total"
    assert given[given.index("--device") + 1] == "cpu"
    assert "--fast" not in given


def test_usage_is_not_reported_and_secrets_stay_here(tmp_path: Path, stand_in: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "config.json").write_text(json.dumps({"license_number": "x", "send_usage_stats": True}))
    totalsegmentator.segment(marked(tmp_path / "model", structures=["liver"]), noise_ct(), tmp_path)
    called = json.loads(stand_in.read_text())
    assert called["home"]["send_usage_stats"] is False
    assert called["home"]["license_number"] == "x"
    assert "AIMDT_FHIR_TOKEN" not in called["environment"]
    assert called["environment"]["TOTALSEG_WEIGHTS_PATH"] == str(tmp_path / "own" / "nnunet" / "results")


def test_masks_come_back_on_the_cts_own_voxels(tmp_path: Path, stand_in: Path) -> None:
    ct = noise_ct()
    masks = totalsegmentator.segment(marked(tmp_path / "model", structures=["liver", "spleen"]), ct, tmp_path)
    assert np.array_equal(masks["liver"], ct.array > 0)
    assert np.array_equal(masks["spleen"], ct.array < 0)
    assert not list(tmp_path.glob("totalsegmentator-*"))


def test_structure_that_its_task_does_not_have_is_named(tmp_path: Path, stand_in: Path) -> None:
    with pytest.raises(ModelError, match="did not answer for thyroid_gland"):
        totalsegmentator.segment(marked(tmp_path / "model", structures=["thyroid_gland"]), noise_ct(), tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_installed_totalsegmentator_finds_the_aorta_of_a_real_scan(tmp_path: Path, shared_data: Path) -> None:
    if not os.environ.get(totalsegmentator.PYTHON):
        pytest.skip(f"{totalsegmentator.PYTHON} names no environment with TotalSegmentator")
    from oncology.imaging.volume import read_volume

    ct = read_volume(shared_data / "totalsegmentator_example" / "example_ct_sm.nii.gz")
    masks = totalsegmentator.segment(marked(tmp_path / "model", structures=["aorta"], fast=True), ct, tmp_path)
    assert masks["aorta"].shape == ct.array.shape
