"""SQLAlchemy models. Every table with an account is under forced row-level security (see `migrations`)."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    DateTime,
    Double,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """What all tables share: names of constraints, and Python types to PostgreSQL ones."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {  # noqa: RUF012  SQLAlchemy reads it once, as its own documentation writes it
        datetime: DateTime(timezone=True),
        str: Text(),
        bytes: LargeBinary(),
        int: BigInteger(),
        float: Double(),
        dict[str, Any]: JSONB(),
        list[dict[str, Any]]: JSONB(),
        list[str]: ARRAY(Text()),
    }


class AccountRow(Base):
    """A customer of ours: a shop, or an accountant with many."""

    __tablename__ = "accounts"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Owned(Base):
    """A row that belongs to one account; unique keys start with it, so that no index tells of another's rows."""

    __abstract__ = True

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ApiKeyRow(Owned):
    """A key's hash; the key itself is shown once and never stored."""

    __tablename__ = "api_keys"
    __table_args__ = (ForeignKeyConstraint(["account_id"], ["accounts.id"]), Index(None, "key_hash"))

    name: Mapped[str]
    prefix: Mapped[str]
    key_hash: Mapped[bytes]
    scopes: Mapped[list[str]] = mapped_column(server_default="{admin}")
    cnpjs: Mapped[list[str] | None]  # the companies it is limited to
    requests_per_minute: Mapped[int | None]  # instead of the service's own limit
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class UserRow(Owned):
    """A person of an account, who logs in with a password."""

    __tablename__ = "users"
    __table_args__ = (
        ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        UniqueConstraint("account_id", "email"),
        Index(None, "email"),
    )

    email: Mapped[str]  # lower case
    name: Mapped[str]
    password_hash: Mapped[str | None]  # argon2id; none until the first link was used
    scopes: Mapped[list[str]]
    disabled_at: Mapped[datetime | None]


class UserSessionRow(Owned):
    """A browser that is logged in; its cookie is known by its hash alone."""

    __tablename__ = "user_sessions"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "user_id"], ["users.account_id", "users.id"]),
        Index(None, "token_hash"),
    )

    user_id: Mapped[UUID]
    token_hash: Mapped[bytes]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class UserTokenRow(Owned):
    """A link that sets a password and logs in, once."""

    __tablename__ = "user_tokens"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "user_id"], ["users.account_id", "users.id"]),
        Index(None, "token_hash"),
    )

    user_id: Mapped[UUID]
    token_hash: Mapped[bytes]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class LoginAttemptRow(Base):
    """How often logging in has failed, by the hash of an e-mail or of an address. No account is known yet."""

    __tablename__ = "login_attempts"

    subject: Mapped[bytes] = mapped_column(primary_key=True)
    failures: Mapped[int]
    blocked_until: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class RateBucketRow(Base):
    """How often a caller, a key or a person, may still ask."""

    __tablename__ = "rate_buckets"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    caller_id: Mapped[UUID] = mapped_column(primary_key=True)
    tokens: Mapped[float]
    granted: Mapped[int]  # by the last lease
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CompanyRow(Owned):
    """One company of an account. The slug is made once and never changed: the lake's keys carry it."""

    __tablename__ = "companies"
    __table_args__ = (
        ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        Index(
            "uq_companies_account_id_cnpj",
            "account_id",
            "cnpj",
            unique=True,
            postgresql_where=text("erased_at IS NULL"),
        ),
        # The lake's prefix is one company's of one account, whoever else follows the same CNPJ under the same name.
        UniqueConstraint("slug", "cnpj", name="uq_companies_slug_cnpj"),
    )

    cnpj: Mapped[str]
    slug: Mapped[str]
    name: Mapped[str]
    state: Mapped[str | None]
    erased_at: Mapped[datetime | None]  # the row keeps the prefix until the last object is gone


