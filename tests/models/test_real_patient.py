"""A real CT with a network's labels as a patient for training: nothing is asked for that its labels do not know."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from models.training.crops import draw_sample, stream
from models.training.labels import ANATOMY
from models.training.real import LABELS, NAMES, SCAN, real_folder, real_patient
from models.training.recipe import recipe
from models.training.sample import IGNORED
from models.training.store import StoredPatient, make_stored, patient_path, save_patient
from oncology.imaging.volume import Volume, canonical, read_volume, resample


@pytest.fixture(scope="module")
def scan(shared_data: Path) -> tuple[Volume, Volume, dict[int, str]]:
    folder = shared_data / "totalsegmentator_example"
    with (folder / NAMES).open(newline="", encoding="utf-8") as file:
        names = {int(row["id"]): row["name"] for row in csv.DictReader(file)}
    ct = canonical(read_volume(folder / SCAN))
    return ct, resample(read_volume(folder / LABELS), ct.geometry, linear=False, fill=0), names


@pytest.fixture(scope="module")
def abdomen(scan: tuple[Volume, Volume, dict[int, str]]) -> StoredPatient:
    return real_patient(*scan, "abdomen")


def structure(patient: StoredPatient, name: str) -> np.ndarray:
    return patient.anatomy == patient.about["labels"].index(name) + 1


def test_organs_keep_their_volume(abdomen: StoredPatient) -> None:
    for name, ml in (("liver", 1125.7), ("kidney_right", 192.6), ("spleen", 261.0), ("aorta", 49.7)):
        assert structure(abdomen, name).sum() * 0.027 == pytest.approx(ml, rel=0.02)  # as the data's table tells


def test_parts_of_the_pancreas_lie_from_right_to_left_and_make_up_the_whole(abdomen: StoredPatient) -> None:
    parts = [structure(abdomen, f"pancreas_{part}") for part in ("head", "neck", "body", "tail")]
    assert sum(int(part.sum()) for part in parts) * 0.027 == pytest.approx(18.8, rel=0.02)
    places = [np.argwhere(part)[:, 2].mean() for part in parts]
    assert places == sorted(places)  # x runs to the left


def test_muscle_without_a_label_is_not_asked_for_and_fat_is_no_structure(abdomen: StoredPatient) -> None:
    unknown = abdomen.anatomy == IGNORED
    assert abdomen.ct[0][unknown].min() > -30
    fat = (abdomen.ct[0] < -60) & (abdomen.ct[0] > -130)
    assert np.mean(abdomen.anatomy[fat] == IGNORED) == 0.0
    assert not (structure(abdomen, "skeletal_muscle")).any()


def test_a_sample_of_it_asks_nothing_of_unknown_voxels_and_of_stations(abdomen: StoredPatient) -> None:
    asked = recipe("anatomy-abdomen")
    random = np.random.default_rng(1)
    samples = [draw_sample(abdomen, asked, random) for _ in range(12)]
    assert all((one.targets[1] == IGNORED).all() for one in samples)
    labels = np.concatenate([one.targets[0].ravel() for one in samples])
    assert (labels == IGNORED).any()
    assert set(np.unique(labels)) - {0, IGNORED} <= set(range(1, len(ANATOMY["abdomen"]) + 1))


def test_a_share_of_the_samples_comes_from_it(abdomen: StoredPatient, tmp_path: Path) -> None:
    save_patient(make_stored("pancreas", 5, 0, scans=1), patient_path(tmp_path, "pancreas", 5, 0))
    path = patient_path(tmp_path, real_folder("abdomen"), 1, 0)
    save_patient(abdomen, path)
    drawn = stream(sorted((tmp_path / "pancreas").glob("*.npz")), recipe("anatomy-abdomen"), 1, held=6, real=[path])
    without_stations = [bool((next(drawn).targets[1] == IGNORED).all()) for _ in range(60)]
    assert 0.05 < np.mean(without_stations) < 0.5
