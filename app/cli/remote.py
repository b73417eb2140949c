"""`quantyfy upload` and `quantyfy predictions`: the service, used over HTTP as an integrator would."""

import json
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, Self
from urllib.parse import urlsplit

import httpx2
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from app.cli.paths import require_files
from app.cli.tables import (
    accuracy_table,
    company_table,
    findings_table,
    held_out_list,
    products_table,
    report_table,
)
from app.cli.words import console, stage_words
from app.core.config import Settings
from app.domain.cnpj import Cnpj
from app.domain.errors import (
    KeyNotTaken,
    NoKey,
    NotAuthenticated,
    NotOurService,
    ServiceAway,
    ServiceRefused,
    ServiceSlow,
    WrongSetting,
)
from app.domain.forecasts import HORIZONS, Level
from app.domain.states import State
from app.domain.uploads import UploadState

_POLL_S = 0.5
_TIMEOUT: Final = httpx2.Timeout(30, read=600)
_MARK: Final = "quantyfy-version"  # every answer of ours has it (`app.api.manners`)
_KEY_SETTING: Final = "QUANTYFY_API_KEY"


class Service:
    """A running service, spoken to with one key that came from `key_source`; whatever goes wrong is told in words.

    Every method may raise:
        ServiceAway, ServiceSlow, NotOurService: nobody, nobody in time or somebody else answers at `url`.
        KeyNotTaken: the service does not know the key.
        ServiceRefused: with the problem the service answered.
    """

    def __init__(
        self, url: str, key: str, *, key_source: str = _KEY_SETTING, timeout: httpx2.Timeout = _TIMEOUT
    ) -> None:
        self._shown, self._key_source = _shown(url), key_source
        self._http = httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **query: Any) -> dict[str, Any]:  # noqa: ANN401  any query value
        """One answer."""
        return self._answer(lambda: self._http.get(path, params=query))

    def upload(
        self,
        files: Iterable[tuple[str | None, Path]],
        *,
        cnpj: str,
        name: str,
        state: State | None = None,
        tab: str | None = None,
    ) -> str:
        """Send files, each as its table or as one to find out; returns the upload's address."""
        with ExitStack() as stack:
            parts = [(table or "files", (path.name, stack.enter_context(path.open("rb")))) for table, path in files]
            form = {"cnpj": cnpj, "company_name": name, "state": state.value if state else "", "tab": tab or ""}
            return str(self._answer(lambda: self._http.post("/upload", data=form, files=parts))["url"])

    def follow(self, address: str) -> dict[str, Any]:
        """Show how the work goes until it is over; returns the upload as it ended.

        Raises:
            ServiceRefused: the upload failed.
        """
        bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=Console(stderr=True))
        with bar:
            task = bar.add_task("", total=100)
            while not UploadState((upload := self.get(address))["state"]).is_final:
                bar.update(
                    task, description=stage_words(upload["stage"] or upload["state"]), completed=upload["progress"]
                )
                time.sleep(_POLL_S)
            bar.update(task, description=stage_words(upload["state"]), completed=100)
        if upload["error"]:
            raise ServiceRefused(title=upload["error"]["title"], detail=upload["error"]["detail"])
        return upload

    def _answer(self, ask: Callable[[], httpx2.Response]) -> dict[str, Any]:
        response = self._response(ask)
        try:
            answer = response.json()
        except ValueError:  # no JSON, or no text at all
            answer = None
        if _MARK not in response.headers or not isinstance(answer, dict):
            raise NotOurService(url=self._shown, status=response.status_code)
        if response.is_error:
            self._refuse(answer)
        return answer

    def _response(self, ask: Callable[[], httpx2.Response]) -> httpx2.Response:
        try:
            return ask()
        except (httpx2.NetworkError, httpx2.ConnectTimeout) as error:
            raise ServiceAway(url=self._shown) from error
        except httpx2.TimeoutException as error:
            raise ServiceSlow(url=self._shown) from error
        except httpx2.RequestError as error:  # what came was no HTTP, or not what its headers promise
            raise NotOurService(url=self._shown, status="–") from error

    def _refuse(self, problem: dict[str, Any]) -> NoReturn:
        if problem.get("code") == NotAuthenticated.code:
            raise KeyNotTaken(url=self._shown, source=self._key_source)
        raise ServiceRefused(title=problem.get("title", ""), detail=problem.get("detail", ""))


