"""An HTTP server in front of another one, which fails as told before it lets requests through."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx


@dataclass
class FaultyLine:
    """`faults`, one for each request: a status, `drop` (no answer), `drop after` (done, then no answer), or `ok`."""

    target: str
    faults: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def next_fault(self) -> str:
        return self.faults.pop(0) if self.faults else "ok"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    line: FaultyLine

    def do_GET(self) -> None:
        self.serve(None)

    def do_POST(self) -> None:
        self.serve(self.body())

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        parts = b""
        while size := int(self.rfile.readline(), 16):
            parts += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return parts

    def serve(self, body: bytes | None) -> None:
        self.line.asked.append(f"{self.command} {self.path}")
        fault = self.line.next_fault()
        if fault.isdecimal():
            self.answer(int(fault), {"Retry-After": "0"}, b"")
            return
        self.close_connection = fault != "ok"
        if fault != "drop":
            headers = {name: value for name, value in self.headers.items() if name in ("Accept", "Content-Type")}
            got = httpx.request(self.command, self.line.target + self.path, content=body, headers=headers, timeout=60)
            if fault == "ok":
                self.answer(got.status_code, {"Content-Type": got.headers.get("Content-Type", "")}, got.content)

    def answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def faulty_line(target: str, faults: Sequence[str] = ()) -> Iterator[FaultyLine]:
    line = FaultyLine(target, list(faults))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"line": line}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    line.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield line
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
