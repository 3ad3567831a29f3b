"""A run over a cohort: which patients are still to be scored, their rows on disk, and the figures at the end."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from oncology.agreement import summarize
from oncology.errors import InputError
from tasks.case_files import write_bytes
from tasks.cohort import TRUTH, make_scored, patient_name, read_scored
from tasks.evaluation import score_patient
from templates.evaluation import render_evaluation

ROWS, FAILURES, FIGURES, PAGE = "rows.jsonl", "failures.jsonl", "evaluation.json", "evaluation.html"
# The stage group's agreement to reach, in domain and on shifted images. The best published segmenter of PET/CT got the
# stages of 0.677 of 306 lung cancers right (autoPET III on lung cancer, EJNMMI 2025).
REACH = {"images": (0.70, 0.60), "record": (0.80, 0.80), "truth": (0.98, 0.98)}


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
    whole = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
    write_bytes(path, "".join(whole).encode())
    return [json.loads(line) for line in whole]


def figures_of(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The content of evaluation.json: figures per cancer, mode, shift and edition."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: str(row["patient"])):
        groups.setdefault((row["cancer"], row["shift"] or "", row["mode"]), []).append(row)
    cohorts = [
        {
            "cancer": cancer,
            "mode": mode,
            "shift": shift or None,
            "edition": edition,
            "reach": REACH[mode][1 if shift else 0],
            "figures": summarize(group, edition),
        }
        for (cancer, shift, mode), group in sorted(groups.items())
        for edition in sorted({name for row in group for name in row["editions"]})
    ]
    return {"software": version("aimdt"), "cohorts": cohorts}


def write_figures(out: Path) -> dict[str, Any]:
    """evaluation.json and evaluation.html from the rows at hand."""
    content = figures_of(read_rows(out))
    write_bytes(out / FIGURES, (json.dumps(content, indent=1) + "\n").encode())
    write_bytes(out / PAGE, render_evaluation(content).encode())
    return content
