"""Opening the database and bringing its schema up to date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from oncology.errors import StoreError

MIGRATIONS = Path(__file__).parent / "migrations"
SQLITE_WAIT_SECONDS = 30  # another process may hold the write lock


def open_database(url: str) -> Engine:
    """An engine for SQLite or PostgreSQL whose schema is the newest.

    Args:
        url: SQLAlchemy URL; `postgresql://` is read as psycopg 3.
    Raises:
        StoreError: the database cannot be reached or migrated.
    """
    url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    try:
        engine = create_engine(url, pool_pre_ping=True, connect_args=_connect_args(url))
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _configure_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        migrate(engine)
    except SQLAlchemyError as error:
        raise StoreError(
            f"the database ({url.split(':', 1)[0]}) cannot be opened: {type(error).__name__}; "
            "check AIMDT_DATABASE_URL and that the server accepts connections"
        ) from error
    return engine


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to a revision; concurrent starters wait for one another."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(4711)")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _connect_args(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        return {"timeout": SQLITE_WAIT_SECONDS, "check_same_thread": False}
    return {"connect_timeout": 10}


def _configure_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where SQLAlchemy says, not where the driver guesses
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")  # a read that later writes must not lose the race for the lock
