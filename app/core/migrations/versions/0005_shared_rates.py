"""How often each caller has asked, counted by all processes together; erasures announced to whoever keeps copies."""

import sqlalchemy as sa
from alembic import op

from app.core.migrations.pieces import moment, only_its_account

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Unlogged: what a crash forgets is a minute's counting.
    op.create_table(
        "rate_buckets",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("tokens", sa.Double(), nullable=False),
        sa.Column("granted", sa.BigInteger(), nullable=False),
        moment("updated_at"),
        sa.PrimaryKeyConstraint("account_id", "caller_id", name="pk_rate_buckets"),
        prefixes=["UNLOGGED"],
    )
    only_its_account("rate_buckets")
    op.execute(
        "CREATE TRIGGER announce AFTER INSERT OR UPDATE ON erasures FOR EACH ROW EXECUTE FUNCTION announce_change()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER announce ON erasures")
    op.drop_table("rate_buckets")
