"""`aimdt serve`: Prefect server, deployments and worker on this machine, until it is stopped.

Three processes under one roof: Prefect's server, the worker that runs the flows of cases (flows.serving), and, where a
destination is set up, the delivery worker. When one of them dies, the others are ended and the status says so.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import httpx

from flows.cli import PART_FAILED, STAGED
from oncology.errors import InputError, StepError
from tasks.destination import is_any_set_up
from tasks.settings import prefect_environment, settings

STARTED_WITHIN_S, ENDED_WITHIN_S, LOOK_S = 180.0, 20.0, 0.3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt serve`."""
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address of Prefect's pages and API, which know no users: keep it to this machine (default: 127.0.0.1)",
    )
    parser.add_argument("--port", type=int, default=4200, help="port to listen on (default: 4200)")
    parser.add_argument("--json", action="store_true", help="print one JSON object when everything is ready")


def run(options: argparse.Namespace) -> int:
    """Start everything, say so, and wait; status 3 when a part dies."""
    _check_port(options.host, options.port)
    url = f"http://{options.host}:{options.port}"
    home = settings().home.resolve()
    # Absolute, since runs start in folders of their own.
    os.environ.update(prefect_environment(home) | {"AIMDT_HOME": str(home), "PREFECT_API_URL": f"{url}/api"})
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    address = ["--host", options.host, "--port", str(options.port)]
    with ExitStack() as running:
        parts = [_start(running, "prefect", "server", "start", *address)]
        _wait(lambda: _answers(f"{url}/api/health"), parts, stop, "Prefect's server")
        parts.append(_start(running, "flows.serving"))
        if is_any_set_up():
            parts.append(_start(running, "flows.cli", "deliver"))
        _wait(lambda: len(_offered(url)) > 1, parts, stop, "the worker")
        if not stop.is_set():
            _tell(url, delivering=is_any_set_up(), as_json=options.json)
        while not stop.wait(LOOK_S):
            if any(part.poll() is not None for part in parts):
                sys.stderr.write("aimdt: a part of the service ended by itself; start it again\n")
                return PART_FAILED
    return STAGED


def _check_port(host: str, port: int) -> None:
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        raise InputError(f"port {port} cannot be listened on: {error.strerror}; choose another with --port") from error


def _start(running: ExitStack, module: str, *arguments: str) -> subprocess.Popen[bytes]:
    """A part in a process group of its own, ended with everything it started; the last one started ends first."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments], stdout=subprocess.DEVNULL, start_new_session=True
    )
    running.callback(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(ENDED_WITHIN_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(ENDED_WITHIN_S)


def _wait(is_so: Callable[[], bool], parts: list[subprocess.Popen[bytes]], stop: threading.Event, what: str) -> None:
    """Wait until a part is ready, or somebody wants to stop.

    Raises:
        StepError: a part died, or took too long.
    """
    limit = time.monotonic() + STARTED_WITHIN_S
    while not stop.is_set() and not is_so():
        if time.monotonic() > limit or any(part.poll() is not None for part in parts):
            raise StepError(f"{what} did not start; its last words are above; check the port and AIMDT_HOME")
        stop.wait(LOOK_S)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False


def _offered(url: str) -> list[str]:
    """Deployments whose worker is there."""
    try:
        answer = httpx.post(f"{url}/api/deployments/filter", json={}, timeout=5, trust_env=False)
    except httpx.TransportError:
        return []
    found: list[dict[str, Any]] = answer.json() if answer.is_success else []
    return [item["name"] for item in found if item["status"] == "READY"]


def _tell(url: str, *, delivering: bool, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps({"url": url, "deployments": _offered(url), "delivering": delivering}) + "\n")
    else:
        sys.stdout.write(f"Prefect: {url}; deployments: patient/stage, finalize/sign; stop with Ctrl-C\n")
        sys.stdout.write("delivering what is due\n" if delivering else "no destination is set up: nothing is sent\n")
    sys.stdout.flush()
