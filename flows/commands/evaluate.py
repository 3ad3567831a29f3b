"""`aimdt evaluate`: stage synthetic patients and say how often the stage is right."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from flows.cli import ROWS_FAILED, STAGED, existing_path
from oncology.errors import InputError

MODES = ("truth", "record", "images")
IN_DOMAIN = "none"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt evaluate`."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--cancer", metavar="KEY", help="make patients of this cancer, of head_and_neck, or of all")
    what.add_argument("--cohort", type=existing_path, metavar="DIR", help="score the patients of `aimdt synth`")
    parser.add_argument(
        "--count",
        type=int,
        default=60,
        metavar="N",
        help="patients a cancer and shift, shared by the sites of head_and_neck (default: 60)",
    )
    parser.add_argument("--seed", type=int, default=5000, metavar="S", help="from 5000 on no model has seen them")
    parser.add_argument(
        "--shift", nargs="+", default=[IN_DOMAIN], metavar="NAME", help=f"{IN_DOMAIN}: as the models were trained"
    )
    parser.add_argument("--mode", nargs="+", choices=MODES, metavar="MODE", help=f"of: {', '.join(MODES)}")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes at once (default: 1)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="rows and figures; a run resumes here")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def run(options: argparse.Namespace) -> int:
    """Score what is not scored yet, then write the figures; status 1 when a patient could not be scored."""
    if options.count < 1 or options.jobs < 1:
        raise InputError(f"--count is {options.count} and --jobs is {options.jobs}; expected at least 1 of each")
    from tasks import evaluation_run  # scipy and more: only when patients are scored

    options.out.mkdir(parents=True, exist_ok=True)
    jobs = _jobs(options)
    left = evaluation_run.still_open(jobs, evaluation_run.read_rows(options.out))
    console = Console(stderr=True, quiet=options.json)
    scored = evaluation_run.score_all(left, options.out, options.jobs)
    for _ in track(scored, "scoring patients", total=len(left), console=console, disable=options.json):
        pass
    content = evaluation_run.write_figures(options.out)
    failed = len(evaluation_run.still_open(jobs, evaluation_run.read_rows(options.out)))
    _say(content, failed, options)
    return ROWS_FAILED if failed else STAGED


def _jobs(options: argparse.Namespace) -> list[Any]:
    from tasks.evaluation_run import counts_by_cancer, jobs_of_cohort, jobs_to_make

    if options.cohort:
        return jobs_of_cohort(options.cohort, options.mode or ("record", "images"))
    counts = counts_by_cancer(options.cancer, options.count)
    shifts = [None if name == IN_DOMAIN else name for name in options.shift]
    modes = options.mode or MODES
    return [job for name, count in counts.items() for job in jobs_to_make([name], options.seed, count, shifts, modes)]


def _say(content: dict[str, Any], failed: int, options: argparse.Namespace) -> None:
    if options.json:
        sys.stdout.write(json.dumps({**content, "failed": failed}) + "\n")
        return
    from templates.evaluation import figure_words

    for cohort in content["cohorts"]:
        words = f"{cohort['cancer']}, {cohort['mode']}, {cohort['shift'] or 'in domain'}, edition {cohort['edition']}"
        agreed = figure_words(cohort["figures"]["agreement"]["stage_group"])
        sys.stdout.write(f"{words}: stage group {agreed}, to reach {cohort['reach']:.2f}\n")
    if failed:
        sys.stdout.write(f"{failed} patients could not be scored: {options.out / 'failures.jsonl'}\n")
    sys.stdout.write(f"{options.out / 'evaluation.html'}\n")
