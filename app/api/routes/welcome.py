"""What stands behind a link that sets a password: one plain page in Portuguese, and its form."""

from datetime import UTC, datetime
from html import escape
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from app.api.dependencies import ClientsOf, SettingsOf
from app.api.limits import OpenRoute
from app.api.pages import page
from app.api.problems import status_of
from app.api.routes.session import begin
from app.domain.errors import AppError, InvalidRequest, UsedLink
from app.domain.text import Text
from app.pipeline.people import SHORTEST_PASSWORD, OpenSession, use_link

router = APIRouter(prefix="/session/links/{link}", include_in_schema=False, route_class=OpenRoute)

_STYLE: Final = """
body{max-width:32rem}code{overflow-wrap:anywhere}
label{display:block;margin:1rem 0 .25rem}input{font:inherit;width:100%;padding:.5rem;box-sizing:border-box}
button{font:inherit;margin-top:1.5rem;padding:.6rem 1.2rem}[role=alert]{color:#a40000;font-weight:600}
"""
_FROM_ELSEWHERE: Final = Text(
    "O formulário veio da página de outro site. Abra o link no seu navegador e envie de novo.",
    "The form came from another site's page. Open the link in your browser and send it again.",
)
_LONGEST: Final = 200
Link = Annotated[str, InPath(max_length=_LONGEST)]


@router.get("")
def welcome(link: Link) -> HTMLResponse:
    """The form. Looking at it uses nothing up."""
    return _page("Defina a sua senha", _form(link))


@router.post("/password")
async def set_password(request: Request, link: Link, clients: ClientsOf, settings: SettingsOf) -> HTMLResponse:
    """What the form sends. The link in its address is a secret that no other site's page knows."""
    said = parse_qs((await request.body()).decode(errors="replace"))
    password, again = (said.get(name, [""])[0] for name in ("password", "again"))
    if password != again:
        return _refused(link, "As duas senhas não são iguais.", HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            raise InvalidRequest(problems=_FROM_ELSEWHERE)
        opened = await run_in_threadpool(use_link, clients, link, password=password, now=datetime.now(UTC))
    except UsedLink as error:
        return _page(error.title(), f"<p>{escape(error.detail())}</p>", status=status_of(UsedLink))
    except AppError as error:
        return _refused(link, f"{error.title()} {error.detail()}", status_of(type(error)))
    return _welcomed(request, opened, key=settings.local_key)


def _welcomed(request: Request, opened: OpenSession, *, key: Path) -> HTMLResponse:
    where = (
        f"<p>A chave de acesso para programas está no arquivo <code>{escape(str(key.absolute()))}</code>.</p>"
        if key.exists()
        else ""
    )
    answer = _page(
        "Senha definida",
        f"<p>Você está dentro, neste navegador.</p>{where}"
        '<p>Como enviar planilhas e ler previsões: <a href="/docs">documentação</a>.</p>',
    )
    begin(request, answer, opened)
    return answer


def _refused(link: str, words: str, status: HTTPStatus) -> HTMLResponse:
    return _page("Defina a sua senha", f"<p role=alert>{escape(words)}</p>{_form(link)}", status=status)


def _form(link: str) -> str:
    field = f"type=password required minlength={SHORTEST_PASSWORD} maxlength=1024 autocomplete=new-password"
    return (
        f'<form method=post action="/session/links/{escape(link)}/password">'
        f"<p>Use {SHORTEST_PASSWORD} caracteres ou mais; uma frase serve bem.</p>"
        f"<label for=password>Senha</label><input id=password name=password {field}>"
        f"<label for=again>A mesma senha, de novo</label><input id=again name=again {field}>"
        "<button>Guardar a senha e entrar</button></form>"
    )


def _page(title: str, body: str, *, status: HTTPStatus = HTTPStatus.OK) -> HTMLResponse:
    return page(title, body, style=_STYLE, status=status)
