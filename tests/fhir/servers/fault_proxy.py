"""An HTTP proxy that fails in every way a hospital's network and server do, by a seeded die.

401 403 409 412 422 429 500 502 503 504   answered instead of forwarding; 429 and 503 with Retry-After (number, date)
hang        not forwarded, never answered (the client times out)
drop        not forwarded, connection cut
commit-drop forwarded, then the connection is cut
commit-hang forwarded, then never answered
commit-504  forwarded, then answered with 504
torn        forwarded, half of the answer comes back
late        forwarded only after the client has given up
slow        forwarded, answered late but in time
"""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

STATUS = ("401", "403", "409", "412", "422", "429", "500", "502", "503", "504")
LOSSES = ("hang", "drop", "commit-drop", "commit-hang", "commit-504", "torn", "late")
ALL = (*STATUS, *LOSSES, "slow")


class FaultProxy:
    """A proxy in front of a server. `rate`: part of the requests that meet a fault of `faults`."""

    def __init__(self, target: str, seed: int, rate: float, faults: Sequence[str], patience_s: float) -> None:
        self.target = urlsplit(target)
        self.die = random.Random(seed)
        self.rate = rate
        self.faults = faults
        self.patience_s = patience_s  # the client's time-out
        self.script: list[str] = []  # faults of the next requests, before the die is rolled
        self.met: Counter[str] = Counter()
        self.requests: list[str] = []
        self.lock = threading.Lock()
        self.base = ""

    def roll(self, request: str) -> str:
        with self.lock:
            self.requests.append(request)
            if self.script:
                fault = self.script.pop(0)
            else:
                fault = self.die.choice(self.faults) if self.die.random() < self.rate else "pass"
            self.met[fault] += 1
            return fault

    def forward(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(str(self.target.hostname), self.target.port, timeout=60)
        kept = {name: value for name, value in headers.items() if name.lower() not in ("host", "connection")}
        try:
            connection.request(method, path, body or None, kept)
            answer = connection.getresponse()
            hop = ("transfer-encoding", "connection", "keep-alive", "content-length", "date")
            passed = [(name, value) for name, value in answer.getheaders() if name.lower() not in hop]
            return answer.status, passed, answer.read()
        finally:
            connection.close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    proxy: FaultProxy

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.proxy.roll(f"{self.command} {self.path}")
        if fault in STATUS:
            return self.refuse(int(fault))
        if fault in ("hang", "late"):
            time.sleep(self.proxy.patience_s * 1.5)
        if fault not in ("hang", "drop"):
            answer = self.proxy.forward(self.command, self.path, self.headers, body)
        if fault == "commit-hang":
            time.sleep(self.proxy.patience_s * 1.5)
        if fault == "slow":
            time.sleep(self.proxy.patience_s * 0.4)
        if fault == "commit-504":
            return self.refuse(504)
        if fault in ("pass", "slow"):
            return self.reply(*answer)
        return self.cut(answer[2] if fault == "torn" else b"")

    do_GET = do_POST = do_PUT = handle_any  # noqa: N815  (names that http.server gives)

    def refuse(self, status: int) -> None:
        headers = [("Content-Type", "application/fhir+json")]
        if status == 429:
            headers.append(("Retry-After", "0"))
        if status == 503:
            headers.append(("Retry-After", email.utils.formatdate(time.time(), usegmt=True)))
        issue = b'{"severity": "error", "code": "transient", "diagnostics": "about Jo Doe, 1955-06-07"}'
        self.reply(status, headers, b'{"resourceType": "OperationOutcome", "issue": [' + issue + b"]}")

    def reply(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        with contextlib.suppress(OSError):
            self.send_response(status)
            for name, value in [*headers, ("Content-Length", str(len(body)))]:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    def cut(self, body: bytes) -> None:
        """End the connection, with half an answer before when there is one."""
        with contextlib.suppress(OSError):
            if body:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2])
            self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: Any) -> None:
        pass


@contextmanager
def fault_proxy(
    target: str, *, seed: int = 0, rate: float = 0.0, faults: Sequence[str] = ALL, patience_s: float = 0.3
) -> Iterator[FaultProxy]:
    """A running proxy in front of a FHIR base URL; its own base is `proxy.base`."""
    proxy = FaultProxy(target, seed, rate, faults, patience_s)
    server = Server(("127.0.0.1", 0), type("Bound", (Handler,), {"proxy": proxy}))
    proxy.base = f"http://127.0.0.1:{server.server_address[1]}{urlsplit(target).path}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
