"""The shape of an error, and which may come of which route."""

from collections import defaultdict
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel, Field

from app.api.problems import status_of
from app.domain import errors
from app.domain.errors import AppError

# RFC 9110's names, which Python has only from 3.13 on: the committed document is one for all of them.
_RENAMED = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}

_Kinds = tuple[type[AppError], ...]

_ANYBODY: Final[_Kinds] = (errors.UnknownVersion, errors.AddressTooLong, errors.HeadersTooLarge)
CALLER: Final[_Kinds] = (errors.NotAuthenticated, errors.MissingScope, errors.TooManyRequests, errors.Unavailable)
"""What may come of any route with a scope."""
CHANGING: Final[_Kinds] = (
    *(*CALLER, errors.MissingCsrfToken, errors.InvalidRequest, errors.BodyTooLarge, errors.TookTooLong),
)
"""What may come of any such route that changes something."""
READING: Final[_Kinds] = (
    *(*CALLER, errors.InvalidRequest, errors.InvalidCnpj),
    *(errors.UnknownCompany, errors.NotForecastYet, errors.NotAcceptable),
)
"""What may come of any reading of a company."""
FILES: Final[_Kinds] = (
    *(errors.MissingTable, errors.EmptyFile, errors.NotATable, errors.WrongKindOfFile, errors.MissingColumn),
    *(errors.UnknownField, errors.UnknownHeading, errors.UploadTooLarge, errors.TooManyCells),
)
"""What may be wrong with the files of a delivery."""


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(examples=["/problems/invalid-cnpj"])
    title: str = Field(examples=["CNPJ inválido."])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["'11222333000182' não é um CNPJ válido: os dois últimos números não conferem."])
    code: str = Field(examples=["invalid-cnpj"], description="Stable: match on this, not on the words.")


class ProblemKind(BaseModel):
    """One error code, explained; `{name}` places are filled when it happens."""

    code: str = Field(examples=["unknown-company"])
    status: int = Field(examples=[404])
    title: str = Field(examples=["Empresa não encontrada."])
    detail: str = Field(examples=["Não há dados da empresa {cnpj} nesta conta. Envie as planilhas dela primeiro."])


def problem_responses(*kinds: type[AppError]) -> dict[int | str, dict[str, Any]]:
    """The problems a route may answer, for the OpenAPI document. Any may meet a bad version or be too long."""
    of_status: defaultdict[int, list[str]] = defaultdict(list)
    for kind in dict.fromkeys((*_ANYBODY, *kinds)):
        of_status[status_of(kind).value].append(kind.code)
    return {status: _response(status, codes) for status, codes in sorted(of_status.items())}


def _response(status: int, codes: list[str]) -> dict[str, Any]:
    examples = {name: {"$ref": f"#/components/examples/{name}"} for code in codes for name in (code, f"{code}.en")}
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}
    description = _RENAMED.get(status, HTTPStatus(status).phrase)
    return {"description": description, "content": {"application/problem+json": content}}
