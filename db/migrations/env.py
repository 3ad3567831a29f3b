"""Alembic's entry: runs the migrations on the connection that db.engine hands over."""

from alembic import context
from sqlmodel import SQLModel

from db import tables  # noqa: F401  (registers the tables)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    transactional_ddl=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
