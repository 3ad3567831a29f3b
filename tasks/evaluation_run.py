"""A run over a cohort: which patients are still to be scored, their rows on disk, and the figures at the end."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from oncology.agreement import summarize
from oncology.cancers.protocol import added_cancers, site_of
from oncology.errors import InputError
from oncology.findings import NECK_SITES
from tasks.case_files import write_bytes
from tasks.cohort import MADE, TRUTH, make_scored, patient_name, read_scored
from tasks.evaluation import AT_PLACE_MM, score_patient
from tasks.evaluation_tables import POOLED, REACH, cohorts_of, editions_of, shift_table, targets
from templates.evaluation import render_evaluation

ALL = "all"
ROWS, FAILURES, FIGURES, PAGE = "rows.jsonl", "failures.jsonl", "evaluation.json", "evaluation.html"


@dataclass(frozen=True)
class Job:
    """One patient to be scored: made by seed and index, or read from a folder."""

    patient: str
    modes: tuple[str, ...]
    cancer: str = ""
    seed: int = 0
    index: int = 0
    shift: str | None = None
    folder: Path | None = None


def counts_by_cancer(asked: str, count: int) -> dict[str, int]:
    """How many patients of each cancer are made: `count` of one, of each for "all"; a group's sites share them.

    A cancer that a package adds is scored on patients drawn for its site.

    Raises:
        InputError: no synthetic patients of that cancer are made.
    """
    sites = [name for name in MADE if name in NECK_SITES]
    shared = {name: len(range(place, count, len(sites))) for place, name in enumerate(sites)}
    if asked == POOLED:
        return shared
    if asked == ALL:
        return {**{name: count for name in MADE if name not in shared}, **shared}
    if asked in MADE or (asked in added_cancers()[0] and site_of(asked) in MADE):
        return {asked: count}
    raise InputError(f"no synthetic patients of {asked!r} are made; expected one of: {', '.join((*MADE, POOLED, ALL))}")


def jobs_to_make(
    cancers: Iterable[str], seed: int, count: int, shifts: Sequence[str | None], modes: Sequence[str]
) -> list[Job]:
    """`count` patients of every cancer and shift."""
    return [
        Job(patient_name(cancer, seed, index, shift), tuple(modes), cancer, seed, index, shift)
        for cancer in cancers
        for shift in shifts
        for index in range(count)
    ]


def jobs_of_cohort(cohort: Path, modes: Sequence[str]) -> list[Job]:
    """Every patient folder that `aimdt synth` wrote.

    Raises:
        InputError: there is none, or the mode "truth" is asked for, which needs masks that a folder does not hold.
    """
    if "truth" in modes:
        raise InputError("mode truth needs the drawn masks; leave --cohort out, or ask for the modes record and images")
    folders = sorted(path.parent for path in cohort.glob(f"*/{TRUTH}"))
    if not folders:
        raise InputError(f"no patient folder with {TRUTH} was found in --cohort; expected what `aimdt synth` writes")
    return [Job(folder.name, tuple(modes), folder=folder) for folder in folders]


def still_open(jobs: Iterable[Job], rows: Iterable[dict[str, Any]]) -> list[Job]:
    """What an earlier run did not score."""
    done = {(row["patient"], row["mode"]) for row in rows}
    left = (replace(job, modes=tuple(mode for mode in job.modes if (job.patient, mode) not in done)) for job in jobs)
    return [job for job in left if job.modes]


def score_job(job: Job) -> list[dict[str, Any]]:
    """The rows of one patient, whose images and masks are gone when it returns."""
    if job.folder is not None:
        return score_patient(read_scored(job.folder), job.modes)
    with_images = any(mode != "truth" for mode in job.modes)
    return score_patient(make_scored(job.cancer, job.seed, job.index, job.shift, images=with_images), job.modes)


def score_all(jobs: Sequence[Job], out: Path, processes: int) -> Iterator[Job]:
    """Score every job, its rows written at once; yields each job when it is done or has failed."""
    with (out / ROWS).open("a", encoding="utf-8") as rows, (out / FAILURES).open("w", encoding="utf-8") as failures:
        for job, outcome in _outcomes(jobs, processes):
            if isinstance(outcome, list):
                _write(rows, outcome)
            else:
                _write(failures, [{"patient": job.patient, "error": outcome}])
            yield job


def _outcomes(jobs: Sequence[Job], processes: int) -> Iterator[tuple[Job, list[dict[str, Any]] | str]]:
    if processes <= 1:
        yield from ((job, _tried(job)) for job in jobs)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(_tried, job): job for job in jobs}
        for future in as_completed(running):
            yield running[future], future.result()


def _tried(job: Job) -> list[dict[str, Any]] | str:
    try:
        return score_job(job)
    except Exception as error:  # noqa: BLE001  one patient's failure is told, and does not stop the others
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"


def _write(file: Any, rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        file.write(json.dumps(row) + "\n")
    file.flush()


def read_rows(out: Path) -> list[dict[str, Any]]:
    """The rows of earlier runs; a last line that was cut off is dropped from the file."""
    path = out / ROWS
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    if len(whole) < len(lines):  # a file that is whole stays the one that another run may be writing to
        write_bytes(path, "".join(whole).encode())
    return [json.loads(line) for line in whole]


def figures_of(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The content of evaluation.json: figures per cancer, mode, shift and edition, and what each shift costs."""
    cohorts = cohorts_of(rows)
    return {
        "software": version("aimdt"),
        "at_place_mm": AT_PLACE_MM,
        "cohorts": [_cohort(key, group, edition) for key, group in cohorts.items() for edition in editions_of(group)],
        "shifts": shift_table(cohorts),
    }


def _cohort(key: tuple[str, str, str], rows: Sequence[Mapping[str, Any]], edition: str) -> dict[str, Any]:
    cancer, shift, mode = key
    figures = summarize(rows, edition)
    reach = REACH[mode][1 if shift else 0]
    return {
        "cancer": cancer,
        "mode": mode,
        "shift": shift or None,
        "edition": edition,
        "reach": reach,
        "targets": targets(figures, reach),
        "figures": figures,
    }


def write_figures(out: Path) -> dict[str, Any]:
    """evaluation.json and evaluation.html from the rows at hand."""
    content = figures_of(read_rows(out))
    write_bytes(out / FIGURES, (json.dumps(content, indent=1) + "\n").encode())
    write_bytes(out / PAGE, render_evaluation(content).encode())
    return content
