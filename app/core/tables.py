"""SQLAlchemy models. Every table with an account is under forced row-level security (see `migrations`)."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
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
        dict[str, Any]: JSONB(),
        list[dict[str, Any]]: JSONB(),
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
    revoked_at: Mapped[datetime | None]


class CompanyRow(Owned):
    """One company of an account. The slug is made once and never changed: the lake's keys carry it."""

    __tablename__ = "companies"
    __table_args__ = (
        ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        UniqueConstraint("account_id", "cnpj"),
    )

    cnpj: Mapped[str]
    slug: Mapped[str]
    name: Mapped[str]


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
            postgresql_where=text("state <> 'failed'"),
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
