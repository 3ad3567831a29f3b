"""The first records"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# An audit event is written once: both databases refuse to change or delete one.
SQLITE_APPEND_ONLY = """
CREATE TRIGGER audit_events_no_{verb} BEFORE {verb} ON audit_events
BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END
"""
POSTGRESQL_APPEND_ONLY = """
CREATE FUNCTION refuse_audit_change() RETURNS trigger AS $$
BEGIN RAISE EXCEPTION 'audit events are append-only'; END $$ LANGUAGE plpgsql;
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE ON audit_events
FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
"""


def upgrade() -> None:
    """Create every table and make the audit append-only."""
    op.create_table(
        "audit_events",
        sa.Column("case_id", sa.String(length=16), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "sequence"),
    )
    op.create_table(
        "cases",
        sa.Column("case_id", sa.String(length=16), nullable=False),
        sa.Column("cancer", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created", sa.String(), nullable=False),
        sa.Column("updated", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("case_id"),
    )
    op.create_table(
        "models",
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("model_id", "sha256"),
    )
    op.create_table(
        "runs",
        sa.Column("run_key", sa.String(length=64), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("started", sa.String(), nullable=False),
        sa.Column("ended", sa.String(), nullable=True),
        sa.Column("software", sa.String(), nullable=False),
        sa.Column("tables_version", sa.String(), nullable=True),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["cases.case_id"],
        ),
        sa.PrimaryKeyConstraint("run_key"),
    )
    op.create_index(op.f("ix_runs_case_id"), "runs", ["case_id"], unique=False)
    op.create_table(
        "series",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("series_uid", sa.String(length=80), nullable=False),
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.Column("modality", sa.String(), nullable=False),
        sa.Column("used_as", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("content_sha256", sa.String(), nullable=True),
        sa.Column("instances", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["cases.case_id"],
        ),
        sa.PrimaryKeyConstraint("case_id", "series_uid"),
    )
    op.create_table(
        "studies",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.Column("date", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["cases.case_id"],
        ),
        sa.PrimaryKeyConstraint("case_id", "study_uid"),
    )
    op.create_table(
        "documents",
        sa.Column("run_key", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_key"],
            ["runs.run_key"],
        ),
        sa.PrimaryKeyConstraint("run_key", "name"),
    )
    op.create_table(
        "findings",
        sa.Column("run_key", sa.String(length=64), nullable=False),
        sa.Column("finding_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_key"],
            ["runs.run_key"],
        ),
        sa.PrimaryKeyConstraint("run_key", "finding_id"),
    )
    op.create_table(
        "run_models",
        sa.Column("run_key", sa.String(length=64), nullable=False),
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id", "sha256"],
            ["models.model_id", "models.sha256"],
        ),
        sa.ForeignKeyConstraint(
            ["run_key"],
            ["runs.run_key"],
        ),
        sa.PrimaryKeyConstraint("run_key", "model_id", "sha256"),
    )
    op.create_table(
        "stagings",
        sa.Column("run_key", sa.String(length=64), nullable=False),
        sa.Column("edition", sa.String(length=8), nullable=False),
        sa.Column("t", sa.String(), nullable=True),
        sa.Column("n", sa.String(), nullable=True),
        sa.Column("m", sa.String(), nullable=True),
        sa.Column("stage_group", sa.String(), nullable=True),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_key"],
            ["runs.run_key"],
        ),
        sa.PrimaryKeyConstraint("run_key", "edition"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(SQLITE_APPEND_ONLY.format(verb=verb))
    else:
        op.execute(POSTGRESQL_APPEND_ONLY)


def downgrade() -> None:
    """Drop every table."""
    op.drop_table("stagings")
    op.drop_table("run_models")
    op.drop_table("findings")
    op.drop_table("documents")
    op.drop_table("studies")
    op.drop_table("series")
    op.drop_index(op.f("ix_runs_case_id"), table_name="runs")
    op.drop_table("runs")
    op.drop_table("models")
    op.drop_table("cases")
    op.drop_table("audit_events")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION refuse_audit_change()")
