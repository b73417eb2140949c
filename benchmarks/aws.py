"""The functions of AWS on this machine: cold start, and a company's delivery through them beside the worker.

Real `awslambdaric` processes against a local Runtime API, with S3 over HTTP (SeaweedFS) and PostgreSQL. Cold start is
from the start of the process to its asking for the first event: interpreter, imports, runtime client. The delivery is
four months of a real restaurant's sales, of which the last is the month that is new to the company.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from app.core import migrations
from app.core.clients import Clients
from app.core.database import AccountId, Database
from app.core.embedded_postgres import running
from app.core.lake import IncomingKeys
from app.core.queue import JobQueue
from app.core.tables import AccountRow
from app.domain.uploads import UploadState
from app.pipeline.incoming import take_in
from app.pipeline.uploads import find_upload
from infrastructure.rules import KEYS
from tests.conftest import sqlalchemy_url
from tests.s3_server import S3Server, s3_running
from tests.test_lambdas.conftest import created
from tests.test_lambdas.runtime import Function, deployed, runtime_api

ROOT = Path(__file__).parents[1]
SHOP = ROOT / "tests" / "data" / "restaurant"
CNPJ = "11222333000181"
GOALS_S = {"upload": 1.5, "process": 1.5, "predict": 3.0}
TRIES = 5


class World(NamedTuple):
    """A database and a bucket, and what a process is told of them."""

    clients: Clients
    settings: dict[str, str]
    prefix: str


@contextmanager
def world(server: S3Server, folder: Path, *, functions_up_to_mb: int) -> Iterator[World]:
    """Empty ones, for as long as the block lasts."""
    prefix = f"bench-{uuid4()}"
    with running(folder) as owner:
        migrations.upgrade(sqlalchemy_url(owner))
        url = owner.replace("//postgres@", f"//{migrations.APPLICATION_ROLE}@")
        settings = {
            "QUANTYFY_DATABASE_URL": url,
            "QUANTYFY_LAKE_URL": f"s3://{server.bucket}/{prefix}",
            "QUANTYFY_S3_ENDPOINT": server.endpoint,
            "QUANTYFY_FUNCTIONS_UP_TO_MB": str(functions_up_to_mb),
            "AWS_ACCESS_KEY_ID": server.credentials.key_id,
            "AWS_SECRET_ACCESS_KEY": server.credentials.secret,
        }
        with Database(sqlalchemy_url(url)) as database:
            up_to = functions_up_to_mb * 1_000_000
            clients = Clients(database=database, store=server.store(prefix), queue=JobQueue(url), functions_up_to=up_to)
            yield World(clients, settings, prefix)


def deliver(clients: Clients) -> IncomingKeys:
    """The restaurant's files in `incoming/`."""
    account = AccountId(uuid4())
    with clients.database.session(account) as session:
        session.add(AccountRow(id=account, name="Restaurante"))
    keys = IncomingKeys(account, uuid4())
    files = sorted(SHOP.glob("*.csv"))
    for file in files:
        clients.store.put(keys.file(file.name), file)
    listed = [{"key": file.name, "name": file.name} for file in files]
    manifest = {"cnpj": CNPJ, "company_name": "Restaurante", "files": listed}
    clients.store.put(keys.manifest, json.dumps(manifest).encode())
    return keys


class ColdStart(NamedTuple):
    """Seconds from nothing to the first question for an event: on the clock, and of a core (what a free one takes)."""

    wall: float
    core: float


def cold_start(role: str) -> ColdStart:
    """The median of some."""
    walls, cores = zip(*(_one_cold_start(role) for _ in range(TRIES)), strict=True)
    return ColdStart(statistics.median(walls), statistics.median(cores))


