"""What the READMEs promise of a service on a laptop: one command, nothing installed, nothing left behind."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from app.core.s3 import store_at
from app.domain.uploads import IncomingFile
from tests.shop import CNPJ, raw_keys, sold_in, sold_in_months, write_months, write_shop

QUANTYFY = [sys.executable, "-m", "app.cli.main"]
PATIENCE_S = 90


class Laptop:
    """A folder of somebody's machine, with a service that was started in it."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        self.home = home
        kept = {name: value for name, value in os.environ.items() if not name.startswith("QUANTYFY_")}
        self.environment = kept | {"QUANTYFY_HOME": str(home), "QUANTYFY_API_URL": self.url}
        self.log = (home / "service.log").open("wb")
        self.start()

    def start(self) -> None:
        command = [*QUANTYFY, "serve", "--port", str(self.port)]
        self.service = subprocess.Popen(command, env=self.environment, stdout=self.log, stderr=self.log)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def run(self, *arguments: str | Path) -> str:
        command: list[str | Path] = [*QUANTYFY, *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                if httpx2.get(f"{self.url}/health/ready").is_success:
                    return
            except httpx2.TransportError:
                pass
            time.sleep(0.2)
        pytest.fail((self.home / "service.log").read_text())

    def wait_until_refused(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except ConnectionRefusedError:
                return
            time.sleep(0.05)
        pytest.fail("it still listens")

    def processes(self) -> list[int]:
        """What works in this folder: the service and its worker by their setting, the database by its place."""
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal() and self._is_ours(entry)]

    def _is_ours(self, process: Path) -> bool:
        try:
            named = f"QUANTYFY_HOME={self.home}".encode() in (process / "environ").read_bytes().split(b"\0")
            return named or (process / "cwd").readlink().is_relative_to(self.home)
        except OSError:  # it ended while we looked
            return False

    def wait_until_gone(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert self.processes() == []


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[Laptop]:
    started = Laptop(tmp_path)
    try:
        started.wait_until_ready()
        yield started
    finally:
        started.service.kill()
        started.service.wait()
        started.log.close()
        started.wait_until_gone()


def test_files_go_up_and_forecasts_come_down_by_command_line(laptop: Laptop, tmp_path: Path) -> None:
    key = laptop.home / "api_key"
    assert key.stat().st_mode & 0o777 == 0o600
    files = [file.path for file in write_shop(tmp_path / "files", bad_lines=1)]
    sent = laptop.run("upload", *files, "--cnpj", "11.222.333/0001-81", "--name", "Padaria")
    assert "A corrigir" in sent
    shown = laptop.run("predictions", CNPJ)
    for words in ("Próximos 90 dias", "Pão francês", "Sem o sistema"):
        assert words in shown
    rows = json.loads(laptop.run("predictions", CNPJ, "--json"))["rows"]
    assert {row["level"] for row in rows} >= {"company", "category", "product"}
    assert key.read_text().strip() not in (laptop.home / "service.log").read_text()
    laptop.service.terminate()
    assert laptop.service.wait(PATIENCE_S) == 0
    laptop.wait_until_gone()


def test_a_file_a_month_goes_up_by_command_line_and_all_count(laptop: Laptop, tmp_path: Path) -> None:
    paths = write_months(tmp_path / "files", [1, 2, 3])
    sent = laptop.run("upload", *paths, "--cnpj", CNPJ, "--name", "Padaria")
    assert "mes-01.csv e mais 2" in sent
    lake = store_at((laptop.home / "lake").as_uri())
    assert sold_in(lake) == sold_in_months([1, 2, 3])
    assert len(raw_keys(lake)) == len(paths)


def test_a_service_told_to_stop_finishes_the_upload_it_receives_and_loses_no_job(
    laptop: Laptop, tmp_path: Path
) -> None:
    headers = {"Authorization": f"Bearer {(laptop.home / 'api_key').read_text().strip()}"}
    request = as_request(write_shop(tmp_path / "files"), headers)
    with socket.create_connection(("127.0.0.1", laptop.port), timeout=PATIENCE_S) as line:
        line.sendall(request[:2000])
        httpx2.get(f"{laptop.url}/health/live").raise_for_status()  # what came before has been heard, too
        laptop.service.terminate()
        laptop.wait_until_refused()
        line.sendall(request[2000:])
        answer = line.recv(65536).decode()
    assert answer.startswith("HTTP/1.1 202 ")
    assert laptop.service.wait(PATIENCE_S) == 0
    laptop.wait_until_gone()
    laptop.start()
    laptop.wait_until_ready()
    address = laptop.url + re.findall(r"location: (\S+)", answer)[0]
    with httpx2.stream("GET", f"{address}/events", headers=headers, timeout=PATIENCE_S) as stream:
        told = [line for line in stream.iter_lines() if line.startswith("data: ")]
    assert '"published"' in told[-1]


def as_request(files: list[IncomingFile], headers: dict[str, str]) -> bytes:
    form = {"cnpj": CNPJ, "company_name": "Padaria"}
    parts = {str(file.table): (file.name, file.path.read_bytes()) for file in files}
    request = httpx2.Request("POST", "http://127.0.0.1/upload", headers=headers, data=form, files=parts)
    body = request.read()
    lines = ["POST /upload HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers.items()), "", ""]
    return "\r\n".join(lines).encode() + body


def test_a_service_that_is_killed_takes_its_worker_and_database_with_it(laptop: Laptop) -> None:
    assert len(laptop.processes()) > 3, "service, worker, PostgreSQL and its children"
    laptop.service.kill()
    laptop.service.wait()
    laptop.wait_until_gone()


def test_curl_alone_goes_from_upload_to_predictions(laptop: Laptop, tmp_path: Path) -> None:
    """`docs/transcript.sh`, whose output is what an integrator reads; the machine's own curl runs it."""
    write_shop(tmp_path / "files", bad_lines=1)
    script = Path(__file__).parent.parent.parent / "docs/transcript.sh"
    key = (laptop.home / "api_key").read_text().strip()
    environment = os.environ | {"API": laptop.url, "KEY": key}
    told = subprocess.run(
        [script, tmp_path / "files"], env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert key not in told.stdout
    for words in (
        *('"state":"received"', "event: upload", '"state": "published"', "vendas_itens,vendas_itens.csv"),
        *("level,id,", "application/vnd.apache.parquet", "PAR1", '"horizon_days":30'),
    ):
        assert words in told.stdout, told.stdout
    if page := os.environ.get("QUANTYFY_TRANSCRIPT"):  # `make transcript`
        Path(page).write_text(
            f"# The API by curl\n\nWritten by `make transcript`.\n\n```\n{told.stdout.strip()}\n```\n"
        )
