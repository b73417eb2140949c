"""The frame of the few plain pages we serve: no script, nothing from elsewhere."""

from html import escape
from http import HTTPStatus
from typing import Final

from fastapi.responses import HTMLResponse

from app.domain.text import Language

_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;margin:2.5rem auto;padding:0 1rem;color:#1b1b1b}
code,pre{background:#f3f3f0;border-radius:4px;padding:.1em .3em}
"""


def page(
    title: str, body: str, *, style: str, language: Language = "pt-BR", status: HTTPStatus = HTTPStatus.OK
) -> HTMLResponse:
    """One page under its title, which is text. `body` is HTML that its maker has escaped; `style` is the page's own."""
    head = (
        f'<!doctype html><html lang="{language}"><meta charset=utf-8><meta name=viewport content="width=device-width">'
    )
    return HTMLResponse(
        f"{head}<title>{escape(title)} · Quantyfy</title><style>{_STYLE}{style}</style><h1>{escape(title)}</h1>{body}",
        status_code=status,
        headers={"Content-Security-Policy": _POLICY, "Content-Language": language},
    )
