"""`aimdt restage`: edited findings to a new staging and report, against the full flow of the same case.

One synthetic patient is staged once; then its findings are edited, other values each round, and staged anew by the
plain function behind the command. Laying out the PDF has a peer of its own: WeasyPrint alone, given the same page.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

CANCER, AIM_SECONDS, ROUNDS = "lung", 2.0, 7
SCANNER_SPACING_MM, MODEL_SPACING_MM = (3.0, 2.0, 2.0), 2.0
PARTS = ("staging", "report as HTML", "report as PDF")
FLOW, PEER = "the full flow", "WeasyPrint alone"


def main() -> int:
    """Print seconds and ratios; status 1 when all of it takes longer than the aim."""
    with tempfile.TemporaryDirectory() as name, at_home(Path(name) / "home"):
        folder = Path(name)
        _make_patient(folder / "patient")
        flow_seconds, outcome = timed(lambda: _stage(folder / "patient", folder / "out"))
        rounds = [measure(outcome["case_id"], number) for number in range(ROUNDS + 1)][1:]  # the first one warms up
    medians = {part: statistics.median(found[part] for found in rounds) for part in (*PARTS, PEER)}
    return report(medians | {FLOW: flow_seconds})


def report(seconds: dict[str, float]) -> int:
    """The table and the exit status."""
    whole = sum(seconds[part] for part in PARTS)
    print(f"restaging one {CANCER} case with edited findings, median of {ROUNDS} rounds (aim: {AIM_SECONDS:.0f} s)")
    for part in PARTS:
        print(f"  {part:<16} {seconds[part]:7.3f} s")
    print(f"  {'all of it':<16} {whole:7.3f} s   1/{seconds[FLOW] / whole:.0f} of {FLOW} ({seconds[FLOW]:.1f} s)")
    print(f"  {PEER:<16} {seconds[PEER]:7.3f} s   the PDF takes {seconds[PARTS[2]] / seconds[PEER]:.2f} x as long")
    return 0 if whole <= AIM_SECONDS else 1


def measure(case_id: str, number: int) -> dict[str, float]:
    """Seconds of each part for one set of edits; parts and peer take turns."""
    from tasks import review  # reads its settings: the home must be known first
    from templates.render import render_pdf

    staging, restaged = timed(lambda: review.restage(case_id, _edits(number)))
    html, files = timed(lambda: review.show_now(restaged))
    page = files.load_bytes("report.html").decode()
    pdf, _ = timed(lambda: render_pdf(page))
    alone, _ = timed(lambda: _weasyprint(page))
    return dict(zip((*PARTS, PEER), (staging, html, pdf, alone), strict=True))


def _edits(number: int) -> list[Any]:
    """A tumor of another size and a node of another station and doubt."""
    from oncology.edit import Edit, EditKind

    values = {
        "tumor-1.greatest_dimension_mm": 20.0 + 5 * number,
        "node-1.station": ("7", "4R", "10R", "4L")[number % 4],
        "node-1.p_malignant": 0.1 * (1 + number % 9),
    }
    return [Edit(EditKind.SET, target, value, actor="benchmark", reason="timing") for target, value in values.items()]


def _weasyprint(page: str) -> bytes:
    from weasyprint import HTML

    pdf: bytes = HTML(string=page).write_pdf()
    return pdf


def _stage(patient: Path, out: Path) -> Any:
    """The full flow as a process of its own, as a user starts it."""
    given = {"--ct": "ct", "--pet": "pet", "--ehr": "record.json", "--contours": "contours.dcm"}
    options = [part for option, name in given.items() for part in (option, str(patient / name))]
    command = [sys.executable, "-m", "flows.cli", "stage", *options, "--cancer", CANCER, "--out", str(out), "--json"]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def _make_patient(folder: Path) -> None:
    """The demo's patient, coarsely scanned."""
    from models.synthetic.ct import Scanner
    from models.synthetic.patient import DEMOS
    from tasks.synthetic import write_patient

    plan = dataclasses.replace(DEMOS[CANCER], scanner=Scanner(spacing_mm=SCANNER_SPACING_MM))
    write_patient(plan, folder, MODEL_SPACING_MM)


@contextlib.contextmanager
def at_home(home: Path) -> Iterator[None]:
    """This process and those it starts with a home of their own; afterwards as they were."""
    from tasks.records import store
    from tasks.settings import prefect_environment, settings

    before = dict(os.environ)
    os.environ |= {"AIMDT_HOME": str(home)} | prefect_environment(home)
    settings.cache_clear()
    store.cache_clear()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        settings.cache_clear()
        store.cache_clear()


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of one call, and its answer."""
    begun = time.perf_counter()
    answer = call()
    return time.perf_counter() - begun, answer


if __name__ == "__main__":
    sys.exit(main())
