"""What ends beside a service that goes on: its database, its worker, the other service of its folder."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.s3_server import free_ports
from tests.shop import CNPJ, write_shop
from tests.test_cli.test_service import QUANTYFY
from tests.waiting import until

PATIENCE_S = 180
GLANCE_S = 0.3  # who asks all the time takes the processor from what it waits for


class Service:
    """A `serve` of its own in a folder that others may use as well."""

    def __init__(self, home: Path, *options: str, **settings: str) -> None:
        [self.port] = free_ports(1)
        self.home = home
        self.log = home / f"{self.port}.log"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("QUANTYFY_")}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*QUANTYFY, "serve", "--port", str(self.port), *options],
                env=kept | {"QUANTYFY_HOME": str(home)} | settings,
                stdout=log,
                stderr=log,
            )

    def ready(self) -> tuple[int, str]:
        """The status, and what is said of it."""
        time.sleep(GLANCE_S)
        try:
            answer = httpx2.get(f"http://127.0.0.1:{self.port}/health/ready", timeout=30)
        except httpx2.TransportError as error:
            return 0, str(error)
        return answer.status_code, answer.text

    def wait_until_ready(self) -> None:
        until(lambda: self.ready()[0] == 200, patience_s=PATIENCE_S)

    def publishes(self, folder: Path, *, cnpj: str = CNPJ) -> None:
        """An upload through this service comes to its end."""
        key = (self.home / "api_key").read_text().strip()
        with httpx2.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
        ) as http:
            files = {str(file.table): (file.name, file.path.read_bytes()) for file in write_shop(folder)}
            form = {"cnpj": cnpj, "company_name": "Padaria"}
            answer = http.post("/upload", data=form, files=files)
            assert answer.status_code == 202, answer.text
            address = answer.headers["location"]
            states: list[str] = []

            def is_over() -> bool:
                time.sleep(GLANCE_S)
                states.append(http.get(address).json()["state"])
                return states[-1] in {"published", "failed"}

            until(is_over, patience_s=PATIENCE_S)
        assert states[-1] == "published"

    def worker(self) -> int:
        """The process that works beside this one; 0 while there is none."""
        children = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        told = " ".join(path.read_text() for path in children).split()
        return next((int(pid) for pid in told if b"--with-parent" in command_of(int(pid))), 0)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(PATIENCE_S)


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def server_of(home: Path) -> int:
    return int((home / "postgres/data/postmaster.pid").read_text().split()[0])


class Started(list[Service]):
    """The services of one folder."""

    def __init__(self, home: Path) -> None:
        super().__init__()
        self.home = home

    def another(self, *options: str, **settings: str) -> Service:
        self.append(Service(self.home, *options, **settings))
        return self[-1]


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Started]:
    """Services that are gone at the end, and what they started with them."""
    started = Started(tmp_path)
    yield started
    for service in started:
        service.process.kill()
        service.process.wait()
    until(lambda: not processes_of(tmp_path), patience_s=PATIENCE_S)


def processes_of(home: Path) -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal() and is_of(entry, home)]


def is_of(process: Path, home: Path) -> bool:
    try:
        named = f"QUANTYFY_HOME={home}".encode() in (process / "environ").read_bytes().split(b"\0")
        return named or (process / "cwd").readlink().is_relative_to(home)
    except OSError:  # it ended while we looked
        return False


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "shut down"])
def test_an_upload_is_published_after_the_database_ended_under_the_service(
    services: Started, tmp_path: Path, how: signal.Signals
) -> None:
    service = services.another()
    service.wait_until_ready()
    first = server_of(tmp_path)
    os.kill(first, how)
    until(lambda: command_of(first) == b"" and service.ready()[0] == 200, patience_s=PATIENCE_S)
    assert server_of(tmp_path) != first
    service.publishes(tmp_path / "files")
    assert service.stop() == 0


def test_an_upload_through_the_second_service_is_published_after_the_first_ended(
    services: Started, tmp_path: Path
) -> None:
    first = services.another()
    first.wait_until_ready()
    second = services.another()
    second.wait_until_ready()
    started = server_of(tmp_path)
    assert first.stop() == 0
    until(lambda: second.ready()[0] == 200, patience_s=PATIENCE_S)
    second.publishes(tmp_path / "files")
    assert server_of(tmp_path) != started, "the first had started it"
    assert second.stop() == 0


def test_a_second_service_ends_and_the_first_goes_on(services: Started, tmp_path: Path) -> None:
    first = services.another()
    first.wait_until_ready()
    second = services.another()
    second.wait_until_ready()
    started = server_of(tmp_path)
    assert second.stop() == 0
    first.publishes(tmp_path / "files")
    assert server_of(tmp_path) == started


def test_a_worker_that_is_killed_is_followed_by_another(services: Started, tmp_path: Path) -> None:
    service = services.another()
    service.wait_until_ready()
    server = server_of(tmp_path)
    for _ in range(2):
        dying = service.worker()
        os.kill(dying, signal.SIGKILL)
        until(lambda gone=dying: service.worker() not in {0, gone}, patience_s=PATIENCE_S)  # type: ignore[misc]
    assert server_of(tmp_path) == server, "a worker takes no database with it"
    service.publishes(tmp_path / "files")
    assert '"event": "worker ended"' in service.log.read_text()


def test_a_service_whose_worker_cannot_live_ends_loudly(services: Started) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]  # the worker's own /metrics finds it taken, each time
        service = services.another(QUANTYFY_WORKER_METRICS_PORT=str(port))
        assert service.process.wait(3 * PATIENCE_S) == 1  # six starts
    told = service.log.read_text()
    assert "O worker deste serviço não fica de pé." in told
    assert told.count("Address already in use") == 6
    assert "código de saída 1" in " ".join(told.split())


def test_ready_names_the_worker_that_is_expected_and_not_there(services: Started, tmp_path: Path) -> None:
    service = services.another("--no-worker", QUANTYFY_WORKERS_EXPECTED="true")
    until(lambda: service.ready()[0] == 503, patience_s=PATIENCE_S)
    assert "O worker não respondeu" in service.ready()[1]
    environment = os.environ | {"QUANTYFY_HOME": str(tmp_path)}
    with subprocess.Popen([*QUANTYFY, "worker"], env=environment) as worker:
        try:
            service.wait_until_ready()
        finally:
            worker.terminate()
    until(lambda: service.ready()[0] == 503, patience_s=PATIENCE_S)


def test_where_functions_work_no_worker_is_asked_for(services: Started) -> None:
    service = services.another("--no-worker")
    service.wait_until_ready()
    assert service.worker() == 0
