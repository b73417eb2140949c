"""What tables of more than one version are made of. History stands: a piece that must change gets a sibling."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.core.migrations import APPLICATION_ROLE

# nullif: a pooled connection that once had the setting reads '' afterwards, not NULL.
CURRENT_ACCOUNT = "nullif(current_setting('app.account_id', true), '')::uuid"
EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"


def moment(name: str) -> sa.Column[Any]:
    """A time that is now unless said otherwise."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())


def of_company(table: str, *, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    """The company of a row is one of the row's account."""
    return sa.ForeignKeyConstraint(
        ["account_id", "company_id"],
        ["companies.account_id", "companies.id"],
        name=f"fk_{table}_account_id_company_id",
        ondelete=ondelete,
    )


def owned_table(name: str, *parts: sa.schema.SchemaItem) -> None:
    """A table whose rows belong to an account, which alone sees them."""
    op.create_table(
        name,
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        moment("created_at"),
        *parts,
        sa.PrimaryKeyConstraint("account_id", "id", name=f"pk_{name}"),
    )
    only_its_account(name)


def only_its_account(table: str, *, column: str = "account_id") -> None:
    """A transaction sees and writes the rows of the account that it names, no others."""
    force(table, EVERYTHING)
    mine = f"{column} = {CURRENT_ACCOUNT}"
    op.execute(f"CREATE POLICY of_account ON {table} USING ({mine}) WITH CHECK ({mine})")


def force(table: str, rights: str) -> None:
    """Row-level security, for the owner too; the application has these rights and sees what policies let it see."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"GRANT {rights} ON {table} TO {APPLICATION_ROLE}")
