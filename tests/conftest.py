"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real scans and records; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("AIMDT_SHARED", REPOSITORY.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"real scans are not at {folder}; set AIMDT_SHARED to the folder that holds data/")
    return folder
