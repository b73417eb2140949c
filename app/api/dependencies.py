"""What routes ask for: the clients, who is asking with which scope, and which company."""

from datetime import UTC, datetime
from typing import Annotated, Final, cast

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from app.core.clients import Clients
from app.core.config import Settings
from app.domain.access import Scope
from app.domain.cnpj import Cnpj
from app.domain.errors import NotAuthenticated
from app.pipeline import reading
from app.pipeline.access import Caller, caller_of_key
from app.pipeline.people import caller_of_session, require_csrf

SESSION_COOKIE: Final = "quantyfy_session"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_bearer = HTTPBearer(auto_error=False, scheme_name="key", description="API key: `Authorization: Bearer qk_...`")
_cookie = APIKeyCookie(
    name=SESSION_COOKIE,
    auto_error=False,
    scheme_name="session",
    description="Browser session of `POST /session`; what changes something also needs `X-CSRF-Token`.",
)


def clients_of(request: Request) -> Clients:
    """The outside world, opened when the service started."""
    return cast("Clients", request.app.state.clients)


def settings_of(request: Request) -> Settings:
    """The settings the service was made with."""
    return cast("Settings", request.app.state.settings)


ClientsOf = Annotated[Clients, Depends(clients_of)]
SettingsOf = Annotated[Settings, Depends(settings_of)]


def caller_of(
    request: Request,
    needed: SecurityScopes,
    clients: ClientsOf,
    key: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    session: Annotated[str | None, Security(_cookie)],
) -> Caller:
    """Whose key or session came with the request, held to the route's scopes and to the caller's rate.

    Raises:
        NotAuthenticated: neither came, or it is nobody's, or over.
        MissingCsrfToken: a session wants to change something without its page's token.
        MissingScope: the caller may not do this.
        TooManyRequests: the caller has asked too often.
    """
    now = datetime.now(UTC)
    if key is not None:
        caller = caller_of_key(clients, key.credentials, now=now)
    elif session is not None:
        caller = caller_of_session(clients, session, now=now)
        if request.method not in _SAFE:
            require_csrf(session, request.headers.get("x-csrf-token"))
    else:
        raise NotAuthenticated
    request.state.caller = caller
    request.app.state.rates.take(clients, request.scope, caller)
    for scope in needed.scopes:
        caller.require(Scope(scope))
    return caller


Reader = Annotated[Caller, Security(caller_of, scopes=[Scope.READ])]
Uploader = Annotated[Caller, Security(caller_of, scopes=[Scope.UPLOAD])]
Admin = Annotated[Caller, Security(caller_of, scopes=[Scope.ADMIN])]


def account_admin(caller: Admin) -> Caller:
    """An administrator of the whole account, not of some of its companies.

    Raises:
        MissingScope: the caller's key is for some companies alone.
    """
    caller.require_whole_account()
    return caller


AccountAdmin = Annotated[Caller, Depends(account_admin)]


def company_of(caller: Caller, cnpj: str) -> Cnpj:
    """The CNPJ a caller has named, if the caller may.

    Raises:
        InvalidCnpj: it is none.
        UnknownCompany: the caller's key is for other companies.
    """
    parsed = Cnpj.parse(cnpj)
    caller.require_company(parsed)
    return parsed


def published_of(cnpj: str, caller: Reader, clients: ClientsOf) -> reading.Published:
    """What is served for the company in the path."""
    return reading.published(clients, caller.account, company_of(caller, cnpj))


Published = Annotated[reading.Published, Depends(published_of)]
