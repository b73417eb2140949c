"""Who is asking, and what they may do. A door mints a `Caller`; everything it may see follows from that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.security import make_key, token_hash
from app.core.tables import ApiKeyRow
from app.domain.access import Action, Scope
from app.domain.cnpj import Cnpj
from app.domain.errors import MissingScope, NotAuthenticated, UnknownCompany, UnknownKey
from app.pipeline.audit import Deed, note

_USE_IS_NOTED_EVERY = timedelta(minutes=1)  # last use is for people: a write a request would be for nobody


@dataclass(frozen=True)
class Caller:
    """Somebody whose key or session was checked."""

    account: AccountId
    id: UUID
    actor: str  # how the audit log names them
    scopes: frozenset[Scope]
    cnpjs: frozenset[str] | None = None  # None: every company of the account
    requests_per_minute: int | None = None  # None: the service's own limit
    expires_at: datetime | None = None

    def may(self, scope: Scope) -> bool:
        """Whether the scope, or all of them, was given."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def require(self, scope: Scope) -> None:
        """Stop here without the scope.

        Raises:
            MissingScope: it was not given.
        """
        if not self.may(scope):
            raise MissingScope(scope=scope.value)

    def require_whole_account(self) -> None:
        """Stop here for a key that is for some companies alone.

        Raises:
            MissingScope: it is.
        """
        if self.cnpjs is not None:
            raise MissingScope(scope=Scope.ADMIN.value)

    def require_company(self, cnpj: Cnpj) -> None:
        """Stop here for a company outside the key's limit, as if it were not there.

        Raises:
            UnknownCompany: the key is for others.
        """
        if self.cnpjs is not None and cnpj.text not in self.cnpjs:
            raise UnknownCompany(cnpj=cnpj.formatted)


class Key(NamedTuple):
    """An API key as its account sees it afterwards."""

    id: UUID
    name: str
    prefix: str
    scopes: list[str]
    cnpjs: list[str] | None
    requests_per_minute: int | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class WantedKey(NamedTuple):
    """A key to be made."""

    name: str
    scopes: Sequence[Scope] = (Scope.UPLOAD, Scope.READ)
    cnpjs: Sequence[Cnpj] | None = None
    requests_per_minute: int | None = None
    expires_at: datetime | None = None


def caller_of_key(clients: Clients, secret: str, *, now: datetime) -> Caller:
    """Whose key this is, and what it may do.

    Raises:
        NotAuthenticated: nobody's, or it was revoked or has expired.
    """
    key_hash = token_hash(secret)
    with clients.database.presenting("key_hash", key_hash) as session:
        row = session.scalar(select(ApiKeyRow).where(ApiKeyRow.key_hash == key_hash))
    if row is None or row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
        raise NotAuthenticated
    if row.last_used_at is None or now - row.last_used_at > _USE_IS_NOTED_EVERY:
        _note_use(clients, row, now=now)
    return Caller(
        account=AccountId(row.account_id),
        id=row.id,
        actor=f"key:{row.id}",
        scopes=frozenset(map(Scope, row.scopes)),
        cnpjs=None if row.cnpjs is None else frozenset(row.cnpjs),
        requests_per_minute=row.requests_per_minute,
        expires_at=row.expires_at,
    )


def make_account_key(clients: Clients, account: AccountId, wanted: WantedKey, *, actor: str) -> tuple[Key, str]:
    """A new key of the account, and its secret, which is shown this once."""
    with clients.database.session(account) as session:
        return add_key(session, account, wanted, actor=actor)


def add_key(session: Session, account: AccountId, wanted: WantedKey, *, actor: str) -> tuple[Key, str]:
    """As `make_account_key`, in a transaction that does more."""
    made = make_key()
    row = ApiKeyRow(
        account_id=account,
        name=wanted.name,
        prefix=made.prefix,
        key_hash=made.key_hash,
        scopes=[scope.value for scope in wanted.scopes],
        cnpjs=None if wanted.cnpjs is None else [cnpj.text for cnpj in wanted.cnpjs],
        requests_per_minute=wanted.requests_per_minute,
        expires_at=wanted.expires_at,
    )
    session.add(row)
    session.flush()
    session.refresh(row)
    note(session, account, Deed(Action.KEY_MADE, str(row.id), actor, {"name": row.name, "scopes": row.scopes}))
    return _key(row), made.secret


def list_keys(clients: Clients, account: AccountId) -> list[Key]:
    """Every key of the account, the newest first; revoked ones too."""
    with clients.database.session(account) as session:
        rows = session.scalars(select(ApiKeyRow).order_by(ApiKeyRow.created_at.desc(), ApiKeyRow.id))
        return [_key(row) for row in rows]


def revoke_key(clients: Clients, account: AccountId, key: UUID, *, actor: str, now: datetime) -> Key:
    """End a key for ever; doing it again changes nothing.

    Raises:
        UnknownKey: the account has none with this id.
    """
    with clients.database.session(account) as session:
        row = session.scalar(select(ApiKeyRow).where(ApiKeyRow.id == key).with_for_update())
        if row is None:
            raise UnknownKey(key=key)
        if row.revoked_at is None:
            row.revoked_at = now
            note(session, account, Deed(Action.KEY_REVOKED, str(key), actor, {"name": row.name}))
        session.flush()
        return _key(row)


def _note_use(clients: Clients, row: ApiKeyRow, *, now: datetime) -> None:
    with clients.database.session(AccountId(row.account_id)) as session:
        session.get_one(ApiKeyRow, (row.account_id, row.id)).last_used_at = now


def _key(row: ApiKeyRow) -> Key:
    return Key(*(getattr(row, name) for name in Key._fields))
