"""People of an account: made, given a link to set their password, logged in and out."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.security import csrf_token, hash_password, is_outdated, is_password, is_same, make_token, token_hash
from app.core.tables import UserRow, UserSessionRow, UserTokenRow
from app.domain.access import Action, Scope
from app.domain.errors import (
    AlreadyThere,
    MissingCsrfToken,
    NotAuthenticated,
    UnknownUser,
    UsedLink,
    WeakPassword,
    WrongLogin,
)
from app.pipeline.access import Caller
from app.pipeline.audit import Deed, note
from app.pipeline.throttle import count_failure, forgive, require_patience

SESSION_LASTS: Final = timedelta(days=14)
LINK_LASTS: Final = timedelta(hours=24)
SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 1024
_AS_IF_IN: Final = 3  # accounts: a failed login takes as many hashes; who is in more of them can still be told


class User(NamedTuple):
    """A person as their account sees them."""

    id: UUID
    email: str
    name: str
    scopes: list[str]
    created_at: datetime
    disabled_at: datetime | None


class OpenSession(NamedTuple):
    """A browser just logged in: the cookie's value, shown once, and what its pages send beside it."""

    secret: str
    csrf: str
    expires_at: datetime


def make_user(
    clients: Clients, account: AccountId, *, email: str, name: str, scopes: Sequence[Scope], actor: str
) -> User:
    """A new person of the account, who cannot log in before using a link.

    Raises:
        AlreadyThere: somebody of the account has this e-mail.
    """
    row = {"account_id": account, "id": uuid4(), "email": _address(email), "name": name}
    with clients.database.session(account) as session:
        fresh = insert(UserRow).values(row | {"scopes": [scope.value for scope in scopes]})
        made = session.scalar(fresh.on_conflict_do_nothing().returning(UserRow))
        if made is None:
            raise AlreadyThere(what=_address(email))
        note(session, account, Deed(Action.USER_MADE, str(made.id), actor))
        return _user(made)


def list_users(clients: Clients, account: AccountId) -> list[User]:
    """Everybody of the account, by e-mail."""
    with clients.database.session(account) as session:
        return [_user(row) for row in session.scalars(select(UserRow).order_by(UserRow.email))]


def make_link(clients: Clients, account: AccountId, *, email: str, now: datetime) -> str:
    """The secret of a link that sets the person's password and logs in, once, within a day.

    Raises:
        UnknownUser: nobody of the account has this e-mail.
    """
    secret = make_token()
    with clients.database.session(account) as session:
        user = session.scalar(select(UserRow.id).where(UserRow.email == _address(email)))
        if user is None:
            raise UnknownUser(email=_address(email))
        link = {"user_id": user, "token_hash": token_hash(secret), "expires_at": now + LINK_LASTS}
        session.add(UserTokenRow(account_id=account, **link))
    return secret


