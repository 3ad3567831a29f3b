"""Makes the sample cases, the conformance walker and the servers importable by the tests beside them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "servers")]

from fhir_process import FhirServer, fhir_process  # noqa: E402  (made importable above)


@pytest.fixture(scope="session")
def shared_fhir_server() -> Iterator[FhirServer]:
    """One real FHIR R4 server for all tests; `fhir_server` empties it for each."""
    with fhir_process("--validate") as server:
        yield server


@pytest.fixture
def fhir_server(shared_fhir_server: FhirServer) -> FhirServer:
    """A real FHIR R4 server that holds nothing and refuses what is no valid R4."""
    shared_fhir_server.clear()
    return shared_fhir_server
