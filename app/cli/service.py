"""`quantyfy serve`, `worker`, `migrate`: the commands of whoever runs the service."""

import errno
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from app.cli.beside import WITHOUT_DATABASE, worker_beside
from app.core.config import Settings
from app.domain.errors import PortTaken, Unavailable
from app.domain.text import Text
from app.utils.logger import get_logger

if TYPE_CHECKING:
    from app.core.clients import Clients

_REQUEST_GRACE_S = 60  # with the worker's less than what Fargate gives a task to stop
_OWNER = "dono@localhost"
_LAST_PORT: Final = 65535
_NO_ADDRESS: Final = Text("não é um endereço desta máquina", "is no address of this machine")
_LISTENING: Final[Mapping[int, Text]] = {
    errno.EADDRINUSE: Text("já está em uso por outro programa", "is in use by another program already"),
    errno.EACCES: Text("é reservada ao administrador", "is the administrator's"),
}


def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Endereço em que o serviço escuta.")] = None,
    port: Annotated[int | None, typer.Option(help="Porta em que o serviço escuta.")] = None,
    with_worker: Annotated[bool, typer.Option("--worker/--no-worker", help="Inicia também um worker.")] = True,
) -> None:
    """Inicia o serviço; na primeira vez, cria a conta e a chave locais."""
    from app import bootstrap
    from app.api.main import create_app
    from app.api.serving import Server

    settings: Settings = context.obj
    chosen = settings.model_copy(
        update={
            "host": host or settings.host,
            "port": settings.port if port is None else port,
            "workers_expected": with_worker if settings.workers_expected is None else settings.workers_expected,
        }
    )
    _require_port(chosen.host, chosen.port)
    signal.signal(signal.SIGTERM, _leave)
    with bootstrap.opened(chosen) as clients:
        if chosen.database_url is None and not chosen.local_key.exists():
            _first_start(chosen, clients)
        with ExitStack() as stack:
            beside = stack.enter_context(worker_beside()) if with_worker else None
            typer.echo(f"Serviço em http://{chosen.host}:{chosen.port} (documentação em /docs)", err=True)
            if chosen.local_key.exists():
                typer.echo(f"Chave de acesso em {chosen.local_key}", err=True)
            server = Server(create_app(chosen), host=chosen.host, port=chosen.port, grace_s=_REQUEST_GRACE_S)
            if beside:
                beside.on_failure(server.end)
            server.run()


def work(
    context: typer.Context,
    until_idle: Annotated[bool, typer.Option(help="Para quando não houver mais trabalho.")] = False,
    with_parent: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Executa os trabalhos da fila: limpar planilhas, prever."""
    from app import worker

    try:
        worker.run(context.obj, until_idle=until_idle, with_parent=with_parent)
    except Unavailable as error:
        get_logger().error("worker gives up", error=str(error))
        raise typer.Exit(WITHOUT_DATABASE) from error


def migrate_database(context: typer.Context) -> None:
    """Atualiza o banco de dados para a versão deste programa."""
    from app import bootstrap

    bootstrap.migrate(context.obj)
    typer.echo("Banco de dados atualizado.")


def _require_port(host: str, port: int) -> None:
    """Before a database is started and a worker: most often another service listens there already.

    Raises:
        PortTaken: nobody could listen there, and why.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server will
            probe.bind(address)
    except OSError as error:
        reason = _LISTENING.get(error.errno or 0, _NO_ADDRESS)
        other = port + 1 if port < _LAST_PORT else port - 1
        raise PortTaken(host=host, port=port, reason=reason, other=other) from error


def _first_start(settings: Settings, clients: "Clients") -> None:
    """An account, its key in a file, and a link by which its owner sets a password, once."""
    from app.domain.access import Scope
    from app.pipeline.audit import SYSTEM
    from app.pipeline.companies import open_account
    from app.pipeline.people import make_link, make_user

    account, secret = open_account(clients, name="Conta local", key_name="chave local")
    _keep_key(settings, secret)
    make_user(clients, account, email=_OWNER, name="Dono", scopes=[Scope.ADMIN], actor=SYSTEM)
    link = make_link(clients, account, email=_OWNER, now=datetime.now(UTC))
    typer.echo(f"Defina a senha de {_OWNER} em http://{settings.host}:{settings.port}/session/links/{link}", err=True)


def _keep_key(settings: Settings, secret: str) -> None:
    """Readable by this user alone, from the moment it exists."""
    descriptor = os.open(settings.local_key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret + "\n")


def _leave(*_: object) -> None:
    """Told to end: by way of every `finally`, so that the worker ends before the database does."""
    sys.exit(0)
