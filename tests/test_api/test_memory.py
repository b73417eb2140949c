"""A large upload costs the service's process a bounded memory, its own and that of the files it has open."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from app.core.clients import Clients
from app.core.config import Settings
from app.pipeline.companies import open_account
from tests.s3_server import free_ports
from tests.shop import CNPJ

MEGABYTE = 1_000_000
SIZE = 120 * MEGABYTE
ALLOWED = 48 * MEGABYTE
PATIENCE_S = 90
HEADING = "Número do pedido;Data da venda;Código (SKU);{more}Quantidade;Valor unitário\n"
LINE = "1;01/02/2025;P0001;{more}2;3,50\n"


@contextmanager
def serving(settings: Settings, port: int) -> Iterator[int]:
    """A service in a process of its own, which is ready; its id."""
    assert settings.database_url is not None
    environment = os.environ | {
        "QUANTYFY_DATABASE_URL": settings.database_url.get_secret_value(),
        "QUANTYFY_LAKE_URL": settings.lake,
        "QUANTYFY_HOME": str(settings.home),
        "QUANTYFY_UPLOAD_LIMIT_MB": "500",
    }
    command = [sys.executable, "-m", "app.cli.main", "serve", "--no-worker", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until_ready(port)
            yield process.pid
        finally:
            process.terminate()


def wait_until_ready(port: int) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            if httpx2.get(f"http://127.0.0.1:{port}/health/ready").is_success:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    pytest.fail("the service does not become ready")


def resident(pid: int, kind: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.split(f"{kind}:")[1].split()[0])


@contextmanager
def watched(pid: int, kind: str) -> Iterator[list[int]]:
    """The most that was seen inside, above what there was before."""
    before, over = resident(pid, kind), threading.Event()
    growth = [0]

    def watch() -> None:
        while not over.wait(0.01):
            growth[0] = max(growth[0], resident(pid, kind) - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield growth
    finally:
        over.set()
        watcher.join()


@pytest.mark.parametrize(
    ("heading", "line"),
    [
        (HEADING.format(more=""), LINE.format(more="")),
        (HEADING.format(more="Cliente;Observação;"), LINE.format(more="Ana;ligar (11) 98888-7777;")),
    ],
    ids=["kept as it is", "rewritten without people"],
)
def test_an_upload_of_120_mb_grows_the_service_by_less_than_48(
    settings: Settings, clients: Clients, tmp_path: Path, heading: str, line: str
) -> None:
    large = tmp_path / "itens.csv"
    large.write_text(heading + line * (SIZE // len(line.encode())), encoding="utf-8")
    headers = {"Authorization": f"Bearer {open_account(clients, name='Padaria', key_name='k')[1]}"}
    [port] = free_ports(1)
    form = {"cnpj": CNPJ, "company_name": "Padaria"}
    with (
        serving(settings, port) as pid,
        watched(pid, "RssAnon") as own,
        watched(pid, "VmRSS") as whole,
        large.open("rb") as stream,
    ):
        address = f"http://127.0.0.1:{port}/upload"
        sent = httpx2.post(address, headers=headers, data=form, files={"vendas_itens": stream}, timeout=PATIENCE_S)
        assert sent.status_code == 202, sent.text
    assert own[0] < ALLOWED
    assert whole[0] < ALLOWED
