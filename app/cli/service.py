"""`quantyfy serve`, `worker`, `migrate`, `key`: the commands of whoever runs the service."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from app.core.config import Settings

_WORKER_GRACE_S = 30


def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Endereço em que o serviço escuta.")] = None,
    port: Annotated[int | None, typer.Option(help="Porta em que o serviço escuta.")] = None,
    with_worker: Annotated[bool, typer.Option("--worker/--no-worker", help="Inicia também um worker.")] = True,
) -> None:
    """Inicia o serviço; na primeira vez, cria a conta e a chave locais."""
    import uvicorn

    from app import bootstrap
    from app.api.main import create_app
    from app.pipeline.companies import open_account

    settings: Settings = context.obj
    chosen = settings.model_copy(
        update={"host": host or settings.host, "port": settings.port if port is None else port}
    )
    with bootstrap.opened(chosen) as clients:
        if chosen.database_url is None and not chosen.local_key.exists():
            _keep_key(chosen, open_account(clients, name="Conta local", key_name="chave local")[1])
        with _worker_beside() if with_worker else _nobody():
            typer.echo(f"Serviço em http://{chosen.host}:{chosen.port} (documentação em /docs)", err=True)
            if chosen.local_key.exists():
                typer.echo(f"Chave de acesso em {chosen.local_key}", err=True)
            uvicorn.run(create_app(chosen), host=chosen.host, port=chosen.port, log_config=None, access_log=False)


def work(
    context: typer.Context,
    until_idle: Annotated[bool, typer.Option(help="Para quando não houver mais trabalho.")] = False,
    with_parent: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Executa os trabalhos da fila: limpar planilhas, prever."""
    from app import worker

    worker.run(context.obj, until_idle=until_idle, with_parent=with_parent)


def migrate_database(context: typer.Context) -> None:
    """Atualiza o banco de dados para a versão deste programa."""
    from app import bootstrap

    bootstrap.migrate(context.obj)
    typer.echo("Banco de dados atualizado.")


def new_key(
    context: typer.Context,
    account: Annotated[str, typer.Argument(help="Nome da nova conta.")],
) -> None:
    """Cria uma conta com a sua primeira chave de acesso, mostrada só desta vez."""
    from app import bootstrap
    from app.pipeline.companies import open_account

    with bootstrap.opened(context.obj) as clients:
        typer.echo(open_account(clients, name=account, key_name="primeira chave")[1])


def _keep_key(settings: Settings, secret: str) -> None:
    """Readable by this user alone, from the moment it exists."""
    descriptor = os.open(settings.local_key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret + "\n")


@contextmanager
def _worker_beside() -> Iterator[None]:
    """A worker that ends with this process, however this process ends: it watches its standard input."""
    command = [sys.executable, "-m", "app.cli.main", "worker", "--with-parent"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:  # noqa: S603  our own program
        yield
        if child.stdin:
            child.stdin.close()
        try:
            child.wait(_WORKER_GRACE_S)
        except subprocess.TimeoutExpired:
            child.kill()


@contextmanager
def _nobody() -> Iterator[None]:
    yield
