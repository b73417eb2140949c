"""The shape of an error."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field

# RFC 9110's names, which Python has only from 3.13 on: the committed document is one for all of them.
_RENAMED = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(examples=["/problems/invalid-cnpj"])
    title: str = Field(examples=["CNPJ inválido."])
    status: int = Field(examples=[422])
    detail: str
    code: str = Field(examples=["invalid-cnpj"], description="Stable: match on this, not on the words.")


class ProblemKind(BaseModel):
    """One error code, explained; `{name}` places are filled when it happens."""

    code: str
    status: int
    title: str
    detail: str


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems a route may answer, for the OpenAPI document. Any may meet a bad version or be too long."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": _RENAMED.get(status, HTTPStatus(status).phrase), "content": content}
        for status in sorted({400, 414, 431, *statuses})
    }