class UploadRow(Owned):
    """One delivery of files, from received to published or failed."""

    __tablename__ = "uploads"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "company_id"], ["companies.account_id", "companies.id"]),
        Index(None, "account_id", "company_id", "created_at"),
        Index(
            "uq_uploads_content",
            "account_id",
            "company_id",
            "content_hash",
            unique=True,
            postgresql_where=text("state NOT IN ('failed', 'cancelled')"),
        ),
    )

    company_id: Mapped[UUID]
    state: Mapped[str]
    content_hash: Mapped[bytes]  # of all its files: the same delivery again is the same upload
    files: Mapped[list[dict[str, Any]]]  # table, name, sha256, bytes, raw key
    report: Mapped[dict[str, Any]]
    timings: Mapped[dict[str, Any]]  # seconds a stage
    error: Mapped[dict[str, Any] | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class RunRow(Owned):
    """One forecast of one company: what it saw, how long each stage took, how good its backtest was."""

    __tablename__ = "runs"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "company_id"], ["companies.account_id", "companies.id"]),
        Index(None, "account_id", "company_id", "created_at"),
    )

    company_id: Mapped[UUID]
    upload_id: Mapped[UUID | None]
    stage: Mapped[str]
    progress: Mapped[int] = mapped_column(server_default="0")  # percent of the stage
    timings: Mapped[dict[str, Any]]
    metrics: Mapped[dict[str, Any]]
    finished_at: Mapped[datetime | None]


class ColumnMappingRow(Base):
    """Which column is which in files with certain headings, where the customer settled it."""

    __tablename__ = "column_mappings"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "company_id"], ["companies.account_id", "companies.id"], ondelete="CASCADE"
        ),
    )

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    company_id: Mapped[UUID] = mapped_column(primary_key=True)
    header_hash: Mapped[str] = mapped_column(primary_key=True)
    settled: Mapped[dict[str, Any]]  # headings to fields
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class PublishedRow(Base):
    """What is current: the object that holds one kind of frame, for one sales month or ('') for all of them."""

    __tablename__ = "published"
    __table_args__ = (ForeignKeyConstraint(["account_id", "company_id"], ["companies.account_id", "companies.id"]),)

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    company_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    month: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str]
    run_id: Mapped[UUID | None]
    published_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class IdempotencyKeyRow(Base):
    """The first answer to a request that carries `Idempotency-Key`; no status while it is being worked on."""

    __tablename__ = "idempotency_keys"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes]  # of who asked, the route and the body
    status: Mapped[int | None]
    headers: Mapped[dict[str, Any] | None]
    body: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class DirectUploadRow(Owned):
    """A delivery whose files go straight to the lake, until it is completed."""

    __tablename__ = "direct_uploads"

    cnpj: Mapped[str]
    company_name: Mapped[str]
    state: Mapped[str | None]
    files: Mapped[list[dict[str, Any]]]
    expires_at: Mapped[datetime]
    completed_as: Mapped[UUID | None]


class WebhookRow(Owned):
    """An address that is told what happens to uploads."""

    __tablename__ = "webhooks"
    __table_args__ = (ForeignKeyConstraint(["account_id"], ["accounts.id"]),)

    url: Mapped[str]
    secret: Mapped[str]  # signs what is sent, so it is kept as it is
    events: Mapped[list[str]]
    disabled_at: Mapped[datetime | None]


class WebhookDeliveryRow(Owned):
    """One event for one webhook, with every attempt to deliver it."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "webhook_id"], ["webhooks.account_id", "webhooks.id"], ondelete="CASCADE"),
        Index(None, "account_id", "webhook_id", "created_at"),
    )

    webhook_id: Mapped[UUID]
    event: Mapped[str]
    payload: Mapped[dict[str, Any]]
    attempts: Mapped[list[dict[str, Any]]]
    next_attempt_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]


class AuditRow(Owned):
    """Who did what to which company or upload. PostgreSQL lets the application append, and drop what is a year old."""

    __tablename__ = "audit_log"
    __table_args__ = (UniqueConstraint("account_id", "once"), Index(None, "account_id", "created_at"))

    actor: Mapped[str]  # key:<id>, user:<id>, or system
    action: Mapped[str]
    subject: Mapped[str]
    facts: Mapped[dict[str, Any]]
    once: Mapped[str | None]  # what happens often (reading) is told once a day


class ErasureRow(Owned):
    """The receipt of a company's erasure; all that stays of it."""

    __tablename__ = "erasures"

    cnpj: Mapped[str]
    lake_prefixes: Mapped[list[str]] = mapped_column(JSONB())
    removed: Mapped[dict[str, Any]]
    finished_at: Mapped[datetime | None]
