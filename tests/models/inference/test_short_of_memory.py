"""A network that memory is too short for: what it takes, and in what smaller tiles and coarser grids it looks then."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.card import Card, Head, write_card
from models.inference import run
from models.inference.engine import needs_torch
from models.inference.memory import free_mb, memory_mb
from models.inference.predict import Scan
from models.inference.run import ask
from models.inference.sparing import SPARING, USUAL, Way, given_answer, held_scan, on_coarser, ways
from models.inference.worker import answer, windows_of, write_job
from models.registry import find_card
from oncology.errors import ModelError, ModelMemoryError
from small_network import SHAPE, SPACING

pytestmark = pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="reads Linux's figures of processes")
FACTOR = 1.35  # that an estimate is off a worker's real peak at most
# Runs the worker and says how much memory it held at most (kB), which its parent cannot ask of it.
MEASURED = """
import sys
from models.inference.worker import main
code = main()
status = open("/proc/self/status").read().splitlines()
print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
sys.exit(code)
"""


def workers() -> list[int]:
    """Process ids of this process's workers that are past their start."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rsplit(")", 1)[1].split()[1])
            resident_mb = int((place / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
            if parent == os.getpid() and b"models.inference.worker" in (place / "cmdline").read_bytes():
                found += [int(place.name)] if resident_mb > 40.0 else []
        except (OSError, IndexError):
            continue  # it has ended meanwhile
    return found


@contextmanager
def system_kills(count: int) -> Iterator[list[int]]:
    """So many workers are killed while they work, as a system does that runs out of memory."""
    ended, killed = threading.Event(), list[int]()

    def hunt() -> None:
        while len(killed) < count and not ended.is_set():
            for worker in set(workers()) - set(killed):
                os.kill(worker, signal.SIGKILL)
                killed.append(worker)
            time.sleep(0.005)

    thread = threading.Thread(target=hunt)
    thread.start()
    yield killed
    ended.set()
    thread.join()


@pytest.mark.parametrize(("deaths", "expected"), list(enumerate(SPARING, start=1)))
def test_a_network_whose_process_was_killed_is_asked_again_in_a_way_that_takes_less(
    card: Card, scan: Scan, tmp_path: Path, deaths: int, expected: Way
) -> None:
    told: list[tuple[str, Way]] = []
    with system_kills(deaths) as killed:
        found = ask(card, scan, tmp_path / "kept", tell=lambda asked, way: told.append((asked.id, way)))
    assert (len(killed), told) == (deaths, [("small", expected)])
    alone = answer(card, tmp_path / "small.pt", held_scan(scan, expected), expected, tmp_path / "kept", "cpu")
    assert {name: array.dtype for name, array in found.items()} == {name: array.dtype for name, array in alone.items()}
    for name, array in given_answer(card, alone, scan, expected).items():
        assert array.shape[-3:] == scan.hu.shape
        assert np.array_equal(found[name], array)


def test_a_network_that_is_killed_in_every_way_says_so(card: Card, scan: Scan) -> None:
    with system_kills(3), pytest.raises(ModelMemoryError, match=r"small was killed \(signal 9\)"):
        ask(card, scan)


def test_the_way_that_fits_into_free_memory_is_taken(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    hu = np.full((180, 180, 180), -1000, np.int16)
    hu[80:100, 80:100, 80:100] = 40
    scan, told = Scan(hu, SPACING), list[Way]()
    needed = [memory_mb(card, scan, way, torch=True) for way in (USUAL, *SPARING)]
    assert needed == sorted(needed, reverse=True)
    for free, expected in ((needed[0] + 1, []), (needed[1] + 1, [SPARING[0]]), (needed[2] + 1, [SPARING[1]])):
        monkeypatch.setattr(run, "free_mb", lambda free=free: free)
        told.clear()
        assert ask(card, scan, tell=lambda _, way: told.append(way))["anatomy"].shape == hu.shape
        assert told == expected
    monkeypatch.setattr(run, "free_mb", lambda: needed[2] - 1)
    with pytest.raises(ModelMemoryError, match=f"needs about {needed[0]:.0f} MB"):
        ask(card, scan)


@pytest.mark.parametrize("way", [USUAL, *SPARING], ids=["usual", "tiles", "grid"])
def test_the_estimate_is_what_a_worker_really_takes(card: Card, tmp_path: Path, way: Way) -> None:
    scan = Scan(np.random.default_rng(5).normal(40.0, 120.0, (90, 90, 90)).astype(np.int16), SPACING)
    write_job(held_scan(scan, way), tmp_path / "job.npz")
    write_card(card, tmp_path / "card.toml")
    files = [str(tmp_path / name) for name in ("card.toml", "small.pt", "job.npz", "answer.npz")]
    options = ["--cache", str(tmp_path / "kept"), "--window", str(way.window), "--coarser", str(way.coarser)]
    for converting in (True, False):  # first it is converted, then it is there
        assert needs_torch(SHAPE, tmp_path / "small.pt", windows_of(scan, way), tmp_path / "kept") is converting
        command = [sys.executable, "-c", MEASURED, *files, *options]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=200)
        peak_mb = int(done.stdout.split()[-1]) / 1024.0
        estimate = memory_mb(card, scan, way, torch=converting)
        assert peak_mb / FACTOR < estimate < peak_mb * FACTOR, (converting, peak_mb)


@pytest.mark.filterwarnings("ignore")  # OpenVINO and torch warn where they convert
def test_smaller_tiles_take_the_converted_network_that_is_there(card: Card, scan: Scan, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    first = answer(card, tmp_path / "small.pt", scan, SPARING[0], None, "cpu")
    answer(card, tmp_path / "small.pt", scan, USUAL, kept, "cpu")
    names = sorted(path.name for path in kept.iterdir())
    second = answer(card, tmp_path / "small.pt", scan, SPARING[0], kept, "cpu")
    assert sorted(path.name for path in kept.iterdir()) == names
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_coarser_grid_keeps_things_at_their_place_and_size() -> None:
    """A network that says where the scan is dense: the ball it sees is the ball that is there."""
    index = np.indices((70, 66, 63)) - np.array([30, 40, 25])[:, None, None, None]
    ball = np.linalg.norm(index, axis=0) <= 14.0
    scan = Scan(np.where(ball, 240, -160).astype(np.int16), SPACING, middle=(33.0, 31.0))
    lesion = Card(
        id="dense", role="lesion", kind="unet", spacing_mm=SPACING, heads=(Head("lesion", "sigmoid", ("a",)),)
    )
    way = SPARING[-1]
    held = held_scan(scan, way)
    seen: list[tuple[int, ...]] = []

    def dense(block: np.ndarray) -> np.ndarray:
        seen.append(block.shape)
        return block[:, :1] * 30.0

    coarse = on_coarser(dense, way.coarser)(np.ascontiguousarray(_padded(held.hu))[None, None] / 200.0)
    assert seen == [(1, 1, 72, 72, 72)]
    z, y, x = held.hu.shape
    probability = 1.0 / (1.0 + np.exp(-np.clip(coarse[:, 0, :z, :y, :x], -30.0, 30.0)))
    found = given_answer(lesion, {"lesion": probability.astype(np.float16)}, scan, way)["lesion"][0] > 0.5
    assert held.spacing_mm == (3.0, 3.0, 3.0)
    assert held.middle == pytest.approx((21.83, 20.5), abs=0.01)
    assert np.abs(np.argwhere(found).mean(axis=0) - np.argwhere(ball).mean(axis=0)).max() < 0.2
    assert np.count_nonzero(found & ball) * 2 / (np.count_nonzero(found) + np.count_nonzero(ball)) > 0.9


def _padded(hu: np.ndarray) -> np.ndarray:
    return np.pad(hu.astype(np.float32), [(0, 48 - count) for count in hu.shape], constant_values=-160.0)


def test_tiles_that_do_not_suit_a_network_are_not_tried(card: Card) -> None:
    deep = replace(card, network={**SHAPE, "channels": [16] * 6})  # halves its window five times: multiples of 32
    assert list(ways(deep)) == [USUAL]
    assert list(ways(replace(card, settings={"margin": 24}))) == [USUAL]  # nothing of 48 voxels would be kept
    assert list(ways(find_card("lesion-thorax", None))) == [USUAL, *SPARING]


def test_a_file_that_is_no_network_is_not_asked_again(card: Card, scan: Scan) -> None:
    broken = replace(card, network={**SHAPE, "channels": [32, 32]})
    with pytest.raises(ModelError, match="its card describes") as error:
        ask(broken, scan)
    assert not isinstance(error.value, ModelMemoryError)


def limited(root: Path, folder: str, most: str, used: str, reclaimed: str, limit: str) -> Path:
    """What Linux tells of a container that holds 300 MB, 100 of them files that it can let go."""
    (root / folder).mkdir(exist_ok=True)
    (root / folder / most).write_text(f"{limit}\n")
    (root / folder / used).write_text(f"{300 * 2**20}\n")
    (root / folder / "memory.stat").write_text(f"anon 1\n{reclaimed} {100 * 2**20}\n")
    return root


def test_the_limit_of_a_container_counts_and_none_leaves_the_machines_memory(tmp_path: Path) -> None:
    newer = ("", "memory.max", "memory.current", "inactive_file")
    older = ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    unlimited = free_mb(tmp_path)
    for number, files in enumerate((newer, older)):
        root = tmp_path / str(number)
        root.mkdir()
        assert free_mb(limited(root, *files, str(512 * 2**20))) == pytest.approx(312.0)
        assert free_mb(limited(root, *files, str(2**62))) == pytest.approx(unlimited, rel=0.2)
    assert free_mb(limited(tmp_path / "0", *newer, "max")) == pytest.approx(unlimited, rel=0.2)