def _one_cold_start(role: str) -> ColdStart:
    with runtime_api(pause_s=0) as (function, address):
        started = time.perf_counter()
        command = [sys.executable, "-m", "awslambdaric", f"lambdas.{role}_handler.handler.handle"]
        with subprocess.Popen(command, cwd=ROOT, env=os.environ | {"AWS_LAMBDA_RUNTIME_API": address}) as process:
            function.asked.wait(60)
            wall = time.perf_counter() - started
            process.kill()
            usage = os.wait4(process.pid, 0)[2]
            process.returncode = 0  # waited for already
    return ColdStart(wall, usage.ru_utime + usage.ru_stime)


def through_functions(server: S3Server, folder: Path) -> tuple[float, float]:
    """Seconds for the delivery with every process new, and again with them warm."""
    with world(server, folder / "postgres", functions_up_to_mb=100) as around, ExitStack() as stack:
        functions = {
            role: stack.enter_context(deployed(f"{role}_handler", around.settings, folder=folder)) for role in KEYS
        }
        return _carried(around, functions), _carried(around, functions)


def _carried(around: World, functions: dict[str, Function]) -> float:
    keys = deliver(around.clients)
    started = time.perf_counter()
    seen: set[str] = set()
    key: str | None = keys.manifest
    while key is not None:
        seen.add(key)
        [role] = [role for role, pattern in KEYS.items() if fnmatchcase(key, pattern)]
        functions[role].invoke(created(f"{around.prefix}/{key}")).result()
        key = next((new for new in _receipts(around) if new not in seen), None)
    seconds = time.perf_counter() - started
    assert find_upload(around.clients, AccountId(keys.account), keys.upload).state is UploadState.PUBLISHED
    around.clients.store.delete([stored.key for stored in around.clients.store.list()])
    return seconds


def _receipts(around: World) -> list[str]:
    patterns = (KEYS["process"], KEYS["predict"])
    stored = [found.key for found in around.clients.store.list()]
    return [key for pattern in patterns for key in stored if fnmatchcase(key, pattern)]


def through_worker(server: S3Server, folder: Path) -> float:
    """Seconds for the delivery with a worker that starts for it and ends after it."""
    with world(server, folder / "postgres", functions_up_to_mb=0) as around:
        keys = deliver(around.clients)
        started = time.perf_counter()
        take_in(around.clients, keys.manifest, now=datetime.now(UTC))
        command = [sys.executable, "-m", "app.cli.main", "worker", "--until-idle"]
        subprocess.run(command, cwd=ROOT, env=os.environ | around.settings, check=True, capture_output=True)
        seconds = time.perf_counter() - started
        assert find_upload(around.clients, AccountId(keys.account), keys.upload).state is UploadState.PUBLISHED
    return seconds


def main() -> None:
    """Print the table and the lines."""
    lines = []
    for role, goal in GOALS_S.items():
        start = cold_start(role)
        print(f"cold start, {role:8} {start.wall:6.2f} s, {start.core:5.2f} s of a core   goal {goal:.1f} s")
        lines.append(_line(f"aws_cold_start_{role}_s", ours=start.wall, against=goal, goal="<= against"))
        lines.append(_line(f"aws_cold_start_{role}_core_s", ours=start.core, against=goal, goal="<= against"))
    with tempfile.TemporaryDirectory() as folder, s3_running(_made(folder, "s3")) as server:
        cold, warm = through_functions(server, _made(folder, "functions"))
        worker = through_worker(server, _made(folder, "worker"))
    print(f"delivery through new functions {cold:6.2f} s, warm {warm:6.2f} s, through a new worker {worker:6.2f} s")
    lines.append(_line("aws_delivery_s", ours=cold, against=worker, goal="beside the worker"))
    for line in lines:
        print(json.dumps(line))


def _line(figure: str, *, ours: float, against: float, goal: str) -> dict[str, object]:
    return {
        "bench": "aws",
        "figure": figure,
        "ours": round(ours, 3),
        "against": round(against, 3),
        "ratio": round(ours / against, 3),
        "goal": goal,
        "holds": ours <= against or goal == "beside the worker",
    }


def _made(folder: str, name: str) -> Path:
    path = Path(folder) / name
    path.mkdir()
    return path


if __name__ == "__main__":
    main()
