"""Which column is which, as a company's customer settled it for files with certain headings."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from app.core.migrations import APPLICATION_ROLE

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "column_mappings",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("company_id", sa.Uuid(), nullable=False),
        sa.Column("header_hash", sa.Text(), nullable=False),
        sa.Column("settled", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("account_id", "company_id", "header_hash", name="pk_column_mappings"),
        sa.ForeignKeyConstraint(
            ["account_id", "company_id"],
            ["companies.account_id", "companies.id"],
            name="fk_column_mappings_account_id_company_id",
            ondelete="CASCADE",
        ),
    )
    mine = "account_id = nullif(current_setting('app.account_id', true), '')::uuid"
    op.execute("ALTER TABLE column_mappings ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE column_mappings FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY of_account ON column_mappings USING ({mine}) WITH CHECK ({mine})")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON column_mappings TO {APPLICATION_ROLE}")


def downgrade() -> None:
    op.drop_table("column_mappings")
