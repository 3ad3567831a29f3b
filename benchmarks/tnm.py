"""TNM staging: time for one answer with its trace, and for a batch file of stage groups.

Cases differ from call to call, so that an answer is not simply remembered: sizes, stations and sides are drawn anew;
the tables, as in the clinic, are warm.
"""

from __future__ import annotations

import csv
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from oncology.tnm import stage, would_change
from oncology.tnm.batch import run_groups

Facts = dict[str, Any]
CALLS, WARM_UP, ROWS = 2_000, 2_000, 100_000
STATIONS = ("4R", "7", "10R", "11R", "2R", "4L", "10L")
HEAD = ("site", "edition", "classification", "subset", "T", "N", "M")


def main() -> None:
    """Print medians in microseconds and rows per second."""
    for name, draw, strict in (
        ("lung 9, all known", known_lung, False),
        ("larynx 8, all known", known_larynx, False),
        ("lung 9, doubtful invasion and 6 doubtful nodes", doubtful_lung, False),
    ):
        print(f"{name}: {median_microseconds(draw, strict):.0f} us for T, N, M and group with trace (median)")
    facts = known_lung(random.Random(0))
    del facts["case"]
    print(f"lung 9, what would change: {once(lambda: would_change('lung', 9, facts, strict=False)) * 1e3:.0f} ms")
    seconds = group_file_seconds()
    print(f"aimdt tnm group: {ROWS} rows in {seconds:.2f} s, {ROWS / seconds:.0f} rows/s")


def median_microseconds(draw: Callable[[random.Random], Facts], strict: bool) -> float:
    """Median time of one call over freshly drawn cases."""
    rng = random.Random(1)
    times = []
    for number in range(WARM_UP + CALLS):
        facts = draw(rng)
        site, edition, subset = facts.pop("case")
        started = time.perf_counter()
        stage(site, edition, facts, subset=subset, strict=strict)
        if number >= WARM_UP:
            times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e6


def known_lung(rng: random.Random) -> Facts:
    """Size, pleura, chest wall and up to three nodes."""
    return {
        "case": ("lung", 9, None),
        "greatest_dimension_mm": rng.uniform(5, 90),
        "visceral_pleura_invasion": rng.random() < 0.3,
        "invaded_structures": rng.sample(["chest_wall", "mediastinum"], rng.choice([0, 0, 1])),
        "tumor_side": rng.choice(["left", "right"]),
        "nodes": [{"positive": True, "station": rng.choice(STATIONS), "count": 1} for _ in range(rng.randint(0, 3))],
        "mets": [],
    }


def known_larynx(rng: random.Random) -> Facts:
    """Mobility, one structure and up to three nodes."""
    node = {"positive": True, "level": "III", "count": 1}
    return {
        "case": ("larynx", 8, "glottis"),
        "subsites_involved": rng.sample(["left_vocal_cord", "right_vocal_cord"], rng.randint(1, 2)),
        "vocal_cord_mobility": rng.choice(["normal", "impaired", "fixed"]),
        "invaded_structures": rng.sample(["paraglottic_space", "trachea"], rng.randint(0, 1)),
        "tumor_side": "left",
        "nodes": [
            {**node, "laterality": rng.choice(["left", "right"]), "greatest_dimension_mm": rng.uniform(8, 70)}
            for _ in range(rng.randint(0, 3))
        ],
        "mets": [],
    }


def doubtful_lung(rng: random.Random) -> Facts:
    """The same tumor as the networks see it."""
    facts = known_lung(rng)
    facts["invaded_structures"] = {"parietal_pleura": {"p": rng.random()}, "chest_wall": {"p": 0.2}, "others": False}
    facts["nodes"] = [{"positive": {"p": rng.random()}, "station": rng.choice(STATIONS), "count": 1} for _ in range(6)]
    return facts


def once(call: Callable[[], object]) -> float:
    """Seconds of one call, warm."""
    call()
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def group_file_seconds() -> float:
    """Seconds for a CSV file of stage groups, reading and writing included."""
    rng = random.Random(2)
    with tempfile.TemporaryDirectory() as name:
        source, target = Path(name) / "groups.csv", Path(name) / "out.csv"
        with source.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle)
            writer.writerow(HEAD)
            for _ in range(ROWS):
                t, n, m = rng.choice(["T1a", "T1b", "T2a", "T3", "T4"]), rng.choice(["N0", "N1", "N3"]), "M0"
                writer.writerow(("lung", rng.choice("89"), "clinical", "", t, n, m))
        started = time.perf_counter()
        run_groups(source, target)
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
