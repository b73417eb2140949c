"""The API's documentation as one plain page."""

from html import escape
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.api.limits import OpenRoute
from app.api.pages import page

router = APIRouter(include_in_schema=False, route_class=OpenRoute)

_STYLE: Final = """
body{max-width:60rem}h2{margin-top:2.5rem;font-size:1.1rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem .5rem;border-top:1px solid #ddd}
.verb{display:inline-block;min-width:4.5rem;font-weight:700}
"""


@router.get("/docs")
def docs(request: Request) -> HTMLResponse:
    """Every operation, from the OpenAPI document at `/openapi.json`."""
    document = request.app.openapi()
    operations = [
        _operation(verb, path, operation)
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
    ]
    about = f"<pre>{escape(document['info']['description'])}</pre>"
    link = '<p><a href="/openapi.json">openapi.json</a></p>'
    return page("API", about + link + "".join(operations), style=_STYLE, language="en")


def _operation(verb: str, path: str, operation: dict[str, Any]) -> str:
    rows = "".join(map(_parameter, operation.get("parameters", [])))
    scopes = {scope for need in operation.get("security", []) for names in need.values() for scope in names}
    needs = f"<p>scope: {escape(', '.join(sorted(scopes)))}</p>" if scopes else ""
    answers = ", ".join(operation["responses"])
    return (
        f"<h2><span class=verb>{verb.upper()}</span> <code>{escape(path)}</code></h2>"
        f"<p>{escape(operation.get('description', ''))}</p>{needs}<table>{rows}</table><p>{answers}</p>"
    )


def _parameter(parameter: dict[str, Any]) -> str:
    about = parameter.get("description", "")
    return f"<tr><td><code>{escape(parameter['name'])}</code><td>{parameter['in']}<td>{escape(about)}</tr>"
