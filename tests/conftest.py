"""Real parts for every test: an embedded PostgreSQL a worker, a lake in a folder, an account of the test's own."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import make_url

from app.core import migrations
from app.core.clients import Clients
from app.core.database import AccountId, Database
from app.core.embedded_postgres import running
from app.core.queue import JobQueue
from app.core.s3 import Store, store_at
from app.core.tables import AccountRow
from tests.s3_server import S3Server, s3_running


@pytest.fixture(scope="session")
def owner_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database at the newest version, as its owner reaches it."""
    with running(tmp_path_factory.mktemp("postgres")) as url:
        migrations.upgrade(sqlalchemy_url(url))
        yield url


@pytest.fixture(scope="session")
def application_url(owner_url: str) -> str:
    """The same database as the application's role, which row-level security binds."""
    return owner_url.replace("//postgres@", f"//{migrations.APPLICATION_ROLE}@")


@pytest.fixture(scope="session")
def database(application_url: str) -> Iterator[Database]:
    with Database(sqlalchemy_url(application_url)) as opened:
        yield opened


@pytest.fixture
def account(database: Database) -> AccountId:
    """An account that no other test sees."""
    fresh = AccountId(uuid4())
    with database.session(fresh) as session:
        session.add(AccountRow(id=fresh, name="Conta de teste"))
    return fresh


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server with signatures on, started for the first test that asks."""
    with s3_running(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def lake(tmp_path: Path) -> Store:
    """An empty lake in a folder."""
    return store_at((tmp_path / "lake").as_uri())


@pytest.fixture
def queue(owner_url: str, application_url: str) -> JobQueue:
    """A queue without the jobs that other tests left."""
    with psycopg.connect(owner_url) as connection:
        connection.execute("DELETE FROM procrastinate_jobs")
    return JobQueue(application_url)


@pytest.fixture
def clients(database: Database, queue: JobQueue, lake: Store) -> Clients:
    """The outside world of one test, with a lake and a queue of its own."""
    return Clients(database=database, store=lake, queue=queue)


def sqlalchemy_url(libpq_url: str) -> str:
    return make_url(libpq_url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line of what Schemathesis tried, from whichever process tried it."""
    told = [
        (report.outcome, dict(report.user_properties)["schemathesis"])
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call" and "schemathesis" in dict(report.user_properties)
    ]
    broken = [r for r in terminalreporter.getreports("failed") if "test_schemathesis" in r.nodeid]
    if told or broken:
        said = [facts for _, facts in told]
        operations = {facts["operation"] for facts in said if "operation" in facts}
        counts = {name: sum(facts.get(name, 0) for facts in said) for name in ("cases", "links followed", "links")}
        terminalreporter.write_line(
            f"schemathesis: {len(operations)} operations, {counts['cases']} cases, {counts['links']} links of the "
            f"document followed {counts['links followed']} times, {len(broken)} findings"
        )
