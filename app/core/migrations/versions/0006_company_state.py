"""The state a company sells from, whose holidays its forecast knows."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = ("companies", "direct_uploads")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("state", sa.Text(), nullable=True))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "state")
