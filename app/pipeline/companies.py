"""Accounts, their keys and their companies."""

from secrets import token_hex
from typing import NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import Select, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.lake import CompanyKeys
from app.core.tables import AccountRow, CompanyRow
from app.domain.access import Scope
from app.domain.cnpj import Cnpj
from app.domain.companies import company_slug, kept_name
from app.domain.errors import UnknownCompany
from app.domain.states import State
from app.pipeline.access import WantedKey, add_key
from app.pipeline.audit import SYSTEM

_LIVING = CompanyRow.erased_at.is_(None)


class Company(NamedTuple):
    """A company of one account, as every story needs it."""

    id: UUID
    cnpj: Cnpj
    slug: str
    name: str
    state: State | None

    @property
    def keys(self) -> CompanyKeys:
        """The keys of its objects in the lake."""
        return CompanyKeys(slug=self.slug, cnpj=self.cnpj)


def open_account(clients: Clients, *, name: str, key_name: str) -> tuple[AccountId, str]:
    """Make an account with its first API key, which may do everything; returns the secret, which is shown this once."""
    account = AccountId(uuid4())
    with clients.database.session(account) as session:
        session.add(AccountRow(id=account, name=name))
        session.flush()
        first = WantedKey(key_name, scopes=(Scope.ADMIN,))
        return account, add_key(session, account, first, actor=SYSTEM)[1]


def require_account(session: Session, account: AccountId) -> None:
    """Make sure that an account which a key of the lake names is one.

    Raises:
        ValueError: it is none.
    """
    if session.get(AccountRow, account) is None:
        raise ValueError(f"no account {account}")


def find_company(session: Session, cnpj: Cnpj, *, to_erase: bool = False) -> Company:
    """The account's company with this CNPJ; `to_erase` waits for whoever adds to it, and keeps others from it.

    Raises:
        UnknownCompany: the account has none; whether another account does is not told.
    """
    row = session.scalar(_living(cnpj).with_for_update() if to_erase else _living(cnpj))
    if row is None:
        raise UnknownCompany(cnpj=cnpj.formatted)
    return _company(row)


def company_by_id(session: Session, company: UUID) -> Company:
    """The account's company with this id, which a job carries."""
    return _company(session.execute(select(CompanyRow).where(CompanyRow.id == company)).scalar_one())


def require_living(session: Session, company: Company) -> None:
    """Make sure that nobody erases a company before this session ends.

    Raises:
        UnknownCompany: somebody has.
    """
    living = select(CompanyRow.id).where(CompanyRow.id == company.id, _LIVING).with_for_update(read=True)
    if session.scalar(living) is None:
        raise UnknownCompany(cnpj=company.cnpj.formatted)


def register_company(
    session: Session, *, account: AccountId, cnpj: Cnpj, name: str, state: State | None = None
) -> Company:
    """The account's company with this CNPJ, made if it is new. The first name it was given makes its slug.

    The state it was told of last is its state; an upload that tells of none leaves it as it was.
    """
    slug = company_slug(name)
    # Another account may follow the same CNPJ under the same name; its prefix of the lake is its own.
    for own in (slug, f"{slug}-{token_hex(4)}"):
        fresh = {"account_id": account, "id": uuid4(), "cnpj": cnpj.text, "slug": own, "name": kept_name(name)}
        session.execute(insert(CompanyRow).values(fresh).on_conflict_do_nothing())
        if session.scalar(_living(cnpj)) is not None:
            break
    if state is not None:
        session.execute(update(CompanyRow).where(CompanyRow.cnpj == cnpj.text, _LIVING).values(state=state.value))
    return find_company(session, cnpj)


class Account(NamedTuple):
    """A customer of ours."""

    id: AccountId
    name: str


def list_accounts(clients: Clients) -> list[Account]:
    """Every account there is, the oldest first: for whoever runs the service."""
    with clients.database.housekeeping() as session:
        rows = session.execute(select(AccountRow.id, AccountRow.name).order_by(AccountRow.created_at))
        return [Account(AccountId(identity), name) for identity, name in rows]


def list_companies(clients: Clients, account: AccountId) -> list[Company]:
    """Every company of the account, by name."""
    with clients.database.session(account) as session:
        rows = session.scalars(select(CompanyRow).where(_LIVING).order_by(CompanyRow.name))
        return [_company(row) for row in rows]


def _living(cnpj: Cnpj) -> Select[CompanyRow]:
    return select(CompanyRow).where(CompanyRow.cnpj == cnpj.text, _LIVING)


def _company(row: CompanyRow) -> Company:
    state = State(row.state) if row.state else None
    return Company(id=row.id, cnpj=Cnpj(row.cnpj), slug=row.slug, name=row.name, state=state)