def upload(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="As planilhas, em qualquer ordem.")],
    cnpj: Annotated[str, typer.Option(help="CNPJ da empresa.")],
    name: Annotated[str, typer.Option(help="Nome da empresa.")],
    state: Annotated[
        State | None, typer.Option(help="UF da empresa: a previsão conta também com os feriados do estado.")
    ] = None,
    tab: Annotated[
        str | None, typer.Option(help="Aba do Excel a ler; senão, todas as visíveis que parecem tabelas.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Espera a previsão ficar pronta.")] = True,
) -> None:
    """Envia as planilhas de uma empresa para o serviço."""
    require_files(files)
    with connect(context.obj) as service:
        address = service.upload([(None, file) for file in files], cnpj=cnpj, name=name, state=state, tab=tab)
        typer.echo(address)
        if wait:
            show_upload(service.follow(address))


def predictions(
    context: typer.Context,
    cnpj: Annotated[str, typer.Argument(help="CNPJ da empresa.")],
    as_json: Annotated[bool, typer.Option("--json", help="Escreve o resultado em JSON.")] = False,
) -> None:
    """Mostra a previsão publicada de uma empresa."""
    company = Cnpj.parse(cnpj).text
    with connect(context.obj) as service:
        if as_json:
            typer.echo(json.dumps(service.get(f"/predictions/{company}", limit=10_000), ensure_ascii=False))
        else:
            show_predictions(service, company)


def connect(settings: Settings) -> Service:
    """The service of the settings, with their key or the local one.

    Raises:
        NoKey: no key is configured and none was made here.
        WrongSetting: the address, or the key, cannot be one.
        CannotOpen: the local key belongs to another user.
    """
    url = settings.service_url
    if not _is_address(url):
        raise WrongSetting(names="QUANTYFY_API_URL")
    configured = settings.api_key.get_secret_value().strip() if settings.api_key is not None else ""
    if configured:
        return Service(url, _sound(configured, source=_KEY_SETTING))
    if not settings.local_key.is_file():
        raise NoKey(file=settings.local_key)
    require_files([settings.local_key])
    source = str(settings.local_key)
    key = settings.local_key.read_text(errors="replace").strip()
    return Service(url, _sound(key, source=source), key_source=source)


def show_upload(upload: dict[str, Any]) -> None:
    """What was found in the files."""
    screen = console()
    screen.print(report_table(upload["report"]))
    found = findings_table(upload["report"])
    if found is not None:
        screen.print(found)
    held_out = held_out_list(upload["report"])
    if held_out is not None:
        screen.print(held_out)


def show_predictions(service: Service, cnpj: str) -> None:
    """The company, its biggest products, and how wrong such forecasts were before."""
    screen = console()
    accuracy = service.get(f"/accuracy/{cnpj}")["rows"]
    company = service.get(f"/predictions/{cnpj}", level=Level.COMPANY.value)["rows"]
    products = service.get(f"/products/{cnpj}", limit=10)["rows"]
    ranges = {
        product["id"]: service.get(
            f"/predictions/{cnpj}", level=Level.PRODUCT.value, id=product["id"], horizon_days=HORIZONS[0]
        )["rows"][0]
        for product in products
    }
    screen.print(company_table(company, accuracy))
    screen.print(products_table(products, ranges))
    screen.print(accuracy_table(accuracy))


def _sound(key: str, *, source: str) -> str:
    """A key that a header can carry."""
    if not key.isascii() or not key.isprintable() or not key or " " in key:
        raise WrongSetting(names=source)
    return key


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, an IPv6 address that is none
        return False


def _shown(url: str) -> str:
    """The address without what may be a password in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
