"""Networks on a scan: windows, engines, the process that can be killed, and the way back to the CT's voxels."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.card import Card
from models.inference import run
from models.inference.engine import load_network
from models.inference.grid import body_grid, hu_on, masks_of, suv_on, without_specks
from models.inference.look import see_anatomy
from models.inference.predict import Scan, predict
from models.inference.run import ask
from models.inference.sparing import Way
from models.inference.tiling import cut, tiles
from models.registry import content_sha256, find_card
from oncology.errors import ModelError
from oncology.imaging.volume import Geometry, Volume
from small_network import SHAPE


def test_cores_cover_every_voxel_once() -> None:
    counts = np.zeros((70, 33, 101), int)
    for tile in tiles(counts.shape, (32, 32, 32), 6):
        counts[tile.core] += 1
    assert counts.min() == counts.max() == 1


def test_a_window_holds_the_scan_at_its_place() -> None:
    array = np.arange(40 * 40 * 40).reshape(40, 40, 40)
    for tile in tiles(array.shape, (32, 32, 32), 6):
        window = cut(array, tile, (32, 32, 32), -1)
        assert window.shape == (32, 32, 32)
        assert np.array_equal(window[tile.core_place], array[tile.core])


def test_the_process_answers_as_torch_does_in_this_one(card: Card, scan: Scan) -> None:
    network = load_network(card.network, card.folder / card.weights)

    def by_torch(block: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(block)).numpy()

    expected, found = predict(card, by_torch, scan), ask(card, scan)
    assert np.mean(expected["anatomy"] == found["anatomy"]) > 0.98  # half precision moves a border
    assert np.abs(expected["lesion"].astype(float) - found["lesion"].astype(float)).max() < 0.05


def test_a_converted_network_is_kept_and_used_again(card: Card, scan: Scan, tmp_path: Path) -> None:
    first = ask(card, scan, tmp_path / "converted")
    kept = sorted(path.suffix for path in (tmp_path / "converted").iterdir())
    second = ask(card, scan, tmp_path / "converted")
    assert kept == [".bin", ".xml"]
    assert np.array_equal(first["anatomy"], second["anatomy"])


def test_a_network_that_is_too_slow_is_stopped(card: Card, scan: Scan) -> None:
    begun = time.monotonic()
    with pytest.raises(ModelError, match="did not answer within"):
        ask(card, scan, timeout_s=0.2)
    assert time.monotonic() - begun < 10.0


def test_a_usual_answer_tells_of_no_other_way_and_a_slow_one_is_not_asked_again(card: Card, scan: Scan) -> None:
    told: list[Way] = []
    with pytest.raises(ModelError, match="did not answer within"):
        ask(card, scan, timeout_s=0.2, tell=lambda _, way: told.append(way))
    ask(card, scan, tell=lambda _, way: told.append(way))
    assert told == []


def test_too_little_memory_is_said_before_anything_runs(
    card: Card, scan: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "free_mb", lambda: 10.0)
    with pytest.raises(ModelError, match="10 MB are free"):
        ask(card, scan)


def test_altered_weights_are_not_run(card: Card, scan: Scan) -> None:
    with (card.folder / card.weights).open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelError, match="altered"):
        ask(card, scan)


def test_weights_that_do_not_fit_the_card_are_named(card: Card, scan: Scan) -> None:
    wider = replace(card, network={**SHAPE, "channels": [32, 32]})
    with pytest.raises(ModelError, match="its card describes"):
        ask(wider, scan)


class _Harmful:
    """What a pickle could hold."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("made-by-a-pickle",)


def test_a_file_with_code_is_not_loaded(
    card: Card, scan: Scan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"weights": _Harmful()}, card.folder / card.weights)
    harmful = replace(card, sha256=content_sha256(card.folder / card.weights))
    with pytest.raises(ModelError, match="holds more than weights"):
        ask(harmful, scan)
    assert not (tmp_path / "made-by-a-pickle").exists()


@pytest.mark.parametrize("flipped", [False, True])
def test_a_ball_comes_back_from_the_network_grid_at_its_place(flipped: bool) -> None:
    sign = -1.0 if flipped else 1.0
    origin = (118.0, 118.0, -40.0) if flipped else (0.0, 0.0, -40.0)
    grid = Geometry((60, 120, 120), (2.0, 1.0, 1.0), origin, ((sign, 0, 0), (0, sign, 0), (0, 0, 1.0)))
    points = grid.to_lps(np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), -1))
    ball = np.linalg.norm(points - np.array([60.0, 50.0, 20.0]), axis=-1) <= 20.0
    ct = Volume(np.where(ball, 100, -800).astype(np.int16), grid)
    coarse = body_grid(Volume(np.ones(grid.shape, bool), grid), (2.5, 2.5, 2.5))
    labels = (hu_on(ct, coarse) > -350).astype(np.uint8)
    back = masks_of(labels, ("ball",), coarse, grid)["ball"]
    dice = 2 * np.count_nonzero(back & ball) / (np.count_nonzero(back) + np.count_nonzero(ball))
    assert dice > 0.96


def test_pet_lies_where_the_ct_has_it() -> None:
    pet = Volume(np.zeros((20, 40, 40), np.float32), Geometry((20, 40, 40), (4.0, 4.0, 4.0), (-20.0, -20.0, 0.0)))
    pet.array[10, 20, 20] = 64.0
    ct = Geometry((40, 60, 60), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0))
    found = suv_on(pet, ct)
    hottest = ct.to_lps(np.array(np.unravel_index(found.argmax(), found.shape)))
    assert np.abs(hottest - np.array([60.0, 60.0, 40.0])).max() <= 2.0


def test_a_brain_drawn_into_a_hole_of_the_skull_base_ends_at_the_base() -> None:
    neck = find_card("anatomy-neck", None)
    body = np.ones((40, 40, 40), bool)
    answer = {head.name: np.zeros(body.shape, np.uint8) for head in neck.heads}
    brain = answer["anatomy"]
    brain[20:] = neck.heads[0].labels.index("brain") + 1
    brain[10:20, 18:21, 18:21] = brain.max()  # 7.5 mm wide
    grid = Geometry((40, 40, 40), neck.spacing_mm, (0.0, 0.0, 0.0))
    seen = see_anatomy(neck, "nasopharynx", Volume(np.zeros(body.shape, np.int16), grid), body, lambda *_: answer)
    found = np.argwhere(seen.masks(grid)["brain"])
    assert 17 <= found[:, 0].min() <= 20  # it was drawn down to 10
    assert found[:, 0].max() == 39


def test_specks_of_a_structure_are_dropped_and_pieces_of_some_size_stay() -> None:
    labels = np.zeros((6, 6, 20), np.uint8)
    labels[1:5, 1:5, 1:9] = 1
    labels[1:3, 1:3, 12:16] = 1  # an eighth of the largest piece
    labels[5, 5, 19] = 1
    labels[0, 0, 0] = 2
    found = without_specks(labels, 0.1)
    assert (found == 1).sum() == 4 * 4 * 8 + 2 * 2 * 4
    assert found[5, 5, 19] == 0
    assert found[0, 0, 0] == 2  # alone it is no speck
    assert (without_specks(labels, 0.2) == 1).sum() == 4 * 4 * 8
