"""Review and signature"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

# Edits and signatures are written once. They leave only with their whole case, in the transaction that erases it.
WRITTEN_ONCE = ("edits", "signatures")
SQLITE_UPDATE = """
CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, '{table} are append-only'); END
"""
SQLITE_DELETE = """
CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, '{table} are append-only')
WHERE NOT EXISTS (SELECT 1 FROM tombstones WHERE case_id = OLD.case_id AND state = 'erasing'); END
"""
POSTGRESQL_FUNCTION = """
CREATE FUNCTION refuse_review_change() RETURNS trigger AS $$
BEGIN
IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM tombstones WHERE case_id = OLD.case_id AND state = 'erasing') THEN
RETURN OLD;
END IF;
RAISE EXCEPTION '% are append-only', TG_TABLE_NAME;
END $$ LANGUAGE plpgsql;
"""
POSTGRESQL_TRIGGER = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION refuse_review_change();
"""


def upgrade() -> None:
    """Create the tables of people, reviews, edits, signatures and tombstones; protect what is written once."""
    _people_and_tombstones()
    _reviews_and_edits()
    _signatures()
    _protect()


def _people_and_tombstones() -> None:
    op.create_table(
        "accounts",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("family", sa.String(), nullable=False),
        sa.Column("given", sa.String(), nullable=False),
        sa.Column("identifier", sa.String(), nullable=True),
        sa.Column("password", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.String(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "tombstones",
        sa.Column("case_id", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "number"),
    )


def _reviews_and_edits() -> None:
    op.create_table(
        "reviews",
        sa.Column("case_id", sa.String(length=16), nullable=False),
        sa.Column("run_key", sa.String(length=64), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("opened", sa.String(), nullable=False),
        sa.Column("updated", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"]),
        sa.ForeignKeyConstraint(["run_key"], ["runs.run_key"]),
        sa.PrimaryKeyConstraint("case_id"),
    )
    op.create_table(
        "edits",
        sa.Column("case_id", sa.String(length=16), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("old", sa.JSON(), nullable=True),
        sa.Column("new", sa.JSON(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["reviews.case_id"]),
        sa.PrimaryKeyConstraint("case_id", "sequence"),
    )


def _signatures() -> None:
    op.create_table(
        "signatures",
        sa.Column("case_id", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("run_key", sa.String(length=64), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("edits", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("folder", sa.String(length=32), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"]),
        sa.ForeignKeyConstraint(["run_key"], ["runs.run_key"]),
        sa.PrimaryKeyConstraint("case_id", "number"),
    )


def _protect() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in WRITTEN_ONCE:
            op.execute(SQLITE_UPDATE.format(table=table))
            op.execute(SQLITE_DELETE.format(table=table))
        return
    op.execute(POSTGRESQL_FUNCTION)
    for table in WRITTEN_ONCE:
        op.execute(POSTGRESQL_TRIGGER.format(table=table))


def downgrade() -> None:
    """Drop the tables."""
    for table in ("signatures", "edits", "reviews", "tombstones", "accounts"):
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION refuse_review_change()")
