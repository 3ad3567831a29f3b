"""Delivery workers to be killed: each line on standard input forks one and prints its process id.

python outbox_workers.py DATABASE_URL FHIR_BASE MODE; a line is `free` (runs until killed) or a number: the worker kills
itself with SIGKILL before that line of our code, counted from the first claim.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

TESTS = Path(__file__).parent
sys.path[:0] = [str(TESTS), str(TESTS.parent / "fhir" / "servers")]

import outbox_cases as cases  # noqa: E402  (made importable above)

from db import outbox as outbox_module  # noqa: E402
from mdt_fhir.push_http import PushMode  # noqa: E402
from tasks.outbox import work  # noqa: E402

OURS = tuple(
    str(Path(outbox_module.__file__).parents[1] / folder) for folder in ("db/", "tasks/", "fhir/mdt_fhir/push")
)


def serve(url: str, base: str, mode: str, line: str) -> None:
    outbox = cases.open_outbox(url)
    to = cases.senders(base, PushMode(mode))
    if line != "free":
        sys.settrace(Countdown(int(line)))
    work(outbox, to, threading.Event(), poll_s=0.02)


class Countdown:
    """Kills this process before the n-th line of our own code."""

    def __init__(self, lines: int) -> None:
        self.lines = lines

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> Countdown | None:
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        if event == "line":
            self.lines -= 1
            if self.lines <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead need no burial
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            serve(*sys.argv[1:4], line.strip())
            os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
