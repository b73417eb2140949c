"""Errors as `application/problem+json` (RFC 9457). The only place that knows status codes."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.methods import methods_of
from app.api.mistakes import UNFORESEEN, told
from app.api.preferences import wishes
from app.domain import errors
from app.domain.errors import AppError
from app.domain.text import Language
from app.utils.logger import get_logger

_STATUS: Mapping[type[AppError], HTTPStatus] = {
    errors.AppError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.BadInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.UploadTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.StaleCursor: HTTPStatus.CONFLICT,
    errors.StillRunning: HTTPStatus.CONFLICT,
    errors.TooLateToCancel: HTTPStatus.CONFLICT,
    errors.AlreadyThere: HTTPStatus.CONFLICT,
    errors.FileNotArrived: HTTPStatus.CONFLICT,
    errors.UnknownVersion: HTTPStatus.BAD_REQUEST,
    errors.NotAcceptable: HTTPStatus.NOT_ACCEPTABLE,
    errors.UnsupportedContent: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.TooSlow: HTTPStatus.REQUEST_TIMEOUT,
    errors.AddressTooLong: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.HeadersTooLarge: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    errors.MissingScope: HTTPStatus.FORBIDDEN,
    errors.MissingCsrfToken: HTTPStatus.FORBIDDEN,
    errors.TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Expired: HTTPStatus.GONE,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.WrongMethod: HTTPStatus.METHOD_NOT_ALLOWED,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
_MEDIA_TYPE = "application/problem+json"


def register(app: FastAPI) -> None:
    """Make every error of the application leave as a problem."""
    app.add_middleware(Unforeseen)
    app.add_exception_handler(AppError, _app_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(OperationalError, _database_away)


def language_of(request: Request) -> Language:
    """English when the reader prefers it to Portuguese; Portuguese otherwise."""
    wanted = wishes(request.headers.get("accept-language", ""))
    english, portuguese = (
        max((wish.quality for wish in wanted if wish.name.partition("-")[0] == language), default=0.0)
        for language in ("en", "pt")
    )
    return "en" if english > portuguese else "pt-BR"


def status_of(error: type[AppError]) -> HTTPStatus:
    """The status of an error: its own, or that of the nearest kind above it."""
    return next(_STATUS[kind] for kind in error.__mro__ if kind in _STATUS)


def content_of(error: AppError, language: Language) -> dict[str, Any]:
    """What the customer reads of an error."""
    return {
        "type": f"/problems/{error.code}",
        "title": error.title(language),
        "status": status_of(type(error)).value,
        "detail": error.detail(language),
        "code": error.code,
    }


def problem(request: Request, error: AppError) -> JSONResponse:
    """One error in the reader's language."""
    language = language_of(request)
    status = status_of(type(error))
    headers: dict[str, str] = {"Content-Language": language}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if "seconds" in error.facts:
        headers["Retry-After"] = str(error.facts["seconds"])
    return JSONResponse(content_of(error, language), status_code=status, media_type=_MEDIA_TYPE, headers=headers)


async def _app_error(request: Request, error: Exception) -> JSONResponse:
    known = error if isinstance(error, AppError) else AppError()
    if known.internal:  # what the customer does not read, and whoever mends it has to
        get_logger().error(known.code, where=str(known), cause=type(known.__cause__).__name__)
    return problem(request, known)


async def _invalid_request(request: Request, error: Exception) -> JSONResponse:
    wrong = error.errors() if isinstance(error, RequestValidationError) else []
    return problem(request, errors.InvalidRequest(problems=told(wrong)))


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    if status == HTTPStatus.NOT_FOUND:
        return problem(request, errors.UnknownRoute())
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        wrong = problem(request, errors.WrongMethod(method=request.method))
        wrong.headers["Allow"] = ", ".join(sorted(methods_of(request)))
        return wrong
    return problem(request, errors.InvalidRequest(problems=UNFORESEEN))


async def _database_away(request: Request, error: Exception) -> JSONResponse:
    get_logger().error("database away", error=type(error).__name__)
    return problem(request, errors.Unavailable(part=errors.DATABASE, where="PostgreSQL"))


class Unforeseen:
    """Answers what nobody foresaw, inside all that dresses an answer: it too has an id, a policy and our words."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and say so if that fails."""
        has_begun = False

        async def noting(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:
            if has_begun or scope["type"] != "http":
                raise
            get_logger().error("unexpected error", exc_info=error)
            await problem(Request(scope), AppError())(scope, receive, send)
