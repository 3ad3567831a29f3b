"""A line that breaks: bytes go through until a limit, then both ends are cut off."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def _pump(source: socket.socket, target: socket.socket, limit: int) -> None:
    passed = 0
    with suppress(OSError):
        while block := source.recv(512):
            passed += len(block)
            if passed > limit:
                break
            target.sendall(block)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def breaking_line(port: int, *limits: int) -> Iterator[int]:
    """The port of a line to `port`: one connection for each limit, which breaks after so many bytes of the caller."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for limit in limits:
                caller, _ = server.accept()
                with caller, socket.create_connection(("127.0.0.1", port)) as far:
                    back = threading.Thread(target=_pump, args=(far, caller, 1 << 40))
                    back.start()
                    _pump(caller, far, limit)
                    back.join()

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()
