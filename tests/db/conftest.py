"""The same tests on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy

from db.engine import open_database
from db.store import Store

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "fhir" / "servers")]  # cases, workers and servers that tests start


def _postgresql_bin() -> Path | None:
    found = [*sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")), *filter(None, [shutil.which("initdb")])]
    return Path(found[-1]).parent if found else None


def _as_server_user(arguments: list[str]) -> list[str]:
    return ["runuser", "-u", "postgres", "--", *arguments] if os.geteuid() == 0 else arguments


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a throw-away PostgreSQL server."""
    programs = _postgresql_bin()
    if programs is None:
        pytest.skip("PostgreSQL is not installed on this machine")
    home = Path("/tmp") / f"aimdt-pg-{uuid.uuid4().hex[:8]}"
    home.mkdir()
    if os.geteuid() == 0:
        shutil.chown(home, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c fsync=off"
    start = [str(programs / "pg_ctl"), "-D", str(home / "data"), "-o", options, "-l", str(home / "log"), "-w", "start"]
    init = [str(programs / "initdb"), "-D", str(home / "data"), "-U", "aimdt", "-A", "trust"]
    for command in (init, start):
        subprocess.run(_as_server_user(command), check=True, capture_output=True, cwd="/tmp")
    try:
        yield f"postgresql://aimdt@127.0.0.1:{port}"
    finally:
        stop = [str(programs / "pg_ctl"), "-D", str(home / "data"), "-m", "immediate", "stop"]
        subprocess.run(_as_server_user(stop), check=False, capture_output=True, cwd="/tmp")
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def postgresql_database(postgresql: str) -> str:
    """An empty database of the PostgreSQL server."""
    name = f"t{uuid.uuid4().hex[:12]}"
    admin = sqlalchemy.create_engine(
        postgresql.replace("postgresql", "postgresql+psycopg") + "/postgres", isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return f"{postgresql}/{name}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'records.db'}"
    return str(request.getfixturevalue("postgresql_database"))


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A store on an empty, migrated database."""
    engine = open_database(database_url)
    yield Store(engine)
    engine.dispose()
