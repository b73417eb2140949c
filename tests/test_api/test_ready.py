"""Ready means that database, queue and lake answer: each is taken away and given back."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from structlog.testing import capture_logs

from app.api.main import create_app
from app.core import migrations
from app.core.config import Settings
from app.core.embedded_postgres import running
from tests.conftest import sqlalchemy_url
from tests.s3_server import S3Server, start
from tests.shop import CNPJ, write_shop
from tests.test_api.shop_door import Shop
from tests.waiting import until


class Parts(NamedTuple):
    """A service's own database, and who owns it."""

    http: TestClient
    owner_url: str
    database: ExitStack
    home: Path


@contextmanager
def serving(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def parts(tmp_path: Path, settings: Settings) -> Iterator[Parts]:
    home = tmp_path / "postgres"
    with ExitStack() as database:
        owner = database.enter_context(running(home))
        migrations.upgrade(sqlalchemy_url(owner))
        url = owner.replace("//postgres@", f"//{migrations.APPLICATION_ROLE}@")
        with serving(settings.model_copy(update={"database_url": SecretStr(url)})) as http:
            yield Parts(http, owner, database, home)


def ready(http: TestClient) -> tuple[int, str]:
    """The status, and what is said to be missing."""
    answer = http.get("/health/ready", headers={"Accept-Language": "en"})
    said = answer.json()
    return answer.status_code, said["status"] if answer.is_success else said["detail"].partition(" did not answer")[0]


def test_without_its_database_it_is_alive_and_not_ready(parts: Parts) -> None:
    assert ready(parts.http) == (200, "ready")
    parts.database.close()
    assert ready(parts.http) == (503, "The database")
    assert parts.http.get("/health/live").status_code == 200
    assert parts.http.get("/metrics").status_code == 200
    with running(parts.home):
        until(lambda: ready(parts.http) == (200, "ready"))


def test_a_database_of_an_older_version_is_not_ready_and_says_so(parts: Parts) -> None:
    say_version(parts, "0001")
    answer = parts.http.get("/health/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "database-behind")
    told = f"Versão do banco: 0001; deste programa: {migrations.newest()}. Rode quantyfy migrate."
    assert answer.json()["detail"] == told
    assert parts.http.get("/health/live").status_code == 200


def test_a_database_that_the_next_release_has_migrated_is_ready_and_read(parts: Parts) -> None:
    say_version(parts, f"{int(migrations.newest()) + 1:04}")
    assert ready(parts.http) == (200, "ready")
    assert parts.http.get("/companies", headers={"Authorization": "Bearer qk_none"}).status_code == 401


def test_a_database_of_somebody_else_is_not_ready(parts: Parts) -> None:
    say_version(parts, "1975ea83b712")
    answer = parts.http.get("/health/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "foreign-database")


def say_version(parts: Parts, version: str) -> None:
    with psycopg.connect(parts.owner_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", (version,))


def test_without_the_queue_it_is_not_ready(parts: Parts) -> None:
    with psycopg.connect(parts.owner_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE procrastinate_jobs RENAME TO gone")
        assert ready(parts.http) == (503, "The queue")
        connection.execute("ALTER TABLE gone RENAME TO procrastinate_jobs")
    assert ready(parts.http) == (200, "ready")


BEATS = "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - %s::interval)"


def test_without_the_worker_that_is_expected_it_is_not_ready(parts: Parts, settings: Settings) -> None:
    url = parts.owner_url.replace("//postgres@", f"//{migrations.APPLICATION_ROLE}@")
    expecting = {"database_url": SecretStr(url), "workers_expected": True}
    with (
        psycopg.connect(parts.owner_url, autocommit=True) as connection,
        serving(settings.model_copy(update=expecting)) as http,
    ):
        assert ready(http) == (503, "The worker")
        connection.execute(BEATS, ["31 seconds"])  # it was killed
        assert ready(http) == (503, "The worker")
        assert ready(parts.http) == (200, "ready"), "nobody expects one there"
        connection.execute(BEATS, ["4 seconds"])
        assert ready(http) == (200, "ready")
        connection.execute(BEATS, ["2 seconds"])
        told = http.get("/metrics").text
    assert 'quantyfy_queue_workers{state="alive"} 2.0' in told
    assert 'quantyfy_queue_workers{state="lost"} 1.0' in told


def test_without_its_folder_it_is_not_ready(http: TestClient, settings: Settings) -> None:
    lake = Path(settings.lake.removeprefix("file://"))
    lake.rename(lake.with_name("gone"))
    assert ready(http) == (503, "The storage")
    lake.with_name("gone").rename(lake)
    assert ready(http) == (200, "ready")


def test_a_lake_that_is_away_is_told_to_the_log_and_not_to_the_customer(shop: Shop, tmp_path: Path) -> None:
    lake = Path(shop.settings.lake.removeprefix("file://"))
    lake.rename(lake.with_name("gone"))
    lake.write_bytes(b"")  # no folder can be made in its place
    files = {file.path.stem: (file.name, file.path.read_bytes()) for file in write_shop(tmp_path / "files")}
    form = {"cnpj": CNPJ, "company_name": "Padaria"}
    with capture_logs() as lines:
        answer = shop.http.post("/upload", headers=shop.headers, data=form, files=files)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.json()["detail"] == "O armazenamento não respondeu. Tente de novo em instantes."
    for ours in (str(lake), str(tmp_path), "s3:", "file:"):
        assert ours not in answer.text + str(answer.headers)
    [line] = [line for line in lines if line["event"] == "unavailable"]
    assert shop.settings.lake in line["where"]
    lake.unlink()
    lake.with_name("gone").rename(lake)


@pytest.fixture
def frail(tmp_path: Path) -> Iterator[tuple[S3Server, int]]:
    """An S3 server that a test may stop: it, and its process."""
    folder = tmp_path / "s3"
    folder.mkdir()
    server, process, _ = start(folder)
    try:
        yield server, process.pid
    finally:
        process.kill()
        process.wait()


def test_without_s3_it_is_not_ready(
    settings: Settings, frail: tuple[S3Server, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, pid = frail
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.credentials.key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.credentials.secret)
    lake = {"lake_url": f"s3://{server.bucket}/loja", "s3_endpoint": server.endpoint}
    with serving(settings.model_copy(update=lake)) as http:
        assert ready(http) == (200, "ready")
        os.kill(pid, signal.SIGSTOP)  # it takes connections, and says nothing
        began = time.monotonic()
        assert ready(http) == (503, "The storage")
        assert time.monotonic() - began < 15
        os.kill(pid, signal.SIGCONT)
        until(lambda: ready(http) == (200, "ready"))
        os.kill(pid, signal.SIGKILL)
        assert ready(http) == (503, "The storage")
