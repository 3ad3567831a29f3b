"""OFFIS DCMTK's programs as the other side of an association."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dicom.servers.process import free_port, listens, program, running, wait_for


def storescu(
    port: int, paths: Sequence[Path], calling: str = "CT1", called: str = "AIMDT", *options: str
) -> subprocess.CompletedProcess[str]:
    """Send files over one association."""
    command = [program("storescu"), "-v", "-aet", calling, "-aec", called, *options, "127.0.0.1", str(port)]
    return subprocess.run([*command, *map(str, paths)], capture_output=True, text=True, timeout=120, check=False)


def echoscu(port: int, calling: str = "CT1", called: str = "AIMDT", *options: str) -> subprocess.CompletedProcess[str]:
    command = [program("echoscu"), "-v", "-aet", calling, "-aec", called, *options, "127.0.0.1", str(port)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@dataclass(frozen=True)
class StoreScp:
    """A running storescp and the folder it writes to."""

    port: int
    folder: Path


@contextmanager
def storescp(folder: Path, *options: str) -> Iterator[StoreScp]:
    port = free_port()
    (folder / "stored").mkdir(parents=True)
    command = [program("storescp"), *options, "-od", str(folder / "stored"), str(port)]
    with running(command, folder / "storescp.log"):
        wait_for(lambda: listens(port), what="storescp listening")
        yield StoreScp(port, folder / "stored")
