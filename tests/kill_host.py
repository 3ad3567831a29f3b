"""Starts the command line again and again in forks of one warm process, and kills it with signal 9 where it is told to.

One JSON line in, one JSON line out:
    {"arguments": [...], "task": "measure", "moment": "start" | "end" | seconds after its start}
    {"began": [tasks whose functions were called], "killed": true, "status": null}
Every start is a process of its own that inherits nothing but imported modules; the killer is its parent, so the
process dies as it would by an operator's or the kernel's hand. Without a task the command runs to its end.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

import prefect

from flows import cli, patient
from flows.commands import stage as _  # noqa: F401  warm: what every start would import


def main() -> None:
    """Serve until the input ends."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(serve(json.loads(line))) + "\n")
        sys.stdout.flush()


def serve(order: dict[str, Any]) -> dict[str, Any]:
    """Fork, listen to what begins and ends, kill at the moment asked for."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _run(order["arguments"], os.fdopen(writing, "w", buffering=1), order)
    os.close(writing)
    began, killed = [], False
    with os.fdopen(reading) as told:
        for line in told:
            moment, name = line.split()
            began += [name] if moment == "start" else []
            if name == order.get("task") and moment == ("end" if order["moment"] == "end" else "start"):
                time.sleep(order["moment"] if isinstance(order["moment"], float) else 0)
                os.kill(child, signal.SIGKILL)
                killed = True
    _pid, status = os.waitpid(child, 0)
    died = os.WIFSIGNALED(status)
    return {"began": began, "killed": killed and died, "status": None if died else os.WEXITSTATUS(status)}


def _run(arguments: list[str], told: TextIO, order: dict[str, Any]) -> None:
    """In the fork: the command line, with every task telling its begin and end; at the deadly one it waits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for task in vars(patient).values():
        if isinstance(task, prefect.Task):
            task.fn = _telling(task.fn, told, order)
    status = 70
    try:
        status = cli.main(arguments)
    finally:
        os._exit(status)


def _telling(function: Callable[..., Any], told: TextIO, order: dict[str, Any]) -> Callable[..., Any]:
    name = function.__name__

    @functools.wraps(function)
    def telling(*arguments: Any, **options: Any) -> Any:
        told.write(f"start {name}\n")
        _wait_if(name == order.get("task") and order["moment"] == "start")
        result = function(*arguments, **options)
        told.write(f"end {name}\n")
        _wait_if(name == order.get("task") and order["moment"] == "end")
        return result

    return telling


def _wait_if(condition: bool) -> None:
    if condition:
        time.sleep(60)  # the signal comes first


if __name__ == "__main__":
    main()
