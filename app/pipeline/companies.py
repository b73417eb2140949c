"""Accounts, their keys and their companies."""

from typing import NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.lake import CompanyKeys
from app.core.security import hash_key, make_key
from app.core.tables import AccountRow, ApiKeyRow, CompanyRow
from app.domain.cnpj import Cnpj
from app.domain.companies import company_slug, kept_name
from app.domain.errors import NotAuthenticated, UnknownCompany


class Company(NamedTuple):
    """A company of one account, as every story needs it."""

    id: UUID
    cnpj: Cnpj
    slug: str
    name: str

    @property
    def keys(self) -> CompanyKeys:
        """The keys of its objects in the lake."""
        return CompanyKeys(slug=self.slug, cnpj=self.cnpj)


def open_account(clients: Clients, *, name: str, key_name: str) -> tuple[AccountId, str]:
    """Make an account with its first API key; returns the key's secret, which is shown this once."""
    account = AccountId(uuid4())
    key = make_key()
    with clients.database.session(account) as session:
        session.add(AccountRow(id=account, name=name))
        session.flush()
        session.add(ApiKeyRow(account_id=account, name=key_name, prefix=key.prefix, key_hash=key.key_hash))
    return account, key.secret


def account_of_key(clients: Clients, secret: str) -> AccountId:
    """Whose key this is.

    Raises:
        NotAuthenticated: nobody's, or it was revoked.
    """
    key_hash = hash_key(secret)
    with clients.database.key_session(key_hash) as session:
        account = session.scalar(
            select(ApiKeyRow.account_id).where(ApiKeyRow.key_hash == key_hash, ApiKeyRow.revoked_at.is_(None))
        )
    if account is None:
        raise NotAuthenticated
    return AccountId(account)


def require_account(session: Session, account: AccountId) -> None:
    """Make sure that an account which a key of the lake names is one.

    Raises:
        ValueError: it is none.
    """
    if session.get(AccountRow, account) is None:
        raise ValueError(f"no account {account}")


def find_company(session: Session, cnpj: Cnpj) -> Company:
    """The account's company with this CNPJ.

    Raises:
        UnknownCompany: the account has none; whether another account does is not told.
    """
    row = session.scalar(select(CompanyRow).where(CompanyRow.cnpj == cnpj.text))
    if row is None:
        raise UnknownCompany(cnpj=cnpj.formatted)
    return _company(row)


def company_by_id(session: Session, company: UUID) -> Company:
    """The account's company with this id, which a job carries."""
    return _company(session.execute(select(CompanyRow).where(CompanyRow.id == company)).scalar_one())


def register_company(session: Session, *, account: AccountId, cnpj: Cnpj, name: str) -> Company:
    """The account's company with this CNPJ, made if it is new. The first name it was given makes its slug."""
    names = {"slug": company_slug(name), "name": kept_name(name)}
    fresh = {"account_id": account, "id": uuid4(), "cnpj": cnpj.text} | names
    session.execute(insert(CompanyRow).values(fresh).on_conflict_do_nothing())
    return find_company(session, cnpj)


def _company(row: CompanyRow) -> Company:
    return Company(id=row.id, cnpj=Cnpj(row.cnpj), slug=row.slug, name=row.name)
