"""A real PACS: Orthanc with its DICOMweb plugin, in a folder of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from dicom.servers.process import free_port, listens, program, running, wait_for

PLUGINS = ("/usr/share/orthanc/plugins", "/usr/local/share/orthanc/plugins", "/usr/lib/orthanc")


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc."""

    title: str
    dicom_port: int
    http_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def dicomweb(self) -> str:
        return f"{self.url}/dicom-web"

    def get(self, path: str) -> Any:
        return httpx.get(self.url + path, timeout=30).raise_for_status().json()

    def post(self, path: str, body: object) -> Any:
        return httpx.post(self.url + path, json=body, timeout=60).raise_for_status().json()

    def upload(self, path: Path) -> None:
        httpx.post(f"{self.url}/instances", content=path.read_bytes(), timeout=30).raise_for_status()

    def instances(self) -> dict[str, str]:
        """SOPInstanceUID to Orthanc's own id."""
        found = self.get("/instances?expand")
        return {item["MainDicomTags"]["SOPInstanceUID"]: item["ID"] for item in found}

    def file(self, sop_uid: str) -> bytes:
        content: bytes = httpx.get(f"{self.url}/instances/{self.instances()[sop_uid]}/file", timeout=30).content
        return content

    def clear(self) -> None:
        for patient in self.get("/patients"):
            httpx.delete(f"{self.url}/patients/{patient}", timeout=30).raise_for_status()


def plugin() -> str:
    for folder in PLUGINS:
        for path in sorted(Path(folder).glob("libOrthancDicomWeb.so*")):
            return str(path)
    pytest.skip("Orthanc's DICOMweb plugin is not installed")


@contextmanager
def orthanc(folder: Path, modalities: Mapping[str, tuple[str, int]] | None = None) -> Iterator[Orthanc]:
    """Start one; `modalities`: symbolic name to (AE title, port on this machine)."""
    server = Orthanc("ORTHANC", free_port(), free_port())
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "Name": "test",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [plugin()],
        "DicomAet": server.title,
        "DicomPort": server.dicom_port,
        "HttpPort": server.http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowStore": True,
        "DicomCheckModalityHost": False,
        "HttpThreadsCount": 4,
        "DicomThreadsCount": 4,
        "DicomModalities": {
            name: {"AET": title, "Host": "127.0.0.1", "Port": port, "AllowStorageCommitment": True}
            for name, (title, port) in (modalities or {}).items()
        },
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with running([program("Orthanc"), str(folder / "orthanc.json")], folder / "orthanc.log"):
        wait_for(lambda: listens(server.http_port) and listens(server.dicom_port), 30, "Orthanc listening")
        yield server
