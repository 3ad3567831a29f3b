"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.settings import settings

REPOSITORY = Path(__file__).resolve().parent.parent
# Rules alone, here and in processes that tests start: a network takes seconds a case. Tests of models switch them on.
os.environ.setdefault("AIMDT_MODELS", "none")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real scans and records; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("AIMDT_SHARED", REPOSITORY.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"real scans are not at {folder}; set AIMDT_SHARED to the folder that holds data/")
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home folder of its own: cases, records and Prefect's database."""
    folder = tmp_path / "home"
    monkeypatch.setenv("AIMDT_HOME", str(folder))
    monkeypatch.delenv("AIMDT_DATABASE_URL", raising=False)
    settings.cache_clear()
    yield folder
    settings.cache_clear()


@pytest.fixture
def all_models(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every embedded model is used, as on a new installation."""
    monkeypatch.setenv("AIMDT_MODELS", "all")
    settings.cache_clear()


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """One real Prefect server for the whole session."""
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    from prefect.testing.utilities import prefect_test_harness  # slow to import; most tests do without

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def prefect_home(home: Path, prefect_server: None) -> Iterator[Path]:
    """A home folder whose cases hold Prefect's results, as the command line sets it up."""
    from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, temporary_settings

    with temporary_settings({PREFECT_LOCAL_STORAGE_PATH: home / "cases"}):
        yield home
