"""Accounts, keys, companies, uploads, runs, what is published; the queue; row-level security over all of it."""

import sqlalchemy as sa
from alembic import op
from procrastinate import PsycopgConnector
from procrastinate.schema import SchemaManager
from sqlalchemy.dialects.postgresql import JSONB

from app.core.migrations import APPLICATION_ROLE
from app.core.migrations.pieces import EVERYTHING, moment, of_company, only_its_account, owned_table

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _make_role()
    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        moment("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
    )
    only_its_account("accounts", column="id")
    owned_table(
        "api_keys",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_api_keys_account_id"),
    )
    op.create_index("ix_api_keys_key_hash", "api_keys", ["key_hash"])
    owned_table(
        "companies",
        sa.Column("cnpj", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_companies_account_id"),
        sa.UniqueConstraint("account_id", "cnpj", name="uq_companies_account_id_cnpj"),
    )
    owned_table(
        "uploads",
        sa.Column("company_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("files", JSONB(), nullable=False),
        sa.Column("report", JSONB(), nullable=False),
        sa.Column("timings", JSONB(), nullable=False),
        sa.Column("error", JSONB(), nullable=True),
        moment("updated_at"),
        of_company("uploads"),
    )
    op.create_index("ix_uploads_account_id_company_id_created_at", "uploads", ["account_id", "company_id", "created_at"])
    op.create_index(
        "uq_uploads_content",
        "uploads",
        ["account_id", "company_id", "content_hash"],
        unique=True,
        postgresql_where=sa.text("state <> 'failed'"),
    )
    owned_table(
        "runs",
        sa.Column("company_id", sa.Uuid(), nullable=False),
        sa.Column("upload_id", sa.Uuid(), nullable=True),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("progress", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("timings", JSONB(), nullable=False),
        sa.Column("metrics", JSONB(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        of_company("runs"),
    )
    op.create_index("ix_runs_account_id_company_id_created_at", "runs", ["account_id", "company_id", "created_at"])
    op.create_table(
        "published",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("company_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        moment("published_at"),
        sa.PrimaryKeyConstraint("account_id", "company_id", "kind", "month", name="pk_published"),
        of_company("published"),
    )
    only_its_account("published")
    # One script of many statements with bare % signs: it goes past SQLAlchemy's parameter parsing.
    op.get_bind().connection.driver_connection.execute(SchemaManager(PsycopgConnector()).get_schema())
    _grant()


def downgrade() -> None:
    raise NotImplementedError("the first version has nothing beneath it")


def _make_role() -> None:
    """The application's role owns nothing, and sees the rows of the account its transaction names, no others."""
    op.execute(
        f"""
        DO $$ BEGIN
          IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APPLICATION_ROLE}') THEN
            CREATE ROLE {APPLICATION_ROLE} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
          END IF;
        END $$
        """
    )


def _grant() -> None:
    # Who calls is not known until its key is found: a transaction that names a key's hash sees that one row.
    op.execute(
        "CREATE POLICY of_presented_key ON api_keys FOR SELECT "
        "USING (key_hash = decode(nullif(current_setting('app.key_hash', true), ''), 'hex'))"
    )
    for what in ("procrastinate_jobs", "procrastinate_events", "procrastinate_workers", "procrastinate_periodic_defers"):
        op.execute(f"GRANT {EVERYTHING} ON {what} TO {APPLICATION_ROLE}")
    op.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {APPLICATION_ROLE}")
    op.execute(f"GRANT SELECT ON alembic_version TO {APPLICATION_ROLE}")
