"""The OpenAPI document: what FastAPI finds by itself, and what it cannot know."""

from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from app.api.answers import as_csv
from app.api.links import add_links
from app.api.problems import content_of
from app.api.samples import sample_of, value_of
from app.api.schemas.problems import Problem
from app.api.summaries import SUMMARIES, TAGS
from app.domain.errors import by_code

_ABOUT: Final = """\
Previsão de vendas a partir das planilhas que o sistema da loja já exporta. Demand forecasts for Brazilian shops.

1. `POST /upload` the company's files. 2. Follow `GET /uploads/{id}`. 3. Read `GET /predictions/{cnpj}`.

Errors are `application/problem+json` (RFC 9457); match on `code`. Words are Portuguese, or English when
`Accept-Language` prefers it. Readings come as JSON, CSV, Parquet or Excel by `Accept`, with `ETag`, and pages by
`cursor`; `HEAD` of a reading answers as `GET` without the body.
"""
PORTUGUESE: Final = "x-summary-pt-BR"
_JSON: Final = "application/json"
_CSV: Final = "text/csv"


def operation_id(route: APIRoute) -> str:
    """A name that programs made from the document can bear: the function's own."""
    return route.name


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
                tags=[{"name": name, "description": text.en, PORTUGUESE: text.pt} for name, text in TAGS.items()],
                routes=app.routes,
            )
            _polish(app.openapi_schema)
        return app.openapi_schema

    # FastAPI's documentation says to replace the method; mypy allows no assignment to one.
    app.openapi = document  # type: ignore[method-assign]


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation: its method, its path, what is said of it."""
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            yield verb.upper(), path, operation


def _polish(document: dict[str, Any]) -> None:
    components = document["components"]
    for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own 422; ours is a problem
        components["schemas"].pop(name, None)
    components["schemas"]["Problem"] = Problem.model_json_schema()
    components["examples"] = _problems_told()
    for _, _, operation in operations(document):
        summary = SUMMARIES[operation["operationId"]]
        operation |= {"summary": summary.en, PORTUGUESE: summary.pt}
        operation.setdefault("security", [])
        add_links(operation)
        for content in _contents(operation):
            _exemplify(content, components["schemas"])


def _problems_told() -> dict[str, Any]:
    """Every error as it would be told, in both languages."""
    told: dict[str, Any] = {}
    for code, kind in by_code().items():
        try:
            error = sample_of(kind)
        except KeyError:  # told on the command line alone
            continue
        told[code] = {"summary": error.title("pt-BR"), "value": content_of(error, "pt-BR")}
        told[f"{code}.en"] = {"summary": error.title("en"), "value": content_of(error, "en")}
    return told


def _contents(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What is sent and what is answered when all is well, by media type."""
    yield operation.get("requestBody", {}).get("content", {})
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            yield answer.get("content", {})


def _exemplify(content: dict[str, Any], schemas: dict[str, Any]) -> None:
    """An example for every media type that is text; the CSV of a reading has the rows of its JSON."""
    for name, media in content.items():
        if "example" not in media and not _is_binary(media["schema"]):
            media["example"] = as_csv(content[_JSON]["example"]) if name == _CSV else value_of(media["schema"], schemas)


def _is_binary(schema: dict[str, Any]) -> bool:
    return schema.get("format") == "binary"