def use_link(clients: Clients, secret: str, *, password: str, now: datetime) -> OpenSession:
    """Set a password by a link, end every session there was, and log in.

    Raises:
        UsedLink: it was used, has expired, or never was.
        WeakPassword: fewer than 12 characters; the link may be used again.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise WeakPassword
    account = _account_of_link(clients, secret)
    hashed = hash_password(password)
    with clients.database.session(account) as session:
        # Of two who use it at the same moment, the second waits here and finds it used.
        wanted = select(UserTokenRow).where(UserTokenRow.token_hash == token_hash(secret)).with_for_update()
        link = session.scalars(wanted).one()
        if link.used_at is not None or link.expires_at <= now:
            raise UsedLink
        link.used_at = now
        session.get_one(UserRow, (account, link.user_id)).password_hash = hashed
        for old in session.scalars(select(UserSessionRow).where(UserSessionRow.user_id == link.user_id)):
            old.revoked_at = old.revoked_at or now
        note(session, account, Deed(Action.PASSWORD_SET, str(link.user_id), f"user:{link.user_id}"))
    return _open_session(clients, account, link.user_id, now=now)


def log_in(clients: Clients, *, email: str, password: str, address: str, now: datetime) -> OpenSession:
    """A session for whoever knows the password.

    Raises:
        WrongLogin: e-mail or password; which of them is not told, nor by the time it takes.
        TooManyRequests: too many failures lately (see `throttle`).
    """
    both = f"both {_address(email)} {address}"
    subjects = (both, f"address {address}", f"email {_address(email)}")
    require_patience(clients, subjects, now=now)
    with clients.database.presenting("email", _address(email)) as session:
        found = session.scalars(select(UserRow).where(UserRow.email == _address(email))).all()
    rows = [row for row in found if row.disabled_at is None]
    known = next((row for row in rows if is_password(password, row.password_hash)), None)
    if known is None:
        # One person may belong to several accounts. In how many, none included, the time of a failure does not tell.
        for _ in range(len(rows), _AS_IF_IN):
            is_password(password, None)
        count_failure(clients, subjects, now=now)
        raise WrongLogin
    forgive(clients, both)
    _renew_hash(clients, known, password)
    return _open_session(clients, AccountId(known.account_id), known.id, now=now)


def log_out(clients: Clients, secret: str, *, now: datetime) -> None:
    """End a session; one that is over already stays so."""
    row = _session_row(clients, secret)
    if row is not None:
        with clients.database.session(AccountId(row.account_id)) as session:
            session.get_one(UserSessionRow, (row.account_id, row.id)).revoked_at = now


def caller_of_session(clients: Clients, secret: str, *, now: datetime) -> Caller:
    """Who is behind a cookie.

    Raises:
        NotAuthenticated: nobody, or the session is over.
    """
    row = _session_row(clients, secret)
    if row is None or row.revoked_at is not None or row.expires_at <= now:
        raise NotAuthenticated
    account = AccountId(row.account_id)
    with clients.database.session(account) as session:
        user = session.get_one(UserRow, (account, row.user_id))
    if user.disabled_at is not None:
        raise NotAuthenticated
    scopes = frozenset(map(Scope, user.scopes))
    return Caller(account=account, id=user.id, actor=f"user:{user.id}", scopes=scopes, expires_at=row.expires_at)


def csrf_of(session: str) -> str:
    """What a page of the session sends beside its cookie."""
    return csrf_token(session)


def require_csrf(session: str, token: str | None) -> None:
    """Make sure that a page of ours sent this.

    Raises:
        MissingCsrfToken: what came beside the cookie is not the cookie's.
    """
    if token is None or not is_same(token, csrf_token(session)):
        raise MissingCsrfToken


def _open_session(clients: Clients, account: AccountId, user: UUID, *, now: datetime) -> OpenSession:
    secret = make_token()
    row = UserSessionRow(
        account_id=account, user_id=user, token_hash=token_hash(secret), expires_at=now + SESSION_LASTS
    )
    with clients.database.session(account) as session:
        session.add(row)
        note(session, account, Deed(Action.LOGGED_IN, str(user), f"user:{user}"))
    return OpenSession(secret=secret, csrf=csrf_token(secret), expires_at=row.expires_at)


def _session_row(clients: Clients, secret: str) -> UserSessionRow | None:
    digest = token_hash(secret)
    with clients.database.presenting("session_hash", digest) as session:
        return session.scalar(select(UserSessionRow).where(UserSessionRow.token_hash == digest))


def _account_of_link(clients: Clients, secret: str) -> AccountId:
    digest = token_hash(secret)
    with clients.database.presenting("token_hash", digest) as session:
        account = session.scalar(select(UserTokenRow.account_id).where(UserTokenRow.token_hash == digest))
    if account is None:
        raise UsedLink
    return AccountId(account)


def _renew_hash(clients: Clients, row: UserRow, password: str) -> None:
    if row.password_hash and is_outdated(row.password_hash):
        with clients.database.session(AccountId(row.account_id)) as session:
            session.get_one(UserRow, (row.account_id, row.id)).password_hash = hash_password(password)


def _address(email: str) -> str:
    return email.strip().lower()


def _user(row: UserRow) -> User:
    return User(*(getattr(row, name) for name in User._fields))
