"""What the READMEs promise of a service on a laptop: one command, nothing installed, nothing left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.shop import CNPJ, write_shop

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
        command = [*QUANTYFY, "serve", "--port", self.url.rpartition(":")[2]]
        self.service = subprocess.Popen(command, env=self.environment, stdout=self.log, stderr=self.log)

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
                time.sleep(0.1)
        pytest.fail((self.home / "service.log").read_text())

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
    assert laptop.service.wait(PATIENCE_S) in {0, -signal.SIGTERM}
    laptop.wait_until_gone()


def test_a_service_that_is_killed_takes_its_worker_and_database_with_it(laptop: Laptop) -> None:
    assert len(laptop.processes()) > 3, "service, worker, PostgreSQL and its children"
    laptop.service.kill()
    laptop.service.wait()
    laptop.wait_until_gone()
