"""People, sessions, scoped keys, idempotency, webhooks, the audit log, receipts of erasure; changes announced."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from app.core.migrations.pieces import CURRENT_ACCOUNT, EVERYTHING, force, moment, only_its_account, owned_table

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _keys_with_scopes()
    _people()
    _uploads()
    _webhooks()
    _records()
    _announcements()


def downgrade() -> None:
    raise NotImplementedError("what people and keys may do is not taken back by a migration")


def _keys_with_scopes() -> None:
    # Keys made before there were scopes could do everything.
    op.add_column("api_keys", sa.Column("scopes", ARRAY(sa.Text()), nullable=False, server_default="{admin}"))
    op.add_column("api_keys", sa.Column("cnpjs", ARRAY(sa.Text()), nullable=True))
    op.add_column("api_keys", sa.Column("requests_per_minute", sa.BigInteger(), nullable=True))
    op.add_column("api_keys", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("api_keys", sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True))
    # An erased company keeps its row, and so its prefix, until the last of its objects is gone.
    op.add_column("companies", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint("uq_companies_account_id_cnpj", "companies")
    op.create_index(
        "uq_companies_account_id_cnpj",
        "companies",
        ["account_id", "cnpj"],
        unique=True,
        postgresql_where=sa.text("erased_at IS NULL"),
    )
    # A cancelled upload, too, may be sent again.
    op.drop_index("uq_uploads_content", "uploads")
    op.create_index(
        "uq_uploads_content",
        "uploads",
        ["account_id", "company_id", "content_hash"],
        unique=True,
        postgresql_where=sa.text("state NOT IN ('failed', 'cancelled')"),
    )
    # The lake's prefix of a company is its alone, though two accounts may follow the same company.
    op.create_unique_constraint("uq_companies_slug_cnpj", "companies", ["slug", "cnpj"])
    # Housekeeping goes from account to account; it sees which there are, and nothing of them.
    op.execute(
        "CREATE POLICY of_housekeeping ON accounts FOR SELECT "
        "USING (current_setting('app.housekeeping', true) = 'on')"
    )


def _people() -> None:
    owned_table(
        "users",
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("scopes", ARRAY(sa.Text()), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.UniqueConstraint("account_id", "email", name="uq_users_account_id_email"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_users_account_id"),
    )
    op.create_index("ix_users_email", "users", ["email"])
    for table, lives in (("user_sessions", "revoked_at"), ("user_tokens", "used_at")):
        owned_table(
            table,
            sa.Column("user_id", sa.Uuid(), nullable=False),
            sa.Column("token_hash", sa.LargeBinary(), nullable=False),
            sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column(lives, sa.DateTime(timezone=True), nullable=True),
            sa.ForeignKeyConstraint(
                ["account_id", "user_id"], ["users.account_id", "users.id"], name=f"fk_{table}_account_id_user_id"
            ),
        )
        op.create_index(f"ix_{table}_token_hash", table, ["token_hash"])
    # As with keys: who presents an e-mail, a cookie or a link sees that one row and no account yet.
    _policy("users", "of_presented_email", "email = nullif(current_setting('app.email', true), '')")
    for table, setting in (("user_sessions", "app.session_hash"), ("user_tokens", "app.token_hash")):
        _policy(table, "of_presented_token", f"token_hash = {_digest(setting)}")
    op.create_table(
        "login_attempts",
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=True),
        moment("updated_at"),
        sa.PrimaryKeyConstraint("subject", name="pk_login_attempts"),
    )
    force("login_attempts", EVERYTHING)
    of_subject = f"subject = {_digest('app.subject')}"
    op.execute(f"CREATE POLICY of_subject ON login_attempts USING ({of_subject}) WITH CHECK ({of_subject})")


def _uploads() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=True),
        sa.Column("headers", JSONB(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        moment("created_at"),
        sa.PrimaryKeyConstraint("account_id", "key", name="pk_idempotency_keys"),
    )
    only_its_account("idempotency_keys")
    owned_table(
        "direct_uploads",
        sa.Column("cnpj", sa.Text(), nullable=False),
        sa.Column("company_name", sa.Text(), nullable=False),
        sa.Column("files", JSONB(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_as", sa.Uuid(), nullable=True),
    )


def _webhooks() -> None:
    owned_table(
        "webhooks",
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("events", ARRAY(sa.Text()), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_webhooks_account_id"),
    )
    owned_table(
        "webhook_deliveries",
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("payload", JSONB(), nullable=False),
        sa.Column("attempts", JSONB(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "webhook_id"],
            ["webhooks.account_id", "webhooks.id"],
            name="fk_webhook_deliveries_account_id_webhook_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "ix_webhook_deliveries_account_id_webhook_id_created_at",
        "webhook_deliveries",
        ["account_id", "webhook_id", "created_at"],
    )


def _records() -> None:
    op.create_table(
        "audit_log",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        moment("created_at"),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("facts", JSONB(), nullable=False),
        sa.Column("once", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_audit_log"),
        sa.UniqueConstraint("account_id", "once", name="uq_audit_log_account_id_once"),
    )
    op.create_index("ix_audit_log_account_id_created_at", "audit_log", ["account_id", "created_at"])
    # Append-only by PostgreSQL's own hand: nothing is changed, and only what is over a year old can go.
    force("audit_log", "SELECT, INSERT, DELETE")
    mine = f"account_id = {CURRENT_ACCOUNT}"
    op.execute(f"CREATE POLICY to_read ON audit_log FOR SELECT USING ({mine})")
    op.execute(f"CREATE POLICY to_append ON audit_log FOR INSERT WITH CHECK ({mine})")
    op.execute(
        f"CREATE POLICY to_expire ON audit_log FOR DELETE USING ({mine} AND created_at < now() - interval '12 months')"
    )
    owned_table(
        "erasures",
        sa.Column("cnpj", sa.Text(), nullable=False),
        sa.Column("lake_prefixes", JSONB(), nullable=False),
        sa.Column("removed", JSONB(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
    )


def _announcements() -> None:
    """Every process that remembers an answer is told at commit when its account's rows have changed."""
    op.execute(
        """
        CREATE FUNCTION announce_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          PERFORM pg_notify('quantyfy_changes', TG_TABLE_NAME || ' ' || coalesce(NEW.account_id, OLD.account_id));
          RETURN NULL;
        END $$
        """
    )
    for table in ("published", "companies", "uploads", "runs", "user_sessions"):
        op.execute(
            f"CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION announce_change()"
        )
    # That a key was used changes nothing about what it may do.
    op.execute(
        "CREATE TRIGGER announce AFTER DELETE OR UPDATE OF scopes, cnpjs, requests_per_minute, expires_at, revoked_at "
        "ON api_keys FOR EACH ROW EXECUTE FUNCTION announce_change()"
    )


def _policy(table: str, name: str, condition: str) -> None:
    op.execute(f"CREATE POLICY {name} ON {table} FOR SELECT USING ({condition})")


def _digest(setting: str) -> str:
    return f"decode(nullif(current_setting('{setting}', true), ''), 'hex')"
