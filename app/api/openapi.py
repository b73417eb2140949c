"""The OpenAPI document: what FastAPI finds by itself, and what it cannot know."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api.schemas.problems import Problem

_ABOUT: Final = """\
Previsão de vendas a partir das planilhas que o sistema da loja já exporta. Demand forecasts for Brazilian shops.

1. `POST /upload` the company's files. 2. Follow `GET /uploads/{id}`. 3. Read `GET /predictions/{cnpj}`.

Errors are `application/problem+json` (RFC 9457); match on `code`. Words are Portuguese, or English when
`Accept-Language` prefers it. Readings come as JSON, CSV, Parquet or Excel by `Accept`, with `ETag`, and pages by
`cursor`.
"""


def describe(app: FastAPI) -> None:
    """Give the service its document, made once when it is first asked for."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = get_openapi(
                title=app.title,
                version=app.version,
                summary="Demand forecasts for Brazilian shops",
                description=_ABOUT,
                license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
                routes=app.routes,
            )
            _polish(app.openapi_schema)
        return app.openapi_schema

    # As FastAPI's documentation says to extend it.
    app.openapi = document  # type: ignore[method-assign]


def _polish(schema: dict[str, Any]) -> None:
    """FastAPI describes its own 422; ours is a problem, described once as a component."""
    for name in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(name, None)
    schema["components"]["schemas"]["Problem"] = Problem.model_json_schema()
