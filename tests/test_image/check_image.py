"""The image as it runs: read-only, as nobody in particular, by three commands. `make image` builds it first."""

import json
import os
import platform
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx2
import pytest

from app.core import migrations
from app.core.clients import Clients
from app.core.database import AccountId, Database
from app.core.embedded_postgres import running
from app.core.lake import IncomingKeys
from app.core.queue import JobQueue
from app.core.s3 import Store
from app.core.tables import AccountRow
from app.pipeline.companies import open_account
from tests.conftest import sqlalchemy_url
from tests.s3_server import S3Server
from tests.shop import CNPJ, write_shop
from tests.test_lambdas.conftest import created
from tests.test_lambdas.runtime import runtime_api

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
IMAGE = f"localhost/quantyfy:{os.environ.get('ARCH') or ARCHITECTURES[platform.machine()]}"
PODMAN = (str(Path(__file__).parents[2] / ".cache" / "podman"),)
LARGEST_BYTES = 600_000_000
PATIENCE_S = 240
SERVED_AT = "http://127.0.0.1:8000"


class Machine(NamedTuple):
    """A database and a lake that containers reach on the loopback."""

    settings: dict[str, str]
    database_url: str
    lake: Store


@pytest.fixture(scope="module")
def machine(s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    prefix = f"image-{uuid4()}"
    with running(tmp_path_factory.mktemp("postgres")) as owner, relay_to(socket_of(owner)) as port:
        migrations.upgrade(sqlalchemy_url(owner))
        database = owner.replace("//postgres@", f"//{migrations.APPLICATION_ROLE}@")
        name = urlsplit(owner).path
        settings = {
            "QUANTYFY_DATABASE_URL": f"postgresql://{migrations.APPLICATION_ROLE}@127.0.0.1:{port}{name}",
            "QUANTYFY_LAKE_URL": f"s3://{s3_server.bucket}/{prefix}",
            "QUANTYFY_S3_ENDPOINT": s3_server.endpoint,
            "AWS_ACCESS_KEY_ID": s3_server.credentials.key_id,
            "AWS_SECRET_ACCESS_KEY": s3_server.credentials.secret,
        }
        yield Machine(settings, database, s3_server.store(prefix))


def socket_of(url: str) -> str:
    """The embedded database listens on a socket of the file system alone."""
    return str(Path(parse_qs(urlsplit(url).query)["host"][0]) / ".s.PGSQL.5432")


@contextmanager
def relay_to(path: str) -> Iterator[int]:
    """A port of the loopback that leads to a socket in the file system."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_relay, args=(server, path), daemon=True).start()
        yield server.getsockname()[1]


def _relay(server: socket.socket, path: str) -> None:
    with suppress(OSError):
        while True:
            outside, _ = server.accept()
            threading.Thread(target=_join, args=(outside, path), daemon=True).start()


def _join(outside: socket.socket, path: str) -> None:
    with outside, socket.socket(socket.AF_UNIX) as inside:
        inside.connect(path)
        back = threading.Thread(target=_pump, args=(inside, outside), daemon=True)
        back.start()
        _pump(outside, inside)
        back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def podman_run(*command: str, settings: dict[str, str], options: tuple[str, ...] = ()) -> list[str]:
    told = [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
    return [
        *(*PODMAN, "run", "--rm", "--network", "host", "--read-only", "--tmpfs", "/tmp:rw,exec,mode=1777"),  # noqa: S108
        *("--cap-drop", "ALL", "--ulimit", "nofile=20000:20000", "--ulimit", "nproc=4096:4096"),
        *("--health-interval=disable", *options, *told, IMAGE, *command),
    ]


@contextmanager
def container(name: str, *command: str, settings: dict[str, str], log: Path) -> Iterator[str]:
    """A container for as long as the block lasts."""
    unique = f"quantyfy-{name}-{os.getpid()}"
    with log.open("wb") as out:
        started = podman_run(*command, settings=settings, options=("--name", unique))
        process = subprocess.Popen(started, stdout=out, stderr=out)
        try:
            yield unique
        finally:
            subprocess.run([*PODMAN, "kill", unique], check=False, capture_output=True)
            process.wait(60)


def in_container(name: str, question: str) -> str:
    """What Python says inside; there is no shell to ask."""
    command = [*PODMAN, "exec", name, "python", "-c", question]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def is_healthy(name: str) -> bool:
    """By the HEALTHCHECK that the image carries."""
    return succeeds([*PODMAN, "healthcheck", "run", name])


def succeeds(command: list[str]) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def until(holds: Callable[[], bool], *, otherwise: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, otherwise
        time.sleep(0.25)


def is_ready(client: httpx2.Client) -> bool:
    try:
        return client.get("/health/ready").is_success
    except httpx2.TransportError:
        return False


@pytest.fixture(scope="module")
def worker(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A container that serves nothing."""
    log = tmp_path_factory.mktemp("worker") / "worker.log"
    with container("worker", "quantyfy", "worker", settings=machine.settings, log=log) as name:
        is_up = [*PODMAN, "exec", name, "python", "-c", ""]
        until(lambda: succeeds(is_up), otherwise="the worker does not start")
        yield name


def test_it_answers_a_health_check_an_upload_and_a_forecast(machine: Machine, worker: str, tmp_path: Path) -> None:
    """By its default command, on its default port, which must be free on this machine."""
    with Database(sqlalchemy_url(machine.database_url)) as database:
        clients = Clients(database=database, store=machine.lake, queue=JobQueue(machine.database_url))
        _, key = open_account(clients, name="Conta de teste", key_name="primeira chave")
    assert not is_healthy(worker), "nobody serves yet"
    with (
        container("api", settings=machine.settings, log=tmp_path / "api.log") as api,
        httpx2.Client(base_url=SERVED_AT, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client,
    ):
        until(lambda: is_ready(client), otherwise="the container does not answer")
        assert is_healthy(api)
        upload_and_forecast(client, tmp_path / "shop")


def upload_and_forecast(client: httpx2.Client, folder: Path) -> None:
    files = {file.path.stem: (file.name, file.path.read_bytes()) for file in write_shop(folder)}
    sent = client.post("/upload", data={"cnpj": CNPJ, "company_name": "Padaria"}, files=files)
    assert sent.status_code == 202, sent.text
    ended = {"published", "failed"}

    def state() -> str:
        return str(client.get(sent.headers["Location"]).json()["state"])

    until(lambda: state() in ended, otherwise="the upload does not end")
    assert state() == "published"
    assert client.get(f"/predictions/{CNPJ}").is_success


def test_it_weighs_less_than_600_mb() -> None:
    asked = [*PODMAN, "image", "inspect", "--format", "{{.Size}}", IMAGE]
    size = int(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)
    assert size < LARGEST_BYTES


def test_it_runs_as_nobody_in_particular_and_writes_nothing_but_in_tmp(worker: str) -> None:
    assert in_container(worker, "import os; print(os.getuid(), os.getgid())") == "10001 10001"
    assert in_container(worker, "print(*[line for line in open('/proc/self/status') if 'CapEff' in line])").endswith(
        "0" * 16
    )
    assert in_container(worker, "import os; print(bool(os.statvfs('/').f_flag & os.ST_RDONLY))") == "True"
    assert in_container(worker, "print(open('/tmp/note', 'w').write('seen'))") == "4"


def test_it_holds_neither_a_shell_nor_a_package_manager_nor_a_compiler(worker: str) -> None:
    absent = ["sh", "bash", "apt-get", "dpkg", "pip", "uv", "cc", "gcc", "ld", "perl"]
    assert in_container(worker, f"import shutil; print(*filter(shutil.which, {absent}))") == ""
    assert in_container(worker, "import shutil; print(shutil.which('python'))") == "/srv/venv/bin/python"


def test_it_is_a_function_of_aws_by_its_command(machine: Machine, tmp_path: Path) -> None:
    account = AccountId(uuid4())
    with Database(sqlalchemy_url(machine.database_url)) as database, database.session(account) as session:
        session.add(AccountRow(id=account, name="Outra conta"))
    delivery = IncomingKeys(account, UUID(int=9))
    files = write_shop(tmp_path / "shop")
    for number, file in enumerate(files):
        machine.lake.put(delivery.file(f"{number}.csv"), file.path)
    listed = [{"key": f"{number}.csv", "name": file.name} for number, file in enumerate(files)]
    manifest = {"cnpj": CNPJ, "company_name": "Padaria", "files": listed}
    machine.lake.put(delivery.manifest, json.dumps(manifest).encode())
    prefix = machine.settings["QUANTYFY_LAKE_URL"].rsplit("/", 1)[1]
    command = ("python", "-m", "awslambdaric", "lambdas.upload_handler.handler.handle")
    with runtime_api(pause_s=0.1) as (function, address):
        told = machine.settings | {"AWS_LAMBDA_RUNTIME_API": address, "QUANTYFY_FUNCTIONS_UP_TO_MB": "100"}
        with container("function", *command, settings=told, log=tmp_path / "function.log"):
            invocation = function.invoke(created(f"{prefix}/{delivery.manifest}"))
            assert invocation.result() == {"upload": str(delivery.upload)}
