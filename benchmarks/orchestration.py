"""What Prefect adds to one step of a case: a step's answer is kept and its key follows content; artifacts are apart."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

STEPS = 200


def main() -> None:
    """Milliseconds per trivial step inside one flow, against calling the same function directly."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AIMDT_HOME"] = folder
        from tasks.settings import prefect_environment  # Prefect must see its environment first

        os.environ.update(prefect_environment(Path(folder)))
        _measure()


def _measure() -> None:
    from prefect import flow

    from tasks.case_files import CaseFiles, Outputs
    from tasks.step import step

    case_id = "0123456789abcdef"
    case = CaseFiles(case_id)
    case.create()

    def trivial(case_id: str, value: int) -> Outputs:
        return {}

    kept = step("1")(trivial)
    seconds: dict[str, float] = {}

    @flow(persist_result=False)
    def run(first: int) -> None:
        begun = time.perf_counter()
        for value in range(first, first + STEPS):
            kept(case_id, value)
        seconds["step"] = time.perf_counter() - begun

    run(0)
    run(STEPS)  # the first run warms Prefect up
    begun = time.perf_counter()
    for value in range(STEPS):
        trivial(case_id, value)
    direct = time.perf_counter() - begun
    print(f"orchestration: {1000 * (seconds['step'] - direct) / STEPS:.1f} ms a step ({STEPS} steps, answers kept)")


if __name__ == "__main__":
    main()
