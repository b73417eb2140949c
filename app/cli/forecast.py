"""`quantyfy forecast`: files in, forecasts out, with no server and no database."""

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from app.cli.paths import require_files, require_folder
from app.cli.words import stage_words
from app.domain.cnpj import Cnpj
from app.domain.states import State
from app.domain.uploads import IncomingFile


def forecast(
    files: Annotated[
        list[Path], typer.Argument(help="As planilhas: vendas, vendas_itens e produtos, em qualquer ordem.")
    ],
    cnpj: Annotated[str | None, typer.Option(help="CNPJ da empresa.")] = None,
    state: Annotated[
        State | None, typer.Option(help="UF da empresa: a previsão conta também com os feriados do estado.")
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Prevê a partir desta data, sem ver o que veio depois."),
    ] = None,
    tab: Annotated[
        str | None, typer.Option(help="Aba do Excel a ler; senão, todas as visíveis que parecem tabelas.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Pasta onde gravar os arquivos Parquet e o findings.csv.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Escreve o resultado em JSON.")] = False,
) -> None:
    """Prevê as vendas direto dos arquivos, sem servidor e sem banco de dados."""
    from app.cli import outcome as told
    from app.pipeline.local import Seller, forecast_files

    require_files(files)
    if out is not None:  # before the work, not after it
        require_folder(out, names=told.FILES)
    with tempfile.TemporaryDirectory(prefix="quantyfy-forecast-") as folder, _bar() as bar:
        task = bar.add_task("Lendo as planilhas", total=1.0)
        outcome = forecast_files(
            [IncomingFile(name=file.name, path=file, tab=tab) for file in files],
            workdir=Path(folder),
            today=datetime.now(UTC).date(),
            seller=Seller(Cnpj.parse(cnpj) if cnpj else None, state),
            as_of=as_of.date() if as_of else None,
            progress=lambda stage, share: bar.update(task, description=stage_words(stage), completed=share),
        )
        if out is not None:
            told.write(outcome, out)
    if as_json:
        typer.echo(json.dumps(told.as_json(outcome), ensure_ascii=False, default=str))
    else:
        told.show(outcome, out=out)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=_errors(), transient=True
    )


def _errors() -> Console:
    """Progress goes to standard error: standard output is the answer alone."""
    return Console(stderr=True)
