"""`quantyfy upload` and `quantyfy predictions`: the service, used over HTTP as an integrator would."""

import json
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

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
from app.domain.errors import ServiceRefused
from app.domain.forecasts import HORIZONS, Level
from app.domain.states import State
from app.domain.uploads import UploadState

_POLL_S = 0.5
_TIMEOUT = httpx2.Timeout(30, read=600)


class Service:
    """A running service, spoken to with one key."""

    def __init__(self, url: str, key: str) -> None:
        self._http = httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=_TIMEOUT)

    def get(self, path: str, **query: Any) -> dict[str, Any]:  # noqa: ANN401  any query value
        """One answer.

        Raises:
            ServiceRefused: with the problem the service answered.
        """
        return _answer(self._http.get(path, params=query))

    def upload(
        self,
        files: Iterable[tuple[str | None, Path]],
        *,
        cnpj: str,
        name: str,
        state: State | None = None,
        tab: str | None = None,
    ) -> str:
        """Send files, each as its table or as one to find out; returns the upload's address.

        Raises:
            ServiceRefused: with the problem the service answered.
        """
        with ExitStack() as stack:
            parts = [(table or "files", (path.name, stack.enter_context(path.open("rb")))) for table, path in files]
            form = {"cnpj": cnpj, "company_name": name, "state": state.value if state else "", "tab": tab or ""}
            return str(_answer(self._http.post("/upload", data=form, files=parts))["url"])

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


def upload(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="As planilhas, em qualquer ordem.", exists=True, dir_okay=False)],
    cnpj: Annotated[str, typer.Option(help="CNPJ da empresa.")],
    name: Annotated[str, typer.Option(help="Nome da empresa.")],
    state: Annotated[
        State | None, typer.Option(help="UF da empresa: a previsão conta também com os feriados do estado.")
    ] = None,
    tab: Annotated[str | None, typer.Option(help="Aba do Excel a ler; senão, todas que parecem tabelas.")] = None,
    wait: Annotated[bool, typer.Option(help="Espera a previsão ficar pronta.")] = True,
) -> None:
    """Envia as planilhas de uma empresa para o serviço."""
    service = connect(context.obj)
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
    service = connect(context.obj)
    if as_json:
        typer.echo(json.dumps(service.get(f"/predictions/{_bare(cnpj)}", limit=10_000), ensure_ascii=False))
    else:
        show_predictions(service, _bare(cnpj))


def connect(settings: Settings) -> Service:
    """The service of the settings, with their key or the local one.

    Raises:
        ServiceRefused: no key is configured and none was made here.
    """
    if settings.api_key is not None:
        return Service(settings.api_url, settings.api_key.get_secret_value())
    if not settings.local_key.is_file():
        detail = "Defina QUANTYFY_API_KEY, ou inicie o serviço nesta pasta com `quantyfy serve`."
        raise ServiceRefused(title="Falta a chave de acesso.", detail=detail)
    return Service(settings.api_url, settings.local_key.read_text().strip())


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


def _answer(response: httpx2.Response) -> dict[str, Any]:
    answer: dict[str, Any] = response.json()
    if response.is_error:
        raise ServiceRefused(title=answer["title"], detail=answer["detail"])
    return answer


def _bare(cnpj: str) -> str:
    """A formatted CNPJ has a slash, which a path would take for its own."""
    return "".join(c for c in cnpj if c.isalnum())
