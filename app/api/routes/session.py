"""Browser sessions: logging in and out, and setting a password by a link."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response, Security

from app.api.dependencies import SESSION_COOKIE, ClientsOf, caller_of
from app.api.limits import OpenRoute
from app.api.schemas.accounts import Login, NewPassword, SessionShown
from app.api.schemas.problems import CALLER, problem_responses
from app.domain.errors import (
    BodyTooLarge,
    InvalidRequest,
    MissingCsrfToken,
    NotAuthenticated,
    TooManyRequests,
    Unavailable,
    UsedLink,
    WeakPassword,
    WrongLogin,
)
from app.pipeline.access import Caller
from app.pipeline.people import OpenSession, caller_of_session, csrf_of, log_in, log_out, use_link

router = APIRouter(prefix="/session", tags=["account"], route_class=OpenRoute)

_HERE = frozenset({"localhost", "127.0.0.1", "::1", "testserver"})


@router.post("", responses=problem_responses(WrongLogin, InvalidRequest, BodyTooLarge, TooManyRequests, Unavailable))
def open_session(request: Request, response: Response, login: Login, clients: ClientsOf) -> SessionShown:
    """Log in; the session is in an HttpOnly cookie."""
    address = request.client.host if request.client else "unknown"
    opened = log_in(clients, email=login.email, password=login.password, address=address, now=datetime.now(UTC))
    return _begun(request, response, clients, opened)


@router.post(
    "/links/{link}", responses=problem_responses(UsedLink, WeakPassword, InvalidRequest, BodyTooLarge, Unavailable)
)
def follow_link(
    request: Request,
    response: Response,
    link: Annotated[str, Path(max_length=200)],
    new: NewPassword,
    clients: ClientsOf,
) -> SessionShown:
    """Set a password by the link one was given, and log in. The link works once."""
    opened = use_link(clients, link, password=new.password, now=datetime.now(UTC))
    return _begun(request, response, clients, opened)


@router.get(
    "", openapi_extra={"security": [{"session": []}]}, responses=problem_responses(NotAuthenticated, Unavailable)
)
def session(request: Request, clients: ClientsOf) -> SessionShown:
    """The session of this browser, and the token its pages send."""
    secret = _secret(request)
    caller = caller_of_session(clients, secret, now=datetime.now(UTC))
    return _shown(caller, csrf_of(secret))


@router.delete("", status_code=HTTPStatus.NO_CONTENT, responses=problem_responses(*CALLER, MissingCsrfToken))
def close_session(
    request: Request, response: Response, caller: Annotated[Caller, Security(caller_of)], clients: ClientsOf
) -> None:
    """Log out."""
    del caller
    log_out(clients, _secret(request), now=datetime.now(UTC))
    response.delete_cookie(SESSION_COOKIE)


def _secret(request: Request) -> str:
    secret = request.cookies.get(SESSION_COOKIE)
    if secret is None:
        raise NotAuthenticated
    return secret


def _begun(request: Request, response: Response, clients: ClientsOf, opened: OpenSession) -> SessionShown:
    begin(request, response, opened)
    response.headers["Cache-Control"] = "no-store"
    return _shown(caller_of_session(clients, opened.secret, now=datetime.now(UTC)), opened.csrf)


def begin(request: Request, response: Response, opened: OpenSession) -> None:
    """Give the browser its cookie.

    Secure wherever a browser is not on the same machine: plain http leaves this machine never with the cookie.
    """
    now = datetime.now(UTC)
    response.set_cookie(
        SESSION_COOKIE,
        opened.secret,
        max_age=int((opened.expires_at - now).total_seconds()),
        httponly=True,
        samesite="strict",
        secure=request.url.hostname not in _HERE,
    )


def _shown(caller: Caller, csrf: str) -> SessionShown:
    return SessionShown.model_validate(
        {"scopes": sorted(caller.scopes), "expires_at": caller.expires_at, "csrf_token": csrf}
    )
