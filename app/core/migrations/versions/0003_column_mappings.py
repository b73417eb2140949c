"""Which column is which, as a company's customer settled it for files with certain headings."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from app.core.migrations.pieces import moment, of_company, only_its_account

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
        moment("created_at"),
        sa.PrimaryKeyConstraint("account_id", "company_id", "header_hash", name="pk_column_mappings"),
        of_company("column_mappings", ondelete="CASCADE"),
    )
    only_its_account("column_mappings")


def downgrade() -> None:
    op.drop_table("column_mappings")
